//! How a target group goes that requests were moved away from: its targets leave while it is still attached, so that
//! requests under way may end; then it is detached, then deleted. A copy that proves a health check never had any.

use std::collections::BTreeSet;

use super::build::{Builder, TARGETS_PER_CALL};
use super::delete::is_delete;
use super::proof::is_copy;
use super::shift::Shifts;
use super::stage::is_stage;
use super::{After, Gate, order, retain};
use crate::cloud::Operation;
use crate::model::kind::Target;
use crate::model::{Address, Kind, StepId};

/// AWS's default (API: `TargetGroupAttribute`, `deregistration_delay.timeout_seconds`), in seconds.
const DELAY: u32 = 300;

/// Adds the steps that drain the groups which are deleted. What a run that was stopped has deregistered already drains
/// on: it is only waited for.
pub(super) fn drain(b: &mut Builder<'_>, shifts: &Shifts) {
    let deletes = b.built.steps.iter().filter(|s| is_delete(&s.operation) && s.address.kind == Kind::TargetGroup);
    let going: Vec<(Address, StepId)> = deletes.map(|step| (step.address.clone(), step.id.clone())).collect();
    for (group, delete) in going.into_iter().filter(|(group, _)| !is_copy(group)) {
        wait_for_successor(b, &group, &delete);
        let users = shifts.leaves.get(&group);
        let kept = b.bound.live.iter().any(|(address, live)| {
            is_stage(address) && super::delete::action(&live.spec).is_some_and(|a| super::delete::forwards(a, &group))
        });
        let targets: Vec<Target> = b.registered(&group).map(|(target, _)| target.clone()).collect();
        if b.has_requests(&group) && (users.is_some() || kept) {
            one(b, &group, &delete, shifts, &targets);
        }
    }
}

/// The old group is there until all of the new one is.
fn wait_for_successor(b: &mut Builder<'_>, group: &Address, delete: &StepId) {
    let Some(by) = b.bound.superseded.get(group) else { return };
    let of_new = b.built.steps.iter().filter(|step| step.address == *by && !step.stamp);
    let why = "the old group goes once the new one is there".to_owned();
    let after: Vec<After> = of_new.map(|step| After { step: step.id.clone(), why: why.clone() }).collect();
    if let Some(step) = b.built.steps.iter_mut().find(|step| step.id == *delete) {
        step.after.extend(after);
    }
}

fn one(b: &mut Builder<'_>, group: &Address, delete: &StepId, shifts: &Shifts, targets: &[Target]) {
    let link = b.link(group);
    let users = shifts.leaves.get(group).cloned().unwrap_or_default();
    let retained = shifts.retained.values().filter(|(groups, _)| groups.contains(group));
    let at_least = retained.map(|(_, seconds)| *seconds).max().unwrap_or(0);
    let moved: Vec<After> = b
        .built
        .steps
        .iter()
        .filter(|step| users.contains(&step.address) && order::action(&step.operation).is_some())
        .filter(|step| !retain::is_last(&step.id))
        .map(|step| After { step: step.id.clone(), why: "targets leave once no new request comes to them".to_owned() })
        .collect();
    let mut left = Vec::new();
    for (part, chunk) in targets.chunks(TARGETS_PER_CALL).enumerate() {
        let targets = chunk.iter().cloned().map(|target| target.map_links(&mut |link| b.known(link))).collect();
        let call = Operation::DeregisterTargets { target_group: link.clone(), targets };
        let step = b.push_part(group, call, part, "requests go elsewhere now");
        step.after.extend(moved.iter().cloned());
        step.before.push(Gate::Settled { at_least });
        left.push(step.id.clone());
    }
    let live = b.bound.live.get(group).and_then(|live| live.spec.target_group());
    let delay = live.and_then(|group| group.attributes.get("deregistration_delay.timeout_seconds")?.parse().ok());
    let drained = Gate::Drained { group: link.clone(), within: delay.unwrap_or(DELAY) };
    let keeps = |step: &super::Step| {
        is_stage(&step.address)
            && (b.bound.live.contains_key(&step.address)
                || order::action(&step.operation).is_some_and(|action| action.groups().any(|(of, _)| *of == link)))
    };
    let stages: BTreeSet<Address> = b.built.steps.iter().filter(|s| keeps(s)).map(|s| s.address.clone()).collect();
    let why = "requests under way may end only while the old group is attached".to_owned();
    let mut attached = false;
    let detaches = |step: &super::Step| {
        let of_stage = is_delete(&step.operation) && stages.contains(&step.address);
        of_stage || (retain::is_last(&step.id) && users.contains(&step.address))
    };
    for step in b.built.steps.iter_mut().filter(|step| detaches(step)) {
        step.after.extend(left.iter().map(|id| After { step: id.clone(), why: why.clone() }));
        step.before.push(drained.clone());
        attached = true;
    }
    if attached {
        return;
    }
    // what attaches it goes with its listener
    if let Some(step) = b.built.steps.iter_mut().find(|step| step.id == *delete) {
        let why = "a group is deleted once its targets have left it".to_owned();
        step.after.extend(left.iter().map(|id| After { step: id.clone(), why: why.clone() }));
        step.before.push(drained);
    }
}
