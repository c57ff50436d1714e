//! E501: the targets' security groups do not let the load balancer reach the traffic port.

use super::super::closed::{Closed, doors, stranger};
use super::super::paths::Way;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::STACK;
use crate::cloud::path::Place;
use crate::model::Address;
use crate::model::kind::Direction;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E501",
    name: "target-sg-no-traffic-port",
    severity: Severity::Critical,
    needs: &[Need::Network],
    also: &[Need::PrefixLists],
    summary: "the targets' security groups keep the load balancer from the traffic port",
    explain: EXPLAIN,
    bad: Situation {
        text: "the application moved to port 8000, its security group still opens 80",
        desired: STACK,
        live: "
security_groups:
  app:
    ingress: [ { from: alb, ports: [80] } ]
",
        health: &[Health::unhealthy("django/10.0.1.10:8000", "Target.Timeout", "Request timed out")],
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the application's security group admits the load balancer's on port 8000",
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
The load balancer connects to targets from its own subnets, with its own security groups. A target's security groups
must admit that on the traffic port: by naming one of the load balancer's groups, or by networks that contain its
subnets. If no rule does, connections are dropped without an answer.

What clients see: 504 after the connect timeout of 10 s. If the health check uses the same port, targets are unhealthy
with `Target.Timeout` and, once none is left, the load balancer fails open and still sends every request into the void.
If the check uses another port that is open, targets look healthy and every request fails.

How to tell: this rule takes the network interface that owns each target's address, joins the rules of its security
groups, and looks for one that admits the traffic port from the load balancer: by its group, or by networks and prefix
lists that hold its whole subnets. Interfaces that cannot be read leave it undecided and silent. By hand: TargetConnectionErrorCount rises,
access-log lines have 504 and a target status of `-`.

How to mend it: add the one missing ingress rule, from the load balancer's security group on the traffic port. Name the
group, not addresses: a load balancer changes its addresses. Adding a rule breaks nothing, so plan does it first.

Sources: ELB user guide \"Security groups for your Application Load Balancer\", \"Register targets\", \"Troubleshoot your
Application Load Balancers\" (HTTP 504); API EC2 AuthorizeSecurityGroupIngress.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let causal = |way: &Way| way.is_traffic() && !way.drifted && stranger(evidence, way).is_none();
    let doors = doors(evidence, Place::TargetGroups, causal);
    let finding = |(door, closed): (&Address, Closed)| {
        let (ports, count) = (closed.ports_in_words(), closed.targets_in_words());
        let balancers = closed.balancers_in_words();
        closed
            .finding(evidence, &RULE, door, Direction::Ingress)
            .titled(format!("security group {} keeps {balancers} from {ports} of {count}", door.name))
            .detailed(format!(
                "Clients wait 10 s and get 504: connections from {balancers} to {count} on {ports} are dropped. A health \
                 check on that port ends in Target.Timeout."
            ))
    };
    doors.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{World, admits, at, cidr};
    use super::*;
    use crate::model::Spec;
    use crate::model::kind::{Peer, Target};
    use crate::model::value::TargetType;

    fn closed() -> World {
        let mut world = World::seed();
        world.ingress("app").clear();
        world
    }

    #[test]
    fn a_closed_port_is_found_with_the_smallest_fix() {
        let finding = closed().only();
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(finding.title, "security group app keeps web from port 8000 of 2 targets");
        assert_eq!(finding.fix.text, "let security group app admit TCP 8000 from alb");
        assert_eq!(finding.fix.declare.as_ref().unwrap().value, json!([{ "from": "alb", "ports": [8000] }]));
        assert!(finding.cites(&at("security_group/app"), &"ingress".into()));
        assert!(finding.cites(&at("load_balancer/web"), &"security_groups".into()));
    }

    #[test]
    fn networks_open_it_if_they_contain_every_subnet() {
        for (nets, found) in [
            (&["10.0.0.0/16"][..], 0),
            (&["0.0.0.0/0"], 0),
            (&["10.0.101.0/24", "10.0.102.0/25", "10.0.102.128/25"], 0),
            (&["10.0.101.0/24"], 1),
            (&["10.0.101.0/25"], 1),
            (&["::/0"], 1),
        ] {
            let mut world = closed();
            world.ingress("app").extend(nets.iter().map(|net| admits(cidr(net), 8000)));
            assert_eq!(world.judge().len(), found, "{nets:?}");
        }
        let mut world = closed();
        world.subnets.clear();
        world.ingress("app").push(admits(cidr("10.0.0.0/16"), 8000));
        world.expect(&[]);
        // a load balancer may have any address of its subnets
        let mut world = closed();
        world.ingress("app").push(admits(Peer::PrefixList("pl-1".to_owned()), 8000));
        world.network.lists.insert("pl-1".to_owned(), vec!["10.0.101.0/24".parse().unwrap()]);
        world.expect(&[("E501", Severity::Critical)]);
        world.network.lists.insert("pl-1".to_owned(), vec!["10.0.100.0/22".parse().unwrap()]);
        world.expect(&[]);
    }

    #[test]
    fn what_is_unknown_is_not_shut() {
        let mut world = closed();
        world.ingress("app").push(admits(Peer::PrefixList("pl-1".to_owned()), 8000));
        world.expect(&[]);
        let mut world = closed();
        world.interfaces.clear();
        world.expect(&[]);
        let mut world = closed();
        for attached in world.interfaces.values_mut() {
            attached.groups.insert(at("security_group/sg-unread"));
        }
        world.expect(&[]);
        let mut world = closed();
        world.available.remove(&Need::Network);
        world.expect(&[]);
    }

    #[test]
    fn some_targets_make_it_high() {
        let mut world = closed();
        world.interfaces.remove(&"10.0.2.10".parse().unwrap());
        world.expect(&[("E501", Severity::High)]);
    }

    #[test]
    fn instances_are_reached_at_their_first_interface() {
        let mut world = closed();
        world.group().target_type = Some(TargetType::Instance);
        for (name, id) in [("10.0.1.10", "i-0123456789abcdef0"), ("10.0.2.10", "i-0123456789abcdef1")] {
            let old = at(&format!("target/django/{name}:8000"));
            let Some(Spec::Target(target)) = world.live.remove(&old) else { panic!("no target") };
            let address = Address::target("django", id, Some(8000));
            world.live.insert(address, Target { id: id.to_owned(), ..*target }.into());
            world.interfaces.get_mut(&name.parse().unwrap()).unwrap().reached_as = Some(id.to_owned());
        }
        // the files name addresses: that other targets are there is another rule's business
        let found = world.verdict().into_iter().find(|(rule, _)| rule == "E501");
        assert_eq!(found.map(|(_, severity)| severity), Some(Severity::Critical));
    }
}
