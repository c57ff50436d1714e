//! E409: targets are draining.

use super::super::members::Members;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::STACK;
use crate::model::Address;

const DELAY: &str = "deregistration_delay.timeout_seconds";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E409",
    name: "draining-shows-long",
    severity: Severity::Info,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "targets are draining",
    explain: EXPLAIN,
    bad: Situation {
        text: "an old target was deregistered a minute ago",
        desired: STACK,
        health: &[
            Health::healthy("django/10.0.1.10:8000"),
            Health::healthy("django/10.0.2.10:8000"),
            Health::draining("django/10.0.9.9:8000"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "no target is on its way out",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A target that was deregistered stays `draining` for the whole deregistration delay, even if its last request has ended
long before. It is no fault and no sign of requests that hang; a deploy that waits for `unused` waits the whole delay
each time.

What clients see: nothing. A draining target gets no new requests, and the requests in flight have the delay to end.

How to tell: target health says `draining` with the reason `Target.DeregistrationInProgress`.

How to mend it: nothing to mend. If deploys take too long, lower the deregistration delay, but not below the slowest
request: that is E401.

Sources: ELB user guide \"Target groups for your Application Load Balancers\" (deregistration delay); API
DescribeTargetHealth.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(evidence, &group)).collect()
}

fn judge(evidence: &Evidence, group: &Members) -> Option<Finding> {
    // one that the files want back is E406's
    let wanted = |a: &Address| evidence.declared(a).is_some();
    let leaves = |a: &&Address| a.parent().as_ref() == Some(group.address) && !wanted(a);
    let leaving: Vec<&Address> = evidence.leaving.iter().filter(leaves).collect();
    let first = leaving.first()?;
    let what = if leaving.len() == 1 { "1 target is".to_owned() } else { format!("{} targets are", leaving.len()) };
    let delay = evidence.seconds(group.address, DELAY).unwrap_or(300);
    Some(
        RULE.finding(Severity::Info, group.address, "targets")
            .titled(format!("{what} draining, for up to {delay} s"))
            .detailed("Clients see nothing of it: requests in flight end, new ones go to the other targets.")
            .evident(first, "health", "draining")
            .evident(group.address, "deregistration_delay", delay)
            .mended_by("nothing to do: they are gone once the deregistration delay is over"),
    )
}
