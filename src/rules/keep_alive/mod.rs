//! E3xx: how long idle connections live, on both ends.

pub(super) mod idle_timeout_drift;
pub(super) mod keepalive_lt_idle;

/// AWS's key of a load balancer's idle timeout.
const IDLE: &str = "idle_timeout.timeout_seconds";
/// The same field in the desired-state language.
const FIELD: &str = "idle_timeout";
/// Seconds that the targets' keep-alive shall exceed the idle timeout by.
const MARGIN: u32 = 5;

use std::collections::BTreeSet;

use super::Evidence;
use crate::model::Address;

/// The groups that a load balancer forwards to.
fn groups_of<'e>(evidence: &'e Evidence, load_balancer: &'e Address) -> BTreeSet<&'e Address> {
    let actions = evidence.listeners_of(load_balancer).flat_map(|(listener, _)| evidence.actions_of(listener));
    let groups = actions.flat_map(|(_, action)| action.groups()).filter_map(|(link, _)| link.address());
    groups.filter(|group| evidence.target_group(group).is_some()).collect()
}
