//! E306: targets end connections after some requests without announcing it.

use super::super::probed::{One, Probed};
use super::super::setting::Setting;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DJANGO, GOOD, seen, verb};
use crate::probe::observation::{Reuse, ReuseEnd};

const FIELD: &str = "backend";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E306",
    name: "conn-recycled-abruptly",
    severity: Severity::Medium,
    needs: &[Need::Probe],
    also: &[],
    summary: "targets end connections after some requests without announcing it",
    explain: EXPLAIN,
    bad: Situation {
        text: "the server closes each connection after 100 requests, and its last answer does not say so",
        desired: DJANGO,
        probe: &seen(
            r#"{ "health_checks": [{ "outcome": { "answer": { "status": 200 } } }],
            "reuse": { "requests": 100, "end": "unannounced" } }"#,
        ),
        ..Situation::EMPTY
    },
    good: GOOD,
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
Servers limit how many requests one connection may carry: Apache and Tomcat 100, Puma 999, nginx 1000 requests or an
hour. A server that says `Connection: close` in the last answer is safe: the load balancer does not use that connection
again. gunicorn does so. One that simply closes races with the next request.

What clients see: a small, steady share of 502, growing with traffic, unlike that of a short keep-alive, which shrinks.

How to tell: send requests one after another on one connection and look at the last answer before it ends.

How to mend it: raise or lift the limit (Apache `MaxKeepAliveRequests 0`, Tomcat `maxKeepAliveRequests=\"-1\"`, nginx
`keepalive_requests`), or let the server announce the end.

Sources: Apache, Tomcat, Puma and nginx documentation; ELB user guide \"Troubleshoot your Application Load Balancers\"
(HTTP 502: the target closed the connection); gunicorn was measured.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Probed) -> Option<Finding> {
    // after a single one it is a keep-alive of no time, which is E301's
    let abrupt = |reuse: &Reuse| reuse.end == ReuseEnd::Unannounced && reuse.requests > 1;
    let requests = |one: &One<'_>| one.saw.reuse.filter(abrupt).map(|reuse| reuse.requests);
    let ones = group.those(|one| requests(one).is_some());
    let least = ones.iter().filter_map(requests).min()?;
    let limit = Setting::Requests.named(group.server(), 0);
    Some(
        group
            .finding(&RULE, group.of_requests(RULE.severity), FIELD, &ones, "probe.reuse", |one| {
                format!("closed without notice after {} requests", requests(one).unwrap_or_default())
            })
            .titled(format!(
                "{} {} connections after {least} requests and {} not say so",
                group.who(&ones),
                verb(ones.len(), "ends", "end"),
                verb(ones.len(), "does", "do")
            ))
            .detailed(format!("Clients get 502 for the request that meets the closing connection, one in {least} at worst."))
            .mended_by(format!(
                "raise the limit of requests per connection{limit}, or answer the last one with Connection: close; if the \
                 process ends after so many (gunicorn --max-requests, uvicorn --limit-max-requests), that is the limit"
            )),
    )
}
