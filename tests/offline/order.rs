//! The order of steps: each edge prevents an outage, and one input has one order.

use std::sync::Arc;

use no502::model::StepId;
use no502::plan::Step;

use super::{STACK, desired, empty_account, planned};
use crate::support::fake::Fake;

fn position(steps: &[Step], id: &str) -> usize {
    steps.iter().position(|s| s.id == StepId(id.into())).unwrap_or_else(|| panic!("no step {id}"))
}

#[tokio::test]
async fn nothing_receives_traffic_before_it_is_ready() {
    let fake = Arc::new(Fake::with(empty_account()));
    let steps = planned(&fake, &desired(STACK)).await.steps;
    let at = |id: &str| position(&steps, id);
    let grant = at("AuthorizeSecurityGroupIngress security_group/app");
    let register = at("RegisterTargets target_group/django");
    let listener = at("CreateListener listener/web:443");
    let rule = at("CreateRule rule/web:443/api");
    assert!(at("CreateSecurityGroup security_group/alb") < grant);
    assert!(grant < register, "a target that cannot be reached is unhealthy");
    assert!(register < rule, "a rule must not lead to an empty group");
    assert!(at("RequestCertificate certificate/app") < listener);
    assert!(at("CreateLoadBalancer load_balancer/web") < listener && listener < rule);
    assert!(listener < at("CreateListener listener/web:80"), "the redirect waits for what it leads to");
    let stamps = steps.iter().position(|s| s.stamp).unwrap();
    assert!(steps[stamps..].iter().all(|s| s.stamp), "stamps come last");
}

#[tokio::test]
async fn a_redirect_waits_for_its_listener_on_any_port() {
    let elsewhere = |port: &str| {
        STACK
            .replace("redirect: { protocol: https, port: 443,", &format!("redirect: {{ protocol: https, port: {port},"))
            .replace("      443:\n", &format!("      {port}:\n"))
    };
    for port in ["443", "8443", "81"] {
        let fake = Arc::new(Fake::with(empty_account()));
        let steps = planned(&fake, &desired(&elsewhere(port))).await.steps;
        let redirect = &steps[position(&steps, "CreateListener listener/web:80")];
        let wanted = StepId(format!("CreateListener listener/web:{port}"));
        let after = redirect.after.iter().find(|after| after.step == wanted);
        let after = after.unwrap_or_else(|| panic!("port {port}: {:#?}", redirect.after));
        assert!(after.why.contains("refused connection"), "{}", after.why);
    }
    // and for no other one: a rule that sends elsewhere is there at once
    let fake = Arc::new(Fake::with(empty_account()));
    let away = STACK.replace("redirect: { protocol: https, port: 443,", "redirect: { protocol: https, port: 8443,");
    let steps = planned(&fake, &desired(&away)).await.steps;
    let redirect = &steps[position(&steps, "CreateListener listener/web:80")];
    assert!(redirect.after.iter().all(|after| !after.step.0.starts_with("CreateListener")), "{:#?}", redirect.after);
}

/// A move names many rules: what is edited as well would otherwise be written by two calls at once.
#[tokio::test]
async fn a_rule_that_moves_and_changes_is_written_by_one_call_at_a_time() {
    let fake = super::leaving::deployed(STACK).await;
    let other = STACK.replace(
        "api: { priority: 10, when: { path: [\"/api/*\"] }",
        "api: { priority: 30, when: { path: [\"/v2/*\"] }",
    );
    let steps = planned(&fake, &desired(&other)).await.steps;
    let order = &steps[position(&steps, "SetRulePriorities listener/web:443")];
    let after: Vec<&str> = order.after.iter().map(|after| after.step.0.as_str()).collect();
    assert_eq!(after, ["ModifyRule rule/web:443/api"]);
}

#[tokio::test]
async fn every_edge_says_why_and_points_backwards() {
    let fake = Arc::new(Fake::with(empty_account()));
    let steps = planned(&fake, &desired(STACK)).await.steps;
    for (index, step) in steps.iter().enumerate() {
        for after in &step.after {
            assert!(!after.why.is_empty());
            let earlier = position(&steps, &after.step.0);
            assert!(earlier < index, "{} waits for {}, which comes later", step.id, after.step);
        }
    }
}

#[tokio::test]
async fn one_input_has_one_plan() {
    let fake = Arc::new(Fake::with(empty_account()));
    let first = planned(&fake, &desired(STACK)).await.steps;
    let second = planned(&fake, &desired(STACK)).await.steps;
    assert_eq!(serde_json::to_string(&first).unwrap(), serde_json::to_string(&second).unwrap());
}
