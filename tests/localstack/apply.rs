//! `apply` under way: it stops at the first failure, goes on from there, survives lost answers and its own death, and
//! works on several things at once, but not on too many.

use std::time::Duration;

use super::stack::Stack;
use crate::support::account::proxy;
use crate::support::proxy::{Fault, Hold, Proxy};
use crate::support::wait_for;

const APPLY: [&str; 2] = ["apply", "--yes"];

#[test]
fn a_failed_write_stops_the_run_and_the_next_one_goes_on() {
    let stack = Stack::prepared();
    let proxy = proxy();
    proxy.on("CreateListener").answer(400, "TooManyListeners", "The maximum number of listeners has been reached");
    let apply = stack.account.behind(&proxy).args(APPLY).run().exits(5);
    assert!(apply.all().contains("TooManyListeners"), "{}", apply.all());
    let counts = proxy.counts();
    assert!(counts["CreateLoadBalancer"] == 1 && !counts.contains_key("CreateRule"), "{counts:?}");
    proxy.calm();
    let plan = stack.account.behind(&proxy).args(["plan", "--detailed-exitcode"]).run();
    assert!(matches!(plan.code, 2 | 3), "{}", plan.all());
    proxy.calm();
    stack.account.behind(&proxy).args(APPLY).run().exits(0);
    assert!(proxy.count("CreateLoadBalancer") == 0 && proxy.count("CreateListener") == 3, "{:?}", proxy.counts());
    stack.plan().exits(0);
}

/// How many of each thing there are; a create that was sent twice shows.
fn census(stack: &Stack) -> [usize; 6] {
    let live = super::fields::live::Live::of(stack);
    let account = &stack.account;
    let balancers = wait_for(account.elb.describe_load_balancers().send()).unwrap();
    let vpc = aws_sdk_ec2::types::Filter::builder().name("vpc-id").values(&stack.vpc).build();
    let groups = wait_for(account.ec2.describe_security_groups().filters(vpc).send()).unwrap();
    let certificates =
        wait_for(account.acm.list_certificates().includes(super::fields::live::every_key()).send()).unwrap();
    [
        balancers.load_balancers().len(),
        live.listeners.len(),
        live.rules.len(),
        live.groups.len(),
        groups.security_groups().len(),
        // without the one that `Live` imports
        certificates.certificate_summary_list().len() - 1,
    ]
}

/// One load balancer, three listeners, four rules and the default one, three target groups, four security groups (the
/// VPC's own, two that were there, one that is made), one certificate.
const EXPECTED: [usize; 6] = [1, 3, 5, 3, 4, 1];

fn every_write(break_it: impl Fn(&Proxy, &str) + Sync) {
    let writes = [
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "ImportCertificate",
        "CreateTargetGroup",
        "ModifyTargetGroupAttributes",
        "RegisterTargets",
        "CreateLoadBalancer",
        "ModifyLoadBalancerAttributes",
        "CreateListener",
        "ModifyListenerAttributes",
        "CreateRule",
        "AddTags",
    ];
    let failures = std::thread::scope(|scope| {
        let one = |write: &'static str| {
            let stack = Stack::prepared();
            let proxy = proxy();
            break_it(&proxy, write);
            let first = stack.account.behind(&proxy).args(APPLY).run();
            let tried = proxy.count(write);
            proxy.calm();
            let second = stack.account.behind(&proxy).args(APPLY).run();
            let plan = stack.plan();
            let counted = if plan.code == 0 { census(&stack) } else { [0; 6] };
            let fine = matches!(first.code, 0 | 5) && second.code == 0 && plan.code == 0 && counted == EXPECTED;
            let said = format!("{}\n{}\n{}", first.all(), second.all(), plan.stderr);
            let codes = [first.code, second.code, plan.code];
            (tried == 0 || !fine).then(|| format!("{write}: tried {tried} times, {codes:?}, {counted:?}\n{said}"))
        };
        let halves: Vec<_> = writes
            .chunks(3)
            .map(|some| scope.spawn(move || some.iter().filter_map(|w| one(w)).collect::<Vec<_>>()))
            .collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n\n"));
}

#[test]
fn a_write_whose_answer_is_lost_is_made_good() {
    every_write(|proxy, write| proxy.on(write).only(1).meets(Fault::LoseAnswer));
}

#[test]
fn a_write_that_fails_is_made_good() {
    every_write(|proxy, write| proxy.on(write).only(1).answer(400, "ValidationError", "no"));
}

#[test]
fn a_killed_run_is_made_good() {
    let stack = Stack::prepared();
    let proxy = proxy();
    let hold = Hold::new();
    proxy.on("CreateListener").only(1).meets(Fault::Hold(hold.clone()));
    let running = stack.account.behind(&proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it never came to the listener");
    assert_eq!(running.kill().code, 128 + 9);
    // the call was on its way: it takes its effect after the program is dead
    hold.release();
    stack.apply();
    assert_eq!(census(&stack), EXPECTED);
    stack.plan().exits(0);
}

#[test]
fn an_interrupted_run_ends_the_call_in_flight_and_no_other() {
    let stack = Stack::prepared();
    let proxy = proxy();
    let hold = Hold::new();
    proxy.on("CreateLoadBalancer").only(1).meets(Fault::Hold(hold.clone()));
    let mut running = stack.account.behind(&proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it never came to the load balancer");
    let sent = std::process::Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert!(sent.success() && !running.is_over(), "it left its call alone");
    hold.release();
    running.end().exits(130);
    let counts = proxy.counts();
    assert!(counts["CreateLoadBalancer"] == 1 && !counts.contains_key("CreateListener"), "{counts:?}");
    stack.apply();
    assert_eq!(census(&stack), EXPECTED);
}

fn interrupt(running: &crate::support::program::Running) {
    let sent = std::process::Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn an_interrupt_ends_the_attempts_to_delete_what_is_in_use() {
    let stack = Stack::applied();
    let head: Vec<String> =
        stack.file().lines().take_while(|line| !line.starts_with("tags")).map(str::to_owned).collect();
    stack.account.write("desired/shop.yaml", head.join("\n") + "\n");
    let proxy = proxy();
    proxy.on("DeleteTargetGroup").answer(
        400,
        "ResourceInUse",
        "Target group is currently in use by a listener or a rule",
    );
    let consent = ["apply", "--yes", "--dangerous-allow", "delete-load-balancer"];
    let running = stack.account.behind(&proxy).args(consent).start();
    let tried = || (proxy.count("DeleteTargetGroup") > 0).then_some(());
    crate::support::eventually("a first attempt", Duration::from_secs(120), tried);
    let began = std::time::Instant::now();
    interrupt(&running);
    let run = running.end().exits(130).says("stopped at DeleteTargetGroup target_group/").says("ResourceInUse");
    assert!(began.elapsed() < Duration::from_secs(10), "it went on for {:?}: {}", began.elapsed(), run.all());
    proxy.calm();
    stack.account.behind(&proxy).args(consent).run().exits(0);
}

#[test]
fn an_interrupt_ends_the_wait_at_a_gate() {
    let stack = Stack::prepared();
    stack.edit(
        "  app: { import: { certificate: ../app.crt, private_key: { file: ../app.key } } }",
        "  app: { domain: shop.example.com }",
    );
    let proxy = proxy();
    let running = stack.account.behind(&proxy).args(APPLY).start();
    let asked = || (proxy.count("DescribeCertificate") > 0).then_some(());
    crate::support::eventually("a look at the gate", Duration::from_secs(120), asked);
    let began = std::time::Instant::now();
    interrupt(&running);
    running.end().exits(130).says("stopped at RequestCertificate certificate/app");
    assert!(began.elapsed() < Duration::from_secs(10), "it went on for {:?}", began.elapsed());
    assert_eq!(proxy.count("RequestCertificate"), 1);
}

#[test]
fn several_calls_are_under_way_at_once_but_not_many() {
    let stack = Stack::prepared();
    let proxy = proxy();
    proxy.on("*").meets(Fault::Delay(Duration::from_millis(30)));
    stack.account.behind(&proxy).args(APPLY).run().exits(0);
    let most = proxy.most_at_once();
    assert!((3..=16).contains(&most), "{most} at once");
}

#[test]
fn the_json_of_an_apply_tells_what_was_done() {
    let stack = Stack::prepared();
    let apply = stack.account.run(&["apply", "--yes", "--format", "json"]).exits(0).json();
    assert_eq!((&apply["command"], &apply["stack"]), (&"apply".into(), &"shop".into()));
    assert_eq!(apply["account"], stack.account.id.as_str());
    assert!(apply["run"].is_string() && apply["outcome"].is_string(), "{apply}");
    let balancer = &apply["resources"]["load_balancer/web"];
    assert!(balancer["arn"].as_str().unwrap_or_default().contains(&stack.account.id), "{apply}");
    assert!(balancer["dns_name"].as_str().unwrap_or_default().contains("web"), "{balancer}");
}
