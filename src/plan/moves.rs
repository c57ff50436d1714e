//! Conditions that move from one rule of a listener to another: the rule that gets them is written before the one that
//! loses them, so that no request finds neither.
//!
//! Two rules that give to each other cannot both be first; a ring of whole rules is no move at all, see `diff`.

use std::collections::{BTreeMap, BTreeSet};

use super::After;
use super::build::Builder;
use crate::cloud::Operation;
use crate::model::kind::Conditions;
use crate::model::{Address, StepId};

/// One rule whose conditions change, or that is new.
struct Move {
    step: StepId,
    gets: BTreeSet<String>,
    loses: BTreeSet<String>,
}

/// Adds the edges.
pub(super) fn order(b: &mut Builder<'_>) {
    let mut moves: BTreeMap<Address, Vec<Move>> = BTreeMap::new();
    let reorders = b.built.steps.iter().filter(|step| matches!(step.operation, Operation::SetRulePriorities { .. }));
    let reordered: BTreeSet<&Address> = reorders.map(|step| &step.address).collect();
    for step in &b.built.steps {
        let Some(listener) = step.address.parent() else { continue };
        // a new rule may need the place of one that moves, which moves once it is written
        if reordered.contains(&listener) && matches!(step.operation, Operation::CreateRule { .. }) {
            continue;
        }
        let live = || b.bound.live.get(&step.address)?.spec.rule()?.when.as_ref().map(values);
        let Some((old, new)) = written(&step.operation, live) else { continue };
        let (gets, loses) = (&new - &old, &old - &new);
        moves.entry(listener).or_default().push(Move { step: step.id.clone(), gets, loses });
    }
    let edges: Vec<(StepId, StepId)> = moves.into_values().flat_map(edges).collect();
    for (later, earlier) in edges {
        let why = "what takes its requests is there first".to_owned();
        if let Some(step) = b.built.steps.iter_mut().find(|step| step.id == later) {
            step.after.push(After { step: earlier, why });
        }
    }
}

/// What an operation makes of a rule's conditions: before and after.
fn written(
    operation: &Operation,
    live: impl Fn() -> Option<BTreeSet<String>>,
) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
    if let Operation::CreateRule { spec } = operation {
        return Some((BTreeSet::new(), values(spec.when.as_ref()?)));
    }
    if let Operation::ModifyRule { when: Some(new), .. } = operation { Some((live()?, values(new))) } else { None }
}

/// Who waits for whom; where rules wait for each other, the first of them does not.
fn edges(mut left: Vec<Move>) -> Vec<(StepId, StepId)> {
    let gives = |from: &Move, to: &Move| from.step != to.step && !from.loses.is_disjoint(&to.gets);
    let mut edges = Vec::new();
    while !left.is_empty() {
        let free = left.iter().position(|one| !left.iter().any(|other| gives(one, other)));
        let done = left.remove(free.unwrap_or_default());
        edges.extend(left.iter().filter(|other| gives(other, &done)).map(|o| (o.step.clone(), done.step.clone())));
    }
    edges
}

/// Every value of every condition, with its kind.
fn values(when: &Conditions) -> BTreeSet<String> {
    let Conditions { host, host_regex, path, path_regex, method, header, header_regex, query, source_ip } = when;
    let texts = [("host", host), ("host_regex", host_regex), ("path", path), ("path_regex", path_regex)];
    let texts = texts.into_iter().chain([("method", method), ("source_ip", source_ip)]);
    let texts = texts.flat_map(|(kind, all)| all.iter().map(move |value| format!("{kind} {value}")));
    let headers = header.iter().chain(header_regex).map(|one| format!("{one:?}"));
    texts.chain(headers).chain(query.iter().map(|one| format!("{one:?}"))).collect()
}
