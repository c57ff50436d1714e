//! Fields that not every stack has: regular expressions, rewrites, egress, certificates by server name, weights that
//! somebody else shifts. The stack's file is edited before it is applied.

use aws_sdk_ec2::types::{IpPermission, IpRange};
use aws_sdk_elasticloadbalancingv2::types::{
    Certificate, HostHeaderConditionConfig, HostHeaderRewriteConfig, PathPatternConditionConfig, RewriteConfig,
    RuleCondition, RuleTransform, TransformTypeEnum, UrlRewriteConfig,
};

use super::live::Live;
use super::{Case, clean, field, mends, run_on};
use crate::localstack::stack::Stack;
use crate::support::wait_for;

const MOVED: &str = "rule/web:443/moved";
const PICKY: &str = "rule/web:443/picky";

/// The stack with these fields declared, applied.
fn stack() -> Stack {
    let stack = Stack::prepared();
    stack.edit(
        r#"when: { path: ["/old/*"] }"#,
        r#"when: { host_regex: ["^old[.]shop[.]example[.]com$"], path_regex: ["^/old/[0-9]+$"] }"#,
    );
    stack.edit(
        "forward: picky",
        r#"rewrite: { path: [{ match: "^/v2/(.*)$", replace: "/$1" }], host: [{ match: "^a[.]", replace: "b." }] }
            forward: picky"#,
    );
    stack.edit(
        "tags: { tier: edge }\n  app:",
        "egress: [{ to: 10.0.0.0/16, ports: [8000] }]\n    tags: { tier: edge }\n  app:",
    );
    stack.apply();
    stack
}

fn host(pattern: &str) -> RuleCondition {
    let config = HostHeaderConditionConfig::builder().regex_values(pattern).build();
    RuleCondition::builder().field("host-header").host_header_config(config).build()
}
fn path(pattern: &str) -> RuleCondition {
    let config = PathPatternConditionConfig::builder().regex_values(pattern).build();
    RuleCondition::builder().field("path-pattern").path_pattern_config(config).build()
}

/// The rule's rewrites, by path and host.
fn rewritten(live: &Live, of_path: [&str; 2], of_host: [&str; 2]) {
    let one = |[regex, replace]: [&str; 2]| RewriteConfig::builder().regex(regex).replace(replace).build();
    let url = UrlRewriteConfig::builder().rewrites(one(of_path)).build();
    let header = HostHeaderRewriteConfig::builder().rewrites(one(of_host)).build();
    let transforms = [
        RuleTransform::builder().r#type(TransformTypeEnum::UrlRewrite).url_rewrite_config(url).build(),
        RuleTransform::builder()
            .r#type(TransformTypeEnum::HostHeaderRewrite)
            .host_header_rewrite_config(header)
            .build(),
    ];
    live.rule("20", |r| r.set_transforms(Some(transforms.to_vec())));
}

/// Every case of this file that needs no more than the stack.
pub(super) fn cases() -> Vec<Case> {
    const OLD_HOST: &str = "^old[.]shop[.]example[.]com$";
    const OLD_PATH: &str = "^/old/[0-9]+$";
    const SHORT_PATH: [&str; 2] = ["^/v2/(.*)$", "/$1"];
    const OTHER_HOST: [&str; 2] = ["^a[.]", "b."];
    vec![
        field(MOVED, "when.host_regex", |live| {
            live.rule("30", |r| r.conditions(host("^new[.]shop[.]example[.]com$")).conditions(path(OLD_PATH)));
        })
        .risky(&["E809"]),
        field(MOVED, "when.path_regex", |live| {
            live.rule("30", |r| r.conditions(host(OLD_HOST)).conditions(path("^/older$")));
        })
        .risky(&["E809"]),
        field(PICKY, "rewrite.path", |live| rewritten(live, ["^/v3/(.*)$", "/$1"], OTHER_HOST)).risky(&["E814"]),
        field(PICKY, "rewrite.host", |live| rewritten(live, SHORT_PATH, ["^a[.]", "c."])).risky(&["E814"]),
        super::fields(&["rule/web:443/picky rewrite.path", "rule/web:443/picky rewrite.host"], |live| {
            live.rule("20", |r| r.reset_transforms(true));
        })
        .risky(&["E814"]),
        field("security_group/alb", "egress", |live| {
            // a new group lets everything out, which covers what is declared
            let all =
                IpPermission::builder().ip_protocol("-1").ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build());
            let call = live.stack.account.ec2.revoke_security_group_egress().group_id(&live.alb_group);
            wait_for(call.ip_permissions(all.build()).send()).unwrap();
        })
        // the files let it out to port 8000 only, and a target listens on 8001
        .risky(&["E503"]),
    ]
}

#[test]
fn what_not_every_stack_has() {
    run_on(&stack(), cases());
}

#[test]
fn certificates_by_server_name() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    let arn = live.other_certificate.clone();
    stack.edit(
        "        certificate: app\n",
        &format!("        certificate: app\n        sni_certificates: [\"{arn}\"]\n"),
    );
    stack.apply();
    clean(&stack).unwrap();
    let case = field("listener/web:443", "sni_certificates", move |live| {
        let gone = Certificate::builder().certificate_arn(&arn).build();
        let call = live.stack.account.elb.remove_listener_certificates().listener_arn(&live.listeners[&443]);
        wait_for(call.certificates(gone).send()).unwrap();
    });
    mends(&stack, &live, &case).unwrap();
    clean(&stack).unwrap();
}

#[test]
fn weights_that_somebody_else_shifts_are_no_difference() {
    let stack = Stack::applied();
    stack.edit("canary: 5 }, stickiness: 10m }", "canary: 5 }, stickiness: 10m, weights: external }");
    let live = Live::of(&stack);
    stack.apply();
    live.rule("10", |r| r.actions(live.forward([50, 50], Some(600))));
    clean(&stack).unwrap();
    let case = field("rule/web:443/api", "forward.stickiness", |live| {
        live.rule("10", |r| r.actions(live.forward([10, 90], Some(60))));
    });
    mends(&stack, &live, &case).unwrap();
    clean(&stack).unwrap();
}
