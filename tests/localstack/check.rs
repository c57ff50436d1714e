//! `check`: read-only, and it tells drift (AWS moved) from pending (the file moved).

use std::collections::BTreeMap;

use super::fields::live::Live;
use super::stack::Stack;
use crate::support::account::proxy;

/// The cause of each difference.
fn causes(stack: &Stack, code: i32, args: &[&str]) -> BTreeMap<String, String> {
    let check = stack.account.program().args(["check", "--format", "json"]).args(args).run().exits(code).json();
    let changes = check["changes"].as_array().unwrap().iter().filter(|c| c["action"] != "none");
    changes.map(|c| (c["address"].as_str().unwrap().to_owned(), c["cause"].as_str().unwrap().to_owned())).collect()
}

/// The stack, with a target that somebody registered in the group whose members no file names.
fn served() -> Stack {
    let stack = Stack::applied();
    Live::of(&stack).register("picky", "10.0.1.40", 8000);
    stack
}

fn one(address: &str, cause: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(address.to_owned(), cause.to_owned())])
}

#[test]
fn nothing_differs_and_nothing_is_written() {
    let stack = served();
    let proxy = proxy();
    stack.account.behind(&proxy).args(["check"]).run().exits(0);
    assert!(proxy.counts().len() > 10);
    assert_eq!(proxy.writes(), Vec::<String>::new());
}

#[test]
fn drift_pending_and_both_are_told_apart() {
    let stack = served();
    let live = Live::of(&stack);
    let (lb, group) = ("load_balancer/web", "target_group/django");
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    assert_eq!(causes(&stack, 2, &[]), one(lb, "drift"));
    assert_eq!(causes(&stack, 0, &["--fail-on", "never"]), one(lb, "drift"));
    assert_eq!(causes(&stack, 0, &["--fail-on", "5xx"]), one(lb, "drift"));
    stack.apply();

    stack.edit("deregistration_delay: 30s", "deregistration_delay: 45s");
    assert_eq!(causes(&stack, 0, &[]), one(group, "pending"));
    assert_eq!(causes(&stack, 2, &["--fail-on", "any"]), one(group, "pending"));
    live.group_attributes("django", &[("slow_start.duration_seconds", "90")]);
    assert_eq!(causes(&stack, 2, &[]), one(group, "both"));
    stack.apply();
    assert_eq!(causes(&stack, 0, &["--fail-on", "drift"]), BTreeMap::new());
}

/// The closing line and the exit code are made of the same values.
#[test]
fn what_nobody_declared_fails_only_a_check_for_anything() {
    let stack = served();
    let live = Live::of(&stack);
    live.group_attributes("picky", &[("deregistration_delay.timeout_seconds", "120")]);
    assert_eq!(stack.account.run(&["check"]).exits(0).stdout.lines().count(), 1);
    let any = stack.account.run(&["check", "--fail-on", "any"]).exits(2);
    let last = any.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("Check fails (--fail-on any, exit code 2): ") && last.contains("undeclared"),
        "{}",
        any.all()
    );
    assert!(!any.stdout.contains("ok:"), "{}", any.all());
}

#[test]
fn a_target_that_names_nothing_is_an_error() {
    let stack = Stack::applied();
    for command in ["plan", "check", "apply"] {
        let args = [command, "--target", "target_group/djnago"];
        let run = stack.account.run(&args).exits(1);
        assert!(
            run.stderr.contains("target_group/djnago") && run.stderr.contains("target_group/django"),
            "{}",
            run.all()
        );
    }
    // what a run deletes has no address any more, and that is no mistake
    stack.edit("          closed:\n            priority: 40\n            when: { path: [\"/closed/*\"] }\n            fixed_response: { status: 503, content_type: text/plain, body: \"closed\" }\n", "");
    let args = ["apply", "--yes", "--target", "rule/web:443/closed"];
    stack.account.run(&args).exits(0);
    stack.account.run(&args).exits(1);
}

#[test]
fn a_risk_is_worse_than_a_drift() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.check("django", |m| m.health_check_path("/nowhere"));
    assert_eq!(causes(&stack, 3, &[]), one("target_group/django", "drift"));
    assert_eq!(causes(&stack, 3, &["--fail-on", "5xx"]), one("target_group/django", "drift"));
    assert_eq!(causes(&stack, 0, &["--fail-on", "never"]), one("target_group/django", "drift"));
}

#[test]
fn what_the_files_do_not_mention_is_shown_and_left_alone() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.tag(&live.load_balancer, "stranger", "1");
    live.check("canary", |m| m.health_check_interval_seconds(60));
    let plan = stack.plan().exits(0).json();
    let undeclared = plan["undeclared"].as_array().unwrap();
    let found =
        undeclared.iter().find(|u| u["path"] == "health_check.interval" && u["address"] == "target_group/canary");
    let found = found.unwrap_or_else(|| panic!("{undeclared:?}"));
    assert_eq!((&found["live"], &found["default"]), (&60.into(), &30.into()));
    stack.apply();
    assert_eq!(stack.plan().exits(0).json()["undeclared"], plan["undeclared"]);
}
