//! The rehearsal: the plan runs on the simulation, and is diffed again, before anyone sees it.
//!
//! What is left over, or refused, is a planner bug (or a wrong belief about AWS): it is reported as such,
//! and the plan cannot be applied.

use std::collections::BTreeSet;

use super::{Guard, Plan, Refused};
use crate::cloud::simulate::{World, apply_to};
use crate::desired::Resolved;
use crate::diff::{self, Verdict};
use crate::model::Address;

/// Rehearses the plan and adds what goes wrong to its refusals.
pub(super) fn rehearse(desired: &Resolved, plan: &mut Plan) {
    let mut world = World { snapshot: plan.basis.clone(), ..World::default() };
    for step in &plan.steps {
        if let Err(refusal) = apply_to(&mut world, &step.id, &step.operation) {
            let because = format!("rehearsing `{}`: AWS would refuse it: {refusal}", step.id);
            plan.refused.push(Refused { guard: Guard::Rehearsal, address: Some(step.address.clone()), because });
            return;
        }
        let Some(undo) = plan.compensations.get(&step.id) else { continue };
        let mut undone = world.clone();
        for undo in undo {
            if let Err(refusal) = apply_to(&mut undone, &undo.id, &undo.operation) {
                let because = format!("rehearsing `{}`: AWS would refuse it: {refusal}", undo.id);
                plan.refused.push(Refused { guard: Guard::Rehearsal, address: Some(undo.address.clone()), because });
                return;
            }
        }
    }
    let left = match diff::compare(desired, &world.snapshot) {
        Ok(left) => left,
        Err(problems) => {
            let first = problems.first().map_or("", |problem| problem.message.as_str());
            let because = format!("what the plan would leave cannot be compared with the files: {first}");
            plan.refused.push(Refused { guard: Guard::Rehearsal, address: None, because });
            return;
        }
    };
    let left_open = left_open(plan);
    for change in &left.changes {
        let differs = !matches!(change.verdict, Verdict::InSync | Verdict::Unknown(_));
        let mut lineage = std::iter::successors(Some(change.address.clone()), Address::parent);
        if differs && !lineage.any(|address| left_open.contains(&address)) {
            let fields: Vec<&str> = change.verdict.fields().iter().map(|f| f.path.as_str()).collect();
            let because =
                format!("the plan would leave it different ({}); this is a defect of no502", fields.join(", "));
            plan.refused.push(Refused { guard: Guard::Rehearsal, address: Some(change.address.clone()), because });
        }
    }
}

/// What the plan says it leaves open: held, refused, or not selected.
fn left_open(plan: &Plan) -> BTreeSet<Address> {
    let held = plan.held.iter().map(|h| h.address.clone());
    let refused = plan.refused.iter().filter_map(|r| r.address.clone());
    let unselected = plan.diff.unselected.iter().cloned();
    held.chain(refused).chain(unselected).collect()
}
