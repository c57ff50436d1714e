//! The blast radius: how much of what serves clients one run may change or take away, and what is not counted.

use std::sync::Arc;

use no502::cloud::Facts;
use no502::model::HealthState;
use no502::plan::{Guard, Options, Plan};

use super::leaving::deployed;
use super::{STACK, desired, planned};
use crate::support::fake::{Fake, identity};

/// A group of four targets, and a listener with four rules and a default.
fn stack() -> String {
    let targets = r#"targets: ["10.0.1.10", "10.0.1.11", "10.0.1.12", "10.0.1.13"]"#;
    let more = "          c: { priority: 30, when: { path: [\"/c/*\"] }, forward: django }
          d: { priority: 40, when: { path: [\"/d/*\"] }, forward: django }\n";
    format!("{}{more}", STACK.replace(r#"targets: ["10.0.1.10", "10.0.2.10"]"#, targets))
}

async fn serving(body: &str) -> Arc<Fake> {
    let fake = deployed(body).await;
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Facts::Target(health) = &mut live.facts {
                (health.state, health.reason) = (Some(HealthState::Healthy), None);
            }
        }
    });
    fake
}

/// What the guard refuses: address and reason.
fn refused(plan: &Plan) -> Vec<String> {
    let all = plan.refused.iter().filter(|refused| refused.guard == Guard::BlastRadius);
    all.map(|refused| format!("{}: {}", refused.address.as_ref().unwrap(), refused.because)).collect()
}

fn edited(body: &str, edits: &[(&str, &str)]) -> String {
    let mut body = body.to_owned();
    for (from, to) in edits {
        assert!(body.contains(from), "{from} in {body}");
        body = body.replace(from, to);
    }
    body
}

const NEW_PATHS: [(&str, &str); 3] = [("/api/*", "/api2/*"), ("/c/*", "/c2/*"), ("/d/*", "/d2/*")];

#[tokio::test(start_paused = true)]
async fn more_than_half_of_the_rules_of_a_listener_are_refused_in_one_run() {
    let stack = stack();
    let fake = serving(&stack).await;
    assert_eq!(refused(&planned(&fake, &desired(&edited(&stack, &NEW_PATHS[..2]))).await), [""; 0]);
    let three = edited(&stack, &NEW_PATHS);
    let because = "3 of its 5 rules would go or answer otherwise in one run; `limits.rules: 50%` allows 2";
    assert_eq!(refused(&planned(&fake, &desired(&three)).await), [format!("listener/web:443: {because}")]);
    // the default is a rule as well, and one that goes counts as one that changes
    let others = [
        ("          c: { priority: 30, when: { path: [\"/c/*\"] }, forward: django }\n", ""),
        ("status: 404", "status: 503"),
        (
            "          old: { priority: 20, when: { path: [\"/old/*\"] }, redirect: { path: \"/new/\", status: 302 } }\n",
            "",
        ),
    ];
    assert_eq!(refused(&planned(&fake, &desired(&edited(&stack, &others))).await).len(), 1);
    // lifted for this run, or allowed by the file
    let options = Options { allowed: vec![Guard::BlastRadius], ..Options::default() };
    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    let lifted = no502::plan::plan(&desired(&three), fake.snapshot(), identity(), now, &options).unwrap();
    assert!(lifted.refused.is_empty(), "{:?}", lifted.refused);
    for limit in ["60%", "3"] {
        let raised = format!("limits: {{ rules: {limit} }}{three}");
        assert_eq!(refused(&planned(&fake, &desired(&raised)).await), [""; 0], "{limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_answers_as_before_is_not_counted() {
    let stack = stack();
    let fake = serving(&stack).await;
    let numbers =
        [("priority: 10,", "priority: 11,"), ("priority: 20,", "priority: 21,"), ("priority: 30,", "priority: 31,")];
    let more = "          e: { priority: 50, when: { path: [\"/e/*\"] }, forward: django }
          f: { priority: 51, when: { path: [\"/f/*\"] }, forward: django }
          g: { priority: 52, when: { path: [\"/g/*\"] }, forward: django }\n";
    for body in [edited(&stack, &numbers), format!("{stack}{more}")] {
        let plan = planned(&fake, &desired(&body)).await;
        assert!(!plan.steps.is_empty());
        assert_eq!(refused(&plan), [""; 0]);
    }
    // all rules name the group that is replaced, and mean the same afterwards
    let replaced = planned(&fake, &desired(&stack.replace("    port: 8000\n", "    port: 9000\n"))).await;
    assert!(replaced.steps.iter().any(|step| step.operation.name() == "CreateTargetGroup"));
    assert_eq!(refused(&replaced), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn more_than_half_of_the_healthy_targets_of_a_group_are_refused_to_leave() {
    let stack = stack();
    let fake = serving(&stack).await;
    let of = |targets: &str| {
        let all = r#"["10.0.1.10", "10.0.1.11", "10.0.1.12", "10.0.1.13"]"#;
        desired(&edited(&stack, &[(all, targets)]))
    };
    let two = planned(&fake, &of(r#"["10.0.1.10", "10.0.1.11"]"#)).await;
    assert_eq!(refused(&two), [""; 0]);
    let three = planned(&fake, &of(r#"["10.0.1.10"]"#)).await;
    let because = "3 of its 4 healthy targets would leave in one run; `limits.targets: 50%` allows 2";
    assert_eq!(refused(&three), [format!("target_group/django: {because}")]);
    // four for four: none leaves before another one is healthy
    let all = planned(&fake, &of(r#"["10.0.2.10", "10.0.2.11", "10.0.2.12", "10.0.2.13"]"#)).await;
    assert!(all.steps.iter().any(|step| step.operation.name() == "DeregisterTargets"));
    assert_eq!(refused(&all), [""; 0]);
    // nobody's requests go there
    let unused = [("forward: django", "fixed_response: { status: 200 }")];
    let fake = serving(&edited(&stack, &unused)).await;
    let body = edited(&stack, &[unused[0], (r#"["10.0.1.10", "10.0.1.11", "10.0.1.12", "10.0.1.13"]"#, "[]")]);
    assert_eq!(refused(&planned(&fake, &desired(&body)).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn one_listener_of_a_load_balancer_may_go_in_one_run() {
    let two_more = "      8080: { protocol: http, default: { fixed_response: { status: 404 } } }
      8081: { protocol: http, default: { fixed_response: { status: 404 } } }\n";
    let more = format!("{STACK}{two_more}");
    let fake = serving(&more).await;
    let one = format!("{STACK}      8080: {{ protocol: http, default: {{ fixed_response: {{ status: 404 }} }} }}\n");
    assert_eq!(refused(&planned(&fake, &desired(&one)).await), [""; 0]);
    let because = "2 of its 4 listeners would go in one run; `limits.listeners: 1` allows 1";
    assert_eq!(refused(&planned(&fake, &desired(STACK)).await), [format!("load_balancer/web: {because}")]);
    // a load balancer that goes is a guard of its own
    let plan = planned(&fake, &desired("")).await;
    let guards: Vec<Guard> = plan.refused.iter().map(|refused| refused.guard).collect();
    assert_eq!(guards, [Guard::DeleteLoadBalancer]);
}
