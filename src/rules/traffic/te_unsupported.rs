//! E711: clients send a Transfer-Encoding that load balancers do not support.

use super::super::situation::Logged;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::shaped;
use crate::model::Kind;
use crate::model::traffic::Shape;

const STACK: &str = "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E711",
    name: "te-unsupported",
    severity: Severity::Low,
    needs: &[Need::Logs],
    also: &[],
    summary: "clients send a Transfer-Encoding that load balancers do not support",
    explain: EXPLAIN,
    bad: Situation {
        text: "9 requests came with Transfer-Encoding: gzip",
        desired: STACK,
        logged: &[Logged { at: "load_balancer/web", requests: 90_000, shape: Shape::Encoding, count: 9, reason: "" }],
        ..Situation::EMPTY
    },
    good: Situation { text: "the access logs show nothing of the kind", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
Application Load Balancers understand `Transfer-Encoding: chunked` and `identity`. A request with anything else is
answered with 501 at once; no target sees it.

What clients see: 501, each time, for as long as they send the header. Other clients are not concerned.

How to tell: access-log lines with 501 and no target. The user agent of these lines says which client it is.

How to mend it: mend the client. A body that is compressed is announced with `Content-Encoding`, not with
`Transfer-Encoding`. There is no setting of the load balancer for it.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 501), \"Access logs for your Application Load
Balancer\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    shaped(evidence, Kind::LoadBalancer, Shape::Encoding)
        .map(|seen| {
            seen.finding(&RULE, Severity::Low)
                .titled(format!("{} came with a Transfer-Encoding that is not supported", seen.times("request")))
                .detailed("Some clients get 501, each time: load balancers take chunked and identity only.")
                .mended_by("have these clients send Content-Encoding instead of Transfer-Encoding")
        })
        .collect()
}
