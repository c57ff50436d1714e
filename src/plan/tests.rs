//! What the builder makes of diffs that only parts of the program can make.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{After, Gate, Options, Reversible, Step, build, order};
use crate::cloud::{Operation, Snapshot};
use crate::desired::{Inputs, load};
use crate::diff;
use crate::model::{Address, Id, Kind, Link, StepId};

#[test]
fn what_is_held_late_holds_what_was_judged_before_it() {
    let group = |key: &str, from: &str| {
        format!("  {key}: {{ vpc: vpc-0a1b2c3d, description: d, ingress: {{ from: {from}, ports: 80 }} }}\n")
    };
    let head = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\nsecurity_groups:\n";
    let text = [head, &group("a", "b"), &group("b", "c"), &group("c", "self")].concat();
    let inputs = Inputs {
        paths: vec![PathBuf::from("-")],
        stdin: Some(text.into_bytes()),
        variables: BTreeMap::new(),
        secrets: &|_, _| None,
        now: None,
    };
    let (desired, _) = load(&inputs).unwrap();
    let mut diff = diff::compare(&desired, &Snapshot::default()).unwrap();
    diff.changes.retain(|change| change.address.name != "c");
    let built = build::build(&desired, &Snapshot::default(), &diff, &Options::default());
    let held: Vec<String> = built.held.iter().map(|held| held.address.to_string()).collect();
    assert_eq!(held, ["security_group/b", "security_group/a"]);
    assert!(built.steps.is_empty(), "{:#?}", built.steps);
}

#[test]
fn a_step_waits_for_none_that_was_held_after_it_was_told_to() {
    let step = Step {
        id: StepId("DeleteTargetGroup target_group/blue@old".to_owned()),
        operation: Operation::Delete { resource: Link::Id(Id("old".to_owned())), kind: Kind::TargetGroup },
        address: Address::target_group("blue@old"),
        after: vec![After { step: StepId("ModifyTargetGroup target_group/blue".to_owned()), why: "it was".to_owned() }],
        before: vec![Gate::Settled { at_least: 0 }],
        gate: None,
        stamp: false,
        reversible: Reversible::Exact,
        why: String::new(),
    };
    assert_eq!(order::order(vec![step])[0].after, []);
}
