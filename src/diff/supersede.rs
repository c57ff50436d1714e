//! Which live target group is meant, where what is there cannot be edited into what the files say.
//!
//! AWS edits neither protocol nor port nor VPC of a target group. Such a group is superseded: a successor takes its
//! address, under its name with a short hash behind it, and the old one gets an address of its own until it is gone.
//! A replacement that was stopped half-way is found again by the tag that both bear.

use std::collections::BTreeSet;

use super::identity::Names;
use super::ownership::{self, Owner};
use crate::cloud::{Facts, Snapshot};
use crate::desired::Resolved;
use crate::model::kind::TargetGroup;
use crate::model::{Address, Id, Kind, Link, Mutability};

/// Pairs every declared target group.
pub(super) fn pair(desired: &Resolved, snapshot: &Snapshot, names: &mut Names) {
    let declared = || desired.specs.iter().filter_map(|(a, spec)| spec.target_group().map(|group| (a, group)));
    let taken: BTreeSet<&str> = declared().map(|(_, group)| group.name.as_str()).collect();
    for (address, want) in declared() {
        let named = |live: &TargetGroup| live.name == want.name;
        if desired.existing.contains(address) {
            let found = snapshot.target_groups().find(|(_, live)| named(live));
            names.ids.extend(found.map(|(id, _)| (address.clone(), id.clone())));
            names.addresses.extend(found.map(|(id, _)| (id.clone(), address.clone())));
            continue;
        }
        let ours = Owner::Ours(address.to_string());
        let owner = |live: &TargetGroup| ownership::owner(&live.tags, &desired.stack);
        let succeeds = |live: &TargetGroup| {
            TargetGroup::may_succeed(&want.name, &live.name)
                && owner(live) == ours
                && !taken.contains(live.name.as_str())
        };
        let mut candidates: Vec<(&Id, &TargetGroup)> =
            snapshot.target_groups().filter(|(_, live)| named(live) || succeeds(live)).collect();
        candidates.sort_by_key(|(id, live)| (owner(live) != ours, !named(live), !is_used(snapshot, id), *id));
        let current = candidates.iter().find(|(_, live)| fits(snapshot, live, want));
        let fixed = candidates.first().filter(|(_, live)| !matches!(owner(live), Owner::Ours(_) | Owner::Nobody));
        if let Some((id, _)) = current.or(fixed) {
            names.pair(address.clone(), (*id).clone());
        }
        let replaces = !names.ids.contains_key(address);
        let current = names.ids.get(address).cloned();
        let old = candidates
            .iter()
            .filter(|(id, live)| current.as_ref() != Some(*id) && (owner(live) == ours || (replaces && named(live))));
        for (number, (id, _)) in old.enumerate() {
            let old = pseudonym(address, number);
            names.superseded.insert(old.clone(), address.clone());
            if replaces && number == 0 {
                names.replaced.insert(address.clone(), old.clone());
            }
            names.pair(old, (*id).clone());
        }
    }
}

/// The address of a group that another one supersedes. No name on AWS holds an `@`.
fn pseudonym(address: &Address, number: usize) -> Address {
    let suffix = if number == 0 { String::new() } else { format!("-{}", number + 1) };
    Address::new(Kind::TargetGroup, format!("{}{OLD}{suffix}", address.name))
}

const OLD: &str = "@old";

/// The address as the files and the tags have it: without what tells a group, or a target of it, from the one that
/// supersedes it.
pub fn declared(address: &Address) -> Address {
    let group = address.name.split('/').next().unwrap_or_default();
    match group.split_once(OLD) {
        Some((name, _)) if matches!(address.kind, Kind::TargetGroup | Kind::Target) => {
            Address::new(address.kind, format!("{name}{}", &address.name[group.len()..]))
        }
        Some(_) | None => address.clone(),
    }
}

fn is_used(snapshot: &Snapshot, id: &Id) -> bool {
    let facts = snapshot.found.get(id).map(|live| &live.facts);
    matches!(facts, Some(Facts::TargetGroup { load_balancers }) if !load_balancers.is_empty())
}

/// Whether a live group can be edited into the declared one. Selected VPCs count by what selects them.
fn fits(snapshot: &Snapshot, live: &TargetGroup, want: &TargetGroup) -> bool {
    let bare = |group: &TargetGroup| TargetGroup { vpc: None, ..group.clone() };
    let fields = TargetGroup::compare(&bare(live), &bare(want));
    in_vpc(snapshot, want.vpc.as_ref(), live.vpc.as_ref())
        && fields.iter().all(|field| field.mutability != Mutability::Replace)
}

/// Whether a live resource is in the VPC that is asked for; what cannot be told counts as yes.
pub(super) fn in_vpc(snapshot: &Snapshot, want: Option<&Link>, live: Option<&Link>) -> bool {
    match (want, live) {
        (Some(Link::Id(want)), Some(Link::Id(live))) => want == live,
        (Some(Link::Select(selector)), Some(Link::Id(live))) => match snapshot.vpcs.get(live) {
            Some(vpc) => selector.tags.iter().all(|(key, value)| vpc.tags.get(key) == Some(value)),
            // selectors read every VPC that they fit: one that was not read is another one, or none was read
            None => snapshot.vpcs.is_empty(),
        },
        _ => true,
    }
}
