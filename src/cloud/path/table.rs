//! The table of topologies: each a few lines that differ from an open one, with its verdict and the first refusal.
//!
//! A line names a thing and says what it is; the lines of a case replace all of the open topology's lines for that thing.
//! `sg-app unread` takes it away, `sg-app none` leaves it without rules. `subnet-x` has `acl-x` and `rtb-x`.

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::{Around, End, Extent, Unread, Verdict, judge};
use crate::cloud::network::{
    AclEntry, Acls, Act, Destination, Gateway, LAST_ENTRY, Network, Route, RouteState, Tables,
};
use crate::model::kind::{Direction, Peer, SecurityGroup, TrafficRule};
use crate::model::value::IpProtocol;
use crate::model::{Id, Link};

/// Name, lines, verdict.
type Case = (&'static str, &'static str, &'static str);

/// Everything is open.
const OPEN: &str = "
lb 10.0.1.0/24 subnet-a vpc-1 sg-lb
target 10.0.11.10 subnet-b vpc-1 sg-app
port 8000
sg-lb out all 0.0.0.0/0
sg-app in tcp 8000 sg-lb
acl-a in 100 allow all 0.0.0.0/0
acl-a out 100 allow all 0.0.0.0/0
acl-b in 100 allow all 0.0.0.0/0
acl-b out 100 allow all 0.0.0.0/0
rtb-a 10.0.0.0/16 local
rtb-b 10.0.0.0/16 local
";

#[derive(Default)]
struct Topology {
    groups: BTreeMap<Link, SecurityGroup>,
    network: Network,
    balancer: End,
    target: End,
    port: u16,
}

fn id(text: &str) -> Id {
    Id(text.to_owned())
}
fn link(text: &str) -> Link {
    Link::Id(id(text))
}
fn net(text: &str) -> IpNet {
    text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)).unwrap_or_else(|_| panic!("{text}"))
}
fn protocol(text: &str) -> IpProtocol {
    IpProtocol::from_aws(if text == "all" { "-1" } else { text }).unwrap_or_else(|| panic!("{text}"))
}
fn direction(text: &str) -> Direction {
    if text == "in" { Direction::Ingress } else { Direction::Egress }
}
/// `8000`, `8000-8100`; `None` for anything that is not a range.
fn ports(text: &str) -> Option<(u16, u16)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Some((low.parse().ok()?, high.parse().ok()?))
}

impl Topology {
    fn of(lines: &str) -> Self {
        let head = |line: &str| line.split(' ').next().unwrap().to_owned();
        let said: BTreeSet<String> = lines.lines().map(str::trim).filter(|l| !l.is_empty()).map(head).collect();
        let kept = OPEN.lines().filter(|line| !line.is_empty() && !said.contains(&head(line)));
        let mut topology = Self {
            network: Network { acls: Some(Acls::default()), tables: Some(Tables::default()), ..Network::default() },
            ..Self::default()
        };
        for line in kept.chain(lines.lines().map(str::trim).filter(|line| !line.is_empty())) {
            let words: Vec<&str> = line.split_whitespace().collect();
            topology.line(words[0], &words[1..]);
        }
        topology
    }
    fn line(&mut self, name: &str, rest: &[&str]) {
        match (name.split_once('-').map_or(name, |(kind, _)| kind), rest) {
            (_, ["unread"]) => {}
            ("lb", rest) => self.balancer = Self::end(rest),
            ("target", rest) => self.target = Self::end(rest),
            ("port", [port]) => self.port = port.parse().unwrap(),
            ("pl", nets) => drop(self.network.lists.insert(name.to_owned(), nets.iter().map(|n| net(n)).collect())),
            ("sg", rest) => {
                let group = self.groups.entry(link(name)).or_default();
                group.ingress.get_or_insert_default();
                group.egress.get_or_insert_default();
                if let [way, rule @ ..] = rest
                    && *way != "none"
                {
                    group.rules_mut(direction(way)).as_mut().unwrap().push(Self::rule(rule));
                }
            }
            ("acl", rest) => self.entry(name, rest),
            ("rtb", rest) => self.route(name, rest),
            _ => panic!("{name} {rest:?}"),
        }
    }
    /// Networks, then the subnet, the VPC, the groups; what begins with `?` is unknown.
    fn end(words: &[&str]) -> End {
        let mut end = End { groups: Some(BTreeSet::new()), ..End::default() };
        for word in words {
            match word.split_once('-').map_or(*word, |(kind, _)| kind) {
                "subnet" => end.subnet = Some(id(word)),
                "vpc" => end.vpc = Some(id(word)),
                "sg" => drop(end.groups.as_mut().unwrap().insert(link(word))),
                "?groups" => end.groups = None,
                _ => end.networks.push(net(word)),
            }
        }
        end
    }
    fn rule(words: &[&str]) -> TrafficRule {
        let (first, peer) = (words[0], words[words.len() - 1]);
        let range = if words.len() == 3 { ports(words[1]) } else { None };
        let peer = match peer.split_once('-').map(|(kind, _)| kind) {
            Some("sg") => Peer::Group(link(peer)),
            Some("pl") => Peer::PrefixList(peer.to_owned()),
            _ => Peer::Cidr(net(peer)),
        };
        TrafficRule { protocol: protocol(first), ports: range, peer, description: None }
    }
    /// `in 100 allow tcp 1024-65535 10.0.0.0/8`; `none` for an ACL that has no entry but the last.
    fn entry(&mut self, name: &str, words: &[&str]) {
        let acls = self.network.acls.as_mut().unwrap();
        acls.of_subnet.insert(id(&name.replace("acl", "subnet")), id(name));
        let entries = acls.entries.entry(id(name)).or_default();
        let [way, number, act, kind, rest @ ..] = words else { return };
        entries.push(AclEntry {
            number: if *number == "*" { LAST_ENTRY } else { number.parse().unwrap() },
            direction: direction(way),
            act: if *act == "allow" { Act::Allow } else { Act::Deny },
            protocol: protocol(kind),
            ports: if rest.len() == 2 { ports(rest[0]) } else { None },
            network: net(rest[rest.len() - 1]),
        });
    }
    /// `10.1.0.0/16 pcx-1`, with `blackhole` behind it where it is one; `none` for a table without routes.
    fn route(&mut self, name: &str, words: &[&str]) {
        let tables = self.network.tables.as_mut().unwrap();
        tables.of_subnet.insert(id(&name.replace("rtb", "subnet")), id(name));
        let routes = tables.routes.entry(id(name)).or_default();
        let [to, via, state @ ..] = words else { return };
        let list = || Destination::PrefixList((*to).to_owned());
        routes.push(Route {
            to: if to.starts_with("pl-") { list() } else { Destination::Network(net(to)) },
            via: Gateway::of_id(via),
            state: if state.is_empty() { RouteState::Active } else { RouteState::Blackhole },
        });
    }
    fn judge(&self) -> Verdict {
        let group = |link: &Link| self.groups.get(link);
        judge(Around { group: &group, network: &self.network }, &self.balancer, &self.target, self.port)
    }
}

/// The verdict as the table writes it: the first refusal with its extent, its fix, and how many more there are.
fn written(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Open => "open".to_owned(),
        Verdict::Unknown(unread) => {
            let one = |unread: &Unread| match unread {
                Unread::Groups(_) => "groups".to_owned(),
                Unread::Group(link) => link.to_string(),
                Unread::PrefixList(name) | Unread::Beyond(name) => name.clone(),
                Unread::Acl(subnet) => format!("acl of {subnet}"),
                Unread::Table(subnet) => format!("routes of {subnet}"),
                Unread::Target => "target".to_owned(),
                Unread::Balancer => "balancer".to_owned(),
            };
            format!("unknown: {}", unread.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        Verdict::Refused(all) => {
            let first = &all[0];
            let extent = match first.extent {
                Extent::All => "",
                Extent::Some => " (some)",
                Extent::Few => " (few)",
            };
            let more = if all.len() > 1 { format!(" +{}", all.len() - 1) } else { String::new() };
            format!("{:?}: {}{extent} | {}{more}", first.place, first.by, first.fix)
        }
    }
}

#[test]
fn topologies_and_their_first_refusal() {
    assert!(cases::ALL.iter().map(|group| group.len()).sum::<usize>() >= 60);
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for (name, lines, expected) in cases::ALL.into_iter().flatten() {
        assert!(names.insert(name), "{name} is there twice");
        let found = written(&Topology::of(lines).judge());
        if found != *expected {
            wrong.push(format!("{name}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_place_and_every_refuser_has_words() {
    let all: Vec<Verdict> = cases::ALL.into_iter().flatten().map(|(_, lines, _)| Topology::of(lines).judge()).collect();
    let places: BTreeSet<_> = all.iter().flat_map(Verdict::refusals).map(|refusal| refusal.place).collect();
    assert_eq!(places.len(), 8, "the table refuses at every place");
    let words: BTreeSet<_> = places.iter().map(|place| place.in_words()).collect();
    assert_eq!(words.len(), places.len());
}
