//! What security groups let through: clients to a load balancer, a load balancer to its targets.
//!
//! Groups allow only, and several add up; answers to what was let in go out by themselves. Routes and network ACLs
//! are not looked at. Sources: API (EC2) `DescribeSecurityGroupRules`; user guides "Security groups for your
//! Application Load Balancer", "Register targets".

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::condition::Fits;
use crate::cloud::{Interface, Snapshot};
use crate::model::kind::{Direction, LoadBalancer, Peer, Target, TrafficRule};
use crate::model::{Id, Link};

/// One end of a connection: its groups if they are known, and its addresses or the networks they are in.
struct End<'s> {
    groups: Option<Vec<&'s Id>>,
    networks: Vec<IpNet>,
}

/// Whether a client reaches a listener's port.
pub(super) fn client(snapshot: &Snapshot, balancer: &LoadBalancer, port: u16, source: IpAddr) -> Fits {
    let groups = match snapshot.interfaces.as_ref().and_then(|all| all.get(&source)) {
        Some(interface) => Some(interface.groups.iter().collect()),
        // rules that name groups are about private addresses
        None if is_private(source) => None,
        None => Some(Vec::new()),
    };
    let Some(doors) = doors(balancer) else { return Fits::CannotTell };
    admits(snapshot, &doors, Direction::Ingress, port, &End { groups, networks: vec![IpNet::from(source)] })
}

/// Whether a load balancer reaches a target at the port that receives traffic.
pub(super) fn target(snapshot: &Snapshot, balancer: &LoadBalancer, target: &Target, port: u16) -> Fits {
    let address = target.id.parse::<IpAddr>().ok();
    let interfaces = snapshot.interfaces.as_ref();
    let found: Option<(&IpAddr, &Interface)> = match address {
        Some(address) => interfaces.and_then(|all| all.get_key_value(&address)),
        None => {
            let mine = |interface: &Interface| interface.instance.as_deref() == Some(target.id.as_str());
            interfaces.and_then(|all| all.iter().find(|(_, interface)| mine(interface)))
        }
    };
    let groups: Option<Vec<&Id>> = found.map(|(_, interface)| interface.groups.iter().collect());
    let networks = address.or_else(|| found.map(|(address, _)| *address)).map(IpNet::from).into_iter().collect();
    let there = End { groups, networks };
    let Some(doors) = doors(balancer) else { return Fits::CannotTell };
    let out = admits(snapshot, &doors, Direction::Egress, port, &there);
    let subnets = balancer.subnets.iter().flatten().map(|link| snapshot.subnets.get(link.id()?)?.cidr.parse().ok());
    let nodes = End { groups: Some(doors), networks: subnets.collect::<Option<Vec<_>>>().unwrap_or_default() };
    let inside = match &there.groups {
        Some(groups) => admits(snapshot, groups, Direction::Ingress, port, &nodes),
        None => Fits::CannotTell,
    };
    Fits::all([out, inside])
}

/// A load balancer's groups; `None` if they are not known.
fn doors(balancer: &LoadBalancer) -> Option<Vec<&Id>> {
    balancer.security_groups.as_ref()?.iter().map(Link::id).collect()
}

fn admits(snapshot: &Snapshot, groups: &[&Id], direction: Direction, port: u16, peer: &End<'_>) -> Fits {
    if groups.is_empty() {
        return Fits::CannotTell;
    }
    Fits::any(groups.iter().map(|id| {
        let group = snapshot.found.get(*id).and_then(|live| live.spec.security_group());
        match group.and_then(|group| group.rules(direction)) {
            Some(rules) => {
                let rules: Vec<&TrafficRule> = rules.iter().filter(|rule| rule.admits_tcp(port)).collect();
                admit(&rules, peer)
            }
            None => Fits::CannotTell,
        }
    }))
}

/// Nodes of a load balancer may have any address of its subnets: each of the networks must be let through.
fn admit(rules: &[&TrafficRule], peer: &End<'_>) -> Fits {
    let nets: BTreeSet<&IpNet> =
        rules.iter().filter_map(|rule| if let Peer::Cidr(net) = &rule.peer { Some(net) } else { None }).collect();
    let within = |network: &IpNet| nets.iter().any(|net| net.contains(network));
    if !peer.networks.is_empty() && peer.networks.iter().all(within) {
        return Fits::Yes;
    }
    // of several networks some may be let through
    let part = nets.iter().any(|net| peer.networks.iter().any(|n| net.contains(n) || n.contains(*net)));
    let named = rules.iter().filter_map(|rule| match (&rule.peer, &peer.groups) {
        (Peer::Group(link), Some(groups)) => Some(Fits::known(link.id().is_some_and(|id| groups.contains(&id)))),
        (Peer::Group(_), None) | (Peer::PrefixList(_), _) => Some(Fits::CannotTell),
        (Peer::Cidr(_), _) => None,
    });
    let unplaced = peer.networks.is_empty() && !nets.is_empty();
    let rest = if part || unplaced { Fits::CannotTell } else { Fits::No };
    Fits::any(named.chain([rest]))
}

const fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}
