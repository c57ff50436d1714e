//! E501: the targets' security groups do not let the load balancer reach the traffic port.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::json;

use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use crate::model::kind::{LoadBalancer, Peer, SecurityGroup};
use crate::model::{Address, Link};

const FIELD: &str = "ingress";

const STACK: &str = r#"
security_groups:
  alb:
    vpc: main
    description: front door
    ingress: [ { from: 0.0.0.0/0, ports: [80] } ]
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
    code: "E501",
    name: "target-sg-no-traffic-port",
    severity: Severity::Critical,
    needs: &[Need::Network],
    also: &[],
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
    },
    good: Situation {
        text: "the application's security group admits the load balancer's on port 8000",
        desired: STACK,
        live: "",
        health: &[Health::healthy("django/10.0.1.10:8000")],
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
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
groups, and looks for one that admits the traffic port from the load balancer. Interfaces that cannot be read, and rules
by prefix list, whose networks are not read, leave it undecided and silent. By hand: TargetConnectionErrorCount rises,
access-log lines have 504 and a target status of `-`.

How to mend it: add the one missing ingress rule, from the load balancer's security group on the traffic port. Name the
group, not addresses: a load balancer changes its addresses. Adding a rule breaks nothing, so plan does it first.

Sources: ELB user guide \"Security groups for your Application Load Balancer\", \"Register targets\", \"Troubleshoot your
Application Load Balancers\" (HTTP 504); API EC2 AuthorizeSecurityGroupIngress.
";

/// What keeps targets closed behind one security group.
#[derive(Default)]
struct Closed<'e> {
    ports: BTreeSet<u16>,
    balancers: BTreeSet<&'e Address>,
    targets: BTreeSet<&'e Address>,
    /// A target group that no request reaches.
    cut_off: bool,
}

enum Verdict {
    Open,
    Unknown,
    /// From no subnet, or from some only.
    Shut,
}

fn check(evidence: &Evidence) -> Vec<Finding> {
    let mut doors: BTreeMap<&Address, Closed> = BTreeMap::new();
    for (group, _) in evidence.target_groups() {
        for lb in evidence.load_balancers_of(group) {
            let known: Vec<_> = targets(evidence, group, lb);
            let shut = || known.iter().filter(|(_, _, _, verdict)| matches!(verdict, Verdict::Shut));
            let cut_off = evidence.serves(group) && shut().count() == evidence.targets_of(group).count();
            for (target, port, groups, _) in shut() {
                let Some(door) = door(evidence, groups) else { continue };
                let closed = doors.entry(door).or_default();
                closed.ports.insert(*port);
                closed.balancers.insert(lb);
                closed.targets.insert(target);
                closed.cut_off |= cut_off;
            }
        }
    }
    doors.into_iter().map(|(door, closed)| finding(evidence, door, &closed)).collect()
}

/// The targets of a group whose interface is known, with their traffic port and whether it is open.
fn targets<'e>(
    evidence: &'e Evidence,
    group: &Address,
    lb: &Address,
) -> Vec<(&'e Address, u16, &'e BTreeSet<Address>, Verdict)> {
    let Some(balancer) = evidence.load_balancer(lb) else { return Vec::new() };
    let all = evidence.targets().filter(|(_, target)| target.target_group.address() == Some(group));
    all.filter_map(|(address, target)| {
        let ip: IpAddr = target.id.parse().ok()?;
        let (groups, port) = (evidence.interfaces.get(&ip)?, target.port?);
        Some((address, port, groups, verdict(evidence, (lb, balancer), groups, port)))
    })
    .collect()
}

/// Whether the load balancer reaches a port behind these security groups.
fn verdict(
    evidence: &Evidence,
    (lb, balancer): (&Address, &LoadBalancer),
    groups: &BTreeSet<Address>,
    port: u16,
) -> Verdict {
    let Some(own) = &balancer.security_groups else { return Verdict::Unknown };
    let mut networks: Vec<IpNet> = Vec::new();
    let mut unknown = groups.is_empty() || own.iter().any(|link| link.address().is_none());
    for group in groups {
        let Some(rules) = evidence.security_group(group).and_then(|g| g.ingress.as_ref()) else {
            unknown = true;
            continue;
        };
        for rule in rules.iter().filter(|rule| rule.admits_tcp(port)) {
            match &rule.peer {
                Peer::Group(link) if own.contains(link) => return Verdict::Open,
                Peer::Group(Link::Address(_) | Link::Id(_)) => {}
                Peer::Group(Link::Select(_) | Link::Step(_)) | Peer::PrefixList(_) => unknown = true,
                Peer::Cidr(net) => networks.push(*net),
            }
        }
    }
    let networks = IpNet::aggregate(&networks);
    let inside = |subnet: &IpNet| networks.iter().any(|net| net.contains(subnet));
    let everywhere = networks.iter().any(|net| net.prefix_len() == 0 && net.addr().is_ipv4());
    match evidence.subnets.get(lb).map(Vec::as_slice) {
        _ if everywhere => Verdict::Open,
        None | Some([]) if !networks.is_empty() => Verdict::Unknown,
        Some(subnets) if !subnets.is_empty() && subnets.iter().all(inside) => Verdict::Open,
        _ if unknown => Verdict::Unknown,
        _ => Verdict::Shut,
    }
}

/// The security group to open: one that the files declare with ingress, one they declare, any.
fn door<'e>(evidence: &Evidence, groups: &'e BTreeSet<Address>) -> Option<&'e Address> {
    let declared = |group: &&Address| evidence.declared(group).and_then(|spec| spec.security_group());
    let rank = |group: &&Address| match declared(group) {
        Some(SecurityGroup { ingress: Some(_), .. }) => 0,
        Some(_) => 1,
        None => 2,
    };
    groups.iter().min_by_key(rank)
}

fn finding(evidence: &Evidence, door: &Address, closed: &Closed) -> Finding {
    let ports: Vec<String> = closed.ports.iter().map(u16::to_string).collect();
    let ports = format!("port{} {}", if ports.len() > 1 { "s" } else { "" }, ports.join(", "));
    let balancers: Vec<&str> = closed.balancers.iter().map(|lb| lb.name.as_str()).collect();
    let balancers = balancers.join(", ");
    let count = match closed.targets.len() {
        1 => "one target".to_owned(),
        n => format!("{n} targets"),
    };
    let severity = if closed.cut_off { Severity::Critical } else { Severity::High };
    let ingress = evidence.security_group(door).and_then(|group| group.ingress.as_ref());
    let rules: Vec<String> = ingress.into_iter().flatten().map(ToString::to_string).collect();
    let mut finding = RULE
        .finding(severity, door, FIELD)
        .titled(format!("security group {} keeps {balancers} from {ports} of {count}", door.name))
        .detailed(format!(
            "Clients wait 10 s and get 504: connections from {balancers} to {count} on {ports} are dropped. A health \
             check on that port ends in Target.Timeout."
        ))
        .evident(door, FIELD, rules);
    for lb in &closed.balancers {
        let own = evidence.load_balancer(lb).and_then(|lb| lb.security_groups.as_ref());
        let own: Vec<String> = own.into_iter().flatten().map(Link::to_string).collect();
        finding = finding.evident(lb, "security_groups", own);
    }
    for target in closed.targets.iter().take(3) {
        finding = finding.evident(target, "", json!({ "reachable": false }));
    }
    mend(evidence, finding, door, closed)
}

/// The smallest rule that opens the door, or the load balancer's own groups put right.
fn mend(evidence: &Evidence, finding: Finding, door: &Address, closed: &Closed) -> Finding {
    let groups = |lb: &Address| evidence.load_balancer(lb).and_then(|s| s.security_groups.clone()).unwrap_or_default();
    let names = |set: &BTreeSet<Link>| set.iter().map(Link::to_string).collect::<BTreeSet<_>>();
    for lb in &closed.balancers {
        let declared =
            evidence.declared(lb).and_then(|spec| spec.load_balancer()).and_then(|s| s.security_groups.as_ref());
        // a group that the files pick by tags has no name here to compare by
        let named = |link: &Link| !matches!(link, Link::Select(_) | Link::Step(_));
        let moved = |want: &&BTreeSet<Link>| want.iter().all(named) && names(want) != names(&groups(lb));
        if let Some(declared) = declared.filter(moved) {
            let want = names(declared);
            let text = want.iter().cloned().collect::<Vec<_>>().join(", ");
            return finding.mended_by(format!("give {} the security groups of the file: {text}", lb.name)).declaring(
                lb,
                "security_groups",
                want,
            );
        }
    }
    // one rule for each load balancer, from a group of it that the files know, else from any
    let sources: BTreeSet<String> = closed
        .balancers
        .iter()
        .filter_map(|lb| {
            let own = groups(lb);
            let known = own.iter().find(|link| link.address().is_some_and(|a| evidence.declared(a).is_some()));
            known.or(own.first()).map(Link::to_string)
        })
        .collect();
    let rules: Vec<_> = sources.iter().map(|from| json!({ "from": from, "ports": closed.ports })).collect();
    let ports: Vec<String> = closed.ports.iter().map(u16::to_string).collect();
    let sources: Vec<String> = sources.into_iter().collect();
    let text = format!("let security group {} admit TCP {} from {}", door.name, ports.join(", "), sources.join(", "));
    let finding = finding.mended_by(text);
    if evidence.declared(door).is_some() { finding.declaring(door, FIELD, rules) } else { finding }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, admits, at, cidr, link};
    use super::*;

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
        assert!(finding.cites(&at("security_group/app"), &FIELD.into()));
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
        for groups in world.interfaces.values_mut() {
            groups.insert(at("security_group/sg-unread"));
        }
        world.expect(&[]);
        let mut world = closed();
        world.available.remove(&Need::Network);
        world.expect(&[]);
    }

    #[test]
    fn some_targets_make_it_high_and_wrong_groups_of_the_balancer_are_named() {
        let mut world = closed();
        world.interfaces.remove(&"10.0.2.10".parse().unwrap());
        world.expect(&[("E501", Severity::High)]);

        let mut world = World::seed();
        world.balancer().security_groups = Some([link("security_group/sg-other")].into());
        let finding = world.only();
        assert_eq!(finding.fix.text, "give web the security groups of the file: alb");
        assert_eq!(finding.fix.declare.unwrap().field.as_str(), "security_groups");
    }
}
