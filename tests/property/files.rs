//! An estate as a desired file: numbers become names, and what would be refused before AWS is ever asked is left out.

use std::collections::BTreeMap;

use super::account;
use super::estate::{Door, Estate, Fields, GRPC, Group, INSTANCES, LAMBDA, Listener, Passage};
use super::routing::{Action, Rule};
use super::text::{Node, list, map, text, word};

/// What each number is called in the files; some have another name on AWS.
pub const BALANCERS: [&str; 2] = ["web", "intern"];
const DOORS: [&str; 3] = ["alb", "app", "door-3"];
const CERTIFICATES: [&str; 3] = ["legacy", "app", "partner"];

fn group_key(number: u8) -> String {
    format!("g{number}")
}

/// The `index`-th of what there is, counted round.
fn nth<K, V>(all: &BTreeMap<K, V>, index: u8) -> Option<&K> {
    all.keys().nth(usize::from(index) % all.len().max(1))
}

impl Estate {
    /// This estate where a pick says so, the other elsewhere; things count by their numbers.
    pub fn mixed(&self, other: &Self, picks: &[bool]) -> Self {
        let mut picks = picks.iter().copied().cycle();
        let mut other_one = move || picks.next().unwrap_or(false);
        Self {
            groups: mixed(&self.groups, &other.groups, &mut other_one),
            certificates: mixed(&self.certificates, &other.certificates, &mut other_one),
            doors: mixed(&self.doors, &other.doors, &mut other_one),
            balancers: mixed(&self.balancers, &other.balancers, &mut other_one),
            listeners: mixed(&self.listeners, &other.listeners, &mut other_one),
            rules: mixed(&self.rules, &other.rules, &mut other_one),
        }
    }

    /// The whole file. `existing` says which sections' things are somebody else's.
    pub fn file(&self, stack: &str) -> Node {
        let groups = self.groups.iter().map(|(n, group)| (group_key(*n), self.group(*n, group)));
        let certificates =
            self.certificates.iter().map(|(n, fields)| (CERTIFICATES[usize::from(*n)], map(fields.clone())));
        let doors = self.doors.iter().map(|(n, door)| (DOORS[usize::from(*n)], self.door(*n, door)));
        let balancers = self.balancers.keys().map(|n| (BALANCERS[usize::from(*n)], self.balancer(*n)));
        map([
            ("version", word(1)),
            ("stack", text(stack)),
            ("account", text(account::NUMBER)),
            ("region", text(account::REGION)),
            ("certificates", map(certificates)),
            ("security_groups", map(doors)),
            ("target_groups", map(groups)),
            ("load_balancers", map(balancers)),
        ])
    }

    fn group(&self, number: u8, group: &Group) -> Node {
        let mut fields = group.fields.clone();
        let (kind, protocol, port) = match number {
            LAMBDA => ("lambda", "", 0),
            INSTANCES => ("instance", "http", 8080),
            GRPC => ("ip", "http", 50051),
            n if n % 2 == 1 => ("ip", "https", 8443),
            _ => ("ip", "http", 8000),
        };
        fields.insert("target_type", word(kind));
        if number == 1 {
            fields.insert("name", text("group-one"));
        }
        if kind != "lambda" {
            fields.insert("protocol", word(protocol));
            fields.insert("port", word(port + u16::from(group.odd)));
            fields.insert("vpc", text(account::VPC));
        }
        if number == GRPC {
            fields.insert("protocol_version", word("grpc"));
        }
        if let Some(targets) = &group.targets {
            let mut all: BTreeMap<String, Node> = BTreeMap::new();
            for (id, other_port, outside) in targets {
                let (label, node) = target(kind, *id, *other_port, *outside);
                all.entry(label).or_insert(node);
            }
            fields.insert("targets", list(all.into_values()));
        }
        map(fields)
    }

    fn door(&self, number: u8, door: &Door) -> Node {
        let mut fields = door.fields.clone();
        fields.insert("vpc", text(account::VPC));
        fields.insert("description", text(if door.odd { "another" } else { "who comes in" }));
        if number == 2 {
            fields.insert("name", text("third door"));
        }
        for (key, peer, rules) in [("ingress", "from", &door.ingress), ("egress", "to", &door.egress)] {
            if let Some(rules) = rules {
                fields.insert(key, list(rules.iter().map(|rule| self.passage(peer, rule))));
            }
        }
        map(fields)
    }

    fn passage(&self, side: &'static str, rule: &Passage) -> Node {
        let peer = match rule.peer {
            0 => text("0.0.0.0/0"),
            1 => text("10.0.0.0/16"),
            2 => text("2001:db8::/32"),
            3 => text("self"),
            4 => text(account::PREFIX_LIST),
            5 => text(account::DOOR),
            _ => nth(&self.doors, 0).map_or_else(|| text("self"), |n| text(DOORS[usize::from(*n)])),
        };
        let mut fields = vec![(side, peer)];
        match rule.ports {
            "all" => fields.push(("protocol", word("all"))),
            "udp 53" => fields.extend([("protocol", word("udp")), ("ports", word(53))]),
            range if range.contains('-') => fields.push(("ports", list([text(range)]))),
            port => fields.push(("ports", word(port))),
        }
        fields.extend(rule.note.map(|note| ("description", text(note))));
        map(fields)
    }

    fn door_name(&self, index: u8) -> Node {
        match nth(&self.doors, index).filter(|_| index < 3) {
            Some(number) => text(DOORS[usize::from(*number)]),
            None => text(account::DOOR),
        }
    }

    fn balancer(&self, number: u8) -> Node {
        let balancer = &self.balancers[&number];
        let mut fields = balancer.fields.clone();
        let internal = (number == 1) != balancer.odd;
        fields.insert("scheme", word(if internal { "internal" } else { "internet-facing" }));
        fields.insert("subnets", list(balancer.subnets.iter().map(|n| text(account::subnet(*n)))));
        if let Some(doors) = &balancer.doors {
            let mut names: Vec<Node> = Vec::new();
            for door in doors.iter().map(|index| self.door_name(*index)) {
                if !names.contains(&door) {
                    names.push(door);
                }
            }
            fields.insert("security_groups", list(names));
        }
        let listeners = self.listeners.iter().filter(|((lb, _), _)| *lb == number);
        let listeners: Vec<_> =
            listeners.map(|((_, port), listener)| (port.to_string(), self.listener(number, *port, listener))).collect();
        fields.insert("listeners", map(listeners));
        map(fields)
    }

    fn certificate_name(&self, index: u8) -> Node {
        nth(&self.certificates, index)
            .map_or_else(|| text(account::CERTIFICATE), |number| text(CERTIFICATES[usize::from(*number)]))
    }

    fn listener(&self, balancer: u8, port: u16, listener: &Listener) -> Node {
        let mut fields = listener.fields.clone();
        let more = fields.remove("https attributes");
        fields.insert("protocol", word(if listener.https { "https" } else { "http" }));
        if listener.https {
            fields.entry("ssl_policy").or_insert_with(|| word("ELBSecurityPolicy-TLS13-1-2-2021-06"));
            fields.insert("certificate", self.certificate_name(listener.certificate));
            if let Some(sni) = &listener.sni {
                let mut names: Vec<Node> = Vec::new();
                for name in sni.iter().map(|index| self.certificate_name(*index)) {
                    if !names.contains(&name) && name != fields["certificate"] {
                        names.push(name);
                    }
                }
                fields.insert("sni_certificates", list(names));
            }
            if let (Some(Node::Map(more)), Some(Node::Map(all))) = (more, fields.get_mut("attributes")) {
                all.extend(more);
            }
        } else {
            fields.remove("ssl_policy");
        }
        fields.insert("default", map([self.action(balancer, listener.https, &listener.default)]));
        fields.insert("rules", self.rules(balancer, port, listener));
        map(fields)
    }

    fn rules(&self, balancer: u8, port: u16, listener: &Listener) -> Node {
        let numbered = listener.numbered;
        let of_listener = self.rules.iter().filter(|((lb, at, _), _)| *lb == balancer && *at == port);
        let mut rules: Vec<(u8, &Rule)> = of_listener.map(|((_, _, key), rule)| (*key, rule)).collect();
        rules.sort_by_key(|(key, rule)| (rule.place, *key));
        let mut last = 0;
        let mut written: Vec<(String, Node)> = Vec::new();
        for (key, rule) in rules {
            last = rule.place.max(last + 1);
            let (name, action) = self.action(balancer, listener.https, &rule.action);
            let mut fields: Fields = rule.fields.clone();
            if name != "forward" {
                fields.remove("rewrite");
            }
            if !listener.https {
                fields.remove("authenticate");
            }
            fields.insert(name, action);
            fields.insert("when", map(rule.when.clone()));
            if numbered {
                fields.insert("priority", word(last));
            }
            written.push((format!("r{key}"), map(fields)));
        }
        if numbered { Node::Map(written) } else { Node::Ordered(written) }
    }

    /// A group serves one load balancer: the first has the even ones, the second the odd ones. Only HTTPS listeners
    /// lead to gRPC.
    fn action(&self, balancer: u8, https: bool, action: &Action) -> (&'static str, Node) {
        let (to, stickiness, external) = match action {
            Action::Fixed(fields) => return ("fixed_response", map(fields.clone())),
            Action::Redirect(fields) => return ("redirect", map(fields.clone())),
            Action::Forward { to, stickiness, external } => (to, stickiness, *external),
        };
        let ours: BTreeMap<u8, ()> =
            self.groups.keys().filter(|n| **n % 2 == balancer && (https || **n != GRPC)).map(|n| (*n, ())).collect();
        let mut weights: Vec<(String, Node)> = Vec::new();
        for (index, weight) in to {
            let Some(number) = nth(&ours, *index) else { break };
            let key = group_key(*number);
            // a function cannot share a weighted forward with nothing gained here
            if !weights.iter().any(|(name, _)| *name == key) {
                weights.push((key, word(weight)));
            }
        }
        match &weights[..] {
            [] => ("fixed_response", map([("status", word(503))])),
            [(only, _)] if stickiness.is_none() && !external => ("forward", text(only.clone())),
            _ => {
                let mut fields = vec![("to", Node::Map(weights))];
                fields.extend(stickiness.map(|words| ("stickiness", word(words))));
                if external {
                    fields.push(("weights", word("external")));
                }
                ("forward", map(fields))
            }
        }
    }
}

fn target(kind: &str, id: u8, other_port: bool, outside: bool) -> (String, Node) {
    match kind {
        "lambda" => (String::new(), text(account::FUNCTION)),
        "instance" => {
            let id = format!("i-0123456789abcde{id:02x}");
            let label = if other_port { format!("{id}:9000") } else { id };
            (label.clone(), text(label))
        }
        _ => {
            let ip = format!("10.{}.1.{}", if outside { 9 } else { 0 }, id + 10);
            let label = if other_port { format!("{ip}:9000") } else { ip.clone() };
            if !outside {
                return (label.clone(), text(label));
            }
            let mut fields = vec![("id", text(ip)), ("zone", word("all"))];
            if other_port {
                fields.push(("port", word(9000)));
            }
            (label, map(fields))
        }
    }
}

fn mixed<K: Ord + Clone, V: Clone>(
    one: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
    from_other: &mut impl FnMut() -> bool,
) -> BTreeMap<K, V> {
    let keys: std::collections::BTreeSet<&K> = one.keys().chain(other.keys()).collect();
    let pick = |key: &K| if from_other() { other.get(key) } else { one.get(key) };
    let mut pick = pick;
    keys.into_iter().filter_map(|key| Some((key.clone(), pick(key)?.clone()))).collect()
}
