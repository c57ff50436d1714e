//! E707: the proxy on the target answers 502 itself.

use super::super::cause::{Cause, cause};
use super::super::probed::{One, Probed};
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, brief, seen, verb};
use crate::probe::observation::Exchange;

const FIELD: &str = "backend";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E707",
    name: "nginx-proxy-buffer",
    severity: Severity::High,
    needs: &[Need::Probe],
    also: &[],
    summary: "the proxy on the target answers 502 itself: its upstream's headers are too large",
    explain: EXPLAIN,
    bad: Situation {
        text: "nginx takes 4 K of headers from Django, which sets a session of 9 K as a cookie",
        desired: DJANGO,
        probe: &seen(
            r#"{ "server": "nginx", "health_checks": [{ "outcome": { "answer": { "status": 200, "server": "nginx" } } }],
            "request": { "path": "/", "outcome": { "answer": { "status": 502, "server": "nginx" } } } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A 502 that names nginx was made on the target, not by the load balancer: nginx got no usable answer from the application
behind it. If other paths work, the usual reason is an answer whose headers do not fit proxy_buffer_size, 4 or 8 K,
one memory page: large cookies and policies get there first. Other reasons: this path goes to another upstream, which is
down or on another port, or the application dies on it.

What clients see: 502 on some pages or for some users, while health checks pass. The access log has 502 as the target's
status, and HTTPCode_Target_5XX_Count counts it, HTTPCode_ELB_502_Count does not.

How to tell: the answer's Server header names the proxy. nginx's error log has the reason: `upstream sent too big
header`, `connect() failed`, or `upstream prematurely closed connection`.

How to mend it: by that reason: `proxy_buffer_size 32k` with `proxy_buffers 8 32k`; the right port in `proxy_pass`; an
upstream keep-alive shorter than the application's, since nginx 1.29.7 keeps upstream connections open by default.

Sources: nginx documentation (ngx_http_proxy_module, ngx_http_upstream_module); measured on nginx 1.22 with a header of
9000 bytes; AWS knowledge center on 502 errors.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

/// A request that a proxy answers 502 or 504 while it answers the health check; or a health check that it answers so while
/// it answers others.
fn inner<'e>(group: &Probed<'e>, one: &One<'e>) -> Option<&'e Exchange> {
    let codes = group.checked.codes();
    let check = one.saw.health_check(codes.as_ref())?;
    if cause(&group.checked, one.address, one.target) == Some(Cause::Inner) {
        return Some(check);
    }
    if !check.passes(codes.as_ref()) {
        return None;
    }
    // who made it is known only where it says so; the health check shows that the target itself is up
    let failed = |exchange: &&Exchange| matches!(exchange.status(), Some(502 | 504));
    one.saw.request.as_ref().filter(failed)
}

fn judge(group: &Probed) -> Option<Finding> {
    let ones = group.those(|one| inner(group, one).is_some());
    let exchange = inner(group, ones.first()?)?;
    let server = exchange.answer().and_then(|answer| answer.server.clone());
    let server = server.unwrap_or_else(|| "a proxy".to_owned());
    let status = exchange.status().unwrap_or_default();
    let value = |one: &One<'_>| inner(group, one).map(Exchange::in_words);
    Some(
        group
            .finding(&RULE, group.of_requests(RULE.severity), FIELD, &ones, "probe.request", value)
            .titled(format!(
                "{} on {} {} {} to {status} itself",
                brief(&server),
                group.who(&ones),
                verb(1, "turns", "turn"),
                brief(&exchange.path)
            ))
            .detailed(format!(
                "Clients get {status} here, made on the target and not by the load balancer, while health checks pass."
            ))
            .mended_by(
                "look into the proxy's error log: for `too big header` nginx's proxy_buffer_size 32k with proxy_buffers \
                 8 32k, for `connect() failed` the port in proxy_pass",
            ),
    )
}
