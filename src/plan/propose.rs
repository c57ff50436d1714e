//! Proposed declarations: what the rules would add to the files, so that the plan opens what is closed.
//!
//! Only rules of security groups that the files describe, only added, each from one security group (or to one address) on
//! the ports that are closed; nothing where the files name all rules there shall be, where a finding is accepted, or in an
//! existing group of which the files list no rules. A proposal is merged into the files before they are compared, so that
//! the plan has no other source than they. It stays one as long as the way needs it: what it added bears our tag, and is
//! taken away like any leftover once the files open the way themselves or the way is gone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::evidence::{self, Side};
use super::{Built, Operation};
use crate::cloud::Snapshot;
use crate::desired::{Part, Problem, Resolved};
use crate::diff::{self, Bound, Cause, Change, Diff};
use crate::model::kind::{Direction, Peer, TrafficRule};
use crate::model::value::IpProtocol;
use crate::model::{Address, Id, Link, Spec};
use crate::rules::{self, Declaration, FixClass, Need};

/// Which proposals count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proposals {
    /// Those that AWS has already: nothing new is proposed, and what was is kept.
    #[default]
    Kept,
    /// All.
    All,
}

/// The files with what is proposed, and by which rules, by security group.
pub(super) struct Proposed<'d> {
    pub(super) desired: Cow<'d, Resolved>,
    by: BTreeMap<Address, BTreeSet<String>>,
    /// What differs from the files as they are because AWS was changed.
    drifted: BTreeSet<Address>,
}

/// Adds to the files what the rules propose for the state after them.
pub(super) fn propose<'d>(
    desired: &'d Resolved,
    basis: &Snapshot,
    now: Timestamp,
    which: Proposals,
) -> Result<Proposed<'d>, Vec<Problem>> {
    let mut proposed = Proposed { desired: Cow::Borrowed(desired), by: BTreeMap::new(), drifted: BTreeSet::new() };
    let has_groups = desired.specs.values().any(|spec| spec.security_group().is_some());
    if !has_groups || basis.interfaces.as_ref().is_none_or(BTreeMap::is_empty) {
        return Ok(proposed);
    }
    let automatic: Vec<&rules::Rule> = rules::ALL
        .iter()
        .copied()
        .filter(|rule| rule.fix == FixClass::Automatic && rule.needs.contains(&Need::Network))
        .collect();
    let diff = diff::compare(desired, basis)?;
    let drifted = diff.changes.iter().filter(|change| change.cause == Some(Cause::Drift));
    proposed.drifted = drifted.map(|change| change.address.clone()).collect();
    let after = evidence::of_diff(desired, basis, &diff, Side::After, now);
    for finding in rules::engine::judge_by(&automatic, &after).findings {
        let Some(declare) = &finding.fix.declare else { continue };
        let added = additions(desired, &diff.bound, declare, which);
        for (direction, rule) in added {
            let specs = &mut proposed.desired.to_mut().specs;
            if let Some(Spec::SecurityGroup(group)) = specs.get_mut(&declare.address) {
                group.rules_mut(direction).get_or_insert_default().push(rule);
                proposed.by.entry(declare.address.clone()).or_default().insert(finding.rule.clone());
            }
        }
    }
    Ok(proposed)
}

impl Proposed<'_> {
    /// The difference from the files with what is proposed. What drifted has drifted, whatever is proposed on top.
    pub(super) fn compare(&self, basis: &Snapshot) -> Result<Diff, Vec<Problem>> {
        let mut diff = diff::compare(&self.desired, basis)?;
        let moved = |change: &&mut Change| self.by.contains_key(&change.address) && change.cause.is_some();
        for change in diff.changes.iter_mut().filter(moved).filter(|change| self.drifted.contains(&change.address)) {
            change.cause = Some(Cause::Drift);
        }
        Ok(diff)
    }
    /// Says on the steps that rest on a proposal who made it.
    pub(super) fn sign(&self, built: &mut Built) {
        for step in &mut built.steps {
            let by = self.by.get(&step.address).filter(|_| matches!(step.operation, Operation::Authorize { .. }));
            if let Some(by) = by {
                let by = by.iter().cloned().collect::<Vec<_>>().join(" and ");
                step.why = format!("{}; proposed by {by}, not in the files", step.why);
            }
        }
    }
}

/// The rules that a proposal adds to the files.
fn additions(
    desired: &Resolved,
    bound: &Bound,
    declare: &Declaration,
    which: Proposals,
) -> Vec<(Direction, TrafficRule)> {
    let Some(direction) = Direction::ALL.into_iter().find(|way| way.key() == declare.field.as_str()) else {
        return Vec::new();
    };
    let Some(Spec::SecurityGroup(group)) = desired.specs.get(&declare.address) else { return Vec::new() };
    let part = if direction == Direction::Ingress { Part::Ingress } else { Part::Egress };
    let is_listed = group.rules(direction).is_some() || !desired.existing.contains(&declare.address);
    if desired.is_exclusive(&declare.address, part) || !is_listed {
        return Vec::new();
    }
    let live = bound.live.get(&declare.address).and_then(|live| live.spec.security_group());
    let have = live.and_then(|group| group.rules(direction)).map(Vec::as_slice).unwrap_or_default();
    let is_kept = |rule: &TrafficRule| {
        let rule = bound.in_addresses(rule.clone());
        have.iter().any(|live| live.covers(&rule))
    };
    let all = declare.value.as_array().into_iter().flatten().flat_map(|entry| rules_of(desired, direction, entry));
    all.filter(|rule| which == Proposals::All || is_kept(rule)).map(|rule| (direction, rule)).collect()
}

/// One entry of a proposal, `{ from: alb, ports: [8000] }`, as the files would mean it.
fn rules_of(desired: &Resolved, direction: Direction, entry: &Value) -> Vec<TrafficRule> {
    let key = if direction == Direction::Ingress { "from" } else { "to" };
    let Some(peer) = entry[key].as_str().and_then(|name| peer(desired, name)) else { return Vec::new() };
    let ports = entry["ports"].as_array().into_iter().flatten().filter_map(Value::as_u64);
    let ports = ports.filter_map(|port| u16::try_from(port).ok());
    let one = |port| {
        let (protocol, ports) = (IpProtocol::Tcp, Some((port, port)));
        TrafficRule { protocol, ports, peer: peer.clone(), description: None }
    };
    ports.map(one).collect()
}

/// A security group of the files or of AWS, or a single address; never a wider network.
fn peer(desired: &Resolved, name: &str) -> Option<Peer> {
    let address = Address::security_group(name);
    if desired.specs.contains_key(&address) {
        return Some(Peer::Group(Link::Address(address)));
    }
    if name.starts_with("sg-") {
        return Some(Peer::Group(Link::Id(Id(name.to_owned()))));
    }
    let net: ipnet::IpNet = name.parse().ok()?;
    (net.prefix_len() == net.max_prefix_len()).then_some(Peer::Cidr(net))
}
