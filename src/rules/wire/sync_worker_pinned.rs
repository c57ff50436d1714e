//! E312: one silent connection keeps a target from answering.

use super::super::probed::{One, Probed};
use super::super::setting::Setting;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, seen, verb};
use crate::probe::observation::{Exchange, Outcome};

const FIELD: &str = "backend";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E312",
    name: "sync-worker-pinned",
    severity: Severity::Medium,
    needs: &[Need::Probe],
    also: &[],
    summary: "one connection that says nothing keeps a target from answering",
    explain: EXPLAIN,
    bad: Situation {
        text: "gunicorn's only sync worker waits for a connection that says nothing",
        desired: DJANGO,
        probe: &seen(
            r#"{ "server": "gunicorn", "health_checks": [{ "outcome": { "answer": { "status": 200 } } }],
            "beside_idle": { "outcome": "timed_out" } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A server that gives each connection a whole worker, and has few of them, stands still while one connection sends
nothing. gunicorn's sync worker reads the request itself: an open connection without bytes holds it until `timeout`, 30
s by default, and then it is killed and started again. The load balancer opens no connection ahead of a request, but
port scanners, Network Load Balancers and slow uploads do.

What clients see: pauses, then 502 or 504 while health checks time out and the target is taken out of service.

How to tell: open a connection, send nothing, and make a health check beside it: it times out.

How to mend it: workers that wait for many connections at once (gunicorn `--worker-class gthread --threads 4`, or
uvicorn's), more workers, or nginx in front, which reads the whole request before it passes it on.

Sources: ELB user guide \"How Elastic Load Balancing works\"; gunicorn documentation (worker types); measured on gunicorn
27 and 23: 30.4 s.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let codes = group.checked.codes();
    let pinned = |one: &One<'_>| {
        let alone = one.saw.health_check(codes.as_ref()).is_some_and(|check| check.passes(codes.as_ref()));
        let beside = one.saw.beside_idle.as_ref();
        alone && beside.is_some_and(|e| matches!(e.outcome, Outcome::TimedOut | Outcome::Unconnected))
    };
    let ones = group.those(pinned);
    ones.first()?;
    let value = |one: &One<'_>| one.saw.beside_idle.as_ref().map(Exchange::in_words);
    Some(
        group
            .finding(&RULE, group.of_requests(RULE.severity), FIELD, &ones, "probe.beside_idle", value)
            .titled(format!("one silent connection keeps {} from answering the health check", group.who(&ones)))
            .detailed(format!(
                "Clients get 502 or 504 while {} for a connection that sends nothing, and {} taken out of service.",
                verb(ones.len(), "the target waits", "targets wait"),
                verb(ones.len(), "is", "are")
            ))
            .mended_by(format!(
                "use workers that wait for several connections, or more of them{}",
                Setting::Workers.named(group.server(), 0)
            )),
    )
}
