//! One load balancer with a rule for each kind of condition and of action; one that is shut, one that is unread.

use std::collections::{BTreeMap, BTreeSet};

use crate::cloud::{CertificateFacts, CloudError, CloudErrorKind, Facts, Gap, Hidden, Interface, NeededFor, Snapshot};
use crate::model::kind::{
    Action, Authenticate, Certificate, Conditions, FixedResponse, Forward, HeaderCondition, Jwt, Listener,
    LoadBalancer, Peer, QueryMatch, Redirect, Rule, SecurityGroup, Target, TargetGroup, TrafficRule,
};
use crate::model::value::{IpProtocol, KeyAlgorithm, Protocol, TargetType};
use crate::model::{HealthState, Id, Kind, Link, TargetHealth, Text};

pub(super) fn id(text: &str) -> Id {
    Id(text.to_owned())
}
fn link(text: &str) -> Link {
    Link::Id(id(text))
}
fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}
fn fixed(status: u16) -> Action {
    Action::FixedResponse(FixedResponse { status, content_type: None, body: None })
}
fn to(groups: &[(&str, u16)]) -> Action {
    let to = groups.iter().map(|(group, weight)| (link(group), *weight)).collect();
    Action::Forward(Forward { to, stickiness: None, external: false })
}

/// A group and its targets: last part of the address and state.
fn group(s: &mut Snapshot, name: &str, kind: TargetType, targets: &[(u8, HealthState, &str)]) {
    let spec = TargetGroup { name: name.into(), target_type: Some(kind), port: Some(80), ..TargetGroup::default() };
    s.insert(id(name), spec, Facts::TargetGroup { load_balancers: vec![id("web")] });
    for (number, state, reason) in targets {
        let address = if kind == TargetType::Lambda { "arn:f".to_owned() } else { format!("10.0.0.{number}") };
        let port = (kind != TargetType::Lambda).then_some(80);
        let target = Target { target_group: link(name), id: address, port, zone: None };
        let reason = (!reason.is_empty()).then(|| (*reason).to_owned());
        let health = TargetHealth { state: Some(*state), reason, ..TargetHealth::default() };
        s.insert(id(&format!("{name}/{number}")), target, Facts::Target(health));
    }
}

fn certificate(s: &mut Snapshot, name: &str, names: &[&str], key: KeyAlgorithm, status: &str) {
    let spec = Certificate { names: Some(set(names)), key_algorithm: Some(key), ..Certificate::default() };
    s.insert(id(name), spec, Facts::Certificate(CertificateFacts { status: status.into(), ..Default::default() }));
}

fn balancer(s: &mut Snapshot, name: &str, door: &str) {
    let groups = Some([link(door)].into());
    s.insert(id(name), LoadBalancer { name: name.into(), security_groups: groups, ..Default::default() }, Facts::None);
}

fn listener(s: &mut Snapshot, on: &str, port: u16, https: bool, default: Action) -> Listener {
    let spec = Listener {
        load_balancer: link(on),
        port,
        protocol: Some(if https { Protocol::Https } else { Protocol::Http }),
        ssl_policy: None,
        certificate: https.then(|| link("shop")),
        sni_certificates: Some(Vec::new()),
        mutual_authentication: None,
        default: Some(default),
        authenticate: None,
        beyond: BTreeSet::new(),
        attributes: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    s.insert(id(&format!("{on}:{port}")), spec.clone(), Facts::None);
    spec
}

fn rule(s: &mut Snapshot, on: &str, priority: u32, when: Conditions, action: Action) -> Rule {
    let spec = Rule {
        listener: link(on),
        priority: Some(priority),
        when: Some(when),
        action: Some(action),
        authenticate: None,
        rewrite: None,
        beyond: BTreeSet::new(),
        tags: BTreeMap::new(),
    };
    s.insert(id(&format!("{on}/{priority}")), spec.clone(), Facts::None);
    spec
}

fn when() -> Conditions {
    Conditions::default()
}
fn path(values: &[&str]) -> Conditions {
    Conditions { path: set(values), ..when() }
}
fn header(name: &str, value: Text) -> BTreeSet<HeaderCondition> {
    [HeaderCondition { name: name.into(), values: [value].into() }].into()
}
fn query(list: &[(Option<&str>, &str)]) -> BTreeSet<BTreeSet<QueryMatch>> {
    let one = |(key, value): &(Option<&str>, &str)| {
        [QueryMatch { key: key.map(str::to_owned), value: (*value).to_owned() }].into()
    };
    list.iter().map(one).collect()
}

fn door(s: &mut Snapshot, name: &str, ingress: &[(&str, u16)]) {
    let rule = |(net, port): &(&str, u16)| TrafficRule {
        protocol: IpProtocol::Tcp,
        ports: Some((*port, *port)),
        peer: net.parse().map_or_else(|_| Peer::Group(link(net)), Peer::Cidr),
        description: None,
    };
    let all = SecurityGroup::egress_of_new(false);
    let ingress = Some(ingress.iter().map(rule).collect());
    s.insert(id(name), SecurityGroup { ingress, egress: Some(all), ..Default::default() }, Facts::None);
}

/// Rules of port 80, one for each kind of condition.
fn rules(s: &mut Snapshot) {
    let plain = |text: &str| Text::Plain(text.into());
    let none = |s: &mut Snapshot, priority, when| rule(s, "web:80", priority, when, fixed(200));
    none(s, 10, Conditions { host: set(&["shop.example.com", "*.shop.example.com"]), ..path(&["/both"]) });
    none(s, 20, Conditions { host: set(&["API?.Example.com"]), ..when() });
    none(s, 30, path(&["/img/*/thumb", "/A"]));
    none(s, 40, Conditions { method: set(&["PUT", "M-SEARCH"]), ..when() });
    none(s, 50, Conditions { header: header("User-Agent", plain("*curl*")), ..when() });
    none(s, 60, Conditions { header: header("X-Key", Text::Plain("s3cret".into()).hidden()), ..path(&["/secret"]) });
    none(s, 70, Conditions { query: query(&[(Some("v"), "2")]), ..when() });
    none(s, 80, Conditions { query: query(&[(None, "beta*"), (Some("x"), r"\*")]), ..when() });
    none(s, 90, Conditions { source_ip: set(&["192.0.2.0/24", "2001:db8::/32"]), ..when() });
    none(s, 100, Conditions { path_regex: set(&["^/v[0-9]+/"]), ..when() });
    none(s, 110, Conditions { host_regex: set(&["^Old[.]"]), ..when() });
    none(s, 120, Conditions { host: set(&["odd.example"]), path_regex: set(&["^/odd(?=x)"]), ..when() });
    let part = none(s, 130, path(&["/beyond"]));
    s.insert(id("web:80/130"), Rule { beyond: set(&["new-condition"]), ..part }, Facts::None);
    none(s, 140, path(&["/late"]));
    let mut last = none(s, 150, path(&["/login"]));
    let endpoint = || "https://id.example.com".to_owned();
    let jwt = Jwt { jwks_endpoint: endpoint(), issuer: endpoint(), additional_claims: None };
    last.authenticate = Some(Authenticate::Jwt(jwt));
    s.insert(id("web:80/150"), last, Facts::None);
}

/// Rules of port 8080, one for each kind of action.
fn actions(s: &mut Snapshot) {
    let redirect = |change: fn(&mut Redirect)| {
        let mut redirect = Redirect::identity(301);
        change(&mut redirect);
        Action::Redirect(redirect)
    };
    for (priority, at, action) in [
        (1, "/healthy", to(&[("healthy", 1)])),
        (2, "/sick", to(&[("sick", 1)])),
        (3, "/starting", to(&[("starting", 1)])),
        (4, "/empty", to(&[("empty", 1)])),
        (5, "/leaving", to(&[("leaving", 1)])),
        (6, "/unused", to(&[("unused", 1)])),
        (7, "/stopped", to(&[("stopped", 1)])),
        (8, "/function", to(&[("function", 1)])),
        (9, "/split", to(&[("healthy", 9), ("sick", 1), ("starting", 0)])),
        (10, "/half", to(&[("healthy", 1), ("empty", 1)])),
        (11, "/nothing", to(&[("healthy", 0), ("sick", 0)])),
        (12, "/alone", to(&[("healthy", 0)])),
        (13, "/both-empty", to(&[("empty", 1), ("leaving", 3)])),
        (14, "/elsewhere", to(&[("somebody's", 1)])),
        (15, "/unread", to(&[("unread", 1)])),
        (16, "/threshold", to(&[("threshold", 1)])),
        (17, "/shut", to(&[("shut", 1)])),
        (18, "/secure/*", redirect(|r| (r.protocol, r.port) = ("HTTPS".into(), "443".into()))),
        (19, "/parts/*", redirect(|r| (r.host, r.path) = ("www.#{host}".into(), "/to/#{path}/#{port}".into()))),
        (20, "/query", redirect(|r| (r.path, r.query) = ("/q".into(), "from=#{path}&#{query}".into()))),
        (21, "/long*", redirect(|r| r.path = "/longer/#{path}".into())),
        (22, "/broken", fixed(503)),
        (23, "/gone", fixed(404)),
    ] {
        rule(s, "web:8080", priority, path(&[at]), action);
    }
}

pub(super) fn snapshot() -> Snapshot {
    use HealthState::{Draining, Healthy, Initial, Unhealthy, Unused};
    let mut s = Snapshot::default();
    let ip = TargetType::Ip;
    group(&mut s, "healthy", ip, &[(1, Healthy, ""), (2, Unhealthy, ""), (3, Initial, "")]);
    group(&mut s, "sick", ip, &[(4, Unhealthy, ""), (5, Unhealthy, ""), (6, Draining, "")]);
    group(&mut s, "starting", ip, &[(7, Initial, "")]);
    group(&mut s, "empty", ip, &[]);
    group(&mut s, "leaving", ip, &[(8, Draining, "")]);
    group(&mut s, "unused", ip, &[(9, Unused, "Target.NotInUse")]);
    group(&mut s, "stopped", ip, &[(10, Unused, "Target.InvalidState")]);
    group(&mut s, "function", TargetType::Lambda, &[(0, HealthState::Unavailable, "Target.HealthCheckDisabled")]);
    group(&mut s, "unread", ip, &[]);
    group(&mut s, "threshold", ip, &[(1, Healthy, ""), (2, Unhealthy, ""), (3, Unhealthy, "")]);
    group(&mut s, "shut", ip, &[(20, Healthy, "")]);
    if let Some(live) = s.found.get_mut(&id("threshold"))
        && let crate::model::Spec::TargetGroup(group) = &mut live.spec
    {
        let key = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage";
        group.attributes.insert(key.into(), "50".into());
    }
    let rsa = KeyAlgorithm::Rsa2048;
    certificate(&mut s, "shop", &["shop.example.com", "*.shop.example.com"], rsa, "ISSUED");
    certificate(&mut s, "api", &["api.example.com"], rsa, "ISSUED");
    certificate(&mut s, "api-ec", &["api.example.com", "ec.example.com"], KeyAlgorithm::EcPrime256v1, "ISSUED");
    certificate(&mut s, "old", &["old.example.com"], rsa, "EXPIRED");
    certificate(&mut s, "twin", &["old.example.com", "twin.example.com"], rsa, "ISSUED");
    certificate(&mut s, "twin-2", &["twin.example.com"], rsa, "ISSUED");
    certificate(&mut s, "stale", &["stale.example.com"], rsa, "EXPIRED");
    door(
        &mut s,
        "open",
        &[("0.0.0.0/0", 80), ("0.0.0.0/0", 8080), ("0.0.0.0/0", 443), ("::/0", 80), ("0.0.0.0/0", 444)],
    );
    door(&mut s, "narrow", &[("198.51.100.0/24", 80), ("friends", 80)]);
    door(&mut s, "app", &[("elsewhere", 80)]);
    s.interfaces = Some(BTreeMap::from([
        ("10.0.0.20".parse().unwrap(), Interface { groups: vec![id("app")], ..Default::default() }),
        ("10.0.0.77".parse().unwrap(), Interface { groups: vec![id("friends")], ..Default::default() }),
    ]));
    balancer(&mut s, "web", "open");
    balancer(&mut s, "shy", "narrow");
    balancer(&mut s, "dark", "open");
    listener(&mut s, "web", 80, false, fixed(404));
    listener(&mut s, "web", 8080, false, to(&[("healthy", 1)]));
    listener(&mut s, "shy", 80, false, fixed(200));
    let mut tls = listener(&mut s, "web", 443, true, to(&[("healthy", 1)]));
    tls.sni_certificates = Some(["api", "api-ec", "old", "twin", "twin-2", "stale"].map(link).into());
    s.insert(id("web:443"), tls, Facts::None);
    let mut unread = listener(&mut s, "web", 444, true, fixed(200));
    unread.sni_certificates = Some(vec![link("nobody-knows")]);
    s.insert(id("web:444"), unread, Facts::None);
    rules(&mut s);
    actions(&mut s);
    for hidden in [Hidden::Children(id("dark"), Kind::Listener), Hidden::Children(id("unread"), Kind::Target)] {
        let error =
            CloudError { kind: CloudErrorKind::Denied, operation: "Describe".into(), code: None, message: "no".into() };
        s.gaps.push(Gap { hidden, needed_for: NeededFor::Diff, error });
    }
    s
}
