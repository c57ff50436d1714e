//! E114: a declared target is not registered.

use super::super::members::{Members, are, labels};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::{DJANGO, roll};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E114",
    name: "target-missing",
    severity: Severity::Critical,
    needs: &[Need::Desired, Need::Live, Need::Health],
    also: &[],
    summary: "a declared target is not registered",
    explain: EXPLAIN,
    bad: Situation {
        text: "a target was deregistered by hand and forgotten",
        desired: DJANGO,
        live: "
target_groups:
  django:
    targets: [\"10.0.1.10\"]
",
        health: &[Health::healthy("django/10.0.1.10:8000")],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "every declared target is registered",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A target gets requests only while it is registered with its group. Targets go missing when somebody takes one out for
a repair, when a deployment script stops half-way, or when a group was made anew and nobody registered anything.

What clients see: with no target registered, 503 for every request to the group. With some, nothing until those
cannot carry the whole load; then 502, 503 or 504.

How to tell: target health does not list the target at all, which is not the same as `unhealthy`. The rule compares the
`targets` of the file with what is registered; a group without `targets` in the file is filled by somebody else and not
judged.

How to mend it: apply registers it. Before that the target should run, stand in the group's VPC, and be reachable from
the load balancer on its port; it gets requests from its first passed health check on.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 503), \"Register targets\"; API
RegisterTargets, DescribeTargetHealth.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(evidence, &group)).collect()
}

fn judge(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let declared = evidence.declared_targets(group.address)?.len();
    let missing = roll(evidence, group.address)?.missing;
    let count = Some(missing.len()).filter(|count| *count > 0)?;
    // what the files are new to say is no drift, as long as somebody serves
    if !group.all.is_empty() && missing.iter().all(|(address, _)| evidence.pending.contains(*address)) {
        return None;
    }
    let left = declared.saturating_sub(count);
    let severity = match (group.serves(), group.all.is_empty()) {
        (true, true) => Severity::Critical,
        (true, false) if count * 2 >= declared => Severity::Medium,
        _ => Severity::Low,
    };
    let names = labels(missing.iter().map(|(_, target)| *target));
    let detail = match (group.serves(), group.all.len()) {
        (false, _) => "Clients see nothing now: no requests go to this group. It could not take over.".to_owned(),
        (true, 0) => "Clients get 503 for every request to this group: nothing is registered with it.".to_owned(),
        (true, _) if left == 0 => {
            "Clients reach only targets that no file knows: none of the declared ones is registered.".to_owned()
        }
        (true, _) => format!(
            "Clients see 502, 503 or 504 once {left} of {declared} declared targets cannot carry the whole load: one \
             that is not registered gets no requests."
        ),
    };
    let mut finding = RULE
        .finding(severity, group.address, "targets")
        .titled(format!("{count} of {declared} declared targets {} not registered: {names}", are(count)))
        .detailed(detail)
        .mended_by(format!("register {names} with {}, as the file says", group.address.name));
    for (address, _) in missing {
        finding = finding.evident(address, "registered", false);
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use super::*;

    #[test]
    fn nothing_registered_is_critical_and_a_group_of_somebody_else_is_not_judged() {
        let mut world = World::seed();
        world.live.remove(&at("target/django/10.0.1.10:8000"));
        world.expect(&[]);
        world.desired.membership.insert(at("target_group/django"));
        world.expect(&[("E114", Severity::Medium)]);
        assert!(world.only().detail.contains("once 1 of 2 declared targets cannot"));
        // a file that is new to say so is no drift while somebody serves
        for missing in ["10.0.1.10", "10.0.2.10"] {
            world.pending.insert(at(&format!("target/django/{missing}:8000")));
        }
        world.expect(&[]);
        world.live.remove(&at("target/django/10.0.2.10:8000"));
        world.expect(&[("E114", Severity::Critical)]);
        assert!(world.only().detail.contains("503"));
        world.fed.insert(at("target_group/django"));
        world.expect(&[]);
    }
}
