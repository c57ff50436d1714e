//! What `adopt` does with its marks: which it sets, which it takes away, and why it leaves the others.

use std::collections::BTreeMap;

use super::page::Page;
use crate::desired::Resolved;
use crate::model::{Address, Kind};
use crate::plan::{Plan, Step};
use crate::report::Look;
use crate::report::layout::{clean, count};
use crate::report::paint::{BAD, HINT};

/// The marks that `adopt` sets and takes away, and what it leaves alone.
pub fn adoption(plan: &Plan, steps: &[Step], desired: &Resolved, look: &Look) -> String {
    let mut page = Page::new(look);
    let stack = clean(&plan.stack).into_owned();
    let of = |releases: bool| {
        let mut all: Vec<&Address> = steps.iter().filter(|s| s.releases() == releases).map(|s| &s.address).collect();
        all.dedup();
        all
    };
    let (marks, releases) = (of(false), of(true));
    let belong = foreign(plan, desired);
    if steps.is_empty() {
        let rest = if belong.is_empty() { "what matches" } else { "what else matches" };
        page.line(&format!("Nothing to adopt: {rest} is marked as managed by stack {stack} already."));
    }
    if !marks.is_empty() {
        let (match_, are) = if marks.len() == 1 { ("matches", "it") } else { ("match", "they") };
        let what = count(marks.len(), "resource");
        page.line(&format!("{what} {match_} the files; {are} will be marked as managed by stack {stack}:"));
        list(&mut page, &marks);
    }
    if !releases.is_empty() {
        let (are, lose) =
            if releases.len() == 1 { ("is", "it loses its marks") } else { ("are", "they lose their marks") };
        let what = count(releases.len(), "resource");
        page.line(&format!("{what} {are} declared as existing, and no longer managed by stack {stack}; {lose}:"));
        list(&mut page, &releases);
    }
    existing(plan, desired, &releases, &mut page);
    if !belong.is_empty() {
        let word = page.paint(BAD, "Refused");
        page.line(&format!("{word}, because somebody else owns it:"));
        for (address, because) in &belong {
            page.wrapped(2, &clean(&format!("{address}: {because}")));
        }
        let hint = page.paint(HINT, "hint");
        page.line(&format!("{hint}: declare it with `existing: true` to use it without owning it"));
    }
    let differing: Vec<&Address> =
        plan.differences().map(|change| &change.address).filter(|address| !belong.contains_key(address)).collect();
    if !differing.is_empty() {
        let (differ, are) = if differing.len() == 1 { ("differs", "is") } else { ("differ", "are") };
        let what = count(differing.len(), "resource");
        page.line(&format!("{what} {differ} from the files and {are} not adopted; `no502 plan` says how:"));
        list(&mut page, &differing);
    }
    page.text()
}

fn list(page: &mut Page<'_>, addresses: &[&Address]) {
    addresses.iter().for_each(|address| page.line(&format!("  {}", clean(&address.to_string()))));
}

/// What is declared and belongs to another stack or tool, with its owner. What is only used is nobody's business.
pub fn foreign<'p>(plan: &'p Plan, desired: &Resolved) -> BTreeMap<&'p Address, &'p str> {
    let owned = plan.diff.changes.iter().filter_map(|change| Some((&change.address, change.foreign_owner()?)));
    let declared = &plan.diff.bound.want;
    // a target is its group's
    let counts = |address: &Address| {
        declared.contains_key(address) && !desired.existing.contains(address) && address.kind != Kind::Target
    };
    owned.filter(|(address, _)| counts(address)).collect()
}

/// What exists, is only used, and bears no mark of this stack.
fn existing(plan: &Plan, desired: &Resolved, releases: &[&Address], page: &mut Page<'_>) {
    let bound = &plan.diff.bound;
    // a certificate by its ARN is used and nothing else
    let used = desired.existing.iter().filter(|a| a.kind != Kind::Certificate && !releases.contains(a));
    let there: Vec<String> = used.filter(|address| bound.ids.contains_key(address)).map(ToString::to_string).collect();
    if !there.is_empty() {
        page.wrapped(0, &clean(&format!("Declared as existing, so never marked: {}", there.join(", "))));
    }
}
