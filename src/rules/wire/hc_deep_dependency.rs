//! E111: the health check asks for more than the target's own health.

use super::super::cause::Cause;
use super::super::probed::{One, Probed};
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, brief, seen, verb};

const FIELD: &str = "health_check.path";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E111",
    name: "hc-deep-dependency",
    severity: Severity::Critical,
    needs: &[Need::Probe],
    also: &[],
    summary: "only the health check's path fails: it depends on more than the target itself",
    explain: EXPLAIN,
    bad: Situation {
        text: "the health view asks a database that is down; the application serves other pages",
        desired: DJANGO,
        probe: &seen(
            r#"{ "health_checks": [{ "outcome": { "answer": { "status": 500 } } }],
            "root": { "path": "/", "outcome": { "answer": { "status": 200 } } } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A health view that asks the database, the cache or another service reports their health, not the target's. All targets
share those, so all of them fail in the same minute, and no load balancer can help by sending requests elsewhere.

What clients see: with no healthy target left the load balancer fails open, so pages that need no database go on
working; but ECS and Auto Scaling kill and replace every target, which turns a slow database into an outage with 502
and 503.

How to tell: the health check's path answers 5xx, or nothing in time, while `/` is answered. All targets change state in
the same minute.

How to mend it: let the path say only that the process answers, and watch dependencies elsewhere (a second path that no
load balancer asks, or metrics). If the slow path must stay, give it a timeout of its own well below the check's.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\", \"Target group health\"; measured
on Django 5.2 with its database down.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| failing(&group).or_else(|| slow(&group))).collect()
}

fn failing(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Dependency);
    let root = ones.first()?.saw.root.as_ref()?;
    let path = group.checked.path();
    Some(
        group
            .failing(&RULE, FIELD, &ones, true)
            .evident(ones.first()?.address, "probe.root", root.in_words())
            .titled(format!(
                "health check asks {}: {}, while {} {} {}",
                brief(path),
                group.seen(&ones),
                group.who(&ones),
                verb(ones.len(), "answers", "answer"),
                brief(&root.path)
            ))
            .mended_by(format!(
                "let {path} answer without database, cache or other services{}",
                if group.is_late(&ones) { "; if it needs the time, declare a longer health_check.timeout" } else { "" }
            )),
    )
}

/// The check passes, and takes most of the time it has.
fn slow(group: &Probed) -> Option<Finding> {
    let codes = group.checked.codes();
    let limit = group.checked.timeout();
    let passing = |one: &One<'_>| one.saw.health_checks.iter().all(|check| check.passes(codes.as_ref()));
    let longest = |one: &One<'_>| one.saw.health_checks.iter().map(|check| check.millis).max().unwrap_or_default();
    let ones = group.those(|one| passing(one) && longest(one) * 2 > u64::from(limit) * 1000);
    let worst = ones.iter().map(longest).max()?;
    Some(
        group
            .finding(&RULE, Severity::Medium, FIELD, &ones, "probe.health_check_ms", longest)
            .evident(group.address(), "health_check.timeout", limit)
            .titled(format!("the health check takes {worst} ms of the {limit} s it has"))
            .detailed(
                "Clients see nothing yet. Under load, targets that work are taken out of service because this path is slow.",
            )
            .mended_by(format!("let {} answer at once, or declare a longer health_check.timeout", group.checked.path())),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn a_slow_health_check_is_a_warning() {
        for (millis, fires) in [(2400, false), (2600, true)] {
            let mut world = World::seed();
            world.saw(&format!(
                r#"{{ "health_checks": [{{ "millis": {millis}, "outcome": {{ "answer": {{ "status": 200 }} }} }}] }}"#
            ));
            world.expect(if fires { &[("E111", Severity::Medium)] } else { &[] });
        }
    }
}
