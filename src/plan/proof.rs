//! Proving a health check before it decides: by a probe that reaches the targets, else by a copy of the group that has it
//! first, with the same targets, so that AWS says what it makes of them. What a probe sees failing is held. A group without a healthy target has nothing to lose, and is changed at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::asked::Trial;
use super::build::{Builder, TARGETS_PER_CALL};
use super::delete::{action, forwards, is_delete};
use super::{After, Gate, Held, Reversible, stage};
use crate::cloud::Operation;
use crate::diff::ownership;
use crate::model::kind::{CheckChange, HealthCheck, Target, TargetGroup};
use crate::model::tag::{ID_TAG, is_reserved};
use crate::model::value::ProtocolVersion;
use crate::model::{Address, Kind, StepId};

/// What stands in a copy's address, and in no key of the files.
const COPY: &str = "@proof-";

/// Whether a group is a copy that proves something: no request is ever sent to it.
pub(super) fn is_copy(group: &Address) -> bool {
    group.kind == Kind::TargetGroup && group.name.contains(COPY)
}

/// What a proof needs.
struct Proof {
    group: Address,
    live: TargetGroup,
    check: HealthCheck,
    healthy: Vec<Target>,
    listener: Address,
    /// The step that it proves.
    step: StepId,
}

/// Adds a proof for each change of a health check that may make healthy targets unhealthy.
pub(super) fn prove(b: &mut Builder<'_>) {
    let changes: Vec<Proof> = b.built.steps.iter().filter_map(|step| needed(b, step)).collect();
    for proof in changes {
        if tried(b, &proof) {
            continue;
        }
        let balancer = proof.listener.parent();
        let staged = b
            .built
            .steps
            .iter()
            .filter(|s| stage::is_stage(&s.address) && matches!(s.operation, Operation::CreateRule { .. }));
        if balancer.is_some_and(|balancer| stage::room(b, &balancer) <= staged.count()) {
            let because = "AWS takes 100 rules on a load balancer, so that there is no room for the one that would prove \
                           the new health check: remove a rule first";
            hold(b, &proof, because.to_owned());
            continue;
        }
        one(b, &proof);
    }
}

/// The check stays as it is.
fn hold(b: &mut Builder<'_>, proof: &Proof, because: String) {
    b.built.held.push(Held { address: proof.group.clone(), because });
    b.built.steps.retain(|step| step.id != proof.step);
}

/// Whether a probe decides it. Another port is nothing that it can prove: what lets the probe in need not let the load
/// balancer in.
fn tried(b: &mut Builder<'_>, proof: &Proof) -> bool {
    let check = proof.check.clone().over(&proof.live.health_check);
    // AWS's defaults
    let usual = if proof.live.protocol_version == Some(ProtocolVersion::Grpc) { "12" } else { "200" };
    let codes = check.success_codes.clone().or_else(|| usual.parse().ok());
    let trials: Vec<(Address, Trial)> = proof
        .healthy
        .iter()
        .map(|target| Address::target(&proof.group.name, &target.id, target.port))
        .map(|address| (address.clone(), b.options.asked.trial(&address, codes.as_ref())))
        .collect();
    let failed = trials.iter().find_map(|(address, trial)| match trial {
        Trial::Fails(why) => Some((address, why)),
        Trial::Passes | Trial::Unknown => None,
    });
    if let Some((address, why)) = failed {
        let because = format!(
            "a probe made the new health check, and a healthy target fails it: {address} ({why}). It would be taken out \
             of service: mend the application or the check first"
        );
        hold(b, proof, because);
        return true;
    }
    if proof.live.health_check.port != check.port || trials.iter().any(|(_, trial)| *trial != Trial::Passes) {
        return false;
    }
    if let Some(step) = b.built.steps.iter_mut().find(|step| step.id == proof.step) {
        step.why = format!("{}; a probe saw every healthy target pass it", step.why);
    }
    true
}

fn needed(b: &Builder<'_>, step: &super::Step) -> Option<Proof> {
    let Operation::ModifyTargetGroup { health_check, .. } = &step.operation else { return None };
    let live = b.bound.live.get(&step.address)?.spec.target_group()?;
    let healthy: Vec<Target> = b.healthy(&step.address).cloned().collect();
    if healthy.is_empty() || live.health_check.change_to(health_check) != CheckChange::Risky {
        return None;
    }
    let uses = |address: &Address| {
        let live = b.bound.live.get(address).and_then(|live| action(&live.spec));
        live.is_some_and(|action| forwards(action, &step.address)) && !stage::is_stage(address)
    };
    let user = b.bound.live.keys().find(|address| uses(address))?;
    let listener = if user.kind == Kind::Rule { user.parent()? } else { user.clone() };
    let check = health_check.clone();
    Some(Proof { group: step.address.clone(), live: live.clone(), check, healthy, listener, step: step.id.clone() })
}

fn one(b: &mut Builder<'_>, proof: &Proof) {
    let Proof { group, live, check, healthy, listener, step } = proof;
    let digits = ownership::short_hash(&json!([live.name, check, live.port, live.protocol]).to_string());
    let name = TargetGroup::successor_name(&live.name, &digits);
    let copy = Address::target_group(&format!("{}{COPY}{}", group.name, &digits[..8]));
    let why = format!("a copy of {group} has the new health check first");
    // a run that was stopped may have left one; it goes in the end, as what no file mentions
    let is_new = !b.bound.live.contains_key(&copy);
    if is_new {
        create(b, &copy, &why, TargetGroup { name, health_check: check.clone(), ..live.clone() });
    }
    let there: BTreeSet<String> = b.registered(&copy).map(|(target, _)| target.label()).collect();
    let missing = healthy.iter().filter(|target| !there.contains(&target.label())).cloned();
    let missing: Vec<Target> = missing.map(|target| Target { target_group: b.link(&copy), ..target }).collect();
    for (part, chunk) in missing.chunks(TARGETS_PER_CALL).enumerate() {
        let call = Operation::RegisterTargets { target_group: b.link(&copy), targets: chunk.to_vec() };
        b.push_part(&copy, call, part, why.clone());
    }
    if is_new {
        let delete = Operation::Delete { resource: b.link(&copy), kind: Kind::TargetGroup };
        b.push(&copy, delete, "it has proven the health check").reversible = Reversible::Exact;
    }
    let stage = stage::address(listener, &copy);
    if b.bound.live.contains_key(&stage) {
        let gate = Gate::TargetsHealthy { group: b.link(&copy), at_least: healthy.len(), leaving: BTreeSet::new() };
        wait(b, step, None, Some(gate));
    } else {
        let staged = stage::prove(b, listener, &copy, healthy.len());
        wait(b, step, Some(staged), None);
    }
    let why = "the copy goes once it has proven the health check".to_owned();
    for later in
        b.built.steps.iter_mut().filter(|s| is_delete(&s.operation) && (s.address == copy || s.address == stage))
    {
        later.after.push(After { step: step.clone(), why: why.clone() });
    }
}

fn create(b: &mut Builder<'_>, copy: &Address, why: &str, spec: TargetGroup) {
    let mut tags = spec.tags.clone();
    tags.retain(|key, _| !is_reserved(key));
    tags.insert(ID_TAG.to_owned(), ownership::id_tag(&b.desired.stack, copy));
    let spec = TargetGroup { attributes: BTreeMap::new(), tags, ..spec }.map_links(&mut |link| b.known(link));
    let created = b.push(copy, Operation::CreateTargetGroup { spec }, why).id.clone();
    b.creates_now(copy, &created);
}

/// Lets the change of the check wait for its proof.
fn wait(b: &mut Builder<'_>, step: &StepId, staged: Option<StepId>, gate: Option<Gate>) {
    let why = "a health check that fails on healthy targets takes them out of service".to_owned();
    if let Some(step) = b.built.steps.iter_mut().find(|s| s.id == *step) {
        step.after.extend(staged.map(|staged| After { step: staged, why }));
        step.before.extend(gate);
    }
}
