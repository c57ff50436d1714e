//! A target group serves one load balancer (API: `TargetGroupAssociationLimit`).

use super::Refusal;
use crate::cloud::{Facts, Snapshot};
use crate::model::Link;
use crate::model::kind::Action;

/// Refuses an action under a load balancer that forwards to a group of another one.
pub(super) fn check(snapshot: &Snapshot, action: Option<&Action>, balancer: Option<&Link>) -> Result<(), Refusal> {
    let Some(balancer) = balancer else { return Ok(()) };
    for (group, _) in action.into_iter().flat_map(Action::groups) {
        if let Some(other) = users(snapshot, group).into_iter().find(|other| *other != balancer) {
            let message = format!("the target group {group} serves the load balancer {other} already");
            return Err(Refusal::new("TargetGroupAssociationLimit", message, "API: CreateListener, CreateRule"));
        }
    }
    Ok(())
}

/// The load balancer of a listener.
pub(super) fn of_listener<'s>(snapshot: &'s Snapshot, listener: &Link) -> Option<&'s Link> {
    let live = snapshot.found.get(listener.id()?)?;
    Some(&live.spec.listener()?.load_balancer)
}

/// Whether a load balancer uses a group, one that is not in view included.
pub(super) fn is_used(snapshot: &Snapshot, group: &Link) -> bool {
    let unseen = match group.id().and_then(|id| snapshot.found.get(id)).map(|live| &live.facts) {
        Some(Facts::TargetGroup { load_balancers }) => load_balancers.iter().any(|id| !snapshot.found.contains_key(id)),
        Some(_) | None => false,
    };
    unseen || !users(snapshot, group).is_empty()
}

/// The load balancers whose listeners and rules forward to a group.
fn users<'s>(snapshot: &'s Snapshot, group: &Link) -> Vec<&'s Link> {
    let names = |action: Option<&Action>| action.is_some_and(|action| action.groups().any(|(link, _)| link == group));
    let listeners = snapshot.listeners().filter(|(_, l)| names(l.default.as_ref())).map(|(_, l)| &l.load_balancer);
    let rules = snapshot.rules().filter(|(_, rule)| names(rule.action.as_ref()));
    listeners.chain(rules.filter_map(|(_, rule)| of_listener(snapshot, &rule.listener))).collect()
}
