//! Records: what a plan is and what it was made from, small enough to keep. A saved plan and a journal hold one.
//!
//! A record has the steps and the live objects that they write or name, as they were; not the whole live view.
//! From it follow what must be read again before and after ([`Record::scope`]), what moved meanwhile
//! ([`Record::moved`]), and what AWS must show in the end ([`Record::unkept`]).
//!
//! It never holds a secret: values of header conditions are kept only where the files spell them out.

mod compare;
mod file;
mod shown;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub(super) use compare::agree;
pub use compare::{How, Moved, mask};
pub use file::{BadPlan, PlanFile, is_plan};
pub use shown::Shown;

use super::{Gate, Plan, Step};
use crate::cloud::{Live, NeededFor, Operation, Scope, Snapshot, Subnet, Vpc};
use crate::diff::ownership::{self, Owner};
use crate::model::kind::{Conditions, HeaderCondition};
use crate::model::tag::LOCK_TAG;
use crate::model::{Address, Id, Kind, Link, Spec, StepId, Text};

/// What a plan does and what it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The stack.
    pub stack: String,
    /// What is done.
    pub steps: Vec<Step>,
    /// What undoes a step whose gate does not open.
    #[serde(default)]
    pub compensations: BTreeMap<StepId, Vec<Step>>,
    /// What was there of all that the steps write or name.
    pub before: BTreeMap<Id, Before>,
    /// The VPCs that the steps name.
    pub vpcs: BTreeMap<Id, Vpc>,
    /// The subnets that the steps name.
    pub subnets: BTreeMap<Id, Subnet>,
    /// What bears the lock while the stack is worked on.
    pub lock: Option<Lockable>,
    /// What else bears a lock: of a run that began before there was anything better to bear it.
    pub locks: Vec<Lockable>,
}

/// A live object as the plan saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Its address.
    pub address: Address,
    /// What the steps do with it.
    pub role: Role,
    /// What it was. Header values that may be secret are hidden.
    #[serde(flatten)]
    pub live: Live,
}

/// What the steps do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// They change it.
    Written,
    /// They only name it: it must be there.
    Named,
}

/// A resource that can bear the lock of its stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lockable {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: Id,
}

impl Record {
    /// The record of these steps of a plan.
    pub fn of(plan: &Plan, steps: &[Step]) -> Self {
        let found = &plan.basis.found;
        let mut written = BTreeSet::new();
        let mut named = BTreeSet::new();
        for step in steps {
            named.extend(gates(step).filter_map(|link| link.id().cloned()));
            written.extend(changed(found, &step.operation, plan.diff.bound.ids.get(&step.address)));
            let _ = step.operation.clone().map_links(&mut |link| {
                named.extend(link.id().cloned());
                link
            });
        }
        let parents = |id: &Id| found.get(id).and_then(|live| parent(&live.spec)).and_then(Link::id).cloned();
        let all: Vec<Id> = written.iter().chain(&named).cloned().collect();
        for id in all {
            named.extend(std::iter::successors(parents(&id), parents));
        }
        let before = written.union(&named).filter_map(|id| {
            let live = found.get(id)?;
            let address = plan.diff.bound.names.get(id).cloned();
            let address = address.unwrap_or_else(|| Address::new(live.spec.kind(), id.as_str()));
            let role = if written.contains(id) { Role::Written } else { Role::Named };
            let live = Live { spec: shown_spec(plan, &address, &live.spec), facts: live.facts.clone() };
            Some((id.clone(), Before { address, role, live }))
        });
        let before = before.collect();
        let lock = lockable(plan);
        let vpcs = plan.basis.vpcs.iter().filter(|(id, _)| named.contains(*id));
        let subnets = plan.basis.subnets.iter().filter(|(id, _)| named.contains(*id));
        Self {
            account: plan.identity.account.clone(),
            region: plan.identity.region.clone(),
            stack: plan.stack.clone(),
            steps: steps.to_vec(),
            compensations: plan.compensations.clone(),
            before,
            vpcs: vpcs.map(|(id, vpc)| (id.clone(), vpc.clone())).collect(),
            subnets: subnets.map(|(id, subnet)| (id.clone(), subnet.clone())).collect(),
            locks: locks(plan, lock.as_ref()),
            lock,
        }
    }

    /// What was there, as a live view.
    pub fn basis(&self) -> Snapshot {
        Snapshot {
            found: self.before.iter().map(|(id, before)| (id.clone(), before.live.clone())).collect(),
            vpcs: self.vpcs.clone(),
            subnets: self.subnets.clone(),
            ..Snapshot::default()
        }
    }

    /// What must be read to see these objects again, and whatever the steps create.
    pub fn scope(&self) -> Scope {
        let mut scope = Scope { sni_certificates: true, ..Scope::default() };
        for (id, before) in &self.before {
            match &before.live.spec {
                Spec::LoadBalancer(lb) => {
                    scope.load_balancers.insert(lb.name.clone());
                    if lb.minimum_capacity.is_some() {
                        scope.capacity.insert(lb.name.clone(), NeededFor::Diff);
                    }
                }
                Spec::TargetGroup(group) => {
                    scope.target_groups.insert(group.name.clone());
                    scope.membership.insert(group.name.clone());
                }
                Spec::Certificate(_) => drop(scope.certificates.insert(id.clone())),
                Spec::SecurityGroup(_) => drop(scope.security_group_ids.insert(id.clone())),
                // they are read with what they live in
                Spec::Listener(_) | Spec::Rule(_) | Spec::Target(_) => {}
            }
        }
        for spec in self.steps.iter().filter_map(|step| step.operation.created()) {
            match spec {
                Spec::LoadBalancer(lb) => drop(scope.load_balancers.insert(lb.name)),
                Spec::TargetGroup(group) => drop(scope.target_groups.insert(group.name)),
                Spec::Certificate(certificate) => {
                    scope.certificate_domains.extend(certificate.domain.map(|domain| domain.to_ascii_lowercase()));
                }
                Spec::SecurityGroup(group) => drop(scope.security_group_names.insert(group.name)),
                Spec::Listener(_) | Spec::Rule(_) | Spec::Target(_) => {}
            }
        }
        scope
    }
}

/// The groups that a step's gates look at.
fn gates(step: &Step) -> impl Iterator<Item = Link> + '_ {
    step.before.iter().chain(&step.gate).filter_map(Gate::group).cloned()
}

/// The live objects that a call changes, those that go with a deleted one included. `about` is the object that the
/// step is about: a rule of a security group has an id of its own, but lives in the group's spec.
pub(super) fn changed(found: &BTreeMap<Id, Live>, operation: &Operation, about: Option<&Id>) -> BTreeSet<Id> {
    let mut ids = BTreeSet::new();
    let subject = operation.subject().and_then(Link::id);
    match (operation, subject) {
        (Operation::SetRulePriorities { priorities, .. }, _) => ids.extend(priorities.keys().cloned()),
        (Operation::RegisterTargets { targets, .. } | Operation::DeregisterTargets { targets, .. }, Some(group)) => {
            ids.insert(group.clone());
            ids.extend(targets.iter().map(|t| Id::target(group, &t.id, t.port)));
        }
        (Operation::Delete { .. }, Some(id)) => {
            let within = |other: &Id| {
                let above = |id: &Id| found.get(id).and_then(|live| parent(&live.spec)).and_then(Link::id).cloned();
                std::iter::successors(Some(other.clone()), above).any(|above| above == *id)
            };
            ids.extend(found.keys().filter(|other| within(other)).cloned());
        }
        (_, Some(id)) if !found.contains_key(id) => ids.extend(about.cloned()),
        (_, subject) => ids.extend(subject.cloned()),
    }
    ids.retain(|id| found.contains_key(id));
    ids
}

/// What a resource lives in.
const fn parent(spec: &Spec) -> Option<&Link> {
    match spec {
        Spec::Listener(listener) => Some(&listener.load_balancer),
        Spec::Rule(rule) => Some(&rule.listener),
        Spec::Target(target) => Some(&target.target_group),
        Spec::SecurityGroup(_) | Spec::Certificate(_) | Spec::TargetGroup(_) | Spec::LoadBalancer(_) => None,
    }
}

/// A live spec as it may be kept. Its links are ids. A header value that the files spell out is no secret; one that
/// no file mentions may have been declared as one once.
fn shown_spec(plan: &Plan, address: &Address, live: &Spec) -> Spec {
    let mut spec = live.clone();
    if let Some(tags) = spec.tags_mut() {
        tags.remove(LOCK_TAG);
    }
    let Spec::Rule(rule) = &mut spec else { return spec };
    let bound = &plan.diff.bound;
    let declared = bound.want.contains_key(address);
    let seen = bound.live.get(address).filter(|_| declared).and_then(|live| live.spec.rule()?.when.clone());
    rule.when = match (seen, rule.when.take()) {
        (Some(seen), Some(_)) => Some(seen),
        (_, when) => when.map(hidden),
    };
    spec
}

/// Conditions without the values of headers.
fn hidden(when: Conditions) -> Conditions {
    let header = when.header.into_iter().map(|h| {
        let values = h.values.into_iter().map(Text::hidden).collect();
        HeaderCondition { values, ..h }
    });
    Conditions { header: header.collect(), ..when }
}

/// What bears the lock: the stack's first load balancer, else the first of its other resources, so that every run
/// over the stack meets the same one.
fn lockable(plan: &Plan) -> Option<Lockable> {
    const ORDER: [Kind; 4] = [Kind::LoadBalancer, Kind::TargetGroup, Kind::SecurityGroup, Kind::Certificate];
    let bound = &plan.diff.bound;
    let ours = |live: &Live| {
        let owner = live.spec.tags().map(|tags| ownership::owner(tags, &plan.stack));
        matches!(owner, Some(Owner::Ours(_)))
    };
    ORDER.into_iter().find_map(|kind| {
        let (address, _) = bound.live.iter().find(|(a, live)| a.kind == kind && ours(live))?;
        Some(Lockable { kind, id: bound.ids.get(address)?.clone() })
    })
}

/// What bears a lock besides.
fn locks(plan: &Plan, lock: Option<&Lockable>) -> Vec<Lockable> {
    let bound = &plan.diff.bound;
    let locked = bound.live.iter().filter(|(_, l)| l.spec.tags().is_some_and(|tags| tags.contains_key(LOCK_TAG)));
    let locked = locked.filter_map(|(a, _)| Some(Lockable { kind: a.kind, id: bound.ids.get(a)?.clone() }));
    locked.filter(|other| Some(other) != lock).collect()
}
