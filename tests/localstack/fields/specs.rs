//! No field of a spec is forgotten either: every field that a spec of any kind serialises, all variants taken
//! together, stands at a path that a case changes, or is named here with the reason why none can.
//!
//! The specs are written out without `..`: a new field breaks the build here, and its path then asks for a case.

use std::collections::{BTreeMap, BTreeSet};

use no502::model::kind::{
    Action, Authenticate, Certificate, Claim, ClaimFormat, Cognito, Conditions, FixedResponse, Forward,
    HeaderCondition, HealthCheck, IpamPool, Jwt, Listener, LoadBalancer, Login, MutualAuthentication, Oidc,
    OnUnauthenticated, Origin, QueryMatch, Redirect, Rewrite, Rule, SecurityGroup, Substitution, Target, TargetGroup,
    TrafficRule, Verify,
};
use no502::model::value::{AddressFamily, IpAddressType, KeyAlgorithm, Protocol, ProtocolVersion, Scheme, TargetType};
use no502::model::{Id, Link, SecretRef, Spec, Text, WriteOnly};
use serde_json::Value;

use super::complete::{changed, covered};

/// Fields of specs without a case, by kind and path as serialised; `*` stands for any kind.
const NONE: &[(&str, &str)] = &[
    // identity: another one is another thing
    ("*", "name"),
    ("listener", "load_balancer"),
    ("listener", "port"),
    ("rule", "listener"),
    ("target", "target_group"),
    ("target", "id"),
    ("target", "port"),
    ("certificate", "domain"),
    ("certificate", "names"),
    ("certificate", "key_algorithm"),
    ("security_group", "vpc"),
    // where it comes from; compared by the serial number
    ("certificate", "origin"),
    // what only a live resource can have: it is held, not changed
    ("*", "beyond"),
    // every attribute has a case of its own, by the schema
    ("*", "attributes"),
    // AWS never gives it back
    ("rule", "authenticate.oidc.client_secret"),
    ("listener", "default.authenticate.oidc.client_secret"),
    // whose weights are shifted is no setting of AWS's
    ("rule", "forward.external"),
    ("listener", "default.forward.external"),
    // in a test of its own: see `more`
    ("listener", "sni_certificates"),
    // of Lambda groups only
    ("target_group", "health_check.enabled"),
];

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn link(id: &str) -> Link {
    Link::Id(Id(id.to_owned()))
}

fn tags() -> BTreeMap<String, String> {
    BTreeMap::from([("team".to_owned(), "shop".to_owned())])
}

fn login() -> Login {
    Login {
        scope: some("openid"),
        session_cookie_name: some("Shop"),
        session_timeout: Some(60),
        on_unauthenticated: Some(OnUnauthenticated::Deny),
        extra_params: Some(tags()),
    }
}

fn logins() -> [Authenticate; 3] {
    let claim = Claim { name: "aud".into(), format: ClaimFormat::SingleString, values: ["a".to_owned()].into() };
    [
        Authenticate::Oidc(Oidc {
            issuer: "i".into(),
            authorization_endpoint: "a".into(),
            token_endpoint: "t".into(),
            user_info_endpoint: "u".into(),
            client_id: "c".into(),
            client_secret: WriteOnly::Sent(SecretRef::Env("S".into())),
            login: login(),
        }),
        Authenticate::Cognito(Cognito {
            user_pool_arn: "p".into(),
            user_pool_client_id: "c".into(),
            user_pool_domain: "d".into(),
            login: login(),
        }),
        Authenticate::Jwt(Jwt {
            jwks_endpoint: "j".into(),
            issuer: "i".into(),
            additional_claims: Some([claim].into()),
        }),
    ]
}

fn actions() -> [Action; 3] {
    let redirect = Redirect {
        protocol: "HTTPS".into(),
        host: "h".into(),
        port: "443".into(),
        path: "/".into(),
        query: "q".into(),
        status: 301,
    };
    [
        Action::Forward(Forward { to: [(link("g"), 1)].into(), stickiness: Some(60), external: true }),
        Action::Redirect(redirect),
        Action::FixedResponse(FixedResponse { status: 200, content_type: some("text/plain"), body: some("b") }),
    ]
}

fn conditions() -> Conditions {
    let texts = || ["a".to_owned()].into();
    let header = || [HeaderCondition { name: "X".into(), values: [Text::Plain("v".into())].into() }].into();
    Conditions {
        host: texts(),
        host_regex: texts(),
        path: texts(),
        path_regex: texts(),
        method: texts(),
        header: header(),
        header_regex: header(),
        query: [[QueryMatch { key: some("k"), value: "v".into() }].into()].into(),
        source_ip: texts(),
    }
}

/// A rule and a listener with each action and each login.
fn routing() -> Vec<Spec> {
    let substitution = || Some(vec![Substitution { pattern: "a".into(), replace: "b".into() }]);
    let verify = Verify { trust_store: link("t"), ignore_expiry: Some(true), advertise_ca_names: Some(true) };
    let mut all: Vec<Spec> = Vec::new();
    for (action, login) in actions().into_iter().zip(logins()) {
        all.push(
            Rule {
                listener: link("l"),
                priority: Some(1),
                when: Some(conditions()),
                action: Some(action.clone()),
                authenticate: Some(login.clone()),
                rewrite: Some(Rewrite { path: substitution(), host: substitution() }),
                beyond: ["x".to_owned()].into(),
                tags: tags(),
            }
            .into(),
        );
        all.push(
            Listener {
                load_balancer: link("lb"),
                port: 443,
                protocol: Some(Protocol::Https),
                ssl_policy: some("p"),
                certificate: Some(link("c")),
                sni_certificates: Some(vec![link("c")]),
                mutual_authentication: Some(MutualAuthentication::Verify(verify.clone())),
                default: Some(action),
                authenticate: Some(login),
                beyond: ["x".to_owned()].into(),
                attributes: tags(),
                tags: tags(),
            }
            .into(),
        );
    }
    all
}

fn others() -> Vec<Spec> {
    let check = HealthCheck {
        enabled: Some(true),
        protocol: Some(Protocol::Http),
        port: "traffic-port".parse().ok(),
        path: some("/"),
        interval: Some(30),
        timeout: Some(5),
        healthy_threshold: Some(5),
        unhealthy_threshold: Some(2),
        success_codes: "200".parse().ok(),
    };
    let group = TargetGroup {
        name: "g".into(),
        target_type: Some(TargetType::Ip),
        protocol: Some(Protocol::Http),
        protocol_version: Some(ProtocolVersion::Http1),
        port: Some(80),
        vpc: Some(link("vpc-1")),
        ip_address_type: Some(AddressFamily::Ipv4),
        target_control_port: Some(3000),
        health_check: check,
        attributes: tags(),
        tags: tags(),
    };
    let target = Target { target_group: link("g"), id: "10.0.0.1".into(), port: Some(80), zone: some("all") };
    let balancer = LoadBalancer {
        name: "web".into(),
        scheme: Some(Scheme::Internal),
        ip_address_type: Some(IpAddressType::Ipv4),
        subnets: Some([link("subnet-1")].into()),
        security_groups: Some([link("sg-1")].into()),
        ipam_pool: Some(IpamPool::None),
        customer_owned_ipv4_pool: some("ipv4pool-coip-1"),
        minimum_capacity: Some(100),
        attributes: tags(),
        tags: tags(),
    };
    let certificate = Certificate {
        origin: Some(Origin::Request),
        domain: some("a.example.com"),
        names: Some(["a.example.com".to_owned()].into()),
        key_algorithm: Some(KeyAlgorithm::Rsa2048),
        serial: some("1"),
        tags: tags(),
    };
    let open = || Some(Vec::<TrafficRule>::new());
    let doors = SecurityGroup {
        name: "alb".into(),
        vpc: Some(link("vpc-1")),
        description: some("front"),
        ingress: open(),
        egress: open(),
        tags: tags(),
    };
    vec![group.into(), target.into(), balancer.into(), certificate.into(), doors.into()]
}

/// Every field that a spec serialises, as (kind, path); lists and what stands for one value are whole.
fn fields(spec: &Spec) -> Vec<(String, String)> {
    let Value::Object(tagged) = serde_json::to_value(spec).unwrap() else { panic!("{spec:?}") };
    let (kind, value) = tagged.into_iter().next().unwrap();
    let mut found = Vec::new();
    walk("", &value, &mut found);
    found.into_iter().map(|path| (kind.clone(), in_words(&kind, &path))).collect()
}

fn walk(path: &str, value: &Value, found: &mut Vec<String>) {
    // ids, tags, secrets and parameters are values
    let whole = ["tags", "attributes", "client_secret", "extra_params"].iter().any(|last| path.ends_with(last));
    let is_link = |map: &serde_json::Map<String, Value>| map.len() == 1 && map.contains_key("id");
    let Some(map) = value.as_object().filter(|map| !whole && !is_link(map)) else {
        found.push(path.to_owned());
        return;
    };
    for (key, value) in map {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        walk(&path, value, found);
    }
}

/// The path in the desired-state language of a serialised field.
fn in_words(kind: &str, path: &str) -> String {
    let path = match (kind, path.split_once('.')) {
        ("rule", Some(("action", rest))) => rest.to_owned(),
        ("listener", Some(("authenticate", _))) => format!("default.{path}"),
        ("listener", Some(("mutual_authentication", rest))) => {
            format!("mutual_authentication.{}", rest.trim_start_matches("verify."))
        }
        ("certificate", _) if path == "serial" => "import.certificate".to_owned(),
        _ => path.to_owned(),
    };
    path.replace("forward.to", "forward").replace("mutual_authentication.trust_store", "mutual_authentication.verify")
}

fn without_case(specs: &[Spec], changed: &BTreeSet<(String, String)>) -> Vec<String> {
    let open = specs.iter().flat_map(fields).filter(|(kind, path)| !covered(changed, NONE, kind, path));
    let mut open: Vec<String> = open.map(|(kind, path)| format!("{kind} {path}")).collect();
    open.sort();
    open.dedup();
    open
}

#[test]
fn every_field_of_every_spec_has_a_case() {
    let specs: Vec<Spec> = routing().into_iter().chain(others()).collect();
    let all = specs.iter().flat_map(fields).count();
    assert!(all > 150, "only {all} fields: the specs are serialised in another form");
    assert_eq!(without_case(&specs, &changed()), Vec::<String>::new());
    let mut fewer = changed();
    assert!(fewer.remove(&("target".to_owned(), "zone".to_owned())));
    assert_eq!(without_case(&specs, &fewer), ["target zone"], "a forgotten field is found");
}
