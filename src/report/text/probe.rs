//! What a probe saw: target by target, check by check, and what to change.

use std::collections::{BTreeMap, BTreeSet};

use super::page::Page;
use crate::report::Look;
use crate::report::layout::{clean, count, pad};
use crate::report::paint::{BAD, FAINT, GOOD, HEADING, WARN};
use crate::report::probe::{Check, Contradicted, Looked, Probing, Verdict};
use crate::rules::{Finding, Severity};

const INDENT: usize = 10;

/// The whole report.
pub fn probe(probing: &Probing<'_>, look: &Look) -> String {
    let mut page = Page::new(look);
    let mut told = BTreeSet::new();
    for target in &probing.targets {
        one(target, &mut told, &mut page);
    }
    let mut unsure: BTreeMap<&'static str, usize> = BTreeMap::new();
    for doubt in probing.targets.iter().flat_map(|target| &target.doubts) {
        *unsure.entry(doubt).or_default() += 1;
    }
    for (doubt, targets) in unsure {
        page.blank();
        let text = format!("{}: {doubt}.", count(targets, "target"));
        for line in crate::report::layout::wrap(&text, page.width) {
            let line = page.paint(FAINT, &line);
            page.line(&line);
        }
    }
    if !probing.skipped.is_empty() {
        page.blank();
        let names: Vec<String> = probing.skipped.iter().map(ToString::to_string).collect();
        page.wrapped(
            0,
            &clean(&format!("Not probed, no address known (--connect-to gives one): {}", names.join(", "))),
        );
    }
    if !probing.contradicted.is_empty() {
        page.blank();
        page.wrapped(0, "AWS sees these otherwise than they are seen from here, so nothing is concluded of them:");
        for Contradicted { target, observed, reported } in &probing.contradicted {
            page.wrapped(2, &clean(&format!("{target}: {observed} from here; AWS: {reported}")));
        }
    }
    super::notes::accepted(probing.accepted, &mut page);
    page.blank();
    last(probing, &mut page);
    page.text()
}

fn last(probing: &Probing<'_>, page: &mut Page<'_>) {
    let checks = probing.targets.iter().map(|target| target.checks.len()).sum();
    let all = probing.targets.iter().flat_map(|target| &target.checks);
    let failed = all.filter(|check| check.verdict == Verdict::Failed).count();
    let what = format!("{}, {}", count(probing.targets.len(), "target"), count(checks, "check"));
    let loud = |finding: &&Finding| finding.severity > Severity::Info || !page.is_brief();
    let shown = probing.findings.iter().filter(loud).count();
    let notes = match probing.findings.len() - shown {
        0 => String::new(),
        notes => format!(", {} (-v)", count(notes, "note")),
    };
    let line = match (failed, shown) {
        _ if probing.targets.is_empty() => page.paint(WARN, "nothing is known of any target"),
        (0, 0) => format!("{}: {what}{notes}", page.paint(GOOD, "ok")),
        (0, n) => format!("{}: {what}, {}{notes}", page.paint(WARN, "ok"), count(n, "finding")),
        (failed, _) => format!("{}: {what}, {failed} failed{notes}", page.paint(BAD, "failed")),
    };
    page.line(&line);
}

fn one<'a>(target: &Looked<'a>, told: &mut BTreeSet<String>, page: &mut Page<'_>) {
    page.blank();
    let server = target.saw.server.map(|server| format!("  ({})", server.as_str())).unwrap_or_default();
    let name = page.paint(HEADING, &clean(&target.address.to_string()));
    let reported = target.reported.map(|health| format!("  AWS: {}", clean(health.in_words()))).unwrap_or_default();
    page.line(&format!("{name}{server}{reported}"));
    if target.cut_off {
        page.wrapped(
            2,
            "AWS's health checks fail where this one passes: look at what lies between, security groups first (no502 \
             diagnose).",
        );
    }
    for check in &target.checks {
        line(check, page);
        for finding in &check.findings {
            if finding.severity == Severity::Info && page.is_brief() {
                continue;
            }
            meaning(finding, told, page);
        }
    }
}

fn line(check: &Check<'_>, page: &mut Page<'_>) {
    let mark = match check.verdict {
        Verdict::Ok => page.cell(GOOD, "ok", 6),
        Verdict::Doubtful => page.cell(WARN, "look", 6),
        Verdict::Failed => page.cell(BAD, "FAIL", 6),
    };
    let name = pad(&check.name.replace('_', " "), 18);
    let reason = check.reason_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let observed = clean(&check.observed).into_owned();
    let text = match check.verdict {
        Verdict::Ok => observed,
        Verdict::Doubtful | Verdict::Failed => format!("{observed}{reason}; expected {}", check.expected),
    };
    let mut lines = crate::report::layout::wrap(&text, page.width.saturating_sub(28)).into_iter();
    page.line(&format!("  {mark}{name}  {}", lines.next().unwrap_or_default()));
    for more in lines {
        page.line(&format!("{}{more}", pad("", 28)));
    }
}

/// What it means and what to change; of the same finding at another target only the title.
fn meaning(finding: &Finding, told: &mut BTreeSet<String>, page: &mut Page<'_>) {
    let head = format!("{} {}: {}", finding.rule, finding.severity.as_str(), clean(&finding.title));
    page.wrapped(INDENT, &head);
    if told.insert(finding.id()) {
        page.wrapped(INDENT, &clean(&finding.detail));
        let fix = format!("fix: {}", clean(&finding.fix.text));
        for line in crate::report::layout::wrap(&fix, page.width.saturating_sub(INDENT)) {
            let line = page.paint(WARN, &line);
            page.line(&format!("{}{line}", pad("", INDENT)));
        }
    }
}
