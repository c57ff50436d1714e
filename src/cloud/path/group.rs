//! Security groups: allow-only, the rules of all groups together, and the other end by group, network or prefix list.
//!
//! A rule by group holds for every interface in that group, in the same VPC and across peering. Across a transit gateway
//! it holds only where that is switched on, which is not read: such a rule leaves the verdict open.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{Answer, Around, End, Extent, Mend, Place, Refuser, Unread};
use crate::model::Link;
use crate::model::kind::{Direction, Peer};

/// Whether the groups of one end let a connection to this port pass to, or in from, the other end.
pub(super) fn judge(
    around: Around<'_>,
    of: &End,
    direction: Direction,
    (other, transit): (&End, Option<&str>),
    port: u16,
    place: Place,
) -> Answer {
    let Some(groups) = &of.groups else { return Answer::Unsure([Unread::Groups(place)].into()) };
    let (mut networks, mut unread): (Vec<IpNet>, BTreeSet<Unread>) = Default::default();
    for group in groups {
        let Some(rules) = (around.group)(group).and_then(|group| group.rules(direction)) else {
            unread.insert(Unread::Group(group.clone()));
            continue;
        };
        for rule in rules.iter().filter(|rule| rule.admits_tcp(port)) {
            match (&rule.peer, &other.groups) {
                (Peer::Cidr(net), _) => networks.push(*net),
                (Peer::PrefixList(list), _) => match around.network.lists.get(list) {
                    Some(listed) => networks.extend(listed),
                    None => unread.extend([Unread::PrefixList(list.clone())]),
                },
                (Peer::Group(Link::Select(_) | Link::Step(_)), _) => unread.extend([Unread::Group(group.clone())]),
                (Peer::Group(Link::Address(_) | Link::Id(_)), None) => unread.extend([Unread::Groups(place)]),
                (Peer::Group(link), Some(others)) if others.contains(link) => match transit {
                    None => return Answer::Pass,
                    Some(gateway) => unread.extend([Unread::Beyond(gateway.to_owned())]),
                },
                (Peer::Group(Link::Address(_) | Link::Id(_)), Some(_)) => {}
            }
        }
    }
    let networks = IpNet::aggregate(&networks);
    let inside = |net: &IpNet| networks.iter().any(|known| known.contains(net));
    let touched = |net: &IpNet| networks.iter().any(|known| known.contains(net) || net.contains(known));
    if networks_known(other) && other.networks.iter().all(inside) {
        return Answer::Pass;
    }
    if !networks_known(other) && !networks.is_empty() && !everywhere(&networks) {
        unread.insert(Unread::Target);
    }
    if !networks_known(other) && everywhere(&networks) {
        return Answer::Pass;
    }
    if !unread.is_empty() {
        return Answer::Unsure(unread);
    }
    let extent = if other.networks.iter().any(touched) { Extent::Some } else { Extent::All };
    let Some(peer) = peer(other, transit.is_some()) else { return Answer::Unsure([Unread::Target].into()) };
    Answer::Refuse(Refuser::NoRule(groups.clone()), extent, Mend::Rule(direction, port, peer))
}

fn networks_known(end: &End) -> bool {
    !end.networks.is_empty()
}

fn everywhere(networks: &[IpNet]) -> bool {
    networks.iter().any(|net| net.prefix_len() == 0 && net.addr().is_ipv4())
}

/// How a rule would name the other end: by a group of it where that holds, else by its network.
fn peer(other: &End, by_network: bool) -> Option<Peer> {
    let group = other.groups.iter().flatten().next().filter(|_| !by_network);
    group.map(|link| Peer::Group(link.clone())).or_else(|| other.networks.first().map(|net| Peer::Cidr(*net)))
}
