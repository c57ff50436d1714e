//! Building what the rules judge: the files alone, the live state, and the state after.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::cloud::{Facts, Hidden, Snapshot};
use crate::desired::Resolved;
use crate::diff::{Bound, Diff, Verdict};
use crate::model::{Address, Id, Kind, Link, Spec, TargetHealth};
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
        available,
        now: Some(now),
        ..Evidence::default()
    }
}

/// The live state under these files.
pub fn of_live<'a>(desired: &'a Resolved, snapshot: &Snapshot, diff: &Diff, now: Timestamp) -> Evidence<'a> {
    of_diff(desired, snapshot, diff, Side::Live, now)
}

pub(super) fn of_diff<'a>(
    desired: &'a Resolved,
    snapshot: &Snapshot,
    diff: &Diff,
    side: Side,
    now: Timestamp,
) -> Evidence<'a> {
    let bound = &diff.bound;
    let state = match side {
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
        subnets: subnets(snapshot, bound),
        available: available(snapshot),
        state: Cow::Owned(state),
        desired: Some(desired),
        facts,
        now: Some(now),
        ways: crate::rules::evidence::Ways::default(),
    }
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

fn interfaces(snapshot: &Snapshot, bound: &Bound) -> BTreeMap<IpAddr, BTreeSet<Address>> {
    // a group that was not read keeps a name, so that a rule sees that there is one it does not know
    let name = |id: &Id| bound.names.get(id).cloned().unwrap_or_else(|| Address::security_group(id.as_str()));
    let named = |groups: &[Id]| groups.iter().map(name).collect();
    snapshot.interfaces.iter().flatten().map(|(ip, interface)| (*ip, named(&interface.groups))).collect()
}

fn subnets(snapshot: &Snapshot, bound: &Bound) -> BTreeMap<Address, Vec<IpNet>> {
    let mut networks = BTreeMap::new();
    for (address, live) in &bound.live {
        let Some(subnets) = live.spec.load_balancer().and_then(|lb| lb.subnets.as_ref()) else { continue };
        let ids = subnets.iter().filter_map(Link::id);
        let known = ids.filter_map(|id| snapshot.subnets.get(id)).filter_map(|s| s.cidr.parse().ok()).collect();
        networks.insert(address.clone(), known);
    }
    networks
}

fn available(snapshot: &Snapshot) -> BTreeSet<Need> {
    let mut available = BTreeSet::from([Need::Desired, Need::Live]);
    let hides = |kind: Kind| {
        snapshot.gaps.iter().any(|gap| match &gap.hidden {
            Hidden::Kind(k) | Hidden::Children(_, k) => *k == kind,
            Hidden::Resource(id) => snapshot.found.get(id).is_some_and(|live| live.spec.kind() == kind),
            Hidden::Lookups | Hidden::Interfaces | Hidden::Owned => false,
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
    available
}
