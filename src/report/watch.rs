//! What makes `check` fail: the very values that its exit code and its last lines are made from.
//!
//! Nothing here decides an exit code; `cli` does, by [`Watched::grade`].

use std::collections::BTreeMap;

use super::layout::count;
use crate::diff::{Cause, Change};
use crate::plan::Plan;
use crate::rules::Severity;

/// What `check` looks out for.
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
}

impl Watch {
    /// The word of `--fail-on`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Any => "any",
            Self::FiveXx => "5xx",
            Self::Nothing => "never",
        }
    }

    /// Whether a difference of this cause counts. For clients it is one what its cause is.
    fn counts(self, cause: Option<Cause>) -> bool {
        match self {
            Self::Drift => cause != Some(Cause::Pending),
            Self::Any | Self::FiveXx => true,
            Self::Nothing => false,
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Nothing of it is there.
    Clean,
    /// Something differs.
    Different,
    /// Clients see 5xx, or can.
    FiveXx,
}

/// What was found of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Findings that say that clients see 5xx.
    findings: usize,
    /// Differing resources that can make clients see 5xx.
    risky: usize,
    /// Differing resources, by cause.
    differing: BTreeMap<Option<Cause>, usize>,
    /// Live settings that no file mentions.
    undeclared: usize,
    /// Live resources that no file mentions.
    unmanaged: usize,
}

impl Watched {
    /// Looks at a plan.
    pub fn of(plan: &Plan, watch: Watch) -> Self {
        let counted: Vec<&Change> = plan.differences().filter(|change| watch.counts(change.cause)).collect();
        let mut watched = Self::default();
        if watch != Watch::Nothing {
            watched.findings = plan.now.findings.iter().filter(|f| f.severity >= Severity::High).count();
        }
        watched.risky = counted.iter().filter(|change| plan.risks.of_change(change)).count();
        if matches!(watch, Watch::Drift | Watch::Any) {
            for change in counted {
                *watched.differing.entry(change.cause).or_default() += 1;
            }
        }
        if watch == Watch::Any {
            watched.undeclared = plan.diff.changes.iter().map(|change| change.undeclared.len()).sum();
            watched.unmanaged = plan.diff.unmanaged.len();
        }
        watched
    }

    /// How bad it is.
    pub fn grade(&self) -> Grade {
        if self.findings > 0 || self.risky > 0 {
            Grade::FiveXx
        } else if !self.differing.is_empty() || self.undeclared > 0 || self.unmanaged > 0 {
            Grade::Different
        } else {
            Grade::Clean
        }
    }

    /// What there is, each in a few words.
    pub fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut say = |n: usize, text: String| words.extend((n > 0).then_some(text));
        let verb = |n: usize, one: &str, many: &str| if n == 1 { one.to_owned() } else { many.to_owned() };
        let Self { findings, risky, differing, undeclared, unmanaged } = self;
        let says = verb(*findings, "says", "say");
        say(*findings, format!("{} {says} that clients see 5xx", count(*findings, "finding")));
        let all: usize = differing.values().sum();
        let causes = differing.iter().filter_map(|(cause, n)| Some(format!("{} {n}", (*cause)?.as_str())));
        let causes: Vec<String> = causes.collect();
        let differs = verb(all, "differs", "differ");
        say(all, format!("{} {differs} ({})", count(all, "resource"), causes.join(", ")));
        say(*risky, format!("{} can make clients see 5xx", count(*risky, "difference")));
        say(*unmanaged, format!("{} unmanaged", count(*unmanaged, "resource")));
        say(*undeclared, format!("{} undeclared", count(*undeclared, "setting")));
        words
    }
}
