//! Where a forwarded request goes: the groups that may get it, and which of their targets.
//!
//! A group with fewer healthy targets than its threshold (one unless said otherwise) sends to all of them: it fails
//! open. Without registered targets, or with nothing but unused or leaving ones, clients get 503; where security
//! groups let nothing through, 504. There is no failover from one weighted group to another. Sources: user guides
//! "Health checks for Application Load Balancer target groups", "Target group health", "Target groups" (weights),
//! "Troubleshoot your Application Load Balancers" (503, 504).
//!
//! Stickiness, slow start, the algorithm and the protocol version are not looked at.

use super::condition::Fits;
use super::{Roads, network};
use crate::cloud::{Facts, Snapshot};
use crate::model::kind::{Forward, LoadBalancer, Target};
use crate::model::value::TargetType;
use crate::model::{HealthState, Id, Kind, TargetHealth};

/// A group that may get a request, and its share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The group.
    pub group: Id,
    /// Its weight among the others; never 0.
    pub weight: u16,
    /// Where its requests end.
    pub ends: Ends,
}

/// Where the requests of a group end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    /// At one of these healthy targets.
    Ready(Vec<Id>),
    /// At one of these, though too few are healthy: the group fails open.
    FailsOpen(Vec<Id>),
    /// At a function.
    Function(Id),
    /// With an error of the load balancer.
    Error(Cause),
    /// It cannot be told: the targets could not be read.
    CannotTell,
}

/// Why the load balancer itself answers 5xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// 503: no target is registered.
    NoTargets,
    /// 503: every target is unused or on its way out.
    NoneInUse,
    /// 503: every group has weight 0.
    NoWeight,
    /// 504: no target can be reached through the security groups.
    Unreachable,
    /// 507: the redirect's URL is longer than 8 KiB.
    LongRedirect,
}

impl Cause {
    /// What clients get.
    pub const fn status(self) -> u16 {
        match self {
            Self::NoTargets | Self::NoneInUse | Self::NoWeight => 503,
            Self::Unreachable => 504,
            Self::LongRedirect => 507,
        }
    }
    /// The cause in words.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::NoTargets => "the group has no targets",
            Self::NoneInUse => "all targets of the group are unused or leave",
            Self::NoWeight => "every group has weight 0",
            Self::Unreachable => "security groups let nothing through to the targets",
            Self::LongRedirect => "the URL of the redirect is too long",
        }
    }
}

/// The groups that may get a request; or the error that all requests get.
pub(super) fn destinations(
    snapshot: &Snapshot,
    roads: &Roads,
    balancer: Option<&LoadBalancer>,
    forward: &Forward,
) -> Result<Vec<Destination>, Cause> {
    let lone = forward.to.len() == 1;
    let weighted = forward.to.iter().map(|(group, weight)| (group, if lone { 1 } else { *weight }));
    let list: Vec<Destination> = weighted
        .filter(|(_, weight)| *weight > 0)
        .filter_map(|(group, weight)| {
            let group = group.id()?.clone();
            let ends = ends(snapshot, roads, balancer, &group);
            Some(Destination { group, weight, ends })
        })
        .collect();
    let dead = |one: &Destination| if let Ends::Error(cause) = one.ends { Some(cause) } else { None };
    match list.first() {
        None => Err(Cause::NoWeight),
        Some(first) => match dead(first) {
            Some(cause) if list.iter().all(|one| dead(one).is_some()) => Err(cause),
            Some(_) | None => Ok(list),
        },
    }
}

/// Of the groups that a snapshot does not show nothing can be told.
fn ends(snapshot: &Snapshot, roads: &Roads, balancer: Option<&LoadBalancer>, group: &Id) -> Ends {
    let Some(spec) = snapshot.found.get(group).and_then(|live| live.spec.target_group()) else {
        return Ends::CannotTell;
    };
    if roads.hides(group, Kind::Target) {
        return Ends::CannotTell;
    }
    let registered = roads.targets_of(group);
    let targets: Vec<(&Id, &Target, &TargetHealth)> = registered
        .filter_map(|id| {
            let live = snapshot.found.get(id)?;
            let Facts::Target(health) = &live.facts else { return None };
            Some((id, live.spec.target()?, health))
        })
        .collect();
    if targets.is_empty() {
        return Ends::Error(Cause::NoTargets);
    }
    if spec.target_type == Some(TargetType::Lambda) {
        return targets.first().map_or(Ends::CannotTell, |(id, _, _)| Ends::Function((*id).clone()));
    }
    let used: Vec<_> = targets.into_iter().filter(|(_, _, health)| is_used(health)).collect();
    if used.is_empty() {
        return Ends::Error(Cause::NoneInUse);
    }
    let healthy: Vec<_> = used.iter().filter(|(_, _, health)| health.is_healthy()).copied().collect();
    let attribute = |key: &str| {
        let key = format!("target_group_health.unhealthy_state_routing.minimum_healthy_targets.{key}");
        spec.attributes.get(&key)?.parse::<usize>().ok()
    };
    let share = attribute("percentage").map_or(0, |percent| (used.len() * percent).div_ceil(100));
    let ready = healthy.len() >= attribute("count").unwrap_or(1).max(share);
    let chosen = if ready { healthy } else { used };
    let reached = chosen.into_iter().filter(|(_, target, _)| {
        let port = target.port.or(spec.port).unwrap_or(80);
        balancer.is_none_or(|balancer| network::target(snapshot, balancer, target, port) != Fits::No)
    });
    let reached: Vec<Id> = reached.map(|(id, _, _)| id.clone()).collect();
    match (reached.is_empty(), ready) {
        (true, _) => Ends::Error(Cause::Unreachable),
        (false, true) => Ends::Ready(reached),
        (false, false) => Ends::FailsOpen(reached),
    }
}

/// Whether a target may get new requests. One that was unused because nothing forwarded to its group is used as soon
/// as something does.
fn is_used(health: &TargetHealth) -> bool {
    match health.state {
        Some(HealthState::Draining) => false,
        Some(HealthState::Unused) => health.reason.as_deref() == Some("Target.NotInUse"),
        Some(HealthState::Initial | HealthState::Healthy | HealthState::Unhealthy | HealthState::Unavailable)
        | None => true,
    }
}
