//! E107: a dead target keeps getting requests for minutes.

use super::super::checked::Checked;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::TIMED;
use crate::model::kind::HealthCheck;

const FIELD: &str = "health_check.interval";
const THRESHOLD: &str = "health_check.unhealthy_threshold";
/// What AWS's defaults take: two failures, 30 s apart.
const USUAL: u32 = 60;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E107",
    name: "hc-too-slow-to-eject",
    severity: Severity::Medium,
    needs: &[],
    also: &[Need::Live],
    summary: "a dead target keeps getting requests for minutes",
    explain: EXPLAIN,
    bad: Situation {
        text: "somebody quietened the checks: ten failures, 30 s apart, until a target is out",
        desired: TIMED,
        live: "
target_groups:
  django:
    health_check:
      interval: 30s
      unhealthy_threshold: 10
",
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "two failures, 15 s apart",
        desired: TIMED,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A target that has died gets its share of requests until it has failed as many checks in a row as the unhealthy threshold
says. Interval times threshold is the time for which clients pay: 60 s with AWS's defaults, 50 minutes at most.

What clients see: 502 (refused) or 504 (no answer) for the dead target's share of all requests, for that long, after each
crash; then nothing.

How to tell: bursts of HTTPCode_ELB_502_Count, each about as long as interval times threshold. The rule multiplies the
two as they are in effect, defaults included.

How to mend it: one call sets a shorter interval or a lower threshold; 15 s and 2 are usual. The way back is longer than
it looks too: a target that was unhealthy needs as many passes in a row as the healthy threshold says. Do not go so low
that a busy target is thrown out for one slow answer.

Sources: ELB user guide \"Health checks for Application Load Balancer target groups\"; API CreateTargetGroup (interval
5-300 s, thresholds 2-10, defaults 30 s and 2).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let known = Checked::all(evidence).filter(|group| !evidence.unread(group.address));
    known.filter_map(|group| judge(evidence, &group)).collect()
}

/// Seconds until a dead target is out.
fn delay(check: &HealthCheck) -> u32 {
    check.interval.unwrap_or(30).saturating_mul(check.unhealthy_threshold.unwrap_or(2))
}

fn judge(evidence: &Evidence, group: &Checked) -> Option<Finding> {
    let check = &group.group.health_check;
    let seconds = Some(delay(check)).filter(|seconds| *seconds > USUAL)?;
    let (interval, threshold) = (check.interval.unwrap_or(30), check.unhealthy_threshold.unwrap_or(2));
    let want = delay(&group.want.clone().over(check));
    let severity = match (want < seconds, evidence.serves(group.address)) {
        (true, true) => Severity::Medium,
        (true, false) => Severity::Low,
        // as the files want it, or as nobody says otherwise
        (false, _) => Severity::Info,
    };
    let finding = RULE
        .finding(severity, group.address, FIELD)
        .titled(format!("a dead target gets requests for {seconds} s: {threshold} failures, {interval} s apart"))
        .detailed("Clients get 502 or 504 for a dead target's share of requests until it is out, after each crash.")
        .evident(group.address, FIELD, interval)
        .evident(group.address, THRESHOLD, threshold);
    let (asked, allowed) = (group.want.interval, group.want.unhealthy_threshold);
    Some(match (asked.filter(|want| *want < interval), allowed.filter(|want| *want < threshold)) {
        (_, Some(want)) => finding
            .mended_by(format!("set the unhealthy threshold to {want} and the interval as the file says"))
            .declaring(group.address, THRESHOLD, want),
        (Some(want), None) => finding
            .mended_by(format!("set the check's interval to {want} s, as the file says"))
            .declaring(group.address, FIELD, want),
        (None, None) => finding.mended_by("declare health_check.interval: 15s and health_check.unhealthy_threshold: 2"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn what_the_files_want_is_only_a_note() {
        let mut world = World::seed();
        world.check().unhealthy_threshold = Some(2);
        world.expect(&[]);
        world.check().unhealthy_threshold = Some(3);
        world.expect(&[("E107", Severity::Info)]);
        assert_eq!(world.only().title, "a dead target gets requests for 90 s: 3 failures, 30 s apart");
        world.wanted_check().unhealthy_threshold = Some(2);
        world.expect(&[("E107", Severity::Medium)]);
        assert_eq!(world.only().fix.declare.unwrap().value, 2);
        world.wanted_check().unhealthy_threshold = None;
        world.wanted_check().interval = Some(10);
        assert_eq!(world.only().fix.declare.unwrap().value, 10);
    }
}
