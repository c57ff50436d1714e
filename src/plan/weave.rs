//! The order among writes to one listener's default and rules: one at a time, so that no request is lost between.
//!
//! Which order that is depends on what the rules take: a new rule comes before the default stops serving its requests,
//! another one only after the default serves what it gives up. So it is tried on the simulation: the usual order first,
//! and where it loses requests, each time the first step that loses none.

use std::collections::{BTreeMap, BTreeSet};

use super::order::{FILLED, ONE_WRITE};
use super::rehearse::{arrive, pass, told};
use super::{After, Refused, Step};
use crate::cloud::simulate::World;
use crate::cloud::traffic::{Lost, Watch};
use crate::cloud::{Operation, Snapshot};
use crate::model::{Kind, Link, StepId};

/// Why the next write to a listener's default and rules waits.
const WHY: &str = "in another order some requests would for a while meet neither the old rule nor the new one";
/// The same, where security groups of the load balancer change.
const DOORS: &str =
    "in another order some requests would for a while pass neither the old security groups nor the new ones";
/// So many steps that lose requests are told; the first is the one to look at.
const TOLD: usize = 3;

/// The steps in an order that loses no request, and what is lost all the same.
pub(super) fn weave(
    basis: &Snapshot,
    end: &Snapshot,
    operations: &[Operation],
    mut steps: Vec<Step>,
) -> (Vec<Step>, Vec<Refused>) {
    let watch = Watch::over(basis, end, operations);
    if watch.is_empty() {
        return (steps, Vec::new());
    }
    let mut lost = lost_after(basis, &watch, &steps);
    if !lost.is_empty() {
        let ports = lost.iter().flat_map(|(_, lost)| lost);
        let ports: BTreeSet<_> = ports.map(|one| (one.request.load_balancer.clone(), one.request.port)).collect();
        loosen(&mut steps);
        steps = another(basis, &watch.narrowed(&ports), steps);
        lost = lost_after(basis, &watch, &steps);
    }
    chain(basis, &watch, &mut steps);
    one_at_a_time(&mut steps);
    let refused = lost.iter().filter_map(|(index, lost)| told(steps.get(*index)?, lost)).take(TOLD).collect();
    (steps, refused)
}

/// What is lost after which step.
fn lost_after(basis: &Snapshot, watch: &Watch, steps: &[Step]) -> Vec<(usize, Vec<Lost>)> {
    let (mut watch, mut world) = (watch.clone(), World { snapshot: basis.clone(), ..World::default() });
    let mut all = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        arrive(&mut world, step);
        // it was not refused a moment ago
        let Ok(lost) = watch.step(&mut world, &step.id, &step.operation) else { break };
        pass(&mut world, step);
        if !lost.is_empty() {
            all.push((index, lost));
        }
    }
    all
}

/// Each time the first step that may run and loses nothing; if each loses something, the first.
fn another(basis: &Snapshot, watch: &Watch, steps: Vec<Step>) -> Vec<Step> {
    let (mut watch, mut world) = (watch.clone(), World { snapshot: basis.clone(), ..World::default() });
    let known: BTreeSet<StepId> = steps.iter().map(|step| step.id.clone()).collect();
    let (mut waiting, mut done, mut woven): (Vec<Step>, BTreeSet<StepId>, Vec<Step>) =
        (steps, BTreeSet::new(), Vec::new());
    while !waiting.is_empty() {
        let ready = |step: &Step| step.after.iter().all(|a| done.contains(&a.step) || !known.contains(&a.step));
        let ready: Vec<usize> = (0..waiting.len()).filter(|index| ready(&waiting[*index])).collect();
        let harmless = |index: &usize| {
            let step = &waiting[*index];
            if watch.concerned(&world, &step.operation).is_empty() {
                return true;
            }
            let (mut watch, mut world) = (watch.clone(), world.clone());
            arrive(&mut world, step);
            watch.step(&mut world, &step.id, &step.operation).is_ok_and(|lost| lost.is_empty())
        };
        let next = ready.iter().copied().find(harmless).or_else(|| ready.first().copied());
        let step = waiting.remove(next.unwrap_or_default());
        arrive(&mut world, &step);
        if watch.step(&mut world, &step.id, &step.operation).is_err() {
            // the edges allow what AWS refuses: the rest stays as it was
            woven.push(step);
            woven.append(&mut waiting);
            break;
        }
        pass(&mut world, &step);
        done.insert(step.id.clone());
        woven.push(step);
    }
    woven
}

/// Each write to a listener's default and rules, or to its load balancer's security groups, waits for the one before,
/// and for targets that the plan registers where its requests may go.
#[expect(clippy::wildcard_enum_match_arm, reason = "what decides where requests go is few")]
fn chain(basis: &Snapshot, watch: &Watch, steps: &mut [Step]) {
    let world = World { snapshot: basis.clone(), ..World::default() };
    let mut last: BTreeMap<usize, Vec<(StepId, &str)>> = BTreeMap::new();
    for step in steps {
        let (why, waits) = match &step.operation {
            Operation::RegisterTargets { .. } => (FILLED, false),
            Operation::SetSecurityGroups { .. } => (DOORS, true),
            Operation::ModifyListener { edit, .. } if edit.default.is_none() => continue,
            Operation::Delete { kind, .. } if *kind != Kind::Rule => continue,
            operation if is_routing(operation) => (WHY, true),
            _ => continue,
        };
        for port in watch.concerned(&world, &step.operation) {
            let before = last.entry(port).or_default();
            if waits {
                for (id, earlier) in before.drain(..) {
                    wait(step, id, if why == WHY { earlier } else { why });
                }
            }
            before.push((step.id.clone(), why));
        }
    }
}

const fn is_routing(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::ModifyListener { .. }
            | Operation::CreateRule { .. }
            | Operation::ModifyRule { .. }
            | Operation::SetRulePriorities { .. }
            | Operation::Delete { .. }
    )
}

/// The places of rules are written one at a time with what the rules and the default are, but which of them goes first
/// decides which requests are lost. Only where HTTPS comes or goes, logins fix the order.
fn loosen(steps: &mut [Step]) {
    let free = |operation: &Operation| {
        let edits = matches!(operation, Operation::ModifyRule { .. });
        edits || matches!(operation, Operation::ModifyListener { edit, .. } if edit.protocol.is_none())
    };
    let free: BTreeSet<StepId> = steps.iter().filter(|s| free(&s.operation)).map(|s| s.id.clone()).collect();
    for step in steps.iter_mut().filter(|step| matches!(step.operation, Operation::SetRulePriorities { .. })) {
        step.after.retain(|after| after.why != ONE_WRITE || !free.contains(&after.step));
    }
}

/// What [`loosen`] let go, in the order that was found.
#[expect(clippy::wildcard_enum_match_arm, reason = "only these three write the same things")]
fn one_at_a_time(steps: &mut [Step]) {
    let mut last: BTreeMap<Link, StepId> = BTreeMap::new();
    for step in steps {
        let written: Vec<Link> = match &step.operation {
            Operation::ModifyListener { listener: one, .. } | Operation::ModifyRule { rule: one, .. } => {
                vec![one.clone()]
            }
            Operation::SetRulePriorities { listener, priorities } => {
                priorities.keys().cloned().map(Link::Id).chain([listener.clone()]).collect()
            }
            _ => Vec::new(),
        };
        for link in written {
            if let Some(before) = last.insert(link, step.id.clone()) {
                wait(step, before, ONE_WRITE);
            }
        }
    }
}

fn wait(step: &mut Step, before: StepId, why: &str) {
    if !step.after.iter().any(|after| after.step == before) {
        step.after.push(After { step: before, why: why.to_owned() });
    }
}
