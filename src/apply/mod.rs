//! Apply: runs a plan's steps, waits at its gates, stops at the first failure, and verifies the end.
//!
//! It makes no choices: order, values and waits are the plan's. Just before each write it reads the object
//! again and stops if it is not what the plan saw.

mod engine;
mod event;
mod gate;
mod journal;
pub mod lock;
mod retry;
mod slots;
mod stale;

use std::time::Duration;

pub use engine::{Run, Work, run};
pub use event::{Event, Failure, Observer, Outcome};
pub use journal::{BadJournal, CallEnd, Ended, Header, Journal, Past, Ran, is_over, runs, undone_by};

/// How a run behaves. Durations are real time; tests pause tokio's clock.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many steps may run at a time. The API budget, not this, sets the pace.
    pub concurrency: usize,
    /// How long one gate may wait.
    pub gate_timeout: Duration,
    /// How often a gate looks.
    pub poll: Duration,
    /// Whether to wait at gates at all.
    pub gates: bool,
    /// The pause between a shift of requests and what takes the old side away.
    pub settle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: 4,
            gate_timeout: Duration::from_secs(600),
            poll: Duration::from_secs(5),
            gates: true,
            settle: Duration::from_secs(30),
        }
    }
}
