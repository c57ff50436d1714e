//! Listeners: a port, what is spoken there, and what happens to requests that no rule takes.
//!
//! Source: API `CreateListener`, `ListenerAttribute`

use std::collections::{BTreeMap, BTreeSet};

use super::super::node::{Entry, Node};
use super::super::problem::Problem;
use super::super::reader::{Attributes, Reader, text_of};
use super::super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field};
use super::{action, authenticate, mutual_authentication, rule};
use crate::model::attribute::{Applies, Attribute, LISTENER};
use crate::model::kind::Listener;
use crate::model::value::Protocol;
use crate::model::{Address, Link, Span};

const POLICY: TextRule = TextRule {
    noun: "the name of a TLS policy",
    min: 1,
    max: 256,
    pattern: "^ELBSecurityPolicy-",
    check: |text| {
        if text.starts_with("ELBSecurityPolicy-") && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Ok(());
        }
        Err(Complaint::must("must be the name of a TLS policy")
            .hint("e.g. ELBSecurityPolicy-TLS13-1-2-2021-06; `aws elbv2 describe-ssl-policies` lists them"))
    },
};
const CERTIFICATE: TextRule = TextRule::any("a certificate of these files, or an ARN", 1, 2048);
const RULES: NamedRule =
    NamedRule { noun: "a map of rules", key: &super::super::names::KEY, value: Shape::Map(&rule::RULE) };

const HTTP: &[&str] = &["http"];

const FIELDS: &[Field] = &[
    super::EXISTING,
    field("protocol", "What clients speak at this port.", Shape::Words(Protocol::WORDS))
        .source("API CreateListener.Protocol"),
    field("ssl_policy", "Which TLS versions and ciphers an HTTPS listener takes.", Shape::Text(&POLICY))
        .never_with("protocol", HTTP)
        .default("required for HTTPS: AWS's own default still allows TLS 1.0")
        .example("ELBSecurityPolicy-TLS13-1-2-2021-06")
        .source("API CreateListener.SslPolicy"),
    field(
        "certificate",
        "The certificate an HTTPS listener shows first: one of these files, or an ARN.",
        Shape::Text(&CERTIFICATE),
    )
    .never_with("protocol", HTTP)
    .source("API CreateListener.Certificates"),
    field(
        "sni_certificates",
        "Certificates chosen by the name that the client asks for. Those that the files do not mention are left alone.",
        Shape::OneOrMany(&Shape::Text(&CERTIFICATE)),
    )
    .never_with("protocol", HTTP)
    .source("API AddListenerCertificates"),
    mutual_authentication::MUTUAL.never_with("protocol", HTTP),
    field("attributes", "Attributes by AWS's own key.", Shape::Attributes(LISTENER)),
    field("default", "What happens to requests that no rule takes.", Shape::Map(&action::DEFAULT)),
    field("rules", "Rules by name; the lowest priority that matches decides.", Shape::Named(&RULES)),
    super::TAGS,
    super::accept::ACCEPT,
];
/// A listener.
pub(super) const RULE: MapRule = MapRule { noun: "a listener", fields: FIELDS };

/// Reads one listener with its rules.
pub(super) fn read(parent: &Reader<'_, '_>, entry: &Entry) {
    let Some(port) = entry.key.parse().ok().filter(|p| *p > 0) else { return };
    let address = Address::listener(&parent.address.name, port);
    let r = Reader::new(parent.cx, &address, entry);
    super::accept::read(&r);
    let existing = r.existing();
    let protocol: Option<Protocol> = r.word("protocol");
    let certificate = r.node("certificate").and_then(|n| r.cx.names.certificate(text_of(n)?, n.span, r.cx.found));
    if !existing {
        r.needs("protocol", "listener", "what clients speak here: http or https");
        r.needs(
            "default",
            "listener",
            "what happens to requests that no rule takes: forward, redirect or fixed_response",
        );
    }
    tls(&r, protocol, existing);
    let default = r.sub("default");
    let spec = Listener {
        load_balancer: Link::Address(parent.address.clone()),
        port,
        protocol,
        ssl_policy: r.text("ssl_policy"),
        certificate,
        sni_certificates: r.items("sni_certificates").map(|items| by_name(&r, items)),
        mutual_authentication: mutual_authentication::read(&r),
        default: default.as_ref().and_then(|d| action::read(d, protocol, action::Of::Default)),
        authenticate: default.as_ref().and_then(|d| authenticate::read(d, protocol)),
        beyond: BTreeSet::new(),
        attributes: attributes(&r, protocol),
        tags: r.tags(existing),
    };
    r.cx.add(&address, r.at, spec);
    rule::read_all(&r, protocol);
}

/// Certificates by server name, each said once.
fn by_name(r: &Reader<'_, '_>, items: &[Node]) -> Vec<Link> {
    let mut all: BTreeMap<Link, Span> = BTreeMap::new();
    for node in items {
        let link = text_of(node).and_then(|name| r.cx.names.certificate(name, node.span, r.cx.found));
        let Some(link) = link else { continue };
        match all.get(&link) {
            Some(before) => r.error(
                Problem::warning(node.span, format!("certificate `{link}` is named twice"))
                    .label("said again here")
                    .also(*before, "first said here")
                    .hint("keep one of the two"),
            ),
            None => {
                all.insert(link, node.span);
            }
        }
    }
    all.into_keys().collect()
}

/// What a header of a listener may be, if the value does not look like it. An empty one is off.
fn odd_value(key: &str, value: &str) -> Option<&'static str> {
    let number = |most: u32| value.parse::<u32>().is_ok_and(|n| n <= most);
    let token = || value.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
    let name = key.strip_prefix("routing.http.")?;
    let (good, allowed) = match name {
        _ if value.is_empty() => return None,
        "response.access_control_max_age.header_value" => (number(86_400), "0 to 86400"),
        "response.access_control_allow_credentials.header_value" => (value == "true", "`true`"),
        "response.x_content_type_options.header_value" => (value == "nosniff", "`nosniff`"),
        "response.x_frame_options.header_value" => (
            matches!(value, "DENY" | "SAMEORIGIN") || value.starts_with("ALLOW-FROM "),
            "`DENY`, `SAMEORIGIN` or `ALLOW-FROM ` and a URI",
        ),
        "response.access_control_allow_methods.header_value" => {
            let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
            (value == "*" || value.split(',').all(|m| known.contains(&m.trim())), "request methods, with commas")
        }
        _ if name.ends_with(".header_name") => (token(), "a header's name"),
        _ => return None,
    };
    (!good).then_some(allowed)
}

fn tls(r: &Reader<'_, '_>, protocol: Option<Protocol>, existing: bool) {
    match protocol {
        Some(Protocol::Https) if !existing => {
            r.needs(
                "certificate",
                "https listener",
                "AWS refuses an HTTPS listener without one: name a certificate of these files or an ARN",
            );
            r.needs(
                "ssl_policy",
                "https listener",
                "e.g. ELBSecurityPolicy-TLS13-1-2-2021-06; without it AWS's API takes one that still allows TLS 1.0",
            );
        }
        Some(Protocol::Http) => {
            let because = Some((r.value_span("protocol"), "the listener speaks plain HTTP"));
            for key in ["ssl_policy", "certificate", "sni_certificates", "mutual_authentication"] {
                super::forbid(
                    r,
                    key,
                    &format!("`{key}` goes with `protocol: https`"),
                    "remove it, or change the protocol",
                    because,
                );
            }
        }
        Some(Protocol::Https) | None => {}
    }
}

fn attributes(r: &Reader<'_, '_>, protocol: Option<Protocol>) -> BTreeMap<String, String> {
    let mut all = Attributes::default();
    all.verbatim(r, LISTENER);
    for (key, value) in &all.values {
        if let (Some(allowed), Some(at)) = (odd_value(key, value), all.span(key)) {
            r.error(
                Problem::warning(at, format!("AWS may refuse `{value}` here"))
                    .label(format!("allowed: {allowed}"))
                    .hint("user guide \"HTTP header modification\"; an empty text turns the header off"),
            );
        }
    }
    if protocol == Some(Protocol::Http) {
        for key in all.values.keys() {
            let https = Attribute::find(LISTENER, key).is_some_and(|a| a.applies == Applies::HttpsListener);
            if https && let Some(at) = all.span(key) {
                r.error(
                    Problem::error(at, format!("`{key}` goes with `protocol: https`"))
                        .label("remove it")
                        .also(r.value_span("protocol"), "the listener speaks plain HTTP"),
                );
            }
        }
    }
    all.values
}
