//! What files and rules have to say, as remarks at places: the common ground of formats that other
//! programs show beside the source.

use super::layout::clean;
use super::place::Places;
use super::{Validation, problem};
use crate::desired::{Level, Problem, Resolved};
use crate::model::{FieldPath, Place, Span};
use crate::rules::{Finding, Severity, find};

/// How loud a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loudness {
    /// It must be mended.
    Error,
    /// It should be looked at.
    Warning,
    /// Worth knowing.
    Note,
}

/// A stretch of a file: from its first character to the one after its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where it begins.
    pub from: Place,
    /// The line of its end.
    pub line: u32,
    /// The column after its end.
    pub column: u32,
}

/// A remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// How loud it is.
    pub loudness: Loudness,
    /// The code of what says it: a rule's, or [`FILE`].
    pub code: &'static str,
    /// One line.
    pub title: String,
    /// The rest, in a paragraph; empty if the title says it all.
    pub detail: String,
    /// Where; `None` for what concerns no place.
    pub at: Option<Region>,
    /// The second place of a conflict, and what is there.
    pub also: Option<(Region, String)>,
    /// Why it is accepted, if it is.
    pub accepted: Option<String>,
    /// The same over runs, however lines move.
    pub id: String,
}

/// The code of what is wrong with a file itself.
pub const FILE: &str = "desired-file";

/// Every remark of a validation: the files' problems by place, then findings, worst first.
pub fn of(validation: &Validation<'_>) -> Vec<Annotation> {
    let places = Places::of(validation.files);
    let problems = validation.problems.iter().map(|p| of_problem(&places, p));
    let judged = validation.judgement.zip(validation.desired);
    let findings = judged.iter().flat_map(|(judgement, desired)| {
        let counted = judgement.findings.iter().filter_map(|finding| of_finding(&places, desired, finding));
        let known = judgement.accepted.iter().filter_map(|known| {
            let accepted = Some(clean(&format!("accepted until {}: {}", known.until, known.reason)).into_owned());
            Some(Annotation { accepted, ..of_finding(&places, desired, &known.finding)? })
        });
        counted.chain(known)
    });
    problems.chain(findings).collect()
}

fn of_problem(places: &Places<'_>, found: &Problem) -> Annotation {
    let region = |span: Span| region(places, span);
    let label = found.at.as_ref().map(|(_, label)| label.as_str()).filter(|label| !label.is_empty());
    let hint = found.hint.as_ref().map(|hint| format!("hint: {hint}"));
    let detail: Vec<String> = label.map(str::to_owned).into_iter().chain(hint).collect();
    Annotation {
        loudness: match found.level {
            Level::Error => Loudness::Error,
            Level::Warning => Loudness::Warning,
        },
        code: FILE,
        title: clean(&found.message).into_owned(),
        detail: clean(&detail.join("; ")).into_owned(),
        at: found.at.as_ref().and_then(|(span, _)| region(*span)),
        also: found.also.as_ref().and_then(|(span, label)| Some((region(*span)?, clean(label).into_owned()))),
        accepted: None,
        id: format!("{FILE}:{}:{}", problem::level(found), found.message),
    }
}

fn of_finding(places: &Places<'_>, desired: &Resolved, finding: &Finding) -> Option<Annotation> {
    let span = |field: &FieldPath| desired.span(&finding.address, field);
    let own = span(&finding.field).or_else(|| desired.span(&finding.address.parent()?, &"targets".into()));
    Some(Annotation {
        loudness: match finding.severity {
            Severity::Critical | Severity::High => Loudness::Error,
            Severity::Medium => Loudness::Warning,
            Severity::Low | Severity::Info => Loudness::Note,
        },
        code: find(&finding.rule)?.code,
        title: clean(&format!("{}: {}", finding.address, finding.title)).into_owned(),
        detail: clean(&[finding.detail.as_str(), &finding.fix.text].join(" ")).trim().to_owned(),
        at: own.and_then(|span| region(places, span)),
        also: None,
        accepted: None,
        id: finding.id(),
    })
}

fn region(places: &Places<'_>, span: Span) -> Option<Region> {
    let from = places.place(span)?;
    let end = places.place(Span { start: span.end.max(span.start), ..span })?;
    Some(Region { from, line: end.line, column: end.column })
}
