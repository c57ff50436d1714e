//! The end of an apply: what was done, in how long, and how to go on.

use std::time::Duration;

use super::page::Page;
use crate::report::Look;
use crate::report::layout::{clean, count};
use crate::report::paint::{BAD, GOOD, HINT, WARN};

/// How a run ended, in the simplest values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Everything is in sync, and another look at AWS confirms it.
    Done,
    /// A run is undone, and another look at AWS confirms it.
    Undone {
        /// The run.
        run: String,
    },
    /// All steps ended; so many resources still differ or are held.
    LeftOpen(usize),
    /// All that can be done is done; something outside AWS's reach must happen first.
    Waiting {
        /// The step that waits.
        step: String,
        /// For what: the DNS record to create.
        sees: String,
    },
    /// A step failed, or its gate timed out.
    Stopped {
        /// The step.
        step: String,
        /// What went wrong.
        error: String,
    },
    /// All steps ended, and AWS could not be read again to see what is left.
    Unread {
        /// Why.
        error: String,
    },
    /// A signal came; the call in flight was finished.
    Interrupted,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Steps that ended well.
    pub done: usize,
    /// Steps there were.
    pub total: usize,
    /// How long it took.
    pub took: Duration,
    /// The gates that were waited for, by their step, and how long.
    pub waits: Vec<(String, Duration)>,
    /// How it ended.
    pub end: RunEnd,
    /// What to run to go on, such as `no502 apply desired/`.
    pub again: String,
}

/// The last lines of an apply.
pub fn run(run: &Run, look: &Look) -> String {
    let mut page = Page::new(look);
    waits(run, &mut page);
    let took = duration(run.took);
    let steps = format!("{} of {}", run.done, count(run.total, "step"));
    let again = format!("`{}`", clean(&run.again));
    match &run.end {
        RunEnd::Done => {
            let word = page.paint(GOOD, "Done");
            page.line(&format!("{word}: {} in {took}. AWS now is what the files say.", count(run.done, "step")));
        }
        RunEnd::Undone { run: undone } => {
            let word = page.paint(GOOD, "Done");
            let steps = count(run.done, "step");
            page.line(&format!("{word}: {steps} in {took}. AWS now is what it was before run {}.", clean(undone)));
        }
        RunEnd::LeftOpen(left) => {
            let word = page.paint(WARN, "Done, but not all");
            let differ = if *left == 1 { "differs" } else { "differ" };
            page.line(&format!("{word}: {steps} in {took}; {} still {differ}.", count(*left, "resource")));
            hint(&mut page, &format!("{again} once that is possible; the plan above says why not now"));
        }
        RunEnd::Waiting { step, sees } => {
            let word = page.paint(WARN, "Waiting");
            page.line(&format!("{word} after {steps} in {took}, for what `{}` needs:", clean(step)));
            page.wrapped(2, &clean(sees));
            hint(&mut page, &format!("{again} goes on once that is done"));
        }
        RunEnd::Stopped { step, error } => {
            let word = page.paint(BAD, "Stopped");
            page.line(&format!("{word} after {steps} in {took}, at `{}`:", clean(step)));
            page.wrapped(2, &clean(error));
            page.line("Nothing more was started; what was done stays done. The journal holds what was there before.");
            hint(&mut page, &format!("{again} reads AWS and goes on from here"));
        }
        RunEnd::Unread { error } => {
            let word = page.paint(BAD, "Not verified");
            page.line(&format!("{word}: {steps} ended well in {took}, and then AWS could not be read again:"));
            page.wrapped(2, &clean(error));
            hint(&mut page, &format!("{again} reads AWS and says what is left, if anything"));
        }
        RunEnd::Interrupted => {
            let word = page.paint(WARN, "Interrupted");
            page.line(&format!("{word} after {steps} in {took}. The call in flight was finished and recorded."));
            hint(&mut page, &format!("{again} reads AWS and goes on from here"));
        }
    }
    page.text()
}

/// Where the time went, if much of it was spent waiting.
fn waits(run: &Run, page: &mut Page<'_>) {
    let Some((longest, took)) = run.waits.iter().max_by_key(|(_, took)| *took) else { return };
    if took.as_secs() == 0 {
        return;
    }
    page.line(&match run.waits.len() {
        1 => format!("One gate was waited for, {}: `{}`.", duration(*took), clean(longest)),
        n => format!("{n} gates were waited for, the longest {}: `{}`.", duration(*took), clean(longest)),
    });
}

fn hint(page: &mut Page<'_>, text: &str) {
    let word = page.paint(HINT, "hint");
    page.line(&format!("{word}: {text}"));
}

/// A duration as people say it: `0.4 s`, `12 s`, `3 min 5 s`.
pub fn duration(took: Duration) -> String {
    match took.as_secs() {
        0..10 => format!("{:.1} s", took.as_secs_f64()),
        s @ 10..120 => format!("{s} s"),
        s => format!("{} min {} s", s / 60, s % 60),
    }
}
