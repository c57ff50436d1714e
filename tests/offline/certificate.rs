//! A certificate that is too new for a load balancer is waited for; every other refusal ends the run at once.

use std::sync::Arc;
use std::time::Duration;

use no502::apply::{Event, Failure, Outcome, Settings};
use no502::cloud::{CloudErrorKind, Facts};
use no502::model::Spec;
use tokio::time::Instant;

use super::apply::account;
use super::leaving::deployed;
use super::{STACK, applied_with, desired, planned};
use crate::support::fake::Fake;

/// Applies the stack; how it ended, how often a step was tried again, and how long it took on tokio's clock.
async fn tried(fake: &Arc<Fake>, settings: &Settings) -> (Outcome, usize, Duration) {
    let plan = planned(fake, &desired(STACK)).await;
    let start = Instant::now();
    let (run, events) = applied_with(fake, &plan, settings).await;
    let steps =
        events.iter().filter_map(|event| if let Event::Retried { step, .. } = event { Some(step) } else { None });
    let steps: Vec<String> = steps.map(ToString::to_string).collect();
    assert!(steps.iter().all(|step| step == "CreateListener listener/web:443"), "{steps:?}");
    (run.outcome, steps.len(), start.elapsed())
}

fn message(outcome: &Outcome) -> String {
    let Outcome::Failed { why: Failure::Call { error }, .. } = outcome else { panic!("{outcome:?}") };
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_too_new_is_tried_again_until_it_is_taken() {
    for code in ["UnsupportedCertificate", "CertificateNotFound"] {
        let fake = Arc::new(account());
        // the first listener that is created is the one on 80 or the one on 443
        let plan = planned(&fake, &desired(STACK)).await;
        let first = plan.steps.iter().find(|step| step.id.0.starts_with("CreateListener")).unwrap();
        assert_eq!(first.id.0, "CreateListener listener/web:443");
        fake.refuse("CreateListener", code, 6);
        let (outcome, again, took) = tried(&fake, &Settings::default()).await;
        assert_eq!((&outcome, again), (&Outcome::Completed, 6), "{code}");
        assert!(took >= Duration::from_secs(30), "{took:?}");
        assert!(planned(&fake, &desired(STACK)).await.is_clean());
    }
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_after_a_minute_or_once_a_gate_would() {
    let minute = Settings::default();
    let shorter = Settings { gate_timeout: Duration::from_secs(20), ..Settings::default() };
    for (settings, longest) in [(minute, 60), (shorter, 20)] {
        let fake = Arc::new(account());
        fake.refuse("CreateListener", "UnsupportedCertificate", 1000);
        let (outcome, again, took) = tried(&fake, &settings).await;
        assert!(message(&outcome).contains(&format!("tried again for {longest} s")), "{outcome:?}");
        assert!(again > 2 && took <= Duration::from_secs(longest), "{again} times in {took:?}");
        assert!(took + settings.poll >= Duration::from_secs(longest), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_refusals_are_failures_at_once() {
    for code in ["TooManyCertificates", "SSLPolicyNotFound", "InvalidConfigurationRequest"] {
        let fake = Arc::new(account());
        fake.refuse("CreateListener", code, 1);
        let (outcome, again, _) = tried(&fake, &Settings::default()).await;
        assert!(message(&outcome).contains(code), "{outcome:?}");
        assert_eq!(again, 0, "{code}");
    }
    // one that other calls get is not about a certificate of ours
    let fake = Arc::new(account());
    fake.refuse("CreateTargetGroup", "CertificateNotFound", 1);
    let (outcome, again, _) = tried(&fake, &Settings::default()).await;
    assert_eq!((message(&outcome).contains("CreateTargetGroup"), again), (true, 0), "{outcome:?}");
    // without a code there is nothing to go by
    let fake = Arc::new(account());
    fake.fail("CreateListener", CloudErrorKind::Refused);
    assert_eq!(tried(&fake, &Settings::default()).await.1, 0);
}

/// Certificates of these names, which nobody proves, and the stack beside them.
fn beside(names: &[&str]) -> String {
    let asked: String = names.iter().map(|name| format!("  {name}: {{ domain: {name}.example.com }}\n")).collect();
    STACK.replace("certificates:\n", &format!("certificates:\n{asked}"))
}

#[tokio::test(start_paused = true)]
async fn certificates_that_wait_hold_up_nothing_else_and_every_record_is_named() {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Spec::TargetGroup(group) = &mut live.spec {
                group.health_check.path = Some("/drifted".into());
            }
        }
    });
    let names = ["a", "b", "c", "d", "e"];
    let plan = planned(&fake, &desired(&beside(&names))).await;
    let start = Instant::now();
    let (run, events) = applied_with(&fake, &plan, &Settings::default()).await;
    let Outcome::AwaitingValidation { sees, .. } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(names.iter().all(|name| sees.contains(&format!("certificate/{name}`"))), "{sees}");
    assert!(start.elapsed() >= Duration::from_secs(600), "five of them are waited for side by side");
    let place = |wanted: &dyn Fn(&Event) -> bool| events.iter().position(wanted).unwrap();
    let fixed = place(&|event| matches!(event, Event::Begun { step, .. } if step.0.starts_with("ModifyTargetGroup")));
    let looks = events[..fixed].iter().filter(|event| matches!(event, Event::Waiting { .. })).count();
    assert!(looks <= names.len(), "what has nothing to do with them waits: {looks} looks");
}

#[tokio::test(start_paused = true)]
async fn a_listener_whose_certificate_an_earlier_run_has_requested_is_held_until_it_is_issued() {
    let fake = Arc::new(Fake::with(super::empty_account()));
    let short = Settings { gate_timeout: Duration::from_secs(30), ..Settings::default() };
    let plan = planned(&fake, &desired(STACK)).await;
    let (run, _) = applied_with(&fake, &plan, &short).await;
    assert!(matches!(run.outcome, Outcome::AwaitingValidation { .. }), "{:?}", run.outcome);
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Facts::Certificate(facts) = &mut live.facts {
                facts.validation = vec![("_1.shop.example.com".to_owned(), "_2.acm-validations.aws".to_owned())];
            }
        }
    });
    let plan = planned(&fake, &desired(STACK)).await;
    assert!(plan.refused.is_empty(), "{:?}", plan.refused);
    let held: Vec<_> = plan.held.iter().filter(|held| held.address.to_string() == "listener/web:443").collect();
    assert!(held[0].because.contains("_1.shop.example.com CNAME _2.acm-validations.aws"), "{held:?}");
    assert!(plan.steps.iter().all(|step| step.id.0 != "CreateListener listener/web:443"), "{:#?}", plan.steps);
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Facts::Certificate(facts) = &mut live.facts {
                facts.status = "ISSUED".to_owned();
            }
        }
    });
    let (outcome, ..) = tried(&fake, &short).await;
    assert_eq!(outcome, Outcome::Completed);
    assert!(planned(&fake, &desired(STACK)).await.is_clean());
}
