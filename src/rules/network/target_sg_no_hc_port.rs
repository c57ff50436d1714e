//! E502: the targets' security groups do not let the load balancer reach the health check's port.

use super::super::closed::{Closed, doors, stranger};
use super::super::paths::{Purpose, Way};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use crate::cloud::path::Place;
use crate::model::Address;
use crate::model::kind::Direction;

const STACK: &str = r#"
security_groups:
  alb:
    vpc: main
    description: front door
    ingress: [ { from: 0.0.0.0/0, ports: [80] } ]
  app:
    vpc: main
    description: application
    ingress: [ { from: alb, ports: [8000, 9000] } ]
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    health_check:
      port: 9000
      path: /health
    accept:
      E104: { reason: "the checks' port belongs to the application itself", until: 2037-01-01 }
    targets: ["10.0.1.10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [alb]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E502",
    name: "target-sg-no-hc-port",
    severity: Severity::Critical,
    needs: &[Need::Network],
    also: &[Need::PrefixLists],
    summary: "the targets' security groups keep health checks from their port",
    explain: EXPLAIN,
    bad: Situation {
        text: "health checks go to port 9000, the security group opens 8000 only",
        desired: STACK,
        live: "
security_groups:
  app:
    ingress: [ { from: alb, ports: [8000] } ]
",
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the security group opens the traffic port and the health check's",
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
A health check may go to a port of its own. The targets' security groups must admit the load balancer there as well as
on the traffic port; a rule for one says nothing about the other.

What clients see: at first nothing. Every check is dropped, targets turn unhealthy with `Target.Timeout`, and once none is
left the load balancer fails open and sends requests to all of them. Where ECS or Auto Scaling act on health, targets are
replaced without end, and clients see 502 and 503. With some targets behind another security group those carry the load.

How to tell: the same search as for the traffic port (E501), on the port that the group's health check asks. By hand: the
target's reason code is `Target.Timeout` while requests to the traffic port are answered.

How to mend it: add the one missing ingress rule, from the load balancer's security group on the check's port; or let the
check ask `traffic-port`, if nothing speaks for a port of its own.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\", \"Security groups for your
Application Load Balancer\", \"Troubleshoot your Application Load Balancers\"; API EC2 AuthorizeSecurityGroupIngress.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let causal = |way: &Way| way.purpose == Purpose::Check && !way.drifted && stranger(evidence, way).is_none();
    let finding = |(door, closed): (&Address, Closed)| {
        let (ports, count) = (closed.ports_in_words(), closed.targets_in_words());
        let balancers = closed.balancers_in_words();
        closed
            .finding(evidence, &RULE, door, Direction::Ingress)
            .titled(format!("security group {} keeps {balancers}'s checks from {ports} of {count}", door.name))
            .detailed(format!(
                "Health checks of {count} on {ports} are dropped and end in Target.Timeout. Targets turn unhealthy though \
                 they serve; whoever replaces unhealthy ones does so without end, and clients get 502 and 503 meanwhile."
            ))
    };
    doors(evidence, Place::TargetGroups, causal).into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use super::*;
    use crate::model::value::CheckPort;

    #[test]
    fn the_check_s_port_is_its_own_cause() {
        let mut world = World::seed();
        world.check().port = Some(CheckPort::Fixed(9000));
        world.health.clear();
        world.desired.specs.insert(at("target_group/django"), world.live[&at("target_group/django")].clone());
        let findings: Vec<_> = world.judge().into_iter().filter(|f| f.severity > Severity::Info).collect();
        let [finding] = &findings[..] else { panic!("{findings:#?}") };
        assert_eq!((finding.rule.as_str(), finding.severity), ("E502", Severity::Critical));
        assert_eq!(finding.title, "security group app keeps web's checks from port 9000 of 2 targets");
        assert_eq!(finding.fix.text, "let security group app admit TCP 9000 from alb");
        // AWS's reason points at the port; the security group is the cause
        world.ail(2, "Target.Timeout", "");
        let loud = |world: &World| world.verdict().into_iter().filter(|(_, s)| *s > Severity::Info).collect::<Vec<_>>();
        assert_eq!(loud(&world), [("E502".to_owned(), Severity::Critical)]);
        // both ports closed: each has its finding
        world.ingress("app").clear();
        let found: Vec<_> = world.judge().into_iter().map(|f| f.rule).collect();
        assert_eq!(found, ["E501", "E502"]);
    }
}
