//! Reports for people: what is broken for clients, what differs, what will be done, whether it is safe.
//!
//! In that order, to fit one screen; [`Detail::Full`](super::Detail) shows what the brief form counts.

mod changes;
mod findings;
mod key;
mod notes;
mod page;
mod rules;
mod run;
mod steps;
mod validate;

pub use key::key;
pub use rules::{explanation, rule_table};
pub use run::{Run, RunEnd, run};
pub use validate::validate;

use page::Page;

use super::aftermath::{self, Aftermath};
use super::layout::{clean, count};
use super::paint::{FAINT, GOOD, HEADING, HINT, WARN, WORST};
use super::summary::{Summary, differences};
use super::{Detail, Look, View};
use crate::cloud::{ApiCalls, Facts};
use crate::model::Kind;
use crate::plan::Plan;
use crate::rules::Severity;

/// The whole plan.
pub fn plan(view: &View<'_>, look: &Look) -> String {
    let mut page = Page::new(look);
    header(view, &mut page);
    findings::live(view, &mut page);
    changes::changes(view, &mut page);
    findings::appearing(view, &mut page);
    steps::steps(view.plan, &mut page);
    notes::notes(view, &mut page);
    page.blank();
    verdict(view.plan, &mut page);
    page.text()
}

/// The drift check: a line if all is well, else what is wrong and what to run.
pub fn check(view: &View<'_>, look: &Look) -> String {
    let mut page = Page::new(look);
    let plan = view.plan;
    let summary = Summary::of(plan);
    let hurt = plan.now.findings.iter().any(|f| f.severity >= Severity::High);
    if plan.is_clean() && plan.is_complete() && !hurt && look.detail == Detail::Brief {
        let ok = page.paint(GOOD, "ok");
        let minor = match plan.now.findings.len() {
            0 => String::new(),
            n => format!(", {}", count(n, "minor finding")),
        };
        let accepted = match plan.now.accepted.len() {
            0 => String::new(),
            n => format!(", {}", count(n, "accepted finding")),
        };
        page.line(&format!(
            "{ok}: stack {}: {} in sync{minor}{accepted}",
            clean(&plan.stack),
            count(summary.in_sync, "resource")
        ));
        return page.text();
    }
    header(view, &mut page);
    findings::live(view, &mut page);
    changes::changes(view, &mut page);
    notes::notes(view, &mut page);
    page.blank();
    verdict(plan, &mut page);
    if !plan.is_clean() {
        let run = |verb: &str| format!("`{}`", view.command_line(verb));
        let line = format!("{} shows the steps that close them, {} runs them.", run("plan"), run("apply"));
        page.line(&line);
    }
    page.text()
}

/// What reading cost, for the notes beside a report.
pub fn api_calls(calls: &ApiCalls) -> String {
    let mut by: Vec<(&String, &u64)> = calls.by_operation.iter().collect();
    by.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let list: Vec<String> = by.iter().map(|(operation, n)| format!("{operation} {n}")).collect();
    let total = usize::try_from(calls.total()).unwrap_or(usize::MAX);
    if list.is_empty() {
        "API: no calls".to_owned()
    } else {
        format!("API: {} ({})", count(total, "call"), list.join(", "))
    }
}

/// The last line: how much there is to do, and how much of it hurts.
pub fn summary_line(plan: &Plan) -> String {
    let Summary { in_sync, create, update, replace, delete, risk_5xx, .. } = Summary::of(plan);
    if plan.is_clean() {
        let rest = if plan.is_complete() { "No differences." } else { "No differences in what could be read." };
        return format!("{rest} {} in sync.", count(in_sync, "resource"));
    }
    let all = differences(plan);
    let risk = match risk_5xx {
        0 => "None is known to make clients see 5xx.".to_owned(),
        _ if all == 1 => "It can make clients see 5xx.".to_owned(),
        n => format!("{n} of {all} can make clients see 5xx."),
    };
    format!("Plan: {create} to create, {update} to update, {replace} to replace, {delete} to remove. {risk}")
}

fn header(view: &View<'_>, page: &mut Page<'_>) {
    let plan = view.plan;
    let stack = page.paint(HEADING, &format!("stack {}", clean(&plan.stack)));
    let who = format!("account {} · {}", clean(&plan.identity.account), clean(&plan.identity.region));
    let balancers = balancers(plan);
    let plain_width = plan.stack.chars().count() + who.chars().count() + 9;
    match balancers.as_slice() {
        [only] if plain_width + 3 + only.chars().count() <= page.width => {
            page.line(&format!("{stack} · {who} · {only}"));
        }
        [] => page.line(&format!("{stack} · {who}")),
        [only] => {
            page.line(&format!("{stack} · {who}"));
            page.line(only);
        }
        many => page.line(&format!("{stack} · {who} · {} load balancers", many.len())),
    }
    if !plan.is_complete() {
        let unknown =
            plan.diff.changes.iter().filter(|c| matches!(c.verdict, crate::diff::Verdict::Unknown(_))).count();
        let text = format!("The view of AWS is incomplete: {} unknown; see below.", count(unknown, "resource"));
        let text = page.paint(WARN, &text);
        page.line(&text);
    }
}

/// The DNS names of the declared load balancers, and the state of those that are not active.
fn balancers(plan: &Plan) -> Vec<String> {
    let bound = &plan.diff.bound;
    let declared = bound.want.keys().filter(|address| address.kind == Kind::LoadBalancer);
    let line = |address: &crate::model::Address| {
        let Facts::LoadBalancer(facts) = &bound.live.get(address)?.facts else { return None };
        let name = facts.dns_name.as_deref()?;
        let state = if facts.state == "active" { String::new() } else { format!(" ({})", facts.state) };
        Some(clean(&format!("{name}{state}")).into_owned())
    };
    declared.filter_map(line).collect()
}

fn verdict(plan: &Plan, page: &mut Page<'_>) {
    let style = match (plan.is_clean(), plan.is_complete(), plan.has_risk()) {
        (true, true, _) => GOOD,
        (_, _, true) => WORST,
        (true, false, _) | (false, _, false) => WARN,
    };
    let line = page.paint(style, &summary_line(plan));
    page.line(&line);
    let unmarked = plan.adoption().len();
    if plan.is_clean() && unmarked > 0 {
        let line = format!("{} not marked as managed by this stack yet; `no502 adopt` does that.", is_are(unmarked));
        let line = page.paint(FAINT, &line);
        page.line(&line);
    }
    if !plan.refused.is_empty() {
        let line = page.paint(WORST, "This plan is refused as it stands: see `Refused` above.");
        page.line(&line);
    }
    let staying = aftermath::findings(plan)
        .iter()
        .filter(|j| j.aftermath != Aftermath::Mended && j.finding.severity >= Severity::High)
        .count();
    if !plan.is_clean() && staying > 0 {
        let hint = page.paint(HINT, "After it");
        page.line(&format!(
            "{hint}, {} of high or critical severity {} left, to be mended by hand.",
            count(staying, "finding"),
            if staying == 1 { "is" } else { "are" }
        ));
    }
}

fn is_are(n: usize) -> String {
    format!("{} {}", count(n, "resource"), if n == 1 { "is" } else { "are" })
}
