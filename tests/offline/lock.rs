//! A run holds its lock for as long as it works, however long its gates wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use no502::apply::lock::{Lock, Taken, keep, look, release, take};
use no502::apply::{Event, Observer, Outcome, Settings, Work, run};
use no502::plan::saved::{Lockable, Record};
use tokio::sync::watch;
use tokio::time::Instant;

use super::leaving::deployed;
use super::{STACK, desired, planned};
use crate::support::fake::Fake;

/// Looks at the lock whenever a gate waits, as another run would: how long it holds from then on.
struct Looks {
    fake: Arc<Fake>,
    on: Lockable,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    left: Mutex<Vec<SignedDuration>>,
}

impl Observer for Looks {
    fn observe(&self, event: &Event) -> std::io::Result<()> {
        if matches!(event, Event::Waiting { .. }) {
            let snapshot = self.fake.snapshot();
            let tags = snapshot.found[&self.on.id].spec.tags().unwrap();
            let until: Timestamp = tags["no502:lock"].rsplit(' ').next().unwrap().parse().unwrap();
            self.left.lock().unwrap().push(until.duration_since((self.now)()));
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_renewed_while_a_gate_waits() {
    let fake = deployed(STACK).await;
    fake.stay_unhealthy();
    let files = desired(&STACK.replace("    port: 8000\n    target_type", "    port: 8001\n    target_type"));
    // as if its targets were healthy and the new ones were not, for three quarters of an hour
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let no502::cloud::Facts::Target(health) = &mut live.facts {
                (health.state, health.reason) = (Some(no502::model::HealthState::Healthy), None);
            }
        }
    });
    let plan = planned(&fake, &files).await;
    let record = Record::of(&plan, &plan.steps);
    let on = record.lock.clone().expect("a load balancer bears the lock");
    let (start, began) = ("2026-11-22T00:00:00Z".parse::<Timestamp>().unwrap(), Instant::now());
    let now: Arc<dyn Fn() -> Timestamp + Send + Sync> =
        Arc::new(move || start + SignedDuration::try_from(began.elapsed()).unwrap());
    let lock = Lock::new("ann@here", "20261122T000000Z-00000001", now());
    assert_eq!(take(&*fake, &on, &lock, now(), |_| false).await.unwrap(), Taken::Ours(None));
    let renewal = tokio::spawn({
        let (fake, on, lock, now) = (Arc::clone(&fake), on.clone(), lock.clone(), Arc::clone(&now));
        async move { keep(&*fake, &on, &lock, || now(), |renewed| assert_eq!(renewed, Ok(None))).await }
    });
    let looks = Arc::new(Looks { fake: Arc::clone(&fake), on: on.clone(), now, left: Mutex::default() });
    let settings = Settings { gate_timeout: Duration::from_secs(45 * 60), ..Settings::default() };
    let (_send, stop) = watch::channel(false);
    let work = Work { steps: plan.steps.clone(), basis: plan.basis.clone(), ..Work::default() };
    let ended = run(Arc::clone(&fake), work, &settings, Arc::clone(&looks) as Arc<dyn Observer>, stop).await;
    assert!(matches!(ended.outcome, Outcome::Failed { .. }), "{:?}", ended.outcome);
    assert!(began.elapsed() >= Duration::from_secs(45 * 60), "the gate did not wait");
    assert!(!renewal.is_finished());
    renewal.abort();
    let left = looks.left.lock().unwrap().clone();
    assert!(left.len() > 100, "{} looks", left.len());
    assert!(left.iter().all(|left| *left >= SignedDuration::from_mins(9)), "it would have run out: {left:?}");
    release(&*fake, &on, &lock).await.unwrap();
    assert_eq!(look(&*fake, &on).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_somebody_took_over_is_not_taken_back() {
    let fake = deployed(STACK).await;
    let plan = planned(&fake, &desired(&STACK.replace("idle_timeout: 60s", "idle_timeout: 50s"))).await;
    let on = Record::of(&plan, &plan.steps).lock.unwrap();
    let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    let mine = Lock::new("ann@here", "20261122T000000Z-00000001", now);
    let theirs = Lock::new("bob@there", "20261122T000000Z-00000002", now);
    take(&*fake, &on, &mine, now, |_| false).await.unwrap();
    assert_eq!(take(&*fake, &on, &theirs, now, |_| false).await.unwrap(), Taken::Theirs(mine.clone()));
    assert_eq!(take(&*fake, &on, &theirs, now, |_| true).await.unwrap(), Taken::Ours(Some(mine.clone())));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let renewal = tokio::spawn({
        let (fake, on, mine, heard) = (Arc::clone(&fake), on.clone(), mine.clone(), Arc::clone(&heard));
        async move { keep(&*fake, &on, &mine, move || now, |renewed| heard.lock().unwrap().push(renewed)).await }
    });
    tokio::time::sleep(Duration::from_secs(310)).await;
    renewal.abort();
    assert_eq!(*heard.lock().unwrap(), [Ok(Some(theirs.clone()))]);
    release(&*fake, &on, &mine).await.unwrap();
    assert_eq!(look(&*fake, &on).await.unwrap(), Some(theirs), "nor given back by the one who lost it");
}
