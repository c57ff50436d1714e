//! Documents that need no plan: validation, and the rules.

use serde::Serialize;

use super::build::{accepted, finding, not_checked};
use super::types::{Accepted, Finding, NotChecked};
use super::{FORMAT_VERSION, TOOL_VERSION};
use crate::desired::{Key, Problem};
use crate::model::Place;
use crate::report::place::Places;
use crate::report::{Validation, problem};
use crate::rules::explain::Explanation;
use crate::rules::left_out::LeftOut;
use crate::rules::{FixClass, Severity};

/// The document of `validate`, and of any command whose files are not usable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidateDocument {
    /// `1.0`.
    pub format_version: &'static str,
    /// This program's version.
    pub tool_version: &'static str,
    /// The command.
    pub command: String,
    /// Whether the files can be used.
    pub valid: bool,
    /// What is wrong with the files.
    pub problems: Vec<FileProblem>,
    /// What the rules say of them.
    pub findings: Vec<Finding>,
    /// What of that the files accept; it does not count.
    pub accepted: Vec<Accepted>,
    /// What they could not judge.
    pub not_checked: Vec<NotChecked>,
}

/// One problem of the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileProblem {
    /// `error` or `warning`.
    pub level: &'static str,
    /// What is wrong.
    pub message: String,
    /// The words under the caret.
    pub label: Option<String>,
    /// Where.
    pub source: Option<Place>,
    /// The second place of a conflict.
    pub also: Option<Place>,
    /// How to mend it.
    pub hint: Option<String>,
}

/// The document of a validation.
pub fn validate(command: &str, validation: &Validation<'_>) -> ValidateDocument {
    let places = Places::of(validation.files);
    let judged = validation.judgement.zip(validation.desired);
    let findings = judged.map(|(j, desired)| j.findings.iter().map(|f| finding(desired, &places, f, None)).collect());
    let known = judged.map(|(j, desired)| j.accepted.iter().map(|a| accepted(desired, &places, a)).collect());
    ValidateDocument {
        format_version: FORMAT_VERSION,
        tool_version: TOOL_VERSION,
        command: command.to_owned(),
        valid: !validation.problems.iter().any(|p| p.level == crate::desired::Level::Error),
        problems: validation.problems.iter().map(|p| file_problem(&places, p)).collect(),
        findings: findings.unwrap_or_default(),
        accepted: known.unwrap_or_default(),
        not_checked: validation.judgement.map(|j| j.not_checked.iter().map(not_checked).collect()).unwrap_or_default(),
    }
}

fn file_problem(places: &Places<'_>, found: &Problem) -> FileProblem {
    let label = found.at.as_ref().map(|(_, label)| label.clone()).filter(|label| !label.is_empty());
    FileProblem {
        level: problem::level(found),
        message: found.message.clone(),
        label,
        source: found.at.as_ref().and_then(|(span, _)| places.place(*span)),
        also: found.also.as_ref().and_then(|(span, _)| places.place(*span)),
        hint: found.hint.clone(),
    }
}

/// The document of `explain RULE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleDocument {
    /// `1.0`.
    pub format_version: &'static str,
    /// This program's version.
    pub tool_version: &'static str,
    /// The rule.
    pub rule: Explanation,
}

/// The document of a rule.
pub const fn explanation(rule: Explanation) -> RuleDocument {
    RuleDocument { format_version: FORMAT_VERSION, tool_version: TOOL_VERSION, rule }
}

/// The document of a known cause without a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOutDocument {
    /// `1.0`.
    pub format_version: &'static str,
    /// This program's version.
    pub tool_version: &'static str,
    /// The cause, and why there is no rule for it.
    pub left_out: LeftOut,
}

/// The document of a known cause without a rule.
pub const fn left_out(left_out: LeftOut) -> LeftOutDocument {
    LeftOutDocument { format_version: FORMAT_VERSION, tool_version: TOOL_VERSION, left_out }
}

/// The document of `explain KEY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyDocument {
    /// `1.0`.
    pub format_version: &'static str,
    /// This program's version.
    pub tool_version: &'static str,
    /// The key.
    pub key: Key,
}

/// The document of a key of the language.
pub const fn key(key: Key) -> KeyDocument {
    KeyDocument { format_version: FORMAT_VERSION, tool_version: TOOL_VERSION, key }
}

/// The document of `explain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RulesDocument {
    /// `1.0`.
    pub format_version: &'static str,
    /// This program's version.
    pub tool_version: &'static str,
    /// The rules: all by code, or what was searched for, best first.
    pub rules: Vec<RuleLine>,
}

/// A rule in the list of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleLine {
    /// The code.
    pub code: &'static str,
    /// The name.
    pub name: &'static str,
    /// The worst that a finding can be.
    pub severity: Severity,
    /// Who can mend it.
    pub fix: FixClass,
    /// The cause.
    pub summary: &'static str,
}

/// The document of a list of rules.
pub fn rules(list: &[&'static crate::rules::Rule]) -> RulesDocument {
    let line = |rule: &&'static crate::rules::Rule| RuleLine {
        code: rule.code,
        name: rule.name,
        severity: rule.severity,
        fix: rule.fix,
        summary: rule.summary,
    };
    RulesDocument { format_version: FORMAT_VERSION, tool_version: TOOL_VERSION, rules: list.iter().map(line).collect() }
}
