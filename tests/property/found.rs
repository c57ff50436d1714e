//! What the properties found, each as small as it gets.

use no502::cloud::simulate::{World, apply_to};
use no502::cloud::{Operation, Snapshot};
use no502::model::kind::{SecurityGroup, TargetGroup};
use no502::model::tag::ID_TAG;
use no502::model::value::ProtocolVersion;
use no502::model::{Id, Link, Spec, StepId};
use no502::plan::Plan;

use super::world::{planned, read, secrets};
use super::{account, laws};

const HEAD: &str = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\n";
const GROUPS: &str = "target_groups:
  blue: { target_type: ip, protocol: http, port: 80, vpc: vpc-0a1b2c3d }
  green: { target_type: ip, protocol: http, port: 80, vpc: vpc-0a1b2c3d }
";

fn balancer(listeners: &str) -> String {
    format!("load_balancers:\n  web:\n    subnets: [subnet-0a1b2c30, subnet-0a1b2c31]\n    listeners:\n{listeners}")
}

/// A listener without encryption and its rules.
fn rules(rules: &str) -> String {
    balancer(&format!(
        "      80: {{ protocol: http, default: {{ fixed_response: {{ status: 404 }} }}, rules: {{ {rules} }} }}\n"
    ))
}

/// The live view once a file was applied.
fn live(body: &str) -> Snapshot {
    let before = account::empty();
    let desired = read(&format!("{HEAD}{body}"), &secrets());
    let plan = planned(&desired, &before);
    laws::sound(&plan);
    laws::converges(&desired, &before, &plan, 0).0
}

/// The plan from a live view to a file; all the laws hold.
fn lawful(before: &Snapshot, body: &str) -> Plan {
    let desired = read(&format!("{HEAD}{body}"), &secrets());
    let plan = planned(&desired, before);
    laws::sound(&plan);
    let (end, again) = laws::converges(&desired, before, &plan, 7);
    laws::only_ours_moved(before, &plan, &end, &again);
    laws::exports(&end, true);
    plan
}

#[test]
fn redirects_of_two_load_balancers_do_not_wait_for_each_other() {
    let listener = "listeners: { 443: { protocol: http, default: { redirect: { path: /elsewhere, status: 301 } } } }";
    let one = |name| format!("  {name}: {{ subnets: [subnet-0a1b2c30, subnet-0a1b2c31], {listener} }}\n");
    lawful(&account::empty(), &format!("load_balancers:\n{}{}", one("web"), one("intern")));
}

#[test]
fn a_group_that_stays_alone_keeps_no_shifted_weight() {
    let forward = |to: &str| {
        let when = "when: { path: /x }";
        format!("{GROUPS}{}", rules(&format!("one: {{ {when}, forward: {{ to: {{ {to} }}, weights: external }} }}")))
    };
    lawful(&live(&forward("blue: 50, green: 0")), &forward("blue: 50"));
}

#[test]
fn a_rule_waits_for_the_place_of_one_that_is_held() {
    let rule = |name, priority| {
        format!("{name}: {{ priority: {priority}, when: {{ path: /{name} }}, fixed_response: {{ status: 200 }} }}")
    };
    let mut before = live(&rules(&format!("{}, {}", rule("mine", 2), rule("theirs", 1))));
    for live in before.found.values_mut() {
        if let Spec::Rule(rule) = &mut live.spec
            && rule.priority == Some(1)
        {
            rule.tags.insert(ID_TAG.to_owned(), "bank:rule/web:80/theirs".to_owned());
        }
    }
    // `mine` cannot have priority 1, so priority 2 is not free for `next`
    let plan = lawful(&before, &rules(&format!("{}, {}", rule("mine", 1), rule("next", 2))));
    let held: Vec<String> = plan.held.iter().map(|h| h.address.to_string()).collect();
    assert_eq!(held, ["rule/web:80/mine", "rule/web:80/next"], "{:#?}", plan.held);
}

#[test]
fn a_group_for_grpc_is_checked_as_aws_does() {
    let body = "target_groups:
  calls: { target_type: ip, protocol: http, protocol_version: grpc, port: 80, vpc: vpc-0a1b2c3d }\n";
    let tls = format!("ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06, certificate: \"{}\"", account::CERTIFICATE);
    let listener = format!("      443: {{ protocol: https, {tls}, default: {{ forward: calls }} }}\n");
    let before = live(&format!("{body}{}", balancer(&listener)));
    let (_, group) = before.target_groups().next().unwrap();
    assert_eq!(group.protocol_version, Some(ProtocolVersion::Grpc));
    assert_eq!(group.health_check.path.as_deref(), Some("/AWS.ALB/healthcheck"));
    assert_eq!(group.health_check.success_codes, "12".parse().ok());
    laws::exports(&before, false);
}

#[test]
fn a_step_of_a_later_plan_makes_another_thing() {
    let step = StepId("CreateTargetGroup target_group/a".into());
    let mut world = World { snapshot: account::empty(), ..World::default() };
    let mut make = |name: &str| {
        let spec = TargetGroup { name: name.into(), ..TargetGroup::default() };
        apply_to(&mut world, &step, &Operation::CreateTargetGroup { spec }).unwrap().id
    };
    assert_ne!(make("a"), make("b"));
}

#[test]
fn files_can_name_a_security_group_that_was_made() {
    let mut world = World { snapshot: account::empty(), ..World::default() };
    let vpc = Some(Link::Id(Id(account::VPC.into())));
    let spec = SecurityGroup { name: "a".into(), vpc, description: Some("a".into()), ..SecurityGroup::default() };
    let made =
        apply_to(&mut world, &StepId("one".into()), &Operation::CreateSecurityGroup { spec }).unwrap().id.unwrap();
    let ingress = format!("ingress: [{{ from: {made}, ports: 80 }}]");
    let body = format!("security_groups:\n  b: {{ vpc: vpc-0a1b2c3d, description: b, {ingress} }}\n");
    assert!(planned(&read(&format!("{HEAD}{body}"), &secrets()), &world.snapshot).held.is_empty());
}

#[test]
fn what_is_held_keeps_what_it_uses() {
    let head = "description: d, vpc: vpc-0a1b2c3d";
    let doors = format!("security_groups:\n  a: {{ {head} }}\n  b: {{ {head}, ingress: {{ from: a, ports: 80 }} }}\n");
    let balancer = |scheme: &str, door: &str| {
        let subnets = "subnets: [subnet-0a1b2c30, subnet-0a1b2c31]";
        format!("load_balancers: {{ web: {{ scheme: {scheme}, {subnets}, security_groups: [{door}] }} }}\n")
    };
    let before = live(&format!("{doors}{}", balancer("internal", "b")));
    // the load balancer cannot be replaced, so it keeps `b`, and `b` names `a`
    let plan = lawful(&before, &balancer("internet-facing", account::DOOR));
    let held: Vec<String> = plan.held.iter().map(|h| h.address.to_string()).collect();
    assert_eq!(held, ["security_group/b", "security_group/a"], "{:#?}", plan.held);
}

#[test]
fn a_new_group_that_is_exclusive_lets_out_what_is_declared() {
    let egress = "egress: [{ to: 0.0.0.0/0, ports: 80 }], exclusive: [egress]";
    let body = format!("security_groups:\n  a: {{ vpc: vpc-0a1b2c3d, description: d, {egress} }}\n");
    let plan = lawful(&account::empty(), &body);
    assert!(plan.steps.iter().any(|step| step.operation.name() == "RevokeSecurityGroupEgress"));
}

#[test]
fn permissions_for_udp_are_exported_with_their_ports() {
    let egress = "egress: [{ to: 10.0.0.0/16, protocol: udp, ports: 53 }]";
    let doors = format!("security_groups:\n  a: {{ vpc: vpc-0a1b2c3d, description: d, {egress} }}\n");
    let balancer = "load_balancers: { web: { subnets: [subnet-0a1b2c30, subnet-0a1b2c31], security_groups: [a] } }\n";
    laws::exports(&live(&format!("{doors}{balancer}")), true);
}

const LOGIN: &str =
    "authenticate: { jwt: { issuer: \"https://id.example.com/\", jwks_endpoint: \"https://id.example.com/keys\" } }";

/// A listener that speaks HTTPS or not, with one rule.
fn with_rule(https: bool, rule: &str) -> String {
    let tls = format!(
        "protocol: https, ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06, certificate: \"{}\"",
        account::CERTIFICATE
    );
    let speaks = if https { tls.as_str() } else { "protocol: http" };
    let rule = format!("one: {{ when: {{ path: /x }}, fixed_response: {{ status: 200 }}{rule} }}");
    balancer(&format!(
        "      443: {{ {speaks}, default: {{ fixed_response: {{ status: 404 }} }}, rules: {{ {rule} }} }}\n"
    ))
}

#[test]
fn logins_come_after_https_and_go_before_it() {
    let (plain, login) = (with_rule(false, ", authenticate: none"), with_rule(true, &format!(", {LOGIN}")));
    lawful(&live(&plain), &login);
    lawful(&live(&login), &plain);
}

#[test]
fn a_login_that_no_file_mentions_holds_its_listener() {
    let plan = lawful(&live(&with_rule(true, &format!(", {LOGIN}"))), &with_rule(false, ""));
    let held: Vec<String> = plan.held.iter().map(|h| h.address.to_string()).collect();
    assert_eq!(held, ["listener/web:443"], "{:#?}", plan.held);
}

#[test]
fn the_check_of_a_function_may_take_its_whole_interval() {
    let check = "health_check: { enabled: true, interval: 30s, timeout: 30s }";
    lawful(&account::empty(), &format!("target_groups:\n  thumbs: {{ target_type: lambda, {check} }}\n"));
}
