//! E505: the load balancer has other security groups than the files say, and they keep its requests away.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::super::paths::Way;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::STACK;
use crate::model::{Address, Link};

const FIELD: &str = "security_groups";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E505",
    name: "alb-sg-set-drift",
    severity: Severity::Critical,
    needs: &[Need::Desired, Need::Network],
    also: &[],
    summary: "the load balancer has other security groups than the files say, and targets refuse them",
    explain: EXPLAIN,
    bad: Situation {
        text: "somebody gave the load balancer another security group by hand",
        desired: STACK,
        live: "
load_balancers:
  web:
    security_groups: [sg-0123456789abcdef0]
",
        health: &[Health::unhealthy("django/10.0.1.10:8000", "Target.Timeout", "Request timed out")],
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the load balancer has the security groups of the file",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000")],
        interfaces: &[("10.0.1.10", &["app"])],
        subnets: &[("web", &["10.0.101.0/24", "10.0.102.0/24"])],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
Targets admit the load balancer by its security groups. SetSecurityGroups replaces the whole set, so one careless call
takes away the very group that every target's rules name.

What clients see: 504 after the connect timeout of 10 s, from every target at once; health checks end in
`Target.Timeout`.

How to tell: the load balancer's groups are not those of the files, and a way to a target that is closed now would be
open with the declared groups. A set that differs and closes nothing is a difference like any other, not this finding.

How to mend it: give the load balancer the groups of the files, as the plan does. If the new set is meant, write it down
there, and let the targets' security groups admit it first.

Sources: API SetSecurityGroups (replaces the list); ELB user guide \"Security groups for your Application Load Balancer\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let mut drifted: BTreeMap<&Address, Vec<&Way>> = BTreeMap::new();
    for way in evidence.paths().iter().filter(|way| way.drifted) {
        drifted.entry(&way.balancer).or_default().push(way);
    }
    drifted.into_iter().filter_map(|(lb, ways)| finding(evidence, lb, &ways)).collect()
}

fn finding(evidence: &Evidence, lb: &Address, ways: &[&Way]) -> Option<Finding> {
    let names = |set: &BTreeSet<Link>| set.iter().map(Link::to_string).collect::<BTreeSet<String>>();
    let want = names(&evidence.other_groups(lb)?);
    let has = names(evidence.load_balancer(lb)?.security_groups.as_ref()?);
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    let targets: BTreeSet<&Address> = ways.iter().map(|way| &way.target).collect();
    let all = evidence.paths().iter().filter(|way| way.balancer == *lb && way.is_traffic());
    let severity = if all.into_iter().all(|way| way.drifted) { Severity::Critical } else { Severity::High };
    let mut finding = RULE
        .finding(severity, lb, FIELD)
        .titled(format!("{} has the security groups {}, the file says {}", lb.name, list(&has), list(&want)))
        .detailed(format!(
            "Clients wait 10 s and get 504: {} of its targets do not admit these groups, and would admit those of the file.",
            targets.len()
        ))
        .evident(lb, FIELD, &has)
        .mended_by(format!("give {} the security groups of the file: {}", lb.name, list(&want)))
        .declaring(lb, FIELD, &want);
    for target in targets.iter().take(3) {
        finding = finding.evident(target, "", json!({ "reachable": false }));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, admits, cidr, link};
    use crate::rules::Severity;

    #[test]
    fn another_set_counts_only_where_it_closes_something() {
        let mut world = World::seed();
        world.balancer().security_groups = Some([link("security_group/sg-other")].into());
        world.expect(&[("E505", Severity::Critical)]);
        assert_eq!(world.only().fix.text, "give web the security groups of the file: alb");
        assert_eq!(world.only().fix.declare.unwrap().field.as_str(), "security_groups");
        world.ingress("app").push(admits(cidr("0.0.0.0/0"), 8000));
        world.expect(&[]);
        // closed under the file's groups as well: then the door is the cause
        let mut world = World::seed();
        world.balancer().security_groups = Some([link("security_group/sg-other")].into());
        world.ingress("app").clear();
        world.expect(&[("E501", Severity::Critical)]);
    }
}
