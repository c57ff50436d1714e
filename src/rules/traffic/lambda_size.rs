//! E903: bodies larger than a function can take or give through a load balancer.

use super::super::situation::Logged;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::reasons;
use crate::model::Kind;
use crate::model::traffic::Shape;

const STACK: &str = "
target_groups:
  thumbs:
    target_type: lambda
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: thumbs }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E903",
    name: "lambda-size",
    severity: Severity::High,
    needs: &[Need::Logs],
    also: &[],
    summary: "bodies larger than a function can take or give through a load balancer",
    explain: EXPLAIN,
    bad: Situation {
        text: "reports of more than 1 MB",
        desired: STACK,
        logged: &[Logged {
            at: "target_group/thumbs",
            requests: 90_000,
            shape: Shape::Lambda,
            count: 21,
            reason: "LambdaResponseTooLarge",
        }],
        ..Situation::EMPTY
    },
    good: Situation { text: "the access logs show nothing of the kind", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
Through a load balancer a function takes a request of at most 1 MB and gives an answer of at most 1 MB, as JSON and with
the body in base64 where it is binary, which makes it a third longer.

What clients see: 502 where the answer is too large, 413 where the request is; always the same pages or uploads.

How to tell: access-log lines with the error reason LambdaResponseTooLarge or LambdaRequestTooLarge.

How to mend it: give large answers as a redirect to an object store with a signed address, take uploads there as well, or
compress the answer. The limit cannot be raised.

Sources: ELB user guide \"Use Lambda functions as targets\" (limits), \"Troubleshoot your Application Load Balancers\" (HTTP 413,
502), \"Access logs for your Application Load Balancer\" (error reason codes).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    reasons(evidence, Kind::TargetGroup, &["LambdaResponseTooLarge", "LambdaRequestTooLarge"])
        .map(|seen| {
            seen.finding(&RULE, Severity::High)
                .titled(format!("{} were larger than 1 MB", seen.times("body")))
                .detailed("Clients get 502 where the answer is too large, and 413 where the request is, each time.")
                .mended_by("hand large bodies over by an object store with signed addresses; the limit is fixed")
        })
        .collect()
}
