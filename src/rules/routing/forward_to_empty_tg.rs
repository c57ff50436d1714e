//! E801: requests are sent to a group without targets.

use super::super::forwards::Forwarding;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E801",
    name: "forward-to-empty-tg",
    severity: Severity::Critical,
    needs: &[],
    also: &[Need::Live, Need::Health],
    summary: "requests are sent to a group without targets",
    explain: EXPLAIN,
    bad: Situation {
        text: "Auto Scaling fills the group, and was scaled to zero",
        desired: STACK,
        empty: &["django"],
        ..Situation::EMPTY
    },
    good: Situation { text: "the group has targets", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const STACK: &str = "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
";

const EXPLAIN: &str = "
A listener or a rule forwards to a target group that nobody has registered a target with. Groups become empty when a
service is scaled to zero, when a deployment moved everything to another group, or when a rule was pointed at a group
that was never filled.

What clients see: 503 for every request that takes this way, at once. It is the load balancer that answers; no target
is ever asked. An empty group does not fail open, as one does whose targets are all unhealthy.

How to tell: HTTPCode_ELB_503_Count rises, access-log lines show 503 with a target status of `-` and no target; the
group's target health is an empty list.

How to mend it: register targets, or scale up what registers them; or send the requests to a group that has targets.
Until then a fixed answer is kinder to clients than the load balancer's own 503. A forward to several groups by weight is
the business of E803.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 503); API DescribeTargetHealth.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Forwarding::all(evidence).filter_map(|forwarding| judge(evidence, &forwarding)).collect()
}

fn judge(evidence: &Evidence, forwarding: &Forwarding) -> Option<Finding> {
    let [(group, _)] = &forwarding.fed()[..] else { return None };
    let declared = evidence.declared_targets(group.address);
    // a declared target that is missing is a cause of its own
    let is_alone = forwarding.forward.to.len() == 1 && declared.as_ref().is_none_or(Vec::is_empty);
    if !is_alone || !evidence.empty.contains(group.address) {
        return None;
    }
    let name = &group.address.name;
    let mend = match declared {
        Some(_) => format!("declare the targets of {name}, or forward to a group that has some"),
        None => format!("let what fills {name} register targets, or forward to a group that has some"),
    };
    Some(
        forwarding
            .finding(&RULE, forwarding.total())
            .titled(format!("forwards to {name}, which has no target"))
            .detailed(format!("Clients get 503 for {}: there is nobody to send it to.", forwarding.whose()))
            .evident(group.address, "targets", 0)
            .mended_by(mend),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at, rule, to};
    use super::*;

    #[test]
    fn rules_before_it_leave_it_high_and_missing_targets_are_another_cause() {
        let mut world = World::seed();
        world.empty.insert(at("target_group/django"));
        world.live.retain(|address, _| address.kind != crate::model::Kind::Target);
        world.expect(&[("E801", Severity::Critical)]);
        assert_eq!(world.only().title, "forwards to django, which has no target");
        world.with_rule("shop", rule("shop.example.com", "", to("other")));
        world.expect(&[("E801", Severity::High)]);
        world.desired.membership.insert(at("target_group/django"));
        world.expect(&[("E114", Severity::Critical)]);
    }
}
