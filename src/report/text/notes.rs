//! What a plan leaves, refuses, cannot see or does not manage, each with its reason.

use std::collections::BTreeMap;

use super::changes::list;
use super::page::Page;
use crate::desired::Ignore;
use crate::diff::{Ignored, Unmanaged};
use crate::model::{Address, Kind};
use crate::plan::{Guard, Plan};
use crate::report::layout::{clean, count, pad};
use crate::report::paint::{BAD, FAINT, HINT};
use crate::report::value::{change_in_words, in_words};
use crate::report::{View, gaps};
use crate::rules::{Accepted, Finding, NotChecked};

/// The longest change in a note.
const ROOM: usize = 120;

/// All notes.
pub(super) fn notes(view: &View<'_>, page: &mut Page<'_>) {
    let plan = view.plan;
    refused(plan, page);
    held(plan, page);
    unread(plan, page);
    let after_steps = plan.refused.is_empty() && plan.held.is_empty() && plan.gaps().is_empty() && !plan.is_clean();
    if !(page.is_brief() && after_steps) {
        page.blank();
    }
    unselected(plan, page);
    ignored(plan, page);
    accepted(&plan.now.accepted, page);
    not_checked(&plan.now.not_checked, page);
    unmanaged(plan, page);
    undeclared(plan, page);
}

fn refused(plan: &Plan, page: &mut Page<'_>) {
    if plan.refused.is_empty() {
        return;
    }
    page.heading("Refused");
    let mut by: BTreeMap<(Guard, &str), Vec<&Address>> = BTreeMap::new();
    for refused in &plan.refused {
        let because = match refused.guard {
            // the section before says why
            Guard::Incomplete => "the live state is not known",
            Guard::WrongAccount
            | Guard::ForeignOwner
            | Guard::FedGroup
            | Guard::DeleteLoadBalancer
            | Guard::Replacement
            | Guard::BlastRadius
            | Guard::Rehearsal
            | Guard::Irreversible
            | Guard::Lock => &refused.because,
        };
        by.entry((refused.guard, because)).or_default().extend(refused.address.as_ref());
    }
    let mut lifts: Vec<String> = Vec::new();
    for ((guard, because), mut addresses) in by {
        addresses.sort();
        let names = list(addresses.into_iter(), page.is_brief());
        let names = if names.is_empty() { guard.as_str().to_owned() } else { names };
        let names = page.paint(BAD, &clean(&names));
        page.line(&format!("  {names}"));
        page.wrapped(6, &clean(because));
        let flag = format!("`--dangerous-allow {}`", guard.as_str());
        if guard.can_be_lifted() && !lifts.contains(&flag) {
            lifts.push(flag);
        }
    }
    if !lifts.is_empty() {
        let hint = page.paint(HINT, "hint");
        let them = if lifts.len() == 1 { "lifts that guard" } else { "lift those guards" };
        page.line(&format!("  {hint}: {} {them}", lifts.join(" and ")));
    }
}

fn held(plan: &Plan, page: &mut Page<'_>) {
    if plan.held.is_empty() {
        return;
    }
    page.heading("Held");
    let mut by: BTreeMap<&str, Vec<&Address>> = BTreeMap::new();
    for held in &plan.held {
        by.entry(&held.because).or_default().push(&held.address);
    }
    for (because, mut addresses) in by {
        addresses.sort();
        page.line(&format!("  {}", clean(&list(addresses.into_iter(), page.is_brief()))));
        page.wrapped(6, &clean(because));
    }
}

/// Gaps that hide no declared resource by themselves: lookups, and what only rules miss.
fn unread(plan: &Plan, page: &mut Page<'_>) {
    let gaps: Vec<gaps::Hiding<'_>> = gaps::of(plan).into_iter().filter(|g| g.hides.is_empty()).collect();
    if gaps.is_empty() {
        return;
    }
    page.heading("Could not read");
    for gap in gaps {
        page.line(&format!("  {}", clean(&gap.what)));
        page.wrapped(6, &clean(&gap.gap.error.to_string()));
    }
}

fn unselected(plan: &Plan, page: &mut Page<'_>) {
    if !plan.diff.unselected.is_empty() {
        let names = list(plan.diff.unselected.iter(), page.is_brief());
        note(page, &format!("Left out as you asked: {}", clean(&names)));
    }
}

/// Differences that the file of `--ignore` accepts, each by itself.
fn ignored(plan: &Plan, page: &mut Page<'_>) {
    for Ignored { address, path, live, desired, what, entry, by: _ } in &plan.diff.ignored {
        let what = match path.as_str() {
            "" => what.as_str().to_owned(),
            _ => format!("{path} {}", change_in_words(path, live, desired, ROOM)),
        };
        let Ignore { until, owner, reason, .. } = entry;
        note(page, &clean(&format!("Ignored until {until} by {owner}: {address} {what} ({reason})")));
    }
}

/// Findings that the files accept, a line each.
pub(super) fn accepted(list: &[Accepted], page: &mut Page<'_>) {
    for Accepted { finding, reason, until } in list {
        let Finding { rule, address, title, .. } = finding;
        note(page, &clean(&format!("Accepted until {until}: {rule} {address}, {title} ({reason})")));
    }
}

/// So many rules that lack the same are named in a brief report, beside the first.
const FEW: usize = 3;

/// The rules that lacked evidence; in a brief report those that the command could have had evidence for.
pub(super) fn not_checked(list: &[NotChecked], page: &mut Page<'_>) {
    let mut by: BTreeMap<(bool, String), Vec<&str>> = BTreeMap::new();
    for rule in list.iter().filter_map(|rule| if page.is_brief() { rule.without_traffic() } else { Some(rule.clone()) })
    {
        by.entry((rule.partly, rule.needs_in_words())).or_default().push(rule.rule);
    }
    let reason = |((partly, needs), rules): (&(bool, String), &Vec<&str>)| {
        let rules = match rules.as_slice() {
            [first, rest @ ..] if page.is_brief() && rest.len() > FEW => format!("{first} and {} more", rest.len()),
            all => all.join(" "),
        };
        format!("{}{rules} (needs {needs})", if *partly { "in part " } else { "" })
    };
    let reasons: Vec<String> = by.iter().map(reason).collect();
    match (reasons.is_empty(), page.is_brief()) {
        (true, _) => {}
        (false, true) => note(page, &format!("Not checked: {}", reasons.join(", "))),
        (false, false) => {
            page.heading("Not checked");
            for reason in reasons {
                page.wrapped(2, &reason);
            }
        }
    }
}

fn unmanaged(plan: &Plan, page: &mut Page<'_>) {
    let found = &plan.diff.unmanaged;
    if found.is_empty() {
        return;
    }
    if page.is_brief() {
        // the group is managed: it is a rule of it that is not
        let name = |u: &Unmanaged| {
            let rule = u.address.kind == Kind::SecurityGroup;
            if rule { format!("{} ({})", u.address, u.what) } else { u.address.to_string() }
        };
        let names = list(found.iter().map(name), true);
        return note(page, &format!("Unmanaged, never touched: {}", clean(&names)));
    }
    page.heading("Unmanaged: on AWS, not in the files, never touched");
    for one in found {
        page.line(&format!("  {}  {}", clean(&one.address.to_string()), clean(&one.what)));
    }
}

fn undeclared(plan: &Plan, page: &mut Page<'_>) {
    let all: Vec<_> =
        plan.diff.changes.iter().flat_map(|c| c.undeclared.iter().map(move |u| (&c.address, u))).collect();
    if all.is_empty() {
        return;
    }
    if page.is_brief() {
        let what = count(all.len(), "setting");
        let differ = if all.len() == 1 { "differs" } else { "differ" };
        return note(page, &format!("Undeclared, left alone: {what} that {differ} from AWS's default (-v lists them)"));
    }
    page.heading("Undeclared: not in the files, left alone, not AWS's default");
    for (address, setting) in all {
        let (live, default) = (in_words(&setting.path, &setting.live), in_words(&setting.path, &setting.default));
        page.line(&format!(
            "  {}  {}  {live} (default {default})",
            clean(&address.to_string()),
            clean(setting.path.as_str())
        ));
    }
}

/// A faint note in as few lines as it takes.
fn note(page: &mut Page<'_>, text: &str) {
    for (at, line) in crate::report::layout::wrap(text, page.width - 2).into_iter().enumerate() {
        let line = page.paint(FAINT, &line);
        page.line(&format!("{}{line}", pad("", if at == 0 { 0 } else { 2 })));
    }
}
