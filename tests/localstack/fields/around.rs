//! Fields of what stands around the load balancer: security groups and certificates.

use aws_sdk_ec2::types::{IpPermission, IpRange, Tag};

use super::{Case, field, run};
use crate::support::wait_for;

const ALB: &str = "security_group/alb";
const APP: &str = "security_group/app";

fn from_world(port: i32, description: &str) -> IpPermission {
    let range = IpRange::builder().cidr_ip("0.0.0.0/0").description(description).build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(range).build()
}

fn security_groups_cases() -> Vec<Case> {
    vec![
        field(APP, "ingress", |live| live.close(8000)).risky(&["E501"]).unmarked(),
        field(ALB, "ingress", |live| {
            let call = live.stack.account.ec2.revoke_security_group_ingress().group_id(&live.alb_group);
            wait_for(
                call.ip_permissions(from_world(80, "the internet"))
                    .ip_permissions(from_world(443, "the internet"))
                    .send(),
            )
            .unwrap();
        })
        .risky(&["E504"]),
        // only the description of a rule
        field(ALB, "ingress", |live| {
            let call = live.stack.account.ec2.update_security_group_rule_descriptions_ingress();
            wait_for(call.group_id(&live.alb_group).ip_permissions(from_world(443, "by hand")).send()).unwrap();
        }),
        field(ALB, "tags.team", |live| {
            let tag = Tag::builder().key("team").value("other").build();
            wait_for(live.stack.account.ec2.create_tags().resources(&live.alb_group).tags(tag).send()).unwrap();
        }),
    ]
}

#[test]
fn security_groups() {
    run(security_groups_cases());
}

fn certificates_cases() -> Vec<Case> {
    vec![
        field("certificate/app", "import.certificate", |live| live.import_again()),
        field("certificate/app", "tags.team", |live| {
            let tag = aws_sdk_acm::types::Tag::builder().key("team").value("other").build().unwrap();
            let call = live.stack.account.acm.add_tags_to_certificate().certificate_arn(&live.certificate);
            wait_for(call.tags(tag).send()).unwrap();
        }),
    ]
}

#[test]
fn certificates() {
    run(certificates_cases());
}

/// Every case of this file.
pub(super) fn cases() -> Vec<Case> {
    [security_groups_cases(), certificates_cases()].into_iter().flatten().collect()
}
