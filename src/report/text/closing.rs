//! How a plan stands, what that means for a check, and what to do next.

use std::collections::BTreeSet;

use super::page::Page;
use crate::diff::Verdict;
use crate::plan::{Guard, Plan};
use crate::report::Report;
use crate::report::aftermath::{self, Aftermath};
use crate::report::layout::{clean, count};
use crate::report::paint::{FAINT, GOOD, HINT, WARN, WORST};
use crate::report::remark::Weight;
use crate::report::summary::{Summary, differences};
use crate::rules::Severity;

/// How much there is to do, and how much of it hurts.
pub fn summary_line(plan: &Plan) -> String {
    let ignored = match plan.diff.ignored.len() {
        0 => String::new(),
        n => format!(", {n} ignored"),
    };
    let Summary { in_sync, create, update, replace, delete, risk_5xx, .. } = Summary::of(plan);
    if plan.is_clean() {
        let rest = match (plan.is_complete(), plan.diff.unselected.is_empty()) {
            (false, _) => "No differences in what could be read.",
            (true, false) => "No differences in what you asked for.",
            (true, true) => "No differences.",
        };
        return format!("{rest} {} in sync{ignored}.", count(in_sync, "resource"));
    }
    let all = differences(plan);
    let risk = match risk_5xx {
        0 => "None is known to make clients see 5xx.".to_owned(),
        _ if all == 1 => "It can make clients see 5xx.".to_owned(),
        n => format!("{n} of {all} can make clients see 5xx."),
    };
    if is_stuck(plan) {
        let them = if all == 1 { "it stays" } else { "they all stay" };
        return format!("{}, but {them} as things are: see `Held` above. {risk}", count(all, "difference"));
    }
    format!("Plan: {create} to create, {update} to update, {replace} to replace, {delete} to remove{ignored}. {risk}")
}

/// Whether things differ, nothing refuses to close the differences, and yet none of them can be closed.
pub fn is_stuck(plan: &Plan) -> bool {
    !plan.is_clean() && plan.refused.is_empty() && plan.steps.iter().all(|step| step.stamp)
}

/// How a plan stands.
pub(super) fn verdict(plan: &Plan, page: &mut Page<'_>) {
    let style = match (plan.is_clean(), plan.is_complete(), plan.has_risk()) {
        (true, true, _) => GOOD,
        (_, _, true) => WORST,
        (true, false, _) | (false, _, false) => WARN,
    };
    let line = page.paint(style, &summary_line(plan));
    page.line(&line);
    let unmarked = plan.adoption().iter().filter(|step| !step.releases()).count();
    if plan.is_clean() && unmarked > 0 {
        let are = if unmarked == 1 { "is" } else { "are" };
        let line = format!(
            "{} {are} not marked as managed by this stack yet; `no502 adopt` does that.",
            count(unmarked, "resource")
        );
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

/// How a check ended and what to run: the first lines, because the first screen of a log is what is read.
pub(super) fn opening(report: &Report, exit_code: u8, page: &mut Page<'_>) {
    let style = match report.weight() {
        Weight::FiveXx => WORST,
        Weight::Differs | Weight::Incomplete => WARN,
        Weight::None => GOOD,
    };
    for line in crate::report::layout::wrap(&report.verdict(exit_code), page.width) {
        let line = page.paint(style, &line);
        page.line(&line);
    }
    if !report.next.is_empty() {
        let next: Vec<String> = report.next.iter().map(|(command, does)| format!("`{command}` {does}")).collect();
        page.line(&format!("{}.", next.join(", ")));
    }
}

/// What to do about the guards that refuse to close the differences.
pub(super) fn ways_out(plan: &Plan, page: &mut Page<'_>) {
    for guard in plan.refused.iter().map(|refused| refused.guard).collect::<BTreeSet<Guard>>() {
        let hint = page.paint(HINT, "hint");
        let text = way_out(plan, guard);
        let mut lines = crate::report::layout::wrap(&text, page.width - 6).into_iter();
        page.line(&format!("{hint}: {}", lines.next().unwrap_or_default()));
        lines.for_each(|line| page.line(&format!("  {line}")));
    }
}

/// What to do about a guard that refuses a plan.
pub fn way_out(plan: &Plan, guard: Guard) -> String {
    let refused = plan.refused.iter().filter(|refused| refused.guard == guard);
    let named: Vec<String> = refused.filter_map(|refused| refused.address.as_ref()).map(|a| format!("`{a}`")).collect();
    let it = match &named[..] {
        [only] => only.clone(),
        [] | [..] => "them".to_owned(),
    };
    let way = match guard {
        Guard::WrongAccount => {
            "choose other credentials with --profile, or correct `account:` and `region:` in the files".to_owned()
        }
        Guard::ForeignOwner => {
            format!("change {it} where {} owned", if named.len() == 1 { "it is" } else { "they are" })
        }
        Guard::FedGroup => "change it at what fills the group, or leave `targets` out of the file".to_owned(),
        Guard::DeleteLoadBalancer => format!("declare {it} again to keep what is there"),
        Guard::Replacement => format!("change the file back, or {it} by hand"),
        Guard::Incomplete => "let this caller read what is missing, and look again".to_owned(),
        Guard::BlastRadius => "make the change in smaller parts, or raise `limits:` in the file".to_owned(),
        Guard::Lock => "wait for the end of that run".to_owned(),
        Guard::Irreversible => "undo the rest, and these by hand".to_owned(),
        Guard::Rehearsal => "report this plan: it is a defect of no502".to_owned(),
    };
    let lift = if guard.can_be_lifted() {
        format!(", or lift the guard with `--dangerous-allow {}`", guard.as_str())
    } else {
        String::new()
    };
    let others = plan.differences().filter(|change| matches!(change.verdict, Verdict::Create | Verdict::Update(_)));
    let others = others.filter(|change| plan.refused.iter().all(|r| r.address.as_ref() != Some(&change.address)));
    let meanwhile = if others.count() > 0 { "; `--target` applies other changes meanwhile" } else { "" };
    clean(&format!("{way}{lift}{meanwhile}")).into_owned()
}
