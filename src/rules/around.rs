//! Reads the lines in which situations say what is known around a stack.
//!
//! - `10.0.1.10 stands in subnet-c`
//! - `subnet-c acl in 100 allow tcp 8000 10.0.0.0/16`: an entry of its network ACL
//! - `subnet-a route 0.0.0.0/0 igw-1`, with `blackhole` behind it where it is one
//! - `subnet-b has 3 free addresses`
//! - `vpc-1 has 10.0.0.0/16`: a network of it
//! - `web is active_impaired`: AWS's state of a load balancer

use std::net::IpAddr;

use crate::cloud::network::{AclEntry, Act, Destination, Gateway, Route, RouteState};
use crate::cloud::{Facts, LoadBalancerFacts};
use crate::model::kind::Direction;
use crate::model::value::IpProtocol;
use crate::model::{Address, Id};
use crate::rules::Evidence;

fn id(text: &str) -> Id {
    Id(text.to_owned())
}

/// Lays what the lines say over evidence.
pub fn lay(lines: &str, evidence: &mut Evidence) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [ip, "stands", "in", subnet] => {
                let ip: IpAddr = ip.parse().unwrap();
                evidence.interfaces.entry(ip).or_default().subnet = Some(id(subnet));
            }
            [subnet, "acl", way, number, act, protocol, rest @ ..] => {
                let acls = evidence.network.acls.get_or_insert_default();
                let acl = id(&format!("acl-of-{subnet}"));
                acls.of_subnet.insert(id(subnet), acl.clone());
                let range = if rest.len() == 2 { rest[0].split_once('-').or(Some((rest[0], rest[0]))) } else { None };
                acls.entries.entry(acl).or_default().push(AclEntry {
                    number: number.parse().unwrap(),
                    direction: if *way == "in" { Direction::Ingress } else { Direction::Egress },
                    act: if *act == "allow" { Act::Allow } else { Act::Deny },
                    protocol: if *protocol == "tcp" { IpProtocol::Tcp } else { IpProtocol::All },
                    ports: range.map(|(low, high)| (low.parse().unwrap(), high.parse().unwrap())),
                    network: rest[rest.len() - 1].parse().unwrap(),
                });
            }
            [subnet, "route", to, via, state @ ..] => {
                let tables = evidence.network.tables.get_or_insert_default();
                let table = id(&format!("rtb-of-{subnet}"));
                tables.of_subnet.insert(id(subnet), table.clone());
                tables.routes.entry(table).or_default().push(Route {
                    to: Destination::Network(to.parse().unwrap()),
                    via: Gateway::of_id(via),
                    state: if state.is_empty() { RouteState::Active } else { RouteState::Blackhole },
                });
            }
            [subnet, "has", free, "free", "addresses"] => {
                evidence.subnets.get_mut(&id(subnet)).unwrap().free = Some(free.parse().unwrap());
            }
            [vpc, "has", network] => {
                let tables = evidence.network.tables.get_or_insert_default();
                let table = id(&format!("rtb-of-{vpc}"));
                tables.main.insert(id(vpc), table.clone());
                let to = Destination::Network(network.parse().unwrap());
                let local = Route { to, via: Gateway::Local, state: RouteState::Active };
                tables.routes.entry(table).or_default().push(local);
            }
            [lb, "is", state] => {
                let facts = LoadBalancerFacts { state: (*state).to_owned(), ..LoadBalancerFacts::default() };
                evidence.facts.insert(Address::load_balancer(lb), Facts::LoadBalancer(facts));
            }
            _ => panic!("{line}"),
        }
    }
}
