//! E902: a function is given requests in another shape than it was written for.

use super::super::traffic::reasons;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::model::value::TargetType;
use crate::model::{Address, Kind};

const MULTI: &str = "lambda.multi_value_headers.enabled";
const FIELD: &str = "attributes.lambda.multi_value_headers.enabled";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E902",
    name: "lambda-bad-response",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[Need::Logs],
    summary: "a function is given requests in another shape than it was written for",
    explain: EXPLAIN,
    bad: Situation {
        text: "multi-value headers were turned on, the function reads single ones",
        desired: STACK,
        live: "
target_groups:
  thumbs:
    attributes:
      lambda.multi_value_headers.enabled: \"true\"
",
        ..Situation::EMPTY
    },
    good: Situation { text: "headers come as the function reads them", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const STACK: &str = r#"
target_groups:
  thumbs:
    target_type: lambda
    attributes:
      lambda.multi_value_headers.enabled: "false"
    targets: ["arn:aws:lambda:eu-west-1:000000000000:function:thumbs"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: thumbs }
"#;

const EXPLAIN: &str = "
The load balancer turns a request into an event for the function, and the function's answer into a response. The answer
must have a `statusCode` and headers that are texts. With multi-value headers on, events carry `multiValueHeaders` and
`multiValueQueryStringParameters` instead of `headers` and `queryStringParameters`, and the answer's headers are read from
`multiValueHeaders`. A function written for one shape fails on the other.

What clients see: 502 for every request if the function fails on the event or answers in a shape that is not understood;
answers without their headers, cookies for example, if it merely uses the wrong key.

How to tell: the access log's error reason is LambdaInvalidResponse or LambdaUnhandled, LambdaUserError rises. The rule
compares the group's attribute with the file's; what the function answers, only its logs tell.

How to mend it: one call sets the attribute back, or deploy the function that reads the other shape first. A header whose
value is a number or a list makes the whole answer invalid: turn it into text.

Sources: ELB user guide \"Lambda functions as targets\" (multi-value headers), \"Access logs\" (error reason codes); API
TargetGroupAttribute lambda.multi_value_headers.enabled.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let functions = evidence.target_groups().filter(|(_, group)| group.target_type == Some(TargetType::Lambda));
    let turned = functions.filter_map(|(group, _)| judge(evidence, group));
    turned.chain(logged(evidence)).collect()
}

fn judge(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let want = evidence.declared(group)?.target_group()?.attributes.get(MULTI)?;
    let live = evidence.attribute(group, MULTI).filter(|live| live != want)?;
    let severity = if evidence.serves(group) { Severity::High } else { Severity::Low };
    let gets = |value: &str| if value == "true" { "multi-value headers" } else { "single headers" };
    Some(
        RULE.finding(severity, group, FIELD)
            .titled(format!("{} gets {}, the file says {}", group.name, gets(live), gets(want)))
            .detailed(
                "Clients get 502 where the function does not understand its event, or answers in the other shape.",
            )
            .evident(group, FIELD, live)
            .mended_by(format!("set {MULTI} to {want}, as the file says"))
            .declaring(group, FIELD, want),
    )
}

/// What access logs say of it; nothing without them.
fn logged(evidence: &Evidence) -> Vec<Finding> {
    reasons(evidence, Kind::TargetGroup, &["LambdaInvalidResponse"])
        .map(|seen| {
            seen.finding(&RULE, Severity::High)
                .titled(format!("{} of the function were not understood", seen.times("answer")))
                .detailed("Clients get 502 on those requests: statusCode is missing, or a header's value is no text.")
                .mended_by("return statusCode and header values that are texts, in multiValueHeaders if the group asks for that")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::situation::Logged;
    use super::super::super::testing::World;
    use super::*;
    use crate::model::traffic::Shape;

    #[test]
    fn answers_that_were_none_in_access_logs_are_found() {
        for (reason, found) in [("LambdaInvalidResponse", true), ("LambdaThrottling", false)] {
            let mut world = World::seed();
            let at = "target_group/django";
            world.logged = vec![Logged { at, requests: 900, shape: Shape::Lambda, count: 21, reason }];
            let seen = world.judge();
            let own: Vec<&Finding> = seen.iter().filter(|f| f.rule == RULE.code).collect();
            assert_eq!(own.len(), usize::from(found), "{reason}: {seen:#?}");
            for finding in own {
                assert_eq!(finding.title, "21 answers of the function were not understood");
                assert_eq!(finding.evidence[0].value, "21 of 900 requests: LambdaInvalidResponse");
            }
        }
    }
}
