//! E507: a network ACL drops requests to targets, or their answers.

use std::collections::{BTreeMap, BTreeSet};

use super::super::paths::Way;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::STACK;
use crate::cloud::path::{Extent, Mend, Place, Refusal, Refuser};
use crate::model::Address;

const FIELD: &str = "subnets";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E507",
    name: "nacl-ephemeral",
    severity: Severity::Critical,
    needs: &[Need::Acls],
    also: &[Need::Network],
    summary: "a network ACL drops requests to targets, or answers to ephemeral ports",
    explain: EXPLAIN,
    bad: Situation {
        text: "the targets' subnet lets requests in, and answers out to port 443 only",
        desired: STACK,
        health: &[Health::unhealthy("django/10.0.1.10:8000", "Target.Timeout", "Request timed out")],
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        around: "
10.0.1.10 stands in subnet-c
subnet-c acl in 100 allow tcp 8000 10.0.0.0/16
subnet-c acl out 100 allow tcp 443 0.0.0.0/0
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "answers go out to every ephemeral port",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000")],
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        around: "
10.0.1.10 stands in subnet-c
subnet-c acl in 100 allow tcp 8000 10.0.0.0/16
subnet-c acl out 100 allow tcp 443 0.0.0.0/0
subnet-c acl out 110 allow tcp 1024-65535 10.0.0.0/16
",
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A network ACL stands around a subnet and knows no connections: the request must be let out of the load balancer's subnet
and into the target's, and the answer out of the target's and into the load balancer's. Answers go to the ephemeral port
that the load balancer connected from, 1024 to 65535. Entries are asked by number; the first that matches decides, and
what matches none is refused. Within one subnet no ACL is asked.

What clients see: 504 after the connect timeout of 10 s, for every target in a closed subnet or from every node in one;
health checks end in `Target.Timeout`. An ACL that closes only some ephemeral ports makes as large a share of the
connections fail, at random.

How to tell: this rule follows each way through the entries of both ACLs, in both directions, and names the one that
refuses. By hand: security groups and routes are right, and a capture at the target shows requests and no answers, or
nothing.

How to mend it: add an entry with a lower number than the one named. no502 changes no network ACL: they hold for
everything in the subnet.

Sources: VPC user guide \"Network ACLs\" (ephemeral ports, rule order); ELB user guide \"Troubleshoot your Application Load
Balancers\"; API EC2 DescribeNetworkAcls, CreateNetworkAclEntry.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let mut closed: BTreeMap<&Address, Vec<(&Way, &Refusal)>> = BTreeMap::new();
    for way in evidence.paths() {
        let by_acl = |refusal: &&Refusal| matches!(refusal.by, Refuser::Entry(..));
        if let Some(refusal) = way.refusals.iter().find(by_acl) {
            closed.entry(&way.balancer).or_default().push((way, refusal));
        }
    }
    closed.into_iter().filter_map(|(lb, ways)| finding(evidence, lb, &ways)).collect()
}

fn finding(evidence: &Evidence, lb: &Address, ways: &[(&Way, &Refusal)]) -> Option<Finding> {
    let (way, worst) = ways.iter().max_by_key(|(_, refusal)| (refusal.extent, std::cmp::Reverse(refusal.place)))?;
    let Refuser::Entry(acl, entry) = &worst.by else { return None };
    let own = || evidence.paths().iter().filter(|way| way.balancer == *lb);
    let targets: BTreeSet<&Address> = ways.iter().map(|(way, _)| &way.target).collect();
    let everything = ways.len() == own().count();
    let severity = match worst.extent {
        Extent::Few => Severity::Low,
        Extent::All if everything && evidence.serves(&way.group) => Severity::Critical,
        Extent::All | Extent::Some => Severity::High,
    };
    let count = match targets.len() {
        1 => "one target".to_owned(),
        n => format!("{n} targets"),
    };
    let is_answer = matches!(worst.place, Place::TargetAclOut | Place::BalancerAclIn);
    let what = if is_answer { format!("answers of {count} to") } else { format!("requests to {count} of") };
    let share = match worst.extent {
        Extent::All => "",
        Extent::Some => " Only a part of the connections is hit, by address or ephemeral port.",
        Extent::Few => " Fewer than one connection in a hundred is hit, by its ephemeral port.",
    };
    let mut finding = RULE
        .finding(severity, lb, FIELD)
        .titled(format!("network ACL {acl} drops {what} {}", lb.name))
        .detailed(format!(
            "Clients wait 10 s and get 504: {}, rule {entry} refuses port {}.{share}",
            worst.place.in_words(),
            match &worst.fix {
                Mend::Entry(_, _, _, (low, high), _) if low != high => format!("{low}-{high}"),
                Mend::Entry(..) | Mend::Rule(..) | Mend::Route(..) => way.port.to_string(),
            }
        ))
        .mended_by(worst.fix.to_string());
    let mut entries: BTreeSet<String> = BTreeSet::new();
    for (_, refusal) in ways {
        entries.insert(format!("{}: {}", refusal.place.in_words(), refusal.by));
    }
    finding = finding.evident(lb, "network_acls", entries);
    for target in targets.iter().take(3) {
        finding = finding.evident(target, "", serde_json::json!({ "reachable": false }));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use crate::rules::{Need, Severity};

    fn world(lines: &str) -> World {
        let mut world = World::seed();
        world.around(&format!("10.0.1.10 stands in subnet-c\n10.0.2.10 stands in subnet-c\n{lines}"));
        world
    }

    #[test]
    fn the_entry_and_the_place_are_named() {
        let world = world("subnet-c acl in 90 deny tcp 8000 10.0.0.0/8\nsubnet-c acl in 100 allow all 0.0.0.0/0");
        let finding = world.only();
        assert_eq!((finding.rule.as_str(), finding.severity), ("E507", Severity::Critical));
        assert_eq!(finding.title, "network ACL acl-of-subnet-c drops requests to 2 targets of web");
        assert!(
            finding.detail.contains("entering the target's subnet, rule 90 deny tcp 8000 10.0.0.0/8"),
            "{finding:#?}"
        );
        assert!(finding.fix.text.contains("before rule 90"), "{}", finding.fix.text);
        assert!(finding.fix.declare.is_none());
    }

    #[test]
    fn one_zone_is_high_few_ports_are_low() {
        let lines = "subnet-a acl in 100 allow all 0.0.0.0/0\nsubnet-a acl out 100 allow tcp 443 0.0.0.0/0";
        world(lines).expect(&[("E507", Severity::High)]);
        let few = "subnet-c acl in 100 allow all 0.0.0.0/0\nsubnet-c acl out 90 deny tcp 3389 0.0.0.0/0\n\
                   subnet-c acl out 100 allow all 0.0.0.0/0";
        world(few).expect(&[("E507", Severity::Low)]);
    }

    #[test]
    fn unread_acls_refuse_nothing() {
        world("").expect(&[]);
        let mut world = world("subnet-c acl in 100 allow tcp 443 0.0.0.0/0");
        world.available.remove(&Need::Acls);
        world.expect(&[]);
    }
}
