//! A pure simulation of AWS: what an operation does to a world, or why AWS would refuse it.
//!
//! Plans are rehearsed on it before anyone sees them, apply uses it to know what a resource must look
//! like just before a write, and offline tests use it as their cloud. It is a hypothesis about AWS: each
//! refusal names its source. It does not simulate time, health or money.

mod association;
mod balancer;
mod delete;
mod group;
mod login;
mod refusal;

use std::collections::BTreeMap;

pub use refusal::Refusal;

use super::{Facts, Live, Operation, Output, Snapshot};
use crate::model::{Id, Link, Spec, StepId};

/// A live view, and what the steps so far returned.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The live view.
    pub snapshot: Snapshot,
    /// What each step returned.
    pub outputs: BTreeMap<StepId, Output>,
}

/// Does one operation to the world, under a made-up id where it creates something.
///
/// # Errors
/// Why AWS would refuse; the world is then as it was.
pub fn apply_to(world: &mut World, step: &StepId, operation: &Operation) -> Result<Output, Refusal> {
    let operation = resolve(world, operation)?;
    let output = made_up(&world.snapshot, &operation, step);
    let mut next = world.snapshot.clone();
    effect(&mut next, &operation, &output)?;
    world.snapshot = next;
    world.outputs.insert(step.clone(), output.clone());
    Ok(output)
}

/// Does one operation to the world as [`apply_to`] does, without keeping a way back, which costs a copy of the view.
/// Returns the operation with every late value.
///
/// # Errors
/// Why AWS would refuse; the world is then of no more use.
pub fn advance(world: &mut World, step: &StepId, operation: &Operation) -> Result<Operation, Refusal> {
    let operation = resolve(world, operation)?;
    let output = made_up(&world.snapshot, &operation, step);
    effect(&mut world.snapshot, &operation, &output)?;
    world.outputs.insert(step.clone(), output);
    Ok(operation)
}

/// Does an operation to the world with the output that AWS gave.
///
/// # Errors
/// Why the simulation thinks AWS should have refused; the world is then as it was.
pub fn record(world: &mut World, step: &StepId, operation: &Operation, output: &Output) -> Result<(), Refusal> {
    let operation = resolve(world, operation)?;
    world.outputs.insert(step.clone(), output.clone());
    effect(&mut world.snapshot, &operation, output)
}

/// The operation with every late value filled in.
///
/// # Errors
/// A step whose output is needed has not run.
pub fn resolve(world: &World, operation: &Operation) -> Result<Operation, Refusal> {
    let mut missing = None;
    let resolved = operation.clone().map_links(&mut |link| match link {
        Link::Step(step) => match world.outputs.get(&step).and_then(|output| output.id.clone()) {
            Some(id) => Link::Id(id),
            None => {
                missing = Some(step.clone());
                Link::Step(step)
            }
        },
        link @ (Link::Id(_) | Link::Address(_) | Link::Select(_)) => link,
    });
    missing.map_or(Ok(resolved), |step| Err(Refusal::unresolved(&step)))
}

fn effect(snapshot: &mut Snapshot, operation: &Operation, output: &Output) -> Result<(), Refusal> {
    match operation {
        Operation::CreateSecurityGroup { .. }
        | Operation::Authorize { .. }
        | Operation::Describe { .. }
        | Operation::Revoke { .. }
        | Operation::TagRules { .. }
        | Operation::ImportCertificate { .. }
        | Operation::RequestCertificate { .. }
        | Operation::CreateTargetGroup { .. }
        | Operation::ModifyTargetGroup { .. }
        | Operation::ModifyTargetGroupAttributes { .. }
        | Operation::RegisterTargets { .. }
        | Operation::DeregisterTargets { .. } => group::effect(snapshot, operation, output),
        Operation::CreateLoadBalancer { .. }
        | Operation::ModifyLoadBalancerAttributes { .. }
        | Operation::SetSecurityGroups { .. }
        | Operation::SetSubnets { .. }
        | Operation::SetIpAddressType { .. }
        | Operation::ModifyIpPools { .. }
        | Operation::ModifyCapacityReservation { .. }
        | Operation::CreateListener { .. }
        | Operation::ModifyListener { .. }
        | Operation::AddListenerCertificate { .. }
        | Operation::RemoveListenerCertificate { .. }
        | Operation::ModifyListenerAttributes { .. }
        | Operation::CreateRule { .. }
        | Operation::ModifyRule { .. }
        | Operation::SetRulePriorities { .. } => balancer::effect(snapshot, operation, output),
        Operation::AddTags { resource, tags, .. } => {
            let live = existing(snapshot, resource)?;
            if let Some(have) = live.spec.tags_mut() {
                have.extend(tags.clone());
            }
            Ok(())
        }
        Operation::RemoveTags { resource: Link::Id(id), .. } if id.as_str().starts_with("sgr-") => {
            for live in snapshot.found.values_mut() {
                group::tag_rules(live, &[id.clone()].into(), None);
            }
            Ok(())
        }
        Operation::RemoveTags { resource, keys, .. } => {
            let live = existing(snapshot, resource)?;
            if let Some(have) = live.spec.tags_mut() {
                have.retain(|key, _| !keys.contains(key));
            }
            Ok(())
        }
        Operation::Delete { resource, kind } => delete::effect(snapshot, resource, *kind),
    }
}

/// An id in AWS's form, so that names can be read out of it, that nothing has yet: an earlier plan may have had a step
/// of the same name.
fn made_up(snapshot: &Snapshot, operation: &Operation, step: &StepId) -> Output {
    let base: String = step.0.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let numbered = (2_u32..).map(|number| format!("{base}-{number}"));
    let mut outputs = std::iter::once(base.clone()).chain(numbered).map(|unique| named(operation, &unique));
    let free = |output: &Output| output.id.as_ref().is_none_or(|id| !snapshot.found.contains_key(id));
    outputs.find(free).unwrap_or_default()
}

fn named(operation: &Operation, unique: &str) -> Output {
    let elb = |rest: String| Id(format!("arn:aws:elasticloadbalancing:simulated:000000000000:{rest}"));
    let id = match operation.created() {
        None => None,
        Some(Spec::LoadBalancer(lb)) => Some(elb(format!("loadbalancer/app/{}/{unique}", lb.name))),
        Some(Spec::TargetGroup(group)) => Some(elb(format!("targetgroup/{}/{unique}", group.name))),
        Some(Spec::Listener(l)) => Some(elb(format!("listener/app/{}/{unique}", l.load_balancer))),
        Some(Spec::Rule(rule)) => Some(elb(format!("listener-rule/app/{}/{unique}", rule.listener))),
        Some(Spec::Certificate(_)) => Some(Id(format!("arn:aws:acm:simulated:000000000000:certificate/{unique}"))),
        Some(Spec::SecurityGroup(_)) => Some(Id(format!("sg-{:016x}", digest(unique)))),
        Some(Spec::Target(_)) => None,
    };
    Output { id, dns_name: None }
}

/// Ids of security groups are hexadecimal, and files take no others (FNV-1a, 64 bits).
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The live resource that a link names.
fn existing<'s>(snapshot: &'s mut Snapshot, link: &Link) -> Result<&'s mut Live, Refusal> {
    let id = link.id().ok_or_else(|| Refusal::not_found(link))?;
    snapshot.found.get_mut(id).ok_or_else(|| Refusal::not_found(link))
}

fn create(snapshot: &mut Snapshot, output: &Output, spec: impl Into<Spec>, facts: Facts) {
    if let Some(id) = &output.id {
        snapshot.insert(id.clone(), spec, facts);
    }
}
