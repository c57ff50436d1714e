//! Fields of target groups, and their targets.

use aws_sdk_elasticloadbalancingv2::operation::modify_target_group::builders::ModifyTargetGroupFluentBuilder as Modify;
use aws_sdk_elasticloadbalancingv2::types::{Matcher, ProtocolEnum};

use super::{Case, field, fields, run};

const DJANGO: &str = "target_group/django";

fn check(path: &str, with: impl Fn(Modify) -> Modify + 'static) -> Case {
    field(DJANGO, &format!("health_check.{path}"), move |live| live.check("django", &with))
}

fn attribute(key: &'static str, path: &str, value: &'static str) -> Case {
    field(DJANGO, path, move |live| live.group_attributes("django", &[(key, value)]))
}

/// An attribute without a shorthand.
fn plain(key: &'static str, value: &'static str) -> Case {
    attribute(key, &format!("attributes.{key}"), value)
}

fn health_checks_cases() -> Vec<Case> {
    vec![
        check("path", |m| m.health_check_path("/api/health")).risky(&["E101"]),
        check("port", |m| m.health_check_port("8002")).risky(&["E103"]),
        check("protocol", |m| m.health_check_protocol(ProtocolEnum::Https)).risky(&["E105"]),
        check("success_codes", |m| m.matcher(Matcher::builder().http_code("204").build())).risky(&["E102"]),
        check("interval", |m| m.health_check_interval_seconds(20)),
        check("timeout", |m| m.health_check_timeout_seconds(4)),
        check("healthy_threshold", |m| m.healthy_threshold_count(3)),
        check("unhealthy_threshold", |m| m.unhealthy_threshold_count(4)),
    ]
}

#[test]
fn health_checks() {
    run(health_checks_cases());
}

fn attributes_and_tags_cases() -> Vec<Case> {
    vec![
        // shorter than the slowest request of 20 s
        attribute("deregistration_delay.timeout_seconds", "deregistration_delay", "10").risky(&["E401"]),
        attribute("deregistration_delay.timeout_seconds", "deregistration_delay", "60"),
        attribute("slow_start.duration_seconds", "slow_start", "90"),
        attribute("stickiness.enabled", "stickiness", "false"),
        attribute("stickiness.lb_cookie.duration_seconds", "stickiness.duration", "60"),
        plain("load_balancing.cross_zone.enabled", "true"),
        plain("target_group_health.dns_failover.minimum_healthy_targets.count", "2"),
        plain("target_group_health.dns_failover.minimum_healthy_targets.percentage", "50"),
        plain("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "2"),
        plain("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "50"),
        field(DJANGO, "tags.team", |live| live.tag(&live.groups["django"], "team", "other")),
        field(DJANGO, "tags.tier", |live| live.untag(&live.groups["django"], "tier")),
    ]
}

#[test]
fn attributes_and_tags() {
    run(attributes_and_tags_cases());
}

/// Attributes that exclude each other are declared on two more groups.
fn attributes_of_other_groups_cases() -> Vec<Case> {
    let canary = "target_group/canary";
    let picky = "target_group/picky";
    vec![
        field(canary, "stickiness.type", |live| live.group_attributes("canary", &[("stickiness.type", "lb_cookie")])),
        field(canary, "stickiness.cookie_name", |live| {
            live.group_attributes("canary", &[("stickiness.app_cookie.cookie_name", "other")]);
        }),
        field(canary, "stickiness.duration", |live| {
            live.group_attributes("canary", &[("stickiness.app_cookie.duration_seconds", "60")]);
        }),
        field(picky, "stickiness", |live| live.group_attributes("picky", &[("stickiness.enabled", "true")])),
        field(picky, "attributes.load_balancing.algorithm.anomaly_mitigation", |live| {
            live.group_attributes("picky", &[("load_balancing.algorithm.anomaly_mitigation", "off")]);
        }),
        // another algorithm has no anomaly mitigation
        fields(
            &[
                "target_group/picky algorithm",
                "target_group/picky attributes.load_balancing.algorithm.anomaly_mitigation",
            ],
            |live| {
                live.group_attributes(
                    "picky",
                    &[
                        ("load_balancing.algorithm.type", "least_outstanding_requests"),
                        ("load_balancing.algorithm.anomaly_mitigation", "off"),
                    ],
                );
            },
        ),
    ]
}

#[test]
fn attributes_of_other_groups() {
    run(attributes_of_other_groups_cases());
}

fn targets_cases() -> Vec<Case> {
    vec![
        fields(&["target/django/10.0.1.10:8000 create"], |live| {
            live.deregister("django", "10.0.1.10", 8000);
            live.settled("django");
        })
        .risky(&["E114"]),
        // nothing listens there: it fails its checks and gets no requests
        fields(&["target/django/10.0.2.30:8000 delete"], |live| {
            live.answers("10.0.2.30:8000", "refused");
            live.register("django", "10.0.2.30", 8000);
            live.settled("django");
        })
        .risky(&["E112"]),
        fields(&["target/django/10.0.2.10:8000 delete", "target/django/10.0.2.10:8001 create"], |live| {
            live.answers("10.0.2.10:8000", "refused");
            live.deregister("django", "10.0.2.10", 8001);
            live.register("django", "10.0.2.10", 8000);
            live.settled("django");
        })
        .risky(&["E117"]),
    ]
}

#[test]
fn targets() {
    run(targets_cases());
}

/// Every case of this file.
pub(super) fn cases() -> Vec<Case> {
    [health_checks_cases(), attributes_and_tags_cases(), attributes_of_other_groups_cases(), targets_cases()]
        .into_iter()
        .flatten()
        .collect()
}
