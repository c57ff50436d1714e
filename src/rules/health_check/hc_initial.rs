//! E120: targets wait for their first health check.

use super::super::members::{Members, cite, labels};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::DJANGO;
use crate::model::TargetHealth;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E120",
    name: "hc-initial",
    severity: Severity::Info,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "targets wait for their first health check",
    explain: EXPLAIN,
    bad: Situation {
        text: "a target was registered a moment ago",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::initial("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "both targets are in service",
        desired: DJANGO,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A target that was just registered is `initial` until its registration is through and it has passed one health check; the
threshold of passes in a row counts only for a target that was unhealthy before. It is no fault, only a state that
should end soon.

What clients see: nothing, as long as other targets are in service. A deploy that stops the old targets while the new
ones are still `initial` leaves nobody to serve: 502, 503 or 504.

How to tell: target health says `initial` with the reason `Elb.RegistrationInProgress` or `Elb.InitialHealthChecking`.

How to mend it: wait for one interval of the health check. If targets stay `initial` for minutes, the application is not
up yet, or nobody answers the check; then they turn `unhealthy` with a reason.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\" (target health status).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Members) -> Option<Finding> {
    let initial = group.that(TargetHealth::is_initial);
    let count = Some(initial.len()).filter(|count| *count > 0)?;
    let wait = if count == 1 { "waits for its" } else { "wait for their" };
    let finding = RULE
        .finding(Severity::Info, group.address, "targets")
        .titled(format!("{} {wait} first health check", group.who(count)))
        .detailed(match (group.serves(), group.ready()) {
            (true, 0) => {
                "Nobody is known to be healthy yet; clients may see 502, 503 or 504 until the first check passes."
            }
            _ => "Clients see nothing of it: the other targets serve until the check has passed.",
        })
        .mended_by(format!(
            "wait for one interval of the health check; deregister nobody else until {} healthy",
            labels(initial.iter().map(|member| member.target)) + if count == 1 { " is" } else { " are" }
        ));
    Some(cite(finding, group.address, &initial))
}
