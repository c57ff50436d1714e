//! Fields of listeners.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, ProtocolEnum, RedirectActionConfig,
    RedirectActionStatusCodeEnum,
};

use super::{Case, field, fields, run};

const HTTP: &str = "listener/web:80";
const FORWARD: &str = "listener/web:8080";
const HTTPS: &str = "listener/web:443";

/// The redirect of port 80 as it is declared.
fn redirect() -> aws_sdk_elasticloadbalancingv2::types::builders::RedirectActionConfigBuilder {
    RedirectActionConfig::builder()
        .protocol("HTTPS")
        .host("shop.example.com")
        .port("443")
        .path("/new/#{path}")
        .query("from=http")
        .status_code(RedirectActionStatusCodeEnum::Http301)
}

fn redirected(path: &str, with: impl Fn() -> RedirectActionConfig + 'static) -> Case {
    field(HTTP, &format!("default.redirect.{path}"), move |live| {
        let action = Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(with()).build();
        live.listener(80, |l| l.default_actions(action));
    })
}

fn answer(status: &str, kind: &str, body: &str) -> Action {
    let config = FixedResponseActionConfig::builder().status_code(status).content_type(kind).message_body(body);
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(config.build()).build()
}

fn answered(path: &str, status: &'static str, kind: &'static str, body: &'static str) -> Case {
    field(HTTPS, &format!("default.fixed_response.{path}"), move |live| {
        live.listener(443, |l| l.default_actions(answer(status, kind, body)));
    })
}

fn certificate(arn: &str) -> Certificate {
    Certificate::builder().certificate_arn(arn).build()
}

/// Headers that an HTTPS listener adds to requests.
const REQUEST_HEADERS: [&str; 8] = [
    "x_amzn_mtls_clientcert_serial_number",
    "x_amzn_mtls_clientcert_issuer",
    "x_amzn_mtls_clientcert_subject",
    "x_amzn_mtls_clientcert_validity",
    "x_amzn_mtls_clientcert_leaf",
    "x_amzn_mtls_clientcert",
    "x_amzn_tls_version",
    "x_amzn_tls_cipher_suite",
];

/// All that differs once a listener no longer speaks TLS.
fn in_clear_text() -> Vec<String> {
    let header = |key| format!("{HTTPS} attributes.routing.http.request.{key}.header_name");
    let fields = ["protocol", "certificate", "ssl_policy"].map(|path| format!("{HTTPS} {path}"));
    fields.into_iter().chain(REQUEST_HEADERS.map(header)).collect()
}

fn protocol_and_certificate_cases() -> Vec<Case> {
    vec![
        field(HTTPS, "ssl_policy", |live| live.listener(443, |l| l.ssl_policy("ELBSecurityPolicy-2016-08"))),
        field(HTTPS, "certificate", |live| {
            live.listener(443, |l| l.certificates(certificate(&live.other_certificate)));
        })
        .risky(&["E605"]),
        // AWS drops certificate and policy with the protocol, and what only HTTPS listeners have
        fields(&in_clear_text(), |live| live.listener(443, |l| l.protocol(ProtocolEnum::Http))).risky(&["E613"]),
        field(HTTP, "protocol", |live| {
            live.listener(80, |l| l.protocol(ProtocolEnum::Https).certificates(certificate(&live.certificate)));
        })
        .risky(&["E613"]),
        field(HTTPS, "tags.team", |live| live.tag(&live.listeners[&443], "team", "other")),
        field(HTTPS, "tags.tier", |live| live.untag(&live.listeners[&443], "tier")),
    ]
}

#[test]
fn protocol_and_certificate() {
    run(protocol_and_certificate_cases());
}

fn default_actions_cases() -> Vec<Case> {
    vec![
        // to another place than the declared one
        redirected("protocol", || redirect().protocol("#{protocol}").build()).risky(&["E805"]),
        redirected("host", || redirect().host("#{host}").build()).risky(&["E805"]),
        redirected("port", || redirect().port("8443").build()).risky(&["E805"]),
        redirected("path", || redirect().path("/#{path}").build()).risky(&["E805"]),
        redirected("query", || redirect().query("#{query}").build()).risky(&["E805"]),
        redirected("status", || redirect().status_code(RedirectActionStatusCodeEnum::Http302).build()),
        answered("status", "503", "text/plain", "no such site").risky(&["E805"]),
        answered("content_type", "404", "text/html", "no such site"),
        answered("body", "404", "text/plain", "gone"),
        field(FORWARD, "default.forward", |live| {
            live.listener(8080, |l| l.default_actions(live.forward([50, 50], Some(300))))
        }),
        field(FORWARD, "default.forward.stickiness", |live| {
            live.listener(8080, |l| l.default_actions(live.forward([90, 10], None)))
        }),
        // another kind of action is one difference, not many
        field(HTTP, "default", |live| {
            let group = live.groups["django"].clone();
            let action = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build();
            live.listener(80, |l| l.default_actions(action));
        })
        .risky(&["E805"]),
    ]
}

#[test]
fn default_actions() {
    run(default_actions_cases());
}

fn attributes_cases() -> Vec<Case> {
    let response = [
        ("strict_transport_security", "max-age=60"),
        ("access_control_allow_origin", "https://other.example.com"),
        ("access_control_allow_methods", "GET"),
        ("access_control_allow_headers", "X-Other"),
        ("access_control_allow_credentials", ""),
        ("access_control_expose_headers", "X-Other"),
        ("access_control_max_age", "90"),
        ("content_security_policy", "script-src"),
        ("x_content_type_options", ""),
        ("x_frame_options", "SAMEORIGIN"),
    ];
    let case = |key: String, value: &'static str| {
        let path = format!("attributes.{key}");
        field(HTTPS, &path, move |live| live.listener_attribute(443, &key, value))
    };
    let mut cases = vec![case("routing.http.response.server.enabled".to_owned(), "true")];
    cases.extend(REQUEST_HEADERS.map(|key| case(format!("routing.http.request.{key}.header_name"), "X-Elsewhere")));
    cases.extend(response.map(|(key, value)| case(format!("routing.http.response.{key}.header_value"), value)));
    cases
}

#[test]
fn attributes() {
    run(attributes_cases());
}

/// Every case of this file.
pub(super) fn cases() -> Vec<Case> {
    [protocol_and_certificate_cases(), default_actions_cases(), attributes_cases()].into_iter().flatten().collect()
}
