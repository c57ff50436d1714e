//! E905: targets stand in a zone without a subnet of the load balancer.

use std::collections::BTreeSet;

use super::super::members::{Member, Members, are, cite, labels};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use crate::model::Address;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E905",
    name: "az-not-enabled",
    severity: Severity::Critical,
    needs: &[Need::Live],
    also: &[Need::Health],
    summary: "targets stand in a zone without a subnet of the load balancer",
    explain: EXPLAIN,
    bad: Situation {
        text: "the service spread to a third zone, the load balancer did not",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::unused("django/10.0.3.10:8000", "Target.NotInUse")],
        zones: &[("web", &["eu-west-1a", "eu-west-1b"])],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the load balancer has a subnet in every zone with targets",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.3.10:8000")],
        zones: &[("web", &["eu-west-1a", "eu-west-1b", "eu-west-1c"])],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const STACK: &str = r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: [{ id: 10.0.1.10, zone: eu-west-1a }, { id: 10.0.3.10, zone: eu-west-1c }]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#;

const EXPLAIN: &str = "
A load balancer sends requests to targets in the zones that it has a subnet in, and to no others. A target in another
zone can be registered, but is neither checked nor used. It happens when a service spreads to a new zone, or when a
subnet is taken from the load balancer.

What clients see: 503 if all targets of the group stand in such zones. Otherwise nothing, as long as the other targets
carry the load; the capacity that was paid for is not there.

How to tell: target health says `unused` with the reason `Target.NotInUse` for some targets, while a listener forwards to
their group. The rule compares the targets' zones with those of the load balancer's subnets.

How to mend it: give the load balancer a subnet in that zone. SetSubnets takes the whole list, at least two zones; the
call adds and removes at once. Or move the targets.

Sources: API DescribeTargetHealth (TargetHealth.Reason), SetSubnets; ELB user guide \"Availability Zones for your
Application Load Balancer\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let used = Members::groups(evidence).filter(|group| evidence.in_use(group.address));
    used.filter_map(|group| judge(evidence, &group)).collect()
}

fn judge(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let balancers = evidence.load_balancers_of(group.address);
    let enabled =
        |zone: &String| balancers.iter().any(|lb| evidence.zones.get(*lb).is_none_or(|all| all.contains(zone)));
    // without a known zone, AWS's reason leaves no other cause
    let outside = |member: &&Member| match evidence.target_zones.get(member.address) {
        Some(zone) => !enabled(zone),
        None => member.health.is_some_and(|h| h.reason.as_deref() == Some("Target.NotInUse")),
    };
    let outside: Vec<Member> = group.all.iter().filter(outside).copied().collect();
    let count = Some(outside.len()).filter(|count| *count > 0)?;
    let zones: BTreeSet<&str> =
        outside.iter().filter_map(|m| evidence.target_zones.get(m.address)).map(String::as_str).collect();
    let place = match zones.into_iter().collect::<Vec<_>>()[..] {
        [] => "a zone that is not enabled".to_owned(),
        ref zones => format!("{}, which {} not enabled", zones.join(" and "), are(zones.len())),
    };
    let all_out = count == group.all.len();
    let severity = match (group.serves(), all_out) {
        (true, true) => Severity::Critical,
        (true, false) => Severity::Medium,
        (false, _) => Severity::Low,
    };
    let detail = match (group.serves(), all_out) {
        (false, _) => "Clients see nothing now: no requests go to this group.".to_owned(),
        (true, true) => "Clients get 503: no target is in a zone that the load balancer sends requests to.".to_owned(),
        (true, false) => format!(
            "Clients see 502, 503 or 504 once the other targets cannot carry the whole load: {count} of {} get no \
             requests.",
            group.all.len()
        ),
    };
    let names = labels(outside.iter().map(|member| member.target));
    let mut finding = RULE
        .finding(severity, group.address, "targets")
        .titled(format!("{} {} in {place}", group.who(count), are(count)))
        .detailed(detail)
        .mended_by(format!("give {} a subnet in that zone, beside those it has, or move {names}", named(&balancers)));
    for balancer in balancers {
        let zones = evidence.zones.get(balancer);
        finding = finding.evident(balancer, "subnets", zones);
    }
    Some(cite(finding, group.address, &outside))
}

fn named(balancers: &BTreeSet<&Address>) -> String {
    balancers.iter().map(|lb| lb.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use super::*;

    #[test]
    fn none_inside_is_critical_and_unknown_zones_are_silence() {
        let mut world = World::seed();
        world.zones.insert(at("load_balancer/web"), ["a".to_owned(), "b".to_owned()].into());
        world.expect(&[]);
        world.unused(2, "Target.NotInUse");
        world.expect(&[("E905", Severity::Critical)]);
        assert_eq!(world.only().title, "both targets are in a zone that is not enabled");
        for ip in ["10.0.1.10", "10.0.2.10"] {
            world.target_zones.insert(Address::target("django", ip, Some(8000)), "c".to_owned());
        }
        assert_eq!(world.only().title, "both targets are in c, which is not enabled");
        world.zones.clear();
        world.expect(&[]);
    }
}
