//! Findings: what clients see, worst first.

use std::collections::BTreeSet;

use super::page::Page;
use crate::diagnose::fold::explains;
use crate::model::Address;
use crate::report::View;
use crate::report::aftermath::{self, Aftermath, Judged};
use crate::report::layout::{clean, pad, shorten, width, wrap, wrap_at_most};
use crate::report::paint::{self, FAINT, GOOD, WARN};
use crate::report::value::in_words;
use crate::rules::{Finding, Severity};

/// Where titles and details begin.
pub(super) const INDENT: usize = 12;
/// More findings than this, and a brief report leaves out those that clients do not see yet.
const MANY: usize = 8;
/// More than this, and it says of each on one line what clients see.
const FEW: usize = 6;

/// Findings with the same cause, severity and effect, which a brief report shows as one.
struct Group<'a> {
    first: &'a Finding,
    rest: Vec<&'a Finding>,
    aftermath: Option<Aftermath>,
}

impl<'a> Group<'a> {
    fn alike(&self, other: &Finding, aftermath: Option<Aftermath>) -> bool {
        let (a, b) = (self.first, other);
        (&a.rule, a.severity, &a.detail, self.aftermath) == (&b.rule, b.severity, &b.detail, aftermath)
    }
    fn all(findings: impl Iterator<Item = (&'a Finding, Option<Aftermath>)>, merge: bool) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (finding, aftermath) in findings {
            match groups.iter_mut().find(|g| merge && g.alike(finding, aftermath)) {
                Some(group) => group.rest.push(finding),
                None => groups.push(Self { first: finding, rest: Vec::new(), aftermath }),
            }
        }
        groups
    }
    /// The resources, in a brief report two of them.
    fn addresses(&self) -> String {
        let first = self.first.address.to_string();
        match self.rest.as_slice() {
            [] => first,
            [only] => format!("{first}, {}", only.address),
            more => format!("{first} and {} more", more.len()),
        }
    }
}

/// Findings about the live state.
pub(super) fn live(view: &View<'_>, page: &mut Page<'_>) {
    let all = aftermath::findings(view.plan);
    let present: Vec<&Judged<'_>> = all.iter().filter(|j| j.aftermath != Aftermath::Appears).collect();
    let worst = present.iter().map(|j| j.finding.severity).max();
    match worst {
        Some(Severity::Critical) => page.heading("Clients see errors now"),
        Some(Severity::High) => page.heading("Clients can see errors"),
        Some(Severity::Medium | Severity::Low | Severity::Info) => page.heading("Findings"),
        None => return,
    }
    let to_mend = !view.plan.is_clean();
    let judged = present.iter().map(|j| (j.finding, to_mend.then_some(j.aftermath)));
    list(judged, page);
}

/// Findings that the plan itself would bring.
pub(super) fn appearing(view: &View<'_>, page: &mut Page<'_>) {
    let all = aftermath::findings(view.plan);
    let future: Vec<&Judged<'_>> = all.iter().filter(|j| j.aftermath == Aftermath::Appears).collect();
    if !future.is_empty() {
        page.heading("This plan would bring");
        list(future.iter().map(|j| (j.finding, Some(j.aftermath))), page);
    }
}

/// Findings of files alone.
pub(super) fn of_files(findings: &[Finding], page: &mut Page<'_>) {
    list(findings.iter().map(|f| (f, None)), page);
}

fn list<'a>(findings: impl Iterator<Item = (&'a Finding, Option<Aftermath>)>, page: &mut Page<'_>) {
    let brief = page.is_brief();
    let all: Vec<_> = findings.collect();
    let floor = if brief { floor(&all) } else { Severity::Info };
    let follows = |finding: &Finding| all.iter().any(|(f, _)| f.severity >= floor && is_why(f, finding));
    let is_shown = |finding: &Finding| finding.severity >= floor && !(brief && follows(finding));
    let (shown, minor): (Vec<_>, Vec<_>) = all.iter().copied().partition(|(f, _)| is_shown(f));
    let nothing_else = shown.is_empty();
    let groups = Group::all(shown.into_iter(), brief);
    let room = if groups.len() > FEW { 1 } else { 2 };
    for group in &groups {
        print(group, room, page);
    }
    if !minor.is_empty() {
        let codes: BTreeSet<&str> = minor.iter().map(|(f, _)| f.rule.as_str()).collect();
        let codes = codes.into_iter().collect::<Vec<_>>().join(", ");
        let (n, them) = (minor.len(), if minor.len() == 1 { "it" } else { "them" });
        let line = if nothing_else {
            format!("  {n} minor ({codes}); -v shows {them}")
        } else {
            format!("  and {n} more, minor or consequences ({codes}); -v shows {them}")
        };
        let line = page.paint(FAINT, &line);
        page.line(&line);
    }
}

/// Whether one finding is the reason of another about the same resource.
fn is_why(cause: &Finding, finding: &Finding) -> bool {
    let about = |f: &Finding| -> BTreeSet<Address> {
        f.evidence.iter().map(|e| &e.address).chain([&f.address]).cloned().collect()
    };
    explains(cause, finding) && !about(cause).is_disjoint(&about(finding))
}

/// The least severity that a brief report shows: where there is much to say, it keeps to what clients see.
fn floor(all: &[(&Finding, Option<Aftermath>)]) -> Severity {
    let latent = all.iter().filter(|(f, _)| f.severity >= Severity::Medium);
    let urgent = all.iter().any(|(f, _)| f.severity >= Severity::High);
    if urgent && Group::all(latent.copied(), true).len() > MANY { Severity::High } else { Severity::Medium }
}

/// Severity, address, title, code; what clients see; the way out where the plan has none.
/// What clients see takes so many lines of a brief report where it is critical.
fn print(group: &Group<'_>, room: usize, page: &mut Page<'_>) {
    let finding = group.first;
    let word = finding.severity.as_str().to_uppercase();
    let word = page.cell(paint::severity(finding.severity), &word, INDENT - 4);
    let address = clean(&group.addresses()).into_owned();
    let title = clean(&finding.title).into_owned();
    let tail = match group.aftermath {
        Some(Aftermath::Stays) => format!("({}, stays)", finding.rule),
        Some(Aftermath::Mended | Aftermath::Appears) | None => format!("({})", finding.rule),
    };
    if INDENT + width(&address) + 2 + width(&title) + 2 + width(&tail) <= page.width {
        page.line(&format!("  {word}  {address}  {title}  {}", page.paint(FAINT, &tail)));
    } else {
        page.line(&format!("  {word}  {address}  {}", page.paint(FAINT, &tail)));
        page.wrapped(INDENT, &title);
    }
    let detail = clean(&finding.detail).into_owned();
    if !page.is_brief() {
        page.wrapped(INDENT, &detail);
        evidence(finding, page);
    } else if finding.severity >= Severity::High {
        let lines = if finding.severity == Severity::Critical { room } else { 1 };
        for line in first_sentences(&detail, page.width - INDENT, lines) {
            page.line(&format!("{}{line}", pad("", INDENT)));
        }
    }
    fix(finding, group.aftermath, page);
}

/// The sentences that fit on a line; else what fits of the first one on so many lines.
pub(super) fn first_sentences(text: &str, room: usize, lines: usize) -> Vec<String> {
    let ends = text.match_indices(". ").map(|(at, _)| at + 1).chain(std::iter::once(text.len()));
    let fitting: Vec<&str> = ends.map(|end| text.get(..end).unwrap_or(text)).collect();
    match fitting.iter().rev().find(|part| width(part) <= room) {
        Some(part) => vec![(*part).to_owned()],
        None => wrap_at_most(fitting.first().unwrap_or(&text), room, lines),
    }
}

fn fix(finding: &Finding, aftermath: Option<Aftermath>, page: &mut Page<'_>) {
    let (mark, style) = match aftermath {
        Some(Aftermath::Mended) if page.is_brief() => return,
        Some(Aftermath::Mended) => ("this plan mends it", GOOD),
        Some(Aftermath::Stays | Aftermath::Appears) | None => ("fix", WARN),
    };
    if finding.fix.text.is_empty() {
        return;
    }
    let text = format!("{mark}: {}", clean(&finding.fix.text));
    let room = page.width - INDENT;
    let lines = if page.is_brief() { wrap_at_most(&text, room, 2) } else { wrap(&text, room) };
    for line in lines {
        let line = page.paint(style, &line);
        page.line(&format!("{}{line}", pad("", INDENT)));
    }
}

fn evidence(finding: &Finding, page: &mut Page<'_>) {
    for evident in &finding.evidence {
        let field = if evident.field.as_str().is_empty() { String::new() } else { format!(" {}", evident.field) };
        let text = format!("{}{field} = {}", evident.address, in_words(&evident.field, &evident.value));
        let text = shorten(&clean(&text), page.width - INDENT);
        let text = page.paint(FAINT, &text);
        page.line(&format!("{}{text}", pad("", INDENT)));
    }
}
