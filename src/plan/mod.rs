//! The plan: the exact steps that close a diff, in an order that drops no request, as data.
//!
//! A plan is complete: apply makes no choices. It is rehearsed on the simulation before anyone sees it.

mod asked;
mod build;
mod certificates;
mod delete;
mod evidence;
mod gate;
mod guard;
mod logins;
mod moves;
mod order;
mod places;
mod proof;
mod propose;
mod radius;
mod rehearse;
mod retain;
mod retire;
mod risk;
pub mod rollback;
pub mod saved;
mod select;
mod shift;
mod stage;
mod stamp;
mod successor;
mod targets;
#[cfg(test)]
mod tests;
mod update;
mod weave;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

pub use asked::{Asked, sides};
pub use evidence::{of_files, of_live, of_live_alone};
pub use gate::Gate;
pub use guard::{Guard, Refused};
pub use propose::Proposals;
pub use rehearse::{arrive, pass};
pub use risk::Risks;
pub use select::{Selection, Unmatched, fits};

use crate::cloud::{Gap, Identity, Operation, Snapshot};
use crate::desired::{Ignore, Problem, Resolved};
use crate::diff::{self, Diff, Obstacle, Verdict};
use crate::model::{Address, Kind, StepId};
use crate::rules::Judgement;

/// An earlier step that must have ended, and the outage this prevents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// The earlier step.
    pub step: StepId,
    /// What would go wrong otherwise.
    pub why: String,
}

/// How far a step can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversible {
    /// Exactly.
    Exact,
    /// What comes back has another ARN or DNS name.
    NewIdentity,
    /// Not at all: AWS does not give back what was there.
    No,
}

/// How the ids of steps begin that take back what another one did.
const UNDO: &str = "Undo: ";

/// Whether a step takes back what another one did.
pub fn is_undo(step: &StepId) -> bool {
    step.0.starts_with(UNDO)
}

/// One operation, when it may run, and what must be true before what follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The operation and the address.
    pub id: StepId,
    /// What is called.
    pub operation: Operation,
    /// What it is about.
    pub address: Address,
    /// Which steps must have ended, gates included.
    pub after: Vec<After>,
    /// What is waited for before the call is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Gate>,
    /// What is waited for once the call returned.
    pub gate: Option<Gate>,
    /// Whether it only marks a resource as ours and in sync.
    pub stamp: bool,
    /// How far it can be undone.
    pub reversible: Reversible,
    /// Why it is done, in a few words.
    pub why: String,
}

impl Step {
    /// Whether it takes our marks from what is declared as somebody else's.
    pub const fn releases(&self) -> bool {
        self.stamp && matches!(self.operation, Operation::RemoveTags { .. })
    }
}

/// A difference that the plan leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Which resource.
    pub address: Address,
    /// Why.
    pub because: String,
}

/// What the user wants of a plan.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which changes.
    pub selection: Selection,
    /// Guards that the user lifted.
    pub allowed: Vec<Guard>,
    /// Resources whose secrets are sent again, though their presence is all that can be compared.
    pub rotate: Vec<Address>,
    /// Which of the rules' proposals count.
    pub proposals: Proposals,
    /// What a probe saw, if one was asked for.
    pub asked: Asked,
    /// Differences that are accepted for a while.
    pub ignores: Vec<Ignore>,
}

/// A plan and everything it was made from.
#[derive(Debug)]
pub struct Plan {
    /// Who asked, and where.
    pub identity: Identity,
    /// The stack.
    pub stack: String,
    /// The live view it was made from.
    pub basis: Snapshot,
    /// The difference.
    pub diff: Diff,
    /// The steps in an order that is allowed; steps that do not wait for each other may run together.
    pub steps: Vec<Step>,
    /// What undoes a step whose gate does not open, in that order.
    pub compensations: BTreeMap<StepId, Vec<Step>>,
    /// Differences that are left open.
    pub held: Vec<Held>,
    /// Guards that refuse to apply it.
    pub refused: Vec<Refused>,
    /// What the rules say of the live state, undeclared settings included.
    pub now: Judgement,
    /// What they would say afterwards.
    pub afterwards: Judgement,
    /// Which fields carry a 5xx risk, by which rules.
    pub risks: Risks,
}

impl Plan {
    /// The changes that are differences, in the order of their addresses.
    pub fn differences(&self) -> impl Iterator<Item = &diff::Change> {
        self.diff.changes.iter().filter(|c| !matches!(c.verdict, Verdict::InSync | Verdict::Unknown(_)))
    }
    /// Whether there is nothing to close.
    pub fn is_clean(&self) -> bool {
        self.differences().next().is_none()
    }
    /// Whether the live view was complete.
    pub fn is_complete(&self) -> bool {
        self.basis.incomplete().next().is_none()
    }
    /// Whether a difference can make clients see 5xx.
    pub fn has_risk(&self) -> bool {
        self.differences().any(|c| self.risks.of_change(c))
    }
    /// The steps that mark what matches already: all that `adopt` runs.
    pub fn adoption(&self) -> Vec<Step> {
        let open = |address: &Address| {
            self.differences().any(|c| {
                c.address == *address
                    || (c.address.kind == Kind::Target && c.address.parent().as_ref() == Some(address))
            })
        };
        let matching = self.steps.iter().filter(|step| step.stamp && !open(&step.address));
        matching.map(|step| Step { after: Vec::new(), ..step.clone() }).collect()
    }
    /// The gaps, those that only rules miss included.
    pub fn gaps(&self) -> &[Gap] {
        &self.basis.gaps
    }
}

/// Makes the plan.
///
/// # Errors
/// What [`diff::compare`] and [`diff::rotate`] refuse: selectors that fit nothing, ambiguous identities, missing existing
/// things. Targets that no address fits.
pub fn plan(
    desired: &Resolved,
    basis: Snapshot,
    identity: Identity,
    now: Timestamp,
    options: &Options,
) -> Result<Plan, Vec<Problem>> {
    let proposed = propose::propose(desired, &basis, now, options.proposals)?;
    let desired = &*proposed.desired;
    let mut diff = proposed.compare(&basis)?;
    diff::rotate(desired, &mut diff, &options.rotate)?;
    let mistakes = options.selection.mistakes(&diff);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let before = evidence::of_diff(desired, &basis, &diff, evidence::Side::Live, now);
    let before = before.with_probe(options.asked.now.clone());
    // what clients suffer from is judged as ever: only differences are ignored
    diff::ignore(&mut diff, &options.ignores, day(now), fits);
    let after = evidence::of_diff(desired, &basis, &diff, evidence::Side::After, now);
    let after = after.with_probe(options.asked.afterwards.clone());
    let judged = (crate::rules::judge(&before), crate::rules::judge(&after));
    let risks = Risks::of(&diff, &judged.0, &judged.1);
    options.selection.apply(&mut diff, &risks);
    let mut built = build::build(desired, &basis, &diff, options);
    proposed.sign(&mut built);
    let mut plan = Plan {
        identity,
        stack: desired.stack.clone(),
        basis,
        diff,
        steps: order::order(built.steps),
        compensations: built.compensations,
        held: built.held,
        refused: built.refused,
        now: judged.0,
        afterwards: judged.1,
        risks,
    };
    guard::account(desired, &mut plan);
    radius::guard(desired, &mut plan);
    rehearse::rehearse(desired, &mut plan);
    plan.refused.retain(|r| !(r.guard.can_be_lifted() && options.allowed.contains(&r.guard)));
    Ok(plan)
}

/// The day of a moment, by which what is accepted for a while runs out.
pub fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// What the builder made.
#[derive(Debug, Default)]
struct Built {
    steps: Vec<Step>,
    compensations: BTreeMap<StepId, Vec<Step>>,
    held: Vec<Held>,
    refused: Vec<Refused>,
}

impl Built {
    fn obstacle(&mut self, address: &Address, obstacle: &Obstacle, allowed: &[Guard]) -> bool {
        match obstacle {
            Obstacle::Held(because) => {
                self.held.push(Held { address: address.clone(), because: because.clone() });
                true
            }
            Obstacle::ForeignOwner(because) => self.guard(Guard::ForeignOwner, address, because, allowed),
            Obstacle::Fed(because) => self.guard(Guard::FedGroup, address, because, allowed),
        }
    }
    /// Refuses; returns whether that holds.
    fn guard(&mut self, guard: Guard, address: &Address, because: &str, allowed: &[Guard]) -> bool {
        self.refused.push(Refused { guard, address: Some(address.clone()), because: because.to_owned() });
        !allowed.contains(&guard)
    }
}
