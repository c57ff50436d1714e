//! Saved plans: shown as they were, applied as they are, refused if AWS moved or the file did.

use std::os::unix::fs::PermissionsExt as _;

use super::fields::live::Live;
use super::stack::Stack;
use crate::support::account::{Account, proxy};
use crate::support::program::Run;
use crate::support::wait_for;

const FILE: &str = "shop.plan.json";
const OUT: [&str; 3] = ["plan", "--out", FILE];

/// The words without places in files, which a saved plan does not know; without them lines break elsewhere.
fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<_> = text.split_whitespace().filter(|word| !word.starts_with("desired/shop.yaml")).collect();
    words.sort_unstable();
    words
}

fn read(stack: &Stack) -> String {
    std::fs::read_to_string(stack.account.path().join(FILE)).unwrap()
}

#[test]
fn a_saved_plan_is_shown_and_applied_without_asking_once() {
    let stack = Stack::prepared();
    let plan = stack.account.run(&OUT).exits(0);
    let mode = std::fs::metadata(stack.account.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(read(&stack).starts_with("{\n  \"no502_plan\": 1,"));
    let shown = stack.account.run(&["show", FILE]).exits(0);
    assert_eq!(words(&shown.stdout), words(&plan.stdout));
    let json = stack.account.run(&["show", FILE, "--format", "json"]).exits(0).json();
    let now = stack.account.run(&["plan", "--format", "json"]).exits(0).json();
    assert_eq!((&json["steps"], &json["summary"]), (&now["steps"], &now["summary"]));
    // neither desired files nor an answer are needed
    std::fs::rename(stack.account.path().join("desired"), stack.account.path().join("elsewhere")).unwrap();
    let apply = stack.account.run(&["apply", FILE]).exits(0);
    assert!(apply.stdout.contains("Done"), "{}", apply.all());
    let again = stack.account.run(&["apply", FILE, "--format", "json"]).exits(6);
    assert!(again.stderr.contains("load_balancer/web is there already"), "{}", again.all());
    assert_eq!(again.json()["outcome"], "refused");
    std::fs::rename(stack.account.path().join("elsewhere"), stack.account.path().join("desired")).unwrap();
    stack.plan().exits(0);
    // a plan that changes nothing is saved and applied as well
    stack.account.run(&OUT).exits(0);
    stack.account.run(&["apply", FILE]).exits(0);
}

type Change = fn(&Live);

/// For each kind: what differs when the plan is made, what moves before it is applied, and what is said of that.
const MOVES: [(Change, Change, [&str; 3]); 8] = [
    (
        |live| live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]),
        |live| live.load_balancer_attributes(&[("idle_timeout.timeout_seconds", "77")]),
        ["load_balancer/web", "idle_timeout", "\"77\""],
    ),
    (
        |live| live.listener(443, |l| l.ssl_policy("ELBSecurityPolicy-2016-08")),
        |live| live.listener_attribute(443, "routing.http.response.x_frame_options.header_value", "SAMEORIGIN"),
        ["listener/web:443", "x_frame_options", "SAMEORIGIN"],
    ),
    (
        |live| live.rule("10", |r| r.actions(live.forward([50, 50], Some(600)))),
        |live| live.rule("10", |r| r.actions(live.forward([10, 90], Some(600)))),
        ["rule/web:443/api", "forward", "90"],
    ),
    (
        |live| live.check("django", |m| m.health_check_path("/old")),
        |live| live.check("django", |m| m.healthy_threshold_count(7)),
        ["target_group/django", "health_check.healthy_threshold", "7"],
    ),
    (
        |live| live.register("django", "10.0.1.77", 8000),
        |live| live.deregister("django", "10.0.1.77", 8000),
        ["target/django/10.0.1.77:8000", "is gone", ""],
    ),
    (|live| live.close(8000), |live| live.open_ssh(), ["security_group/app", "ingress", "22"]),
    // imported anew by somebody else, and once more
    (|live| live.import_again(), |live| live.import_again(), ["certificate/app", "import.certificate", ""]),
    (
        |live| live.listener(443, |l| l.ssl_policy("ELBSecurityPolicy-2016-08")),
        |live| live.attach_other(),
        ["listener/web:443", "sni_certificates", ""],
    ),
];

#[test]
fn what_moved_since_it_was_saved_is_refused_and_named() {
    let said = std::thread::scope(|scope| {
        let threads: Vec<_> = MOVES
            .iter()
            .map(|(differ, shift, words)| {
                scope.spawn(move || {
                    let stack = Stack::applied();
                    let live = Live::of(&stack);
                    differ(&live);
                    stack.account.run(&OUT).exits(0);
                    shift(&live);
                    let proxy = proxy();
                    let apply = stack.account.behind(&proxy).args(["apply", FILE]).run().exits(6);
                    assert_eq!(proxy.writes(), Vec::<String>::new());
                    let all = words.iter().all(|word| apply.stderr.contains(word));
                    (!all).then(|| format!("{words:?}\n{}", apply.all()))
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(said.is_empty(), "{}", said.join("\n\n"));
}

#[test]
fn what_has_nothing_to_do_with_the_plan_may_move() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.check("django", |m| m.health_check_path("/old"));
    stack.account.run(&OUT).exits(0);
    live.check("canary", |m| m.health_check_path("/other"));
    live.tag(&live.groups["django"], "somebody", "else");
    live.listener_attribute(443, "routing.http.response.x_frame_options.header_value", "SAMEORIGIN");
    let proxy = proxy();
    stack.account.behind(&proxy).args(["apply", FILE]).run().exits(0);
    assert_eq!(proxy.count("ModifyTargetGroup"), 1, "{:?}", proxy.counts());
    let left = stack.plan().json();
    let left: Vec<&str> = left["changes"].as_array().unwrap().iter().filter_map(|c| c["address"].as_str()).collect();
    assert_eq!(left, ["target_group/canary", "listener/web:443"]);
}

#[test]
fn what_vanished_or_cannot_be_read_is_refused() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.rule("40", |r| r.conditions(super::fields::live::path("/elsewhere")));
    stack.account.run(&OUT).exits(0);
    let proxy = proxy();
    proxy.on("DescribeRules").deny();
    let apply = || stack.account.behind(&proxy).args(["apply", FILE]).run().exits(6);
    let unread = apply();
    assert!(unread.stderr.contains("DescribeRules"), "{}", unread.all());
    proxy.calm();
    wait_for(stack.account.elb.delete_rule().rule_arn(&live.rules["40"]).send()).unwrap();
    let gone = apply();
    assert!(gone.stderr.contains("rule/web:443/closed is gone"), "{}", gone.all());
    assert_eq!(proxy.writes(), Vec::<String>::new());
}

#[test]
fn a_file_that_is_no_plan_any_more_is_refused() {
    let stack = Stack::prepared();
    stack.account.run(&OUT).exits(0);
    let whole = read(&stack);
    let tool = format!("\"tool_version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let cases: [(String, &str); 5] = [
        (whole[..whole.len() / 2].to_owned(), "not whole"),
        (whole.replace("10.0.1.10", "10.0.1.99"), "changed after it was made"),
        (whole.replacen("\"no502_plan\": 1", "\"no502_plan\": 2", 1), "form 2"),
        (whole.replacen(&tool, "\"tool_version\": \"9.9.9\"", 1), "9.9.9"),
        ("{ \"no502_plan\": \u{0} }".to_owned(), "not whole"),
    ];
    let tried = |args: &[&str]| -> Run { stack.account.run(args) };
    for (text, why) in cases {
        assert_ne!(text, whole, "{why}");
        stack.account.write(FILE, text);
        tried(&["apply", FILE]).exits(1).says(why);
        tried(&["show", FILE]).exits(1).says(why);
    }
    stack.account.write(FILE, &whole);
    tried(&["apply", FILE, "--target", "rule/*"]).exits(1).says("--target");
    tried(&["show", "desired/shop.yaml"]).exits(1).says("no502_plan");
    let other = Account::new();
    let apply = other.program().args(["--chdir", stack.account.path().to_str().unwrap(), "apply", FILE]).run();
    assert!(apply.exits(6).stderr.contains(&stack.account.id));
    let apply = stack.account.program().args(["--region", "us-east-1", "apply", FILE]).run().exits(6);
    assert!(apply.stderr.contains("us-east-1"), "{}", apply.all());
}

#[test]
fn a_refused_plan_is_saved_with_its_reason_and_not_applied() {
    let stack = Stack::applied();
    stack
        .account
        .write("desired/shop.yaml", stack.file().replace("slow_start: 60s", "slow_start: 60s\n    unknown: 1"));
    stack.account.run(&OUT).exits(1);
    let body = stack.file();
    let (head, _) = body.split_once("load_balancers:").unwrap();
    stack.account.write("desired/shop.yaml", head);
    stack.account.run(&OUT).exits(0);
    let apply = stack.account.run(&["apply", FILE]).exits(6);
    assert!(apply.stderr.contains("load_balancer/web") && apply.stderr.contains("plan --dangerous-allow"));
    stack.account.run(&["plan", "--out", FILE, "--dangerous-allow", "delete-load-balancer"]).exits(0);
    stack.account.run(&["apply", FILE]).exits(0);
    stack.plan().exits(0);
}
