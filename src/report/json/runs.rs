//! The document of `runs`.

use jiff::Timestamp;
use serde::Serialize;

use super::{FORMAT_VERSION, TOOL_VERSION};
use crate::apply::{CallEnd, Ended, Outcome, Past, undone_by};
use crate::report::text::go_on;

/// The recorded runs, latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the contract describes such keys")]
pub struct RunsDocument {
    pub format_version: &'static str,
    pub tool_version: &'static str,
    pub runs: Vec<RunEntry>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the contract describes such keys")]
pub struct RunEntry {
    pub run: String,
    pub command: String,
    /// The run that it undoes.
    pub of: Option<String>,
    pub began: Timestamp,
    /// When it was last heard of.
    pub last: Timestamp,
    pub account: String,
    pub region: String,
    pub stack: String,
    /// `completed`, `failed`, `awaiting_validation`, `interrupted`, `running` or `died`.
    pub outcome: &'static str,
    /// How many steps there were; absent if the journal is damaged.
    pub total: Option<usize>,
    pub steps: Vec<StepEntry>,
    /// The rollback that undid it.
    pub undone_by: Option<String>,
    /// What to run to go on.
    pub go_on: String,
    pub journal: String,
    /// Lines of the journal that cannot be read.
    pub damaged: usize,
}

/// A step that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the contract describes such keys")]
pub struct StepEntry {
    pub id: String,
    pub operation: &'static str,
    pub address: String,
    /// How often it was made again because AWS refused it for a reason that passes.
    pub retries: usize,
    /// `done`, `failed` or `unknown`.
    pub end: &'static str,
    pub milliseconds: Option<i128>,
}

/// The document.
pub fn runs(runs: &[Past]) -> RunsDocument {
    let entries = runs.iter().rev().map(|past| entry(runs, past)).collect();
    RunsDocument { format_version: FORMAT_VERSION, tool_version: TOOL_VERSION, runs: entries }
}

fn entry(runs: &[Past], past: &Past) -> RunEntry {
    let header = past.header.clone();
    let steps = past.ran.iter().map(|ran| StepEntry {
        id: ran.step.to_string(),
        operation: ran.operation.name(),
        address: ran.address.to_string(),
        retries: ran.retries,
        end: match ran.end {
            CallEnd::Done(_) => "done",
            CallEnd::Failed(_) => "failed",
            CallEnd::Unknown => "unknown",
        },
        milliseconds: ran.took.map(|took| took.as_millis()),
    });
    RunEntry {
        steps: steps.collect(),
        undone_by: undone_by(runs, past).map(|by| by.header.run.clone()),
        go_on: go_on(past),
        run: header.run,
        command: header.command,
        of: header.of,
        began: past.began,
        last: past.last,
        account: header.account,
        region: header.region,
        stack: header.stack,
        outcome: match &past.ended {
            Ended::With(Outcome::Completed) => "completed",
            Ended::With(Outcome::Failed { .. }) => "failed",
            Ended::With(Outcome::AwaitingValidation { .. }) => "awaiting_validation",
            Ended::With(Outcome::Interrupted) => "interrupted",
            Ended::Running => "running",
            Ended::Died => "died",
        },
        total: past.record.as_ref().map(|record| record.steps.len()),
        journal: past.path.display().to_string(),
        damaged: past.damaged,
    }
}
