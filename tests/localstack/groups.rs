//! Rules of security groups on AWS: `adopt` marks those it finds, strangers' are listed, and a group that a stranger's
//! rule names is not deleted.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{Filter, IpPermission, IpRange, SecurityGroupRule, UserIdGroupPair};
use serde_json::json;

use super::fields::live::Live;
use super::stack::Stack;
use crate::support::account::{Account, proxy};
use crate::support::wait_for;

/// Every rule of a group.
fn rules(account: &Account, group: &str) -> Vec<SecurityGroupRule> {
    let filter = Filter::builder().name("group-id").values(group).build();
    let found = wait_for(account.ec2.describe_security_group_rules().filters(filter).send()).unwrap();
    found.security_group_rules().to_vec()
}

/// The ports that a group lets in, of the rules that bear a stack's tag.
fn marked(account: &Account, group: &str) -> BTreeSet<i32> {
    let is_marked = |rule: &SecurityGroupRule| rule.tags().iter().any(|tag| tag.key() == Some("no502:id"));
    rules(account, group).iter().filter(|rule| is_marked(rule)).filter_map(SecurityGroupRule::from_port).collect()
}

fn open(account: &Account, group: &str, permission: IpPermission) {
    let call = account.ec2.authorize_security_group_ingress().group_id(group);
    wait_for(call.ip_permissions(permission).send()).unwrap();
}

fn tcp(port: i32) -> aws_sdk_ec2::types::builders::IpPermissionBuilder {
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port)
}

fn ssh() -> IpPermission {
    tcp(22).ip_ranges(IpRange::builder().cidr_ip("10.9.0.0/16").build()).build()
}

/// The stack with a security group and its rules that bear no tag, as if somebody else had made them.
fn found() -> (Stack, String) {
    let stack = Stack::applied();
    let group = Live::of(&stack).alb_group;
    let ids = rules(&stack.account, &group).into_iter().filter_map(|rule| rule.security_group_rule_id);
    let untag =
        stack.account.ec2.delete_tags().resources(&group).set_resources(Some(ids.chain([group.clone()]).collect()));
    let untag = ["no502:id", "no502:applied"]
        .into_iter()
        .fold(untag, |call, key| call.tags(aws_sdk_ec2::types::Tag::builder().key(key).build()));
    wait_for(untag.send()).unwrap();
    assert!(marked(&stack.account, &group).is_empty());
    (stack, group)
}

#[test]
fn adopt_marks_the_declared_rules_and_what_leaves_the_files_is_revoked() {
    let (stack, group) = found();
    let account = &stack.account;
    open(account, &group, ssh());
    let proxy = proxy();
    account.behind(&proxy).args(["adopt", "--yes"]).run().exits(0);
    assert_eq!(proxy.writes(), ["CreateTags"; 2], "the group, and its rules in one call");
    assert_eq!(marked(account, &group), [80, 443, 8080].into(), "not what no file mentions");
    proxy.calm();
    account.behind(&proxy).args(["adopt", "--yes"]).run().exits(0);
    assert_eq!(proxy.writes(), Vec::<String>::new());
    stack.edit("ports: [80, 443, 8080]", "ports: [80, 443]");
    // nobody reaches the listener on 8080 then
    let plan = stack.plan().exits(3).json();
    assert_eq!(plan["summary"]["update"], 1, "{:#}", plan["changes"]);
    stack.apply();
    stack.plan().exits(0);
    let left: BTreeSet<i32> = rules(account, &group).iter().filter_map(SecurityGroupRule::from_port).collect();
    assert_eq!(left, [-1, 22, 80, 443].into(), "a stranger's and AWS's own are there still");
}

#[test]
fn marks_on_rules_that_are_not_allowed_are_a_note() {
    let (stack, group) = found();
    let proxy = proxy();
    proxy.on("DescribeSecurityGroupRules").deny();
    let plan = stack.account.behind(&proxy).args(["plan", "--format", "json"]).run().exits(0).json();
    assert_eq!((&plan["complete"], &plan["unmanaged"]), (&json!(true), &json!([])), "whose they are is not known");
    assert!(plan["gaps"].to_string().contains("DescribeSecurityGroupRules"), "{}", plan["gaps"]);
    stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(0);
    assert!(marked(&stack.account, &group).is_empty());
    proxy.calm();
    proxy.on("CreateTags").deny();
    stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(0).says("could not be marked as managed");
}

#[test]
fn a_stranger_s_rule_in_a_managed_group_is_listed() {
    let stack = Stack::applied();
    let group = Live::of(&stack).alb_group;
    let proxy = proxy();
    let calls = || {
        proxy.calm();
        let plan =
            stack.account.behind(&proxy).args(["plan", "--format", "json", "--detailed-exitcode"]).run().exits(0);
        (plan.json(), proxy.count("DescribeSecurityGroupRules"))
    };
    assert_eq!(calls().1, 1, "the stack's own, in one query");
    open(&stack.account, &group, ssh());
    let (plan, count) = calls();
    assert_eq!(count, 2, "and once more to tell whose the others are");
    let one = &plan["unmanaged"][0];
    assert_eq!((&one["address"], &one["what"]), (&json!("security_group/alb"), &json!("ingress tcp 22 10.9.0.0/16")));
    assert!(one["id"].as_str().unwrap().starts_with("sgr-") && plan["summary"]["unmanaged"] == 1);
    let brief = stack.account.run(&["plan"]).exits(0);
    let words = "Unmanaged, never touched: security_group/alb (ingress tcp 22 10.9.0.0/16)";
    assert!(brief.stdout.contains(words), "{}", brief.stdout);
    stack.account.run(&["check"]).exits(0);
    stack.account.run(&["check", "--fail-on", "any"]).exits(2);
    assert_eq!(marked(&stack.account, &group), [80, 443, 8080].into());
}

#[test]
fn a_group_that_a_stranger_s_rule_names_stays_and_the_stranger_is_named() {
    let stack = Stack::applied();
    let (account, group) = (&stack.account, Live::of(&stack).alb_group);
    let batch = account.ec2.create_security_group().vpc_id(&stack.vpc).group_name("batch").description("batch");
    let batch = wait_for(batch.send()).unwrap().group_id.unwrap();
    let pair = UserIdGroupPair::builder().group_id(&group).build();
    open(account, &batch, tcp(8000).user_id_group_pairs(pair).build());
    let head: Vec<String> =
        stack.file().lines().take_while(|line| !line.starts_with("tags")).map(str::to_owned).collect();
    account.write("desired/shop.yaml", head.join("\n") + "\n");
    let plan = stack.plan().json();
    let held = plan["held"].as_array().unwrap().iter().find(|held| held["address"] == "security_group/alb");
    assert_eq!(held.unwrap()["because"], format!("security_group/{batch} (batch) still names it"));
    let proxy = proxy();
    let consent = ["apply", "--yes", "--dangerous-allow", "delete-load-balancer"];
    account.behind(&proxy).args(consent).run().exits(2);
    assert_eq!(proxy.count("DeleteSecurityGroup"), 0, "AWS would refuse it for twenty seconds");
    assert!(proxy.count("DeleteLoadBalancer") == 1);
    wait_for(account.ec2.delete_security_group().group_id(&batch).send()).unwrap();
    account.run(&["apply", "--yes"]).exits(0);
    stack.plan().exits(0);
}

#[test]
fn an_exclusive_direction_is_cleared_of_what_no_file_can_say_as_well() {
    let stack = Stack::applied();
    let (account, group) = (&stack.account, Live::of(&stack).alb_group);
    let anywhere = || IpRange::builder().cidr_ip("10.0.0.0/8").build();
    open(
        account,
        &group,
        IpPermission::builder().ip_protocol("icmp").from_port(8).to_port(-1).ip_ranges(anywhere()).build(),
    );
    open(
        account,
        &group,
        IpPermission::builder().ip_protocol("50").from_port(-1).to_port(-1).ip_ranges(anywhere()).build(),
    );
    let unmanaged = stack.plan().exits(0).json()["unmanaged"].to_string();
    for what in ["ingress icmp type 8 10.0.0.0/8", "ingress protocol 50 10.0.0.0/8"] {
        assert!(unmanaged.contains(what), "{unmanaged}");
    }
    stack.edit("    description: shop front door\n", "    description: shop front door\n    exclusive: [ingress]\n");
    assert_eq!(stack.plan().json()["summary"]["update"], 1);
    stack.apply();
    stack.plan().exits(0);
    let left: BTreeSet<i32> = rules(account, &group).iter().filter_map(SecurityGroupRule::from_port).collect();
    assert_eq!(left, [-1, 80, 443, 8080].into(), "what is declared, and what AWS lets out");
}
