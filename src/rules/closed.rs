//! Doors: security groups that keep a load balancer from ports of targets, and the one rule that would open each.
//!
//! Several targets behind one security group are one defect, so a finding is about the group. Which rule of the E5xx group
//! it is, they decide themselves; this joins the ways that they name, and words what they have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::paths::Way;
use super::{Evidence, Finding, Rule, Severity};
use crate::cloud::path::Place;
use crate::model::kind::{Direction, Peer, SecurityGroup};
use crate::model::{Address, Link};

/// How many targets a finding cites; the rest is a number.
const CITED: usize = 3;

/// What one security group keeps closed.
#[derive(Default)]
pub(super) struct Closed<'e> {
    pub(super) ports: BTreeSet<u16>,
    pub(super) balancers: BTreeSet<&'e Address>,
    pub(super) targets: BTreeSet<&'e Address>,
    /// The security groups of the targets.
    pub(super) doors: BTreeSet<&'e Address>,
    /// Whether there is a group of targets of which none is reached.
    pub(super) cut_off: bool,
}

/// The security groups that refuse these ways at a place, with what they close.
pub(super) fn doors<'e>(
    evidence: &'e Evidence<'e>,
    place: Place,
    is_wanted: impl Fn(&Way) -> bool,
) -> BTreeMap<&'e Address, Closed<'e>> {
    let mut doors: BTreeMap<&Address, Closed> = BTreeMap::new();
    let shut: Vec<&Way> =
        evidence.paths().iter().filter(|way| way.refused_at(place).is_some() && is_wanted(way)).collect();
    let mut lost: BTreeMap<(&Address, &Address), BTreeSet<&Address>> = BTreeMap::new();
    for way in &shut {
        lost.entry((&way.balancer, &way.group)).or_default().insert(&way.target);
    }
    for way in shut {
        let own = evidence.load_balancer(&way.balancer).and_then(|lb| lb.security_groups.as_ref());
        let door = match place {
            Place::BalancerGroups => door(evidence, own.into_iter().flatten().filter_map(Link::address)),
            Place::BalancerAclOut
            | Place::Route
            | Place::TargetAclIn
            | Place::TargetGroups
            | Place::TargetAclOut
            | Place::RouteBack
            | Place::BalancerAclIn => door(evidence, way.doors.iter()),
        };
        let Some(door) = door else { continue };
        let closed = doors.entry(door).or_default();
        closed.ports.insert(way.port);
        closed.balancers.insert(&way.balancer);
        closed.targets.insert(&way.target);
        closed.doors.extend(&way.doors);
        let all = evidence.targets_of(&way.group).count();
        closed.cut_off |=
            evidence.serves(&way.group) && lost.get(&(&way.balancer, &way.group)).is_some_and(|t| t.len() == all);
    }
    doors
}

/// The security group to open: one that the files declare with rules, one they declare, any.
fn door<'e>(evidence: &Evidence, groups: impl Iterator<Item = &'e Address>) -> Option<&'e Address> {
    let declared = |group: &Address| evidence.declared(group).and_then(|spec| spec.security_group());
    groups.min_by_key(|group| match declared(group) {
        Some(SecurityGroup { ingress: Some(_), .. }) => 0,
        Some(_) => 1,
        None => 2,
    })
}

/// A group that a target's security groups admit to the port, and that is not one of the load balancer's.
pub(super) fn stranger<'e>(evidence: &'e Evidence<'e>, way: &'e Way) -> Option<(&'e Address, &'e Link)> {
    let own = evidence.load_balancer(&way.balancer)?.security_groups.as_ref()?;
    let of_target = |link: &Link| link.address().is_some_and(|address| way.doors.contains(address));
    way.doors.iter().find_map(|door| {
        let rules = evidence.security_group(door)?.ingress.as_ref()?;
        rules.iter().filter(|rule| rule.admits_tcp(way.port)).find_map(|rule| match &rule.peer {
            Peer::Group(link) if !own.contains(link) && !of_target(link) => Some((door, link)),
            Peer::Group(_) | Peer::Cidr(_) | Peer::PrefixList(_) => None,
        })
    })
}

impl Closed<'_> {
    pub(super) fn ports_in_words(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        format!("port{} {}", if ports.len() > 1 { "s" } else { "" }, ports.join(", "))
    }
    pub(super) fn balancers_in_words(&self) -> String {
        self.balancers.iter().map(|lb| lb.name.as_str()).collect::<Vec<_>>().join(", ")
    }
    pub(super) fn targets_in_words(&self) -> String {
        match self.targets.len() {
            1 => "one target".to_owned(),
            n => format!("{n} targets"),
        }
    }
    pub(super) const fn severity(&self) -> Severity {
        if self.cut_off { Severity::Critical } else { Severity::High }
    }

    /// A finding about the door, with what decided it and the smallest rule that opens it.
    pub(super) fn finding(&self, evidence: &Evidence, rule: &Rule, door: &Address, direction: Direction) -> Finding {
        let field = direction.key();
        let rules = evidence.security_group(door).and_then(|group| group.rules(direction));
        let rules: Vec<String> = rules.into_iter().flatten().map(ToString::to_string).collect();
        let mut finding = rule.finding(self.severity(), door, field).evident(door, field, rules);
        for lb in &self.balancers {
            let own = evidence.load_balancer(lb).and_then(|lb| lb.security_groups.as_ref());
            let own: Vec<String> = own.into_iter().flatten().map(Link::to_string).collect();
            finding = finding.evident(lb, "security_groups", own);
        }
        for target in self.targets.iter().take(CITED) {
            finding = finding.evident(target, "", json!({ "reachable": false }));
        }
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        let ports = ports.join(", ");
        let peers: Vec<String> = self.peers(evidence, direction).into_iter().collect();
        let (text, key) = match direction {
            Direction::Ingress => {
                (format!("let security group {} admit TCP {ports} from {}", door.name, peers.join(", ")), "from")
            }
            Direction::Egress => {
                (format!("let security group {} send TCP {ports} to {}", door.name, peers.join(", ")), "to")
            }
        };
        let one = |peer: &String| {
            let mut one = serde_json::Map::new();
            one.insert(key.to_owned(), json!(peer));
            one.insert("ports".to_owned(), json!(self.ports));
            Value::Object(one)
        };
        let finding = finding.mended_by(text);
        if evidence.declared(door).is_none() {
            return finding;
        }
        finding.declaring(door, field, peers.iter().map(one).collect::<Vec<_>>())
    }

    /// The other ends, each by one security group: one that the files know, else any. A target that has none is named by
    /// its address.
    fn peers(&self, evidence: &Evidence, direction: Direction) -> BTreeSet<String> {
        let known = |groups: &[&Address]| {
            let known = groups.iter().find(|group| evidence.declared(group).is_some());
            known.or(groups.first()).map(|group| group_name(group))
        };
        match direction {
            Direction::Ingress => {
                let groups = |lb: &&Address| {
                    let own = evidence.load_balancer(lb)?.security_groups.as_ref()?;
                    known(&own.iter().filter_map(Link::address).collect::<Vec<_>>())
                };
                self.balancers.iter().filter_map(groups).collect()
            }
            Direction::Egress => {
                let groups: Vec<&Address> = self.doors.iter().copied().collect();
                let address = |target: &&Address| evidence.target(target)?.id.parse::<IpAddr>().ok();
                let addresses = || self.targets.iter().filter_map(address).map(|ip| IpNet::from(ip).to_string());
                known(&groups).map_or_else(|| addresses().collect(), |group| [group].into())
            }
        }
    }
}

/// A security group as a rule in the files names it.
fn group_name(group: &Address) -> String {
    Link::Address(group.clone()).to_string()
}
