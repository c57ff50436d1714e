//! What security groups let through: clients to a load balancer, a load balancer to its targets.
//!
//! Groups allow only, and several add up; answers to what was let in go out by themselves. Routes and network ACLs
//! are not looked at. Sources: API (EC2) `DescribeSecurityGroupRules`; user guides "Security groups for your
//! Application Load Balancer", "Register targets".

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::condition::Fits;
use crate::cloud::{Interface, Snapshot, Subnet};
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
            // an instance may have more interfaces, which requests to it never come through
            let mine = |interface: &Interface| interface.reached_as.as_deref() == Some(target.id.as_str());
            interfaces.and_then(|all| all.iter().find(|(_, interface)| mine(interface)))
        }
    };
    let groups: Option<Vec<&Id>> = found.map(|(_, interface)| interface.groups.iter().collect());
    let at = address.or_else(|| found.map(|(address, _)| *address));
    let there = End { groups, networks: at.map(IpNet::from).into_iter().collect() };
    let Some(doors) = doors(balancer) else { return Fits::CannotTell };
    let out = admits(snapshot, &doors, Direction::Egress, port, &there);
    // a node reaches an IPv6 address from one of its own
    let network = |subnet: &Subnet| match at {
        Some(IpAddr::V6(_)) => subnet.ipv6.as_ref()?.parse().ok(),
        Some(IpAddr::V4(_)) | None => subnet.cidr.parse().ok(),
    };
    let subnets = balancer.subnets.iter().flatten().map(|link| network(snapshot.subnets.get(link.id()?)?));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cloud::Facts;
    use crate::model::kind::SecurityGroup;
    use crate::model::value::IpProtocol;

    fn from(network: &str) -> SecurityGroup {
        let peer = Peer::Cidr(network.parse().unwrap());
        let rule = TrafficRule { protocol: IpProtocol::Tcp, ports: Some((80, 80)), peer, description: None };
        SecurityGroup { ingress: Some(vec![rule]), ..SecurityGroup::default() }
    }

    /// Whether the balancer reaches a target whose group lets in one of the networks of its subnet.
    fn reaches(target_id: &str, let_in: &str) -> Fits {
        let id = |text: &str| Id(text.to_owned());
        let mut snapshot = Snapshot::default();
        let everywhere = SecurityGroup { egress: Some(SecurityGroup::egress_of_new(true)), ..Default::default() };
        snapshot.insert(id("sg-door"), everywhere, Facts::None);
        snapshot.insert(id("sg-app"), from(let_in), Facts::None);
        snapshot.insert(id("sg-shut"), SecurityGroup { ingress: Some(Vec::new()), ..Default::default() }, Facts::None);
        let subnet = Subnet { cidr: "10.0.1.0/24".into(), ipv6: Some("2001:db8:1::/64".into()), ..Subnet::default() };
        snapshot.subnets.insert(id("subnet-1"), subnet);
        let interface = |group: &str, reached_as: Option<&str>| Interface {
            groups: vec![id(group)],
            instance: Some("i-1".into()),
            reached_as: reached_as.map(str::to_owned),
            ..Interface::default()
        };
        snapshot.interfaces = Some(BTreeMap::from([
            ("10.0.1.5".parse().unwrap(), interface("sg-shut", None)),
            ("10.0.1.9".parse().unwrap(), interface("sg-app", Some("i-1"))),
            ("2001:db8:1::9".parse().unwrap(), interface("sg-app", None)),
        ]));
        let balancer = LoadBalancer {
            security_groups: Some([Link::Id(id("sg-door"))].into()),
            subnets: Some([Link::Id(id("subnet-1"))].into()),
            ..LoadBalancer::default()
        };
        let group = Link::Id(id("group"));
        let to = Target { target_group: group, id: target_id.into(), port: Some(80), zone: None };
        target(&snapshot, &balancer, &to, 80)
    }

    #[test]
    fn a_node_comes_from_its_address_of_the_target_s_family() {
        assert_eq!(reaches("2001:db8:1::9", "2001:db8:1::/64"), Fits::Yes);
        assert_eq!(reaches("2001:db8:1::9", "10.0.1.0/24"), Fits::No);
        assert_eq!(reaches("10.0.1.9", "10.0.1.0/24"), Fits::Yes);
        assert_eq!(reaches("10.0.1.9", "2001:db8:1::/64"), Fits::No);
    }

    #[test]
    fn an_instance_is_behind_the_interface_that_it_is_reached_at() {
        assert_eq!(reaches("i-1", "10.0.1.0/24"), Fits::Yes, "another interface of it lets nothing in");
    }
}
