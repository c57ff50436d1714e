//! E504: the load balancer's security groups let nobody reach a listener.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::STACK;
use crate::model::kind::{LoadBalancer, SecurityGroup};
use crate::model::{Address, Link};

const FIELD: &str = "ingress";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E504",
    name: "alb-sg-no-listener-port",
    severity: Severity::Critical,
    needs: &[Need::Network],
    also: &[],
    summary: "the load balancer's security groups admit nobody to a listener",
    explain: EXPLAIN,
    bad: Situation {
        text: "the listener is on port 80, the security group opens 443",
        desired: STACK,
        live: "
security_groups:
  alb:
    ingress: [ { from: 0.0.0.0/0, ports: [443] } ]
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the security group opens the listener's port", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
Clients reach a listener only if one of the load balancer's security groups admits them on its port. A listener that was
added later, or a rule that was removed, leaves a port that nobody can open.

What clients see: no status at all. Connections time out, and neither access log nor metrics show them, because the
load balancer never sees them.

How to tell: this rule joins the ingress rules of the load balancer's security groups and looks for one that opens the
listener's port over TCP, to whomever. It does not judge whether the right clients are admitted. If other listeners are
open, a closed one may be meant, and weighs less.

How to mend it: admit the networks of your clients on that port, in the file. no502 adds the rules that the file lists
and invents none here: whom to let in is not its decision.

Sources: ELB user guide \"Security groups for your Application Load Balancer\" (recommended rules); API EC2
AuthorizeSecurityGroupIngress.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.load_balancers().filter_map(|(address, lb)| finding(evidence, address, lb)).collect()
}

fn finding(evidence: &Evidence, address: &Address, lb: &LoadBalancer) -> Option<Finding> {
    let groups = rules(evidence, lb.security_groups.as_ref()?)?;
    let ports: BTreeSet<u16> = evidence.listeners_of(address).map(|(_, listener)| listener.port).collect();
    let open = |groups: &BTreeMap<&Address, &SecurityGroup>, port: u16| {
        groups.values().flat_map(|group| &group.ingress).flatten().any(|rule| rule.admits_tcp(port))
    };
    // with the groups of the file it would be open: then they are the cause
    let other = evidence.other_groups(address);
    let drifted = |port: u16| other.as_ref().is_some_and(|set| rules(evidence, set).is_none_or(|set| open(&set, port)));
    let closed: Vec<u16> = ports.iter().copied().filter(|port| !open(&groups, *port) && !drifted(*port)).collect();
    let (first, door) = (closed.first()?, groups.keys().next()?);
    let severity = if closed.len() == ports.len() { Severity::Critical } else { Severity::Medium };
    let list: Vec<String> = closed.iter().map(u16::to_string).collect();
    let noun = if list.len() > 1 { "ports" } else { "port" };
    let list = list.join(", ");
    let mut finding = RULE
        .finding(severity, door, FIELD)
        .titled(format!("no security group of {} admits anybody to {noun} {list}", address.name))
        .detailed(format!("Clients of {noun} {list} get no answer at all: their connections are dropped and time out."))
        .mended_by(format!(
            "let security group {} admit TCP {first} from the networks of your clients, in the file",
            door.name
        ));
    for (group, spec) in &groups {
        let rules: Vec<String> = spec.ingress.iter().flatten().map(ToString::to_string).collect();
        finding = finding.evident(group, FIELD, rules);
    }
    for (listener, spec) in evidence.listeners_of(address).filter(|(_, l)| closed.contains(&l.port)) {
        finding = finding.evident(listener, "port", spec.port);
    }
    Some(finding)
}

/// The security groups with their ingress; `None` if one is not known.
fn rules<'e>(evidence: &'e Evidence, set: &'e BTreeSet<Link>) -> Option<BTreeMap<&'e Address, &'e SecurityGroup>> {
    let one = |link: &'e Link| {
        let address = link.address()?;
        let group = evidence.security_group(address).filter(|group| group.ingress.is_some())?;
        (!evidence.unread(address)).then_some((address, group))
    };
    set.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, admits, cidr};
    use crate::rules::Severity;

    #[test]
    fn a_closed_listener_beside_an_open_one_weighs_less() {
        let mut world = World::seed();
        world.expect(&[]);
        *world.ingress("alb") = vec![admits(cidr("0.0.0.0/0"), 443)];
        world.expect(&[("E504", Severity::Medium)]);
        assert_eq!(world.only().title, "no security group of web admits anybody to port 80");
        world.ingress("alb").clear();
        world.expect(&[("E504", Severity::Critical)]);
        world.ingress("alb").push(admits(cidr("10.0.0.0/8"), 80));
        world.ingress("alb").push(admits(cidr("10.0.0.0/8"), 443));
        world.expect(&[]);
    }
}
