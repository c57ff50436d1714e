//! Security groups: the spec and its differences.
//!
//! Rules are additive: a declared rule that no live rule covers is a difference; live rules that
//! the files do not mention are left alone. Source: API (EC2) `AuthorizeSecurityGroupIngress`,
//! `AuthorizeSecurityGroupEgress`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::or;
use crate::model::value::IpProtocol;
use crate::model::{Comparer, FieldChange, Link, Mutability};

/// A security group, desired or live. A `None` field is undeclared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// The group's name on AWS; with the VPC its identity.
    pub name: String,
    /// The VPC; cannot be edited.
    pub vpc: Option<Link>,
    /// The group's description; cannot be edited.
    pub description: Option<String>,
    /// What may come in.
    pub ingress: Option<Vec<TrafficRule>>,
    /// What may go out.
    pub egress: Option<Vec<TrafficRule>>,
    /// Tags; ours are added when written.
    pub tags: BTreeMap<String, String>,
}

/// Which way traffic goes, seen from the members of a security group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// In.
    Ingress,
    /// Out.
    Egress,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Egress];
    /// Its key in the desired-state language.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// In the place of an ICMP code: every one.
pub const EVERY_CODE: u16 = u16::MAX;

/// One permission of a security group: one protocol, one range of ports, one peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrafficRule {
    /// Transport protocol.
    pub protocol: IpProtocol,
    /// First and last port, of ICMP the type and its code or [`EVERY_CODE`]; `None`: every port, every type.
    pub ports: Option<(u16, u16)>,
    /// Where the traffic comes from (ingress) or goes to (egress).
    pub peer: Peer,
    /// The rule's description; `None` is undeclared.
    pub description: Option<String>,
}

/// The other end of a security-group rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// A network, with host bits cleared as AWS stores it.
    Cidr(IpNet),
    /// A security group; `self` is the group's own link.
    Group(Link),
    /// A managed prefix list, by id.
    PrefixList(String),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(net) => write!(f, "{net}"),
            Self::Group(group) => write!(f, "{group}"),
            Self::PrefixList(id) => f.write_str(id),
        }
    }
}

impl fmt::Display for TrafficRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.protocol, self.ports) {
            (IpProtocol::All, _) => f.write_str("all")?,
            (protocol @ IpProtocol::Other(_), _) => write!(f, "{protocol}")?,
            (protocol, None) => write!(f, "{protocol} all ports")?,
            (protocol @ (IpProtocol::Icmp | IpProtocol::Icmpv6), Some((kind, code))) => {
                write!(f, "{protocol} type {kind}")?;
                if code != EVERY_CODE {
                    write!(f, " code {code}")?;
                }
            }
            (protocol, Some((low, high))) if low == high => write!(f, "{protocol} {low}")?,
            (protocol, Some((low, high))) => write!(f, "{protocol} {low}-{high}")?,
        }
        write!(f, " {}", self.peer)
    }
}

impl TrafficRule {
    /// Whether everything that `other` lets pass, this rule lets pass too.
    pub fn covers(&self, other: &Self) -> bool {
        let protocol = self.protocol == IpProtocol::All || self.protocol == other.protocol;
        let ports = match (self.ports, other.ports, self.protocol) {
            (None, _, _) | (_, _, IpProtocol::All) => true,
            (Some(_), None, _) => false,
            (Some(a), Some(b), IpProtocol::Icmp | IpProtocol::Icmpv6) => {
                a.0 == b.0 && (a.1 == EVERY_CODE || a.1 == b.1)
            }
            (Some(a), Some(b), IpProtocol::Tcp | IpProtocol::Udp | IpProtocol::Other(_)) => a.0 <= b.0 && b.1 <= a.1,
        };
        let peer = match (&self.peer, &other.peer) {
            (Peer::Cidr(a), Peer::Cidr(b)) => a.contains(b),
            (a, b) => a == b,
        };
        protocol && ports && peer
    }
    /// Whether the desired-state language has words for it: it has none for one type of ICMP, nor for protocols that
    /// never carry a load balancer's traffic.
    pub const fn is_in_language(&self) -> bool {
        match self.protocol {
            IpProtocol::Tcp | IpProtocol::Udp | IpProtocol::All => true,
            IpProtocol::Icmp | IpProtocol::Icmpv6 => self.ports.is_none(),
            IpProtocol::Other(_) => false,
        }
    }
    /// Whether a TCP connection to this port is let through, the peer aside.
    pub fn admits_tcp(&self, port: u16) -> bool {
        match self.protocol {
            IpProtocol::All => true,
            IpProtocol::Tcp => self.ports.is_none_or(|(low, high)| (low..=high).contains(&port)),
            IpProtocol::Udp | IpProtocol::Icmp | IpProtocol::Icmpv6 | IpProtocol::Other(_) => false,
        }
    }
    /// The same rule with its link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        match self.peer {
            Peer::Group(link) => Self { peer: Peer::Group(f(link)), ..self },
            Peer::Cidr(_) | Peer::PrefixList(_) => self,
        }
    }
    /// Whether both rules let the same traffic pass; AWS identifies a rule by this.
    pub fn same_traffic(&self, other: &Self) -> bool {
        self.covers(other) && other.covers(self)
    }
    /// Whether a live rule does all that this declared rule asks for. A description counts only on the
    /// very rule; a broader one satisfies under any description.
    fn satisfied_by(&self, live: &Self) -> bool {
        let described = self.description.is_none() || self.description == live.description;
        live.covers(self) && (described || !self.covers(live))
    }
}

impl SecurityGroup {
    /// Rules as reports show them; a description is part of it.
    pub fn shown<'r>(rules: impl Iterator<Item = &'r TrafficRule>) -> Value {
        let one = |rule: &TrafficRule| match &rule.description {
            Some(words) => format!("{rule} ({words})"),
            None => rule.to_string(),
        };
        let rules: BTreeSet<String> = rules.map(one).collect();
        if rules.is_empty() { Value::Null } else { json!(rules) }
    }

    /// What a group lets out that was just created: everything, over IPv6 too if the VPC has a network of
    /// it (VPC user guide: "Security group rules").
    pub fn egress_of_new(ipv6: bool) -> Vec<TrafficRule> {
        let mut everywhere = vec![IpNet::V4(ipnet::Ipv4Net::default())];
        everywhere.extend(ipv6.then(|| IpNet::V6(ipnet::Ipv6Net::default())));
        let rule =
            |net| TrafficRule { protocol: IpProtocol::All, ports: None, peer: Peer::Cidr(net), description: None };
        everywhere.into_iter().map(rule).collect()
    }

    /// Whether a rule is one that AWS itself gives to every new group. Whoever made it, it bears nobody's tag and is
    /// no stranger: taken away from the files, it is AWS's default again.
    pub fn has_from_aws(direction: Direction, rule: &TrafficRule) -> bool {
        direction == Direction::Egress && Self::egress_of_new(true).iter().any(|made| made.same_traffic(rule))
    }

    /// The rules of one direction; `None` is undeclared.
    pub const fn rules(&self, direction: Direction) -> Option<&Vec<TrafficRule>> {
        match direction {
            Direction::Ingress => self.ingress.as_ref(),
            Direction::Egress => self.egress.as_ref(),
        }
    }
    /// The rules of one direction, to be changed.
    pub const fn rules_mut(&mut self, direction: Direction) -> &mut Option<Vec<TrafficRule>> {
        match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        }
    }

    /// The declared rules that no live rule satisfies.
    pub fn missing(live: &Self, want: &Self, direction: Direction) -> Vec<TrafficRule> {
        let have = live.rules(direction).map(Vec::as_slice).unwrap_or_default();
        let want = want.rules(direction).map(Vec::as_slice).unwrap_or_default();
        want.iter().filter(|rule| !have.iter().any(|live| rule.satisfied_by(live))).cloned().collect()
    }

    /// The fields that differ.
    pub fn compare(live: &Self, want: &Self) -> Vec<FieldChange> {
        let Self { name: _, vpc, description, ingress: _, egress: _, tags } = want;
        let mut c = Comparer::default();
        c.replace("vpc", &live.vpc.as_ref().map(Link::to_string), &vpc.as_ref().map(Link::to_string));
        c.replace("description", &live.description, description);
        for direction in Direction::ALL {
            let missing = Self::missing(live, want, direction);
            if !missing.is_empty() {
                let have = live.rules(direction).map(Vec::as_slice).unwrap_or_default();
                let replaced = |rule: &TrafficRule| missing.iter().any(|m| m.same_traffic(rule));
                let kept = have.iter().filter(|rule| !replaced(rule));
                let (live, desired) = (Self::shown(have.iter()), Self::shown(kept.chain(&missing)));
                c.push(direction.key(), live, desired, Mutability::InPlace);
            }
        }
        c.tags(&live.tags, tags);
        c.finish()
    }

    /// Declared over live: what is in effect once the declared fields are applied.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        let [missing_in, missing_out] = Direction::ALL.map(|direction| Self::missing(live, &self, direction));
        let joined = |live: &Option<Vec<TrafficRule>>, want: Option<_>, missing: Vec<TrafficRule>| match (live, want) {
            (Some(have), Some(_)) => {
                let kept = have.iter().filter(|rule| !missing.iter().any(|m| m.same_traffic(rule))).cloned();
                Some(kept.chain(missing.iter().cloned()).collect())
            }
            (have, want) => or(want, have),
        };
        let Self { name, vpc, description, ingress, egress, tags } = self;
        Self {
            name,
            vpc: or(vpc, &live.vpc),
            description: or(description, &live.description),
            ingress: joined(&live.ingress, ingress, missing_in),
            egress: joined(&live.egress, egress, missing_out),
            tags: super::merged(&live.tags, tags),
        }
    }

    /// The same spec with every link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        let mut rules = |rules: Option<Vec<TrafficRule>>| {
            rules.map(|rules| rules.into_iter().map(|rule| rule.map_links(&mut *f)).collect())
        };
        let ingress = rules(self.ingress);
        let egress = rules(self.egress);
        Self { vpc: self.vpc.map(f), ingress, egress, ..self }
    }
}
