//! What deleting does: what lives in a resource goes with it, and what is in use stays.
//!
//! It sees the uses that the snapshot shows, and no others.

use super::super::{Facts, Snapshot};
use super::{Refusal, existing};
use crate::model::kind::{Direction, Peer};
use crate::model::{Id, Kind, Link, Spec};

pub(super) fn effect(snapshot: &mut Snapshot, resource: &Link, kind: Kind) -> Result<(), Refusal> {
    let live = existing(snapshot, resource)?;
    let Some(id) = resource.id().cloned() else { return Err(Refusal::not_found(resource)) };
    if live.spec.kind() != kind {
        return Err(Refusal::not_found(resource));
    }
    match kind {
        Kind::LoadBalancer => load_balancer(snapshot, &id)?,
        Kind::Listener => listener(snapshot, &id),
        Kind::Rule => {}
        Kind::TargetGroup => target_group(snapshot, &id)?,
        Kind::SecurityGroup => security_group(snapshot, &id)?,
        Kind::Certificate | Kind::Target => {
            return Err(Refusal::new("Unsupported", "no502 deletes neither certificates nor targets", "design"));
        }
    }
    snapshot.found.remove(&id);
    Ok(())
}

fn load_balancer(snapshot: &mut Snapshot, id: &Id) -> Result<(), Refusal> {
    let protected =
        snapshot.found.get(id).and_then(|live| live.spec.load_balancer()).is_some_and(|lb| {
            lb.attributes.get("deletion_protection.enabled").is_some_and(|enabled| enabled == "true")
        });
    if protected {
        return Err(Refusal::new("OperationNotPermitted", "deletion protection is on", "API: DeleteLoadBalancer"));
    }
    let under = Link::Id(id.clone());
    let listeners: Vec<Id> =
        snapshot.listeners().filter(|(_, l)| l.load_balancer == under).map(|(id, _)| id.clone()).collect();
    for id in listeners {
        listener(snapshot, &id);
        snapshot.found.remove(&id);
    }
    for live in snapshot.found.values_mut() {
        if let Facts::TargetGroup { load_balancers } = &mut live.facts {
            load_balancers.retain(|lb| lb != id);
        }
    }
    Ok(())
}

fn listener(snapshot: &mut Snapshot, id: &Id) {
    let under = Link::Id(id.clone());
    snapshot.found.retain(|_, live| live.spec.rule().is_none_or(|rule| rule.listener != under));
}

fn target_group(snapshot: &mut Snapshot, id: &Id) -> Result<(), Refusal> {
    let link = Link::Id(id.clone());
    let in_rules = snapshot.rules().filter_map(|(_, rule)| rule.action.as_ref());
    let in_defaults = snapshot.listeners().filter_map(|(_, listener)| listener.default.as_ref());
    let forwarded = in_rules.chain(in_defaults).any(|action| action.groups().any(|(group, _)| *group == link));
    // a load balancer that was not read may forward to it too
    let unseen = match snapshot.found.get(id).map(|live| &live.facts) {
        Some(Facts::TargetGroup { load_balancers }) => load_balancers.iter().any(|lb| !snapshot.found.contains_key(lb)),
        Some(_) | None => false,
    };
    if forwarded || unseen {
        let message = "a listener or a rule forwards to the target group";
        return Err(Refusal::new("ResourceInUse", message, "API: DeleteTargetGroup"));
    }
    snapshot.found.retain(|_, live| live.spec.target().is_none_or(|target| target.target_group != link));
    snapshot.leaving.remove(id);
    Ok(())
}

fn security_group(snapshot: &Snapshot, id: &Id) -> Result<(), Refusal> {
    let link = Link::Id(id.clone());
    let on_balancer = snapshot.load_balancers().any(|(_, lb)| lb.security_groups.iter().flatten().any(|g| *g == link));
    let on_interface = snapshot.interfaces.iter().flatten().any(|(_, interface)| interface.groups.contains(id));
    let names_it = |spec: &Spec| {
        let group = spec.security_group();
        let rules = group.into_iter().flat_map(|group| Direction::ALL.map(|d| group.rules(d)));
        rules.flatten().flatten().any(|rule| rule.peer == Peer::Group(link.clone()))
    };
    let in_rules = snapshot.found.iter().any(|(other, live)| other != id && names_it(&live.spec));
    if on_balancer || on_interface || in_rules {
        let message = format!("{id} is used by a load balancer, a network interface or another group's rule");
        return Err(Refusal::new("DependencyViolation", message, "API (EC2): DeleteSecurityGroup"));
    }
    Ok(())
}
