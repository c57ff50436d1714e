//! What is read around targets reaches the rules: their zones, those that leave, groups that have none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use no502::cloud::{Facts, Interface};
use no502::model::{HealthState, Id, TargetHealth};

use super::leaving::deployed;
use super::{STACK, desired, planned};
use crate::support::fake::Fake;

async fn rules(fake: &Fake, body: &str) -> BTreeSet<String> {
    let plan = planned(fake, &desired(body)).await;
    plan.now.findings.iter().map(|finding| finding.rule.clone()).collect()
}

/// The stack with healthy targets.
async fn healthy() -> Arc<Fake> {
    let fake = deployed(STACK).await;
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let Facts::Target(health) = &mut live.facts {
                *health = TargetHealth { state: Some(HealthState::Healthy), ..TargetHealth::default() };
            }
        }
    });
    assert_eq!(rules(&fake, STACK).await, BTreeSet::new());
    fake
}

/// The id of the group, and of a target of it.
fn target(fake: &Fake, label: &str) -> (Id, Id) {
    let snapshot = fake.snapshot();
    let (group, _) = snapshot.target_groups().next().unwrap();
    (group.clone(), Id(format!("{group}|{label}")))
}

fn only(code: &str) -> BTreeSet<String> {
    BTreeSet::from([code.to_owned()])
}

#[tokio::test(start_paused = true)]
async fn a_targets_zone_is_that_of_its_interface() {
    let fake = healthy().await;
    for (zone, found) in [("eu-west-1a", BTreeSet::new()), ("eu-west-1c", only("E905"))] {
        fake.edit(|snapshot| {
            let interface = Interface { zone: Some(zone.to_owned()), ..Interface::default() };
            snapshot.interfaces = Some(BTreeMap::from([("10.0.1.10".parse().unwrap(), interface)]));
        });
        assert_eq!(rules(&fake, STACK).await, found, "{zone}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_leaves_is_neither_there_nor_missing() {
    let fake = healthy().await;
    let (group, gone) = target(&fake, "10.0.2.10:8000");
    fake.edit(|snapshot| {
        snapshot.found.remove(&gone).unwrap();
        snapshot.leaving.insert(group, vec!["10.0.2.10:8000".to_owned()]);
    });
    assert_eq!(rules(&fake, STACK).await, only("E406"));
    let one = STACK.replace("[\"10.0.1.10\", \"10.0.2.10\"]", "[\"10.0.1.10\"]");
    assert_eq!(rules(&fake, &one).await, only("E409"));
    fake.edit(|snapshot| snapshot.leaving.clear());
    assert_eq!(rules(&fake, STACK).await, only("E114"));
}

#[tokio::test(start_paused = true)]
async fn an_empty_group_is_the_files_fault_or_its_fillers() {
    let fake = healthy().await;
    fake.edit(|snapshot| snapshot.found.retain(|_, live| live.spec.target().is_none()));
    assert_eq!(rules(&fake, STACK).await, only("E114"));
    let filled = STACK.replace("    targets: [\"10.0.1.10\", \"10.0.2.10\"]\n", "");
    assert_eq!(rules(&fake, &filled).await, only("E801"));
}
