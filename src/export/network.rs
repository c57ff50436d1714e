//! Security groups: those of the load balancers and of their targets, with the rules that requests
//! and health checks need. Groups are shared, so they are `existing` unless they bear the stack's tag.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::group::{ids, ports};
use super::yaml::{Map, Node};
use super::{Export, attribute, keys};
use crate::cloud::GroupRule;
use crate::model::kind::{Direction, Peer, SecurityGroup, TrafficRule};
use crate::model::value::IpProtocol;
use crate::model::{Id, Kind};

/// A range of ports; `None` is every port.
type Ports = Option<(u16, u16)>;
/// What rules must share to be written as one: protocol, ports, description.
type Shared<'r> = (IpProtocol, BTreeSet<Ports>, Option<&'r str>);

impl<'s> Export<'s> {
    /// The groups that let requests in: all of the load balancers', and of the targets' those that
    /// have a rule for it; the stack's own, and those in which it has rules.
    pub(super) fn groups_on_the_path(&self) -> BTreeSet<&'s Id> {
        let front = self.front();
        let let_in = |id: &&Id| {
            let spec = self.snapshot.found.get(*id).and_then(|live| live.spec.security_group());
            spec.is_some_and(|spec| !self.on_the_path(id, spec).is_empty())
        };
        let behind: Vec<&Id> = self.behind().into_keys().filter(let_in).collect();
        front.into_keys().chain(behind).chain(self.owned(Kind::SecurityGroup)).chain(self.with_own_rules()).collect()
    }

    /// The load balancers' groups with the ports of their listeners.
    fn front(&self) -> BTreeMap<&'s Id, BTreeSet<u16>> {
        let mut front: BTreeMap<&Id, BTreeSet<u16>> = BTreeMap::new();
        for balancer in &self.balancers {
            let lb = self.snapshot.found.get(*balancer).and_then(|live| live.spec.load_balancer());
            let listeners = self.listeners().filter(|(_, l)| l.load_balancer.id() == Some(*balancer));
            let ports: BTreeSet<u16> = listeners.map(|(_, listener)| listener.port).collect();
            for group in ids(lb.and_then(|lb| lb.security_groups.as_ref()).into_iter().flatten()) {
                front.entry(group).or_default().extend(&ports);
            }
        }
        front
    }

    /// The targets' groups with the ports that requests and health checks reach them at.
    fn behind(&self) -> BTreeMap<&'s Id, BTreeSet<u16>> {
        let mut behind: BTreeMap<&Id, BTreeSet<u16>> = BTreeMap::new();
        for group in self.routed_groups() {
            let spec = self.snapshot.found.get(group).and_then(|live| live.spec.target_group());
            let Some(spec) = spec else { continue };
            for target in self.targets_of(group) {
                for id in self.interface(target).into_iter().flat_map(|interface| &interface.groups) {
                    behind.entry(id).or_default().extend(ports(target, &spec.health_check));
                }
            }
        }
        behind
    }

    /// The networks that the load balancers' own addresses come from.
    fn networks(&self) -> Vec<IpNet> {
        let found = self.balancers.iter().filter_map(|id| self.snapshot.found.get(*id)?.spec.load_balancer());
        let subnets = found.filter_map(|lb| lb.subnets.as_ref()).flatten();
        ids(subnets).filter_map(|id| self.snapshot.subnets.get(id)?.cidr.parse().ok()).collect()
    }

    /// The rules of a group that the stack has made; all of them, if the group is the stack's.
    fn own(&self, id: &Id, spec: &'s SecurityGroup, direction: Direction) -> Vec<&'s TrafficRule> {
        let is_ours = keys::own_key(&spec.tags, &self.stack, Kind::SecurityGroup).is_some();
        let is_own = |rule: &&TrafficRule| match self.owner_of(id, direction, rule) {
            Some(stack) => *stack == self.stack,
            None => is_ours && !SecurityGroup::has_from_aws(direction, rule),
        };
        spec.rules(direction).into_iter().flatten().filter(is_own).collect()
    }

    /// The stack whose tag a rule of a group bears.
    fn owner_of(&self, id: &Id, direction: Direction, rule: &TrafficRule) -> Option<&'s String> {
        let rules = self.snapshot.found.get(id).map(|live| live.facts.group_rules()).unwrap_or_default();
        let known = rules.iter().find(|known| known.direction == direction && known.rule.same_traffic(rule))?;
        known.stack.as_ref()
    }

    /// The groups in which the stack has rules, whosever they are.
    fn with_own_rules(&self) -> impl Iterator<Item = &'s Id> + '_ {
        let own = |rule: &GroupRule| rule.stack.as_ref() == Some(&self.stack);
        self.snapshot.found.iter().filter(move |(_, live)| live.facts.group_rules().iter().any(own)).map(|(id, _)| id)
    }

    /// The ingress rules of a group that requests and health checks need.
    fn on_the_path(&self, id: &Id, spec: &'s SecurityGroup) -> Vec<&'s TrafficRule> {
        let (front, behind, networks) = (self.front(), self.behind(), self.networks());
        let admits = |rule: &TrafficRule, ports: Option<&BTreeSet<u16>>| {
            ports.into_iter().flatten().any(|port| rule.admits_tcp(*port))
        };
        let from_front = |peer: &Peer| match peer {
            Peer::Group(link) => link.id().is_some_and(|id| front.contains_key(id)),
            Peer::Cidr(net) => networks.iter().any(|subnet| net.contains(subnet)),
            Peer::PrefixList(_) => false,
        };
        let wanted = |rule: &&TrafficRule| {
            admits(rule, front.get(id)) || (admits(rule, behind.get(id)) && from_front(&rule.peer))
        };
        // what another stack made, its own files say
        let is_theirs =
            |rule: &&TrafficRule| self.owner_of(id, Direction::Ingress, rule).is_some_and(|stack| *stack != self.stack);
        spec.ingress.iter().flatten().filter(wanted).filter(|rule| !is_theirs(rule)).collect()
    }

    /// `security_groups:`.
    pub(super) fn security_groups(&self) -> Map {
        let mut section = Map::default();
        for (id, key) in &self.keys {
            if let Some(spec) = self.snapshot.found.get(*id).and_then(|live| live.spec.security_group()) {
                section.put(key, Node::Map(self.security_group(id, key, spec)));
            }
        }
        section
    }

    fn security_group(&self, id: &Id, key: &str, spec: &'s SecurityGroup) -> Map {
        let SecurityGroup { name, vpc, description, ingress: _, egress: _, tags } = spec;
        let mut map = Map::default();
        let ours = keys::own_key(tags, &self.stack, Kind::SecurityGroup).is_some();
        match (vpc, description) {
            (Some(vpc), Some(words)) if ours && !words.is_empty() => {
                if name != key {
                    map.put("name", Node::text(name));
                }
                map.put("vpc", self.name(vpc));
                map.put("description", Node::text(words));
                attribute::tags(&mut map, tags);
            }
            _ => {
                map.put("existing", Node::plain(true));
                let beside = description
                    .iter()
                    .filter(|words| !words.is_empty())
                    .fold(name.clone(), |name, words| if name == *words { name } else { format!("{name}: {words}") });
                map.noted("id", Node::text(id.as_str()), Some(beside));
            }
        }
        let mut ingress = self.on_the_path(id, spec);
        ingress.extend(self.own(id, spec, Direction::Ingress));
        for (direction, peer, mut rules) in
            [(Direction::Ingress, "from", ingress), (Direction::Egress, "to", self.own(id, spec, Direction::Egress))]
        {
            rules.sort();
            rules.dedup();
            let (rules, unsaid): (Vec<_>, Vec<_>) = rules.into_iter().partition(|rule| rule.is_in_language());
            for rule in unsaid {
                map.remark(&format!("{} {rule}: no502 has no words for it and leaves it alone", direction.key()));
            }
            if !rules.is_empty() {
                let list = self.traffic(id, peer, &rules).into_iter().map(|rule| (rule, None)).collect();
                map.put(direction.key(), Node::List(list));
            }
        }
        map
    }

    /// Rules that differ in their ports or their peer alone are written as one.
    fn traffic(&self, own: &Id, side: &str, rules: &[&TrafficRule]) -> Vec<Node> {
        let mut by_peer: BTreeMap<(IpProtocol, &Peer, Option<&str>), BTreeSet<Ports>> = BTreeMap::new();
        for TrafficRule { protocol, ports, peer, description } in rules.iter().copied() {
            by_peer.entry((*protocol, peer, description.as_deref())).or_default().insert(*ports);
        }
        let mut merged: BTreeMap<Shared<'_>, Vec<&Peer>> = BTreeMap::new();
        for ((protocol, peer, description), ports) in by_peer {
            merged.entry((protocol, ports, description)).or_default().push(peer);
        }
        let one = |((protocol, ports, description), peers): (Shared<'_>, Vec<&Peer>)| {
            let mut map = Map::flow();
            map.put(side, Node::one_or_many(peers.into_iter().map(|peer| self.peer(own, peer))));
            if protocol != IpProtocol::Tcp {
                map.put("protocol", Node::plain(protocol));
            }
            if matches!(protocol, IpProtocol::Tcp | IpProtocol::Udp) {
                map.put("ports", Node::one_or_many(ports.into_iter().map(range)));
            }
            map.put_some("description", description.map(Node::text));
            Node::Map(map)
        };
        merged.into_iter().map(one).collect()
    }

    fn peer(&self, own: &Id, peer: &Peer) -> Node {
        match peer {
            Peer::Group(link) if link.id() == Some(own) => Node::plain("self"),
            Peer::Group(link) => self.name(link),
            Peer::Cidr(net) => Node::text(&net.to_string()),
            Peer::PrefixList(id) => Node::text(id),
        }
    }
}

fn range(ports: Ports) -> Node {
    match ports {
        None => Node::text("0-65535"),
        Some((low, high)) if low == high => Node::plain(low),
        Some((low, high)) => Node::text(&format!("{low}-{high}")),
    }
}
