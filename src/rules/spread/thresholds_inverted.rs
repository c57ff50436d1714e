//! E908: the group fails open, or leaves DNS, at the wrong number of healthy targets.

use super::super::members::Members;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use crate::model::TargetHealth;

const ROUTING: &str = "target_group_health.unhealthy_state_routing.minimum_healthy_targets";
const DNS: &str = "target_group_health.dns_failover.minimum_healthy_targets";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E908",
    name: "thresholds-inverted",
    severity: Severity::High,
    needs: &[Need::Live],
    also: &[Need::Health],
    summary: "the group fails open, or leaves DNS, at the wrong number of healthy targets",
    explain: EXPLAIN,
    bad: Situation {
        text: "failing open was set to begin below three healthy targets; there are two in all",
        desired: STACK,
        live: "
target_groups:
  django:
    attributes:
      target_group_health.unhealthy_state_routing.minimum_healthy_targets.count: 3
",
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "it begins with the last healthy target",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.2.10:8000")],
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const STACK: &str = r#"
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    attributes:
      target_group_health.unhealthy_state_routing.minimum_healthy_targets.count: 1
    targets: ["10.0.1.10", "10.0.2.10"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
"#;

const EXPLAIN: &str = "
A group fails open once fewer targets are healthy than the threshold of unhealthy-state routing says: from then on
requests go to all targets, healthy or not. With the default of 1 that is when none is left. A higher threshold keeps
the last healthy targets from being overrun, at the price of sending clients to unhealthy ones. A second threshold takes
the zone out of DNS; it should be no lower than the first, so that clients leave before requests fail.

What clients see: while the group fails open, the unhealthy targets' share of requests ends in 502 or 504, although others
are healthy.

How to tell: UnhealthyRoutingRequestCount rises while HealthyHostCount is above 0. The rule compares the threshold with the
number of registered and of healthy targets, and the two thresholds with each other.

How to mend it: one call lowers the threshold of routing below the number of targets that are usually healthy; 1, or a
percentage, follows a group that grows and shrinks.

Sources: ELB user guide \"Target group health\"; API TargetGroupAttribute target_group_health. That AWS refuses thresholds
the wrong way round is not confirmed.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let groups = Members::groups(evidence);
    groups.filter_map(|group| early(evidence, &group).or_else(|| inverted(evidence, &group))).collect()
}

fn number(evidence: &Evidence, group: &Members, key: &str) -> Option<usize> {
    evidence.attribute(group.address, key).and_then(|value| value.parse().ok())
}

/// Failing open begins while targets are healthy.
fn early(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let all = Some(group.all.len()).filter(|all| *all > 0 && group.serves())?;
    let [count, percentage] = ["count", "percentage"].map(|unit| format!("{ROUTING}.{unit}"));
    let of_count = number(evidence, group, &count).unwrap_or(1);
    let of_percentage = number(evidence, group, &percentage).map_or(0, |percent| (all * percent).div_ceil(100));
    let (needed, key) = if of_count >= of_percentage { (of_count, count) } else { (of_percentage, percentage) };
    let (healthy, unhealthy) = (group.ready(), group.that(TargetHealth::is_unhealthy).len());
    let severity = match (healthy < needed, needed > all, healthy > 0 && unhealthy > 0) {
        (true, _, true) => Severity::High,
        (_, true, _) => Severity::Medium,
        _ => return None,
    };
    let title = if severity == Severity::High {
        format!("fails open with {healthy} of {all} targets healthy: {needed} are needed")
    } else {
        format!("fails open below {needed} healthy targets, and has {all} in all")
    };
    let detail = if severity == Severity::High {
        format!("Clients get 502 or 504 for {unhealthy} in {all} requests: they go to unhealthy targets as well.")
    } else {
        "Clients see 502 or 504 as soon as one target is unhealthy: it keeps getting requests.".to_owned()
    };
    let field = format!("attributes.{key}");
    let finding = RULE
        .finding(severity, group.address, &field)
        .titled(title)
        .detailed(detail)
        .evident(group.address, &field, evidence.attribute(group.address, &key))
        .evident(group.address, "registered_targets", all)
        .evident(group.address, "healthy_targets", healthy);
    let declared = evidence.declared(group.address).and_then(|spec| spec.target_group());
    let want = declared
        .and_then(|d| d.attributes.get(&key))
        .filter(|want| Some(want.as_str()) != evidence.attribute(group.address, &key));
    Some(match want {
        Some(want) => {
            finding.mended_by(format!("set {key} to {want}, as the file says")).declaring(group.address, &field, want)
        }
        None => finding.mended_by(format!("declare {key}: 1, or no more than are healthy on a bad day")),
    })
}

/// DNS gives up later than routing.
fn inverted(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let declared = evidence.declared(group.address).and_then(|spec| spec.target_group());
    let said = |key: &str| declared.is_some_and(|group| group.attributes.contains_key(key));
    let explicit = |key: &str| {
        let value = group.group.attributes.get(key)?;
        value.parse::<u32>().ok()
    };
    let pair = |unit: &str| {
        let [dns, routing] = [DNS, ROUTING].map(|what| format!("{what}.{unit}"));
        // where the files say both, they were warned of
        let both = said(&dns) && said(&routing);
        let (low, high) = (explicit(&dns)?, explicit(&routing)?);
        (low < high && !both).then_some((dns, low, routing, high))
    };
    let (dns, low, routing, high) = ["count", "percentage"].into_iter().find_map(pair)?;
    let field = format!("attributes.{dns}");
    Some(
        RULE.finding(Severity::Low, group.address, &field)
            .titled(format!("DNS gives up below {low} healthy targets, routing below {high} already"))
            .detailed(
                "Clients are still sent to a zone whose unhealthy targets get requests: 502 or 504. That AWS refuses \
                 this order is not confirmed.",
            )
            .evident(group.address, &field, low)
            .evident(group.address, &format!("attributes.{routing}"), high)
            .mended_by(format!("declare {dns}: {high} or more")),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn failing_open_beside_healthy_targets_is_high() {
        let mut world = World::seed();
        world.group().attributes.insert(format!("{ROUTING}.percentage"), "100".to_owned());
        world.expect(&[]);
        world.ail(1, "Target.FailedHealthChecks", "");
        world.expect(&[("E908", Severity::High)]);
        assert_eq!(world.only().title, "fails open with 1 of 2 targets healthy: 2 are needed");
    }

    #[test]
    fn thresholds_the_wrong_way_round_are_low() {
        let mut world = World::seed();
        world.group().attributes.insert(format!("{ROUTING}.count"), "2".to_owned());
        world.group().attributes.insert(format!("{DNS}.count"), "1".to_owned());
        world.expect(&[("E908", Severity::Low)]);
        assert!(world.only().detail.contains("not confirmed"));
        world.group().attributes.insert(format!("{DNS}.count"), "2".to_owned());
        world.expect(&[]);
    }
}
