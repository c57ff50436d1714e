//! Remedies: who can mend a cause, and with which call of the AWS CLI.
//!
//! The call is made of the declaration that a rule proposes. Where that takes more than one call, or a value that only
//! the files have, there is none: the words of the finding say what to set.

use serde::Serialize;
use serde_json::Value;

use super::Case;
use crate::diff::{Bound, Verdict};
use crate::model::attribute::{Attribute, LISTENER, LOAD_BALANCER, TARGET_GROUP};
use crate::model::shell::word;
use crate::model::value::ProtocolVersion;
use crate::model::{Address, FieldPath, Id, Kind};
use crate::rules::{Declaration, Finding, FixClass, find};

/// Who can mend a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// `no502 apply`: the files say how it should be.
    Apply,
    /// `no502 apply`, once the files say what the fix says.
    Declare,
    /// `no502 apply`, once there is a file: `no502 export` writes one.
    Export,
    /// A person: the application, or something that no502 does not manage.
    Hand,
}

/// Who can mend what a finding says.
pub fn by(case: &Case<'_>, finding: &Finding) -> By {
    if case.evidence.desired.is_some() && closes(case, finding) {
        return By::Apply;
    }
    let class = find(&finding.rule).map_or(FixClass::Manual, |rule| rule.fix);
    match (class, &finding.fix.declare, case.evidence.desired) {
        (FixClass::Manual, None, _) => By::Hand,
        (_, _, None) => By::Export,
        (_, _, Some(_)) => By::Declare,
    }
}

/// Whether a difference from the files, which apply would close, is about what the finding cites.
fn closes(case: &Case<'_>, finding: &Finding) -> bool {
    case.diff.changes.iter().filter(|change| change.obstacle.is_none()).any(|change| {
        let cited = || {
            let about =
                |address: &Address| *address == change.address || address.parent().as_ref() == Some(&change.address);
            about(&finding.address) || finding.evidence.iter().any(|e| e.address == change.address)
        };
        match &change.verdict {
            Verdict::InSync | Verdict::Unknown(_) => false,
            Verdict::Create | Verdict::Delete => cited(),
            Verdict::Update(fields) | Verdict::Replace(fields) => {
                fields.iter().any(|field| finding.cites(&change.address, &field.path))
            }
        }
    })
}

/// The call of the AWS CLI that mends a finding, where one call does and all its values are known.
pub fn call(bound: &Bound, finding: &Finding) -> Option<String> {
    let Declaration { address, field, value } = finding.fix.declare.as_ref()?;
    let id = bound.ids.get(bound.stand_in(address).as_ref())?;
    match address.kind {
        Kind::TargetGroup => target_group((bound, address), id, field, value),
        Kind::LoadBalancer => attribute(LOAD_BALANCER, field, value).map(|attributes| {
            format!("aws elbv2 modify-load-balancer-attributes --load-balancer-arn {id} --attributes {attributes}")
        }),
        Kind::Listener => listener(bound, id, field, value),
        Kind::SecurityGroup | Kind::Certificate | Kind::Target | Kind::Rule => None,
    }
}

fn target_group((bound, address): (&Bound, &Address), id: &Id, field: &FieldPath, value: &Value) -> Option<String> {
    let option = match field.as_str() {
        "health_check.path" => "--health-check-path",
        "health_check.port" => "--health-check-port",
        "health_check.protocol" => "--health-check-protocol",
        "health_check.interval" => "--health-check-interval-seconds",
        "health_check.timeout" => "--health-check-timeout-seconds",
        "health_check.healthy_threshold" => "--healthy-threshold-count",
        "health_check.unhealthy_threshold" => "--unhealthy-threshold-count",
        "health_check.success_codes" => "--matcher",
        _ => {
            let attributes = attribute(TARGET_GROUP, field, value)?;
            return Some(format!(
                "aws elbv2 modify-target-group-attributes --target-group-arn {id} --attributes {attributes}"
            ));
        }
    };
    let text = text(value)?;
    let value = match option {
        "--matcher" => format!("{}={}", codes(bound, address), member(&text)),
        "--health-check-protocol" => text.to_ascii_uppercase(),
        _ => text,
    };
    Some(format!("aws elbv2 modify-target-group --target-group-arn {id} {option} {}", word(&value)))
}

fn listener(bound: &Bound, id: &Id, field: &FieldPath, value: &Value) -> Option<String> {
    let text = text(value)?;
    let change = match field.as_str() {
        "ssl_policy" => format!("--ssl-policy {}", word(&text)),
        "certificate" => {
            let certificate = bound.ids.get(&Address::certificate(&text))?;
            format!("--certificates CertificateArn={certificate}")
        }
        _ => {
            let attributes = attribute(LISTENER, field, value)?;
            return Some(format!("aws elbv2 modify-listener-attributes --listener-arn {id} --attributes {attributes}"));
        }
    };
    Some(format!("aws elbv2 modify-listener --listener-arn {id} {change}"))
}

/// `Key=…,Value=…` for a field that is an attribute.
fn attribute(table: &'static [Attribute], field: &FieldPath, value: &Value) -> Option<String> {
    let path = field.as_str();
    let is_meant = |a: &&Attribute| a.shorthand == Some(path) || path.strip_prefix("attributes.") == Some(a.key);
    let attribute = table.iter().find(is_meant)?;
    Some(word(&format!("Key={},Value={}", attribute.key, member(&text(value)?))))
}

/// How the matcher calls the codes of a group.
fn codes(bound: &Bound, group: &Address) -> &'static str {
    let spec = bound.live.get(bound.stand_in(group).as_ref()).and_then(|live| live.spec.target_group());
    match spec.and_then(|group| group.protocol_version) {
        Some(ProtocolVersion::Grpc) => "GrpcCode",
        Some(ProtocolVersion::Http1 | ProtocolVersion::Http2) | None => "HttpCode",
    }
}

/// A value in the shorthand syntax of the AWS CLI, which takes a comma for the end of it.
fn member(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || ",\"'[]{}".contains(c);
    if text.contains(ends) {
        format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
    } else {
        text.to_owned()
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Facts, Live};
    use crate::model::kind::TargetGroup;
    use crate::rules::{Severity, find};

    fn called(address: &str, field: &str, value: impl Serialize) -> Option<String> {
        let address: Address = address.parse().unwrap();
        let mut bound = Bound::default();
        for (name, id) in
            [("target_group/django", "arn:tg"), ("load_balancer/web", "arn:lb"), ("listener/web:443", "arn:l")]
        {
            bound.ids.insert(name.parse().unwrap(), Id(id.to_owned()));
        }
        bound.ids.insert(Address::certificate("app"), Id("arn:cert".to_owned()));
        let grpc = Address::target_group("grpc");
        bound.ids.insert(grpc.clone(), Id("arn:grpc".to_owned()));
        let group = TargetGroup { protocol_version: Some(ProtocolVersion::Grpc), ..TargetGroup::default() };
        bound.live.insert(grpc, Live { spec: group.into(), facts: Facts::None });
        let finding = find("E101").unwrap().finding(Severity::High, &address, field);
        call(&bound, &finding.declaring(&address, field, value))
    }

    #[test]
    fn settings_become_calls() {
        for (address, field, value, expected) in [
            (
                "target_group/django",
                "health_check.path",
                "/a b/",
                "modify-target-group --target-group-arn arn:tg --health-check-path '/a b/'",
            ),
            (
                "target_group/django",
                "health_check.protocol",
                "http",
                "modify-target-group --target-group-arn arn:tg --health-check-protocol HTTP",
            ),
            (
                "target_group/django",
                "health_check.success_codes",
                "200,204",
                "modify-target-group --target-group-arn arn:tg --matcher 'HttpCode=\"200,204\"'",
            ),
            (
                "target_group/django",
                "health_check.success_codes",
                "200",
                "modify-target-group --target-group-arn arn:tg --matcher HttpCode=200",
            ),
            (
                "target_group/grpc",
                "health_check.success_codes",
                "0-12,14",
                "modify-target-group --target-group-arn arn:grpc --matcher 'GrpcCode=\"0-12,14\"'",
            ),
            (
                "listener/web:443",
                "attributes.routing.http.response.access_control_allow_methods.header_value",
                "GET,POST",
                "modify-listener-attributes --listener-arn arn:l --attributes 'Key=routing.http.response.access_control_allow_methods.header_value,Value=\"GET,POST\"'",
            ),
            (
                "target_group/django",
                "deregistration_delay",
                "30",
                "modify-target-group-attributes --target-group-arn arn:tg --attributes Key=deregistration_delay.timeout_seconds,Value=30",
            ),
            (
                "load_balancer/web",
                "idle_timeout",
                "60",
                "modify-load-balancer-attributes --load-balancer-arn arn:lb --attributes Key=idle_timeout.timeout_seconds,Value=60",
            ),
            (
                "listener/web:443",
                "certificate",
                "app",
                "modify-listener --listener-arn arn:l --certificates CertificateArn=arn:cert",
            ),
            ("listener/web:443", "ssl_policy", "P", "modify-listener --listener-arn arn:l --ssl-policy P"),
        ] {
            assert_eq!(called(address, field, value), Some(format!("aws elbv2 {expected}")), "{address} {field}");
        }
    }

    #[test]
    fn what_takes_more_than_a_value_has_no_call() {
        assert_eq!(called("target_group/unknown", "health_check.path", "/"), None);
        assert_eq!(called("listener/web:443", "default", serde_json::json!({ "forward": "django" })), None);
        assert_eq!(called("target_group/django", "targets", serde_json::json!([])), None);
        assert_eq!(called("listener/web:443", "certificate", "gone"), None);
    }
}
