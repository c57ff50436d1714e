//! Estates on the simulation: how one comes to be live, what others have done there, and a plan's steps in any order
//! that its edges allow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use no502::cloud::simulate::{Refusal, World, apply_to};
use no502::cloud::{Facts, Identity, Snapshot};
use no502::desired::{Inputs, Resolved, load};
use no502::model::kind::HeaderCondition;
use no502::model::{HealthState, Id, SecretRef, Spec, TargetHealth, Text};
use no502::plan::{Guard, Options, Plan, Step, arrive, pass, plan};

use super::account;

const SECRET: &str = "s3cret";

/// The meaning of a file; it must have one.
pub fn read(file: &str, secrets: &BTreeMap<String, String>) -> Resolved {
    let secrets = |source: &SecretRef, _: &std::path::Path| match source {
        SecretRef::Env(name) => secrets.get(name).cloned(),
        SecretRef::File(_) => None,
    };
    let inputs = Inputs {
        paths: vec![PathBuf::from("-")],
        stdin: Some(file.as_bytes().to_vec()),
        variables: BTreeMap::new(),
        secrets: &secrets,
        now: None,
    };
    match load(&inputs) {
        Ok((resolved, _)) => resolved,
        Err(problems) => {
            let all: Vec<&str> = problems.list.iter().map(|p| p.message.as_str()).collect();
            panic!("the file is refused: {all:#?}\n{file}")
        }
    }
}

/// The values behind the files' secrets.
pub fn secrets() -> BTreeMap<String, String> {
    let all = ["ORIGIN_SECRET", "OIDC_SECRET"];
    all.map(|name| (name.to_owned(), SECRET.to_owned())).into()
}

/// The plan, with leave to delete load balancers.
pub fn planned(desired: &Resolved, snapshot: &Snapshot) -> Plan {
    let options = Options { allowed: vec![Guard::DeleteLoadBalancer, Guard::BlastRadius], ..Options::default() };
    planned_with(desired, snapshot, &options)
}

/// The plan.
pub fn planned_with(desired: &Resolved, snapshot: &Snapshot, options: &Options) -> Plan {
    let identity = Identity {
        account: account::NUMBER.into(),
        region: account::REGION.into(),
        arn: format!("arn:aws:iam::{}:user/test", account::NUMBER),
    };
    let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    match plan(desired, snapshot.clone(), identity, now, options) {
        Ok(plan) => plan,
        Err(problems) => {
            let all: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
            panic!("no plan can be made: {all:#?}")
        }
    }
}

/// The world after all steps, each taken by `choose` from those that need not wait.
pub fn after(
    snapshot: &Snapshot,
    steps: &[Step],
    mut choose: impl FnMut(usize) -> usize,
) -> Result<Snapshot, (String, Refusal)> {
    let mut world = World { snapshot: snapshot.clone(), ..World::default() };
    let mut waiting: Vec<&Step> = steps.iter().collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    while !waiting.is_empty() {
        let ready = |step: &&Step| step.after.iter().all(|a| done.contains(a.step.0.as_str()));
        let ready: Vec<usize> = (0..waiting.len()).filter(|index| ready(&waiting[*index])).collect();
        assert!(!ready.is_empty(), "these wait for each other: {waiting:#?}");
        let step = waiting.remove(ready[choose(ready.len())]);
        arrive(&mut world, step);
        if let Err(refusal) = apply_to(&mut world, &step.id, &step.operation) {
            return Err((step.id.to_string(), refusal));
        }
        pass(&mut world, step);
        done.insert(step.id.0.as_str());
    }
    reveal(&mut world.snapshot);
    Ok(world.snapshot)
}

/// AWS tells the values of header conditions, secret or not.
fn reveal(snapshot: &mut Snapshot) {
    for live in snapshot.found.values_mut() {
        let Spec::Rule(rule) = &mut live.spec else { continue };
        let Some(when) = &mut rule.when else { continue };
        when.header = std::mem::take(&mut when.header)
            .into_iter()
            .map(|header| {
                let told = |value: Text| if value.is_secret() { Text::Plain(SECRET.to_owned()) } else { value };
                HeaderCondition { values: header.values.into_iter().map(told).collect(), ..header }
            })
            .collect();
    }
}

/// The health of every target, in turn.
pub fn check_health(snapshot: &mut Snapshot, healthy: &[bool]) {
    let mut healthy = healthy.iter().copied().cycle();
    for live in snapshot.found.values_mut() {
        if let Facts::Target(health) = &mut live.facts {
            let state = if healthy.next().unwrap_or(true) { HealthState::Healthy } else { HealthState::Unhealthy };
            *health = TargetHealth { state: Some(state), ..TargetHealth::default() };
        }
    }
}

/// The spec of everything, in one text each.
pub fn written(snapshot: &Snapshot) -> BTreeMap<Id, String> {
    snapshot.found.iter().map(|(id, live)| (id.clone(), serde_json::to_string(&live.spec).unwrap())).collect()
}
