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
