//! Findings: what clients see, worst first.

use super::page::Page;
use crate::report::View;
use crate::report::aftermath::{self, Aftermath, Judged};
use crate::report::layout::{clean, count, pad, width, wrap_at_most};
use crate::report::paint::{self, FAINT, GOOD, WARN};
use crate::report::value::in_words;
use crate::rules::{Finding, Severity};

/// Where titles and details begin.
const INDENT: usize = 12;
/// How many lines of "what clients see" a brief report gives one finding.
const LINES: usize = 2;

/// Findings about the live state.
pub(super) fn live(view: &View<'_>, page: &mut Page<'_>) {
    let all = aftermath::findings(view.plan);
    let present: Vec<&Judged<'_>> = all.iter().filter(|j| j.aftermath != Aftermath::Appears).collect();
    let Some(worst) = present.iter().map(|j| j.finding.severity).max() else { return };
    let heading = match worst {
        Severity::Critical => "Clients see errors now",
        Severity::High => "Clients can see errors",
        Severity::Medium | Severity::Low | Severity::Info => "Findings",
    };
    page.heading(heading);
    let to_mend = !view.plan.is_clean();
    let (shown, minor): (Vec<&Judged<'_>>, Vec<&Judged<'_>>) =
        present.into_iter().partition(|j| !page.is_brief() || j.finding.severity >= Severity::Medium);
    for judged in shown {
        finding(judged.finding, to_mend.then_some(judged.aftermath), page);
    }
    if !minor.is_empty() {
        let codes: std::collections::BTreeSet<&str> = minor.iter().map(|j| j.finding.rule.as_str()).collect();
        let codes = codes.into_iter().collect::<Vec<_>>().join(", ");
        let line =
            page.paint(FAINT, &format!("  and {} ({codes}); -v shows them", count(minor.len(), "minor finding")));
        page.line(&line);
    }
}

/// Findings that the plan itself would bring.
pub(super) fn appearing(view: &View<'_>, page: &mut Page<'_>) {
    let all = aftermath::findings(view.plan);
    let future: Vec<&Judged<'_>> = all.iter().filter(|j| j.aftermath == Aftermath::Appears).collect();
    if future.is_empty() {
        return;
    }
    page.heading("The files themselves would bring");
    for judged in future {
        finding(judged.finding, Some(judged.aftermath), page);
    }
}

/// One finding: severity, address, title, code; what clients see; the way out where the plan has none.
pub(super) fn finding(finding: &Finding, aftermath: Option<Aftermath>, page: &mut Page<'_>) {
    let word = finding.severity.as_str().to_uppercase();
    let word = page.cell(paint::severity(finding.severity), &word, INDENT - 4);
    let address = clean(&finding.address.to_string()).into_owned();
    let title = clean(&finding.title).into_owned();
    let tail = match aftermath {
        Some(Aftermath::Stays) => format!("({}, stays)", finding.rule),
        Some(Aftermath::Mended | Aftermath::Appears) | None => format!("({})", finding.rule),
    };
    if INDENT + width(&address) + 2 + width(&title) + 2 + width(&tail) <= page.look.width {
        page.line(&format!("  {word}  {address}  {title}  {}", page.paint(FAINT, &tail)));
    } else {
        page.line(&format!("  {word}  {address}  {}", page.paint(FAINT, &tail)));
        page.wrapped(INDENT, &title);
    }
    let room = page.look.width - INDENT;
    let detail = clean(&finding.detail).into_owned();
    if !page.is_brief() {
        page.wrapped(INDENT, &detail);
        evidence(finding, page);
    } else if finding.severity >= Severity::High {
        for line in wrap_at_most(&detail, room, LINES) {
            page.line(&format!("{}{line}", pad("", INDENT)));
        }
    }
    fix(finding, aftermath, page);
}

fn fix(finding: &Finding, aftermath: Option<Aftermath>, page: &mut Page<'_>) {
    let (mark, style) = match aftermath {
        Some(Aftermath::Mended) if page.is_brief() => return,
        Some(Aftermath::Mended) => ("this plan mends it", GOOD),
        Some(Aftermath::Stays | Aftermath::Appears) | None => ("fix", WARN),
    };
    if finding.fix.text.is_empty() || (page.is_brief() && finding.severity < Severity::Medium) {
        return;
    }
    let text = format!("{mark}: {}", clean(&finding.fix.text));
    let lines = if page.is_brief() { 1 } else { 9 };
    for line in wrap_at_most(&text, page.look.width - INDENT, lines) {
        let line = page.paint(style, &line);
        page.line(&format!("{}{line}", pad("", INDENT)));
    }
}

fn evidence(finding: &Finding, page: &mut Page<'_>) {
    for evident in &finding.evidence {
        let field = if evident.field.as_str().is_empty() { String::new() } else { format!(" {}", evident.field) };
        let text = format!("{}{field} = {}", evident.address, in_words(&evident.field, &evident.value));
        let text = crate::report::layout::shorten(&clean(&text), page.look.width - INDENT);
        let text = page.paint(FAINT, &text);
        page.line(&format!("{}{text}", pad("", INDENT)));
    }
}
