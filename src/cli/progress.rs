//! Apply's progress on standard error: one line when a step ends, one when a gate waits.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;

use tokio::time::Instant;

use super::terminal::Terminal;
use crate::apply::{Event, Failure, Observer};
use crate::cloud::Operation;
use crate::model::StepId;

/// Prints what happens.
pub struct Progress {
    terminal: Terminal,
    total: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    began: BTreeMap<StepId, Instant>,
    ended: usize,
    stamps: BTreeSet<StepId>,
    seen: BTreeMap<StepId, String>,
}

impl Progress {
    /// For a run of so many steps.
    pub fn new(terminal: Terminal, total: usize) -> Self {
        Self { terminal, total, state: Mutex::new(State::default()) }
    }
}

impl Observer for Progress {
    fn observe(&self, event: &Event) -> io::Result<()> {
        let mut state = self.state.lock().map_err(|_| io::Error::other("the display's lock is poisoned"))?;
        match event {
            Event::Begun { step, operation, .. } => {
                state.began.insert(step.clone(), Instant::now());
                if matches!(
                    **operation,
                    Operation::AddTags { .. } | Operation::TagRules { .. } | Operation::RemoveTags { .. }
                ) {
                    state.stamps.insert(step.clone());
                }
            }
            Event::Done { step, .. } => {
                state.ended += 1;
                // marks are many and dull
                if state.stamps.contains(step) && self.terminal.verbose == 0 {
                    return Ok(());
                }
                let took = state.began.get(step).map_or(0.0, |at| at.elapsed().as_secs_f64());
                self.terminal.note(&format!("  [{}/{}] {step}  {took:.1}s", state.ended, self.total));
            }
            Event::Gone { step } => {
                state.ended += 1;
                self.terminal.note(&format!("  [{}/{}] {step}  gone already", state.ended, self.total));
            }
            Event::Waiting { step, sees, .. } => {
                // say a thing once, not at every look
                if state.seen.get(step) != Some(sees) {
                    self.terminal.note(&format!("          waiting: {sees}"));
                    state.seen.insert(step.clone(), sees.clone());
                }
            }
            Event::Opened { step } => {
                if state.seen.contains_key(step) {
                    self.terminal.note(&format!("          ready: {step}"));
                }
            }
            Event::Failed { step, why: Failure::Interrupted { sees } } => {
                self.terminal.note(&format!("  stopped at {step}: {sees}"));
            }
            Event::Failed { step, .. } => self.terminal.note(&format!("  failed: {step}")),
            Event::Stopped { .. } => {}
        }
        Ok(())
    }
}
