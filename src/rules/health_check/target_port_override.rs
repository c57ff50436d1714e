//! E117: a target is registered on another port than the declared one.

use super::super::members::{Members, cite};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::{DJANGO, roll};
use crate::model::TargetHealth;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E117",
    name: "target-port-override",
    severity: Severity::Critical,
    needs: &[Need::Desired, Need::Live, Need::Health],
    also: &[],
    summary: "a target is registered on another port than the declared one",
    explain: EXPLAIN,
    bad: Situation {
        text: "a target was registered by hand on port 80, gunicorn listens on 8000",
        desired: DJANGO,
        live: "
target_groups:
  django:
    targets: [\"10.0.1.10\", \"10.0.2.10:80\"]
",
        health: &[
            Health::healthy("django/10.0.1.10:8000"),
            Health::unhealthy("django/10.0.2.10:80", "Target.FailedHealthChecks", "Health checks failed"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "every target is registered on the port of the file",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
Each target has a port of its own: the group's, unless another one is given when it is registered. The same address
registered on the wrong port is another target to AWS, and what is wrong shows for that port only.

What clients see: with nobody on that port, the target is unhealthy and the others carry the load; once none is healthy,
the load balancer fails open and clients get 502 (refused) or 504 (dropped). With something else on that port that
passes the check, clients get its answers.

How to tell: target health lists the address with another port than the file. A port that is unhealthy with
`Target.FailedHealthChecks` was refused, one with `Target.Timeout` was dropped on the way.

How to mend it: register the address on the right port, wait until it is healthy, then deregister the wrong one; apply
does it in this order. A target's port cannot be edited.

Sources: API TargetDescription.Port, RegisterTargets, DeregisterTargets; ELB user guide \"Register targets\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(evidence, &group)).collect()
}

fn judge(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let moved = roll(evidence, group.address)?.moved;
    let (first, wanted) = moved.first()?;
    let wrong: Vec<_> =
        group.all.iter().filter(|m| moved.iter().any(|(live, _)| *live == m.address)).copied().collect();
    let failing = wrong.iter().any(|m| m.health.is_some_and(TargetHealth::is_unhealthy));
    let severity = match (group.serves(), group.ready(), failing) {
        (true, 0, _) => Severity::Critical,
        (true, _, true) => Severity::High,
        (true, _, false) => Severity::Medium,
        (false, _, _) => Severity::Low,
    };
    let detail = match (group.serves(), group.ready(), failing) {
        (true, _, false) => "Clients get the answers of whatever listens on that port: it is asked like any other \
                             target."
            .to_owned(),
        _ => group.clients_see(wrong.len()),
    };
    let port = |address: &crate::model::Address| address.leaf().rsplit(':').next().unwrap_or_default().to_owned();
    let (is, want) = (port(first), port(wanted));
    let mut finding = RULE
        .finding(severity, group.address, "targets")
        .titled(format!("{} on port {is} instead of {want}", registered(&group.who(wrong.len()), wrong.len())))
        .detailed(detail)
        .mended_by(format!(
            "register {} with {}, wait until it is healthy, then deregister {}; apply does it in this order",
            wanted.leaf(),
            group.address.name,
            first.leaf()
        ));
    finding = cite(finding, group.address, &wrong);
    for (_, wanted) in &moved {
        finding = finding.evident(wanted, "registered", false);
    }
    Some(finding)
}

fn registered(who: &str, count: usize) -> String {
    format!("{who} {} registered", super::super::members::are(count))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use super::*;
    use crate::model::{Address, Spec};

    /// Both targets are registered on port 80.
    fn on_port_80(healthy: bool) -> World {
        let mut world = World::seed();
        world.desired.membership.insert(at("target_group/django"));
        for ip in ["10.0.1.10", "10.0.2.10"] {
            let old = Address::target("django", ip, Some(8000));
            let Some(Spec::Target(mut target)) = world.live.remove(&old) else { panic!("no target") };
            target.port = Some(80);
            let address = Address::target("django", ip, Some(80));
            let mut health = world.health.remove(&old).unwrap();
            if !healthy {
                health.state = Some(crate::model::HealthState::Unhealthy);
                health.reason = Some("Target.FailedHealthChecks".to_owned());
            }
            world.live.insert(address.clone(), Spec::Target(target));
            world.health.insert(address, health);
        }
        world.interfaces.clear();
        world
    }

    #[test]
    fn it_is_neither_missing_nor_stray() {
        let world = on_port_80(false);
        world.expect(&[("E117", Severity::Critical)]);
        assert_eq!(world.only().title, "both targets are registered on port 80 instead of 8000");
        assert!(world.only().fix.text.starts_with("register 10.0.1.10:8000 with django, wait"));
        on_port_80(true).expect(&[("E117", Severity::Medium)]);
    }
}
