//! E119: a function is not health-checked.

use super::super::members::{Members, cite};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};

const FIELD: &str = "health_check.enabled";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E119",
    name: "hc-disabled",
    severity: Severity::Low,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "a function is not health-checked",
    explain: EXPLAIN,
    bad: Situation {
        text: "the file turns health checks on, on AWS they are off",
        desired: STACK,
        live: "
target_groups:
  thumbs:
    health_check:
      enabled: false
",
        health: &[Health::unavailable(FUNCTION, "Target.HealthCheckDisabled")],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the function is checked and passes",
        desired: STACK,
        health: &[Health::healthy(FUNCTION)],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const FUNCTION: &str = "thumbs/arn:aws:lambda:eu-west-1:000000000000:function:thumbs";

const STACK: &str = r#"
target_groups:
  thumbs:
    target_type: lambda
    health_check:
      enabled: true
      path: /healthz
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
AWS checks a Lambda function only if it is told to; groups of instances and addresses are always checked. Without checks
the function counts as able to serve, whatever it answers. Each check invokes the function and is paid for.

What clients see: nothing of the setting itself. A function that fails answers 502 to each client, and nothing in target
health says so.

How to tell: target health says `unavailable` with the reason `Target.HealthCheckDisabled`.

How to mend it: one call turns the checks on. Mostly there is nothing to mend: a lone function has no neighbour that
could take over, so that knowing its health changes no routing, unless Route 53 looks at it.

Sources: API CreateTargetGroup.HealthCheckEnabled; ELB user guide \"Lambda functions as targets\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(evidence, &group)).collect()
}

fn judge(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let unchecked = group.by_reason("Target.HealthCheckDisabled");
    unchecked.first()?;
    let declared = evidence.declared(group.address).and_then(|spec| spec.target_group());
    let wanted = declared.and_then(|group| group.health_check.enabled) == Some(true);
    let finding = RULE
        .finding(if wanted { Severity::Low } else { Severity::Info }, group.address, FIELD)
        .titled(format!("the function of {} is not health-checked", group.address.name))
        .detailed("Clients see nothing of it: a function that fails answers them 502, and target health does not tell.")
        .evident(group.address, FIELD, false);
    let finding = if wanted {
        finding.mended_by("turn the health check on, as the file says").declaring(group.address, FIELD, true)
    } else {
        finding.mended_by("declare health_check.enabled: true if its health shall be known; each check invokes it")
    };
    Some(cite(finding, group.address, &unchecked))
}
