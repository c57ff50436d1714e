//! E121: AWS cannot tell a target's health because of an error of its own.

use super::super::members::{Members, cite};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::DJANGO;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E121",
    name: "elb-internal",
    severity: Severity::Medium,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "AWS cannot tell a target's health because of an error of its own",
    explain: EXPLAIN,
    bad: Situation {
        text: "AWS reports an internal error for one target",
        desired: DJANGO,
        health: &[
            Health::healthy("django/10.0.1.10:8000"),
            Health::unavailable("django/10.0.2.10:8000", "Elb.InternalError"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "AWS knows the health of both targets",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A health check can fail for a reason that lies with the load balancer and not with the target. AWS says so with a reason
code of its own. Nothing in the configuration explains it, and nothing in it should be changed on its account.

What clients see: nothing, as long as other targets are in service; otherwise 502, 503 or 504.

How to tell: target health says `unavailable` or `unhealthy` with the reason `Elb.InternalError`.

How to mend it: look again in a few minutes. If it stays, deregister the target and register it again while others
serve; if it comes back, open a case with AWS that names the load balancer, the target and the time.

Sources: API DescribeTargetHealth (TargetHealth.Reason).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Members) -> Option<Finding> {
    let unknown = group.by_reason("Elb.InternalError");
    let count = Some(unknown.len()).filter(|count| *count > 0)?;
    let finding = RULE
        .finding(group.loss(), group.address, "targets")
        .titled(format!("AWS has an internal error checking {}", group.who(count)))
        .detailed(group.clients_see(count))
        .mended_by("look again in a few minutes; if it stays, register the target anew, then ask AWS");
    Some(cite(finding, group.address, &unknown))
}
