//! Is the object still what the plan saw? Asked just before each write.

use crate::cloud::{Operation, Read, Snapshot};
use crate::model::tag::LOCK_TAG;
use crate::model::{Id, Kind, Link, Spec};
use crate::plan::{Step, saved};

use super::event::Failure;

/// The existing objects that a step writes, with their kinds.
pub(super) fn written(step: &Step, operation: &Operation) -> Vec<(Kind, Id)> {
    if step.stamp {
        return Vec::new();
    }
    if let Operation::SetRulePriorities { priorities, .. } = operation {
        return priorities.keys().map(|id| (Kind::Rule, id.clone())).collect();
    }
    let kind = step.address.kind;
    operation.subject().and_then(Link::id).map(|id| (kind, id.clone())).into_iter().collect()
}

/// What another look at an object shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is as the plan saw it, in all that the step does not take away.
    AsPlanned,
    /// It is gone, which is what the step is for.
    Gone,
}

/// Whether an operation only takes something away: where that is gone already, it is done.
pub(super) const fn takes_away(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Delete { .. }
            | Operation::Revoke { .. }
            | Operation::DeregisterTargets { .. }
            | Operation::RemoveListenerCertificate { .. }
            | Operation::RemoveTags { .. }
    )
}

/// Reads the object again and compares it with what is expected.
pub(super) async fn check<R: Read>(
    cloud: &R,
    operation: &Operation,
    (kind, id): (Kind, &Id),
    expected: Option<&Spec>,
) -> Result<Seen, Failure> {
    let Some(expected) = expected else { return Ok(Seen::AsPlanned) };
    let now = cloud.reread(kind, id).await.map_err(|error| Failure::Call { error })?;
    if takes_away(operation) && !now.found.contains_key(id) {
        return Ok(Seen::Gone);
    }
    let moved = moved(&now, id, &without(expected.clone(), operation));
    if moved.is_empty() { Ok(Seen::AsPlanned) } else { Err(Failure::Stale { moved }) }
}

/// Looks whether somebody has made meanwhile what a call creates: AWS would answer with what is there, and what another
/// run made would pass for ours.
pub(super) async fn is_free<R: Read>(cloud: &R, operation: &Operation) -> Result<(), Failure> {
    let Some(spec) = operation.created() else { return Ok(()) };
    let there = cloud.taken(&spec).await.map_err(|error| Failure::Call { error })?;
    let moved = there.map(|id| vec![format!("{id} is there already")]);
    moved.map_or(Ok(()), |moved| Err(Failure::Stale { moved }))
}

/// What must still be there of an object for the operation to make sense: not the part that it takes away.
fn without(mut spec: Spec, operation: &Operation) -> Spec {
    if let (Operation::Revoke { direction, rules, .. }, Spec::SecurityGroup(group)) = (operation, &mut spec)
        && let Some(all) = group.rules_mut(*direction)
    {
        all.retain(|rule| !rules.iter().any(|gone| gone.same_traffic(rule)));
    }
    if let (Operation::RemoveListenerCertificate { certificate, .. }, Spec::Listener(listener)) = (operation, &mut spec)
        && let Some(all) = &mut listener.sni_certificates
    {
        all.retain(|link| link != certificate);
    }
    spec
}

fn moved(now: &Snapshot, id: &Id, expected: &Spec) -> Vec<String> {
    let Some(live) = now.found.get(id) else { return vec![format!("{id} is gone")] };
    let (mut live, mut expected) = (live.spec.clone(), expected.clone());
    if let (Spec::Rule(a), Spec::Rule(b)) = (&mut live, &mut expected)
        && let (Some(a), Some(b)) = (&mut a.when, &mut b.when)
    {
        saved::mask(a, b);
    }
    if let Some(tags) = expected.tags_mut() {
        tags.remove(LOCK_TAG);
    }
    let changes = Spec::compare(&live, &expected);
    changes.into_iter().map(|c| format!("{}: planned on {}, now {}", c.path, c.desired, c.live)).collect()
}
