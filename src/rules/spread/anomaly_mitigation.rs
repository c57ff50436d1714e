//! E912: a target answers worse than its neighbours.

use super::super::members::{Member, Members, cite, labels};
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::STACK;
use crate::model::Anomaly;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E912",
    name: "anomaly-mitigation",
    severity: Severity::Info,
    needs: &[Need::Live, Need::Health],
    also: &[],
    summary: "a target answers worse than its neighbours",
    explain: EXPLAIN,
    bad: Situation {
        text: "one target returns 5xx and passes its health check",
        desired: STACK,
        health: &[
            Health::healthy("django/10.0.1.10:8000"),
            Health::healthy("django/10.0.2.10:8000").anomalous(Anomaly::Mitigated),
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "both targets answer alike",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The load balancer compares the answers of a group's healthy targets and notes one that returns more 5xx or fails more
connections than the others. With the weighted random algorithm and anomaly mitigation on, it also sends such a target
fewer requests until it is well again.

What clients see: the 5xx of that one target, fewer of them where mitigation is on. The others answer well.

How to tell: target health carries an anomaly detection with the result `anomalous`; AnomalousHostCount and
MitigatedHostCount say how many targets.

How to mend it: look at that target: its logs, its disk, its release. The health check passes, so it asks too little to
notice. Turning on mitigation (`algorithm: weighted_random` and the attribute load_balancing.algorithm.anomaly_mitigation)
spares clients, it does not mend the target.

Sources: API DescribeTargetHealth (AnomalyDetection); ELB user guide \"Target groups for your Application Load Balancers\"
(automatic target weights), \"CloudWatch metrics for your Application Load Balancer\".
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    Members::groups(evidence).filter_map(|group| judge(&group)).collect()
}

fn judge(group: &Members) -> Option<Finding> {
    let bad = |member: &&Member| member.health.is_some_and(|h| h.anomaly.is_some());
    let bad: Vec<Member> = group.all.iter().filter(bad).copied().collect();
    let anomaly = bad.first()?.health?.anomaly?;
    let answer = if bad.len() == 1 { "answers" } else { "answer" };
    let detail = match anomaly {
        Anomaly::Mitigated => "Clients see fewer of its 5xx than they would: AWS sends it less while it is so.",
        Anomaly::Found => "Clients see its 5xx for its full share of requests: AWS notes it and sends no less.",
    };
    let names = labels(bad.iter().map(|member| member.target));
    let mut finding = RULE
        .finding(Severity::Info, group.address, "targets")
        .titled(format!("{} {answer} worse than the others: {names}", group.who(bad.len())))
        .detailed(detail)
        .mended_by(format!("look into the logs of {names}; its health check passes and notices nothing"));
    for member in &bad {
        finding = finding.evident(member.address, "anomaly", member.health.and_then(|health| health.anomaly));
    }
    Some(cite(finding, group.address, &bad))
}
