//! What a probe tells a plan: targets asked as they are now, and asked as they would be afterwards.
//!
//! The rules judge both sides with it. A new health check that healthy targets pass is proven, one that they fail is not
//! made. It asks nothing itself: who plans has asked, with what [`sides`] says.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::evidence::{self, Side};
use crate::cloud::Snapshot;
use crate::desired::{Problem, Resolved};
use crate::diff;
use crate::model::Address;
use crate::model::value::CodeMatcher;
use crate::probe::Observations;
use crate::rules::Evidence;

/// What a probe saw of targets.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Asked as they are now.
    pub now: BTreeMap<Address, Observations>,
    /// Asked as they would be afterwards.
    pub afterwards: BTreeMap<Address, Observations>,
}

/// What a probe says of a new health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// The target passes it.
    Passes,
    /// The target fails it, in these words.
    Fails(String),
    /// The probe does not reach the target, or was not asked.
    Unknown,
}

/// The two states whose targets a probe may ask: the live one, and the one after these files.
///
/// # Errors
/// What [`diff::compare`] refuses.
pub fn sides<'a>(
    desired: &'a Resolved,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<(Evidence<'a>, Evidence<'a>), Vec<Problem>> {
    let diff = diff::compare(desired, snapshot)?;
    let side = |side| evidence::of_diff(desired, snapshot, &diff, side, now);
    Ok((side(Side::Live), side(Side::After)))
}

impl Asked {
    /// What is known of a new health check at one target. Whether a target that cannot be reached afterwards fails, only
    /// a probe can say that reaches it now.
    pub(super) fn trial(&self, target: &Address, codes: Option<&CodeMatcher>) -> Trial {
        let Some(check) = self.afterwards.get(target).and_then(|saw| saw.health_check(codes)) else {
            return Trial::Unknown;
        };
        if check.passes(codes) {
            return Trial::Passes;
        }
        let answers = |saw: &Observations| saw.health_checks.iter().any(|check| check.answer().is_some());
        if check.answer().is_some() || self.now.get(target).is_some_and(answers) {
            return Trial::Fails(check.in_words());
        }
        Trial::Unknown
    }
}
