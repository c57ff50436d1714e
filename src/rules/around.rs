//! Reads what situations say of the surroundings: counted traffic, and the lines on what is known around a stack.
//!
//! - `10.0.1.10 stands in subnet-c`
//! - `subnet-c acl in 100 allow tcp 8000 10.0.0.0/16`: an entry of its network ACL
//! - `subnet-a route 0.0.0.0/0 igw-1`, with `blackhole` behind it where it is one
//! - `subnet-b has 3 free addresses`
//! - `vpc-1 has 10.0.0.0/16`: a network of it
//! - `web is active_impaired`: AWS's state of a load balancer

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::cloud::network::{AclEntry, Act, Destination, Gateway, Route, RouteState};
use crate::cloud::{Facts, LoadBalancerFacts};
use crate::model::kind::Direction;
use crate::model::traffic::{Counted, Logs, Traffic};
use crate::model::value::IpProtocol;
use crate::model::{Address, Id};
use crate::rules::Evidence;
use crate::rules::situation::Logged;

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

/// What access logs and metrics show, as diagnose hands it to the rules.
pub fn traffic(logged: &[Logged], measured: &BTreeMap<Address, Counted>) -> Traffic {
    let reasons = |logged: &Logged| match logged.reason {
        "" => BTreeMap::new(),
        reason => BTreeMap::from([(reason.to_owned(), logged.count)]),
    };
    let counted = |logged: &Logged| Counted {
        requests: logged.requests,
        shapes: BTreeMap::from([(logged.shape, logged.count)]),
        reasons: reasons(logged),
        ..Counted::default()
    };
    let at = |logged: &Logged| logged.at.parse::<Address>().unwrap();
    let measured = measured.iter().map(|(address, counted)| (address.clone(), counted.clone()));
    let counted = logged.iter().map(|logged| (at(logged), counted(logged))).chain(measured).collect();
    Traffic { logs: Some(Logs::default()), counted, ..Traffic::default() }
}
