//! Building what the rules judge: the files alone, the live state, and the state after.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;

use crate::cloud::{Facts, Hidden, Interface, Snapshot};
use crate::desired::Resolved;
use crate::diff::{Bound, Cause, Change, Diff, Verdict};
use crate::model::tag::APPLIED_TAG;
use crate::model::{Address, Id, Kind, Link, Spec, TargetHealth};
use crate::rules::evidence::Attached;
use crate::rules::{Evidence, Need};

/// Which moment the evidence is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// As AWS has it.
    Live,
    /// As it will be: declared over live.
    After,
}

/// What the files alone say.
pub fn of_files(desired: &Resolved, now: Timestamp) -> Evidence<'_> {
    let available = BTreeSet::from([Need::Desired, Need::Certificates]);
    Evidence {
        state: Cow::Borrowed(&desired.specs),
        desired: Some(desired),
        empty: desired.membership.iter().filter(|group| !has_targets(&desired.specs, group)).cloned().collect(),
        available,
        now: Some(now),
        ..Evidence::default()
    }
}

/// The live state under these files.
pub fn of_live<'a>(desired: &'a Resolved, snapshot: &Snapshot, diff: &Diff, now: Timestamp) -> Evidence<'a> {
    of_diff(desired, snapshot, diff, Side::Live, now)
}

/// The live state without files. Its addresses are those that the diff's `bound` gives to what no file mentions.
pub fn of_live_alone(snapshot: &Snapshot, diff: &Diff, now: Timestamp) -> Evidence<'static> {
    of_diff(None, snapshot, diff, Side::Live, now)
}

pub(super) fn of_diff<'a>(
    desired: impl Into<Option<&'a Resolved>>,
    snapshot: &Snapshot,
    diff: &Diff,
    side: Side,
    now: Timestamp,
) -> Evidence<'a> {
    let (bound, desired) = (&diff.bound, desired.into());
    let state: BTreeMap<Address, Spec> = match side {
        Side::Live => {
            bound.live.iter().map(|(a, live)| (seen_as(bound, a), bound.meant(&live.spec).into_owned())).collect()
        }
        Side::After => after(diff),
    };
    let name = |address: &Address| if side == Side::Live { seen_as(bound, address) } else { address.clone() };
    let facts = bound.live.iter().map(|(a, live)| (name(a), live.facts.clone())).collect();
    Evidence {
        health: health(diff, side),
        interfaces: interfaces(snapshot, bound),
        subnets: snapshot.subnets.clone(),
        network: snapshot.network.clone(),
        zones: zones(snapshot, &state),
        target_zones: target_zones(snapshot, &state),
        empty: empty(desired, bound, &state),
        leaving: leaving(snapshot, bound, &name),
        fed: bound.fed.keys().map(&name).collect(),
        available: available(snapshot, desired),
        state: Cow::Owned(state),
        desired,
        drifted: by_cause(diff, Cause::Drift),
        pending: by_cause(diff, Cause::Pending),
        facts,
        now: Some(now),
        ..Evidence::default()
    }
}

/// The resources that differ for this cause. Something that is not there is new, not missing, only where what it
/// belongs to bears our mark: else nobody knows what was there before.
fn by_cause(diff: &Diff, cause: Cause) -> BTreeSet<Address> {
    let marked = |address: &Address| {
        let tags = diff.bound.live.get(address).and_then(|live| live.spec.tags());
        tags.is_some_and(|tags| tags.contains_key(APPLIED_TAG))
    };
    let known =
        |change: &Change| change.verdict != Verdict::Create || change.address.parent().is_some_and(|p| marked(&p));
    let changes = diff.changes.iter().filter(|change| change.cause == Some(cause) && known(change));
    changes.map(|change| change.address.clone()).collect()
}

/// The address by which rules know something live: until it is replaced, a group is what the files say of it.
fn seen_as(bound: &Bound, address: &Address) -> Address {
    let group = if address.kind == Kind::Target { address.parent() } else { None };
    let of = |old: &Address| bound.replaced.iter().find(|(_, replaced)| *replaced == old).map(|(group, _)| group);
    match (of(address), group.as_ref().and_then(of)) {
        (Some(group), _) => group.clone(),
        (None, Some(group)) => Address::new(Kind::Target, format!("{}/{}", group.name, address.leaf())),
        (None, None) => address.clone(),
    }
}

/// Declared over live, strays gone. What cannot be known stays as it is.
fn after(diff: &Diff) -> BTreeMap<Address, Spec> {
    let bound = &diff.bound;
    let mut state: BTreeMap<Address, Spec> =
        bound.live.iter().map(|(a, live)| (a.clone(), live.spec.clone())).collect();
    for change in &diff.changes {
        let address = &change.address;
        match (&change.verdict, bound.want.get(address)) {
            (Verdict::Delete, _) => {
                // what lives in it goes with it
                let within = |other: &Address| {
                    std::iter::successors(Some(other.clone()), Address::parent).any(|a| a == *address)
                };
                state.retain(|other, _| !within(other));
            }
            (Verdict::Unknown(_), _) | (_, None) => {}
            (_, Some(want)) => {
                let spec = match bound.kept(address) {
                    Some(kept) => want.clone().over(&kept),
                    None => want.clone(),
                };
                state.insert(address.clone(), spec);
            }
        }
    }
    state
}

/// Health as AWS reports it; afterwards only where nothing it depends on changes.
fn health(diff: &Diff, side: Side) -> BTreeMap<Address, TargetHealth> {
    let bound = &diff.bound;
    let changes = |address: &Address| {
        diff.changes
            .iter()
            .any(|c| c.address == *address && !matches!(c.verdict, Verdict::InSync | Verdict::Unknown(_)))
    };
    let network_changes = diff.changes.iter().any(|c| {
        let kind = matches!(c.address.kind, Kind::SecurityGroup | Kind::LoadBalancer);
        kind && c.verdict.fields().iter().any(|f| matches!(f.path.as_str(), "ingress" | "security_groups" | "subnets"))
    });
    let mut health = BTreeMap::new();
    for (address, live) in &bound.live {
        let Facts::Target(reported) = &live.facts else { continue };
        let moved = network_changes || changes(address) || address.parent().is_some_and(|group| changes(&group));
        if side == Side::Live || !moved {
            let name = if side == Side::Live { seen_as(bound, address) } else { address.clone() };
            health.insert(name, reported.clone());
        }
    }
    health
}

fn interfaces(snapshot: &Snapshot, bound: &Bound) -> BTreeMap<IpAddr, Attached> {
    // a group that was not read keeps a name, so that a rule sees that there is one it does not know
    let name = |id: &Id| bound.names.get(id).cloned().unwrap_or_else(|| Address::security_group(id.as_str()));
    let attached = |found: &Interface| Attached {
        groups: found.groups.iter().map(name).collect(),
        subnet: found.subnet.clone(),
        vpc: found.vpc.clone(),
        reached_as: found.reached_as.clone(),
    };
    snapshot.interfaces.iter().flatten().map(|(ip, found)| (*ip, attached(found))).collect()
}

fn has_targets(state: &BTreeMap<Address, Spec>, group: &Address) -> bool {
    let from = Address::new(Kind::Target, format!("{}/", group.name));
    let mut own = state.range(&from..).take_while(|(a, _)| a.kind == Kind::Target && a.name.starts_with(&from.name));
    own.next().is_some()
}

/// The groups that exist, or whose members the files name, and that have no target.
fn empty(desired: Option<&Resolved>, bound: &Bound, state: &BTreeMap<Address, Spec>) -> BTreeSet<Address> {
    let known = |group: &Address| {
        let exists = bound.live.contains_key(group) || bound.replaced.contains_key(group);
        exists || desired.is_some_and(|desired| desired.membership.contains(group))
    };
    let groups = state.keys().filter(|a| a.kind == Kind::TargetGroup && known(a));
    groups.filter(|group| !has_targets(state, group)).cloned().collect()
}

fn leaving(snapshot: &Snapshot, bound: &Bound, name: &dyn Fn(&Address) -> Address) -> BTreeSet<Address> {
    let named = |(id, labels): (&Id, &Vec<String>)| {
        let group = name(bound.names.get(id)?);
        Some(labels.iter().map(|l| Address::new(Kind::Target, format!("{}/{l}", group.name))).collect::<Vec<_>>())
    };
    snapshot.leaving.iter().filter_map(named).flatten().collect()
}

fn zones(snapshot: &Snapshot, state: &BTreeMap<Address, Spec>) -> BTreeMap<Address, BTreeSet<String>> {
    let of = |spec: &Spec| {
        let subnets = spec.load_balancer()?.subnets.as_ref().filter(|subnets| !subnets.is_empty())?;
        let zone = |link: &Link| Some(snapshot.subnets.get(link.id()?)?.zone.clone()).filter(|zone| !zone.is_empty());
        subnets.iter().map(zone).collect::<Option<BTreeSet<String>>>()
    };
    state.iter().filter_map(|(address, spec)| Some((address.clone(), of(spec)?))).collect()
}

/// A target's zone: as AWS says, else that of its interface.
fn target_zones(snapshot: &Snapshot, state: &BTreeMap<Address, Spec>) -> BTreeMap<Address, String> {
    let interfaces = || snapshot.interfaces.iter().flatten();
    let by_instance: BTreeMap<&str, &String> =
        interfaces().filter_map(|(_, i)| Some((i.instance.as_deref()?, i.zone.as_ref()?))).collect();
    let of = |spec: &Spec| {
        let target = spec.target()?;
        let by_address = || snapshot.interfaces.as_ref()?.get(&target.id.parse().ok()?)?.zone.as_ref();
        let found = target.zone.as_ref().or_else(|| by_instance.get(target.id.as_str()).copied()).or_else(by_address);
        found.filter(|zone| *zone != "all").cloned()
    };
    state.iter().filter_map(|(address, spec)| Some((address.clone(), of(spec)?))).collect()
}

fn available(snapshot: &Snapshot, desired: Option<&Resolved>) -> BTreeSet<Need> {
    let mut available = BTreeSet::from([Need::Live]);
    available.extend(desired.map(|_| Need::Desired));
    let hides = |kind: Kind| {
        snapshot.gaps.iter().any(|gap| match &gap.hidden {
            Hidden::Kind(k) | Hidden::Children(_, k) => *k == kind,
            Hidden::Resource(id) => snapshot.found.get(id).is_some_and(|live| live.spec.kind() == kind),
            Hidden::Lookups
            | Hidden::Interfaces
            | Hidden::Acls
            | Hidden::Routes
            | Hidden::PrefixLists
            | Hidden::Owned => false,
        })
    };
    if !hides(Kind::Target) {
        available.insert(Need::Health);
    }
    if !hides(Kind::Certificate) {
        available.insert(Need::Certificates);
    }
    if snapshot.interfaces.is_some() && !hides(Kind::SecurityGroup) {
        available.insert(Need::Network);
    }
    let gap = |hidden: &Hidden| snapshot.gaps.iter().any(|gap| gap.hidden == *hidden);
    let around = [(Need::Acls, Hidden::Acls), (Need::Routes, Hidden::Routes), (Need::PrefixLists, Hidden::PrefixLists)];
    available.extend(around.into_iter().filter(|(_, hidden)| !gap(hidden)).map(|(need, _)| need));
    available
}
