//! E113: a registered instance is stopped or terminated.

use super::super::members::{Members, are, cite, labels};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::INSTANCES;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E113",
    name: "target-stopped",
    severity: Severity::High,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "a registered instance is stopped or terminated",
    explain: EXPLAIN,
    bad: Situation {
        text: "one of two instances was stopped and is still registered",
        desired: INSTANCES,
        health: &[
            Health::healthy("django/i-0123456789abcdef0:8000"),
            Health::unused("django/i-0123456789abcdef1:8000", "Target.InvalidState"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "both instances run",
        desired: INSTANCES,
        health: &[
            Health::healthy("django/i-0123456789abcdef0:8000"),
            Health::healthy("django/i-0123456789abcdef1:8000"),
        ],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
An instance that is stopped stays registered, and one that was terminated does so for a while. It gets no requests
and is not checked; the group has less capacity than its list of targets promises.

What clients see: 502 or 504 for the requests that were in flight when it went, then nothing as long as the other
targets carry the load. If every instance of the group is stopped, 503.

How to tell: target health says `unused` with the reason `Target.InvalidState`.

How to mend it: start the instance again, or take it out of the group's `targets`; deregister it only while at least
one healthy target remains. Where an Auto Scaling group fills the target group, it replaces the instance by itself.

Sources: API DescribeTargetHealth (TargetHealth.Reason), DeregisterTargets; ELB user guide \"Health checks for
Application Load Balancer target groups\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(evidence, &group)).collect()
}

fn judge(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let stopped = group.by_reason("Target.InvalidState");
    let count = Some(stopped.len()).filter(|count| *count > 0)?;
    let names = labels(stopped.iter().map(|member| member.target));
    let other = match evidence.declared_targets(group.address) {
        Some(_) => format!("take it out of the targets of {} in the file", group.address.name),
        None => "let its owner deregister it".to_owned(),
    };
    let finding = RULE
        .finding(group.loss(), group.address, "targets")
        .titled(format!("{} {} stopped or terminated: {names}", group.who(count), are(count)))
        .detailed(group.clients_see(count))
        .mended_by(format!("start {names} again, or {other}"));
    Some(cite(finding, group.address, &stopped))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn none_left_is_high_and_503() {
        let mut world = World::seed();
        world.unused(2, "Target.InvalidState");
        world.expect(&[("E113", Severity::High)]);
        let finding = world.only();
        assert_eq!(finding.title, "both targets are stopped or terminated: 10.0.1.10:8000, 10.0.2.10:8000");
        assert!(finding.detail.contains("503"), "{}", finding.detail);
        world.unused(1, "Target.InvalidState");
        world.expect(&[("E113", Severity::Medium)]);
    }
}
