//! What is live in declared resources and neither in the files nor the stack's: listed, never touched.

use std::collections::BTreeSet;

use super::bind::Bound;
use super::ownership::{self, Owner};
use super::{Change, Unmanaged};
use crate::cloud::GroupRule;
use crate::desired::Resolved;
use crate::model::kind::SecurityGroup;
use crate::model::{Address, Kind, Spec};

/// All of it, by address.
pub(super) fn find(desired: &Resolved, bound: &Bound, changes: &[Change]) -> Vec<Unmanaged> {
    let mut found = children(desired, bound, changes);
    found.extend(permissions(desired, bound));
    found.sort_by(|a, b| (&a.address, &a.what, &a.id).cmp(&(&b.address, &b.what, &b.id)));
    found
}

/// Live listeners and rules under declared resources that no file mentions, and that stay.
fn children(desired: &Resolved, bound: &Bound, changes: &[Change]) -> Vec<Unmanaged> {
    let leaving: BTreeSet<&Address> = changes.iter().map(|change| &change.address).collect();
    let mut found = Vec::new();
    for (address, live) in &bound.live {
        let declared_parent = address.parent().is_some_and(|p| bound.want.contains_key(&p));
        if leaving.contains(address) || !declared_parent {
            continue;
        }
        let what = match &live.spec {
            Spec::Listener(l) => l.default.as_ref().map_or_else(|| "listener".to_owned(), ToString::to_string),
            Spec::Rule(r) => r.action.as_ref().map_or_else(|| "rule".to_owned(), ToString::to_string),
            // targets are either declared as a whole or somebody else's; the other kinds have no parent
            Spec::Target(_)
            | Spec::LoadBalancer(_)
            | Spec::TargetGroup(_)
            | Spec::Certificate(_)
            | Spec::SecurityGroup(_) => continue,
        };
        let owner = live.spec.tags().map(|tags| ownership::owner(tags, &desired.stack));
        let what = match owner {
            Some(Owner::OtherStack(stack)) => format!("{what}; of the stack `{stack}`"),
            Some(Owner::Controller(tool)) => format!("{what}; of {tool}"),
            Some(Owner::Ours(_) | Owner::Nobody) | None => what,
        };
        if let Some(id) = bound.ids.get(address) {
            found.push(Unmanaged { address: address.clone(), id: id.clone(), what });
        }
    }
    found
}

/// Rules of managed security groups, each under its group's address.
fn permissions<'b>(desired: &'b Resolved, bound: &'b Bound) -> impl Iterator<Item = Unmanaged> + 'b {
    let groups = bound.want.keys().filter(|a| a.kind == Kind::SecurityGroup && !desired.existing.contains(*a));
    groups.filter_map(|address| Some((address, bound.live.get(address)?))).flat_map(move |(address, live)| {
        let rules = live.facts.group_rules().iter().filter(move |rule| is_strange(desired, bound, address, rule));
        rules.map(move |rule| {
            let traffic = bound.in_addresses(rule.rule.clone());
            let words = rule.rule.description.as_ref().map(|words| format!(" ({words})")).unwrap_or_default();
            let owner = rule.stack.as_ref().map(|stack| format!("; of the stack `{stack}`")).unwrap_or_default();
            let what = format!("{} {traffic}{words}{owner}", rule.direction.key());
            Unmanaged { address: address.clone(), id: rule.id.clone(), what }
        })
    })
}

/// Whether a rule of a group is neither declared nor the stack's nor AWS's own, and stays.
fn is_strange(desired: &Resolved, bound: &Bound, address: &Address, known: &GroupRule) -> bool {
    let rule = bound.in_addresses(known.rule.clone());
    let want = bound.want.get(address).and_then(Spec::security_group).and_then(|group| group.rules(known.direction));
    let is_declared = want.into_iter().flatten().any(|want| want.same_traffic(&rule));
    let unwanted = bound.unwanted.get(address).into_iter().flat_map(|unwanted| &unwanted.rules);
    let goes = unwanted.into_iter().any(|(direction, gone)| *direction == known.direction && gone.same_traffic(&rule));
    let is_ours = known.stack.as_ref() == Some(&desired.stack);
    !is_declared && !goes && !is_ours && !SecurityGroup::has_from_aws(known.direction, &rule)
}
