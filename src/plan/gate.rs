//! Gates: what is waited for between steps. What a look at AWS says of one is `apply`'s matter.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::cloud::Operation;
use crate::model::Link;
use crate::model::kind::{Direction, TrafficRule};

/// A wait between steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// The load balancer's state is `active`.
    LoadBalancerActive,
    /// The certificate's status is `ISSUED`.
    CertificateIssued,
    /// The load balancer is gone, and the network interfaces with it that keep its security groups in use.
    LoadBalancerGone,
    /// At least so many targets of a group are ready, those aside that a later step deregisters.
    TargetsHealthy {
        /// The group.
        group: Link,
        /// How many.
        at_least: usize,
        /// The targets that leave, as `id:port`.
        leaving: BTreeSet<String>,
    },
    /// No target of a group is left: requests in flight have ended.
    Drained {
        /// The group.
        group: Link,
        /// How long AWS takes at most, in seconds.
        within: u32,
    },
    /// AWS shows these rules of a security group: what comes next relies on them.
    PathOpen {
        /// The group.
        group: Link,
        /// Which way.
        direction: Direction,
        /// The rules.
        rules: Vec<TrafficRule>,
    },
    /// Some time has passed since requests were sent elsewhere; how much is the user's choice.
    Settled {
        /// How much at least, in seconds.
        at_least: u32,
    },
}

impl Gate {
    /// What is waited for after any such operation, whoever makes it.
    pub(super) fn of(operation: &Operation) -> Option<Self> {
        let Operation::Authorize { direction, group, rules, .. } = operation else { return None };
        Some(Self::PathOpen { group: group.clone(), direction: *direction, rules: rules.clone() })
    }
    /// The target group that it looks at, if one.
    pub const fn group(&self) -> Option<&Link> {
        match self {
            Self::TargetsHealthy { group, .. } | Self::Drained { group, .. } => Some(group),
            Self::LoadBalancerActive
            | Self::CertificateIssued
            | Self::LoadBalancerGone
            | Self::PathOpen { .. }
            | Self::Settled { .. } => None,
        }
    }
    /// The same wait with its link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        match self {
            Self::TargetsHealthy { group, at_least, leaving } => {
                Self::TargetsHealthy { group: f(group), at_least, leaving }
            }
            Self::Drained { group, within } => Self::Drained { group: f(group), within },
            Self::PathOpen { group, direction, rules } => {
                let rules = rules.into_iter().map(|rule| rule.map_links(f)).collect();
                Self::PathOpen { group: f(group), direction, rules }
            }
            other @ (Self::LoadBalancerActive
            | Self::CertificateIssued
            | Self::LoadBalancerGone
            | Self::Settled { .. }) => other,
        }
    }
}
