//! E904: the function is throttled, runs out of time, or fails.

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
    code: "E904",
    name: "lambda-timeout-throttle",
    severity: Severity::High,
    needs: &[Need::Logs],
    also: &[],
    summary: "the function is throttled, runs out of time, or fails",
    explain: EXPLAIN,
    bad: Situation {
        text: "more requests at once than the function may run",
        desired: STACK,
        logged: &[Logged {
            at: "target_group/thumbs",
            requests: 90_000,
            shape: Shape::Lambda,
            count: 260,
            reason: "LambdaThrottling",
        }],
        ..Situation::EMPTY
    },
    good: Situation { text: "the access logs show nothing of the kind", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A function that runs as often at once as it may is not invoked again; one that reaches its own timeout, runs out of memory
or raises an error that nobody catches gives no answer. In a VPC it also needs a free address in its subnets.

What clients see: 502 on some requests, most when traffic peaks (throttling) or on the slowest paths (timeout).

How to tell: access-log lines with the error reason LambdaThrottling, LambdaUnhandled, or one of the connection and network
reasons; the function's own metrics Throttles, Errors and Duration say which.

How to mend it: raise or take away the function's reserved concurrency, ask for a higher account limit, provision
concurrency for peaks; raise the function's timeout and memory; catch errors and answer with a status of your own.

Sources: ELB user guide \"Use Lambda functions as targets\", \"Troubleshoot your Application Load Balancers\" (HTTP 502), \"Access
logs for your Application Load Balancer\" (error reason codes).
";

/// What goes wrong before or in the function, but for its answer's form and size and the permission to invoke it.
const REASONS: [&str; 14] = [
    "LambdaThrottling",
    "LambdaUnhandled",
    "LambdaUnhandledException",
    "LambdaConnectionError",
    "LambdaConnectionTimeout",
    "LambdaEC2AccessDeniedException",
    "LambdaEC2ThrottledException",
    "LambdaEC2UnexpectedException",
    "LambdaENILimitReachedException",
    "LambdaInvalidRuntimeException",
    "LambdaInvalidZipFileException",
    "LambdaResourceNotFound",
    "LambdaServiceException",
    "LambdaSubnetIPAddressLimitReachedException",
];

fn check(evidence: &Evidence) -> Vec<Finding> {
    reasons(evidence, Kind::TargetGroup, &REASONS)
        .map(|seen| {
            let throttled = seen.reasons.iter().any(|reason| reason.contains("Throttl"));
            let fix = if throttled {
                "raise the function's reserved concurrency, or the account's limit; provision concurrency for peaks"
            } else {
                "see the function's log at these times: its timeout, its memory, errors that nobody catches"
            };
            seen.finding(&RULE, Severity::High)
                .titled(format!("{} of the function failed: {}", seen.times("run"), seen.named()))
                .detailed("Some clients get 502: the function was not invoked, or ended without an answer.")
                .mended_by(fix)
        })
        .collect()
}
