//! What the properties found, each as small as it gets.

use no502::cloud::simulate::{World, apply_to};
use no502::cloud::{Operation, Snapshot};
use no502::export::{Request, export};
use no502::model::kind::{SecurityGroup, TargetGroup};
use no502::model::tag::ID_TAG;
use no502::model::value::ProtocolVersion;
use no502::model::{Id, Link, Spec, StepId};
use no502::plan::{Guard, Options, Plan};

use super::world::{planned, planned_with, read, secrets};
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
    super::zero::holds(before, &plan, 7);
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

#[test]
fn a_new_exclusive_group_keeps_what_aws_gave_it_if_that_is_declared() {
    let egress = "egress: [{ to: 0.0.0.0/0, ports: 8000 }, { to: 0.0.0.0/0, protocol: all, description: all }]";
    let body =
        format!("security_groups:\n  a: {{ vpc: vpc-0a1b2c3d, description: d, {egress}, exclusive: [egress] }}\n");
    lawful(&account::empty(), &body);
}

/// The live view with another tag of ours on the rule at a priority.
fn tagged(mut before: Snapshot, priority: u32, tag: &str) -> Snapshot {
    let rules = before.found.values_mut().filter_map(|live| match &mut live.spec {
        Spec::Rule(rule) if rule.priority == Some(priority) => Some(rule),
        _ => None,
    });
    rules.for_each(|rule| drop(rule.tags.insert(ID_TAG.to_owned(), tag.to_owned())));
    before
}

const TWO: &str = "one: { priority: 1, when: { path: /one }, fixed_response: { status: 200 } }, \
                   two: { priority: 2, when: { path: /two }, fixed_response: { status: 200 } }";

#[test]
fn rules_that_bear_one_name_go_with_their_listener() {
    let before = tagged(live(&rules(TWO)), 2, "shop:rule/web:80/one");
    lawful(&before, &balancer("      {}\n"));
}

#[test]
fn a_rule_of_ours_under_another_name_is_exported_and_stays() {
    for tag in ["shop:rule/web:80/one", "shop:rule/web:443/two", "shop:rule/web:80/old", "shop:nonsense"] {
        let before = tagged(live(&rules(TWO)), 2, tag);
        laws::exports(&before, true);
        let plan = lawful(&before, &rules(TWO));
        assert!(plan.is_clean(), "{tag}: {:#?}", plan.differences().collect::<Vec<_>>());
    }
}

#[test]
fn own_certificates_are_exported_as_they_were_requested() {
    let request = "app: { domain: shop.example.com, alternative_names: [\"*.shop.example.com\"], key_algorithm: EC_prime256v1, tags: { who: us } }";
    let import = format!(
        "partner: {{ import: {{ certificate: \"{}\", private_key: {{ env: PARTNER_KEY }} }} }}",
        account::pem(false)
    );
    let tls = "protocol: https, ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06";
    let listener = format!(
        "      443: {{ {tls}, certificate: app, sni_certificates: [partner, \"{}\"], default: {{ fixed_response: {{ status: 404 }} }} }}\n",
        account::CERTIFICATE
    );
    let before = live(&format!("certificates: {{ {request}, {import} }}\n{}", balancer(&listener)));
    let request = Request {
        load_balancers: ["web".to_owned()].into(),
        account: account::NUMBER.into(),
        region: account::REGION.into(),
        stack: None,
    };
    let text = export(&before, &request).text;
    for words in
        ["domain: shop.example.com", "key_algorithm: EC_prime256v1", "who: us", "partner.example.org, which the stack"]
    {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert_eq!(text.matches("arn: ").count(), 1, "somebody else's\n{text}");
    laws::exports(&before, true);
}

#[test]
fn own_rules_in_groups_of_others_are_exported() {
    let ours = format!(
        "security_groups:\n  theirs: {{ existing: true, id: {}, ingress: {{ from: 10.0.0.0/8, ports: 22 }}, egress: {{ to: 10.0.0.0/8, ports: 25 }} }}\n",
        account::DOOR
    );
    let before = live(&format!("{ours}{}", rules(TWO)));
    laws::exports(&before, true);
}

#[test]
fn a_rule_with_a_login_goes_and_its_listener_gives_up_https_in_one_apply() {
    let rule = |key: &str, more: &str| {
        format!("{key}: {{ when: {{ path: /{key} }}, fixed_response: {{ status: 200 }}{more} }}")
    };
    let file = |protocol: &str, rules: &str| {
        balancer(&format!(
            "      443: {{ {protocol}, default: {{ fixed_response: {{ status: 404 }} }}, rules: {{ {rules} }} }}\n"
        ))
    };
    let tls = format!(
        "protocol: https, ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06, certificate: \"{}\"",
        account::CERTIFICATE
    );
    let login = format!(", {LOGIN}");
    let many = [rule("one", &login), rule("two", ""), rule("three", &login), rule("four", "")].join(", ");
    let few = [rule("four", ""), rule("two", "").replace("200", "503"), rule("new", "")].join(", ");
    let plan = lawful(&live(&file(&tls, &many)), &file("protocol: http", &few));
    assert!(plan.held.is_empty() && plan.refused.is_empty(), "{:#?} {:#?}", plan.held, plan.refused);
    let at = |name: &str| plan.steps.iter().position(|step| step.id.0.starts_with(name)).unwrap();
    assert!(at("DeleteRule") < at("ModifyListener"));
}

/// Rules by name and path; each answers with its own name's number.
fn two(one: &str, other: &str) -> String {
    let rule = |name, path| format!("{name}: {{ when: {{ path: {path} }}, fixed_response: {{ status: 200 }} }}");
    rules(&format!("{}, {}", rule("a", one), rule("b", other)))
}

#[test]
fn what_no_order_keeps_is_refused_in_words_and_can_be_allowed() {
    let before = live(&two("/x", "/y"));
    let desired = read(&format!("{HEAD}{}", two("[/y, /q]", "[/x, /r]")), &secrets());
    let plan = planned(&desired, &before);
    let refused: Vec<_> = plan.refused.iter().map(|refused| (refused.guard, refused.because.as_str())).collect();
    let [(Guard::Rehearsal, because)] = refused[..] else { panic!("{refused:#?}") };
    let start = "no order of the steps keeps every request: after `ModifyRule rule/web:80/a`, GET http://";
    assert!(because.starts_with(start), "{because}");
    let end = "/x from 203.0.113.7 would get a fixed 404; before the plan it gets a fixed 200, after it a fixed 200";
    assert!(because.contains(end), "{because}");
    let allowed = vec![Guard::Rehearsal, Guard::BlastRadius];
    let options = Options { allowed, ..Options::default() };
    assert!(planned_with(&desired, &before, &options).refused.is_empty());
}

#[test]
fn targets_stay_until_the_rules_give_up_their_requests() {
    let group = |targets: &str| {
        let fields = "target_type: ip, protocol: http, port: 80, vpc: vpc-0a1b2c3d";
        format!("target_groups:\n  blue: {{ {fields}, targets: [{targets}] }}\n")
    };
    let rule = |path: &str| {
        let default = "default: { fixed_response: { status: 200 } }";
        let rule = format!("a: {{ when: {{ path: {path} }}, forward: blue }}");
        balancer(&format!("      80: {{ protocol: http, {default}, rules: {{ {rule} }} }}\n"))
    };
    // only the condition changes: what the rule no longer takes is served by the default
    lawful(&live(&(group("10.0.1.10") + &rule("/*"))), &(group("") + &rule("/old")));
}

#[test]
fn a_group_that_all_leave_while_another_waits_for_it_is_staged() {
    let file = |first: &str, second: &str, targets: &str| {
        let group = |name: &str, targets: &str| {
            format!(
                "  {name}: {{ target_type: ip, protocol: http, port: 80, vpc: vpc-0a1b2c3d, targets: [{targets}] }}\n"
            )
        };
        let rule = |name: &str, to: &str| format!("{name}: {{ when: {{ path: /{name} }}, forward: {to} }}");
        let rules = rules(&format!("{}, {}", rule("a", first), rule("b", second)));
        format!("target_groups:\n{}{}{rules}", group("blue", "10.0.1.10"), group("green", targets))
    };
    let mut before = live(&file("blue", "green", ""));
    super::world::check_health(&mut before, &[true]);
    // `b` leaves green, and `a` waits for the health of its first target
    let plan = lawful(&before, &file("green", "blue", "10.0.1.11"));
    let staged = plan.steps.iter().any(|step| step.id.0 == "CreateRule rule/web:80/@stage-green");
    assert!(staged && plan.refused.is_empty(), "{:#?} {:#?}", plan.steps, plan.refused);
}
