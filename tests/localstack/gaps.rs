//! Each single read denied, throttled, without an answer, or answered with nonsense: the view is then incomplete, and
//! says so; what is behind the gap is never taken for absent or for clean. What only rules want is `not_checked`.

use std::collections::BTreeSet;

use super::stack::Stack;
use crate::support::account::proxy;
use crate::support::program::Run;
use crate::support::proxy::{Fault, Hold, Proxy};

/// Reads that only rules want: without them the diff is whole.
const FOR_RULES: [&str; 5] = [
    "DescribeListenerCertificates",
    "DescribeNetworkAcls",
    "DescribeNetworkInterfaces",
    "DescribeRouteTables",
    "DescribeVpcs",
];

/// Reads that find what this stack made beyond what the files name. Without the permission for them, the tags of what
/// was read are all there is to go by: that is a note. A read that fails otherwise is a gap.
const FOR_ORPHANS: [&str; 2] = ["GetResources", "DescribeSecurityGroupRules"];

/// The command that is looked at, as JSON.
const CHECK: [&str; 3] = ["check", "--format", "json"];
const PLAN: [&str; 4] = ["plan", "--format", "json", "--detailed-exitcode"];

/// Every read that a command makes, taken from the calls that it makes.
fn reads(stack: &Stack, command: &[&str]) -> BTreeSet<String> {
    let proxy = proxy();
    stack.account.behind(&proxy).args(command).run().exits(0);
    let reads: BTreeSet<String> = proxy.counts().into_keys().filter(|name| name != "GetCallerIdentity").collect();
    assert!(reads.len() >= 14, "{reads:?}");
    reads
}

/// What is wrong with a run that could not make one of its reads.
fn faults(run: &Run, read: &str, denied: bool) -> Vec<String> {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&run.stdout) else {
        return vec![format!("{read}: exit {} without JSON\n{}", run.code, run.all())];
    };
    let mut faults = Vec::new();
    let for_rules = FOR_RULES.contains(&read);
    let noted = denied && FOR_ORPHANS.contains(&read);
    let (code, complete) = if for_rules || noted { (0, true) } else { (4, false) };
    if (run.code, json["complete"].as_bool()) != (code, Some(complete)) {
        faults.push(format!("{read}: exit {}, complete {}", run.code, json["complete"]));
    }
    if !json["gaps"].to_string().contains(read) {
        faults.push(format!("{read}: the gaps do not name it: {}", json["gaps"]));
    }
    if for_rules && json["not_checked"].as_array().is_none_or(Vec::is_empty) {
        faults.push(format!("{read}: no rule is listed as not checked"));
    }
    for change in json["changes"].as_array().into_iter().flatten().filter(|c| c["action"] != "none") {
        faults.push(format!("{read}: {} of {} although nothing differs", change["action"], change["address"]));
    }
    if json["steps"].as_array().is_some_and(|steps| !steps.is_empty()) {
        faults.push(format!("{read}: steps in a stack that is in sync"));
    }
    faults
}

/// Breaks each read in turn. The runs change nothing, so they go side by side.
fn each_read(command: &[&str], denied: bool, break_it: impl Fn(&Proxy, &str) + Sync) {
    let stack = Stack::applied();
    let found: Vec<String> = std::thread::scope(|scope| {
        let one = |read: String| {
            let (stack, break_it) = (&stack, &break_it);
            scope.spawn(move || {
                let proxy = proxy();
                break_it(&proxy, &read);
                let run = stack.account.behind(&proxy).args(command).run();
                assert!(proxy.count(&read) > 0, "{read} was not called");
                faults(&run, &read, denied)
            })
        };
        let running: Vec<_> = reads(&stack, command).into_iter().map(one).collect();
        running.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn each_read_of_a_plan_denied() {
    each_read(&PLAN, true, |proxy, read| proxy.on(read).deny());
}

#[test]
fn each_read_of_a_check_denied() {
    each_read(&CHECK, true, |proxy, read| proxy.on(read).deny());
}

#[test]
fn each_read_of_a_check_throttled_for_good() {
    each_read(&CHECK, false, |proxy, read| proxy.on(read).throttle());
}

#[test]
fn each_read_of_a_check_without_an_answer() {
    // no attempt is answered: each waits for its whole time
    each_read(&CHECK, false, |proxy, read| proxy.on(read).meets(Fault::Hold(Hold::new())));
}

#[test]
fn each_read_of_a_check_answered_with_nonsense() {
    each_read(&CHECK, false, |proxy, read| proxy.on(read).meets(Fault::Malformed));
}

#[test]
fn a_denied_read_says_which_permission_is_missing() {
    let stack = Stack::applied();
    let proxy = proxy();
    for (read, permission) in [
        ("DescribeRules", "elasticloadbalancing:DescribeRules"),
        ("DescribeSecurityGroups", "ec2:DescribeSecurityGroups"),
        ("DescribeCertificate", "acm:DescribeCertificate"),
    ] {
        proxy.calm();
        proxy.on(read).deny();
        let run = stack.account.behind(&proxy).args(["plan"]).run().exits(4);
        assert!(run.all().contains(permission), "{permission}\n{}", run.all());
    }
}

#[test]
fn nothing_behind_a_gap_is_written() {
    let stack = Stack::applied();
    let proxy = proxy();
    for read in
        ["DescribeLoadBalancers", "DescribeTargetGroups", "DescribeListeners", "DescribeRules", "DescribeTargetHealth"]
    {
        proxy.calm();
        proxy.on(read).deny();
        let apply = stack.account.behind(&proxy).args(["apply", "--yes"]).run();
        assert!(matches!(apply.code, 4 | 6), "{read}: {}\n{}", apply.code, apply.all());
        assert_eq!(proxy.writes(), Vec::<String>::new(), "{read}");
    }
}

#[test]
fn a_check_that_cannot_see_is_not_clean() {
    let stack = Stack::applied();
    let proxy = proxy();
    proxy.on("DescribeTags").deny();
    for args in [&["check"][..], &["check", "--fail-on", "never"], &["check", "--fail-on", "any"]] {
        stack.account.behind(&proxy).args(args).run().exits(4);
    }
}

#[test]
fn an_identity_that_cannot_be_read_ends_the_run() {
    let stack = Stack::prepared();
    let proxy = proxy();
    proxy.on("GetCallerIdentity").meets(Fault::Malformed);
    stack.account.behind(&proxy).args(["plan"]).run().exits(1).says("GetCallerIdentity");
}
