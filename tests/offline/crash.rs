//! A run ends after every number of calls, on the simulation: the next one goes on, and the end is always the same.

use std::sync::Arc;

use no502::apply::Outcome;
use no502::cloud::{CloudErrorKind, Snapshot};
use no502::model::Spec;

use super::apply::account;
use super::{STACK, applied, desired, planned};

/// What there is, by what it says and not by its id.
fn shape(snapshot: &Snapshot) -> Vec<String> {
    let name = |spec: &Spec| format!("{:?} {:?}", spec.kind(), spec.tags());
    let mut lines: Vec<String> = snapshot.found.values().map(|live| name(&live.spec)).collect();
    lines.sort();
    lines
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_after_any_call_is_continued_by_the_next() {
    let files = desired(STACK);
    let whole = Arc::new(account());
    let (run, _) = applied(&whole, &planned(&whole, &files).await).await;
    assert_eq!(run.outcome, Outcome::Completed);
    let (calls, expected) = (whole.names().len(), shape(&whole.snapshot()));
    assert!(calls > 15, "{calls}");
    for nth in 0..calls {
        for took_effect in [false, true] {
            let fake = Arc::new(account());
            fake.fail_at(nth, CloudErrorKind::TimedOut, took_effect);
            let (first, _) = applied(&fake, &planned(&fake, &files).await).await;
            assert_ne!(first.outcome, Outcome::Completed, "call {nth} did not fail");
            let (second, _) = applied(&fake, &planned(&fake, &files).await).await;
            assert_eq!(second.outcome, Outcome::Completed, "call {nth}, took effect: {took_effect}");
            assert_eq!(shape(&fake.snapshot()), expected, "call {nth}, took effect: {took_effect}");
            let left = planned(&fake, &files).await;
            assert!(left.is_clean() && left.steps.is_empty(), "call {nth}: {:#?}", left.steps);
        }
    }
    eprintln!("{} runs ended after a call of {calls}, and continued", 2 * calls);
}
