//! Rules for people: one explained, or all in a table.

use super::page::Page;
use crate::report::Look;
use crate::report::layout::{pad, width};
use crate::report::paint::{FAINT, GOOD, HEADING, WORST, severity};
use crate::rules::Rule;
use crate::rules::explain::{Example, Explanation};
use crate::rules::left_out::LeftOut;

/// A rule's documentation.
pub fn explanation(rule: &Explanation, look: &Look) -> String {
    let mut page = Page::new(look);
    let title = page.paint(HEADING, &format!("{} {}", rule.code, rule.name));
    let worst = page.paint(severity(rule.severity), rule.severity.as_str());
    page.line(&format!("{title}: {}", rule.summary));
    let needs = if rule.needs.is_empty() { "nothing but the files".to_owned() } else { rule.needs.join(", ") };
    page.line(&format!("worst: {worst} · fix: {} · looks at: {needs}", rule.fix.as_str()));
    for paragraph in &rule.paragraphs {
        page.blank();
        page.wrapped(0, paragraph);
    }
    let bad = page.paint(WORST, "Fires");
    example(&bad, &rule.bad, &mut page);
    let good = page.paint(GOOD, "Silent");
    example(&good, &rule.good, &mut page);
    page.text()
}

fn example(word: &str, example: &Example, page: &mut Page<'_>) {
    page.blank();
    page.line(&format!("{word}: {}", example.text));
    let block = |page: &mut Page<'_>, title: &str, text: &str| {
        let title = page.paint(FAINT, title);
        page.line(&format!("  {title}"));
        for line in text.lines() {
            page.line(&format!("    {line}"));
        }
    };
    block(page, "desired", example.desired);
    if let Some(live) = example.live {
        block(page, "different on AWS", live);
    }
    if !example.known.is_empty() {
        block(page, "known besides", &example.known.join("\n"));
    }
}

/// A known cause without a rule.
pub fn left_out(cause: &LeftOut, look: &Look) -> String {
    let mut page = Page::new(look);
    let title = page.paint(HEADING, &format!("{} {}", cause.code, cause.name));
    page.line(&format!("{title}: a known cause of 5xx that no rule looks for"));
    page.blank();
    page.wrapped(0, &format!("Why: {}.", cause.why));
    page.text()
}

/// Rules, a line each: all, or what was searched for.
pub fn rule_table(rules: &[&Rule], look: &Look) -> String {
    let mut page = Page::new(look);
    let names = rules.iter().map(|rule| width(rule.name)).max().unwrap_or(0);
    let head = format!("{}  {}  {}  {}  cause", pad("rule", 4), pad("name", names), pad("worst", 8), pad("fix", 9));
    let head = page.paint(HEADING, &head);
    page.line(&head);
    for rule in rules {
        let worst = page.cell(severity(rule.severity), rule.severity.as_str(), 8);
        let (name, fix) = (pad(rule.name, names), pad(rule.fix.as_str(), 9));
        page.line(&format!("{}  {name}  {worst}  {fix}  {}", rule.code, rule.summary));
    }
    page.blank();
    page.line("`no502 explain RULE` says what happens, what clients see, how to tell and how to mend it.");
    page.text()
}
