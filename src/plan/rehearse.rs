//! The rehearsal: the plan runs on the simulation, and is diffed again, before anyone sees it.
//!
//! What is left over or refused, and a state between in which a request is lost that both sides would serve, is a
//! planner bug (or a wrong belief about AWS): it is reported as such, and the plan cannot be applied.

use std::collections::BTreeSet;

use super::{Gate, Guard, Plan, Refused, Step, weave};
use crate::cloud::simulate::{Refusal, World, advance};
use crate::cloud::traffic::Lost;
use crate::cloud::{Facts, Operation, Snapshot};
use crate::desired::Resolved;
use crate::diff::{self, Verdict};
use crate::model::{Address, HealthState, Id, Link};

/// Rehearses the plan and adds what goes wrong to its refusals.
pub(super) fn rehearse(desired: &Resolved, plan: &mut Plan) {
    let mut refused = Vec::new();
    match run(plan) {
        Err((step, refusal)) => {
            let because = format!("rehearsing `{}`: AWS would refuse it: {refusal}", step.id);
            refused.push(Refused { guard: Guard::Rehearsal, address: Some(step.address.clone()), because });
        }
        Ok((end, operations)) => {
            refused.extend(left_over(desired, plan, &end));
            let (steps, lost) = weave::weave(&plan.basis, &end, &operations, std::mem::take(&mut plan.steps));
            plan.steps = steps;
            refused.extend(lost);
        }
    }
    plan.refused.extend(refused);
}

/// The state after all steps, and the operations with every late value. What would undo a step is tried on the way.
fn run(plan: &Plan) -> Result<(Snapshot, Vec<Operation>), (&Step, Refusal)> {
    let mut world = World { snapshot: plan.basis.clone(), ..World::default() };
    let mut operations = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        arrive(&mut world, step);
        operations.push(advance(&mut world, &step.id, &step.operation).map_err(|refusal| (step, refusal))?);
        let mut undone = plan.compensations.contains_key(&step.id).then(|| world.clone());
        for undo in plan.compensations.get(&step.id).into_iter().flatten() {
            let Some(world) = &mut undone else { break };
            advance(world, &undo.id, &undo.operation).map_err(|refusal| (undo, refusal))?;
        }
        pass(&mut world, step);
    }
    Ok((world.snapshot, operations))
}

/// What a step waits for before its call, has come: the simulation itself knows no time.
pub fn arrive(world: &mut World, step: &Step) {
    for gate in &step.before {
        open(world, gate, None);
    }
}

/// What a step's gate waits for, has come.
pub fn pass(world: &mut World, step: &Step) {
    let Some(gate) = &step.gate else { return };
    let made = world.outputs.get(&step.id).and_then(|output| output.id.clone());
    open(world, gate, made.or_else(|| step.operation.subject()?.id().cloned()));
}

/// The world once a gate is open; `subject` is what the step's call was about.
fn open(world: &mut World, gate: &Gate, subject: Option<Id>) {
    let group = gate.group().and_then(|link| match link {
        Link::Step(step) => world.outputs.get(step)?.id.clone(),
        link @ (Link::Id(_) | Link::Address(_) | Link::Select(_)) => link.id().cloned(),
    });
    let found = &mut world.snapshot.found;
    match gate {
        Gate::CertificateIssued => {
            if let Some(Facts::Certificate(facts)) =
                subject.and_then(|id| found.get_mut(&id)).map(|live| &mut live.facts)
            {
                facts.status = "ISSUED".to_owned();
            }
        }
        Gate::TargetsHealthy { .. } => {
            for live in found.values_mut() {
                let of_group = live.spec.target().is_some_and(|target| target.target_group.id() == group.as_ref());
                if let (true, Facts::Target(health)) = (of_group && group.is_some(), &mut live.facts)
                    && health.state == Some(HealthState::Initial)
                {
                    health.state = Some(HealthState::Healthy);
                    health.reason = None;
                }
            }
        }
        Gate::Drained { .. } => {
            if let Some(group) = group {
                world.snapshot.leaving.remove(&group);
            }
        }
        Gate::LoadBalancerActive | Gate::LoadBalancerGone | Gate::PathOpen { .. } | Gate::Settled { .. } => {}
    }
}

/// Changes that the plan does not close, though it does not say so.
fn left_over(desired: &Resolved, plan: &Plan, end: &Snapshot) -> Vec<Refused> {
    let left = match diff::compare(desired, end) {
        Ok(left) => left,
        Err(problems) => {
            let first = problems.first().map_or("", |problem| problem.message.as_str());
            let because = format!("what the plan would leave cannot be compared with the files: {first}");
            return vec![Refused { guard: Guard::Rehearsal, address: None, because }];
        }
    };
    let left_open = left_open(plan);
    let mut refused = Vec::new();
    for change in &left.changes {
        let fields: Vec<&str> = change.verdict.fields().iter().map(|f| f.path.as_str()).collect();
        let is_ignored = |path: &&str| {
            let ignored = &mut plan.diff.ignored.iter();
            ignored.any(|one| one.address == change.address && one.path.as_str() == *path)
        };
        let in_sync = matches!(change.verdict, Verdict::InSync | Verdict::Unknown(_));
        let differs = !in_sync && (fields.is_empty() || !fields.iter().all(is_ignored));
        let mut lineage = std::iter::successors(Some(change.address.clone()), Address::parent);
        if differs && !lineage.any(|address| left_open.contains(&address)) {
            let because =
                format!("the plan would leave it different ({}); this is a defect of no502", fields.join(", "));
            refused.push(Refused { guard: Guard::Rehearsal, address: Some(change.address.clone()), because });
        }
    }
    refused
}

/// What the plan says it leaves open: held, refused, or not selected.
fn left_open(plan: &Plan) -> BTreeSet<Address> {
    let held = plan.held.iter().map(|h| h.address.clone());
    let refused = plan.refused.iter().filter_map(|r| r.address.clone());
    let unselected = plan.diff.unselected.iter().cloned();
    held.chain(refused).chain(unselected).chain(ignored_whole(&plan.diff).cloned()).collect()
}

/// The resources that are ignored as a whole: no part of the diff any more.
fn ignored_whole(diff: &diff::Diff) -> impl Iterator<Item = &Address> {
    let all = diff.ignored.iter().filter(|one| one.what.is_difference()).map(|one| &one.address);
    all.filter(|address| diff.changes.iter().all(|change| change.address != **address))
}

/// The requests that are lost after a step, in words.
pub(super) fn told(step: &Step, lost: &[Lost]) -> Option<Refused> {
    let Lost { request, before, now, after } = lost.first()?;
    let request = request.without_secrets();
    let more = match lost.len() {
        1 => String::new(),
        count => format!(" ({} more of the requests that were tried are lost as well)", count - 1),
    };
    let because = format!(
        "no order of the steps keeps every request: after `{}`, {request} would get {now}; before the plan it gets \
         {before}, after it {after}{more}",
        step.id
    );
    Some(Refused { guard: Guard::Rehearsal, address: Some(step.address.clone()), because })
}
