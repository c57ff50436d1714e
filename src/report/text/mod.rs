//! Reports for people: what is broken for clients, what differs, what will be done, whether it is safe.
//!
//! In that order, to fit one screen; [`Detail::Full`](super::Detail) shows what the brief form counts.

mod adopt;
mod changes;
mod closing;
mod diagnose;
mod findings;
mod key;
mod notes;
mod page;
mod probe;
mod rules;
mod run;
mod runs;
mod steps;
mod traffic;
mod turned;
mod validate;

pub use adopt::{adoption, foreign};
pub use closing::{is_stuck, summary_line, way_out};
pub use diagnose::diagnosis;
pub use key::key;
pub use probe::probe;
pub use rules::{explanation, left_out, rule_table};
pub use run::{Run, RunEnd, duration, run};
pub(super) use runs::go_on;
pub use runs::runs;
pub use validate::validate;

use page::Page;

use super::layout::{clean, count};
use super::paint::{HEADING, WARN};
use super::remark::{Loudness, Weight};
use super::{Detail, Look, Report, View};
use crate::cloud::{ApiCalls, Facts};
use crate::model::Kind;
use crate::plan::Plan;

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
    closing::verdict(view.plan, &mut page);
    page.text()
}

/// The drift check: a line if all is well, else first how it ended and what to run, then what is wrong and where.
/// Against an earlier report, only what turned.
pub fn check(view: &View<'_>, report: &Report, exit_code: u8, look: &Look) -> String {
    let mut page = Page::new(look);
    let plan = view.plan;
    // what hurts is said even where it does not count
    let hurts = report.remarks.iter().any(|r| r.loudness == Loudness::Error && r.accepted.is_none());
    let quiet = plan.is_clean() && plan.is_complete() && report.weight() == Weight::None && !hurts;
    if let Some(turn) = &report.turn {
        turned::turned(report, turn, exit_code, &mut page);
        return page.text();
    }
    if quiet && look.detail == Detail::Brief {
        turned::ok(report, &mut page);
        return page.text();
    }
    closing::opening(report, exit_code, &mut page);
    page.blank();
    header(view, &mut page);
    findings::live(view, &mut page);
    changes::changes(view, &mut page);
    notes::notes(view, &mut page);
    page.blank();
    closing::verdict(plan, &mut page);
    closing::ways_out(plan, &mut page);
    page.text()
}

/// What reading cost, for the notes beside a report; by operation where all is wanted.
pub fn api_calls(calls: &ApiCalls, detail: Detail) -> String {
    let mut by: Vec<(&String, &u64)> = calls.by_operation.iter().collect();
    by.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let list: Vec<String> = by.iter().map(|(operation, n)| format!("{operation} {n}")).collect();
    let total = usize::try_from(calls.total()).unwrap_or(usize::MAX);
    match detail {
        Detail::Brief | Detail::Full if list.is_empty() => "API: no calls".to_owned(),
        Detail::Brief => format!("API: {}", count(total, "call")),
        Detail::Full => format!("API: {} ({})", count(total, "call"), list.join(", ")),
    }
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
