//! Places in the order of a listener's rules: a rule that is held keeps its priority, so that a rule that asks for
//! this priority is held as well, and so on.
//!
//! Without it the plan would hold a call that AWS refuses (`PriorityInUse`). Rules that are moved or deleted make way.

use std::collections::{BTreeMap, BTreeSet};

use super::Held;
use super::build::Builder;
use crate::diff::{Change, Verdict};
use crate::model::{Address, Kind, Spec};

/// The changes without the rules that ask for a priority which another rule keeps; these are held.
pub(super) fn free<'c>(b: &mut Builder<'_>, mut changes: Vec<&'c Change>) -> Vec<&'c Change> {
    let taken = taken(b);
    loop {
        // what goes makes way first
        let leaves = |c: &&&Change| moves(c) || c.verdict == Verdict::Delete;
        let leaving: BTreeSet<&Address> = changes.iter().filter(leaves).map(|c| &c.address).collect();
        let blocked = changes.iter().enumerate().find_map(|(index, change)| {
            let there = taken.get(&wanted(b, change)?).filter(|there| **there != change.address)?;
            (!leaving.contains(there)).then(|| (index, there.clone()))
        });
        let Some((index, there)) = blocked else { return changes };
        let change = changes.remove(index);
        let priority = wanted(b, change).map_or(0, |(_, priority)| priority);
        let address = change.address.clone();
        let because = format!("priority {priority} is taken by {there}, which keeps it in this plan");
        b.forget(&address);
        b.built.held.push(Held { address, because });
    }
}

/// Which rule has each priority of a listener now.
fn taken(b: &Builder<'_>) -> BTreeMap<(Address, u32), Address> {
    let rules = b.bound.live.iter().filter_map(|(address, live)| Some((address, live.spec.rule()?.priority?)));
    rules.filter_map(|(address, priority)| Some(((address.parent()?, priority), address.clone()))).collect()
}

fn moves(change: &Change) -> bool {
    change.address.kind == Kind::Rule && change.verdict.fields().iter().any(|f| f.path.as_str() == "priority")
}

/// The listener and the priority that a change gives to a rule, if it gives one.
fn wanted(b: &Builder<'_>, change: &Change) -> Option<(Address, u32)> {
    let puts = moves(change) || change.verdict == Verdict::Create;
    let priority = b.bound.want.get(&change.address).and_then(Spec::rule)?.priority?;
    puts.then_some((change.address.parent()?, priority))
}
