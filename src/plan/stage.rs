//! Staging: a rule that no request can match attaches a group, so that AWS checks its targets before a request goes
//! there. Which groups need that is decided in `shift`.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Builder, step_id};
use super::delete::{LAST, RULES, forwards, lineage};
use super::retain::GROUPS;
use super::shift::{Shifts, listener_of};
use super::{After, Gate, Reversible, Step, UNDO, order};
use crate::cloud::Operation;
use crate::diff::ownership;
use crate::model::kind::{Action, Conditions, Forward, Rule};
use crate::model::tag::ID_TAG;
use crate::model::{Address, Kind, Link, Spec, StepId};

/// A rule that attaches a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Stage {
    pub(super) listener: Option<Address>,
    /// How many targets must be ready before a request is sent there; 0: it only keeps the group attached.
    pub(super) at_least: usize,
    /// Old groups that it keeps attached until they are drained.
    pub(super) keep: BTreeSet<Address>,
    /// The rules and listeners that move once it is there.
    pub(super) users: BTreeSet<Address>,
    /// Whether it outlasts this plan: somebody else fills the group.
    pub(super) stays: bool,
}

/// The address of the rule that attaches a group.
pub(super) fn address(listener: &Address, group: &Address) -> Address {
    Address::rule(listener, &format!("{PREFIX}{}", group.name))
}

/// No key of the files begins so.
const PREFIX: &str = "@stage-";

/// Whether a rule attaches a group and nothing else.
pub(super) fn is_stage(address: &Address) -> bool {
    address.kind == Kind::Rule && address.leaf().starts_with(PREFIX)
}

/// The steps that attach groups, and what waits for them.
pub(super) fn attach(b: &mut Builder<'_>, shifts: &Shifts) {
    for (group, stage) in &shifts.stages {
        let Some(listener) = &stage.listener else { continue };
        let address = address(listener, group);
        if b.bound.live.contains_key(&address) {
            goes_on(b, group, stage);
        } else {
            create(b, (listener, group), &address, stage);
        }
    }
    for step in &mut b.built.steps {
        let moves = order::action(&step.operation).is_some() && !is_stage(&step.address);
        if let (true, Some(gates)) = (moves, shifts.waits.get(&step.address)) {
            step.before.extend(gates.iter().cloned());
        }
    }
}

/// A run that was stopped has made the rule: what it waited for is waited for before requests move.
fn goes_on(b: &mut Builder<'_>, group: &Address, stage: &Stage) {
    let subject = b.link(group);
    let gate = Gate::TargetsHealthy { group: subject.clone(), at_least: stage.at_least, leaving: BTreeSet::new() };
    for step in b.built.steps.iter_mut().filter(|step| stage.at_least > 0 && !is_stage(&step.address)) {
        let Some(action) = order::action(&step.operation) else { continue };
        let uses = action.groups().any(|(link, _)| *link == subject);
        if uses || stage.users.contains(&step.address) {
            step.before.push(gate.clone());
        }
    }
}

/// Whether the rule that attaches a group takes an old one as well: it has room for it, or names it already.
pub(super) fn takes(b: &Builder<'_>, group: &Address, stage: &Stage, old: &Address) -> bool {
    let there = stage.listener.as_ref().and_then(|listener| b.bound.live.get(&address(listener, group)));
    match there {
        Some(live) => super::delete::action(&live.spec).is_some_and(|action| forwards(action, old)),
        None => stage.keep.len() + 1 < GROUPS,
    }
}

/// Attaches a copy of a group that proves something, and returns the step that ends once its targets are ready.
pub(super) fn prove(b: &mut Builder<'_>, listener: &Address, group: &Address, at_least: usize) -> StepId {
    let address = address(listener, group);
    let stage = Stage { listener: Some(listener.clone()), at_least, ..Stage::default() };
    create(b, (listener, group), &address, &stage);
    step_id("CreateRule", &address)
}

fn create(b: &mut Builder<'_>, (listener, group): (&Address, &Address), address: &Address, stage: &Stage) {
    let groups = std::iter::once(group).chain(&stage.keep);
    let to: BTreeMap<Link, u16> = groups.map(|group| (b.link(group), 1)).collect();
    let spec = Rule {
        listener: b.link(listener),
        priority: Some(free(b, listener)),
        when: Some(Conditions::of_nobody()),
        action: Some(Action::Forward(Forward { to, stickiness: None, external: false })),
        authenticate: None,
        rewrite: None,
        beyond: BTreeSet::new(),
        tags: [(ID_TAG.to_owned(), ownership::id_tag(&b.desired.stack, address))].into(),
    };
    let why = match stage.at_least {
        0 if stage.stays => "AWS checks a group only while a rule names it: this one matches no request",
        0 => "keeps the old group attached until its last requests have ended: it matches no request",
        _ => "AWS checks a group only while a rule names it: this one matches no request, and goes again",
    };
    let gate = Gate::TargetsHealthy { group: b.link(group), at_least: stage.at_least, leaving: BTreeSet::new() };
    let step = b.push(address, Operation::CreateRule { spec }, why);
    step.gate = (stage.at_least > 0).then_some(gate);
    let staged = step.id.clone();
    if stage.stays {
        return;
    }
    let delete = Operation::Delete { resource: Link::Step(staged.clone()), kind: Kind::Rule };
    b.push(address, delete, "what it was for is done").reversible = Reversible::Exact;
    let why = match stage.at_least {
        0 => "requests under way may end only while the old group is attached",
        _ => "requests go to a group only once its targets are known to be ready",
    };
    let subject = b.link(group);
    for step in &mut b.built.steps {
        let Some(action) = order::action(&step.operation) else { continue };
        let uses = stage.at_least > 0 && action.groups().any(|(link, _)| *link == subject);
        if step.id != staged && (uses || stage.users.contains(&step.address)) {
            step.after.push(After { step: staged.clone(), why: why.to_owned() });
        }
    }
    if stage.at_least > 0 {
        compensate(b, group, address, &staged);
    }
}

/// What is done if the new group does not become ready: all is as it was.
fn compensate(b: &mut Builder<'_>, group: &Address, address: &Address, staged: &StepId) {
    let detach = Operation::Delete { resource: Link::Step(staged.clone()), kind: Kind::Rule };
    undo(b, group, staged, (address, detach));
}

/// Detaches a group again, and deletes it if this plan created it.
pub(super) fn undo(b: &mut Builder<'_>, group: &Address, staged: &StepId, (user, detach): (&Address, Operation)) {
    let creates =
        |step: &&Step| step.address == *group && matches!(step.operation, Operation::CreateTargetGroup { .. });
    let created = b.built.steps.iter().find(creates).map(|step| Link::Step(step.id.clone()));
    let delete = created.map(|resource| (group, Operation::Delete { resource, kind: Kind::TargetGroup }));
    let steps = std::iter::once((user, detach)).chain(delete).map(|(address, operation)| Step {
        id: step_id(&format!("{UNDO}{}", operation.name()), address),
        operation,
        address: address.clone(),
        after: Vec::new(),
        before: Vec::new(),
        gate: None,
        stamp: false,
        reversible: Reversible::Exact,
        why: "its targets did not become ready: requests stay where they are".to_owned(),
    });
    b.built.compensations.insert(staged.clone(), steps.collect());
}

/// The highest priority that nothing has or will have.
#[expect(clippy::wildcard_enum_match_arm, reason = "only this one makes a rule")]
fn free(b: &Builder<'_>, listener: &Address) -> u32 {
    let of = |address: &Address| address.parent().as_ref() == Some(listener);
    let live = b.bound.live.iter().filter(|(address, _)| of(address)).map(|(_, live)| &live.spec);
    let want = b.bound.want.iter().filter(|(address, _)| of(address)).map(|(_, spec)| spec);
    let made = b.built.steps.iter().filter(|step| of(&step.address)).filter_map(|step| match &step.operation {
        Operation::CreateRule { spec } => spec.priority,
        _ => None,
    });
    let taken: BTreeSet<u32> =
        live.chain(want).filter_map(Spec::rule).filter_map(|rule| rule.priority).chain(made).collect();
    (1..=LAST).rev().find(|number| !taken.contains(number)).unwrap_or(LAST)
}

/// Whether there is room for the rule that attaches a group for a user of it, beside so many others that come; the
/// rule may be there already.
pub(super) fn has_room(b: &Builder<'_>, (user, group): (&Address, &Address), coming: usize) -> bool {
    let listener = listener_of(user);
    if listener.is_some_and(|listener| b.bound.live.contains_key(&address(&listener, group))) {
        return true;
    }
    let Some(balancer) = lineage(user).find(|above| above.kind == Kind::LoadBalancer) else { return true };
    room(b, &balancer) > coming
}

/// How many more rules a load balancer takes, the new ones of the files aside. One that has more than AWS's default
/// allows has a larger quota, which is not known.
pub(super) fn room(b: &Builder<'_>, balancer: &Address) -> usize {
    let within = |address: &Address| address.kind == Kind::Rule && lineage(address).any(|above| above == *balancer);
    let live = b.bound.live.keys().filter(|address| within(address)).count();
    if live > RULES {
        return usize::MAX;
    }
    let made = b.bound.want.keys().filter(|address| within(address) && !b.bound.live.contains_key(*address)).count();
    RULES.saturating_sub(live + made)
}
