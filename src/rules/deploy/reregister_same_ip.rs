//! E406: a declared target is still draining, so that AWS does not take it back yet.

use super::super::members::Members;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::STACK;
use crate::model::Address;

const DELAY: &str = "deregistration_delay.timeout_seconds";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E406",
    name: "reregister-same-ip",
    severity: Severity::Medium,
    needs: &[Need::Desired, Need::Live, Need::Health],
    also: &[],
    summary: "a declared target is still draining, AWS does not take it back yet",
    explain: EXPLAIN,
    bad: Situation {
        text: "a target was deregistered a moment ago and shall come back on the same address",
        desired: STACK,
        live: "
target_groups:
  django:
    targets: [\"10.0.1.10\"]
",
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::draining("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "both targets are registered",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A target by address that was deregistered cannot be registered again until its deregistration delay is over. A
deployment that takes a target out, changes it and puts it back at once finds it draining, and goes on with one target
less than it thinks.

What clients see: nothing as long as the other targets carry the load; then 502, 503 or 504. If all targets are taken out
and put back in this way, 503 until the delay has passed.

How to tell: target health says `draining` for a target that the file declares; registering it changes nothing or is
refused.

How to mend it: wait until the delay is over, then register it again. For deploys in place, change one target at a time
and lower the deregistration delay to little more than the slowest request.

Sources: ELB user guide \"Register targets with your Application Load Balancer target group\"; API RegisterTargets.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(evidence, &group)).collect()
}

fn judge(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let declared = evidence.declared_targets(group.address)?;
    let back = declared.into_iter().map(|(address, _)| address);
    let back: Vec<&Address> = back.filter(|a| evidence.leaving.contains(*a)).collect();
    let names = back.iter().map(|address| address.leaf()).collect::<Vec<_>>().join(", ");
    let first = back.first()?;
    let are = super::super::members::are(back.len());
    let delay = evidence.seconds(group.address, DELAY).unwrap_or(300);
    let severity = if group.serves() { Severity::Medium } else { Severity::Low };
    Some(
        RULE.finding(severity, group.address, "targets")
            .titled(format!("{names} {are} declared and draining, for up to {delay} s"))
            .detailed(match group.ready() {
                0 => "Clients get 503: nobody else is in service, and AWS takes the target back only once it has drained.",
                _ => "Clients see nothing while the other targets carry the load; AWS takes it back only once it has drained.",
            })
            .evident(first, "health", "draining")
            .evident(group.address, "deregistration_delay", delay)
            .mended_by(format!("wait until the deregistration delay of {delay} s is over, then apply registers it again")),
    )
}
