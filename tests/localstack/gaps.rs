//! Each single read denied, or answered with nonsense: the view is then incomplete, and says so; what is behind the
//! gap is never taken for absent or for clean.

use std::collections::BTreeSet;

use super::stack::Stack;
use crate::support::account::proxy;
use crate::support::proxy::{Fault, Proxy};

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

fn plan(stack: &Stack, proxy: &Proxy) -> crate::support::program::Run {
    stack.account.behind(proxy).args(["plan", "--format", "json", "--detailed-exitcode"]).run()
}

/// Every read that a plan makes.
fn reads(stack: &Stack) -> BTreeSet<String> {
    let proxy = proxy();
    plan(stack, &proxy).exits(0);
    let reads: BTreeSet<String> = proxy.counts().into_keys().filter(|name| name != "GetCallerIdentity").collect();
    assert!(reads.len() >= 14, "{reads:?}");
    reads
}

/// What is wrong with a plan that could not make one of its reads.
fn faults(stack: &Stack, proxy: &Proxy, read: &str, denied: bool) -> Vec<String> {
    let run = plan(stack, proxy);
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

fn each_read(denied: bool, break_it: impl Fn(&Proxy, &str)) {
    let stack = Stack::applied();
    let proxy = proxy();
    let mut found = Vec::new();
    for read in reads(&stack) {
        proxy.calm();
        break_it(&proxy, &read);
        found.extend(faults(&stack, &proxy, &read, denied));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn each_read_denied() {
    each_read(true, |proxy, read| proxy.on(read).deny());
}

#[test]
fn each_read_answered_with_nonsense() {
    each_read(false, |proxy, read| proxy.on(read).meets(Fault::Malformed));
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
