//! Reports: pure renderers, value in, text or JSON out.
//!
//! Nothing here prints, looks at a terminal, or decides an exit code; colour, width and detail are
//! parameters ([`Look`]). Every list is sorted, so that the same input gives the same bytes. What
//! comes from files or AWS is made harmless for a terminal first ([`layout::clean`]).
//!
//! - [`text`]: for people, to fit one screen; [`json`]: for programs, the contract's document
//! - [`problem`]: what is wrong with desired files, with source line and caret; secrets in a line are `masked`
//! - [`probe`]: what a probe saw, joined with findings
//! - [`whole`]: any report as one value, made of [`remark`]s; exit codes rest on it, [`since`] compares it with an
//!   earlier one, and [`markdown`], [`sarif`], [`junit`] and [`github`] are made of nothing else
//! - shared: [`summary`] (numbers), [`aftermath`] (what becomes of findings), [`value`] (values in a few words),
//!   [`place`] (places in files), [`watch`] (what fails a check)

pub mod aftermath;
mod differing;
pub mod gaps;
pub mod github;
pub mod json;
pub mod junit;
pub mod layout;
pub mod markdown;
mod masked;
pub mod paint;
pub mod place;
pub mod probe;
pub mod problem;
pub mod remark;
pub mod sarif;
pub mod since;
pub mod summary;
pub mod text;
pub mod value;
pub mod watch;
pub mod whole;

use crate::cloud::{ApiCalls, Identity};
use crate::desired::{Problem, Resolved};
use crate::diagnose::Diagnosis;
use crate::model::Sources;
use crate::plan::Plan;
use crate::rules::Judgement;

pub use paint::Colour;
pub use whole::Report;

/// How much a text report says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// One screen: the rest is counted.
    Brief,
    /// Everything.
    Full,
}

/// How a text report looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether ANSI colours are used.
    pub colour: Colour,
    /// How much is said.
    pub detail: Detail,
    /// Columns; 100 unless there is a reason.
    pub width: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self { colour: Colour::Off, detail: Detail::Brief, width: 100 }
    }
}

/// What a report on a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `plan`, `check` or `apply`.
    pub command: &'a str,
    /// The plan.
    pub plan: &'a Plan,
    /// The files, for the places.
    pub desired: &'a Resolved,
    /// What reading cost.
    pub api_calls: &'a ApiCalls,
    /// The PATH arguments as typed, for hints; empty for the default.
    pub paths: &'a str,
}

impl View<'_> {
    /// A command line of no502 on the same files.
    pub fn command_line(&self, verb: &str) -> String {
        if self.paths.is_empty() { format!("no502 {verb}") } else { format!("no502 {verb} {}", self.paths) }
    }
}

/// What a report on files alone is made from.
#[derive(Clone, Copy, Debug)]
pub struct Validation<'a> {
    /// The files.
    pub files: &'a Sources,
    /// What is wrong with them.
    pub problems: &'a [Problem],
    /// Their meaning, if they have one.
    pub desired: Option<&'a Resolved>,
    /// What the rules say of them, if they could be run.
    pub judgement: Option<&'a Judgement>,
}

/// What a report on a diagnosis is made from.
#[derive(Clone, Copy, Debug)]
pub struct Diagnosed<'a> {
    /// The diagnosis.
    pub diagnosis: &'a Diagnosis,
    /// The files, if there are some.
    pub desired: Option<&'a Resolved>,
    /// Who looked, and where.
    pub identity: &'a Identity,
    /// What reading cost.
    pub api_calls: &'a ApiCalls,
    /// The files as they were typed, for hints.
    pub paths: &'a str,
}
