//! A certificate that is too new for a load balancer is waited for; every other refusal ends the run at once.

use std::sync::Arc;
use std::time::Duration;

use no502::apply::{Event, Failure, Outcome, Settings};
use no502::cloud::CloudErrorKind;
use tokio::time::Instant;

use super::apply::account;
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
