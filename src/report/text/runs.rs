//! The recorded runs: when, over what, how they ended, how to go on or back.

use super::page::Page;
use crate::apply::{Ended, Outcome, Past, undone_by};
use crate::report::Look;
use crate::report::layout::{clean, count};
use crate::report::paint::{BAD, FAINT, GOOD, HINT, WARN};

/// The runs, latest first.
pub fn runs(runs: &[Past], look: &Look) -> String {
    let mut page = Page::new(look);
    if runs.is_empty() {
        page.line("No runs are recorded here.");
    }
    for past in runs.iter().rev() {
        one(runs, past, &mut page);
    }
    page.text()
}

fn one(runs: &[Past], past: &Past, page: &mut Page<'_>) {
    let header = &past.header;
    let (style, ended) = match &past.ended {
        Ended::With(Outcome::Completed) => (GOOD, "done"),
        Ended::With(Outcome::Failed { .. }) => (BAD, "stopped"),
        Ended::With(Outcome::AwaitingValidation { .. }) => (WARN, "waits for DNS"),
        Ended::With(Outcome::Interrupted) => (WARN, "interrupted"),
        Ended::Running => (WARN, "at work"),
        Ended::Died => (BAD, "died"),
    };
    let ended = page.paint(style, ended);
    let what = match &header.of {
        Some(of) => format!("{} of {of}", header.command),
        None => header.command.clone(),
    };
    let who = format!("stack {} · account {} · {}", header.stack, header.account, header.region);
    page.line(&format!("{}  {ended}  {} · {}", clean(&header.run), clean(&what), clean(&who)));
    let total = past.record.as_ref().map_or_else(|| "?".to_owned(), |record| record.steps.len().to_string());
    let took = past.last.duration_since(past.began).as_secs_f64();
    page.line(&format!("  {} of {total} steps in {took:.1} s, from {}", past.done(), past.began));
    if let Ended::With(Outcome::Failed { step, .. }) = &past.ended {
        page.wrapped(2, &clean(&format!("at `{step}`")));
    }
    for ran in past.unknown() {
        let line = format!("`{}` was announced and has no recorded end: it may have taken effect", ran.step);
        page.wrapped(2, &clean(&line));
    }
    if past.damaged > 0 {
        let verb = if past.damaged == 1 { "is" } else { "are" };
        page.line(&format!("  {} of the journal {verb} damaged", count(past.damaged, "line")));
    }
    let line = page.paint(FAINT, &clean(&past.path.display().to_string()));
    page.line(&format!("  {line}"));
    if let Some(way) = way(runs, past) {
        let word = page.paint(HINT, "hint");
        page.line(&format!("  {word}: {}", clean(&way)));
    }
}

/// How to go on, or back.
fn way(runs: &[Past], past: &Past) -> Option<String> {
    if let Some(by) = undone_by(runs, past) {
        return Some(format!("undone by {}", by.header.run));
    }
    let on = go_on(past);
    let back = format!("`no502 rollback {}` undoes it", past.header.run);
    match (&past.ended, past.ran.is_empty()) {
        (Ended::Running, _) | (_, true) => None,
        (Ended::With(Outcome::Completed), false) => Some(back),
        (Ended::With(_) | Ended::Died, false) => Some(format!("`{on}` reads AWS and goes on; {back}")),
    }
}

/// What to run to go on.
pub(in crate::report) fn go_on(past: &Past) -> String {
    match &past.header.of {
        Some(of) => format!("no502 rollback {of}"),
        None => format!("no502 {}", past.header.command),
    }
}
