//! E813: redirects whose address grows beyond 8 K.

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
    code: "E813",
    name: "redirect-url-too-long",
    severity: Severity::High,
    needs: &[Need::Logs],
    also: &[],
    summary: "redirects whose address grows beyond 8 K",
    explain: EXPLAIN,
    bad: Situation {
        text: "a redirect that repeats the query made 14 addresses too long",
        desired: STACK,
        logged: &[Logged { at: "load_balancer/web", requests: 90_000, shape: Shape::Redirect, count: 14, reason: "" }],
        ..Situation::EMPTY
    },
    good: Situation { text: "the access logs show nothing of the kind", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A redirect action writes an address of parts of the request: `#{host}`, `#{path}`, `#{query}`. If what comes out is longer
than 8 K, the load balancer answers 507 instead.

What clients see: 507 on requests with very long paths or queries, each time. Everything else is redirected.

How to tell: access-log lines with 507; HTTP_Redirect_Url_Limit_Exceeded_Count rises.

How to mend it: leave `#{query}` or `#{path}` out of the redirect where the new place does not need them, or answer such
requests by the application. Queries of this length are often a client that sends a form by GET.

Sources: ELB user guide \"Troubleshoot your Application Load Balancers\" (HTTP 507), \"CloudWatch metrics for your Application
Load Balancer\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    shaped(evidence, Kind::LoadBalancer, Shape::Redirect)
        .map(|seen| {
            seen.finding(&RULE, Severity::High)
                .titled(format!("{} led to an address of more than 8 K", seen.times("redirect")))
                .detailed("Clients with a very long path or query get 507 instead of a redirect, each time.")
                .mended_by("leave #{query} or #{path} out of the redirect where the new place does not need them")
        })
        .collect()
}
