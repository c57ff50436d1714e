//! E202: the load balancer speaks plain HTTP to targets that speak TLS.

use super::super::cause::Cause;
use super::super::probed::Probed;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, seen, verb};
use crate::model::value::Protocol;

const FIELD: &str = "protocol";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E202",
    name: "tg-http-tls-backend",
    severity: Severity::Critical,
    needs: &[Need::Probe],
    also: &[],
    summary: "the load balancer speaks plain HTTP to targets that speak TLS",
    explain: EXPLAIN,
    bad: Situation {
        text: "gunicorn has a certificate and speaks TLS only, the group speaks HTTP",
        desired: DJANGO,
        probe: &seen(
            r#"{ "health_checks": [{ "outcome": "closed" }], "root": { "outcome": "closed" },
            "other_protocol": { "outcome": { "answer": { "status": 200 } } } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A target group's protocol is what the load balancer speaks to its targets. If it is HTTP and the port speaks TLS, each
server reacts in its own way: nginx and Go answer 400 in plain text, gunicorn, uvicorn and Node close the connection
without an answer.

What clients see: 400 on every request from nginx and Go, 502 from the others. All targets are unhealthy, so the load
balancer fails open and sends every request into the same failure.

How to tell: the probe's health check fails in HTTP and is answered in HTTPS on the same port. AWS says
`Target.ResponseCodeMismatch` with [400], or `Target.FailedHealthChecks`.

How to mend it: declare the group with protocol https, or let the application speak plain HTTP inside the network. A
group's protocol cannot be edited: no502 creates a second group, waits until its targets are healthy and moves the
listener over. The target's certificate may be self-signed; the load balancer does not validate it.

Sources: ELB user guide \"Target groups for your Application Load Balancers\"; API CreateTargetGroup, ModifyTargetGroup;
what servers answer was measured on nginx 1.22, Go 1.19, gunicorn, uvicorn and Node.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let plain = Probed::all(evidence).filter(|group| group.protocol() == Protocol::Http);
    plain.filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::Protocol);
    let saw = ones.first()?.saw;
    let (field, other) = match &saw.other_protocol {
        Some(other) => ("probe.other_protocol", other),
        None => ("probe.other_request", saw.other_request.as_ref()?),
    };
    Some(
        group
            .failing(&RULE, FIELD, &ones, false)
            .evident(group.address(), FIELD, Protocol::Http)
            .evident(ones.first()?.address, field, other.in_words())
            .titled(format!(
                "the group speaks HTTP, {} {} TLS on port {}",
                group.who(&ones),
                verb(ones.len(), "speaks", "speak"),
                group.port(&ones)
            ))
            .mended_by("declare protocol: https and health_check.protocol: https on the group, which replaces it")
            .declaring(group.address(), FIELD, Protocol::Https),
    )
}
