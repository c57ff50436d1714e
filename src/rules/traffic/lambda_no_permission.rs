//! E901: the load balancer may not invoke the function.

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
    code: "E901",
    name: "lambda-no-permission",
    severity: Severity::Critical,
    needs: &[Need::Logs],
    also: &[],
    summary: "the load balancer may not invoke the function",
    explain: EXPLAIN,
    bad: Situation {
        text: "the function's policy does not name the target group",
        desired: STACK,
        logged: &[Logged {
            at: "target_group/thumbs",
            requests: 90_000,
            shape: Shape::Lambda,
            count: 300,
            reason: "LambdaAccessDenied",
        }],
        ..Situation::EMPTY
    },
    good: Situation { text: "the access logs show nothing of the kind", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A function that is a target must allow elasticloadbalancing.amazonaws.com to invoke it, for this target group. The
permission hangs on the function, or on the alias or version that is registered: a permission on the function alone is not
one on its alias. The console adds it, other tools must be told to.

What clients see: 502 on every request to this group, at once.

How to tell: access-log lines with the error reason LambdaAccessDenied; LambdaUserError rises.

How to mend it: one call, `aws lambda add-permission --function-name ARN --statement-id alb --principal
elasticloadbalancing.amazonaws.com --action lambda:InvokeFunction --source-arn TARGET-GROUP-ARN`, with the very ARN that is
registered. A function encrypted with a key of its own may lack the permission for that key instead.

Sources: ELB user guide \"Use Lambda functions as targets\", \"Access logs for your Application Load Balancer\" (error reason
codes).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    reasons(evidence, Kind::TargetGroup, &["LambdaAccessDenied"])
        .map(|seen| {
            seen.finding(&RULE, Severity::Critical)
                .titled(format!("{} were refused: the function may not be invoked", seen.times("request")))
                .detailed("Clients get 502 on every request to this function: it does not allow the load balancer to invoke it.")
                .mended_by(
                    "aws lambda add-permission --action lambda:InvokeFunction --principal \
                     elasticloadbalancing.amazonaws.com --statement-id alb --function-name … --source-arn of this target group",
                )
        })
        .collect()
}
