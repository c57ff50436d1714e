//! E115: a target is registered that the files do not declare.

use super::super::members::{Member, Members, cite, labels};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::{DJANGO, roll};
use crate::model::TargetHealth;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E115",
    name: "target-stray",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live, Need::Health],
    also: &[],
    summary: "a target is registered that the files do not declare",
    explain: EXPLAIN,
    bad: Situation {
        text: "last year's host is still registered",
        desired: DJANGO,
        live: "
target_groups:
  django:
    targets: [\"10.0.1.10\", \"10.0.2.10\", \"10.0.9.9\"]
",
        health: &[
            Health::healthy("django/10.0.1.10:8000"),
            Health::healthy("django/10.0.2.10:8000"),
            Health::healthy("django/10.0.9.9:8000"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "exactly the declared targets are registered",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A host that was replaced and never deregistered goes on getting its share of requests. It runs an old release, has a
database it may no longer reach, or its address has been given to something else altogether. A health check that asks
for little more than an open port does not notice.

What clients see: one request in so many fails, with 502, 503, 504 or the old application's own errors; the others work.
Where the stray target is unhealthy it gets nothing, until no healthy target is left and the load balancer fails open.

How to tell: the access log's `target:port` is the same one for all failures. The rule compares what is registered with
the `targets` of the file; groups without `targets` in the file, and groups that Auto Scaling or ECS fill, are not
judged.

How to mend it: apply deregisters it once the declared targets are healthy, and waits until its requests have ended. If
it belongs there, add it to the file.

Sources: API DescribeTargetHealth, DeregisterTargets; ELB user guide \"Target groups for your Application Load
Balancers\" (deregistration delay).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(evidence, &group)).collect()
}

fn judge(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let strays = roll(evidence, group.address)?.strays;
    // what the files have ceased to name since they were applied is no stranger
    let is_new = |m: &&Member| evidence.pending.contains(m.address);
    let strays: Vec<_> = group.all.iter().filter(|m| strays.contains(&m.address) && !is_new(m)).copied().collect();
    let count = Some(strays.len()).filter(|count| *count > 0)?;
    let names = labels(strays.iter().map(|member| member.target));
    let ready = strays.iter().filter(|m| m.health.is_some_and(TargetHealth::is_ready)).count();
    let all = group.all.len();
    let (severity, detail) = match (group.serves(), ready, group.ready()) {
        (false, _, _) => (Severity::Low, "Clients see nothing now: no requests go to this group.".to_owned()),
        (true, 0, 0) => (
            Severity::High,
            format!("Clients get its errors for {count} in {all} requests: no target is healthy, so it is asked too."),
        ),
        (true, 0, _) => (
            Severity::Low,
            "Clients see nothing now: it is not healthy. Once no other target is, requests go to it as well."
                .to_owned(),
        ),
        (true, ready, healthy) => (
            Severity::Medium,
            format!(
                "Clients get {} from what no file knows: whatever it serves, its 502 and 504 included.",
                if ready == healthy { "every answer".to_owned() } else { format!("{ready} in {healthy} answers") }
            ),
        ),
    };
    let finding = RULE
        .finding(severity, group.address, "targets")
        .titled(format!("{count} of {all} registered targets not in the file: {names}"))
        .detailed(detail)
        .mended_by(format!("deregister {names}, or add it to the targets of {} in the file", group.address.name));
    Some(cite(finding, group.address, &strays))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use super::*;

    #[test]
    fn it_harms_while_it_gets_requests() {
        let mut world = World::seed();
        world.desired.membership.insert(at("target_group/django"));
        world.desired.specs.remove(&at("target/django/10.0.1.10:8000"));
        world.expect(&[("E115", Severity::Medium)]);
        world.pending.insert(at("target/django/10.0.1.10:8000"));
        world.expect(&[]);
        world.pending.clear();
        world.ail(1, "Target.FailedHealthChecks", "");
        assert_eq!(world.verdict().last().unwrap(), &("E115".to_owned(), Severity::Low));
        world.ail(2, "Target.FailedHealthChecks", "");
        assert!(world.verdict().contains(&("E115".to_owned(), Severity::High)));
        world.fed.insert(at("target_group/django"));
        assert!(world.verdict().iter().all(|(rule, _)| rule != "E115"));
    }
}
