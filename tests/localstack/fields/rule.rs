//! Fields of rules.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, HostHeaderConditionConfig, HttpHeaderConditionConfig,
    HttpRequestMethodConditionConfig, PathPatternConditionConfig, QueryStringConditionConfig, QueryStringKeyValuePair,
    RedirectActionConfig, RedirectActionStatusCodeEnum, RuleCondition, RulePriorityPair, SourceIpConditionConfig,
};

use super::live::Live;
use super::{Case, field, run};
use crate::support::wait_for;

const API: &str = "rule/web:443/api";
const PICKY: &str = "rule/web:443/picky";
const MOVED: &str = "rule/web:443/moved";
const CLOSED: &str = "rule/web:443/closed";

fn host(value: &str) -> RuleCondition {
    let config = HostHeaderConditionConfig::builder().values(value).build();
    RuleCondition::builder().field("host-header").host_header_config(config).build()
}
fn path(value: &str) -> RuleCondition {
    let config = PathPatternConditionConfig::builder().values(value).build();
    RuleCondition::builder().field("path-pattern").path_pattern_config(config).build()
}
fn header(name: &str, value: &str) -> RuleCondition {
    let config = HttpHeaderConditionConfig::builder().http_header_name(name).values(value).build();
    RuleCondition::builder().field("http-header").http_header_config(config).build()
}
fn method(value: &str) -> RuleCondition {
    let config = HttpRequestMethodConditionConfig::builder().values(value).build();
    RuleCondition::builder().field("http-request-method").http_request_method_config(config).build()
}
fn query(key: &str, value: &str) -> RuleCondition {
    let pair = QueryStringKeyValuePair::builder().key(key).value(value).build();
    let config = QueryStringConditionConfig::builder().values(pair).build();
    RuleCondition::builder().field("query-string").query_string_config(config).build()
}
fn source(value: &str) -> RuleCondition {
    let config = SourceIpConditionConfig::builder().values(value).build();
    RuleCondition::builder().field("source-ip").source_ip_config(config).build()
}

/// The rule's conditions, as they are declared but for one.
fn when(address: &str, key: &str, priority: &'static str, conditions: [RuleCondition; 3]) -> Case {
    field(address, &format!("when.{key}"), move |live| {
        live.rule(priority, |r| r.set_conditions(Some(conditions.to_vec())));
    })
    .risky(&["E809"])
}

fn conditions_cases() -> Vec<Case> {
    vec![
        when(API, "host", "10", [host("www.shop.example.com"), path("/api/*"), header("X-Origin", "cdn")]),
        when(API, "path", "10", [host("shop.example.com"), path("/apis/*"), header("X-Origin", "cdn")]),
        when(API, "header", "10", [host("shop.example.com"), path("/api/*"), header("X-Origin", "other")]),
        when(API, "header", "10", [host("shop.example.com"), path("/api/*"), header("X-Other", "cdn")]),
        when(PICKY, "method", "20", [method("POST"), query("v", "2"), source("10.0.0.0/8")]),
        when(PICKY, "query", "20", [method("GET"), query("v", "3"), source("10.0.0.0/8")]),
        when(PICKY, "source_ip", "20", [method("GET"), query("v", "2"), source("10.0.0.0/16")]),
    ]
}

#[test]
fn conditions() {
    run(conditions_cases());
}

/// The redirect of the rule `moved` as it is declared.
fn redirect() -> aws_sdk_elasticloadbalancingv2::types::builders::RedirectActionConfigBuilder {
    RedirectActionConfig::builder()
        .protocol("HTTPS")
        .host("new.shop.example.com")
        .port("8443")
        .path("/new/#{path}")
        .query("from=old")
        .status_code(RedirectActionStatusCodeEnum::Http302)
}

fn redirected(path: &str, with: impl Fn() -> RedirectActionConfig + 'static) -> Case {
    field(MOVED, &format!("redirect.{path}"), move |live| {
        let action = Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(with()).build();
        live.rule("30", |r| r.actions(action));
    })
}

fn answered(path: &str, status: &'static str, kind: &'static str, body: &'static str) -> Case {
    field(CLOSED, &format!("fixed_response.{path}"), move |live| {
        let config = FixedResponseActionConfig::builder().status_code(status).content_type(kind).message_body(body);
        let action = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(config.build());
        live.rule("40", |r| r.actions(action.build()));
    })
}

fn actions_cases() -> Vec<Case> {
    vec![
        field(API, "forward", |live| live.rule("10", |r| r.actions(live.forward([50, 50], Some(600))))),
        field(API, "forward.stickiness", |live| live.rule("10", |r| r.actions(live.forward([95, 5], Some(60))))),
        field(API, "forward.stickiness", |live| live.rule("10", |r| r.actions(live.forward([95, 5], None)))),
        field(PICKY, "forward", |live| {
            // from a group that serves to one without a target would be held
            let config = FixedResponseActionConfig::builder().status_code("404");
            let action = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(config.build());
            live.rule("20", |r| r.actions(action.build()));
        }),
        redirected("protocol", || redirect().protocol("#{protocol}").build()),
        redirected("host", || redirect().host("#{host}").build()),
        redirected("port", || redirect().port("443").build()),
        redirected("path", || redirect().path("/#{path}").build()),
        redirected("query", || redirect().query("#{query}").build()),
        redirected("status", || redirect().status_code(RedirectActionStatusCodeEnum::Http301).build()),
        answered("status", "404", "text/plain", "closed"),
        answered("content_type", "503", "text/html", "closed"),
        answered("body", "503", "text/plain", "open"),
    ]
}

#[test]
fn actions() {
    run(actions_cases());
}

fn priorities_and_tags_cases() -> Vec<Case> {
    let prioritise = |live: &Live, pairs: &[(&str, i32)]| {
        let pair = |(rule, priority): &(&str, i32)| {
            RulePriorityPair::builder().rule_arn(&live.rules[*rule]).priority(*priority).build()
        };
        let call = live.stack.account.elb.set_rule_priorities();
        wait_for(call.set_rule_priorities(Some(pairs.iter().map(pair).collect())).send()).unwrap();
    };
    let swapped = move |live: &Live| prioritise(live, &[("10", 20), ("20", 10)]);
    vec![
        field(CLOSED, "priority", move |live| prioritise(live, &[("40", 45)])),
        super::fields(&["rule/web:443/api priority", "rule/web:443/picky priority"], swapped),
        field(API, "tags.team", |live| live.tag(&live.rules["10"], "team", "other")),
        field(API, "tags.tier", |live| live.untag(&live.rules["10"], "tier")),
    ]
}

#[test]
fn priorities_and_tags() {
    run(priorities_and_tags_cases());
}

/// Every case of this file.
pub(super) fn cases() -> Vec<Case> {
    [conditions_cases(), actions_cases(), priorities_and_tags_cases()].into_iter().flatten().collect()
}
