//! Routes: the longest prefix decides; within a VPC there is always a local one.
//!
//! A target has a private address, so a route that takes it to the internet leads nowhere. What a NAT gateway, an endpoint
//! or a network interface does with a packet is not seen: such a route leaves the verdict open.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{Answer, End, Extent, Mend, Network, Refuser, Unread};
use crate::cloud::network::{Destination, Gateway, Route, RouteState};
use crate::model::Id;

/// Whether the route table at one end leads to the other end.
pub(super) fn judge(network: &Network, from: &End, to: &End) -> Answer {
    let Some(subnet) = &from.subnet else { return Answer::Pass };
    let within = from.vpc.is_some() && from.vpc == to.vpc;
    let found = network.tables.as_ref().and_then(|tables| tables.of(subnet, from.vpc.as_ref()));
    let Some((table, routes)) = found else {
        return if within { Answer::Pass } else { Answer::Unsure([Unread::Table(subnet.clone())].into()) };
    };
    let mut unread = BTreeSet::new();
    for net in &to.networks {
        let known = expanded(network, routes, &mut unread);
        match to_network(table, &known, net) {
            Answer::Pass => {}
            // a table without a local route was not read whole
            Answer::Refuse(Refuser::NoRoute(_), ..) if within || !unread.is_empty() => {}
            Answer::Unsure(missing) => unread.extend(missing),
            refused @ Answer::Refuse(..) => return refused,
        }
    }
    if unread.is_empty() { Answer::Pass } else { Answer::Unsure(unread) }
}

/// The transit gateway that the way to the other end goes through.
pub(super) fn transit(network: &Network, from: &End, to: &End) -> Option<String> {
    let (_, routes) = network.tables.as_ref()?.of(from.subnet.as_ref()?, from.vpc.as_ref())?;
    let net = to.networks.first()?;
    let known = expanded(network, routes, &mut BTreeSet::new());
    match &longest(&known, net)?.1.via {
        Gateway::Transit(id) => Some(id.clone()),
        Gateway::Local
        | Gateway::Peering(_)
        | Gateway::Private(_)
        | Gateway::Internet(_)
        | Gateway::EgressOnly(_)
        | Gateway::Nat(_)
        | Gateway::Other(_) => None,
    }
}

/// The routes with prefix lists written out.
fn expanded<'r>(network: &Network, routes: &'r [Route], unread: &mut BTreeSet<Unread>) -> Vec<(IpNet, &'r Route)> {
    let mut all = Vec::new();
    for route in routes {
        match &route.to {
            Destination::Network(net) => all.push((*net, route)),
            Destination::PrefixList(list) => match network.lists.get(list) {
                Some(nets) => all.extend(nets.iter().map(|net| (*net, route))),
                None => unread.extend([Unread::PrefixList(list.clone())]),
            },
        }
    }
    all
}

fn longest<'k, 'r>(known: &'k [(IpNet, &'r Route)], net: &IpNet) -> Option<&'k (IpNet, &'r Route)> {
    known.iter().filter(|(to, _)| to.contains(net)).max_by_key(|(to, _)| to.prefix_len())
}

fn to_network(table: &Id, known: &[(IpNet, &Route)], net: &IpNet) -> Answer {
    let whole = longest(known, net);
    let parts = known.iter().filter(|(to, _)| net.contains(to) && to != net);
    let mut unread = BTreeSet::new();
    for ((_, route), extent) in
        whole.map(|one| (one, Extent::All)).into_iter().chain(parts.map(|one| (one, Extent::Some)))
    {
        match (&route.via, route.state) {
            (_, RouteState::Blackhole) | (Gateway::Internet(_) | Gateway::EgressOnly(_), RouteState::Active) => {
                let fix = Mend::Route(table.clone(), *net);
                return Answer::Refuse(Refuser::Route(table.clone(), (*route).clone()), extent, fix);
            }
            (Gateway::Local | Gateway::Peering(_) | Gateway::Transit(_) | Gateway::Private(_), RouteState::Active) => {}
            (Gateway::Nat(id) | Gateway::Other(id), RouteState::Active) => unread.extend([Unread::Beyond(id.clone())]),
        }
    }
    match whole {
        None => Answer::Refuse(Refuser::NoRoute(table.clone()), Extent::All, Mend::Route(table.clone(), *net)),
        Some(_) if unread.is_empty() => Answer::Pass,
        Some(_) => Answer::Unsure(unread),
    }
}
