//! E909: an IPv6 group behind a load balancer without IPv6.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::model::Address;
use crate::model::value::{AddressFamily, IpAddressType};

const FIELD: &str = "ip_address_type";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E909",
    name: "ipv6-mismatch",
    severity: Severity::Critical,
    needs: &[],
    also: &[Need::Live],
    summary: "an IPv6 group behind a load balancer without IPv6",
    explain: EXPLAIN,
    bad: Situation {
        text: "the load balancer was set back to IPv4, its targets have IPv6 addresses",
        desired: STACK,
        live: "
load_balancers:
  web:
    ip_address_type: ipv4
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the load balancer has both families", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const STACK: &str = r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    ip_address_type: ipv6
    vpc: main
    targets: ["2001:db8::10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    ip_address_type: dualstack
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#;

const EXPLAIN: &str = "
A group's targets are of one address family, chosen when the group is made. A load balancer reaches IPv6 targets only
if it has IPv6 addresses itself: dualstack, with or without public IPv4. The family of the client does not matter, a
dualstack load balancer takes IPv4 clients to IPv6 targets.

What clients see: AWS refuses to attach such a group to a load balancer of IPv4 alone. Where the load balancer is set back
afterwards, its targets can no longer be reached: 502 or 504 for all requests to the group.

How to tell: the group's address type is ipv6 and the load balancer's is ipv4.

How to mend it: set the load balancer to dualstack, which needs subnets with IPv6 networks; or make a group of IPv4
targets, because a group's family cannot be edited.

Sources: API CreateTargetGroup.IpAddressType, SetIpAddressType; ELB user guide \"Target groups for your Application Load
Balancers\" (IP address type).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let ipv6 = evidence.target_groups().filter(|(_, group)| group.ip_address_type == Some(AddressFamily::Ipv6));
    ipv6.flat_map(|(group, _)| {
        let balancers = evidence.load_balancers_of(group).into_iter();
        balancers.filter_map(|lb| judge(evidence, group, lb)).collect::<Vec<_>>()
    })
    .collect()
}

fn judge(evidence: &Evidence, group: &Address, lb: &Address) -> Option<Finding> {
    let family = match evidence.load_balancer(lb)?.ip_address_type {
        None if evidence.unread(lb) => return None,
        family => family.unwrap_or(IpAddressType::Ipv4),
    };
    if family != IpAddressType::Ipv4 {
        return None;
    }
    let severity = if evidence.serves(group) { Severity::Critical } else { Severity::Medium };
    let finding = RULE
        .finding(severity, lb, FIELD)
        .titled(format!("{} has no IPv6, the targets of {} have nothing else", lb.name, group.name))
        .detailed(format!("Clients get 502 or 504 for every request to {}, or AWS refuses to attach it.", group.name))
        .evident(lb, FIELD, family)
        .evident(group, FIELD, AddressFamily::Ipv6);
    let want = evidence.declared(lb).and_then(|spec| spec.load_balancer()).and_then(|lb| lb.ip_address_type);
    Some(match want.filter(|want| *want != family) {
        Some(want) => finding
            .mended_by(format!("set the address type of {} to {want}, as the file says", lb.name))
            .declaring(lb, FIELD, want),
        None => finding.mended_by(format!(
            "declare ip_address_type: dualstack for {}, whose subnets then need IPv6 networks",
            lb.name
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, answer};
    use super::*;

    #[test]
    fn a_group_without_requests_waits() {
        let mut world = World::seed();
        world.group().ip_address_type = Some(AddressFamily::Ipv6);
        world.expect(&[("E909", Severity::Critical)]);
        assert_eq!(world.only().title, "web has no IPv6, the targets of django have nothing else");
        world.balancer().ip_address_type = Some(IpAddressType::DualstackWithoutPublicIpv4);
        world.expect(&[]);
        world.balancer().ip_address_type = None;
        world.listener(443).default = Some(answer(404));
        world.expect(&[("E805", Severity::High)]);
    }
}
