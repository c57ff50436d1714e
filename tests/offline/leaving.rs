//! What leaves: keys that are gone, exclusive parts, settings that are reset; and what must stay all the same.

use std::sync::Arc;

use no502::apply::Outcome;
use no502::cloud::{Facts, Interface, Snapshot};
use no502::desired::Resolved;
use no502::diff::{Cause, Verdict};
use no502::model::kind::Rule;
use no502::model::{Id, Spec};
use no502::plan::{Guard, Options, Plan, plan};

use super::apply::account;
use super::{STACK, applied, desired, planned};
use crate::support::fake::{Fake, identity};

pub const EVERYTHING_GOES: &str = "";

pub async fn deployed(body: &str) -> Arc<Fake> {
    let fake = Arc::new(account());
    let plan = planned(&fake, &desired(body)).await;
    let (run, _) = applied(&fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{:#?}", run.outcome);
    assert!(planned(&fake, &desired(body)).await.is_clean());
    fake
}

pub fn with_consent(fake: &Fake, desired: &Resolved) -> Plan {
    let options = Options { allowed: vec![Guard::DeleteLoadBalancer, Guard::BlastRadius], ..Options::default() };
    plan(desired, fake.snapshot(), identity(), "2026-11-22T00:00:00Z".parse().unwrap(), &options).unwrap()
}

/// Applies the files, with consent, and expects nothing to be left.
pub async fn converges(fake: &Arc<Fake>, body: &str) -> Vec<&'static str> {
    let before = fake.names().len();
    let plan = with_consent(fake, &desired(body));
    assert!(plan.refused.is_empty() && plan.held.is_empty(), "{:#?} {:#?}", plan.refused, plan.held);
    let (run, events) = applied(fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{events:#?}");
    let left = planned(fake, &desired(body)).await;
    assert!(left.is_clean(), "{:#?}", left.differences().collect::<Vec<_>>());
    assert!(left.steps.is_empty(), "{:#?}", left.steps);
    fake.names()[before..].to_vec()
}

pub fn leaves(plan: &Plan) -> Vec<String> {
    let going = plan.differences().filter(|c| c.verdict == Verdict::Delete);
    going.map(|c| format!("{} {}", c.address, c.cause.map_or("", Cause::as_str))).collect()
}

pub fn rule_mut(snapshot: &mut Snapshot, priority: u32) -> &mut Rule {
    let found = snapshot.found.values_mut().find_map(|live| match &mut live.spec {
        Spec::Rule(rule) if rule.priority == Some(priority) => Some(rule),
        _ => None,
    });
    found.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_empty_file_removes_the_stack_and_leaves_the_certificate() {
    let fake = deployed(STACK).await;
    let refused = planned(&fake, &desired(EVERYTHING_GOES)).await.refused;
    let guards: Vec<Guard> = refused.iter().map(|r| r.guard).collect();
    assert_eq!(guards, [Guard::DeleteLoadBalancer], "a DNS name does not come back: {refused:?}");
    let calls = converges(&fake, EVERYTHING_GOES).await;
    let expected = [
        "DeleteLoadBalancer",
        "DeleteTargetGroup",
        "RevokeSecurityGroupIngress",
        "DeleteSecurityGroup",
        "DeleteSecurityGroup",
    ];
    assert_eq!(calls, expected, "what lives in the load balancer goes with it");
    let left: Vec<Spec> = fake.snapshot().found.into_values().map(|live| live.spec).collect();
    assert!(matches!(left.as_slice(), [Spec::Certificate(_)]), "{left:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_rule_whose_key_is_gone_is_deleted_as_orphaned() {
    let fake = deployed(STACK).await;
    let line =
        "          old: { priority: 20, when: { path: [\"/old/*\"] }, redirect: { path: \"/new/\", status: 302 } }\n";
    let fewer = STACK.replace(line, "");
    let plan = planned(&fake, &desired(&fewer)).await;
    assert_eq!(leaves(&plan), ["rule/web:443/old orphaned"]);
    assert_eq!(converges(&fake, &fewer).await, ["DeleteRule", "AddTags"], "the listener is stamped anew");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_got_another_key_is_the_same_rule() {
    let fake = deployed(STACK).await;
    let renamed = STACK.replace("          old:", "          moved:");
    assert_eq!(converges(&fake, &renamed).await, ["AddTags", "AddTags"], "it bears another name, and that is all");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_takes_another_s_place_is_edited_where_it_is() {
    let fake = deployed(STACK).await;
    let other = STACK.replace(
        "old: { priority: 20, when: { path: [\"/old/*\"] }, redirect: { path: \"/new/\", status: 302 } }",
        "shut: { priority: 20, when: { path: [\"/shut/*\"] }, fixed_response: { status: 503 } }",
    );
    let calls = converges(&fake, &other).await;
    assert_eq!(calls, ["ModifyRule", "AddTags", "AddTags"], "no moment without a rule");
}

#[tokio::test(start_paused = true)]
async fn a_rule_moves_to_the_number_of_one_that_goes() {
    let fake = deployed(STACK).await;
    let other = STACK.replace("          api: { priority: 10,", "          api: { priority: 20,").replace(
        "          old: { priority: 20, when: { path: [\"/old/*\"] }, redirect: { path: \"/new/\", status: 302 } }\n",
        "",
    );
    let calls = converges(&fake, &other).await;
    let at = |name: &str| calls.iter().position(|call| *call == name).unwrap();
    assert!(at("SetRulePriorities") < at("DeleteRule") && !calls.contains(&"CreateRule"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn rules_leave_in_an_order_that_lets_no_request_fall_through() {
    let many = STACK.replace(
        "        rules:\n",
        "        rules:\n          a: { priority: 1, when: { path: [\"/a/*\"] }, fixed_response: { status: 403 } }\n          b: { priority: 2, when: { path: [\"/*\"] }, forward: django }\n          c: { priority: 3, when: { path: [\"/c/*\"] }, forward: django }\n",
    );
    let fake = deployed(&many).await;
    let plan = planned(&fake, &desired(STACK)).await;
    let deletes = plan.steps.iter().filter(|s| s.operation.name() == "DeleteRule");
    let order: Vec<&str> = deletes.map(|s| s.address.leaf()).collect();
    assert_eq!(order, ["c", "b", "a"], "the one that decides last goes first");
    converges(&fake, STACK).await;
}

#[tokio::test(start_paused = true)]
async fn on_a_full_load_balancer_a_rule_goes_before_another_comes() {
    let rule = |key: &str, at: u32| {
        format!(
            "          {key}: {{ priority: {at}, when: {{ path: [\"/{key}\"] }}, fixed_response: {{ status: 404 }} }}\n"
        )
    };
    let body = |rules: String| STACK.replace("        rules:\n", &format!("        rules:\n{rules}"));
    let full: String = (0..98).map(|n| rule(&format!("r{n}"), 100 + n)).collect();
    let fake = deployed(&body(full.clone())).await;
    let other = full.replace(&rule("r7", 107), &rule("fresh", 50));
    let calls = converges(&fake, &body(other)).await;
    let at = |name: &str| calls.iter().position(|call| *call == name).unwrap();
    assert!(at("DeleteRule") < at("CreateRule"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_still_used_is_held() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        // somebody's own rule forwards to it
        let mut mine = rule_mut(snapshot, 10).clone();
        mine.priority = Some(99);
        mine.tags.clear();
        snapshot.insert(
            Id("arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener-rule/app/web/1/2/3".into()),
            mine,
            Facts::None,
        );
    });
    let start = STACK.find("target_groups:").unwrap();
    let end = STACK.find("load_balancers:").unwrap();
    let without =
        format!("{}{}", &STACK[..start], &STACK[end..]).replace("forward: django", "fixed_response: { status: 503 }");
    let plan = planned(&fake, &desired(&without)).await;
    let held: Vec<&str> = plan.held.iter().map(|h| h.because.as_str()).collect();
    assert_eq!(held, ["rule/web:443/#99 still forwards to it"]);
    assert!(plan.refused.is_empty(), "{:?}", plan.refused);
}

#[tokio::test(start_paused = true)]
async fn a_security_group_with_somebody_in_it_is_held() {
    let fake = deployed(STACK).await;
    let group = fake.snapshot().security_groups().find(|(_, g)| g.name == "app").unwrap().0.clone();
    fake.edit(|snapshot| {
        let interface = Interface {
            id: "eni-1".into(),
            groups: vec![group.clone()],
            description: Some("a batch job".into()),
            ..Interface::default()
        };
        snapshot.members.insert(group, vec![interface]);
    });
    let without =
        STACK.replace("  app: { vpc: vpc-0a1b2c3d, description: app, ingress: [{ from: alb, ports: [8000] }] }\n", "");
    let plan = planned(&fake, &desired(&without)).await;
    let held: Vec<&str> = plan.held.iter().map(|h| h.because.as_str()).collect();
    assert_eq!(held, ["the network interface eni-1 (a batch job) is still in it"]);
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_with_another_stack_s_rule_or_with_protection_stays() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        rule_mut(snapshot, 20).tags = [("no502:id".to_owned(), "bank:rule/web:443/x".to_owned())].into();
    });
    let plan = with_consent(&fake, &desired(EVERYTHING_GOES));
    let refused: Vec<(Guard, &str)> = plan.refused.iter().map(|r| (r.guard, r.because.as_str())).collect();
    assert!(refused.iter().any(|(g, b)| *g == Guard::ForeignOwner && b.contains("`bank`")), "{refused:?}");
    assert!(plan.steps.iter().all(|s| s.operation.name() != "DeleteLoadBalancer"));
    fake.edit(|snapshot| {
        rule_mut(snapshot, 20).tags.clear();
        for live in snapshot.found.values_mut() {
            if let Spec::LoadBalancer(balancer) = &mut live.spec {
                balancer.attributes.insert("deletion_protection.enabled".into(), "true".into());
            }
        }
    });
    let plan = with_consent(&fake, &desired(EVERYTHING_GOES));
    assert!(plan.held.iter().any(|h| h.because.contains("deletion protection")), "{:?}", plan.held);
    let touched: Vec<String> = plan.steps.iter().map(|s| s.id.to_string()).collect();
    assert_eq!(
        touched,
        ["DeleteSecurityGroup security_group/app"],
        "what it needs stays with it; nobody is in that group"
    );
}

#[tokio::test(start_paused = true)]
async fn keys_that_change_places_with_their_rules_only_change_tags() {
    let fake = deployed(STACK).await;
    let swapped = STACK.replace("          api: {", "          x: {").replace("          old: {", "          api: {");
    let swapped = swapped.replace("          x: {", "          old: {");
    assert_eq!(converges(&fake, &swapped).await, ["AddTags", "AddTags"]);
    // one tag was written, the other was not: each still finds its rule
    fake.edit(|snapshot| rule_mut(snapshot, 10).tags = rule_mut(snapshot, 20).tags.clone());
    assert_eq!(converges(&fake, &swapped).await, ["AddTags"]);
}

#[tokio::test(start_paused = true)]
async fn a_condition_moves_to_another_rule_before_it_leaves_its_own() {
    for (giver, taker) in [("a", "b"), ("b", "a")] {
        let rule = |key: &str, at: u32, paths: &str| {
            format!("          {key}: {{ priority: {at}, when: {{ path: [{paths}] }}, forward: django }}\n")
        };
        let body = |given: &str, taken: &str| {
            let rules = rule(giver, 1, given) + &rule(taker, 2, taken);
            STACK.replace("        rules:\n", &format!("        rules:\n{rules}"))
        };
        let fake = deployed(&body("/one, /two", "/three")).await;
        let plan = planned(&fake, &desired(&body("/one", "/two, /three"))).await;
        let loses = plan.steps.iter().find(|s| s.id.0 == format!("ModifyRule rule/web:443/{giver}")).unwrap();
        let first = loses.after.iter().map(|after| after.step.to_string()).collect::<Vec<_>>();
        assert_eq!(first, [format!("ModifyRule rule/web:443/{taker}")]);
        converges(&fake, &body("/one", "/two, /three")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_condition_moves_to_a_new_rule_before_it_leaves_its_own() {
    let fake = deployed(&STACK.replace("path: [\"/api/*\"]", "path: [\"/api/*\", \"/v2/*\"]")).await;
    let split = STACK.replace(
        "          old:",
        "          v2: { priority: 15, when: { path: [\"/v2/*\"] }, forward: django }\n          old:",
    );
    let calls = converges(&fake, &split).await;
    let at = |name: &str| calls.iter().position(|call| *call == name).unwrap();
    assert!(at("CreateRule") < at("ModifyRule"), "{calls:?}");
}
