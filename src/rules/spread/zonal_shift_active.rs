//! E910: a zonal shift keeps requests from targets.

use super::super::members::{Member, Members, cite, labels};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::STACK;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E910",
    name: "zonal-shift-active",
    severity: Severity::Info,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "a zonal shift keeps requests from targets",
    explain: EXPLAIN,
    bad: Situation {
        text: "somebody shifted requests away from a zone",
        desired: STACK,
        health: &[
            Health::healthy("django/10.0.1.10:8000"),
            Health::healthy("django/10.0.2.10:8000").overridden("zonal_shift_active"),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "no shift is active",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
A zonal shift moves requests away from one zone for some time. AWS starts one by itself when autoshift is on and it sees
trouble in a zone, or somebody starts one by hand. Targets there stay registered and healthy, and get nothing.

What clients see: nothing, as long as the remaining zones carry the whole load; otherwise slow answers, 502 and 504.

How to tell: target health carries an administrative override with the state `zonal_shift_active`.

How to mend it: nothing to mend: a shift ends at its own time. Look whether the remaining targets are enough, and do not
take any of them out meanwhile. To end it sooner, cancel the shift in Application Recovery Controller.

Sources: API DescribeTargetHealth (AdministrativeOverride); ELB user guide \"Zonal shift for your Application Load
Balancer\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Members) -> Option<Finding> {
    let shifted = |member: &&Member| member.health.is_some_and(|h| h.overridden.is_some());
    let shifted: Vec<Member> = group.all.iter().filter(shifted).copied().collect();
    let first = shifted.first()?;
    let state = first.health.and_then(|health| health.overridden.clone());
    let get = if shifted.len() == 1 { "gets" } else { "get" };
    let finding = RULE
        .finding(Severity::Info, group.address, "targets")
        .titled(format!("{} {get} no requests because of a zonal shift", group.who(shifted.len())))
        .detailed("Clients see nothing while the targets of the other zones carry the whole load.")
        .evident(first.address, "administrative_override", state)
        .mended_by(format!(
            "take no other target out until the shift is over; it keeps requests from {}",
            labels(shifted.iter().map(|member| member.target))
        ));
    Some(cite(finding, group.address, &shifted))
}
