//! The way from the load balancer to its targets: what closes it is found, and opened where a file has a say in it.

use aws_sdk_ec2::types::{Filter, PortRange, RuleAction};
use serde_json::Value;

use super::stack::Stack;
use crate::support::wait_for;

/// The findings of a check, by rule.
fn findings(stack: &Stack, code: i32) -> Vec<Value> {
    let check = stack.account.run(&["check", "--format", "json"]).exits(code).json();
    check["findings"].as_array().unwrap().clone()
}

fn rules(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

/// What is true of the stack whatever happens: two weighted forwards lead to a group that sticks by the application's
/// cookie.
const STICKY: [&str; 2] = ["E907"; 2];
const SHUT: [&str; 3] = ["E501", "E907", "E907"];

/// Somebody takes the rule for port 8000 from the application's group.
fn close(stack: &Stack) {
    let ec2 = &stack.account.ec2;
    let group = Filter::builder().name("group-id").values(&stack.app_group).build();
    let rules = wait_for(ec2.describe_security_group_rules().filters(group).send()).unwrap();
    let rule = rules.security_group_rules().iter().find(|rule| rule.from_port() == Some(8000)).unwrap();
    let call = ec2.revoke_security_group_ingress().group_id(&stack.app_group);
    wait_for(call.set_security_group_rule_ids(rule.security_group_rule_id().map(|id| vec![id.to_owned()])).send())
        .unwrap();
}

#[test]
fn a_door_that_somebody_closed_is_found_and_opened() {
    let stack = Stack::applied();
    assert_eq!(rules(&findings(&stack, 0)), STICKY);
    close(&stack);
    let found = findings(&stack, 3);
    assert_eq!(rules(&found), SHUT, "{found:#?}");
    assert_eq!(found[0]["address"], "security_group/app");
    let evidence = found[0]["evidence"].to_string();
    assert!(evidence.contains("tcp 8001-8002 alb") && !evidence.contains("tcp 8000 alb"), "{evidence}");
    stack.apply();
    assert_eq!(rules(&findings(&stack, 0)), STICKY);
}

#[test]
fn a_door_that_no_file_opens_is_opened_by_a_proposal_that_stays() {
    let stack = Stack::applied();
    // the line goes, and the rule stays: targets need it
    stack.edit(r#"ports: [8000, "8001-8002"]"#, r#"ports: ["8001-8002"]"#);
    stack.plan().exits(0);
    close(&stack);
    assert_eq!(rules(&findings(&stack, 3)), SHUT);
    let plan = stack.plan().exits(3).json();
    let change = plan["changes"].as_array().unwrap().iter().find(|c| c["address"] == "security_group/app").unwrap();
    assert!(change["because"].to_string().contains("proposed by E501"), "{change:#?}");
    assert_eq!(change["fields"][0]["risk"], "5xx");
    stack.apply();
    stack.plan().exits(0);
    assert_eq!(rules(&findings(&stack, 0)), STICKY);
}

#[test]
fn a_network_acl_is_named_with_the_entry_that_refuses() {
    let stack = Stack::applied();
    let ec2 = &stack.account.ec2;
    let of_vpc = Filter::builder().name("vpc-id").values(&stack.vpc).build();
    let acls = wait_for(ec2.describe_network_acls().filters(of_vpc).send()).unwrap();
    let acl = acls.network_acls()[0].network_acl_id().unwrap().to_owned();
    let ports = PortRange::builder().from(1024).to(65535).build();
    let entry = ec2.create_network_acl_entry().network_acl_id(&acl).rule_number(50).protocol("6").egress(true);
    let entry = entry.rule_action(RuleAction::Deny).cidr_block("10.0.0.0/16").port_range(ports);
    wait_for(entry.send()).unwrap();
    let found = findings(&stack, 3);
    assert_eq!(rules(&found), ["E507", "E907", "E907"], "{found:#?}");
    assert!(found[0]["title"].as_str().unwrap().contains(&acl), "{found:#?}");
    let evidence = found[0]["evidence"].to_string();
    assert!(evidence.contains("50 deny tcp 1024-65535 10.0.0.0/16"), "{evidence}");
    assert_eq!(found[0]["automatic"], false);
}
