//! What `check` looks out for, and what a difference weighs by it. What findings and gaps weigh does not depend on it,
//! but for `never`.

use super::remark::Weight;
use crate::diff::Cause;

/// What is looked out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Differences that are not pending.
    Drift,
    /// All differences, and what no file mentions.
    Any,
    /// What makes clients see 5xx.
    FiveXx,
    /// Nothing.
    Nothing,
    /// All differences and nothing else: a plan.
    Plan,
}

impl Watch {
    /// The word of `--fail-on`; a plan has none.
    pub const fn flag(self) -> Option<&'static str> {
        match self {
            Self::Drift => Some("drift"),
            Self::Any => Some("any"),
            Self::FiveXx => Some("5xx"),
            Self::Nothing => Some("never"),
            Self::Plan => None,
        }
    }

    /// What a difference weighs. For clients it is one what its cause is.
    pub fn of_difference(self, cause: Option<Cause>, risky: bool) -> Weight {
        let counts = match self {
            Self::Drift => cause != Some(Cause::Pending),
            Self::Any | Self::Plan => true,
            Self::FiveXx => risky,
            Self::Nothing => false,
        };
        match (counts, risky) {
            (false, _) => Weight::None,
            (true, true) => Weight::FiveXx,
            (true, false) => Weight::Differs,
        }
    }

    /// Whether findings that say that clients see 5xx count. A plan says what would mend them, and no more.
    pub const fn counts_findings(self) -> bool {
        match self {
            Self::Drift | Self::Any | Self::FiveXx => true,
            Self::Nothing | Self::Plan => false,
        }
    }

    /// What something weighs that no file mentions.
    pub const fn of_stranger(self) -> Weight {
        match self {
            Self::Any => Weight::Differs,
            Self::Drift | Self::FiveXx | Self::Nothing | Self::Plan => Weight::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_is_printed_and_does_not_fail() {
        let of = |watch: Watch, cause, risky| watch.of_difference(Some(cause), risky);
        assert_eq!(of(Watch::Drift, Cause::Pending, true), Weight::None);
        for cause in [Cause::Drift, Cause::Both, Cause::Unadopted, Cause::Orphaned] {
            assert_eq!(of(Watch::Drift, cause, false), Weight::Differs);
            assert_eq!(of(Watch::Drift, cause, true), Weight::FiveXx);
        }
        assert_eq!(of(Watch::Any, Cause::Pending, false), Weight::Differs);
        assert_eq!(of(Watch::FiveXx, Cause::Pending, true), Weight::FiveXx);
        assert_eq!(of(Watch::FiveXx, Cause::Drift, false), Weight::None);
        assert_eq!(of(Watch::Nothing, Cause::Drift, true), Weight::None);
    }
}
