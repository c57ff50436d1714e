//! JSON documents: the contract's keys, from typed values, in a fixed order.
//!
//! `format_version` 1.0; new keys may come, none goes or changes its meaning.

mod build;
mod diagnose;
mod files;
mod probe;
mod runs;
mod types;

use serde::Serialize;

pub use build::{check, plan, resources};
pub use diagnose::{BalancerEntry, CauseEntry, DiagnoseDocument, MetEntry, TrafficEntry, diagnosis};
pub use files::{
    KeyDocument, LeftOutDocument, RuleDocument, RulesDocument, ValidateDocument, explanation, key, left_out, rules,
    validate,
};
pub use probe::{ProbeCheck, ProbeDocument, ProbedTarget, probe};
pub use runs::{RunEntry, RunsDocument, StepEntry, runs};
pub use types::{
    Accepted, After, ApiCalls, Change, Checked, End, Field, Finding, Gap, Gate, Held, Ignored, NotChecked, Outcome,
    PlanDocument, Refused, Resource, Since, Step, Undeclared, Unmanaged,
};

/// The version of every document.
pub const FORMAT_VERSION: &str = "1.0";
/// The version of this program.
pub const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The JSON Schema of every document of a command that reports: text, because it is only ever printed.
pub const SCHEMA: &str = include_str!("schema.json");

/// The document as text, with a line break at its end.
pub fn to_text<T: Serialize>(document: &T) -> String {
    // our documents have string keys only, so that writing them cannot fail
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
