//! Rollback: the normal planner with what a run found as the desired side.
//!
//! What the run's calls changed goes back to what the record holds; what they made goes; what they deleted comes back
//! under a new identity. Everything else stays as it is now, whoever changed it since. What cannot come back as it was
//! (a DNS name, a secret or a private key that AWS does not give back) is named, and needs consent.
//!
//! It makes no mark: the tags go back as well, so that a later plan judges what it finds as if the run had not been.

mod desired;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::saved::{Record, Role};
use super::{After, Guard, Options, Plan, Refused, Reversible, Step, build, rehearse};
use crate::cloud::simulate::{self, World};
use crate::cloud::{Identity, Operation, Output, Scope, Snapshot};
use crate::desired::Problem;
use crate::diff::Verdict;
use crate::diff::ownership::{self, Owner};
use crate::model::tag::{ID_TAG, LOCK_TAG};
use crate::model::{Address, Id, Kind, Link, Spec, StepId};

/// A call of the run that is undone.
#[derive(Clone, Debug)]
pub struct Call {
    /// The step.
    pub step: StepId,
    /// What it is about.
    pub address: Address,
    /// The call, with every late value.
    pub operation: Operation,
    /// What it returned; `None` if that is not known.
    pub output: Option<Output>,
    /// Whether AWS said no: then it did nothing, whatever is there now.
    pub refused: bool,
}

/// A run that is undone.
#[derive(Clone, Debug)]
pub struct Undo<'a> {
    /// Its id.
    pub run: &'a str,
    /// What it was about to do, and what was there.
    pub record: &'a Record,
    /// The calls it announced. Those that failed count: they may have taken effect.
    pub calls: &'a [Call],
}

/// Whether a call took effect of which that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// AWS shows what it would have done.
    Took,
    /// AWS shows what was there before.
    None,
    /// AWS shows neither.
    Neither,
}

impl Effect {
    /// In words, after "it".
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Took => "took effect",
            Self::None => "did not take effect",
            Self::Neither => "left neither what was there before nor what it would have done",
        }
    }
}

impl Undo<'_> {
    /// What must be read.
    pub fn scope(&self) -> Scope {
        let mut scope = self.record.scope();
        let vpcs = self.record.before.values().filter_map(|before| before.live.spec.security_group()?.vpc.clone());
        // who fills a group, and what its targets can be reached from
        scope.network = true;
        scope.vpcs.extend(vpcs.filter_map(|vpc| vpc.id().cloned()));
        scope
    }

    /// What the calls made, as far as it is there.
    fn made(&self, live: &Snapshot) -> BTreeSet<Id> {
        let mut made = BTreeSet::new();
        for call in self.calls.iter().filter(|call| call.operation.created().is_some() && !call.refused) {
            match call.output.as_ref().and_then(|output| output.id.clone()) {
                Some(id) => drop(made.insert(id)),
                None => made.extend(self.tagged(live, &call.address)),
            }
        }
        made.retain(|id| live.found.contains_key(id));
        made
    }

    /// What bears the tag of this address and was not there before.
    fn tagged(&self, live: &Snapshot, address: &Address) -> Vec<Id> {
        let ours = Owner::Ours(address.to_string());
        let bears = |spec: &Spec| spec.tags().is_some_and(|tags| ownership::owner(tags, &self.record.stack) == ours);
        let new = live.found.iter().filter(|(id, l)| !self.record.before.contains_key(*id) && bears(&l.spec));
        new.map(|(id, _)| id.clone()).collect()
    }

    /// What the calls changed of what was there before.
    fn touched(&self) -> BTreeSet<Id> {
        let basis = self.record.basis();
        let ids = |call: &Call| {
            let group = self.record.before.iter().find(|(_, before)| before.address == call.address);
            super::saved::changed(&basis.found, &call.operation, group.map(|(id, _)| id))
        };
        let mut touched: BTreeSet<Id> = self.calls.iter().flat_map(ids).collect();
        touched.retain(|id| self.record.before.get(id).is_some_and(|before| before.role == Role::Written));
        touched
    }

    /// What became of a call whose outcome was not recorded.
    pub fn effect(&self, call: &Call, live: &Snapshot) -> Effect {
        if call.refused {
            return Effect::None;
        }
        if call.operation.created().is_some() {
            return if self.tagged(live, &call.address).is_empty() { Effect::None } else { Effect::Took };
        }
        let mut world = World { snapshot: self.record.basis(), ..World::default() };
        for earlier in self.calls.iter().take_while(|earlier| earlier.step != call.step) {
            let output = earlier.output.clone().unwrap_or_default();
            let _ = simulate::record(&mut world, &earlier.step, &earlier.operation, &output);
        }
        let subject = call.operation.subject().and_then(Link::id);
        let mut after = world.clone();
        let _ = simulate::record(&mut after, &call.step, &call.operation, &Output::default());
        // what it takes away is there before, what it adds is there after
        let worlds = [&world.snapshot, &after.snapshot];
        let ids = worlds.map(|world| super::saved::changed(&world.found, &call.operation, subject));
        let same = |world: &Snapshot| {
            ids.iter().flatten().all(|id| match (world.found.get(id), live.found.get(id)) {
                (None, None) => true,
                (Some(a), Some(b)) => super::saved::agree(&a.spec, &b.spec),
                (Some(_), None) | (None, Some(_)) => false,
            })
        };
        match (same(&after.snapshot), same(&world.snapshot)) {
            (true, _) => Effect::Took,
            (false, true) => Effect::None,
            (false, false) => Effect::Neither,
        }
    }

    /// Makes the plan.
    ///
    /// # Errors
    /// Identities that are ambiguous now.
    pub fn plan(
        &self,
        live: Snapshot,
        identity: Identity,
        now: Timestamp,
        allowed: &[Guard],
    ) -> Result<(Plan, crate::desired::Resolved), Vec<Problem>> {
        let made = self.made(&live);
        let back = desired::back(self, &live, &made);
        let options = Options { allowed: allowed.to_vec(), ..Options::default() };
        let mut plan = super::plan(&back.desired, live, identity, now, &options)?;
        plan.steps.retain(|step| !step.stamp);
        let left: BTreeSet<StepId> = plan.steps.iter().map(|step| step.id.clone()).collect();
        for step in &mut plan.steps {
            step.after.retain(|after| left.contains(&after.step));
            self.say_why(step);
        }
        let untag = self.untag(&plan);
        plan.steps.extend(untag);
        for change in &mut plan.diff.changes {
            // who moved is no question here
            change.cause = None;
        }
        plan.refused.retain(|refused| refused.guard != Guard::Rehearsal);
        rehearse::rehearse(&back.desired, &mut plan);
        self.lose_names(&mut plan);
        let lost = back.lost.into_iter();
        let refusal = |(address, because)| Refused { guard: Guard::Irreversible, address: Some(address), because };
        plan.refused.extend(lost.map(refusal));
        plan.refused.retain(|r| !(r.guard.can_be_lifted() && allowed.contains(&r.guard)));
        Ok((plan, back.desired))
    }

    /// What stays of the run although it made it: certificates are only ever detached.
    pub fn staying(&self, live: &Snapshot) -> Vec<(Address, Id)> {
        let certificate = |id: &Id| live.found.get(id).is_some_and(|live| live.spec.certificate().is_some());
        let calls = self.calls.iter().filter_map(|call| Some((call.address.clone(), call.output.clone()?.id?)));
        calls.filter(|(_, id)| certificate(id) && !self.record.before.contains_key(id)).collect()
    }

    fn say_why(&self, step: &mut Step) {
        step.why = if matches!(step.operation, Operation::Delete { .. }) {
            format!("run {} made it", self.run)
        } else if step.operation.created().is_some() {
            step.reversible = Reversible::NewIdentity;
            format!("it was there before run {}, and comes back under a new identity", self.run)
        } else {
            format!("as it was before run {}", self.run)
        };
    }

    /// A load balancer that comes back has another DNS name.
    fn lose_names(&self, plan: &mut Plan) {
        let created = plan.steps.iter().filter(|step| matches!(step.operation, Operation::CreateLoadBalancer { .. }));
        let lost: Vec<Refused> = created
            .map(|step| {
                let because = "it comes back with another DNS name: whatever leads clients to it must be changed";
                let address = Some(step.address.clone());
                Refused { guard: Guard::Irreversible, address, because: because.to_owned() }
            })
            .collect();
        plan.refused.extend(lost);
    }

    /// Takes away the tags that the run put on what was there before.
    fn untag(&self, plan: &Plan) -> Vec<Step> {
        let mut added: BTreeMap<&Id, BTreeSet<&String>> = BTreeMap::new();
        for call in self.calls {
            if let Operation::AddTags { resource: Link::Id(id), tags, .. } = &call.operation {
                added.entry(id).or_default().extend(tags.keys());
            }
        }
        let mut steps = Vec::new();
        for (id, keys) in added {
            let (Some(before), Some(live)) = (self.record.before.get(id), plan.basis.found.get(id)) else { continue };
            let (Some(had), Some(has)) = (before.live.spec.tags(), live.spec.tags()) else { continue };
            let gone = keys.into_iter().filter(|key| !had.contains_key(*key) && has.contains_key(*key));
            let keys: Vec<String> = gone.filter(|key| *key != LOCK_TAG).cloned().collect();
            if keys.is_empty() {
                continue;
            }
            let operation = Operation::RemoveTags { resource: Link::Id(id.clone()), kind: live.spec.kind(), keys };
            steps.push(self.untag_step(plan, "Untag", &before.address, operation));
        }
        for call in self.calls {
            let Operation::TagRules { rules, tags, .. } = &call.operation else { continue };
            for rule in rules {
                let keys = tags.keys().cloned().collect();
                let operation =
                    Operation::RemoveTags { resource: Link::Id(rule.clone()), kind: Kind::SecurityGroup, keys };
                steps.push(self.untag_step(plan, &format!("Untag {rule} of"), &call.address, operation));
            }
        }
        steps
    }

    fn untag_step(&self, plan: &Plan, name: &str, address: &Address, operation: Operation) -> Step {
        let earlier = plan.steps.iter().filter(|step| step.address == *address).map(|step| step.id.clone());
        let why = "its other changes come first".to_owned();
        Step {
            id: build::step_id(name, address),
            after: earlier.map(|step| After { step, why: why.clone() }).collect(),
            operation,
            address: address.clone(),
            before: Vec::new(),
            gate: None,
            stamp: false,
            reversible: Reversible::Exact,
            why: format!("run {} put them there", self.run),
        }
    }
}

/// Whether everything that this plan of a rollback is about is as it was: nothing differs, and no mark is left. Marks
/// of single rules of security groups are not read again.
pub fn is_back(plan: &Plan) -> bool {
    let of_a_rule = |step: &Step| {
        let subject = step.operation.subject().and_then(Link::id);
        matches!(step.operation, Operation::RemoveTags { .. })
            && subject.is_some_and(|id| id.as_str().starts_with("sgr-"))
    };
    let steps = plan.steps.iter().all(of_a_rule);
    steps && plan.diff.changes.iter().all(|c| matches!(c.verdict, Verdict::InSync))
}

/// The address that a tag gives a resource.
fn tagged_address(spec: &Spec, stack: &str) -> Option<Address> {
    match ownership::owner(spec.tags()?, stack) {
        Owner::Ours(address) => address.parse().ok(),
        Owner::Nobody | Owner::OtherStack(_) | Owner::Controller(_) => None,
    }
}

/// Whether a resource bears an ownership tag at all.
fn is_owned(spec: &Spec) -> bool {
    spec.tags().is_some_and(|tags| tags.contains_key(ID_TAG))
}
