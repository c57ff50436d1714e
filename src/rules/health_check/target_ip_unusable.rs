//! E116: a target's address belongs to a load balancer.

use super::super::members::{Members, cite, labels};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::DJANGO;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E116",
    name: "target-ip-unusable",
    severity: Severity::Critical,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "a target's address belongs to a load balancer",
    explain: EXPLAIN,
    bad: Situation {
        text: "both addresses were copied from an internal load balancer's DNS name",
        desired: DJANGO,
        health: &[
            Health::unused("django/10.0.1.10:8000", "Target.IpUnusable"),
            Health::unused("django/10.0.2.10:8000", "Target.IpUnusable"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the addresses are those of the application",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The address of a load balancer in the same VPC cannot be a target: AWS registers it and never sends it a request. It
happens where one load balancer is chained behind another, and somebody has looked up its name and registered the
addresses. They change besides, whenever that load balancer scales.

What clients see: 503 if the group has no other target. With others, nothing as long as they carry the load.

How to tell: target health says `unused` with the reason `Target.IpUnusable`.

How to mend it: register the application's own addresses, or let this load balancer's listener forward to a group of the
inner one's targets. To put an Application Load Balancer behind another load balancer, AWS has target groups of type alb,
which are for Network Load Balancers.

Sources: API DescribeTargetHealth (TargetHealth.Reason); ELB user guide \"Target groups for your Application Load
Balancers\" (target type).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Members) -> Option<Finding> {
    let unusable = group.by_reason("Target.IpUnusable");
    let count = Some(unusable.len()).filter(|count| *count > 0)?;
    let names = labels(unusable.iter().map(|member| member.target));
    let what = if count == 1 { "has an address" } else { "have addresses" };
    let finding = RULE
        .finding(group.loss(), group.address, "targets")
        .titled(format!("{} {what} of a load balancer: {names}", group.who(count)))
        .detailed(group.clients_see(count))
        .mended_by(format!(
            "replace {names} in the targets of {} by addresses of the application itself",
            group.address.name
        ));
    Some(cite(finding, group.address, &unusable))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, answer};
    use super::*;

    #[test]
    fn other_targets_carry_on() {
        let mut world = World::seed();
        world.unused(1, "Target.IpUnusable");
        world.expect(&[("E116", Severity::Medium)]);
        assert_eq!(world.only().title, "1 of 2 targets has an address of a load balancer: 10.0.1.10:8000");
        world.listener(443).default = Some(answer(404));
        world.expect(&[("E805", Severity::High), ("E116", Severity::Low)]);
    }
}
