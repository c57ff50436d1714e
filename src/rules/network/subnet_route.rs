//! E508: a subnet of the load balancer has no route to the internet, or none to its targets.

use std::collections::{BTreeMap, BTreeSet};

use super::super::paths::Way;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::STACK;
use crate::cloud::network::{Gateway, Route, RouteState};
use crate::cloud::path::{Refusal, Refuser};
use crate::model::kind::LoadBalancer;
use crate::model::value::{IpAddressType, Scheme};
use crate::model::{Address, Id, Link};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E508",
    name: "subnet-route",
    severity: Severity::Critical,
    needs: &[Need::Routes],
    also: &[Need::Network],
    summary: "a load balancer's subnet has no route to the internet, or none to its targets",
    explain: EXPLAIN,
    bad: Situation {
        text: "one subnet of a public load balancer is a private one",
        desired: STACK,
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        around: "
subnet-a route 10.0.0.0/16 local
subnet-a route 0.0.0.0/0 igw-0123456789abcdef0
subnet-b route 10.0.0.0/16 local
subnet-b route 0.0.0.0/0 nat-0123456789abcdef0
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "both subnets lead to the internet gateway",
        desired: STACK,
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        around: "
subnet-a route 10.0.0.0/16 local
subnet-a route 0.0.0.0/0 igw-0123456789abcdef0
subnet-b route 10.0.0.0/16 local
subnet-b route 0.0.0.0/0 igw-0123456789abcdef0
",
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A public load balancer has a node with a public address in each of its subnets. Only where the subnet's route table leads
to an internet gateway do answers get back to clients. And where targets stand outside the VPC, the tables of both ends
must lead to each other: through peering, a transit gateway, or a VPN.

What clients see: a node in a subnet without an internet route never answers, and DNS hands its address out all the same:
in one subnet of two, half of the new connections time out, without a status and without a log line. Targets that no
route leads to give 504 after the connect timeout of 10 s, or 502 where a router says so.

How to tell: this rule takes the route table of each subnet, its own or the VPC's main one, and the longest prefix in it.
Routes through firewalls, network interfaces and NAT are not followed; for targets they leave it undecided and silent.
By hand: connect to each address of the load balancer's DNS name in turn.

How to mend it: add the route, or give the load balancer the right subnets. no502 changes no route table.

Sources: ELB user guide \"Application Load Balancers\" (subnets), \"Troubleshoot your Application Load Balancers\"; VPC user
guide \"Route tables\"; API EC2 DescribeRouteTables, CreateRoute.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let public = evidence.load_balancers().filter_map(|(address, lb)| stranded(evidence, address, lb));
    let mut lost: BTreeMap<(&Address, &Address), Vec<(&Way, &Refusal)>> = BTreeMap::new();
    for way in evidence.paths() {
        let by_route = |refusal: &&Refusal| matches!(refusal.by, Refuser::Route(..) | Refuser::NoRoute(_));
        if let Some(refusal) = way.refusals.iter().find(by_route) {
            lost.entry((&way.group, &way.balancer)).or_default().push((way, refusal));
        }
    }
    public.chain(lost.into_iter().filter_map(|((group, lb), ways)| unreachable(evidence, group, lb, &ways))).collect()
}

/// A public load balancer with nodes that cannot answer clients.
fn stranded(evidence: &Evidence, address: &Address, lb: &LoadBalancer) -> Option<Finding> {
    if lb.scheme != Some(Scheme::InternetFacing) {
        return None;
    }
    let families: &[bool] = if lb.ip_address_type == Some(IpAddressType::Ipv4) || lb.ip_address_type.is_none() {
        &[true]
    } else {
        &[true, false]
    };
    // its nodes have private IPv4 addresses and public IPv6 ones
    let families =
        if lb.ip_address_type == Some(IpAddressType::DualstackWithoutPublicIpv4) { &[false] } else { families };
    let subnets: Vec<&Id> = lb.subnets.iter().flatten().filter_map(Link::id).collect();
    let mut wrong: BTreeMap<&Id, String> = BTreeMap::new();
    for subnet in &subnets {
        let Some((table, routes)) = table(evidence, subnet) else { continue };
        for v4 in families {
            if let Some(instead) = dead_end(routes, *v4) {
                wrong.insert(subnet, format!("{table}: {instead}"));
            }
        }
    }
    let (first, _) = wrong.first_key_value()?;
    let severity = if wrong.len() == subnets.len() { Severity::Critical } else { Severity::High };
    let which = if wrong.len() > 1 { format!("{} of its subnets have", wrong.len()) } else { format!("{first} has") };
    let shown: Vec<String> = wrong.iter().map(|(subnet, why)| format!("{subnet} {why}")).collect();
    Some(
        RULE.finding(severity, address, "subnets")
            .titled(format!("{} is internet-facing, but {which} no route to the internet", address.name))
            .detailed(format!(
                "Nodes in {} of {} subnets never answer clients: as large a share of new connections times out, without a \
                 status and without a log line.",
                wrong.len(),
                subnets.len()
            ))
            .evident(address, "subnets", shown)
            .mended_by(format!("route 0.0.0.0/0 to an internet gateway in the table of {first}, or choose a public subnet")),
    )
}

fn table<'e>(evidence: &'e Evidence<'e>, subnet: &Id) -> Option<(&'e Id, &'e [Route])> {
    let vpc = evidence.subnets.get(subnet).and_then(|subnet| subnet.vpc.as_ref());
    evidence.network.tables.as_ref()?.of(subnet, vpc)
}

/// Where a table sends the internet's packets instead; `None` if some route may lead there.
fn dead_end(routes: &[Route], v4: bool) -> Option<String> {
    let of_family = |route: &&Route| route.to.network().is_none_or(|net| net.addr().is_ipv4() == v4);
    let may_lead = |route: &Route| match (&route.via, route.state) {
        (_, RouteState::Blackhole) => false,
        (Gateway::Internet(_), RouteState::Active) => true,
        // a firewall's endpoint, a carrier's gateway, an inspection VPC: what is behind it is not seen
        (Gateway::Other(_) | Gateway::Transit(_) | Gateway::Private(_), RouteState::Active) => {
            route.to.network().is_none_or(|net| net.prefix_len() == 0)
        }
        (Gateway::Local | Gateway::Peering(_) | Gateway::EgressOnly(_) | Gateway::Nat(_), RouteState::Active) => false,
    };
    if routes.iter().filter(of_family).any(may_lead) {
        return None;
    }
    let default = routes.iter().filter(of_family).find(|route| route.to.network().is_some_and(|n| n.prefix_len() == 0));
    let none = || format!("no default route for {}", if v4 { "IPv4" } else { "IPv6" });
    Some(default.map_or_else(none, ToString::to_string))
}

/// Targets that no route leads to, or from.
fn unreachable(evidence: &Evidence, group: &Address, lb: &Address, ways: &[(&Way, &Refusal)]) -> Option<Finding> {
    let (_, first) = ways.first()?;
    let targets: BTreeSet<&Address> = ways.iter().map(|(way, _)| &way.target).collect();
    let all = evidence.paths().iter().filter(|way| way.group == *group && way.balancer == *lb).count();
    let cut_off = ways.len() == all && evidence.serves(group);
    let severity = if cut_off { Severity::Critical } else { Severity::High };
    let count = match targets.len() {
        1 => "one target".to_owned(),
        n => format!("{n} targets"),
    };
    let why: BTreeSet<String> = ways.iter().map(|(_, r)| format!("{}: {}", r.place.in_words(), r.by)).collect();
    let mut finding = RULE
        .finding(severity, group, "targets")
        .titled(format!("no route between {} and {count} of {}", lb.name, group.name))
        .detailed(format!(
            "Clients get 504 after 10 s, or 502 at once where a router refuses: {}, {} leads nowhere.",
            first.place.in_words(),
            first.by
        ))
        .evident(lb, "routes", why)
        .mended_by(first.fix.to_string());
    for target in targets.iter().take(3) {
        finding = finding.evident(target, "", serde_json::json!({ "reachable": false }));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use crate::model::value::Scheme;
    use crate::rules::Severity;

    fn public(lines: &str) -> World {
        let mut world = World::seed();
        world.balancer().scheme = Some(Scheme::InternetFacing);
        world.around(lines);
        world
    }

    #[test]
    fn every_public_subnet_leads_to_the_internet() {
        for (a, b, found) in [
            ("0.0.0.0/0 igw-1", "0.0.0.0/0 igw-1", None),
            ("0.0.0.0/0 igw-1", "0.0.0.0/0 nat-1", Some(Severity::High)),
            ("0.0.0.0/0 igw-1", "0.0.0.0/0 igw-1 blackhole", Some(Severity::High)),
            ("172.16.0.0/12 pcx-1", "172.16.0.0/12 pcx-1", Some(Severity::Critical)),
            // a firewall in front, an allow list instead of a default route
            ("0.0.0.0/0 vpce-1", "198.51.100.0/24 igw-1", None),
        ] {
            let local = "route 10.0.0.0/16 local";
            let world = public(&format!("subnet-a {local}\nsubnet-b {local}\nsubnet-a route {a}\nsubnet-b route {b}"));
            world.expect(&found.map(|severity| ("E508", severity)).into_iter().collect::<Vec<_>>());
        }
        let mut world = public("subnet-a route 10.0.0.0/16 local");
        world.balancer().scheme = Some(Scheme::Internal);
        world.expect(&[]);
    }

    #[test]
    fn targets_elsewhere_need_a_route() {
        let mut world = World::seed();
        world.interfaces.clear();
        world.around("subnet-a route 10.0.101.0/24 local\nsubnet-b route 10.0.0.0/16 local");
        let finding = world.only();
        assert_eq!((finding.rule.as_str(), finding.severity), ("E508", Severity::High));
        assert_eq!(finding.title, "no route between web and 2 targets of django");
        assert_eq!(finding.fix.text, "add a route to 10.0.1.10/32 in rtb-of-subnet-a");
    }
}
