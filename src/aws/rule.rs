//! Rules: SDK shape ⇄ spec, and the calls for one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types as sdk;
use ipnet::IpNet;

use super::action;
use super::budget::Category;
use super::call::Call;
use super::error::{incomplete, present, refused};
use super::execute::{Secrets, arn};
use super::rewrite;
use super::session::Session;
use super::tags;
use crate::cloud::{CloudError, CloudErrorKind, Output};
use crate::model::kind::{Action, Authenticate, Conditions, HeaderCondition, QueryMatch, Rewrite, Rule};
use crate::model::{Id, Link, Text};

const PAGE: i32 = 400;

/// The spec; tags are read apart. `None` for the default rule, which is its listener's.
pub(super) fn from_sdk(listener: &Id, rule: sdk::Rule) -> Option<(Id, Rule)> {
    if rule.is_default == Some(true) || rule.priority.as_deref() == Some("default") {
        return None;
    }
    let id = Id(rule.rule_arn?);
    let action::Read { action, authenticate, mut beyond } = action::from_sdk(rule.actions.unwrap_or_default());
    let rewrite = Some(rewrite::from_sdk(rule.transforms.unwrap_or_default(), &mut beyond));
    let when = conditions(rule.conditions.unwrap_or_default(), &mut beyond);
    let priority = rule.priority.and_then(|p| p.parse().ok());
    let listener = Link::Id(listener.clone());
    let (when, tags) = (Some(when), BTreeMap::new());
    Some((id, Rule { listener, priority, when, action, authenticate, rewrite, beyond, tags }))
}

/// The listener that a rule's ARN names.
pub(super) fn listener_of(rule: &Id) -> Option<Id> {
    let (listener, _) = rule.as_str().rsplit_once('/')?;
    Some(Id(listener.replacen(":listener-rule/", ":listener/", 1)))
}

/// Reads conditions; what cannot be expressed is named in `beyond`. The top-level values only repeat
/// a configuration, and are read where there is none.
fn conditions(list: Vec<sdk::RuleCondition>, beyond: &mut BTreeSet<String>) -> Conditions {
    let mut when = Conditions::default();
    for condition in list {
        let field = condition.field.clone().unwrap_or_default();
        let key = match field.as_str() {
            "host-header" => "host",
            "path-pattern" => "path",
            "http-request-method" => "method",
            "http-header" => "header",
            "query-string" => "query",
            "source-ip" => "source_ip",
            other => other,
        }
        .to_owned();
        if let Some(values) = regex_values(&condition) {
            if let ("http-header", Some(name)) = (field.as_str(), header_name(&condition)) {
                let values = values.into_iter().map(Text::Plain).collect();
                if !when.header_regex.insert(HeaderCondition { name, values }) {
                    beyond.insert("when.header_regex".to_owned());
                }
                continue;
            }
            let set = match field.as_str() {
                "host-header" => Some(&mut when.host_regex),
                "path-pattern" => Some(&mut when.path_regex),
                _ => None,
            };
            match set.filter(|set| set.is_empty()) {
                Some(set) => set.extend(values),
                None => {
                    beyond.insert(format!("when.{key}_regex"));
                }
            }
            continue;
        }
        if !read_condition(&mut when, condition, &field) {
            beyond.insert(format!("when.{key}"));
        }
    }
    when
}

/// The condition's regular expressions, if it has some; the top-level ones only repeat a configuration.
fn regex_values(condition: &sdk::RuleCondition) -> Option<Vec<String>> {
    let lists = [
        condition.host_header_config().map(|c| c.regex_values()),
        condition.path_pattern_config().map(|c| c.regex_values()),
        condition.http_header_config().map(|c| c.regex_values()),
        Some(condition.regex_values()),
    ];
    lists.into_iter().flatten().find(|values| !values.is_empty()).map(<[String]>::to_vec)
}

/// The header that a condition is about.
fn header_name(condition: &sdk::RuleCondition) -> Option<String> {
    condition.http_header_config.as_ref().and_then(|config| config.http_header_name.clone())
}

/// Adds one condition; `false` if it cannot be expressed.
fn read_condition(when: &mut Conditions, condition: sdk::RuleCondition, field: &str) -> bool {
    let top = condition.values.unwrap_or_default();
    let (set, values) = match field {
        "host-header" => (&mut when.host, condition.host_header_config.and_then(|c| c.values)),
        "path-pattern" => (&mut when.path, condition.path_pattern_config.and_then(|c| c.values)),
        "http-request-method" => (&mut when.method, condition.http_request_method_config.and_then(|c| c.values)),
        "source-ip" => (&mut when.source_ip, condition.source_ip_config.and_then(|c| c.values)),
        "http-header" => {
            let Some(config) = condition.http_header_config else { return false };
            let Some(name) = config.http_header_name else { return false };
            let values = config.values.unwrap_or_default().into_iter().map(Text::Plain).collect();
            return when.header.insert(HeaderCondition { name, values });
        }
        "query-string" => {
            let one = |pair: sdk::QueryStringKeyValuePair| QueryMatch {
                key: pair.key.filter(|key| !key.is_empty()),
                value: pair.value.unwrap_or_default(),
            };
            let pairs = condition.query_string_config.and_then(|c| c.values).unwrap_or_default();
            return !pairs.is_empty() && when.query.insert(pairs.into_iter().map(one).collect());
        }
        _ => return false,
    };
    let values = values.filter(|values| !values.is_empty()).unwrap_or(top);
    // two conditions on one field would be ANDed, which a set cannot say
    if !set.is_empty() || values.is_empty() {
        return false;
    }
    if field == "source-ip" {
        set.extend(values.into_iter().map(network));
    } else {
        set.extend(values);
    }
    true
}

/// A network in the one spelling that the files have: AWS gives back what it was given.
fn network(text: String) -> String {
    text.parse::<IpNet>().map_or(text, |net| net.trunc().to_string())
}

/// The conditions as AWS wants them; secret values are resolved here and nowhere before.
fn conditions_to_sdk(
    operation: &str,
    when: &Conditions,
    secrets: &Secrets<'_>,
) -> Result<Vec<sdk::RuleCondition>, CloudError> {
    let Conditions { host, host_regex, path, path_regex, method, header, header_regex, query, source_ip } = when;
    let list = |set: &BTreeSet<String>| if set.is_empty() { None } else { Some(set.iter().cloned().collect()) };
    let field = |name: &str| sdk::RuleCondition::builder().field(name);
    let mut conditions = Vec::new();
    if let Some(values) = list(host) {
        let config = sdk::HostHeaderConditionConfig::builder().set_values(Some(values)).build();
        conditions.push(field("host-header").host_header_config(config).build());
    }
    if let Some(values) = list(host_regex) {
        let config = sdk::HostHeaderConditionConfig::builder().set_regex_values(Some(values)).build();
        conditions.push(field("host-header").host_header_config(config).build());
    }
    if let Some(values) = list(path) {
        let config = sdk::PathPatternConditionConfig::builder().set_values(Some(values)).build();
        conditions.push(field("path-pattern").path_pattern_config(config).build());
    }
    if let Some(values) = list(path_regex) {
        let config = sdk::PathPatternConditionConfig::builder().set_regex_values(Some(values)).build();
        conditions.push(field("path-pattern").path_pattern_config(config).build());
    }
    if let Some(values) = list(method) {
        let config = sdk::HttpRequestMethodConditionConfig::builder().set_values(Some(values)).build();
        conditions.push(field("http-request-method").http_request_method_config(config).build());
    }
    for HeaderCondition { name, values } in header {
        let values = values.iter().map(|text| secrets.text(operation, text)).collect::<Result<_, _>>()?;
        let config = sdk::HttpHeaderConditionConfig::builder().http_header_name(name).set_values(Some(values)).build();
        conditions.push(field("http-header").http_header_config(config).build());
    }
    for HeaderCondition { name, values } in header_regex {
        let values = values.iter().map(|text| secrets.text(operation, text)).collect::<Result<_, _>>()?;
        let config = sdk::HttpHeaderConditionConfig::builder().http_header_name(name);
        let config = config.set_regex_values(Some(values)).build();
        conditions.push(field("http-header").http_header_config(config).build());
    }
    for matches in query {
        let one = |QueryMatch { key, value }: &QueryMatch| {
            sdk::QueryStringKeyValuePair::builder().set_key(key.clone()).value(value).build()
        };
        let pairs = matches.iter().map(one).collect();
        let config = sdk::QueryStringConditionConfig::builder().set_values(Some(pairs)).build();
        conditions.push(field("query-string").query_string_config(config).build());
    }
    if let Some(values) = list(source_ip) {
        let config = sdk::SourceIpConditionConfig::builder().set_values(Some(values)).build();
        conditions.push(field("source-ip").source_ip_config(config).build());
    }
    Ok(conditions)
}

impl Session {
    /// The rules of a listener, the default one included.
    pub(super) async fn rules_of(&self, listener: &Id) -> Result<Vec<sdk::Rule>, CloudError> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let request =
                self.elb.describe_rules().listener_arn(listener.as_str()).page_size(PAGE).set_marker(marker.take());
            let page = self.calls.run(Call::elb("DescribeRules"), || request.clone().send()).await?;
            found.extend(present("DescribeRules", page.rules)?);
            marker = page.next_marker.filter(|next| !next.is_empty());
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    /// One rule, if it is there.
    pub(super) async fn rule(&self, id: &Id) -> Result<Option<sdk::Rule>, CloudError> {
        let request = self.elb.describe_rules().rule_arns(id.as_str());
        match self.calls.run(Call::elb("DescribeRules"), || request.clone().send()).await {
            Ok(answer) => {
                let mut found = present("DescribeRules", answer.rules)?.into_iter();
                Ok(found.find(|rule| rule.rule_arn.as_deref() == Some(id.as_str())))
            }
            Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `CreateRule`.
    pub(super) async fn create_rule(&self, spec: &Rule, secrets: &Secrets<'_>) -> Result<Output, CloudError> {
        const CALL: Call = Call::once("CreateRule", Category::ElbWrite);
        let Rule { listener, priority, when, action, authenticate, rewrite, beyond: _, tags } = spec;
        let priority = priority.and_then(|p| i32::try_from(p).ok());
        let priority = priority.ok_or_else(|| refused(CALL.name, "the rule has no priority"))?;
        let action = action.as_ref().ok_or_else(|| refused(CALL.name, "the rule has no action"))?;
        let when = when.clone().unwrap_or_default();
        let request = self
            .elb
            .create_rule()
            .listener_arn(arn(CALL.name, listener)?)
            .priority(priority)
            .set_conditions(Some(conditions_to_sdk(CALL.name, &when, secrets)?))
            .set_actions(Some(action::to_sdk(CALL.name, authenticate.as_ref(), action, secrets)?))
            .set_transforms(rewrite.as_ref().and_then(rewrite::to_sdk))
            .set_tags(tags::elb(tags));
        let answer = self.calls.run(CALL, || request.clone().send()).await?;
        let id = answer.rules.into_iter().flatten().find_map(|rule| rule.rule_arn);
        Ok(Output { id: Some(Id(id.ok_or_else(|| incomplete(CALL.name, "rule"))?)), dns_name: None })
    }

    /// `ModifyRule`.
    pub(super) async fn modify_rule(
        &self,
        rule: &Link,
        when: Option<&Conditions>,
        (action, authenticate): (Option<&Action>, Option<&Authenticate>),
        rewrite: Option<&Rewrite>,
        secrets: &Secrets<'_>,
    ) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("ModifyRule");
        let actions = action.map(|action| action::to_sdk(CALL.name, authenticate, action, secrets)).transpose()?;
        let request = self
            .elb
            .modify_rule()
            .rule_arn(arn(CALL.name, rule)?)
            .set_conditions(when.map(|when| conditions_to_sdk(CALL.name, when, secrets)).transpose()?)
            .set_actions(actions)
            .set_transforms(rewrite.and_then(rewrite::to_sdk))
            // an empty list would change nothing
            .set_reset_transforms(rewrite.filter(|rewrite| rewrite.is_empty()).map(|_| true));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `SetRulePriorities`.
    pub(super) async fn set_rule_priorities(&self, priorities: &BTreeMap<Id, u32>) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("SetRulePriorities");
        let pair = |(id, priority): (&Id, &u32)| {
            let priority = i32::try_from(*priority).ok();
            sdk::RulePriorityPair::builder().rule_arn(id.as_str()).set_priority(priority).build()
        };
        let pairs = priorities.iter().map(pair).collect();
        let request = self.elb.set_rule_priorities().set_rule_priorities(Some(pairs));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Resolver;
    use crate::model::{Fingerprint, SecretRef};
    use std::sync::Arc;

    fn words(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|&w| w.to_owned()).collect()
    }
    fn resolver() -> Resolver {
        Arc::new(|secret| match secret {
            SecretRef::Env(name) if name == "ORIGIN" => Ok("s3cret".to_owned()),
            SecretRef::Env(_) | SecretRef::File(_) => Err(format!("{secret} is not set")),
        })
    }

    #[test]
    fn a_client_network_is_read_in_the_spelling_of_the_files() {
        let given = ["10.1.2.3/8", "2001:0DB8::/32", "192.0.2.1/32"].map(str::to_owned);
        let config = sdk::SourceIpConditionConfig::builder().set_values(Some(given.into())).build();
        let mut when = Conditions::default();
        let condition = sdk::RuleCondition::builder().field("source-ip").source_ip_config(config).build();
        assert!(read_condition(&mut when, condition, "source-ip"));
        assert_eq!(when.source_ip, words(&["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]));
    }

    #[test]
    fn conditions_survive_the_round_trip_and_secrets_are_resolved() {
        let secret =
            Text::Secret { source: Some(SecretRef::Env("ORIGIN".into())), fingerprint: Fingerprint::default() };
        let header =
            |name: &str, value: Text| HeaderCondition { name: name.to_owned(), values: BTreeSet::from([value]) };
        let query =
            |key: Option<&str>, value: &str| QueryMatch { key: key.map(str::to_owned), value: value.to_owned() };
        let when = Conditions {
            host: words(&["shop.example.com", "*.example.com"]),
            host_regex: BTreeSet::new(),
            path: BTreeSet::new(),
            path_regex: words(&["^/api/[0-9]+$"]),
            method: words(&["GET"]),
            header_regex: BTreeSet::from([header("User-Agent", Text::Plain("^curl".into()))]),
            header: BTreeSet::from([header("X-Origin-Verify", secret), header("X-A", Text::Plain("b".into()))]),
            query: BTreeSet::from([BTreeSet::from([query(Some("v"), "2"), query(None, "beta")])]),
            source_ip: words(&["10.0.0.0/8"]),
        };
        let resolver = resolver();
        let secrets = Secrets::new(&resolver);
        let sent = conditions_to_sdk("CreateRule", &when, &secrets).unwrap();
        let mut beyond = BTreeSet::new();
        let read = conditions(sent, &mut beyond);
        assert!(beyond.is_empty());
        let want = Conditions {
            header: BTreeSet::from([
                header("X-Origin-Verify", Text::Plain("s3cret".into())),
                header("X-A", Text::Plain("b".into())),
            ]),
            ..when
        };
        assert_eq!(read, want);
        let mut error = refused("CreateRule", "value s3cret is too long");
        secrets.mask(&mut error);
        assert_eq!(error.message, "value (secret) is too long");
    }

    #[test]
    fn what_cannot_be_expressed_is_named() {
        let regex = sdk::HttpHeaderConditionConfig::builder().http_header_name("X").regex_values("^a").build();
        let regex = sdk::RuleCondition::builder().field("http-header").http_header_config(regex).regex_values("^a");
        let odd = sdk::RuleCondition::builder().field("phase-of-moon").values("full");
        let transform = sdk::RuleTransform::builder().build();
        let login = sdk::Action::builder().r#type(sdk::ActionTypeEnum::JwtValidation).build();
        let rule = sdk::Rule::builder()
            .rule_arn("arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener-rule/app/web/1/2/3")
            .priority("10")
            .conditions(regex.build())
            .conditions(odd.build())
            .actions(login)
            .transforms(transform)
            .build();
        let listener = Id("arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/web/1/2".into());
        let (id, rule) = from_sdk(&listener, rule).unwrap();
        assert_eq!(listener_of(&id), Some(listener));
        assert_eq!(rule.priority, Some(10));
        assert_eq!(rule.beyond, words(&["authenticate", "rewrite", "when.phase-of-moon"]));
    }

    #[test]
    fn the_default_rule_is_left_out_and_old_top_level_values_are_read() {
        let listener = Id("l".into());
        let default = sdk::Rule::builder().rule_arn("r").priority("default").is_default(true).build();
        assert!(from_sdk(&listener, default).is_none());
        let old = sdk::RuleCondition::builder().field("path-pattern").values("/a").build();
        let rule = sdk::Rule::builder().rule_arn("r").priority("1").conditions(old).build();
        assert_eq!(from_sdk(&listener, rule).unwrap().1.when.unwrap().path, words(&["/a"]));
    }
}
