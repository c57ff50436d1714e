//! The order of steps: every edge says which outage it prevents.
//!
//! Edges come from what operations need and touch; the sort is stable, so that one input has one order.

use std::collections::{BTreeMap, BTreeSet};

use super::{After, Step, logins, retain, stage};
use crate::cloud::{ListenerEdit, Operation};
use crate::model::kind::Action;
use crate::model::{Address, Kind, Link, StepId};

pub(super) const FILLED: &str =
    "a rule sends requests to a group only once it is set up and its targets are registered";
pub(super) const ONE_WRITE: &str = "one write at a time to a resource, each checked against what was planned";

/// Adds the edges and sorts the steps.
pub(super) fn order(mut steps: Vec<Step>) -> Vec<Step> {
    // what was held after others were told to wait for it
    let known: BTreeSet<StepId> = steps.iter().map(|step| step.id.clone()).collect();
    for step in &mut steps {
        step.after.retain(|after| known.contains(&after.step));
    }
    steps.sort_by(|a, b| rank(a).cmp(&rank(b)));
    let edges: Vec<Vec<After>> = steps.iter().map(|step| edges_into(step, &steps)).collect();
    let told: Vec<(StepId, StepId)> =
        steps.iter().flat_map(|step| step.after.iter().map(|after| (step.id.clone(), after.step.clone()))).collect();
    for (step, after) in steps.iter_mut().zip(edges) {
        step.after.extend(after);
    }
    cut(&mut steps, &told);
    sort(steps)
}

/// What another step was told to wait for does not itself wait for that step, nor for what comes after it, unless it
/// was told to as well.
fn cut(steps: &mut [Step], told: &[(StepId, StepId)]) {
    let first: BTreeSet<&StepId> = told.iter().map(|(_, first)| first).collect();
    for id in first {
        let mut later = BTreeSet::from([id.clone()]);
        loop {
            let waits = |step: &&Step| !later.contains(&step.id) && step.after.iter().any(|a| later.contains(&a.step));
            let more: Vec<StepId> = steps.iter().filter(waits).map(|step| step.id.clone()).collect();
            if more.is_empty() {
                break;
            }
            later.extend(more);
        }
        if let Some(step) = steps.iter_mut().find(|step| step.id == *id) {
            let is_told = |after: &After| told.iter().any(|(of, first)| of == id && *first == after.step);
            step.after.retain(|after| is_told(after) || !later.contains(&after.step));
        }
    }
}

/// The order among steps that do not wait for each other.
fn rank(step: &Step) -> (bool, Kind, &Address, u8) {
    (step.stamp, step.address.kind, &step.address, phase(&step.operation))
}

const fn phase(operation: &Operation) -> u8 {
    match operation {
        Operation::CreateSecurityGroup { .. }
        | Operation::RequestCertificate { .. }
        | Operation::CreateTargetGroup { .. }
        | Operation::CreateLoadBalancer { .. }
        | Operation::CreateListener { .. } => 0,
        // HTTP becomes HTTPS before certificates can be added
        Operation::ModifyListener { edit: ListenerEdit { protocol: Some(_), .. }, .. }
        | Operation::Authorize { .. }
        | Operation::ImportCertificate { .. }
        | Operation::ModifyTargetGroup { .. } => 1,
        Operation::Describe { .. }
        | Operation::AddListenerCertificate { .. }
        | Operation::ModifyTargetGroupAttributes { .. }
        | Operation::ModifyLoadBalancerAttributes { .. }
        | Operation::SetSecurityGroups { .. }
        | Operation::SetSubnets { .. }
        | Operation::SetIpAddressType { .. }
        | Operation::ModifyIpPools { .. }
        | Operation::ModifyRule { .. } => 2,
        // the default certificate leaves only once the others are there
        Operation::ModifyListener { .. } | Operation::CreateRule { .. } | Operation::RegisterTargets { .. } => 3,
        Operation::ModifyListenerAttributes { .. }
        | Operation::SetRulePriorities { .. }
        | Operation::ModifyCapacityReservation { .. }
        | Operation::DeregisterTargets { .. } => 4,
        Operation::AddTags { .. } | Operation::TagRules { .. } | Operation::RemoveTags { .. } => 5,
        Operation::RemoveListenerCertificate { .. } | Operation::Revoke { .. } => 6,
        Operation::Delete { .. } => 7,
    }
}

fn edges_into(step: &Step, all: &[Step]) -> Vec<After> {
    let mut after: BTreeMap<StepId, &'static str> = BTreeMap::new();
    let waits = |step: &Step, other: &Step| step.after.iter().any(|after| after.step == other.id);
    for earlier in all.iter().filter(|s| s.id != step.id && !waits(s, step) && !waits(step, s)) {
        if let Some(why) = edge(earlier, step) {
            after.insert(earlier.id.clone(), why);
        }
    }
    after.into_iter().map(|(step, why)| After { step, why: why.to_owned() }).collect()
}

/// Why `later` must wait for `earlier`, if it must.
fn edge(earlier: &Step, later: &Step) -> Option<&'static str> {
    if uses(&later.operation, &earlier.id) {
        return Some("it needs the id that step creates");
    }
    if later.stamp || earlier.stamp {
        // a rule's number is written on its listener
        let moves = matches!(earlier.operation, Operation::SetRulePriorities { .. });
        let covers = earlier.address == later.address
            || earlier.address.parent().as_ref() == Some(&later.address)
            || (moves && later.address.parent().as_ref() == Some(&earlier.address));
        return (later.stamp && !earlier.stamp && covers).then_some("a resource is marked only once it is in sync");
    }
    if earlier.address == later.address && (rank(earlier), &earlier.id) < (rank(later), &later.id) {
        let leaves = matches!(later.operation, Operation::DeregisterTargets { .. });
        return Some(if leaves {
            "targets leave only once the declared ones are registered and healthy"
        } else {
            ONE_WRITE
        });
    }
    leaving(earlier, later)
        .or_else(|| network(earlier, later))
        .or_else(|| logins::edge((&earlier.address, &earlier.operation), (&later.address, &later.operation)))
        .or_else(|| routing(earlier, later))
}

/// What goes, goes once nothing uses it, and once what takes its place is there.
fn leaving(earlier: &Step, later: &Step) -> Option<&'static str> {
    let deletes = |step: &Step| matches!(step.operation, Operation::Delete { .. });
    let revokes = |step: &Step| matches!(step.operation, Operation::Revoke { .. });
    let of_groups = |step: &Step| step.address.kind == Kind::SecurityGroup;
    if revokes(later) {
        let closes = revokes(earlier) || (deletes(earlier) && of_groups(earlier));
        return (!closes).then_some("the network closes last: what still uses it would answer 504");
    }
    if !deletes(later) {
        return None;
    }
    let balancer = |step: &Step| balancer(&step.address);
    let routes = matches!(earlier.address.kind, Kind::LoadBalancer | Kind::Listener | Kind::Rule);
    match later.address.kind {
        Kind::Rule | Kind::Listener => {
            let same = balancer(earlier).is_some() && balancer(earlier) == balancer(later);
            (same && !deletes(earlier)).then_some("what takes its requests is there first")
        }
        Kind::LoadBalancer => (routes && !deletes(earlier)).then_some("what takes its requests is there first"),
        Kind::TargetGroup => routes.then_some("AWS deletes a target group only once nothing forwards to it"),
        Kind::SecurityGroup => {
            let frees = revokes(earlier) || routes;
            frees.then_some("AWS deletes a security group only once nothing uses it")
        }
        Kind::Certificate | Kind::Target => None,
    }
}

/// Grants come first: a target that cannot be reached fails its health checks and answers 504.
fn network(earlier: &Step, later: &Step) -> Option<&'static str> {
    let grants = matches!(earlier.operation, Operation::Authorize { .. });
    let relies = matches!(
        later.operation,
        Operation::ModifyTargetGroup { .. }
            | Operation::RegisterTargets { .. }
            | Operation::SetSecurityGroups { .. }
            | Operation::CreateListener { .. }
            | Operation::ModifyListener { .. }
            | Operation::CreateRule { .. }
            | Operation::ModifyRule { .. }
    );
    (grants && relies).then_some("a target that cannot be reached fails its health checks and answers 504")
}

fn routing(earlier: &Step, later: &Step) -> Option<&'static str> {
    // what a group is tagged with decides nothing; and its targets may leave only after what waits here
    let later_on = matches!(
        earlier.operation,
        Operation::DeregisterTargets { .. } | Operation::Delete { .. } | Operation::AddTags { .. }
    );
    let group_ready = earlier.address.kind == Kind::TargetGroup && !later_on;
    if group_ready && forwards_to(&later.operation, earlier) {
        return Some(FILLED);
    }
    // what only keeps an old group attached goes after its targets
    let keeps = stage::is_stage(&earlier.address) || retain::is_last(&earlier.id);
    if matches!(later.operation, Operation::DeregisterTargets { .. }) && routes(&earlier.operation) && !keeps {
        return Some("targets leave only once the requests that they got go elsewhere");
    }
    let certificate = earlier.address.kind == Kind::Certificate;
    if certificate && later.address.kind == Kind::Listener {
        return Some("a listener needs a certificate that is issued");
    }
    let of_listener = later.address.parent().as_ref() == Some(&earlier.address);
    let reorders = matches!(earlier.operation, Operation::SetRulePriorities { .. });
    // what stages a group has a number that nothing else has or takes
    let numbered = !matches!(later.operation, Operation::ModifyRule { .. }) && !stage::is_stage(&later.address);
    if reorders && of_listener && numbered {
        return Some("priorities are free only once the rules that held them have moved");
    }
    if moves(&later.operation, &earlier.operation) {
        return Some(ONE_WRITE);
    }
    let opens = matches!(earlier.operation, Operation::ModifyListener { .. } | Operation::CreateListener { .. });
    let names = matches!(earlier.operation, Operation::AddListenerCertificate { .. });
    // listeners of different load balancers may redirect to each other's names: then none can wait for the other
    let beside =
        earlier.address != later.address && !of_listener && balancer(&earlier.address) == balancer(&later.address);
    if (opens || names) && redirects_to(&later.operation, &earlier.address) && beside {
        return Some(if names {
            "a redirect to a name whose certificate is not there yet fails in the handshake"
        } else {
            "a redirect to a listener that is not there yet sends clients into a refused connection"
        });
    }
    None
}

/// The load balancer that a listener or a rule belongs to.
fn balancer(address: &Address) -> Option<Address> {
    std::iter::successors(Some(address.clone()), Address::parent).find(|a| a.kind == Kind::LoadBalancer)
}

fn uses(operation: &Operation, step: &StepId) -> bool {
    let mut found = false;
    let _ = operation.clone().map_links(&mut |link| {
        found |= matches!(&link, Link::Step(s) if s == step);
        link
    });
    found
}

/// Whether an operation may send requests elsewhere.
const fn routes(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::CreateListener { .. }
            | Operation::ModifyListener { .. }
            | Operation::CreateRule { .. }
            | Operation::ModifyRule { .. }
            | Operation::SetRulePriorities { .. }
            | Operation::Delete { kind: Kind::Rule | Kind::Listener | Kind::LoadBalancer, .. }
    )
}

#[expect(clippy::wildcard_enum_match_arm, reason = "actions are in these four operations only")]
pub(super) fn action(operation: &Operation) -> Option<&Action> {
    match operation {
        Operation::CreateListener { spec } => spec.default.as_ref(),
        Operation::ModifyListener { edit, .. } => edit.default.as_ref(),
        Operation::CreateRule { spec } => spec.action.as_ref(),
        Operation::ModifyRule { action, .. } => action.as_ref(),
        _ => None,
    }
}

/// Whether an operation moves the rule that another one edits. The edit comes first: a listener may wait for it (a
/// login that goes), and the move waits for the listener.
fn moves(order: &Operation, edit: &Operation) -> bool {
    match (order, edit) {
        (Operation::SetRulePriorities { priorities, .. }, Operation::ModifyRule { rule, .. }) => {
            rule.id().is_some_and(|id| priorities.contains_key(id))
        }
        _ => false,
    }
}

/// Whether an operation makes a listener or a rule redirect to the port of a listener.
fn redirects_to(operation: &Operation, listener: &Address) -> bool {
    let Some(Action::Redirect(redirect)) = action(operation) else { return false };
    let port = if redirect.port.parse::<u16>().is_ok() {
        redirect.port.as_str()
    } else if redirect.protocol.eq_ignore_ascii_case("https") {
        "443"
    } else {
        return false;
    };
    listener.name.rsplit_once(':').is_some_and(|(_, of)| of == port)
}

/// Whether an operation makes a listener or a rule forward to the group that a step works on.
fn forwards_to(operation: &Operation, group: &Step) -> bool {
    // what creates the group has no subject yet
    let subject = group.operation.subject().cloned().unwrap_or_else(|| Link::Step(group.id.clone()));
    action(operation).is_some_and(|action| action.groups().any(|(link, _)| *link == subject))
}

/// A stable topological sort. Edges that form a cycle would be a planner bug; its steps then keep
/// their rank order, and the rehearsal reports what goes wrong.
fn sort(steps: Vec<Step>) -> Vec<Step> {
    let mut waiting: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut done: BTreeSet<StepId> = BTreeSet::new();
    let known: BTreeSet<StepId> = waiting.iter().flatten().map(|s| s.id.clone()).collect();
    let mut sorted = Vec::with_capacity(waiting.len());
    while waiting.iter().any(Option::is_some) {
        let ready = |step: &Step| step.after.iter().all(|a| done.contains(&a.step) || !known.contains(&a.step));
        let next = waiting
            .iter()
            .position(|slot| slot.as_ref().is_some_and(ready))
            .or_else(|| waiting.iter().position(Option::is_some));
        let Some(step) = next.and_then(|i| waiting[i].take()) else { break };
        done.insert(step.id.clone());
        sorted.push(step);
    }
    sorted
}
