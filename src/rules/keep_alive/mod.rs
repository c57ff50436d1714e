//! E3xx: how long idle connections live, on both ends.

pub(super) mod idle_timeout_drift;
pub(super) mod keepalive_lt_idle;

/// AWS's key of a load balancer's idle timeout.
const IDLE: &str = "idle_timeout.timeout_seconds";
/// The same field in the desired-state language.
const FIELD: &str = "idle_timeout";
/// Seconds that the targets' keep-alive shall exceed the idle timeout by.
const MARGIN: u32 = 5;

use super::Evidence;
use crate::model::Address;

/// The groups that a load balancer forwards to.
fn groups_of<'e>(evidence: &'e Evidence, load_balancer: &'e Address) -> impl Iterator<Item = &'e Address> {
    let groups = evidence.target_groups().map(|(group, _)| group);
    groups.filter(move |group| evidence.load_balancers_of(group).contains(load_balancer))
}
