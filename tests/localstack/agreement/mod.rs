//! The simulation and LocalStack agree: random sequences of operations, right and wrong ones, lead to the same state or
//! to the same refusal on both.
//!
//! `NO502_AGREEMENT=2000 cargo test agreement` tries more sequences than the usual ones; the seed is fixed.

mod dice;
mod moves;

use std::collections::BTreeMap;
use std::sync::Arc;

use no502::aws::{AccessKey, Aws, Options};
use no502::cloud::simulate::{World, apply_to, record};
use no502::cloud::{CloudError, CloudErrorKind, Operation, Read as _, Scope, Snapshot, Vpc, Write as _};
use no502::model::kind::{LoadBalancer, Target};
use no502::model::{Id, Spec, StepId};

use super::stack::{Stack, self_signed};
use crate::support::account::REGION;
use crate::support::localstack::endpoint;
use crate::support::wait_for;
use dice::Dice;
use moves::Ground;

const SEQUENCES: u64 = 240;
const LENGTH: u32 = 9;
/// Accounts that work side by side: a refusal that may pass is waited for, so that most of the time is waiting.
const SIDES: u64 = 24;

fn connect(account: &str) -> Aws {
    let options = Options {
        region: Some(REGION.into()),
        endpoint_url: Some(endpoint().into()),
        access_key: Some(AccessKey { id: account.into(), secret: "test".into() }),
        max_rps: Some(1000.0),
        ..Options::default()
    };
    wait_for(Aws::connect(options, Arc::new(|_| Err("no secrets here".to_owned())))).unwrap()
}

/// What the operations stand on: a network, a security group and two certificates.
fn ground(stack: &Stack) -> Ground {
    let certificate = |name: &str| {
        let pem = self_signed(&[name]);
        let blob = |text: String| aws_sdk_acm::primitives::Blob::new(text);
        let import =
            stack.account.acm.import_certificate().certificate(blob(pem.certificate)).private_key(blob(pem.key));
        Id(wait_for(import.send()).unwrap().certificate_arn.unwrap())
    };
    Ground {
        vpc: Id(stack.vpc.clone()),
        subnets: stack.subnets.iter().cloned().map(Id).collect(),
        group: Id(stack.spare_group.clone()),
        certificates: ["a.example.com", "b.example.com"].map(certificate).to_vec(),
    }
}

/// Runs one sequence on both. Returns what they disagree about.
fn differ(aws: &Aws, ground: &Ground, seed: u64) -> Option<String> {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    world.snapshot.vpcs.insert(ground.vpc.clone(), Vpc { ipv6: true, ..Vpc::default() });
    let mut known: Vec<Id> = Vec::new();
    let mut story = String::new();
    for number in 0..LENGTH {
        let operation = moves::next(&mut dice, ground, &world.snapshot, &known, seed);
        let step = StepId(format!("{number}"));
        story.push_str(&format!("{number}. {} {}\n", operation.name(), serde_json::to_string(&operation).unwrap()));
        match wait_for(aws.execute(&operation)) {
            Ok(output) => {
                known.extend(output.id.clone());
                let is_known = output.id.as_ref().is_some_and(|id| world.snapshot.found.contains_key(id));
                if let Err(refusal) = record(&mut world, &step, &operation, &output)
                    && !is_stricter(&operation, is_known, &refusal.code)
                {
                    return Some(format!("{story}LocalStack takes it, the simulation refuses: {refusal}"));
                }
            }
            Err(error) => match apply_to(&mut world.clone(), &step, &operation) {
                Ok(_) => return Some(format!("{story}the simulation takes it, LocalStack refuses: {error}")),
                Err(refusal) if same(&refusal.code, &error) => {}
                Err(refusal) => return Some(format!("{story}two refusals: {refusal} and {error}")),
            },
        }
    }
    let scope = Scope {
        load_balancers: moves::BALANCERS.iter().map(|name| moves::name(seed, name)).collect(),
        target_groups: moves::GROUPS.iter().map(|name| moves::name(seed, name)).collect(),
        security_group_names: moves::SECURITY_GROUPS.iter().map(|name| moves::name(seed, name)).collect(),
        ..Scope::default()
    };
    let live = wait_for(aws.fetch(&scope)).unwrap();
    assert!(live.gaps.is_empty(), "{:?}", live.gaps);
    let (real, simulated) = (specs(&live), specs(&world.snapshot));
    if real == simulated {
        return None;
    }
    let side = |state: &BTreeMap<Id, Spec>, other: &BTreeMap<Id, Spec>| {
        let only = state.iter().filter(|(id, spec)| other.get(*id) != Some(spec));
        only.map(|(id, spec)| format!("  {id} {}\n", serde_json::to_string(spec).unwrap())).collect::<String>()
    };
    Some(format!("{story}LocalStack:\n{}the simulation:\n{}", side(&real, &simulated), side(&simulated, &real)))
}

/// The resources that operations make; order within lists does not count.
fn specs(snapshot: &Snapshot) -> BTreeMap<Id, Spec> {
    let made = snapshot.found.iter().filter(|(_, live)| live.spec.certificate().is_none());
    made.map(|(id, live)| (id.clone(), in_order(live.spec.clone()))).collect()
}

fn in_order(spec: Spec) -> Spec {
    match spec {
        Spec::SecurityGroup(mut group) => {
            for rules in [&mut group.ingress, &mut group.egress].into_iter().flatten() {
                rules.sort();
            }
            Spec::SecurityGroup(group)
        }
        Spec::Listener(mut listener) => {
            listener.sni_certificates = listener.sni_certificates.filter(|list| !list.is_empty());
            if let Some(list) = &mut listener.sni_certificates {
                list.sort();
            }
            Spec::Listener(listener)
        }
        // read only where it is declared
        Spec::LoadBalancer(balancer) => LoadBalancer { minimum_capacity: None, ..*balancer }.into(),
        Spec::Target(target) => Target { zone: None, ..*target }.into(),
        other => other,
    }
}

/// Where the simulation is stricter on purpose, because a plan that does so is wrong: AWS answers a create whose like
/// is there with what is there, and what is gone already need not be taken away again.
fn is_stricter(operation: &Operation, is_known: bool, code: &str) -> bool {
    let revokes = matches!(operation, Operation::Revoke { .. });
    (is_known && code.starts_with("Duplicate")) || (revokes && code == "InvalidPermission.NotFound")
}

/// AWS names what is missing in many ways; the simulation has one word for it.
fn same(code: &str, error: &CloudError) -> bool {
    let missing = |code: &str| code.contains("NotFound");
    (missing(code) && (error.kind == CloudErrorKind::NotFound || error.code.as_deref().is_some_and(missing)))
        || error.code.as_deref() == Some(code)
}

#[test]
fn the_simulation_and_localstack_agree() {
    let sequences = std::env::var_os("NO502_AGREEMENT").map_or(SEQUENCES, |n| n.to_string_lossy().parse().unwrap());
    let found: Vec<String> = std::thread::scope(|threads| {
        let side = |side: u64| {
            threads.spawn(move || {
                let stack = Stack::prepared();
                let (aws, ground) = (connect(&stack.account.id), ground(&stack));
                let seeds = (0..sequences).filter(|seed| seed % SIDES == side);
                seeds
                    .filter_map(|seed| differ(&aws, &ground, seed).map(|what| format!("sequence {seed}\n{what}")))
                    .collect()
            })
        };
        let sides: Vec<_> = (0..SIDES).map(side).collect();
        sides.into_iter().flat_map(|side| -> Vec<String> { side.join().unwrap() }).collect()
    });
    let some: Vec<&str> = found.iter().take(6).map(String::as_str).collect();
    let ends: Vec<&str> = found.iter().filter_map(|what| what.trim_end().lines().last()).collect();
    assert!(
        found.is_empty(),
        "{} of {sequences} sequences differ\n{}\n\n{}",
        found.len(),
        ends.join("\n"),
        some.join("\n\n")
    );
}
