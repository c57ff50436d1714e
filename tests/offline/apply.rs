//! Apply: converges, stops at the first failure, continues, and never overwrites what moved.

use std::sync::Arc;

use no502::apply::{Event, Failure, Outcome};
use no502::cloud::{CertificateFacts, CloudErrorKind, Facts};
use no502::diff::Verdict;
use no502::model::kind::Certificate;
use no502::model::value::KeyAlgorithm;
use no502::model::{HealthState, Id, Spec};
use no502::plan::Guard;

use super::{STACK, applied, desired, empty_account, planned};
use crate::support::fake::Fake;

/// An account in which the certificate is issued already, and nothing else is there.
pub fn account() -> Fake {
    let mut snapshot = empty_account();
    let names = Some(["shop.example.com".to_owned()].into());
    let spec = Certificate {
        domain: Some("shop.example.com".into()),
        names,
        key_algorithm: Some(KeyAlgorithm::Rsa2048),
        ..Certificate::default()
    };
    let facts = CertificateFacts { status: "ISSUED".into(), ..CertificateFacts::default() };
    let id = Id("arn:aws:acm:eu-west-1:000000000000:certificate/1".into());
    snapshot.insert(id, spec, Facts::Certificate(facts));
    Fake::with(snapshot)
}

async fn deployed() -> Arc<Fake> {
    let fake = Arc::new(account());
    let plan = planned(&fake, &desired(STACK)).await;
    let (run, _) = applied(&fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{:#?}", run.outcome);
    fake
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_created_from_nothing_and_then_plans_clean() {
    let fake = deployed().await;
    let again = planned(&fake, &desired(STACK)).await;
    assert!(again.is_clean(), "{:#?}", again.differences().collect::<Vec<_>>());
    assert!(again.steps.is_empty(), "{:#?}", again.steps);
    assert!(again.refused.is_empty());
}

#[tokio::test(start_paused = true)]
async fn drift_is_mended_by_the_fewest_calls() {
    let fake = deployed().await;
    let before = fake.names().len();
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Spec::TargetGroup(group) = &mut live.spec {
                group.health_check.path = Some("/health".into());
            }
        }
    });
    let plan = planned(&fake, &desired(STACK)).await;
    let differences: Vec<String> = plan.differences().map(|c| c.address.to_string()).collect();
    assert_eq!(differences, ["target_group/django"]);
    assert_eq!(plan.differences().next().unwrap().cause.unwrap().as_str(), "drift");
    let (run, _) = applied(&fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed);
    assert_eq!(fake.names()[before..], ["ModifyTargetGroup"], "the stamp is still true, so no tag is written");
    assert!(planned(&fake, &desired(STACK)).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_stops_the_run_and_running_again_continues() {
    let fake = Arc::new(account());
    fake.fail("CreateListener", CloudErrorKind::Refused);
    let plan = planned(&fake, &desired(STACK)).await;
    let (run, events) = applied(&fake, &plan).await;
    let Outcome::Failed { step, why: Failure::Call { error } } = &run.outcome else { panic!("{:#?}", run.outcome) };
    assert!(step.0.starts_with("CreateListener "), "{step}");
    assert_eq!(error.kind, CloudErrorKind::Refused);
    assert!(matches!(events.last(), Some(Event::Stopped { .. })));
    assert!(!fake.names().contains(&"CreateRule"), "nothing that needs the listener was started");

    let plan = planned(&fake, &desired(STACK)).await;
    let creates: Vec<String> =
        plan.differences().filter(|c| c.verdict == Verdict::Create).map(|c| c.address.to_string()).collect();
    assert!(!creates.contains(&"load_balancer/web".to_owned()), "{creates:?}");
    let (run, _) = applied(&fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed);
    assert!(planned(&fake, &desired(STACK)).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_moved_after_the_plan_is_not_overwritten() {
    let fake = deployed().await;
    let edit = |path: &'static str| {
        move |snapshot: &mut no502::cloud::Snapshot| {
            for live in snapshot.found.values_mut() {
                if let Spec::TargetGroup(group) = &mut live.spec {
                    group.health_check.path = Some(path.into());
                }
            }
        }
    };
    fake.edit(edit("/health"));
    let plan = planned(&fake, &desired(STACK)).await;
    let before = fake.names().len();
    fake.surprise(edit("/other"));
    let (run, _) = applied(&fake, &plan).await;
    let Outcome::Failed { why: Failure::Stale { moved }, .. } = &run.outcome else { panic!("{:#?}", run.outcome) };
    assert_eq!(moved.len(), 1);
    assert!(moved[0].contains("health_check.path") && moved[0].contains("/other"), "{moved:?}");
    assert_eq!(fake.names().len(), before, "nothing was written");
}

#[tokio::test(start_paused = true)]
async fn targets_leave_only_once_the_declared_ones_are_healthy() {
    let fake = deployed().await;
    let plan = planned(&fake, &desired(&STACK.replace("10.0.2.10", "10.0.2.99"))).await;
    fake.edit(|snapshot| {
        // as AWS would say of a group in use
        let balancer: Vec<Id> = snapshot.load_balancers().map(|(id, _)| id.clone()).collect();
        for live in snapshot.found.values_mut() {
            if let Facts::TargetGroup { load_balancers } = &mut live.facts {
                load_balancers.clone_from(&balancer);
            }
        }
    });
    assert!(plan.steps.iter().any(|s| s.operation.name() == "DeregisterTargets"));
    let plan = planned(&fake, &desired(&STACK.replace("10.0.2.10", "10.0.2.99"))).await;
    let (run, events) = applied(&fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{events:#?}");
    let names = fake.names();
    let at = |name: &str| names.iter().rposition(|n| *n == name).unwrap();
    assert!(at("RegisterTargets") < at("DeregisterTargets"));
    let opened = events.iter().position(|e| matches!(e, Event::Opened { .. })).unwrap();
    let leaves = |e: &Event| matches!(e, Event::Begun { operation, .. } if operation.name() == "DeregisterTargets");
    assert!(opened < events.iter().position(leaves).unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_only_healthy_target_stays_though_it_is_not_declared() {
    let fake = deployed().await;
    let only = fake.snapshot().targets().map(|(id, _)| id.clone()).next().unwrap();
    fake.edit(|snapshot| {
        for (id, live) in &mut snapshot.found {
            if let Facts::Target(health) = &mut live.facts {
                let state = if *id == only { HealthState::Healthy } else { HealthState::Unhealthy };
                health.state = Some(state);
            }
        }
    });
    let fewer = STACK.replace(r#"targets: ["10.0.1.10", "10.0.2.10"]"#, r#"targets: ["10.0.2.10"]"#);
    assert!(only.as_str().ends_with("10.0.1.10:8000"));
    let plan = planned(&fake, &desired(&fewer)).await;
    assert!(plan.steps.iter().all(|s| s.operation.name() != "DeregisterTargets"), "{:#?}", plan.steps);
    let held: Vec<String> = plan.held.iter().map(|h| h.address.to_string()).collect();
    assert_eq!(held, ["target/django/10.0.1.10:8000"]);
    assert!(plan.refused.is_empty(), "a held difference is no refusal: {:?}", plan.refused);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_without_its_dns_record_holds_only_what_needs_it() {
    let fake = Arc::new(Fake::with(empty_account()));
    let plan = planned(&fake, &desired(STACK)).await;
    let (run, _) = applied(&fake, &plan).await;
    let Outcome::AwaitingValidation { step, .. } = &run.outcome else { panic!("{:#?}", run.outcome) };
    assert_eq!(step.0, "RequestCertificate certificate/app");
    let left = planned(&fake, &desired(STACK)).await;
    let left: Vec<String> = left.differences().map(|c| c.address.to_string()).collect();
    let waits = ["listener/web:443", "listener/web:80", "rule/web:443/api", "rule/web:443/old"];
    assert_eq!(left, waits, "the rest is done; the redirect to 443 waits with it");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_edited_is_refused_before_anything_runs() {
    let fake = deployed().await;
    let plan = planned(&fake, &desired(&STACK.replace("description: front", "description: back"))).await;
    let refused: Vec<_> = plan.refused.iter().map(|r| (r.guard, r.address.as_ref().unwrap().to_string())).collect();
    assert!(refused.contains(&(Guard::Replacement, "security_group/alb".into())), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn another_stack_s_resources_are_left_alone() {
    let fake = deployed().await;
    let body = STACK.replace("idle_timeout: 60s", "idle_timeout: 30s");
    let mut other = desired(&body);
    other.stack = "bank".into();
    let plan = planned(&fake, &other).await;
    assert!(plan.steps.iter().all(|s| s.address.to_string() != "load_balancer/web"), "{:#?}", plan.steps);
    let refused = plan.refused.iter().find(|r| r.guard == Guard::ForeignOwner).unwrap();
    assert!(refused.because.contains("shop"), "{}", refused.because);
}
