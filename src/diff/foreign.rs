//! Why something must be left as it is: somebody else owns it, fills it, or it cannot be written back.

use super::bind::Bound;
use super::ownership::{self, Owner};
use super::{Obstacle, Verdict};
use crate::cloud::{Facts, Gap, Hidden, Snapshot};
use crate::desired::Resolved;
use crate::model::kind::TargetGroup;
use crate::model::{Address, FieldChange, Id, Kind, Spec};

/// Why a declared resource, or a target, must be left as it is.
pub(super) fn obstacle(desired: &Resolved, bound: &Bound, address: &Address, verdict: &Verdict) -> Option<Obstacle> {
    if let Some(why) = bound.held.get(address) {
        return Some(Obstacle::Held(why.clone()));
    }
    let live = bound.live.get(address).map(|live| &live.spec);
    let group = if address.kind == Kind::Target { address.parent() } else { None };
    if let Some(why) = group.as_ref().and_then(|group| bound.fed.get(group)) {
        return Some(Obstacle::Fed(why.clone()));
    }
    beyond(live, verdict.fields()).or_else(|| owned(desired, bound, address, verdict))
}

/// A list of actions is written whole: what the language cannot say would be lost.
fn beyond(live: Option<&Spec>, changes: &[FieldChange]) -> Option<Obstacle> {
    let default_changes = changes.iter().any(|f| f.path.within(&"default".into()));
    let beyond = match live {
        Some(Spec::Rule(rule)) if !changes.is_empty() => &rule.beyond,
        Some(Spec::Listener(listener)) if default_changes => &listener.beyond,
        Some(_) | None => return None,
    };
    let parts: Vec<&str> = beyond.iter().map(String::as_str).collect();
    let why = format!("on AWS it has settings that this version cannot write back ({})", parts.join(", "));
    (!parts.is_empty()).then_some(Obstacle::Held(why))
}

/// Another stack or tool owns the resource, or what it would be created in.
fn owned(desired: &Resolved, bound: &Bound, address: &Address, verdict: &Verdict) -> Option<Obstacle> {
    let lineage = std::iter::successors(Some(address.clone()), Address::parent);
    for (above, ancestor) in lineage.enumerate() {
        let Some(tags) = bound.live.get(&ancestor).and_then(|live| live.spec.tags()) else { continue };
        let of = if above == 0 { "it".to_owned() } else { ancestor.to_string() };
        match ownership::owner(tags, &desired.stack) {
            Owner::OtherStack(stack) => {
                // what this stack has put into what another one owns, it may take away again
                let takes_back = above > 0 && *verdict == Verdict::Delete;
                let shared = desired.existing.contains(&ancestor) && (above > 0 || only_adds(address, verdict));
                let shared = shared || takes_back;
                if !shared {
                    return Some(Obstacle::ForeignOwner(format!("{of} belongs to the stack `{stack}`")));
                }
            }
            Owner::Controller(tool) => {
                return Some(Obstacle::ForeignOwner(format!("{of} is reconciled by {tool}; make the change there")));
            }
            Owner::Ours(_) | Owner::Nobody => {}
        }
    }
    None
}

/// Whether a change only touches rules of a security group: each stack has its own there.
fn only_adds(address: &Address, verdict: &Verdict) -> bool {
    let rules = |field: &FieldChange| matches!(field.path.as_str(), "ingress" | "egress");
    address.kind == Kind::SecurityGroup && verdict.fields().iter().all(rules)
}

/// Why something that no file mentions cannot be deleted.
pub(super) fn undeletable(
    desired: &Resolved,
    snapshot: &Snapshot,
    bound: &Bound,
    address: &Address,
) -> Option<Obstacle> {
    let live = bound.live.get(address)?;
    if let Spec::LoadBalancer(balancer) = &live.spec
        && balancer.attributes.get("deletion_protection.enabled").is_some_and(|on| on == "true")
    {
        let why = "its deletion protection is on: turn it off on AWS, or declare it once more with `attributes: { deletion_protection.enabled: false }`";
        return Some(Obstacle::Held(why.to_owned()));
    }
    if let Some(why) = bound.fed.get(address) {
        return Some(Obstacle::Fed(why.clone()));
    }
    let is_within = |other: &Address| {
        std::iter::successors(Some(other.clone()), Address::parent).any(|ancestor| ancestor == *address)
    };
    if let Some(gap) = snapshot.incomplete().find(|gap| hides(bound, gap, &is_within)) {
        return Some(Obstacle::Held(format!("what lives in it is not fully known: {}", gap.error)));
    }
    let mut rules = live.facts.group_rules().iter().filter_map(|rule| Some((&rule.rule, rule.stack.as_ref()?)));
    if let Some((rule, stack)) = rules.find(|(_, stack)| **stack != desired.stack) {
        let because = format!("its rule {rule} belongs to the stack `{stack}`");
        return Some(Obstacle::ForeignOwner(because));
    }
    let foreign = bound.live.iter().filter(|(other, _)| *other != address && is_within(other));
    for (other, live) in foreign {
        let Some(tags) = live.spec.tags() else { continue };
        match ownership::owner(tags, &desired.stack) {
            Owner::OtherStack(stack) => {
                return Some(Obstacle::ForeignOwner(format!("{other} in it belongs to the stack `{stack}`")));
            }
            Owner::Controller(tool) => {
                return Some(Obstacle::ForeignOwner(format!("{other} in it is reconciled by {tool}")));
            }
            Owner::Ours(_) | Owner::Nobody => {}
        }
    }
    None
}

fn hides(bound: &Bound, gap: &Gap, is_within: &dyn Fn(&Address) -> bool) -> bool {
    match &gap.hidden {
        Hidden::Resource(id) | Hidden::Children(id, _) => bound.names.get(id).is_some_and(is_within),
        Hidden::Kind(_)
        | Hidden::Lookups
        | Hidden::Interfaces
        | Hidden::Acls
        | Hidden::Routes
        | Hidden::PrefixLists
        | Hidden::Owned => false,
    }
}

/// Who fills a target group, if somebody does: Auto Scaling tags the instances it starts, ECS describes the
/// network interfaces of its tasks. Neither tags the group.
pub(super) fn feeder(snapshot: &Snapshot, group: &Id) -> Option<String> {
    let targets = snapshot.targets().filter(|(_, target)| target.target_group.id() == Some(group));
    for (_, target) in targets {
        if let Some(scaling) = snapshot.scaled.get(&target.id) {
            return Some(format!("the Auto Scaling group `{scaling}` fills it ({})", target.id));
        }
        let interface = target.id.parse().ok().and_then(|address| snapshot.interfaces.as_ref()?.get(&address));
        let description = interface.and_then(|interface| interface.description.as_deref());
        if description.is_some_and(|words| words.starts_with("arn:aws") && words.contains(":ecs:")) {
            return Some(format!("an ECS service fills it ({})", target.id));
        }
    }
    None
}

/// Whether a group is in use by a load balancer that was not read.
pub(super) fn used_unseen(group: &TargetGroup, facts: &Facts, snapshot: &Snapshot) -> Option<Obstacle> {
    let Facts::TargetGroup { load_balancers } = facts else { return None };
    let unseen = load_balancers.iter().find(|id| !snapshot.found.contains_key(id))?;
    Some(Obstacle::Held(format!("the load balancer {} still uses {}", unseen.short(), group.name)))
}
