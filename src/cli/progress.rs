//! Apply's progress on standard error: one line when a step ends; on a terminal also one for each step that runs, with
//! what its gate waits for. Where nobody looks (CI), a gate says once that it waits and once that it opened.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::terminal::Terminal;
use crate::apply::{Event, Failure, Observer};
use crate::cloud::Operation;
use crate::model::StepId;
use crate::report::text::duration;

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
    /// The steps that run, with what they wait for.
    running: BTreeMap<StepId, String>,
    /// When the gate of a step first said that it waits, and when it opened.
    waited: BTreeMap<StepId, (Instant, Option<Instant>)>,
    /// Steps whose call is made again.
    tried: BTreeSet<StepId>,
    /// Lines of running steps on the terminal.
    drawn: usize,
}

impl State {
    fn took(&self, step: &StepId) -> f64 {
        self.began.get(step).map_or(0.0, |at| at.elapsed().as_secs_f64())
    }
}

impl Progress {
    /// For a run of so many steps.
    pub fn new(terminal: Terminal, total: usize) -> Self {
        Self { terminal, total, state: Mutex::new(State::default()) }
    }

    /// Which gates were waited for, and how long; those that opened at once are not among them.
    pub fn waits(&self) -> Vec<(StepId, Duration)> {
        let Ok(state) = self.state.lock() else { return Vec::new() };
        let waited = |(from, to): (Instant, Option<Instant>)| to.unwrap_or_else(Instant::now).duration_since(from);
        state.waited.iter().map(|(step, wait)| (step.clone(), waited(*wait))).collect()
    }

    /// Prints a line that stays, above those of the steps that run.
    fn print(&self, state: &mut State, line: Option<&str>) {
        if !self.terminal.live {
            line.into_iter().for_each(|line| self.terminal.note(line));
            return;
        }
        let mut text = line.map(|line| format!("{line}\n")).unwrap_or_default();
        for (step, waits) in &state.running {
            // a line that wraps could not be taken back
            let line: String = format!("  … {step}  {waits}").chars().take(self.terminal.width - 1).collect();
            text.push_str(&line);
            text.push('\n');
        }
        self.terminal.rewrite(state.drawn, &text);
        state.drawn = state.running.len();
    }

    /// What a line says of an event, if it says something.
    fn note(&self, state: &mut State, event: &Event) -> Option<String> {
        match event {
            Event::Begun { step, operation, .. } => {
                state.began.insert(step.clone(), Instant::now());
                if matches!(
                    **operation,
                    Operation::AddTags { .. } | Operation::TagRules { .. } | Operation::RemoveTags { .. }
                ) {
                    state.stamps.insert(step.clone());
                } else {
                    state.running.insert(step.clone(), String::new());
                }
                None
            }
            Event::Done { step, .. } => {
                state.ended += 1;
                state.running.remove(step);
                // marks are many and dull
                let dull = state.stamps.contains(step) && self.terminal.verbose == 0;
                let took = state.took(step);
                (!dull).then(|| format!("  [{}/{}] {step}  {took:.1}s", state.ended, self.total))
            }
            Event::Gone { step } => {
                state.ended += 1;
                state.running.remove(step);
                Some(format!("  [{}/{}] {step}  gone already", state.ended, self.total))
            }
            Event::Waiting { step, sees, left, .. } => {
                let left = duration(*left);
                state.running.insert(step.clone(), format!("waits: {sees} ({left} left)"));
                let first = !state.waited.contains_key(step);
                state.waited.entry(step.clone()).or_insert_with(|| (Instant::now(), None));
                (first && !self.terminal.live).then(|| format!("          waiting: {sees} (at most {left})"))
            }
            Event::Retried { step, error } => {
                state.running.insert(step.clone(), format!("tries again: {error}"));
                let first = state.tried.insert(step.clone());
                (first && !self.terminal.live).then(|| format!("          trying again: {step}: {error}"))
            }
            Event::Opened { step } => {
                state.running.remove(step);
                let took = state.took(step);
                let opened = state.waited.get_mut(step).map(|(_, end)| *end = Some(Instant::now()));
                opened.map(|()| format!("          ready: {step}  {took:.1}s"))
            }
            Event::Failed { step, why } => {
                state.running.remove(step);
                Some(match why {
                    Failure::Interrupted { sees } => format!("  stopped at {step}: {sees}"),
                    Failure::Call { .. }
                    | Failure::Stale { .. }
                    | Failure::GateFailed { .. }
                    | Failure::GateTimedOut { .. }
                    | Failure::NotRecorded { .. } => format!("  failed: {step}"),
                })
            }
            Event::Stopped { .. } => {
                state.running.clear();
                None
            }
        }
    }
}

impl Observer for Progress {
    fn observe(&self, event: &Event) -> io::Result<()> {
        let mut state = self.state.lock().map_err(|_| io::Error::other("the display's lock is poisoned"))?;
        let line = self.note(&mut state, event);
        self.print(&mut state, line.as_deref());
        Ok(())
    }
}
