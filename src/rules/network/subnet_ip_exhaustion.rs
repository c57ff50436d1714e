//! E509: a load balancer's subnet is nearly out of addresses.

use ipnet::IpNet;

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::STACK;
use crate::cloud::{Facts, Subnet};
use crate::model::kind::LoadBalancer;
use crate::model::{Address, Id, Link};

const FIELD: &str = "subnets";
/// ELB user guide "Application Load Balancers": at least a /27 with at least eight free addresses in each subnet.
const FREE: u32 = 8;
const LONGEST: u8 = 27;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E509",
    name: "subnet-ip-exhaustion",
    severity: Severity::High,
    needs: &[Need::Live],
    also: &[],
    summary: "a load balancer's subnet has too few free addresses for it to grow",
    explain: EXPLAIN,
    bad: Situation {
        text: "three addresses are left in one of its subnets",
        desired: STACK,
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        around: "
subnet-a has 200 free addresses
subnet-b has 3 free addresses
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "both subnets have room",
        desired: STACK,
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        around: "
subnet-a has 200 free addresses
subnet-b has 120 free addresses
",
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A load balancer grows with its traffic by adding nodes, and each node takes addresses of its subnet. AWS asks for a
network of /27 or larger with at least eight free addresses in every subnet.

What clients see: nothing, until the load grows. Then the load balancer cannot, its state becomes `active_impaired`, and
requests are slow or end in 5xx. Pods and tasks in the same subnet take the same addresses.

How to tell: DescribeSubnets gives AvailableIpAddressCount; fewer than eight is a latent outage, and a present one once
the load balancer says that it is impaired. A smaller network that still has room is only a note.

How to mend it: free addresses, or give the load balancer other subnets. Subnets of its own are best.

Sources: ELB user guide \"Application Load Balancers\" (subnets for your load balancer); API EC2 DescribeSubnets, API
DescribeLoadBalancers (LoadBalancerState).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.load_balancers().filter_map(|(address, lb)| finding(evidence, address, lb)).collect()
}

/// The subnets of a load balancer that have fewer addresses left than AWS asks for.
pub(super) fn starved<'e>(evidence: &'e Evidence<'e>, lb: &'e LoadBalancer) -> Vec<(&'e Id, u32)> {
    known(evidence, lb).filter_map(|(id, subnet)| Some((id, subnet.free.filter(|free| *free < FREE)?))).collect()
}

fn known<'e>(evidence: &'e Evidence<'e>, lb: &'e LoadBalancer) -> impl Iterator<Item = (&'e Id, &'e Subnet)> {
    let ids = lb.subnets.iter().flatten().filter_map(Link::id);
    ids.filter_map(|id| Some((id, evidence.subnets.get(id)?)))
}

fn finding(evidence: &Evidence, address: &Address, lb: &LoadBalancer) -> Option<Finding> {
    let starved = starved(evidence, lb);
    let is_small = |subnet: &Subnet| subnet.cidr.parse::<IpNet>().is_ok_and(|net| net.prefix_len() > LONGEST);
    let small: Vec<&Id> = known(evidence, lb).filter(|(_, subnet)| is_small(subnet)).map(|(id, _)| id).collect();
    let impaired = matches!(evidence.facts.get(address), Some(Facts::LoadBalancer(f)) if f.state == "active_impaired");
    let (severity, which, title) = match (starved.first(), small.first()) {
        (Some((id, free)), _) => {
            let severity = if impaired { Severity::High } else { Severity::Medium };
            (severity, *id, format!("{free} addresses are left in {id} of {}, fewer than {FREE}", address.name))
        }
        (None, Some(id)) => (Severity::Info, *id, format!("{id} of {} is smaller than /{LONGEST}", address.name)),
        (None, None) => return None,
    };
    let shown: Vec<String> = known(evidence, lb)
        .map(|(id, subnet)| {
            let free = subnet.free.map_or_else(|| "unknown".to_owned(), |free| free.to_string());
            format!("{id} {}, {free} free", subnet.cidr)
        })
        .collect();
    let detail = if impaired {
        "The load balancer is impaired: it cannot add nodes, so requests are slow or end in 5xx."
    } else {
        "The load balancer cannot add nodes when traffic grows; requests then are slow or end in 5xx."
    };
    Some(
        RULE.finding(severity, address, FIELD)
            .titled(title)
            .detailed(detail)
            .evident(address, FIELD, shown)
            .mended_by(format!("free addresses in {which}, or declare larger subnets for {}", address.name)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use crate::rules::Severity;

    #[test]
    fn few_are_medium_impaired_is_high_small_is_a_note() {
        for (lines, found) in [
            ("subnet-a has 8 free addresses", None),
            ("subnet-a has 7 free addresses", Some(Severity::Medium)),
            ("subnet-a has 7 free addresses\nweb is active_impaired", Some(Severity::High)),
        ] {
            let mut world = World::seed();
            world.around(lines);
            world.expect(&found.map(|severity| ("E509", severity)).into_iter().collect::<Vec<_>>());
        }
        let mut world = World::seed();
        world.subnets.values_mut().for_each(|subnet| subnet.cidr = "10.0.101.0/28".to_owned());
        world.expect(&[("E509", Severity::Info)]);
    }
}
