//! E907: stickiness meets a setting that it does not work with.

use super::super::forwards::Forwarding;
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{CROSS_ZONE, CROSS_ZONE_FIELD};
use crate::model::Address;

const STICKY: &str = "stickiness.enabled";
const KIND: &str = "stickiness.type";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E907",
    name: "sticky-conflict",
    severity: Severity::Low,
    needs: &[],
    also: &[Need::Live],
    summary: "stickiness meets a setting that it does not work with",
    explain: EXPLAIN,
    bad: Situation {
        text: "clients stay with their target; somebody keeps requests in their zone",
        desired: STACK,
        live: "
target_groups:
  django:
    attributes:
      load_balancing.cross_zone.enabled: \"false\"
",
        ..Situation::EMPTY
    },
    good: Situation { text: "clients stay with their target, whatever its zone", desired: STACK, ..Situation::EMPTY },
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
    stickiness: { type: lb_cookie, duration: 1h }
    attributes:
      load_balancing.cross_zone.enabled: use_load_balancer_configuration
    targets: ["10.0.1.10"]
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
Stickiness of a group keeps a client with one target. It does not work while cross-zone load balancing is off for the
group: the cookie may name a target in another zone, where requests do not go. An application's own cookie does not work
in a forward to several groups by weight. And in such a forward, stickiness to a target is worth little without stickiness
to the group: each request may go to the other group.

What clients see: no 5xx from the load balancer. They lose their sessions: logged out, carts empty, uploads that break
between two requests, and whatever 5xx the application makes of a session that it does not know.

How to tell: NonStickyRequestCount rises; access logs show error reason AWSALBTGCookieInvalid. The rule looks at the
settings alone.

How to mend it: turn stickiness or the other setting off; in a weighted forward declare `stickiness` on the forward, and
`lb_cookie` on the groups.

Sources: ELB user guide \"Sticky sessions for your Application Load Balancer\", \"Cross-zone load balancing for target
groups\"; API TargetGroupStickinessConfig.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let zones = evidence.target_groups().filter_map(|(group, _)| stays(evidence, group));
    let weighted = Forwarding::all(evidence).filter(|forwarding| forwarding.fed().len() > 1);
    zones.chain(weighted.filter_map(|forwarding| weighed(evidence, &forwarding))).collect()
}

fn is_sticky(evidence: &Evidence, group: &Address) -> bool {
    evidence.attribute(group, STICKY) == Some("true")
}

/// Cross-zone is off.
fn stays(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let off = evidence.attribute(group, CROSS_ZONE) == Some("false");
    let want = evidence.declared(group).and_then(|spec| spec.target_group()?.attributes.get(CROSS_ZONE));
    (off && is_sticky(evidence, group)).then(|| {
        let finding = RULE
            .finding(Severity::Low, group, "stickiness")
            .titled(format!("{} is sticky, and its requests stay in their zone", group.name))
            .detailed(
                "Clients lose their sessions: a cookie may name a target in a zone that their requests do not reach.",
            )
            .evident(group, "stickiness", true)
            .evident(group, CROSS_ZONE_FIELD, "false");
        match want.filter(|want| *want != "false") {
            Some(want) => finding.mended_by(format!("set {CROSS_ZONE} to {want}, as the file says")).declaring(
                group,
                CROSS_ZONE_FIELD,
                want,
            ),
            None => finding
                .mended_by(format!("declare {CROSS_ZONE}: use_load_balancer_configuration, or stickiness: disabled")),
        }
    })
}

/// A weighted forward to sticky groups.
fn weighed(evidence: &Evidence, forwarding: &Forwarding) -> Option<Finding> {
    let groups = || forwarding.forward.to.keys().filter_map(|link| link.address());
    let sticky = || groups().filter(|group| is_sticky(evidence, group));
    let own = sticky().find(|group| evidence.attribute(group, KIND) == Some("app_cookie"));
    let finding = |severity, group: &Address| {
        let finding = forwarding.finding(&RULE, severity).evident(group, "stickiness", true);
        finding.evident(group, KIND, evidence.attribute(group, KIND))
    };
    match (own, sticky().next(), forwarding.forward.stickiness) {
        (Some(group), _, _) => Some(
            finding(Severity::Low, group)
                .titled(format!("{} sticks by the application's cookie in a weighted forward", group.name))
                .detailed("Clients lose their sessions: a cookie of the application does not work with several groups.")
                .mended_by(format!("declare stickiness: {{ type: lb_cookie }} for {}", group.name)),
        ),
        (None, Some(group), None) => Some(
            finding(Severity::Info, group)
                .titled(format!("{} is sticky, the weighted forward to it is not", group.name))
                .detailed(
                    "Clients may lose their sessions: each request may go to another group, whatever the cookie says.",
                )
                .mended_by("declare stickiness on the forward as well, for as long as the group's"),
        ),
        (None, _, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::testing::{World, at, link};
    use super::*;
    use crate::model::kind::{Action, Forward};

    #[test]
    fn files_that_want_both_are_told_what_to_declare() {
        let mut world = World::seed();
        for (key, value) in [(STICKY, "true"), (CROSS_ZONE, "false")] {
            world.group().attributes.insert(key.to_owned(), value.to_owned());
            world.expect(if key == STICKY { &[] } else { &[("E907", Severity::Low)] });
            world.desired_group().attributes.insert(key.to_owned(), value.to_owned());
        }
        let finding = world.only();
        assert!(finding.fix.declare.is_none() && finding.fix.text.starts_with("declare "), "{finding:#?}");
        world.desired_group().attributes.insert(CROSS_ZONE.to_owned(), "true".to_owned());
        assert_eq!(world.only().fix.text, format!("set {CROSS_ZONE} to true, as the file says"));
    }

    #[test]
    fn weighted_forwards_need_stickiness_of_their_own() {
        let mut world = World::seed();
        world.desired.specs.clear();
        world.group().attributes.insert(STICKY.to_owned(), "true".to_owned());
        let canary = world.live[&at("target_group/django")].clone();
        world.live.insert(at("target_group/canary"), canary);
        let to = BTreeMap::from([(link("target_group/django"), 1), (link("target_group/canary"), 1)]);
        let forward = Forward { to, stickiness: None, external: false };
        world.listener(443).default = Some(Action::Forward(forward.clone()));
        world.expect(&[("E907", Severity::Info)]);
        world.listener(443).default = Some(Action::Forward(Forward { stickiness: Some(60), ..forward }));
        world.expect(&[]);
        world.group().attributes.insert(KIND.to_owned(), "app_cookie".to_owned());
        world.expect(&[("E907", Severity::Low)]);
    }
}
