//! Runs that meet each other, or that somebody stops half-way: what drains is waited for, what another run made stays,
//! and a lock is given back.

use std::time::Duration;

use serde_json::json;

use super::fields::live::Live;
use super::stack::Stack;
use crate::support::account::{Account, REGION, proxy};
use crate::support::program::{Run, Running};
use crate::support::proxy::{Fault, Hold};
use crate::support::{eventually, wait_for};

const APPLY: [&str; 6] = ["apply", "--yes", "--settle", "0s", "--gate-timeout", "20s"];
const FILE: &str = "shop.plan.json";

fn interrupt(running: &Running) {
    let sent = std::process::Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// How many targets of the groups whose name begins so are being deregistered.
fn draining(stack: &Stack, group: &str) -> usize {
    let health = wait_for(stack.account.elb.describe_target_health().target_group_arn(group).send()).unwrap();
    let drains = |one: &&aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription| {
        one.target_health().and_then(|h| h.state()).is_some_and(|state| state.as_str() == "draining")
    };
    health.target_health_descriptions().iter().filter(drains).count()
}

/// A stack in which nobody sticks to a group, and a target takes ten seconds to leave, at LocalStack's speed.
fn slow_to_leave() -> Stack {
    let stack = Stack::prepared();
    let file = stack.file().replace(", stickiness: 10m }", " }").replace(", stickiness: 5m }", " }");
    stack.account.write("desired/shop.yaml", file.replace("deregistration_delay: 30s", "deregistration_delay: 600s"));
    stack.apply();
    stack
}

fn replaces_django(stack: &Stack) {
    let from = format!("    port: 8000\n    target_type: ip\n    vpc: {}\n    ip_address_type", stack.vpc);
    stack.edit(&from, &from.replace("8000", "8001"));
}

#[test]
fn a_group_is_detached_once_its_targets_have_drained_also_by_the_run_after_one_that_was_stopped() {
    let stack = slow_to_leave();
    let old = Live::of(&stack).groups["django"].clone();
    replaces_django(&stack);
    let proxy = proxy();
    let hold = Hold::new();
    proxy.on("DeleteRule").meets(Fault::Hold(hold.clone()));
    let running = stack.account.behind(&proxy).args(APPLY).start();
    eventually("its targets drain", Duration::from_secs(120), || (draining(&stack, &old) == 2).then_some(()));
    interrupt(&running);
    running.end().exits(130);
    assert_eq!((proxy.count("DeregisterTargets"), proxy.count("DeleteRule")), (1, 0), "it waits for them");
    let running = stack.account.behind(&proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it detaches nothing");
    assert_eq!(draining(&stack, &old), 0, "requests may be under way");
    hold.release();
    running.end().exits(0);
    stack.plan().exits(0);
}

/// Two runs that make the same stack from nothing: what the first one made is not undone by the second.
#[test]
fn of_two_first_deployments_the_slower_one_leaves_what_the_other_made() {
    let stack = Stack::prepared();
    let proxy = proxy();
    let hold = Hold::new();
    // its view is of nothing, and it has no load balancer yet
    proxy.on("ImportCertificate").meets(Fault::Hold(hold.clone()));
    proxy.on("CreateLoadBalancer").meets(Fault::Delay(Duration::from_secs(1)));
    proxy.on("DescribeLoadBalancers").from(2).meets(Fault::Hold(hold.clone()));
    let slow = stack.account.behind(&proxy).args(["apply", "--yes", "--rollback-on-failure"]).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it imports nothing");
    let fast = stack.account.run(&["apply", "--yes"]).exits(0);
    let balancers = || wait_for(stack.account.elb.describe_load_balancers().send()).unwrap().load_balancers().to_vec();
    let made = balancers()[0].load_balancer_arn().unwrap().to_owned();
    hold.release();
    let slow = slow.end();
    let both = format!("{}\n{}", fast.all(), slow.all());
    assert!(matches!(slow.code, 5 | 6), "{both}");
    assert_eq!(balancers().iter().filter_map(|one| one.load_balancer_arn()).collect::<Vec<_>>(), [made], "{both}");
    stack.apply();
    stack.plan().exits(0);
}

#[test]
fn a_lock_that_is_being_taken_is_given_back_at_an_interrupt() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    let proxy = proxy();
    let hold = Hold::new();
    proxy.on("AddTags").holding("no502%3Alock").meets(Fault::Hold(hold.clone()));
    let running = stack.account.behind(&proxy).args(["apply", "--yes", "--format", "json"]).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it takes no lock");
    interrupt(&running);
    wait_for(async { tokio::time::sleep(Duration::from_millis(500)).await });
    hold.release();
    let end = running.end().exits(130);
    assert_eq!(end.json()["outcome"], "interrupted", "{}", end.all());
    assert_eq!(proxy.count("ModifyLoadBalancerAttributes"), 0);
    let tags = wait_for(stack.account.elb.describe_tags().resource_arns(&live.load_balancer).send()).unwrap();
    assert!(tags.tag_descriptions()[0].tags().iter().all(|tag| tag.key() != Some("no502:lock")));
    assert!(stack.account.run(&["runs"]).exits(0).stdout.matches("apply ·").count() == 1, "nothing was begun");
}

#[test]
fn without_the_lock_nothing_is_done_unless_tagging_is_not_allowed() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    let proxy = proxy();
    proxy.on("AddTags").holding("no502%3Alock").answer(500, "InternalFailure", "sorry");
    let run = stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(1);
    assert!(run.stderr.contains("the lock of the stack could not be taken"), "{}", run.all());
    assert_eq!(proxy.count("ModifyLoadBalancerAttributes"), 0);
    // and who may not tag is told as well if AWS has moved since the plan
    proxy.calm();
    proxy.on("AddTags").deny();
    let hold = Hold::new();
    proxy.on("AddTags").meets(Fault::Hold(hold.clone()));
    stack.account.run(&["plan", "--out", FILE]).exits(0);
    live.load_balancer_attributes(&[("idle_timeout.timeout_seconds", "77")]);
    hold.release();
    stack.account.behind(&proxy).args(["apply", FILE]).run().exits(6);
    assert_eq!(proxy.count("ModifyLoadBalancerAttributes"), 0);
}

#[test]
fn a_rollback_works_under_the_lock_that_every_run_of_the_stack_would_take() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    stack.edit("healthy_threshold: 2,", "healthy_threshold: 3,");
    stack.account.run(&APPLY).exits(0);
    live.tag(&live.load_balancer, "no502:lock", "ann@far 20990101T000000Z-00000001 until 2099-01-01T00:00:00Z");
    stack.account.run(&["rollback", "--yes"]).exits(6).says("is locked by");
    live.untag(&live.load_balancer, "no502:lock");
    stack.account.run(&["rollback", "--yes", "--settle", "0s", "--gate-timeout", "20s"]).exits(0);
}

#[test]
fn a_run_whose_end_cannot_be_verified_says_what_it_did() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    let expire = |run: &dyn Fn(&crate::support::proxy::Proxy) -> Run| {
        live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
        let proxy = proxy();
        run(&proxy)
    };
    // how many calls there are before the last look
    let whole = expire(&|proxy| {
        let run = stack.account.behind(proxy).args(APPLY).run().exits(0);
        assert!(proxy.count("RemoveTags") > 0, "the lock is given back, and then all is read again");
        run
    });
    assert!(whole.stdout.contains("Done"), "{}", whole.all());
    let run = expire(&|proxy| {
        let hold = Hold::new();
        proxy.on("RemoveTags").meets(Fault::Hold(hold.clone()));
        let running = stack.account.behind(proxy).args(APPLY).args(["--format", "json"]).start();
        assert!(hold.arrived(Duration::from_secs(120)), "it gives no lock back");
        proxy.on("DescribeLoadBalancers").answer(403, "ExpiredToken", "the token has expired");
        hold.release();
        running.end()
    });
    assert_eq!((run.code, &run.json()["outcome"]), (5, &"stopped".into()), "{}", run.all());
    assert!(run.stderr.contains("Not verified: 1 of 1 step"), "{}", run.all());
    stack.plan().exits(0);
}

#[test]
fn a_saved_plan_that_fails_is_undone_if_that_is_asked_for_and_takes_no_ignores() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    live.rule("40", |r| r.actions(super::stale::closed("404")));
    stack.account.run(&["plan", "--out", FILE]).exits(0);
    stack.account.write("ignore.yaml", "");
    stack.account.run(&["apply", FILE, "--ignore", "ignore.yaml"]).exits(1).says("--ignore says what is planned");
    let proxy = proxy();
    proxy.on("ModifyRule").first(1).answer(400, "InvalidLoadBalancerAction", "no");
    let run = stack.account.behind(&proxy).args(["apply", FILE, "--rollback-on-failure"]).run().exits(5);
    assert!(run.stderr.contains("undoing what was done"), "{}", run.all());
    assert!(run.stdout.contains(&format!("no502 plan --out {FILE}")), "{}", run.all());
    let attributes = stack.account.elb.describe_load_balancer_attributes().load_balancer_arn(&live.load_balancer);
    let attributes = wait_for(attributes.send()).unwrap();
    let keep_alive = attributes.attributes().iter().find(|a| a.key() == Some("client_keep_alive.seconds")).unwrap();
    assert_eq!(keep_alive.value(), Some("7200"), "{}", run.all());
}

#[test]
fn an_undo_that_fails_leaves_the_exit_code_of_the_run() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    live.rule("40", |r| r.actions(super::stale::closed("404")));
    let proxy = proxy();
    proxy.on("ModifyRule").answer(400, "InvalidLoadBalancerAction", "no");
    // the third time is before the undo
    let hold = Hold::new();
    proxy.on("RemoveTags").first(1).meets(Fault::Hold(hold.clone()));
    let running = stack.account.behind(&proxy).args(["apply", "--yes", "--rollback-on-failure"]).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it gives no lock back");
    proxy.on("DescribeLoadBalancers").answer(403, "ExpiredToken", "the token has expired");
    hold.release();
    let run = running.end().exits(5);
    assert!(run.stderr.contains("the run is not undone"), "{}", run.all());
}

/// A listener that waits for a certificate is held by the second run as well, and the record is named again.
#[test]
fn a_certificate_that_waits_for_its_record_holds_its_listener_in_every_run() {
    let account = Account::new();
    super::stack::named_network(&account);
    let file = format!(
        "version: 1\nstack: shop\naccount: \"{}\"\nregion: {REGION}\ncertificates:\n  one: {{ domain: one.example.com }}\n  \
         two: {{ domain: two.example.com }}\nload_balancers:\n  web:\n    vpc: main\n    subnets: [{{ tags: {{ tier: \
         public }} }}]\n    listeners:\n      80: {{ protocol: http, default: {{ fixed_response: {{ status: 200 }} }} }}\n      \
         443:\n        protocol: https\n        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06\n        certificate: one\n        \
         sni_certificates: [two]\n        default: {{ fixed_response: {{ status: 200 }} }}\n",
        account.id
    );
    account.write("desired/shop.yaml", file);
    let short = ["apply", "--yes", "--gate-timeout", "2s"];
    let first = account.run(&short);
    assert!(matches!(first.code, 2 | 3), "{}", first.all());
    for name in ["one.example.com", "two.example.com"] {
        assert!(first.stdout.contains(&format!(".{name}")), "{name}\n{}", first.all());
    }
    let proxy = proxy();
    let again = account.behind(&proxy).args(short).run();
    assert!(matches!(again.code, 2 | 3), "{}", again.all());
    let asked = proxy.calls().iter().any(|call| call.operation == "CreateListener" && call.body.contains("Port=443"));
    assert!(!asked, "AWS would refuse it: {}", again.all());
    assert!(again.stdout.contains("ACM waits for DNS: create"), "{}", again.all());
    let json = account.run(&["plan", "--format", "json"]).exits(0).json();
    let held: Vec<_> = json["held"].as_array().unwrap().iter().map(|held| held["address"].clone()).collect();
    assert_eq!(held, [json!("listener/web:443")]);
}
