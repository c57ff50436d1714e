//! The stack's resources by their ids on AWS, and the calls that change them behind the program's back.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::operation::modify_listener::builders::ModifyListenerFluentBuilder as ModifyListener;
use aws_sdk_elasticloadbalancingv2::operation::modify_rule::builders::ModifyRuleFluentBuilder as ModifyRule;
use aws_sdk_elasticloadbalancingv2::operation::modify_target_group::builders::ModifyTargetGroupFluentBuilder as ModifyGroup;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, ListenerAttribute, LoadBalancerAttribute, Tag, TargetDescription,
    TargetGroupAttribute, TargetGroupStickinessConfig, TargetGroupTuple, TargetHealthStateEnum,
};
use serde_json::json;

use super::super::stack::{NAMES, Stack, self_signed};
use crate::support::{eventually, wait_for};

/// The stack as it is on AWS.
pub struct Live<'a> {
    pub stack: &'a Stack,
    pub load_balancer: String,
    pub alb_group: String,
    pub certificate: String,
    /// Another certificate, which nothing uses.
    pub other_certificate: String,
    pub listeners: BTreeMap<u16, String>,
    /// Rules of the listener on 443 by their priority.
    pub rules: BTreeMap<String, String>,
    pub groups: BTreeMap<String, String>,
}

impl<'a> Live<'a> {
    pub fn of(stack: &'a Stack) -> Self {
        wait_for(Self::find(stack))
    }

    async fn find(stack: &'a Stack) -> Self {
        let account = &stack.account;
        let balancers = account.elb.describe_load_balancers().names("web").send().await.unwrap();
        let load_balancer = balancers.load_balancers()[0].clone();
        let arn = load_balancer.load_balancer_arn().unwrap().to_owned();
        let listeners = account.elb.describe_listeners().load_balancer_arn(&arn).send().await.unwrap();
        let by_port = |l: &aws_sdk_elasticloadbalancingv2::types::Listener| {
            (u16::try_from(l.port().unwrap()).unwrap(), l.listener_arn().unwrap().to_owned())
        };
        let listeners: BTreeMap<u16, String> = listeners.listeners().iter().map(by_port).collect();
        let rules = account.elb.describe_rules().listener_arn(&listeners[&443]).send().await.unwrap();
        let by_priority = |r: &aws_sdk_elasticloadbalancingv2::types::Rule| {
            (r.priority().unwrap().to_owned(), r.rule_arn().unwrap().to_owned())
        };
        let groups = account.elb.describe_target_groups().send().await.unwrap();
        let by_name = |g: &aws_sdk_elasticloadbalancingv2::types::TargetGroup| {
            (g.target_group_name().unwrap().to_owned(), g.target_group_arn().unwrap().to_owned())
        };
        let certificates = account.acm.list_certificates().includes(every_key()).send().await.unwrap();
        let certificate = certificates.certificate_summary_list()[0].certificate_arn().unwrap().to_owned();
        let other = self_signed(&["other.example.com"]);
        let import = account.acm.import_certificate().certificate(blob(&other.certificate));
        let other = import.private_key(blob(&other.key)).send().await.unwrap();
        Self {
            stack,
            alb_group: load_balancer.security_groups()[0].clone(),
            load_balancer: arn,
            certificate,
            other_certificate: other.certificate_arn.unwrap(),
            listeners,
            rules: rules.rules().iter().map(by_priority).collect(),
            groups: groups.target_groups().iter().map(by_name).collect(),
        }
    }

    fn elb(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        &self.stack.account.elb
    }

    pub fn load_balancer_attributes(&self, pairs: &[(&str, &str)]) {
        let attribute = |(k, v): &(&str, &str)| LoadBalancerAttribute::builder().key(*k).value(*v).build();
        let call = self.elb().modify_load_balancer_attributes().load_balancer_arn(&self.load_balancer);
        wait_for(call.set_attributes(Some(pairs.iter().map(attribute).collect())).send()).unwrap();
    }

    pub fn group_attributes(&self, group: &str, pairs: &[(&str, &str)]) {
        let attribute = |(k, v): &(&str, &str)| TargetGroupAttribute::builder().key(*k).value(*v).build();
        let call = self.elb().modify_target_group_attributes().target_group_arn(&self.groups[group]);
        wait_for(call.set_attributes(Some(pairs.iter().map(attribute).collect())).send()).unwrap();
    }

    pub fn listener_attribute(&self, port: u16, key: &str, value: &str) {
        let attribute = ListenerAttribute::builder().key(key).value(value).build();
        let call = self.elb().modify_listener_attributes().listener_arn(&self.listeners[&port]);
        wait_for(call.attributes(attribute).send()).unwrap();
    }

    pub fn listener(&self, port: u16, with: impl FnOnce(ModifyListener) -> ModifyListener) {
        wait_for(with(self.elb().modify_listener().listener_arn(&self.listeners[&port])).send()).unwrap();
    }

    /// A forward to the groups `django` and `canary` by these weights.
    pub fn forward(&self, weights: [i32; 2], stickiness: Option<i32>) -> Action {
        let tuple = |group: &str, weight| {
            TargetGroupTuple::builder().target_group_arn(&self.groups[group]).weight(weight).build()
        };
        let sticky =
            TargetGroupStickinessConfig::builder().enabled(stickiness.is_some()).set_duration_seconds(stickiness);
        let config = ForwardActionConfig::builder()
            .target_groups(tuple("django", weights[0]))
            .target_groups(tuple("canary", weights[1]))
            .target_group_stickiness_config(sticky.build());
        Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config.build()).build()
    }

    pub fn rule(&self, priority: &str, with: impl FnOnce(ModifyRule) -> ModifyRule) {
        wait_for(with(self.elb().modify_rule().rule_arn(&self.rules[priority])).send()).unwrap();
    }

    pub fn check(&self, group: &str, with: impl FnOnce(ModifyGroup) -> ModifyGroup) {
        wait_for(with(self.elb().modify_target_group().target_group_arn(&self.groups[group])).send()).unwrap();
    }

    pub fn register(&self, group: &str, id: &str, port: i32) {
        let target = TargetDescription::builder().id(id).port(port).build();
        wait_for(self.elb().register_targets().target_group_arn(&self.groups[group]).targets(target).send()).unwrap();
    }

    pub fn deregister(&self, group: &str, id: &str, port: i32) {
        let target = TargetDescription::builder().id(id).port(port).build();
        wait_for(self.elb().deregister_targets().target_group_arn(&self.groups[group]).targets(target).send()).unwrap();
    }

    /// What a target answers its health checks from now on.
    pub fn answers(&self, target: &str, answer: &str) {
        let script = json!({ target: { "answers": { "*": answer } } });
        self.stack.account.script_health(&script);
    }

    /// Waits until AWS has judged every target of a group, and none drains any more.
    pub fn settled(&self, group: &str) {
        let moving = [TargetHealthStateEnum::Initial, TargetHealthStateEnum::Draining];
        eventually("the health of every target", Duration::from_secs(30), || {
            let call = self.elb().describe_target_health().target_group_arn(&self.groups[group]);
            let targets = wait_for(call.send()).unwrap();
            let states = targets.target_health_descriptions().iter().filter_map(|t| t.target_health()?.state());
            states.into_iter().all(|state| !moving.contains(state)).then_some(())
        });
    }

    pub fn tag(&self, arn: &str, key: &str, value: &str) {
        let tag = Tag::builder().key(key).value(value).build();
        wait_for(self.elb().add_tags().resource_arns(arn).tags(tag).send()).unwrap();
    }

    pub fn untag(&self, arn: &str, key: &str) {
        wait_for(self.elb().remove_tags().resource_arns(arn).tag_keys(key).send()).unwrap();
    }

    /// Shuts the load balancer out from a port of the targets.
    pub fn close(&self, port: i32) {
        self.close_range(port, port);
    }

    /// The same for a rule over several ports.
    pub fn close_range(&self, first: i32, last: i32) {
        use aws_sdk_ec2::types::{IpPermission, UserIdGroupPair};
        let pair = UserIdGroupPair::builder().group_id(&self.alb_group).description("from the ALB").build();
        let rule = IpPermission::builder().ip_protocol("tcp").from_port(first).to_port(last).user_id_group_pairs(pair);
        let call = self.stack.account.ec2.revoke_security_group_ingress().group_id(&self.stack.app_group);
        wait_for(call.ip_permissions(rule.build()).send()).unwrap();
    }

    /// Lets everybody in to a port of the targets that no file mentions.
    pub fn open_ssh(&self) {
        use aws_sdk_ec2::types::{IpPermission, IpRange};
        let from = IpRange::builder().cidr_ip("192.0.2.0/24").build();
        let rule = IpPermission::builder().ip_protocol("tcp").from_port(22).to_port(22).ip_ranges(from).build();
        let call = self.stack.account.ec2.authorize_security_group_ingress().group_id(&self.stack.app_group);
        wait_for(call.ip_permissions(rule).send()).unwrap();
    }

    /// Imports new material under the certificate's ARN.
    pub fn import_again(&self) {
        let pem = self_signed(&NAMES);
        let call = self.stack.account.acm.import_certificate().certificate_arn(&self.certificate);
        wait_for(call.certificate(blob(&pem.certificate)).private_key(blob(&pem.key)).send()).unwrap();
    }

    /// Gives the listener on 443 one more certificate, chosen by server name.
    pub fn attach_other(&self) {
        let entry = aws_sdk_elasticloadbalancingv2::types::Certificate::builder();
        let entry = entry.certificate_arn(&self.other_certificate).build();
        let call = self.elb().add_listener_certificates().listener_arn(&self.listeners[&443]);
        wait_for(call.certificates(entry).send()).unwrap();
    }
}

/// The condition that a path is this one.
pub fn path(value: &str) -> aws_sdk_elasticloadbalancingv2::types::RuleCondition {
    use aws_sdk_elasticloadbalancingv2::types::{PathPatternConditionConfig, RuleCondition};
    let config = PathPatternConditionConfig::builder().values(value).build();
    RuleCondition::builder().field("path-pattern").path_pattern_config(config).build()
}

pub fn blob(text: &str) -> aws_sdk_acm::primitives::Blob {
    aws_sdk_acm::primitives::Blob::new(text.as_bytes())
}

/// The list leaves out keys that are not named.
pub fn every_key() -> aws_sdk_acm::types::Filters {
    use aws_sdk_acm::types::{Filters, KeyAlgorithm};
    Filters::builder().set_key_types(Some(KeyAlgorithm::values().iter().map(|k| (*k).into()).collect())).build()
}
