//! Fields of load balancers.

use aws_sdk_elasticloadbalancingv2::types::IpAddressType;

use super::{Case, field, run};
use crate::support::wait_for;

const WEB: &str = "load_balancer/web";

fn attribute(key: &'static str, path: &str, value: &'static str) -> Case {
    field(WEB, path, move |live| live.load_balancer_attributes(&[(key, value)]))
}

/// An attribute without a shorthand.
fn plain(key: &'static str, value: &'static str) -> Case {
    attribute(key, &format!("attributes.{key}"), value)
}

fn attributes_cases() -> Vec<Case> {
    vec![
        // raised past the back end's keep-alive of 75 s
        attribute("idle_timeout.timeout_seconds", "idle_timeout", "120").risky(&["E301", "E303"]),
        attribute("idle_timeout.timeout_seconds", "idle_timeout", "50"),
        attribute("client_keep_alive.seconds", "client_keep_alive", "7200"),
        attribute("routing.http.drop_invalid_header_fields.enabled", "drop_invalid_header_fields", "false"),
        plain("deletion_protection.enabled", "true"),
        plain("access_logs.s3.enabled", "false"),
        plain("access_logs.s3.bucket", "elsewhere"),
        plain("access_logs.s3.prefix", "elsewhere"),
        plain("connection_logs.s3.enabled", "false"),
        plain("connection_logs.s3.bucket", "elsewhere"),
        plain("connection_logs.s3.prefix", "elsewhere"),
        plain("health_check_logs.s3.enabled", "false"),
        plain("health_check_logs.s3.bucket", "elsewhere"),
        plain("health_check_logs.s3.prefix", "elsewhere"),
        plain("ipv6.deny_all_igw_traffic", "true"),
        plain("zonal_shift.config.enabled", "true"),
        plain("routing.http.desync_mitigation_mode", "strictest").risky(&["E704"]),
        plain("routing.http.preserve_host_header.enabled", "true").risky(&["E708"]),
        plain("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "true"),
        plain("routing.http.xff_client_port.enabled", "true"),
        plain("routing.http.xff_header_processing.mode", "remove").risky(&["E709"]),
        plain("routing.http2.enabled", "false"),
        plain("waf.fail_open.enabled", "true"),
    ]
}

#[test]
fn attributes() {
    run(attributes_cases());
}

fn placement_and_tags_cases() -> Vec<Case> {
    vec![
        field(WEB, "security_groups", |live| {
            let groups = [live.alb_group.clone(), live.stack.spare_group.clone()].to_vec();
            let call = live.stack.account.elb.set_security_groups().load_balancer_arn(&live.load_balancer);
            wait_for(call.set_security_groups(Some(groups)).send()).unwrap();
        }),
        // without the group that the targets let in
        field(WEB, "security_groups", |live| {
            let call = live.stack.account.elb.set_security_groups().load_balancer_arn(&live.load_balancer);
            wait_for(call.security_groups(&live.stack.spare_group).send()).unwrap();
        })
        .risky(&["E505"]),
        field(WEB, "subnets", |live| {
            let call = live.stack.account.elb.set_subnets().load_balancer_arn(&live.load_balancer);
            let call = call.subnets(&live.stack.subnets[0]).subnets(&live.stack.subnets[2]);
            wait_for(call.send()).unwrap();
        })
        .risky(&["E905"]),
        field(WEB, "ip_address_type", |live| {
            let call = live.stack.account.elb.set_ip_address_type().load_balancer_arn(&live.load_balancer);
            wait_for(call.ip_address_type(IpAddressType::Dualstack).send()).unwrap();
        }),
        field(WEB, "tags.team", |live| live.tag(&live.load_balancer, "team", "other")),
        field(WEB, "tags.tier", |live| live.untag(&live.load_balancer, "tier")),
    ]
}

#[test]
fn placement_and_tags() {
    run(placement_and_tags_cases());
}

/// Every case of this file.
pub(super) fn cases() -> Vec<Case> {
    [attributes_cases(), placement_and_tags_cases()].into_iter().flatten().collect()
}
