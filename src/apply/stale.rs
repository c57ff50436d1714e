//! Is the object still what the plan saw? Asked just before each write.

use crate::cloud::{Operation, Read, Snapshot};
use crate::model::kind::{Conditions, HeaderCondition};
use crate::model::{Id, Kind, Link, Spec, Text};
use crate::plan::Step;

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

/// Reads the object again and compares it with what is expected.
pub(super) async fn check<R: Read>(cloud: &R, kind: Kind, id: &Id, expected: Option<&Spec>) -> Result<(), Failure> {
    let Some(expected) = expected else { return Ok(()) };
    let now = cloud.reread(kind, id).await.map_err(|error| Failure::Call { error })?;
    let moved = moved(&now, id, expected);
    if moved.is_empty() { Ok(()) } else { Err(Failure::Stale { moved }) }
}

fn moved(now: &Snapshot, id: &Id, expected: &Spec) -> Vec<String> {
    let Some(live) = now.found.get(id) else { return vec![format!("{id} is gone")] };
    let changes = Spec::compare(&masked(live.spec.clone()), &masked(expected.clone()));
    changes.into_iter().map(|c| format!("{}: planned on {}, now {}", c.path, c.desired, c.live)).collect()
}

/// Header values hidden on both sides: one of them may be secret, and the message must not show it.
fn masked(spec: Spec) -> Spec {
    let Spec::Rule(mut rule) = spec else { return spec };
    rule.when = rule.when.map(|when| Conditions {
        header: when
            .header
            .into_iter()
            .map(|h| HeaderCondition { values: h.values.into_iter().map(Text::hidden).collect(), ..h })
            .collect(),
        ..when
    });
    Spec::Rule(rule)
}
