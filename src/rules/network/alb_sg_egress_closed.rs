//! E503: the load balancer's own security groups do not let it reach its targets.

use super::super::closed::{Closed, doors};
use super::super::paths::Way;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::cloud::path::Place;
use crate::model::Address;
use crate::model::kind::Direction;

const STACK: &str = r#"
security_groups:
  alb:
    vpc: main
    description: front door
    ingress: [ { from: 0.0.0.0/0, ports: [80] } ]
    egress: [ { to: app, ports: [8000] } ]
    exclusive: [ egress ]
  app:
    vpc: main
    description: application
    ingress: [ { from: alb, ports: [8000] } ]
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
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
    code: "E503",
    name: "alb-sg-egress-closed",
    severity: Severity::Critical,
    needs: &[Need::Network],
    also: &[Need::PrefixLists],
    summary: "the load balancer's security groups let nothing out to its targets",
    explain: EXPLAIN,
    bad: Situation {
        text: "egress was narrowed to port 80, the application listens on 8000",
        desired: STACK,
        live: "
security_groups:
  alb:
    egress: [ { to: app, ports: [80] } ]
",
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "egress reaches the application's security group on its port",
        desired: STACK,
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A new security group lets everything out. Where somebody narrowed that, the load balancer reaches its targets only on the
ports and at the other ends that an egress rule names: the traffic port, and the health check's if it has its own.

What clients see: 504 after the connect timeout of 10 s, for every target that no rule covers. Health checks leave by the
same door, so targets turn unhealthy with `Target.Timeout`, and with none left the load balancer fails open into the void.

How to tell: this rule joins the egress rules of the load balancer's security groups and looks for one that covers the
port and names the target's security group, or a network or prefix list that holds its address. By hand: the targets'
security groups admit the load balancer, and still nothing arrives.

How to mend it: add the one missing egress rule, to the targets' security group on that port. Adding a rule breaks
nothing.

Sources: ELB user guide \"Security groups for your Application Load Balancer\"; VPC user guide \"Security group rules\"; API
EC2 AuthorizeSecurityGroupEgress.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let finding = |(door, closed): (&Address, Closed)| {
        let (ports, count) = (closed.ports_in_words(), closed.targets_in_words());
        let balancers = closed.balancers_in_words();
        closed
            .finding(evidence, &RULE, door, Direction::Egress)
            .titled(format!("security group {} lets nothing of {balancers} out to {ports} of {count}", door.name))
            .detailed(format!(
                "Clients wait 10 s and get 504: connections to {count} on {ports} never leave {balancers}. Health checks \
                 leave by the same door and end in Target.Timeout."
            ))
    };
    doors(evidence, Place::BalancerGroups, |way: &Way| !way.drifted).into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{World, admits, cidr, link};
    use super::*;
    use crate::model::kind::Peer;

    #[test]
    fn egress_is_by_group_or_by_network() {
        for (peer, port, found) in [
            (Peer::Group(link("security_group/app")), 8000, 0),
            (cidr("10.0.0.0/16"), 8000, 0),
            (cidr("10.0.1.0/24"), 8000, 1),
            (Peer::Group(link("security_group/app")), 80, 1),
        ] {
            let mut world = World::seed();
            *world.egress("alb") = vec![admits(peer.clone(), port)];
            assert_eq!(world.judge().len(), found, "{peer} {port}");
        }
    }

    #[test]
    fn the_fix_names_the_targets_group() {
        let mut world = World::seed();
        world.egress("alb").clear();
        let finding = world.only();
        assert_eq!((finding.rule.as_str(), finding.severity), ("E503", Severity::Critical));
        assert_eq!(finding.fix.text, "let security group alb send TCP 8000 to app");
        assert_eq!(finding.fix.declare.unwrap().value, json!([{ "ports": [8000], "to": "app" }]));
    }
}
