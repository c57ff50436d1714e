//! E802: a group has targets, and nothing forwards to it.

use super::super::forwards;
use super::super::members::{Members, cite};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use crate::model::{Address, Kind};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E802",
    name: "tg-not-in-use",
    severity: Severity::Low,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "a group has targets, and nothing forwards to it",
    explain: EXPLAIN,
    bad: Situation {
        text: "green was filled for a release and is named by no listener and no rule",
        desired: STACK,
        health: &[Health::healthy("blue/10.0.1.10:8000"), Health::unused("green/10.0.2.10:8000", "Target.NotInUse")],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "green is attached at weight 0: it gets nothing, and its health is checked",
        desired: "
target_groups:
  blue:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: [\"10.0.1.10\"]
  green:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: [\"10.0.2.10\"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: { to: { blue: 1, green: 0 } } }
",
        health: &[Health::healthy("blue/10.0.1.10:8000"), Health::healthy("green/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const STACK: &str = "
target_groups:
  blue:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: [\"10.0.1.10\"]
  green:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: [\"10.0.2.10\"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: blue }
";

const EXPLAIN: &str = "
A target group takes part only if a listener's default action or a rule names it. One that no action names gets no
requests, and AWS does not check the health of its targets: nobody knows whether they would work.

What clients see: nothing by itself. Requests that were meant for the group go elsewhere. And a switch to it meets
targets that have never been checked: until the first check has passed, clients may get 502, 503 or 504.

How to tell: target health says `unused` with the reason `Target.NotInUse` for every target, and the group's list of load
balancers is empty. A single target that is `unused` for this reason is in a zone without a subnet of the load balancer;
that is E905.

How to mend it: name the group in the forward of a rule or of a default action, at weight 0 if it shall only stand by: a
group at weight 0 gets no requests and is checked all the same. Or delete it.

Sources: API DescribeTargetHealth (TargetHealth.Reason), DescribeTargetGroups (LoadBalancerArns); ELB user guide \"Target
groups for your Application Load Balancers\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let idle = |group: &Members| !evidence.in_use(group.address) && !is_meant(evidence, group.address);
    Members::groups(evidence).filter(idle).filter_map(|group| judge(&group)).collect()
}

/// Whether an action of the files names the group: then it is the action that is missing.
fn is_meant(evidence: &Evidence, group: &Address) -> bool {
    let listed = evidence.desired.into_iter().flat_map(|desired| desired.specs.keys());
    let actions = listed.filter(|a| matches!(a.kind, Kind::Listener | Kind::Rule));
    let actions = actions.filter_map(|address| forwards::declared(evidence, address));
    actions.flat_map(|action| action.groups()).any(|(link, _)| link.address() == Some(group))
}

fn judge(group: &Members) -> Option<Finding> {
    let unused = group.by_reason("Target.NotInUse");
    let count = Some(unused.len()).filter(|count| *count > 0 && *count == group.all.len())?;
    let targets = if count == 1 { "its target is" } else { "its targets are" };
    let finding = RULE
        .finding(Severity::Low, group.address, "targets")
        .titled(format!("nothing forwards to {}, {targets} not checked", group.address.name))
        .detailed(
            "Clients see nothing now. A switch to this group would meet targets whose health nobody knows: 502, 503 or \
             504 until they have passed a check, if they do.",
        )
        .mended_by(format!("name {} in a forward, at weight 0 if it only stands by, or delete it", group.address.name));
    Some(cite(finding, group.address, &unused))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, answer};
    use super::*;

    #[test]
    fn a_forward_that_is_missing_is_the_cause() {
        let mut world = World::seed();
        world.unused(2, "Target.NotInUse");
        world.listener(443).default = Some(answer(404));
        world.expect(&[("E805", Severity::High)]);
        world.desired.specs.clear();
        world.expect(&[("E802", Severity::Low)]);
        assert_eq!(world.only().title, "nothing forwards to django, its targets are not checked");
    }
}
