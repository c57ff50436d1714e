//! E506: the targets' security groups admit a group that the load balancer does not have.

use std::collections::BTreeSet;

use super::super::closed::{Closed, doors, stranger};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::STACK;
use crate::cloud::path::Place;
use crate::model::Address;
use crate::model::kind::Direction;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E506",
    name: "sg-references-old-alb-sg",
    severity: Severity::Critical,
    needs: &[Need::Network],
    also: &[Need::PrefixLists],
    summary: "the targets' security groups admit another group than the load balancer's",
    explain: EXPLAIN,
    bad: Situation {
        text: "the load balancer was made anew; the application still admits the old one's group",
        desired: STACK,
        live: "
security_groups:
  app:
    ingress: [ { from: sg-0123456789abcdef0, ports: [8000] } ]
",
        health: &[Health::unhealthy("django/10.0.1.10:8000", "Target.Timeout", "Request timed out")],
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the application admits the group that the load balancer has",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000")],
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A rule that admits a security group admits whoever is in that group now. When a load balancer is made anew with a group
of its own, or changes its groups, rules that name the old group stay as they are: they look right and admit nobody.

What clients see: 504 after the connect timeout of 10 s from every target behind such a rule. Health checks on the same
port end in `Target.Timeout`.

How to tell: the port is closed to the load balancer, and a rule of the target's security groups opens it to a group that
the load balancer does not have. The rule may also be meant for somebody else; the port is closed all the same.

How to mend it: add a rule for the group that the load balancer has. Take the old one away later, when nobody is in its
group; no502 never does that for a rule that it did not make.

Sources: VPC user guide \"Security group rules\" (referencing, stale rules); ELB user guide \"Security groups for your
Application Load Balancer\"; API EC2 AuthorizeSecurityGroupIngress.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let doors = doors(evidence, Place::TargetGroups, |way| !way.drifted && stranger(evidence, way).is_some());
    let finding = |(door, closed): (&Address, Closed)| {
        let (ports, count) = (closed.ports_in_words(), closed.targets_in_words());
        let balancers = closed.balancers_in_words();
        let ways = evidence.paths().iter().filter(|way| closed.targets.contains(&way.target));
        let others: BTreeSet<String> =
            ways.filter_map(|way| stranger(evidence, way)).map(|(_, link)| link.to_string()).collect();
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        closed
            .finding(evidence, &RULE, door, Direction::Ingress)
            .titled(format!("security group {} admits {others}, not {balancers}, to {ports} of {count}", door.name))
            .detailed(format!(
                "Clients wait 10 s and get 504: {balancers} has none of the security groups that are admitted to {ports} of \
                 {count}, so that its connections and health checks are dropped."
            ))
    };
    doors.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, admits, link};
    use crate::model::kind::Peer;
    use crate::rules::Severity;

    #[test]
    fn a_rule_for_another_group_explains_the_closed_port() {
        let mut world = World::seed();
        *world.ingress("app") = vec![admits(Peer::Group(link("security_group/old")), 8000)];
        world.expect(&[("E506", Severity::Critical)]);
        let finding = world.only();
        assert_eq!(finding.title, "security group app admits old, not web, to port 8000 of 2 targets");
        assert_eq!(finding.fix.text, "let security group app admit TCP 8000 from alb");
        // its members among themselves are nobody's former load balancer
        *world.ingress("app") = vec![admits(Peer::Group(link("security_group/app")), 8000)];
        world.expect(&[("E501", Severity::Critical)]);
    }
}
