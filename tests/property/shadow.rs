//! Rules that E804 calls dead: by the traffic model no request reaches them.

use std::collections::BTreeSet;

use no502::cloud::Snapshot;
use no502::cloud::traffic::{Roads, outcome, witnesses};
use no502::model::{Address, Id, Kind};
use no502::plan::Plan;

/// No witness of a listener ends at a rule that the plan calls dead on AWS; returns how many rules those are.
pub fn holds(before: &Snapshot, plan: &Plan) -> usize {
    let mut dead: BTreeSet<&Address> = BTreeSet::new();
    for finding in plan.now.findings.iter().filter(|finding| finding.rule == "E804") {
        if finding.title.contains("takes every request") {
            let others = finding.evidence.iter().map(|evident| &evident.address);
            dead.extend(others.filter(|address| **address != finding.address && address.kind == Kind::Rule));
        } else {
            dead.insert(&finding.address);
        }
    }
    let ids: BTreeSet<&Id> =
        plan.diff.bound.names.iter().filter(|(_, address)| dead.contains(address)).map(|(id, _)| id).collect();
    assert_eq!(ids.len(), dead.len(), "{dead:#?}");
    if dead.is_empty() {
        return 0;
    }
    let roads = Roads::of(before);
    for ((balancer, port), _) in roads.listeners() {
        for request in witnesses(&[(before, &roads)], balancer, *port) {
            let met = outcome(before, &request).rule;
            assert!(met.as_ref().is_none_or(|rule| !ids.contains(rule)), "{request} reaches {met:?}");
        }
    }
    ids.len()
}
