//! E206: a group's port, which new targets get, is not the declared one.

use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::{REPLACED, STACK, both_sides};
use crate::model::Address;
use crate::model::kind::TargetGroup;

const FIELD: &str = "port";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E206",
    name: "tg-port-drift",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "a group's port, which new targets get, is not the declared one",
    explain: EXPLAIN,
    bad: Situation {
        text: "the group was made with port 80; Auto Scaling registers every new instance there",
        desired: "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: instance
    vpc: main
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
",
        live: "
target_groups:
  django:
    port: 80
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the group has the declared port",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A group's port is the one that a target gets which is registered without a port of its own. Auto Scaling always
registers so; people and scripts often do. Targets that are registered already keep the port they were given.

What clients see: nothing at first. After the next scale-out or deploy, new targets get requests and checks on a port
where nobody listens: they never become healthy, and once the old ones are gone clients see 502 or 504.

How to tell: the live port is not the declared one; DescribeTargetHealth shows the port of each target. Where the file
lists the targets, each has its port from the file, and the group's own port decides nothing.

How to mend it: AWS cannot change it. A new group takes this one's place; until then, register targets with their port
said (`RegisterTargets` with Port), which Auto Scaling cannot.

Sources: API CreateTargetGroup.Port, RegisterTargets; ELB user guide \"Target groups for your Application Load Balancers\",
\"Register targets with your Application Load Balancer target group\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    both_sides(evidence).filter_map(|(address, group, want)| judge(evidence, address, group, want?)).collect()
}

fn judge(evidence: &Evidence, address: &Address, group: &TargetGroup, want: &TargetGroup) -> Option<Finding> {
    let (is, declared) = (group.port?, want.port?);
    if is == declared {
        return None;
    }
    let listed = evidence.desired.is_some_and(|desired| desired.membership.contains(address));
    let (severity, detail) = if listed {
        (Severity::Low, "Clients see nothing: the file lists the targets, each with its own port.")
    } else if evidence.serves(address) {
        (Severity::High, "Clients get 502 or 504 after the next scale-out: new targets are registered on that port.")
    } else {
        (Severity::Medium, "Clients see nothing while no requests go to this group; it could not take over.")
    };
    Some(
        RULE.finding(severity, address, FIELD)
            .titled(format!("new targets get port {is}, the file says {declared}"))
            .detailed(detail)
            .evident(address, FIELD, is)
            .mended_by(format!("let the group have port {declared}, as the file says. {REPLACED}"))
            .declaring(address, FIELD, declared),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use super::*;

    #[test]
    fn listed_targets_have_ports_of_their_own() {
        let mut world = World::seed();
        world.group().port = Some(80);
        world.expect(&[("E206", Severity::High)]);
        world.desired.membership.insert(at("target_group/django"));
        world.expect(&[("E206", Severity::Low)]);
    }
}
