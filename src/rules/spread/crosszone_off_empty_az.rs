//! E906: requests stay in their zone, and a zone has no target.

use std::collections::BTreeSet;

use super::super::members::Members;
use super::super::{Evidence, Finding, FixClass, Health, Need, Rule, Severity, Situation};
use super::{CROSS_ZONE, CROSS_ZONE_FIELD};
use crate::model::Address;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E906",
    name: "crosszone-off-empty-az",
    severity: Severity::Critical,
    needs: &[Need::Live],
    also: &[],
    summary: "requests stay in their zone, and a zone has no target",
    explain: EXPLAIN,
    bad: Situation {
        text: "cross-zone was turned off to save money, and zone b has no target",
        desired: STACK,
        live: "
target_groups:
  django:
    attributes:
      load_balancing.cross_zone.enabled: \"false\"
",
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.1.11:8000")],
        zones: &[("web", &["eu-west-1a", "eu-west-1b"])],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "requests cross zones",
        desired: STACK,
        health: &[Health::healthy("django/10.0.1.10:8000"), Health::healthy("django/10.0.1.11:8000")],
        zones: &[("web", &["eu-west-1a", "eu-west-1b"])],
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
      load_balancing.cross_zone.enabled: "true"
    targets: [{ id: 10.0.1.10, zone: eu-west-1a }, { id: 10.0.1.11, zone: eu-west-1a }]
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
With cross-zone load balancing turned off for a group, each of the load balancer's zones sends its requests to the
group's targets in the same zone only. Clients are spread over all zones by DNS; a zone without a target of the group has
nobody to ask, and does not ask its neighbours.

What clients see: 503 for the share of requests that arrives in the empty zone: with two zones one of two, and the same
client sees it come and go.

How to tell: in CloudWatch, 503s stand in one AvailabilityZone of the load balancer alone. The rule compares the zones of
the load balancer's subnets with those of the group's targets, where cross-zone is off for the group.

How to mend it: register a target in each zone, or let requests cross zones again; one call sets the group's attribute
back. Taking the empty zone's subnet from the load balancer works too, if two are left.

Sources: ELB user guide \"Cross-zone load balancing for target groups\"; API TargetGroupAttribute
load_balancing.cross_zone.enabled.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let stays = |group: &Members| evidence.attribute(group.address, CROSS_ZONE) == Some("false") && group.serves();
    Members::groups(evidence).filter(stays).filter_map(|group| judge(evidence, &group)).collect()
}

fn judge(evidence: &Evidence, group: &Members) -> Option<Finding> {
    let has: Option<BTreeSet<&String>> = group.all.iter().map(|m| evidence.target_zones.get(m.address)).collect();
    // a group without any target is empty everywhere, which is another cause
    let has = has.filter(|zones| !zones.is_empty())?;
    let lacking = |lb: &Address| -> BTreeSet<String> {
        let zones = evidence.zones.get(lb).into_iter().flatten();
        zones.filter(|zone| !has.contains(zone)).cloned().collect()
    };
    let balancers = evidence.load_balancers_of(group.address);
    let (balancer, lacking) = balancers.into_iter().map(|lb| (lb, lacking(lb))).find(|(_, zones)| !zones.is_empty())?;
    let enabled = evidence.zones.get(balancer)?;
    let names = lacking.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
    let severity = if lacking.len() == enabled.len() { Severity::Critical } else { Severity::High };
    let finding = RULE
        .finding(severity, group.address, CROSS_ZONE_FIELD)
        .titled(format!("{} has no target in {names}, and requests stay in their zone", group.address.name))
        .detailed(format!(
            "Clients get 503 for {} in {} requests: those that arrive in {names} have nobody to go to.",
            lacking.len(),
            enabled.len()
        ))
        .evident(group.address, CROSS_ZONE_FIELD, "false")
        .evident(balancer, "subnets", enabled)
        .evident(group.address, "target_zones", &has);
    let declared = evidence.declared(group.address).and_then(|spec| spec.target_group());
    let want = declared.and_then(|group| group.attributes.get(CROSS_ZONE)).filter(|want| *want != "false");
    Some(match want {
        Some(want) => finding
            .mended_by(format!("set {CROSS_ZONE} to {want}, as the file says, or register a target in {names}"))
            .declaring(group.address, CROSS_ZONE_FIELD, want),
        None => finding.mended_by(format!(
            "register a target in {names}, or declare {CROSS_ZONE}: use_load_balancer_configuration"
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use super::*;

    #[test]
    fn what_is_unknown_is_not_empty() {
        let mut world = World::seed();
        world.group().attributes.insert(CROSS_ZONE.to_owned(), "false".to_owned());
        world.zones.insert(at("load_balancer/web"), ["a".to_owned(), "b".to_owned()].into());
        world.expect(&[]);
        world.target_zones.insert(Address::target("django", "10.0.1.10", Some(8000)), "a".to_owned());
        world.expect(&[]);
        world.target_zones.insert(Address::target("django", "10.0.2.10", Some(8000)), "a".to_owned());
        world.expect(&[("E906", Severity::High)]);
        assert_eq!(world.only().title, "django has no target in b, and requests stay in their zone");
        assert!(world.only().fix.declare.is_none());
        world.target_zones.insert(Address::target("django", "10.0.2.10", Some(8000)), "b".to_owned());
        world.expect(&[]);
    }
}
