//! What shall not exist: targets that are not declared, what this stack made and no file mentions any
//! more, and what an `exclusive` part of a load balancer holds besides the declared.

use super::bind::Bound;
use super::ownership::{self, Owner};
use super::{Cause, Change, Obstacle, Verdict, foreign};
use crate::cloud::{Live, Snapshot};
use crate::desired::{Part, Resolved};
use crate::model::kind::SecurityGroup;
use crate::model::{Address, Kind, Spec};

/// The changes for all that leaves.
pub(super) fn find(desired: &Resolved, snapshot: &Snapshot, bound: &Bound) -> Vec<Change> {
    let undeclared = || bound.live.iter().filter(|(address, _)| !bound.want.contains_key(*address));
    let leaving = undeclared().filter_map(|(address, live)| leaving(desired, snapshot, bound, address, live));
    let mut changes: Vec<Change> = leaving.collect();
    let strangers = undeclared().filter_map(|(address, live)| carried_off(bound, &changes, address, &live.spec));
    let strangers: Vec<Change> = strangers.collect();
    changes.extend(strangers);
    changes
}

/// A listener or a rule of nobody in something that is deleted: it goes with it, and is named.
fn carried_off(bound: &Bound, leaving: &[Change], address: &Address, spec: &Spec) -> Option<Change> {
    let lives_in_something = matches!(spec, Spec::Listener(_) | Spec::Rule(_));
    if !lives_in_something || leaving.iter().any(|change| change.address == *address) {
        return None;
    }
    let goes = |above: &Address| {
        let mut gone = leaving.iter().filter(|change| change.verdict == Verdict::Delete && change.obstacle.is_none());
        gone.find(|change| change.address == *above)
    };
    let with = std::iter::successors(address.parent(), Address::parent).find_map(|above| goes(&above))?;
    Some(Change { address: address.clone(), id: bound.ids.get(address).cloned(), ..with.clone() })
}

fn leaving(desired: &Resolved, snapshot: &Snapshot, bound: &Bound, address: &Address, live: &Live) -> Option<Change> {
    let (cause, obstacle) = match &live.spec {
        Spec::Target(target) => {
            let group = target.target_group.address()?;
            if !desired.membership.contains(group) || bound.hidden.contains_key(group) {
                return None;
            }
            (None, foreign::obstacle(desired, bound, address, &Verdict::Delete))
        }
        // ACM is left alone: a certificate is only ever detached
        Spec::Certificate(_) => return None,
        Spec::SecurityGroup(_) | Spec::TargetGroup(_) | Spec::LoadBalancer(_) | Spec::Listener(_) | Spec::Rule(_) => {
            let cause = match ownership::owner(live.spec.tags()?, &desired.stack) {
                _ if bound.unwanted.contains_key(address) => return Some(visited(bound, address, live)),
                _ if bound.superseded.get(address).is_some_and(|by| bound.hidden.contains_key(by)) => return None,
                _ if bound.superseded.contains_key(address) => None,
                Owner::Ours(_) => Some(Cause::Orphaned),
                Owner::Nobody if is_excluded(desired, bound, address) => None,
                Owner::Nobody | Owner::OtherStack(_) | Owner::Controller(_) => return None,
            };
            let stays = filled(desired, bound, address);
            (cause, stays.or_else(|| forbids(desired, snapshot, bound, address, live)))
        }
    };
    Some(Change {
        address: address.clone(),
        id: bound.ids.get(address).cloned(),
        verdict: Verdict::Delete,
        cause,
        stamped: false,
        undeclared: Vec::new(),
        obstacle,
    })
}

/// A security group that is not this stack's, with rules of this stack that no file mentions.
fn visited(bound: &Bound, address: &Address, live: &Live) -> Change {
    let nothing = SecurityGroup::default();
    let fields = bound.unwanted.get(address).map(|unwanted| unwanted.compare(&live.spec, &nothing.into()));
    Change {
        address: address.clone(),
        id: bound.ids.get(address).cloned(),
        verdict: Verdict::Update(fields.unwrap_or_default()),
        cause: Some(Cause::Orphaned),
        stamped: false,
        undeclared: Vec::new(),
        obstacle: None,
    }
}

/// A group that another one takes the place of, while somebody else fills it.
fn filled(desired: &Resolved, bound: &Bound, address: &Address) -> Option<Obstacle> {
    let by = bound.superseded.get(address)?;
    let targets = bound.live.values().filter_map(|live| live.spec.target());
    let count = targets.filter(|target| target.target_group.address() == Some(address)).count();
    let because = match (bound.fed.get(address), desired.membership.contains(by)) {
        (Some(who), _) => format!("{who}: it goes once they are registered with {by} and gone from here"),
        (None, false) if count > 0 => {
            format!("the files leave its targets to somebody else: it goes once they are registered with {by}")
        }
        (None, _) => return None,
    };
    Some(Obstacle::Held(because))
}

/// Why it must stay all the same: it, what lives in it, or what it lives in.
///
/// Nobody asked for the end of just this thing where an `exclusive` part names it with all others: what somebody else
/// has in it keeps it alone, and does not refuse the whole plan.
fn forbids(desired: &Resolved, snapshot: &Snapshot, bound: &Bound, address: &Address, live: &Live) -> Option<Obstacle> {
    let unseen = live.spec.target_group().and_then(|group| foreign::used_unseen(group, &live.facts, snapshot));
    let named = live.spec.tags().is_some_and(|tags| matches!(ownership::owner(tags, &desired.stack), Owner::Ours(_)));
    let within = || {
        let obstacle = foreign::undeletable(desired, snapshot, bound, address)?;
        Some(match obstacle {
            Obstacle::ForeignOwner(because) if !named => Obstacle::Held(because),
            other @ (Obstacle::ForeignOwner(_) | Obstacle::Fed(_) | Obstacle::Held(_)) => other,
        })
    };
    unseen.or_else(within).or_else(|| foreign::obstacle(desired, bound, address, &Verdict::Delete))
}

/// Whether a listener or a rule lives in what the files name wholly.
fn is_excluded(desired: &Resolved, bound: &Bound, address: &Address) -> bool {
    let Some(parent) = address.parent().filter(|parent| bound.want.contains_key(parent)) else { return false };
    match address.kind {
        Kind::Listener => desired.is_exclusive(&parent, Part::Listeners),
        Kind::Rule => parent.parent().is_some_and(|balancer| desired.is_exclusive(&balancer, Part::Rules)),
        Kind::SecurityGroup | Kind::Certificate | Kind::TargetGroup | Kind::Target | Kind::LoadBalancer => false,
    }
}

/// Whether a live rule that is not paired will be gone: its number and its place are free to use.
pub(super) fn is_rule_leaving(
    desired: &Resolved,
    listener: &Address,
    tags: &std::collections::BTreeMap<String, String>,
) -> bool {
    match ownership::owner(tags, &desired.stack) {
        Owner::Ours(address) => !address.parse().is_ok_and(|address: Address| desired.specs.contains_key(&address)),
        Owner::Nobody => listener.parent().is_some_and(|balancer| desired.is_exclusive(&balancer, Part::Rules)),
        Owner::OtherStack(_) | Owner::Controller(_) => false,
    }
}
