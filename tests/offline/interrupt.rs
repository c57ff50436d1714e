//! The user's interrupt: waits end at once, what was done is recorded, and the next run goes on from there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use no502::apply::{Event, Failure, Observer, Outcome, Settings, run};
use no502::plan::Gate;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{STACK, desired, empty_account, planned};
use crate::support::fake::Fake;

/// Interrupts as soon as a certificate is waited for, and remembers events.
struct Impatient {
    stop: watch::Sender<bool>,
    events: Mutex<Vec<Event>>,
}

impl Observer for Impatient {
    fn observe(&self, event: &Event) -> std::io::Result<()> {
        if matches!(event, Event::Waiting { gate: Gate::CertificateIssued, .. }) {
            self.stop.send_replace(true);
        }
        self.events.lock().unwrap().push(event.clone());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_gate_is_waited_for_no_longer() {
    let fake = Arc::new(Fake::with(empty_account()));
    let plan = planned(&fake, &desired(STACK)).await;
    let (stop, stopped) = watch::channel(false);
    let observer = Arc::new(Impatient { stop, events: Mutex::default() });
    let began = Instant::now();
    let told: Arc<dyn Observer> = Arc::clone(&observer) as Arc<dyn Observer>;
    let run = run(
        Arc::clone(&fake),
        no502::apply::Work { steps: plan.steps.clone(), basis: plan.basis.clone(), ..Default::default() },
        &Settings::default(),
        told,
        stopped,
    )
    .await;
    assert_eq!(run.outcome, Outcome::Interrupted);
    assert!(began.elapsed() < Duration::from_secs(1), "it waited for {:?}", began.elapsed());
    let events = observer.events.lock().unwrap();
    let at = |wanted: &dyn Fn(&Event) -> bool| events.iter().position(wanted).expect("it is recorded");
    let is_request = |id: &no502::model::StepId| id.0.starts_with("RequestCertificate");
    let done = at(&|event| matches!(event, Event::Done { step, .. } if is_request(step)));
    let stopped =
        at(&|event| matches!(event, Event::Failed { step, why: Failure::Interrupted { .. } } if is_request(step)));
    assert!(done < stopped, "the call had its effect, and where it stopped is said");
    assert!(matches!(events.last(), Some(Event::Stopped { outcome: Outcome::Interrupted })));
    let started = |event: &Event| matches!(event, Event::Begun { step, .. } if step.0.starts_with("CreateListener"));
    assert!(!events.iter().any(started), "what needs the certificate is not begun");
}
