//! Guards: what refuses a plan, and which of them a user can lift.

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::desired::Resolved;
use crate::model::Address;

/// Names of the guards, as `--dangerous-allow` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// The files are for another account or region; cannot be lifted.
    WrongAccount,
    /// A resource belongs to another stack or tool.
    ForeignOwner,
    /// Somebody else fills a target group.
    FedGroup,
    /// A load balancer would be deleted, and its DNS name with it.
    DeleteLoadBalancer,
    /// A field differs that AWS cannot edit; cannot be lifted.
    Replacement,
    /// Part of the live view is missing.
    Incomplete,
    /// One run would change or take away more of what serves clients than the files' `limits` allow.
    BlastRadius,
    /// The rehearsal did not end where the files want to be.
    Rehearsal,
    /// A rollback cannot bring something back as it was.
    Irreversible,
    /// Another run works on the stack; apply asks for it, plans do not.
    Lock,
}

impl Guard {
    /// Every guard.
    pub const ALL: [Self; 10] = [
        Self::WrongAccount,
        Self::ForeignOwner,
        Self::FedGroup,
        Self::DeleteLoadBalancer,
        Self::Replacement,
        Self::Incomplete,
        Self::BlastRadius,
        Self::Rehearsal,
        Self::Irreversible,
        Self::Lock,
    ];
    /// The name for `--dangerous-allow`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongAccount => "wrong-account",
            Self::ForeignOwner => "foreign-owner",
            Self::FedGroup => "fed-group",
            Self::DeleteLoadBalancer => "delete-load-balancer",
            Self::Replacement => "replacement",
            Self::Incomplete => "incomplete",
            Self::BlastRadius => "blast-radius",
            Self::Rehearsal => "rehearsal",
            Self::Irreversible => "irreversible",
            Self::Lock => "lock",
        }
    }
    /// Whether `--dangerous-allow` lifts it.
    pub const fn can_be_lifted(self) -> bool {
        match self {
            Self::ForeignOwner
            | Self::FedGroup
            | Self::DeleteLoadBalancer
            | Self::Incomplete
            | Self::BlastRadius
            | Self::Rehearsal
            | Self::Irreversible
            | Self::Lock => true,
            Self::WrongAccount | Self::Replacement => false,
        }
    }
}

/// A guard that refuses this plan, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which guard.
    pub guard: Guard,
    /// What it is about, if one resource.
    pub address: Option<Address>,
    /// Why.
    pub because: String,
}

/// Refuses a plan for another account or region than the files'.
pub(super) fn account(desired: &Resolved, plan: &mut Plan) {
    let who = &plan.identity;
    if who.account != desired.account || who.region != desired.region {
        let because = format!(
            "the files are for account {} in {}, but the credentials are for account {} in {}",
            desired.account, desired.region, who.account, who.region
        );
        plan.refused.push(Refused { guard: Guard::WrongAccount, address: None, because });
    }
}
