//! Whether a connection gets from a load balancer's subnet to a target and its answer back, and what refuses it.
//!
//! Pure: security groups, network ACLs and routes as they were read, in the order in which a connection meets them. Groups
//! are stateful, so only the way there counts; network ACLs are not, so the answer to an ephemeral port has to pass as
//! well, and they are not asked within one subnet. A load balancer may have any address of its subnet: a rule that lets
//! pass only some of them refuses a part. What was not read makes a verdict unknown, never refused. What happens beyond a
//! peering connection, a transit gateway or a VPN is judged only where the other end was read; host firewalls never.
//!
//! Sources: VPC user guide "Control traffic to your AWS resources using security groups", "Network ACLs" (ephemeral ports),
//! "Route tables" (longest prefix); ELB user guide "Security groups for your Application Load Balancer".

mod acl;
mod group;
mod route;
#[cfg(test)]
mod table;

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;

use super::network::{AclEntry, LAST_ENTRY, Network, Route};
use crate::model::kind::{Direction, Peer, SecurityGroup};
use crate::model::{Id, Link};

/// The ports to which answers go: a load balancer's nodes connect from any of them.
pub const EPHEMERAL: (u16, u16) = (1024, 65_535);

/// One end of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Every address it may have, all of one family: a target's own, the whole network of a load balancer's subnet.
    pub networks: Vec<IpNet>,
    /// Its security groups; `None` if unknown.
    pub groups: Option<BTreeSet<Link>>,
    /// Its subnet, if known.
    pub subnet: Option<Id>,
    /// Its VPC, if known.
    pub vpc: Option<Id>,
}

/// What lies between two ends.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The security group of this name; `None` if it was not read.
    pub group: &'a dyn Fn(&Link) -> Option<&'a SecurityGroup>,
    /// Network ACLs, routes, prefix lists.
    pub network: &'a Network,
}

/// Where a connection can be refused, in the order in which it comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The security groups of the load balancer, outwards.
    BalancerGroups,
    /// The network ACL of its subnet, outwards.
    BalancerAclOut,
    /// The route table of its subnet.
    Route,
    /// The network ACL of the target's subnet, inwards.
    TargetAclIn,
    /// The security groups of the target, inwards.
    TargetGroups,
    /// The network ACL of the target's subnet, outwards: the answer.
    TargetAclOut,
    /// The route table of the target's subnet: the answer.
    RouteBack,
    /// The network ACL of the load balancer's subnet, inwards: the answer.
    BalancerAclIn,
}

/// What refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refuser {
    /// No rule of these security groups lets it pass.
    NoRule(BTreeSet<Link>),
    /// An entry of a network ACL.
    Entry(Id, AclEntry),
    /// A route that leads nowhere.
    Route(Id, Route),
    /// A route table has no route.
    NoRoute(Id),
}

/// How much is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Less than one connection in a hundred.
    Few,
    /// Some of the addresses or ports.
    Some,
    /// Everything.
    All,
}

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where.
    pub place: Place,
    /// By what.
    pub by: Refuser,
    /// How much.
    pub extent: Extent,
    /// The smallest thing that would let it pass.
    pub fix: Mend,
}

/// The smallest thing that lets a connection pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// A rule in one of the security groups: which way, the port, the other end.
    Rule(Direction, u16, Peer),
    /// An entry of a network ACL with a number below this one.
    Entry(Id, Direction, u16, (u16, u16), IpNet),
    /// A route.
    Route(Id, IpNet),
}

/// What would have to be read to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// Which security groups an end has.
    Groups(Place),
    /// The rules of a security group.
    Group(Link),
    /// The networks of a prefix list.
    PrefixList(String),
    /// The network ACL of a subnet.
    Acl(Id),
    /// The route table of a subnet.
    Table(Id),
    /// What lies behind a gateway, or whether it passes on security groups.
    Beyond(String),
    /// The subnet of the target, and everything there.
    Target,
    /// The subnet of the load balancer.
    Balancer,
}

/// Whether a connection comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does, as far as AWS is concerned.
    Open,
    /// It does not: every refusal, in the order in which a connection meets them.
    Refused(Vec<Refusal>),
    /// Nothing that was read refuses it, and this was not read.
    Unknown(BTreeSet<Unread>),
}

impl Verdict {
    /// The refusals, first one first.
    pub fn refusals(&self) -> &[Refusal] {
        match self {
            Self::Refused(all) => all,
            Self::Open | Self::Unknown(_) => &[],
        }
    }
}

/// What one place says.
enum Answer {
    Pass,
    Refuse(Refuser, Extent, Mend),
    Unsure(BTreeSet<Unread>),
}

/// Judges a TCP connection from a load balancer's subnet to a port of a target.
pub fn judge(around: Around<'_>, balancer: &End, target: &End, port: u16) -> Verdict {
    let (mut refusals, mut unread) = (Vec::new(), BTreeSet::new());
    unread.extend(balancer.subnet.is_none().then_some(Unread::Balancer));
    let there = route::judge(around.network, balancer, target);
    let back = route::judge(around.network, target, balancer);
    // a transit gateway passes on the sender's groups only where it is told to, which is not read
    let transit = route::transit(around.network, balancer, target);
    let beside = |net: &IpNet| balancer.networks.iter().any(|own| own.contains(net));
    let within_subnet = match (&balancer.subnet, &target.subnet) {
        (Some(a), Some(b)) => a == b,
        // an address of that subnet, whoever has it
        (_, None) => !target.networks.is_empty() && target.networks.iter().all(beside),
        (None, Some(_)) => false,
    };
    let acl = |at: &End, direction, other: &End, ports| {
        if within_subnet { Answer::Pass } else { acl::judge(around.network, at, direction, other, ports) }
    };
    let asked = (port, port);
    let out = |of, to, place| group::judge(around, of, Direction::Egress, (to, transit.as_deref()), port, place);
    let ingress =
        |of, from, place| group::judge(around, of, Direction::Ingress, (from, transit.as_deref()), port, place);
    let mut answers = vec![
        (Place::BalancerGroups, out(balancer, target, Place::BalancerGroups)),
        (Place::BalancerAclOut, acl(balancer, Direction::Egress, target, asked)),
        (Place::Route, there),
    ];
    if target.subnet.is_some() {
        answers.extend([
            (Place::TargetAclIn, acl(target, Direction::Ingress, balancer, asked)),
            (Place::TargetGroups, ingress(target, balancer, Place::TargetGroups)),
            (Place::TargetAclOut, acl(target, Direction::Egress, balancer, EPHEMERAL)),
            (Place::RouteBack, back),
        ]);
    } else {
        unread.insert(Unread::Target);
        if target.groups.is_some() {
            answers.push((Place::TargetGroups, ingress(target, balancer, Place::TargetGroups)));
        }
    }
    answers.push((Place::BalancerAclIn, acl(balancer, Direction::Ingress, target, EPHEMERAL)));
    for (place, answer) in answers {
        match answer {
            Answer::Pass => {}
            Answer::Refuse(by, extent, fix) => refusals.push(Refusal { place, by, extent, fix }),
            Answer::Unsure(missing) => unread.extend(missing),
        }
    }
    match (refusals.is_empty(), unread.is_empty()) {
        (false, _) => Verdict::Refused(refusals),
        (true, true) => Verdict::Open,
        (true, false) => Verdict::Unknown(unread),
    }
}

impl Place {
    /// The place in words.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::BalancerGroups => "leaving the load balancer's security groups",
            Self::BalancerAclOut => "leaving the load balancer's subnet",
            Self::Route => "on the way to the target",
            Self::TargetAclIn => "entering the target's subnet",
            Self::TargetGroups => "entering the target's security groups",
            Self::TargetAclOut => "answering, leaving the target's subnet",
            Self::RouteBack => "answering, on the way back",
            Self::BalancerAclIn => "answering, entering the load balancer's subnet",
        }
    }
}

impl fmt::Display for Refuser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule(groups) => {
                let names: Vec<String> = groups.iter().map(Link::to_string).collect();
                match names.as_slice() {
                    [] => f.write_str("no security group"),
                    names => write!(f, "no rule of {}", names.join(", ")),
                }
            }
            Self::Entry(acl, entry) => write!(f, "{acl} {entry}"),
            Self::Route(table, route) => write!(f, "{table} {route}"),
            Self::NoRoute(table) => write!(f, "no route in {table}"),
        }
    }
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = |(low, high): (u16, u16)| if low == high { low.to_string() } else { format!("{low}-{high}") };
        match self {
            Self::Rule(Direction::Ingress, port, peer) => write!(f, "admit TCP {port} from {peer}"),
            Self::Rule(Direction::Egress, port, peer) => write!(f, "let TCP {port} out to {peer}"),
            Self::Entry(acl, direction, before, range, network) => {
                let (way, number) = match direction {
                    Direction::Ingress => ("from", before),
                    Direction::Egress => ("to", before),
                };
                let number = if *number == LAST_ENTRY { "*".to_owned() } else { number.to_string() };
                let kind = if *direction == Direction::Ingress { "inbound" } else { "outbound" };
                write!(f, "allow TCP {} {way} {network} in {acl}, {kind}, before rule {number}", ports(*range))
            }
            Self::Route(table, network) => write!(f, "add a route to {network} in {table}"),
        }
    }
}
