//! E511: a target's address is outside the VPC, and the file does not say so.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::model::kind::Target;
use crate::model::{Address, Link, Spec};

const FIELD: &str = "zone";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E511",
    name: "ip-target-out-of-range",
    severity: Severity::High,
    needs: &[Need::Routes],
    also: &[],
    summary: "a target's address is outside the VPC without `zone: all`, or one that AWS takes nowhere",
    explain: EXPLAIN,
    bad: Situation {
        text: "the VPC is 10.0.0.0/16, the target stands in a data centre",
        desired: r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: vpc-0123456789abcdef0
    targets: ["192.168.7.9"]
"#,
        around: "
vpc-0123456789abcdef0 has 10.0.0.0/16
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the target stands in the VPC",
        desired: r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: vpc-0123456789abcdef0
    targets: ["10.0.1.10"]
"#,
        around: "
vpc-0123456789abcdef0 has 10.0.0.0/16
",
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
Targets by address are private: in the VPC's networks, or in RFC 1918 space or 100.64.0.0/10 beyond it, reached by
peering, a transit gateway or a VPN. For one beyond the VPC, RegisterTargets wants the zone `all`, because no zone has it.

What clients see: AWS refuses to register the target, so it never serves: the others carry its share, and with none
registered clients get 503.

How to tell: the address lies in none of the VPC's networks, which its main route table lists as local, and the file names
no zone; or it is public.

How to mend it: write the target as `{ id: 192.168.7.9, zone: all }`, if it is meant to stand outside. With cross-zone load
balancing off, name a zone that the load balancer has. A public address cannot be a target: use its private one.

Sources: API RegisterTargets (TargetDescription.AvailabilityZone); ELB user guide \"Target groups for your Application Load
Balancers\" (target type ip).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let declared = evidence.desired.into_iter().flat_map(|desired| &desired.specs);
    let targets = declared.filter_map(|(address, spec)| Some((address, spec.target()?)));
    targets.filter_map(|(address, target)| finding(evidence, address, target)).collect()
}

fn finding(evidence: &Evidence, address: &Address, target: &Target) -> Option<Finding> {
    let ip: IpAddr = target.id.parse().ok()?;
    let group = target.target_group.address()?;
    let vpc = evidence.target_group(group)?.vpc.as_ref().and_then(Link::id)?;
    let networks = evidence.network.tables.as_ref()?.networks(vpc);
    let inside = |net: &IpNet| net.contains(&ip);
    if networks.is_empty()
        || networks.iter().any(inside)
        || evidence.state.get(group).and_then(Spec::target_group).is_none()
    {
        return None;
    }
    let is_private = match ip {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1])),
        // beyond the VPC there is no rule for IPv6 that AWS documents
        IpAddr::V6(_) => true,
    };
    let (title, fix) = match (is_private, &target.zone) {
        (false, _) => (
            format!("target {ip} of {} is a public address", group.name),
            "give the target's private address".to_owned(),
        ),
        (true, None) => (
            format!("target {ip} of {} is outside its VPC, without `zone: all`", group.name),
            format!("write the target as {{ id: \"{ip}\", zone: all }}"),
        ),
        (true, Some(_)) => return None,
    };
    let shown: Vec<String> = networks.iter().map(ToString::to_string).collect();
    Some(
        RULE.finding(Severity::High, address, FIELD)
            .titled(title)
            .detailed("AWS refuses to register it, so that it serves nobody; with no other target clients get 503.")
            .evident(address, FIELD, &target.zone)
            .evident(group, "vpc", shown)
            .mended_by(fix),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use crate::model::{Address, Id, Link, Spec};
    use crate::rules::Severity;

    #[test]
    fn addresses_beyond_the_vpc_say_so() {
        for (ip, zone, found) in [
            ("10.0.1.77", None, 0),
            ("10.1.1.77", None, 1),
            ("10.1.1.77", Some("all"), 0),
            ("198.51.100.7", Some("all"), 1),
            ("100.64.3.4", Some("all"), 0),
        ] {
            let mut world = World::seed();
            world.around("vpc-1 has 10.0.0.0/16");
            world.group().vpc = Some(Link::Id(Id("vpc-1".to_owned())));
            let Some(Spec::Target(target)) = world.live.get(&at("target/django/10.0.1.10:8000")).cloned() else {
                panic!()
            };
            let one = crate::model::kind::Target { id: ip.to_owned(), zone: zone.map(str::to_owned), ..*target };
            world.desired.specs.insert(Address::target("django", ip, Some(8000)), one.into());
            world.expect(&vec![("E511", Severity::High); found]);
        }
    }
}
