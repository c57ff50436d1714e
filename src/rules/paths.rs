//! Every way from a load balancer's subnets to a target's ports, judged once for all rules that look at them.
//!
//! A way is a subnet of a load balancer, a target of a group that it sends requests to, and a port: the traffic port, the
//! health check's, or both in one. What refuses is [`cloud::path`](crate::cloud::path)'s word; here the two ends are found.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::OnceLock;

use ipnet::IpNet;

use super::Evidence;
use crate::cloud::path::{Around, End, Place, Refusal, Verdict, judge};
use crate::model::kind::{LoadBalancer, Target, TargetGroup};
use crate::model::value::{CheckPort, TargetType};
use crate::model::{Address, Id, Link};

/// The ways, made at the first question.
#[derive(Debug, Default)]
pub struct Paths(OnceLock<Vec<Way>>);

impl Clone for Paths {
    /// A copy asks anew: its state may be changed.
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Requests, and health checks with them.
    Both,
    /// Requests alone.
    Traffic,
    /// Health checks alone.
    Check,
}

/// One way.
#[derive(Clone, Debug)]
pub struct Way {
    /// The load balancer.
    pub balancer: Address,
    /// Its subnet, if known.
    pub subnet: Option<Id>,
    /// The target group.
    pub group: Address,
    /// The target.
    pub target: Address,
    /// The security groups of the target's interface.
    pub doors: BTreeSet<Address>,
    /// The port.
    pub port: u16,
    /// What the port is for.
    pub purpose: Purpose,
    /// What refuses it, the first first.
    pub refusals: Vec<Refusal>,
    /// Whether a security group refuses it that would not, had the load balancer the groups that the files declare.
    pub drifted: bool,
}

impl Way {
    /// The refusal at a place.
    pub fn refused_at(&self, place: Place) -> Option<&Refusal> {
        self.refusals.iter().find(|refusal| refusal.place == place)
    }
    /// Whether requests take it.
    pub const fn is_traffic(&self) -> bool {
        matches!(self.purpose, Purpose::Both | Purpose::Traffic)
    }
}

impl Evidence<'_> {
    /// Every way from a load balancer to a target.
    pub fn paths(&self) -> &[Way] {
        self.paths.0.get_or_init(|| {
            let groups = self.target_groups().filter(|(_, group)| group.target_type != Some(TargetType::Lambda));
            groups.flat_map(|(address, group)| ways_to(self, address, group)).collect()
        })
    }
    /// The security groups that the files declare for a load balancer, where they name others than it has.
    pub fn other_groups(&self, lb: &Address) -> Option<BTreeSet<Link>> {
        let declared = self.declared(lb)?.load_balancer()?.security_groups.as_ref()?;
        let live = self.load_balancer(lb)?.security_groups.as_ref()?;
        let names = |set: &BTreeSet<Link>| set.iter().map(Link::to_string).collect::<BTreeSet<_>>();
        // a group that the files pick by tags has no name here to compare by
        let named = |link: &Link| !matches!(link, Link::Select(_) | Link::Step(_));
        (declared.iter().all(named) && names(declared) != names(live)).then(|| declared.clone())
    }
}

fn ways_to(evidence: &Evidence, address: &Address, group: &TargetGroup) -> Vec<Way> {
    let mut ways = Vec::new();
    for balancer in evidence.load_balancers_of(address) {
        let Some(lb) = evidence.load_balancer(balancer) else { continue };
        let other = evidence.other_groups(balancer);
        for (name, target) in evidence.targets_of(address) {
            let Some((end, doors)) = target_end(evidence, target) else { continue };
            for node in nodes(evidence, lb, &end) {
                for (port, purpose) in ports(evidence, address, group, target) {
                    let refusals = refusals(evidence, &node, &end, port);
                    let drifted = other.as_ref().is_some_and(|groups| {
                        let declared = End { groups: Some(groups.clone()), ..node.clone() };
                        by_groups(&refusals) && !by_groups(&self::refusals(evidence, &declared, &end, port))
                    });
                    let (balancer, group, target) = (balancer.clone(), address.clone(), name.clone());
                    let (subnet, doors) = (node.subnet.clone(), doors.clone());
                    ways.push(Way { balancer, subnet, group, target, doors, port, purpose, refusals, drifted });
                }
            }
        }
    }
    ways
}

fn by_groups(refusals: &[Refusal]) -> bool {
    refusals.iter().any(|refusal| matches!(refusal.place, Place::BalancerGroups | Place::TargetGroups))
}

fn refusals(evidence: &Evidence, balancer: &End, target: &End, port: u16) -> Vec<Refusal> {
    let group = |link: &Link| link.address().and_then(|address| evidence.security_group(address));
    let around = Around { group: &group, network: &evidence.network };
    match judge(around, balancer, target, port) {
        Verdict::Refused(all) => all,
        Verdict::Open | Verdict::Unknown(_) => Vec::new(),
    }
}

/// The ports of a target, each with what it is for. A check at another port than the files say is wrong by itself,
/// whatever the way there.
fn ports(evidence: &Evidence, address: &Address, group: &TargetGroup, target: &Target) -> Vec<(u16, Purpose)> {
    let Some(traffic) = target.port.or(group.port) else { return Vec::new() };
    let declared = evidence.declared(address).and_then(|spec| spec.target_group()).and_then(|g| g.health_check.port);
    let drifted = declared.is_some_and(|port| port != group.health_check.port.unwrap_or(CheckPort::Traffic));
    match group.health_check.port {
        _ if group.health_check.enabled == Some(false) => vec![(traffic, Purpose::Traffic)],
        Some(CheckPort::Fixed(port)) if port != traffic && drifted => vec![(traffic, Purpose::Traffic)],
        Some(CheckPort::Fixed(port)) if port != traffic => vec![(traffic, Purpose::Traffic), (port, Purpose::Check)],
        Some(CheckPort::Fixed(_) | CheckPort::Traffic) | None => vec![(traffic, Purpose::Both)],
    }
}

/// A target's end, with its security groups. An address that nobody is known to have may be anywhere.
fn target_end(evidence: &Evidence, target: &Target) -> Option<(End, BTreeSet<Address>)> {
    let of_instance = || evidence.interfaces.iter().find(|(_, a)| a.reached_as.as_ref() == Some(&target.id));
    let (ip, attached) = match target.id.parse::<IpAddr>() {
        Ok(ip) => (ip, evidence.interfaces.get(&ip)),
        Err(_) => of_instance().map(|(ip, attached)| (*ip, Some(attached)))?,
    };
    let links = |groups: &BTreeSet<Address>| groups.iter().cloned().map(Link::Address).collect();
    let end = End {
        networks: vec![IpNet::from(ip)],
        groups: attached.map(|attached| links(&attached.groups)),
        subnet: attached.and_then(|attached| attached.subnet.clone()),
        vpc: attached.and_then(|attached| attached.vpc.clone()),
    };
    Some((end, attached.map(|attached| attached.groups.clone()).unwrap_or_default()))
}

/// The load balancer's end in each of its subnets.
fn nodes(evidence: &Evidence, lb: &LoadBalancer, target: &End) -> Vec<End> {
    let is_v4 = target.networks.iter().all(|net| net.addr().is_ipv4());
    let node = |link: &Link| {
        let subnet = link.id().cloned();
        let known = subnet.as_ref().and_then(|id| evidence.subnets.get(id));
        let network = known.and_then(|subnet| if is_v4 { Some(&subnet.cidr) } else { subnet.ipv6.as_ref() });
        End {
            networks: network.and_then(|text| text.parse().ok()).into_iter().collect(),
            groups: lb.security_groups.clone(),
            vpc: known.and_then(|subnet| subnet.vpc.clone()),
            subnet,
        }
    };
    match &lb.subnets {
        Some(subnets) if !subnets.is_empty() => subnets.iter().map(node).collect(),
        Some(_) | None => vec![End { groups: lb.security_groups.clone(), ..End::default() }],
    }
}
