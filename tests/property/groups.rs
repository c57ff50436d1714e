//! What must hold of target groups between the steps of a plan, beside that no request is lost: requests go to healthy
//! targets only, requests under way may end, no gate waits for what cannot come, and a health check decides only once
//! it is proven.
//!
//! It judges what the order of the steps decides. That a target really becomes healthy is AWS's business.

use std::collections::BTreeSet;

use no502::cloud::simulate::World;
use no502::cloud::traffic::{Answer, Destination, Ends, Request, Roads, outcome, witnesses};
use no502::cloud::{Facts, Operation, Snapshot};
use no502::model::kind::{Action, CheckChange, Target, TargetGroup};
use no502::model::tag::ID_TAG;
use no502::model::{Id, Kind, Link, Spec};
use no502::plan::{Gate, Step};

use super::zero::Wrong;

/// So many requests to one port are followed to the health of their targets.
const FOLLOWED: usize = 32;

/// What holds of the groups of one plan.
#[derive(Clone)]
pub struct Groups {
    /// Requests that end at healthy targets before and after.
    ready: Vec<Request>,
    /// Groups that the plan drains: they stay attached until then.
    drained: BTreeSet<Id>,
    /// Groups that the plan deletes: while their targets drain, they stay attached.
    going: BTreeSet<Id>,
    /// What our tags call the groups that are there before and after.
    names: BTreeSet<String>,
}

impl Groups {
    pub fn of(before: &Snapshot, end: &Snapshot, steps: &[Step]) -> Self {
        let gates = || steps.iter().flat_map(|step| step.gate.iter().chain(&step.before));
        let waits = gates().any(|gate| matches!(gate, Gate::TargetsHealthy { .. }));
        let of_deletes = |step: &&Step| matches!(step.operation, Operation::Delete { kind: Kind::TargetGroup, .. });
        let detaching = steps.iter().filter(|step| !of_deletes(step)).flat_map(|step| &step.before);
        let drained = detaching.filter(|gate| matches!(gate, Gate::Drained { .. }));
        let drained = drained.filter_map(|gate| gate.group()?.id().cloned()).filter(|id| is_attached(before, id));
        Self {
            ready: if waits { ready(before, end) } else { Vec::new() },
            drained: drained.collect(),
            going: before.target_groups().map(|(id, _)| id.clone()).filter(|id| !end.found.contains_key(id)).collect(),
            names: names(before).intersection(&names(end)).cloned().collect(),
        }
    }

    /// What is wrong with a step that begins now; what it says is drained may be detached from now on.
    pub fn begins(&mut self, before: &Snapshot, world: &World, step: &Step) -> Option<Wrong> {
        let is_drained = |gate: &Gate| match gate {
            Gate::Drained { group, .. } => known(world, group),
            _ => None,
        };
        let waited: Vec<Id> = step.before.iter().filter_map(is_drained).collect();
        if let Some(id) = self.going.iter().find(|id| {
            let drains = world.snapshot.leaving.contains_key(*id) && !waited.contains(id);
            drains && is_attached(&world.snapshot, id) && detaches(world, &step.operation, id)
        }) {
            return Some(Wrong::Cut(id.clone()));
        }
        for gate in &step.before {
            if let Some(stuck) = stuck(world, gate) {
                return Some(stuck);
            }
            if let (Gate::Drained { .. }, Some(id)) = (gate, gate.group().and_then(|link| known(world, link))) {
                self.drained.remove(&id);
            }
        }
        unproven(before, &world.snapshot, &step.operation).then_some(Wrong::Unproven)
    }

    /// What is wrong once a step's call is made, before its gate.
    pub fn called(&self, world: &World, step: &Step) -> Option<Wrong> {
        if let Some(id) = self.drained.iter().find(|id| !is_attached(&world.snapshot, id)) {
            return Some(Wrong::Cut(id.clone()));
        }
        if let Operation::Delete { kind: Kind::TargetGroup, .. } = &step.operation {
            let there = names(&world.snapshot);
            if let Some(name) = self.names.iter().find(|name| !there.contains(*name)) {
                return Some(Wrong::Missing(name.clone()));
            }
        }
        step.gate.as_ref().and_then(|gate| stuck(world, gate))
    }

    /// A request that ends at no healthy target, though it did and will.
    pub fn unready(&self, world: &World) -> Option<Wrong> {
        let lost = self.ready.iter().find(|request| !is_ready(&world.snapshot, request))?;
        Some(Wrong::Unready(Box::new(lost.clone())))
    }
}

/// Requests that end at healthy targets before and after.
fn ready(before: &Snapshot, end: &Snapshot) -> Vec<Request> {
    let roads = [before, end].map(Roads::of);
    let views = [(before, &roads[0]), (end, &roads[1])];
    let of_port = |((balancer, port), _): (&(Id, u16), &Id)| {
        let all = witnesses(&views, balancer, *port).into_iter();
        all.filter(|request| is_ready(before, request) && is_ready(end, request)).take(FOLLOWED).collect::<Vec<_>>()
    };
    roads[0].listeners().flat_map(of_port).collect()
}

/// Whether every group that may get a request has a healthy target.
fn is_ready(snapshot: &Snapshot, request: &Request) -> bool {
    let healthy = |id: &Id| match snapshot.found.get(id).map(|live| &live.facts) {
        Some(Facts::Target(health)) => health.is_healthy(),
        _ => false,
    };
    let is_ready = |one: &Destination| match &one.ends {
        Ends::Ready(targets) | Ends::FailsOpen(targets) => targets.iter().any(healthy),
        Ends::Function(_) => true,
        Ends::Error(_) | Ends::CannotTell => false,
    };
    match outcome(snapshot, request).answer {
        Answer::Forward(list) => list.iter().all(is_ready),
        _ => false,
    }
}

fn known(world: &World, link: &Link) -> Option<Id> {
    match link {
        Link::Step(step) => world.outputs.get(step)?.id.clone(),
        link => link.id().cloned(),
    }
}

/// A gate that would never open: nothing checks the group, too few targets are there, or some have not been asked to
/// leave.
fn stuck(world: &World, gate: &Gate) -> Option<Wrong> {
    let group = gate.group().map(|link| known(world, link));
    let opens = match (gate, group.flatten()) {
        (Gate::TargetsHealthy { at_least, leaving, .. }, Some(id)) => {
            let stay = targets(&world.snapshot, &id).filter(|target| !leaving.contains(&target.label())).count();
            is_attached(&world.snapshot, &id) && stay >= *at_least
        }
        (Gate::Drained { .. }, Some(id)) => targets(&world.snapshot, &id).next().is_none(),
        (Gate::TargetsHealthy { .. } | Gate::Drained { .. }, None) => false,
        _ => true,
    };
    (!opens).then(|| Wrong::Stuck(format!("{gate:?}")))
}

fn targets<'s>(snapshot: &'s Snapshot, group: &'s Id) -> impl Iterator<Item = &'s Target> {
    snapshot.targets().map(|(_, target)| target).filter(move |target| target.target_group.id() == Some(group))
}

fn actions(snapshot: &Snapshot) -> impl Iterator<Item = (&Action, bool)> {
    snapshot.found.values().filter_map(|live| match &live.spec {
        Spec::Rule(rule) => Some((rule.action.as_ref()?, rule.when.as_ref().is_some_and(|when| when.is_of_nobody()))),
        Spec::Listener(listener) => Some((listener.default.as_ref()?, false)),
        _ => None,
    })
}

fn names_group(action: &Action, group: &Id) -> bool {
    action.groups().any(|(link, _)| link.id() == Some(group))
}

/// Whether AWS checks a group, and lets its requests end.
fn is_attached(snapshot: &Snapshot, group: &Id) -> bool {
    actions(snapshot).any(|(action, _)| names_group(action, group))
}

/// Whether an operation takes a group from the rule that keeps it attached, or from the last one that names it.
fn detaches(world: &World, operation: &Operation, group: &Id) -> bool {
    let mut after = world.snapshot.clone();
    match operation {
        Operation::Delete { resource, kind: Kind::Rule } => {
            let id = &known(world, resource).unwrap();
            let rule = after.found.get(id).and_then(|live| live.spec.rule());
            // what goes with its requests cuts nothing that somebody waits for
            if !rule.is_some_and(|rule| rule.when.as_ref().is_some_and(|when| when.is_of_nobody())) {
                return false;
            }
            after.found.remove(id);
        }
        Operation::ModifyRule { rule, action: Some(action), .. } => {
            if let Some(Spec::Rule(live)) = rule.id().and_then(|id| after.found.get_mut(id)).map(|live| &mut live.spec)
            {
                live.action = Some(action.clone());
            }
        }
        _ => return false,
    }
    !is_attached(&after, group)
}

/// What our tags call the groups.
fn names(snapshot: &Snapshot) -> BTreeSet<String> {
    snapshot.target_groups().filter_map(|(_, group)| group.tags.get(ID_TAG).cloned()).collect()
}

/// Whether an operation lets a health check decide over healthy targets in use, and no other group has shown that they
/// pass it.
fn unproven(before: &Snapshot, now: &Snapshot, operation: &Operation) -> bool {
    let Operation::ModifyTargetGroup { target_group, health_check } = operation else { return false };
    let Some((id, group)) = target_group.id().and_then(|id| Some((id, before.found.get(id)?.spec.target_group()?)))
    else {
        return false;
    };
    let healthy = healthy(before, id);
    let in_use = actions(before).any(|(action, of_nobody)| !of_nobody && names_group(action, id));
    let risky = group.health_check.change_to(health_check) == CheckChange::Risky;
    let proves = |(other, copy): &(&Id, &TargetGroup)| {
        *other != id && copy.health_check == *health_check && healthy.is_subset(&self::healthy(now, other))
    };
    in_use && risky && !healthy.is_empty() && now.target_groups().find(proves).is_none()
}

/// The healthy targets of a group.
fn healthy(snapshot: &Snapshot, group: &Id) -> BTreeSet<String> {
    let healthy = snapshot.found.values().filter_map(|live| match (&live.spec, &live.facts) {
        (Spec::Target(target), Facts::Target(health)) if health.is_ready() => Some(target),
        _ => None,
    });
    healthy.filter(|target| target.target_group.id() == Some(group)).map(|target| target.label()).collect()
}
