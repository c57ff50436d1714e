//! What is wrong with files, and what the rules say of them.

use super::page::Page;
use crate::desired::Level;
use crate::report::layout::count;
use crate::report::paint::{FAINT, GOOD, WARN};
use crate::report::{Look, Validation, problem};
use crate::rules::{ALL, Need, NotChecked, Severity};

/// Problems with their source lines, findings, and a last line that says how it stands.
pub fn validate(validation: &Validation<'_>, look: &Look) -> String {
    let mut out = String::new();
    if !validation.problems.is_empty() {
        out.push_str(&problem::render(validation.files, validation.problems, look));
    }
    let mut page = Page::new(look);
    let findings = validation.judgement.map(|j| j.findings.as_slice()).unwrap_or_default();
    let bad = findings.iter().filter(|f| f.severity >= Severity::High).count();
    if !findings.is_empty() {
        page.heading(if bad > 0 { "Clients would see errors" } else { "Findings" });
        super::findings::of_files(findings, &mut page);
        page.blank();
    }
    super::notes::accepted(validation.judgement.map(|j| j.accepted.as_slice()).unwrap_or_default(), &mut page);
    let not_checked = validation.judgement.map(|j| j.not_checked.as_slice()).unwrap_or_default();
    if page.is_brief() && !not_checked.is_empty() {
        let by_probe = |rule: &&NotChecked| rule.needs.contains(&Need::Probe);
        let probe = not_checked.iter().filter(by_probe).filter(|rule| !rule.partly).count();
        let aws = not_checked.iter().filter_map(NotChecked::without_traffic).count();
        let line = format!(
            "Of {} rules {aws} need to see AWS (`no502 check`), {probe} the targets themselves (`no502 probe`).",
            ALL.len()
        );
        let line = page.paint(FAINT, &line);
        page.line(&line);
    } else {
        super::notes::not_checked(not_checked, &mut page);
    }
    if let Some(desired) = validation.desired.filter(|_| validation.problems.iter().all(|p| p.level != Level::Error)) {
        let what =
            format!("{} in {}", count(desired.specs.len(), "resource"), count(validation.files.files.len(), "file"));
        let line = match findings.len() {
            0 => format!("{}: {what}", page.paint(GOOD, "ok")),
            n => format!("{}: {what}, {}", page.paint(WARN, "valid"), count(n, "finding")),
        };
        page.line(&line);
    }
    out.push_str(&page.text());
    out
}
