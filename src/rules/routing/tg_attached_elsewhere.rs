//! E808: a group that the files route to serves another load balancer.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::cloud::Facts;
use crate::model::Address;
use crate::model::kind::Action;

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

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E808",
    name: "tg-attached-elsewhere",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "a group that the files route to serves another load balancer, which AWS allows once",
    explain: EXPLAIN,
    bad: Situation {
        text: "the group serves the old load balancer still; the new one cannot have it",
        desired: STACK,
        attached: &[("django", "web-old")],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the group serves the load balancer of the file",
        desired: STACK,
        attached: &[("django", "web")],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A target group serves one Application Load Balancer. As long as an action of another one names it, AWS refuses every
call that would make a second one use it: TargetGroupAssociationLimit.

What clients see: nothing through the other load balancer. Through the one of the file, whatever its listeners do
without that group: 404 or 503 from a default action, or an older group's answers. Apply stops at the refused call.

How to tell: DescribeTargetGroups names the load balancer that uses the group, and it is not the one that the file
routes from.

How to mend it: declare a group of its own for the new load balancer, with the same targets: a target may be in many
groups. Or take the group out of every action of the other load balancer first.

Sources: API CreateListener, CreateRule (TargetGroupAssociationLimit), DescribeTargetGroups.LoadBalancerArns; ELB user
guide \"Target groups for your Application Load Balancers\", \"Quotas for your Application Load Balancers\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let specs = evidence.desired.iter().flat_map(|desired| &desired.specs);
    let mut found = Vec::new();
    for (address, spec) in specs {
        let (action, field) = match (spec.listener(), spec.rule()) {
            (Some(listener), _) => (&listener.default, "default"),
            (None, Some(rule)) => (&rule.action, "forward"),
            (None, None) => continue,
        };
        for group in action.iter().flat_map(Action::groups).filter_map(|(link, _)| link.address()) {
            found.extend(judge(evidence, address, field, group));
        }
    }
    found
}

fn judge(evidence: &Evidence, address: &Address, field: &str, group: &Address) -> Option<Finding> {
    let Some(Facts::TargetGroup { load_balancers }) = evidence.facts.get(group) else { return None };
    let listener = if field == "default" { address.clone() } else { address.parent()? };
    let own = listener.parent()?;
    let name = evidence.declared(&own).or_else(|| evidence.state.get(&own))?.name()?;
    let other = load_balancers.iter().map(|id| id.short()).find(|other| *other != name)?;
    Some(
        RULE.finding(Severity::High, address, field)
            .titled(format!("group {} serves the load balancer {other}, {name} cannot have it", group.name))
            .detailed("Clients get whatever this listener does without the group; apply is refused by AWS.")
            .evident(group, "load_balancers", load_balancers)
            .mended_by(format!("declare a group of its own for {name}, or take {} off {other} first", group.name)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use super::*;
    use crate::model::Id;

    #[test]
    fn a_group_that_serves_nobody_is_free() {
        let mut world = World::seed();
        let arn = |name: &str| Id(format!("arn:aws:elasticloadbalancing:eu-west-1:0:loadbalancer/app/{name}/1"));
        for (of, found) in [(vec![], 0), (vec![arn("web")], 0), (vec![arn("other")], 1)] {
            world.facts.insert(at("target_group/django"), Facts::TargetGroup { load_balancers: of });
            assert_eq!(world.judge().len(), found);
        }
    }
}
