//! E211: targets wait for the PROXY protocol before HTTP.

use super::super::cause::Cause;
use super::super::probed::Probed;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, seen, verb};

const FIELD: &str = "port";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E211",
    name: "backend-expects-proxy-protocol",
    severity: Severity::High,
    needs: &[Need::Probe],
    also: &[],
    summary: "targets wait for the PROXY protocol, which this load balancer does not speak",
    explain: EXPLAIN,
    bad: Situation {
        text: "nginx was configured with `listen 8000 proxy_protocol` for a network load balancer",
        desired: DJANGO,
        probe: &seen(
            r#"{ "server": "nginx", "health_checks": [{ "outcome": "closed" }],
            "proxy_protocol": { "outcome": { "answer": { "status": 200 } } } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The PROXY protocol puts a line with the client's address before the request. Network Load Balancers can send it,
Application Load Balancers have no such setting and tell the client's address in X-Forwarded-For. A server that waits
for the line takes a plain request for a broken one and closes the connection, or answers 400.

What clients see: 502 on every request, or the server's 400.

How to tell: the probe's health check fails as the load balancer sends it and succeeds after a PROXY line.

How to mend it: take `proxy_protocol` off the port that the load balancer uses (nginx: the `listen` line; HAProxy:
accept-proxy; Traefik: proxyProtocol on the entry point), and take the client's address from X-Forwarded-For.

Sources: ELB user guide \"HTTP headers and Application Load Balancers\"; API ModifyTargetGroupAttributes, where
proxy_protocol_v2 is for Network Load Balancers; that ALBs never send it is what both imply.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.blamed(Cause::ProxyProtocol);
    let after = ones.first()?.saw.proxy_protocol.as_ref()?;
    Some(
        group
            .failing(&RULE, FIELD, &ones, false)
            .evident(ones.first()?.address, "probe.proxy_protocol", after.in_words())
            .titled(format!(
                "{} {} only after a PROXY protocol line",
                group.who(&ones),
                verb(ones.len(), "answers", "answer")
            ))
            .mended_by(format!("take proxy_protocol off port {} and read X-Forwarded-For instead", group.port(&ones))),
    )
}
