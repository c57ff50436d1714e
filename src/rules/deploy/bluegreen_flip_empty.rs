//! E408: the files switch to a group that cannot answer.

use super::super::forwards::{declared, field, in_words, shown};
use super::super::members::Members;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::BLUE_GREEN;
use crate::model::kind::{Action, Forward};
use crate::model::{Address, Link};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E408",
    name: "bluegreen-flip-empty",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live, Need::Health],
    also: &[],
    summary: "the files switch to a group that cannot answer",
    explain: EXPLAIN,
    bad: Situation {
        text: "the file switches to green, whose only target refuses connections",
        desired: BLUE_GREEN,
        live: "
load_balancers:
  web:
    listeners:
      80:
        default: { forward: { to: { blue: 100, green: 0 } } }
",
        health: &[
            Health::healthy("blue/10.0.1.10:8000"),
            Health::unhealthy("green/10.0.2.10:8000", "Target.FailedHealthChecks", "Health checks failed"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "green has a healthy target and gets everything",
        desired: BLUE_GREEN,
        health: &[Health::healthy("blue/10.0.1.10:8000"), Health::healthy("green/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A switch from one group to another takes effect within seconds, whatever state the new group is in. If it has no target,
or none that is healthy, the switch is the outage. It happens when a release is declared before it is deployed, or when
the new version never passed its health check and nobody looked.

What clients see once it is applied: 503 for the new group's share if it has no target, 502 or 504 if all of its targets
are unhealthy, because the load balancer then fails open and asks them all the same.

How to tell: the rule compares the files' forwards with those in effect, and looks at the health of every group that is
to get requests and gets none yet. A group at weight 0 is health-checked, so its health is known before the switch.

How to mend it: bring the new group up first: register its targets, wait until they are healthy, then switch. Attach it
at weight 0 meanwhile, so that AWS checks it. Apply waits for health before it shifts; it does not make the application
healthy.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 503), \"Target group health\"; that groups
at weight 0 are health-checked was said by AWS's deployment team in public.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let listeners = evidence.listeners();
    let actions = listeners.flat_map(|(listener, _)| evidence.actions_of(listener));
    actions.filter_map(|(address, action)| judge(evidence, address, action)).collect()
}

fn judge(evidence: &Evidence, address: &Address, live: &Action) -> Option<Finding> {
    let Action::Forward(want) = declared(evidence, address)? else { return None };
    if want.external {
        return None;
    }
    let dead: Vec<Members> = taking_over(evidence, live, want);
    let first = dead.first()?;
    let gain: Vec<_> = want.to.iter().filter(|(_, weight)| **weight > 0).collect();
    let severity = if dead.len() == gain.len() { Severity::High } else { Severity::Medium };
    let empty = evidence.empty.contains(first.address);
    let (what, code) = if empty { ("no target", "503") } else { ("no healthy target", "502 or 504") };
    let mut finding = RULE
        .finding(severity, address, field(address))
        .titled(format!("the file switches to {}, which has {what}", first.address.name))
        .detailed(format!("Clients would get {code} for the share of {} as soon as it is applied.", first.address.name))
        .evident(address, field(address), live.shown())
        .evident(address, "declared", shown(want))
        .mended_by(format!(
            "bring {} up and wait until its targets are healthy before the weights become {}",
            first.address.name,
            in_words(want)
        ));
    for group in &dead {
        finding = finding.evident(group.address, "healthy_targets", group.ready());
    }
    Some(finding)
}

/// The groups that shall get requests, get none yet from this action, and cannot answer.
fn taking_over<'e>(evidence: &'e Evidence, live: &Action, want: &'e Forward) -> Vec<Members<'e>> {
    let gets = |link: &Link| live.groups().any(|(group, weight)| group == link && weight > 0);
    let gains = want.to.iter().filter(|(link, weight)| **weight > 0 && !gets(link));
    let members = gains.filter_map(|(link, _)| {
        let address = link.address()?;
        Some(Members::of(evidence, address, evidence.target_group(address)?))
    });
    // targets that the files declare are registered first, and waited for
    let fills = |group: &Members| evidence.declared_targets(group.address).is_some_and(|targets| !targets.is_empty());
    members.filter(|group| group.is_dead() && !(group.all.is_empty() && fills(group))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, answer, at};
    use super::*;

    #[test]
    fn what_gets_requests_already_is_no_switch() {
        let mut world = World::seed();
        world.ail(2, "Target.FailedHealthChecks", "");
        world.expect(&[("E112", Severity::Critical)]);
        world.listener(443).default = Some(answer(404));
        assert!(world.verdict().contains(&("E408".to_owned(), Severity::High)), "{:?}", world.verdict());
        let found = world.judge();
        let finding = found.iter().find(|f| f.rule == "E408").unwrap();
        assert_eq!(finding.title, "the file switches to django, which has no healthy target");
        // declared targets are registered, and waited for
        world.live.retain(|address, _| address.kind != crate::model::Kind::Target);
        world.empty.insert(at("target_group/django"));
        assert!(world.verdict().contains(&("E408".to_owned(), Severity::High)));
        world.desired.membership.insert(at("target_group/django"));
        assert!(world.verdict().iter().all(|(rule, _)| rule != "E408"));
    }
}
