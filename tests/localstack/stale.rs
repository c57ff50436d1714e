//! AWS moves while `apply` runs: each thing is read again just before it is written, and what is not as the plan saw it
//! is left alone.

use std::time::Duration;

use super::fields::live::Live;
use super::stack::Stack;
use crate::support::account::proxy;
use crate::support::proxy::{Fault, Hold};
use crate::support::wait_for;

const APPLY: [&str; 2] = ["apply", "--yes"];

#[test]
fn what_moved_since_the_plan_is_not_written() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    let proxy = proxy();
    let hold = Hold::new();
    // the plan reads the attributes once; the second time is just before the write
    proxy.on("DescribeLoadBalancerAttributes").only(2).meets(Fault::Hold(hold.clone()));
    let running = stack.account.behind(&proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it is not read again");
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "9000")]);
    hold.release();
    let apply = running.end().exits(6);
    assert!(apply.all().contains("load_balancer/web") && apply.all().contains("client_keep_alive"), "{}", apply.all());
    assert_eq!(proxy.writes(), Vec::<String>::new());
    stack.apply();
    stack.plan().exits(0);
}

type Change = fn(&Live);

/// For each kind: what differs, the last call that reads it before it is written, what moves then, and what is said.
const MOVES: [(Change, &str, Change, [&str; 2]); 6] = [
    (
        |live| live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]),
        "DescribeLoadBalancerAttributes",
        |live| live.load_balancer_attributes(&[("client_keep_alive.seconds", "9000")]),
        ["load_balancer/web", "client_keep_alive"],
    ),
    (
        |live| live.listener(443, |l| l.ssl_policy("ELBSecurityPolicy-2016-08")),
        "DescribeListenerAttributes",
        |live| live.listener_attribute(443, "routing.http.response.x_frame_options.header_value", "SAMEORIGIN"),
        ["listener/web:443", "x_frame_options"],
    ),
    (
        |live| live.rule("40", |r| r.actions(closed("404"))),
        "DescribeRules",
        |live| live.rule("40", |r| r.actions(closed("410"))),
        ["rule/web:443/closed", "410"],
    ),
    (
        |live| live.check("django", |m| m.healthy_threshold_count(7)),
        "DescribeTargetGroups",
        |live| live.check("django", |m| m.healthy_threshold_count(9)),
        ["target_group/django", "healthy_threshold"],
    ),
    (
        |live| live.close(8000),
        "DescribeSecurityGroups",
        |live| live.close_range(8001, 8002),
        ["security_group/app", "ingress"],
    ),
    (
        |live| live.import_again(),
        "DescribeCertificate",
        |live| live.import_again(),
        ["certificate/app", "import.certificate"],
    ),
];

#[test]
fn what_moved_just_before_its_write_is_not_written_whatever_its_kind() {
    let stack = Stack::applied();
    for (differ, read, shift, words) in MOVES {
        let live = Live::of(&stack);
        differ(&live);
        // how often it is read before it is written, in an apply that nobody disturbs
        let proxy = proxy();
        stack.account.behind(&proxy).args(APPLY).run().exits(0);
        let calls = proxy.calls().into_iter();
        let before = calls.take_while(|call| call.is_read() || call.is_lock()).filter(|call| call.operation == read);
        let reads = before.count() as u64;
        assert!(reads > 1, "{words:?}: {reads}");
        differ(&live);
        proxy.calm();
        let hold = Hold::new();
        proxy.on(read).only(reads).meets(Fault::Hold(hold.clone()));
        let running = stack.account.behind(&proxy).args(APPLY).start();
        assert!(hold.arrived(Duration::from_secs(120)), "{words:?}: it is not read again");
        assert_eq!(proxy.writes(), Vec::<String>::new(), "{words:?}");
        shift(&live);
        hold.release();
        let apply = running.end().exits(6);
        assert!(words.iter().all(|word| apply.all().contains(word)), "{words:?}\n{}", apply.all());
        assert_eq!(proxy.writes(), Vec::<String>::new(), "{words:?}");
        stack.apply();
        stack.plan().exits(0);
    }
}

#[test]
fn what_is_gone_since_the_plan_stops_the_run() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.rule("40", |r| r.actions(closed("404")));
    let proxy = proxy();
    let hold = Hold::new();
    proxy.on("DescribeRules").only(4).meets(Fault::Hold(hold.clone()));
    let running = stack.account.behind(&proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it is not read again");
    let call = stack.account.elb.delete_rule().rule_arn(&live.rules["40"]);
    wait_for(call.send()).unwrap();
    hold.release();
    let apply = running.end();
    assert!(
        matches!(apply.code, 5 | 6) && apply.all().contains("rule/web:443/closed"),
        "{}\n{}",
        apply.code,
        apply.all()
    );
    stack.apply();
    stack.plan().exits(0);
}

/// What the plan deletes, somebody else deletes first: it is done, and said.
#[test]
fn what_is_deleted_by_hand_before_its_delete_is_done() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    let rule = "          closed:\n            priority: 40\n            when: { path: [\"/closed/*\"] }\n            fixed_response: { status: 503, content_type: text/plain, body: \"closed\" }\n";
    stack.edit(rule, "");
    let proxy = proxy();
    let hold = Hold::new();
    // held at the call itself, after the look at the rule
    proxy.on("DeleteRule").meets(Fault::Hold(hold.clone()));
    let running = stack.account.behind(&proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it is not deleted");
    wait_for(stack.account.elb.delete_rule().rule_arn(&live.rules["40"]).send()).unwrap();
    hold.release();
    let apply = running.end().exits(0);
    assert!(apply.stderr.contains("DeleteRule rule/web:443/closed  gone already"), "{}", apply.all());
    stack.plan().exits(0);
}

/// Of the rules of a security group that go, one goes by hand: AWS then revokes none of them in one call.
#[test]
fn a_rule_revoked_by_hand_does_not_keep_the_others() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    // doors that no target needs
    stack.edit("ports: [8000, \"8001-8002\"]", "ports: [8000, \"8001-8002\", \"8100-8101\", 8200]");
    stack.apply();
    stack.edit("\"8100-8101\", 8200]", "9000]");
    let proxy = proxy();
    let hold = Hold::new();
    proxy.on("RevokeSecurityGroupIngress").only(1).meets(Fault::Hold(hold.clone()));
    let running = stack.account.behind(&proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it is not revoked");
    live.close(8200);
    hold.release();
    running.end().exits(0);
    assert_eq!(proxy.count("RevokeSecurityGroupIngress"), 3, "together, then each by itself");
    stack.plan().exits(0);
}

pub fn closed(status: &str) -> aws_sdk_elasticloadbalancingv2::types::Action {
    use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, FixedResponseActionConfig};
    let config =
        FixedResponseActionConfig::builder().status_code(status).content_type("text/plain").message_body("closed");
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(config.build()).build()
}

/// The one write that each change needs, denied: which step, which permission, and nothing after it.
#[test]
fn a_denied_write_says_which_permission_is_missing() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    type Change = fn(&Live);
    let cases: [(&str, &str, Change); 4] = [
        ("ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroup", |live| {
            live.check("canary", |m| m.health_check_path("/nowhere"));
        }),
        ("ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyLoadBalancerAttributes", |live| {
            live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
        }),
        ("ImportCertificate", "acm:ImportCertificate", |live| live.import_again()),
        ("AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupIngress", |live| live.close(8000)),
    ];
    for (write, permission, change) in cases {
        change(&live);
        let proxy = proxy();
        proxy.on(write).deny();
        let apply = stack.account.behind(&proxy).args(APPLY).run().exits(5);
        assert!(apply.all().contains(permission), "{permission}\n{}", apply.all());
        assert_eq!(proxy.writes(), [write]);
        stack.apply();
        stack.plan().exits(0);
    }
}

/// Marks that are not allowed are noted; everything else is done. For `adopt` they are all there is to do.
#[test]
fn a_denied_mark_is_a_note() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    stack.edit("healthy_threshold: 2, unhealthy_threshold: 3", "healthy_threshold: 3, unhealthy_threshold: 3");
    let proxy = proxy();
    proxy.on("AddTags").deny();
    let apply = stack.account.behind(&proxy).args(APPLY).run().exits(0);
    assert!(apply.stderr.contains("1 resource could not be marked as managed"), "{}", apply.all());
    assert!(apply.stderr.contains("elasticloadbalancing:AddTags"), "{}", apply.all());
    let adopt = stack.account.behind(&proxy).args(["adopt", "--yes"]).run().exits(5);
    assert!(adopt.stderr.contains("could not be marked"), "{}", adopt.all());
    live.check("django", |m| m.healthy_threshold_count(5));
    let plan = stack.plan().exits(2).json();
    assert_eq!(plan["changes"].as_array().unwrap().iter().find(|c| c["action"] != "none").unwrap()["cause"], "both");
    stack.apply();
    stack.plan().exits(0);
}

/// An answer that cannot be read leaves open whether the write took effect: the next run looks.
#[test]
fn a_write_answered_with_nonsense_is_made_good() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.listener(443, |l| l.ssl_policy("ELBSecurityPolicy-2016-08"));
    let proxy = proxy();
    proxy.on("ModifyListener").meets(Fault::Malformed);
    stack.account.behind(&proxy).args(APPLY).run().exits(5);
    stack.apply();
    stack.plan().exits(0);
}
