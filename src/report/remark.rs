//! Remarks: whatever there is to say, one by one, each with its weight and its place. Every format but text and the JSON
//! of one command is made of them, and so is what a check's exit code rests on.
//!
//! A remark does not know how it will be shown, nor which code the program ends with; [`Report`](super::Report) adds them
//! up. What comes from files or AWS is made harmless for a terminal here.

use jiff::Timestamp;
use serde::Serialize;

use super::layout::clean;
use super::place::Places;
use super::problem;
use crate::desired::{Level, Problem, Resolved};
use crate::model::{Address, FieldPath, Place, Span};
use crate::rules::{Accepted, Finding, Severity, find};

/// How loud a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loudness {
    /// It must be mended.
    Error,
    /// It should be looked at.
    Warning,
    /// Worth knowing.
    Note,
}

impl Loudness {
    /// The word in SARIF and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
    /// How loud findings of a severity are.
    pub const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Critical | Severity::High => Self::Error,
            Severity::Medium => Self::Warning,
            Severity::Low | Severity::Info => Self::Note,
        }
    }
}

/// What a remark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// What is wrong with, or doubtful about, a file.
    File,
    /// What a rule says.
    Finding,
    /// A field that differs, or a whole resource.
    Difference,
    /// What could not be read.
    Gap,
    /// What a guard refuses.
    Refused,
    /// A live resource that no file mentions.
    Unmanaged,
    /// A live setting that no file mentions.
    Undeclared,
}

/// What a remark does to the outcome. The worst of all decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Nothing: it is said, and does not count.
    None,
    /// What was looked for cannot be known.
    Incomplete,
    /// Something differs.
    Differs,
    /// Clients see 5xx, or can.
    #[serde(rename = "5xx")]
    FiveXx,
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

/// Who accepts a remark, so that it is said and does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Acceptance {
    /// Until when, why, and whose it is, in a line.
    pub because: String,
    /// Whether that stands in the desired files; else in the file of `--ignore`.
    pub in_source: bool,
}

/// Since when something is known, from one report to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The first check that saw it.
    pub first: Timestamp,
    /// The last check before that, which did not.
    pub not_yet: Option<Timestamp>,
}

/// A remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it is about.
    pub topic: Topic,
    /// What it does to the outcome.
    pub weight: Weight,
    /// How loud it is.
    pub loudness: Loudness,
    /// The code of what says it: a rule's, a cause's (`drift`), or one of the codes here.
    pub code: &'static str,
    /// The resource it is about; none for what concerns none.
    pub address: Option<String>,
    /// The names of the load balancers whose clients it concerns, where that is known.
    pub load_balancers: Vec<String>,
    /// One line, the address included.
    pub title: String,
    /// The rest, in a paragraph; empty if the title says it all.
    pub detail: String,
    /// The way out; empty if the detail has it.
    pub fix: String,
    /// Where; `None` for what concerns no place.
    pub at: Option<Region>,
    /// The second place of a conflict, and what is there.
    pub also: Option<(Region, String)>,
    /// Who accepts it, if somebody does.
    pub accepted: Option<Acceptance>,
    /// Since when it is known, if an earlier report was given.
    pub seen: Option<Seen>,
    /// The same over runs, however lines move.
    pub id: String,
}

/// The code of what is wrong with a file itself.
pub const FILE: &str = "desired-file";

impl Remark {
    /// A remark without detail, place or weight.
    pub fn new(topic: Topic, code: &'static str, id: String, title: &str) -> Self {
        Self {
            topic,
            weight: Weight::None,
            loudness: Loudness::Note,
            code,
            address: None,
            load_balancers: Vec::new(),
            title: clean(title).into_owned(),
            detail: String::new(),
            fix: String::new(),
            at: None,
            also: None,
            accepted: None,
            seen: None,
            id,
        }
    }
    /// The same about a resource.
    #[must_use]
    pub fn about(self, address: impl ToString) -> Self {
        Self { address: Some(clean(&address.to_string()).into_owned()), ..self }
    }
    /// The same with the rest of it.
    #[must_use]
    pub fn detailed(self, detail: &str) -> Self {
        Self { detail: clean(detail).trim().to_owned(), ..self }
    }
    /// The same, accepted: it counts no more.
    #[must_use]
    pub fn accepted(self, because: &str, in_source: bool) -> Self {
        let accepted = Some(Acceptance { because: clean(because).into_owned(), in_source });
        Self { accepted, weight: Weight::None, ..self }
    }
    /// What is said besides the title, in a paragraph.
    pub fn rest(&self) -> String {
        match (self.detail.as_str(), self.fix.as_str()) {
            (detail, "") => detail.to_owned(),
            (detail, fix) => format!("{detail} Fix: {fix}").trim_start().to_owned(),
        }
    }
    /// What remarks are ordered by: what counts most first, then the loudest; what is wrong with files by its place.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        let of_file = self.at.as_ref().filter(|_| self.topic == Topic::File).map(|at| at.from.clone());
        let place = (of_file.is_none(), of_file);
        let address = self.address.clone().unwrap_or_default();
        (std::cmp::Reverse(self.weight), self.loudness, self.topic, place, address, self.id.clone())
    }
}

/// What is wrong with a file.
pub(super) fn of_problem(places: &Places<'_>, found: &Problem) -> Remark {
    let label = found.at.as_ref().map(|(_, label)| label.as_str()).filter(|label| !label.is_empty());
    let hint = found.hint.as_ref().map(|hint| format!("hint: {hint}"));
    let detail: Vec<String> = label.map(str::to_owned).into_iter().chain(hint).collect();
    let id = format!("{FILE}:{}:{}", problem::level(found), found.message);
    let remark = Remark::new(Topic::File, FILE, id, &found.message).detailed(&detail.join("; "));
    Remark {
        loudness: match found.level {
            Level::Error => Loudness::Error,
            Level::Warning => Loudness::Warning,
        },
        at: found.at.as_ref().and_then(|(span, _)| region(places, *span)),
        also: found.also.as_ref().and_then(|(span, label)| Some((region(places, *span)?, clean(label).into_owned()))),
        ..remark
    }
}

/// What a rule says; `counts` is whether what hurts clients counts.
pub(super) fn of_finding(places: &Places<'_>, desired: &Resolved, finding: &Finding, counts: bool) -> Option<Remark> {
    let title = format!("{}: {}", finding.address, finding.title);
    let remark = Remark::new(Topic::Finding, find(&finding.rule)?.code, finding.id(), &title);
    Some(Remark {
        weight: if counts && finding.severity >= Severity::High { Weight::FiveXx } else { Weight::None },
        loudness: Loudness::of(finding.severity),
        fix: clean(&finding.fix.text).trim().to_owned(),
        at: at_field(places, desired, &finding.address, &finding.field),
        ..remark.about(&finding.address).detailed(&finding.detail)
    })
}

/// What a rule says and the files accept.
pub(super) fn of_accepted(places: &Places<'_>, desired: &Resolved, known: &Accepted) -> Option<Remark> {
    let because = format!("accepted until {}: {}", known.until, known.reason);
    Some(of_finding(places, desired, &known.finding, false)?.accepted(&because, true))
}

/// Where a field is declared; a target that no file mentions stands at its group's `targets`.
pub(super) fn at_field(
    places: &Places<'_>,
    desired: &Resolved,
    address: &Address,
    field: &FieldPath,
) -> Option<Region> {
    let own = desired.span(address, field).or_else(|| desired.span(&address.parent()?, &"targets".into()));
    own.or_else(|| desired.span(&address.parent()?, &FieldPath::root())).and_then(|span| region(places, span))
}

fn region(places: &Places<'_>, span: Span) -> Option<Region> {
    let from = places.place(span)?;
    let end = places.place(Span { start: span.end.max(span.start), ..span })?;
    Some(Region { from, line: end.line, column: end.column })
}
