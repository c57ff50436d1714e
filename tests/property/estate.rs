//! Random estates: what somebody might declare. Values come from small pools, so that two estates often name the
//! same thing and often agree on it. What AWS cannot edit follows from a thing's number, with an exception now
//! and then; numbers that mean nothing in an estate lead to the nearest thing there is.
//!
//! A new field is one line in one of the tables below.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::routing::{Action, Rule, action, rule};
use super::text::{Node, list, map, text, word};

/// The fields that a thing declares.
pub type Fields = BTreeMap<&'static str, Node>;
/// How often a field is declared.
pub const DECLARED: f64 = 0.3;
/// How often a thing differs from its kind in what cannot be edited.
const ODD: f64 = 0.02;
/// How often a target group does: those can be replaced.
const ODD_GROUP: f64 = 0.15;

#[derive(Clone, Debug, Default)]
pub struct Estate {
    pub groups: BTreeMap<u8, Group>,
    pub certificates: BTreeMap<u8, Fields>,
    pub doors: BTreeMap<u8, Door>,
    pub balancers: BTreeMap<u8, Balancer>,
    pub listeners: BTreeMap<(u8, u16), Listener>,
    pub rules: BTreeMap<(u8, u16, u8), Rule>,
}

/// A target group.
#[derive(Clone, Debug)]
pub struct Group {
    pub odd: bool,
    pub fields: Fields,
    pub targets: Option<Vec<(u8, bool, bool)>>,
}

/// A security group.
#[derive(Clone, Debug)]
pub struct Door {
    pub odd: bool,
    pub ingress: Option<Vec<Passage>>,
    pub egress: Option<Vec<Passage>>,
    pub fields: Fields,
}

/// One permission: its peer by number, its ports, its protocol, its note.
#[derive(Clone, Debug)]
pub struct Passage {
    pub peer: u8,
    pub ports: &'static str,
    pub note: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Balancer {
    pub odd: bool,
    pub subnets: Vec<u8>,
    pub doors: Option<Vec<u8>>,
    pub fields: Fields,
}

#[derive(Clone, Debug)]
pub struct Listener {
    pub https: bool,
    pub certificate: u8,
    pub sni: Option<Vec<u8>>,
    pub numbered: bool,
    pub default: Action,
    pub fields: Fields,
}

pub type Table = [(&'static str, BoxedStrategy<Node>)];

/// Some of the fields of a table.
pub fn fields(table: &Table) -> BoxedStrategy<Fields> {
    let names: Vec<&'static str> = table.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> = table.iter().map(|(_, value)| weighted(DECLARED, value.clone())).collect();
    let zipped = move |values: Vec<Option<Node>>| {
        names.iter().zip(values).filter_map(|(name, value)| Some((*name, value?))).collect()
    };
    values.prop_map(zipped).boxed()
}

pub fn words(all: &'static [&'static str]) -> BoxedStrategy<Node> {
    select(all).prop_map(word).boxed()
}

pub fn texts(all: &'static [&'static str]) -> BoxedStrategy<Node> {
    select(all).prop_map(text).boxed()
}

fn parts(all: &'static [&'static str]) -> BoxedStrategy<Node> {
    subsequence(all, 0..=all.len()).prop_map(|parts| list(parts.into_iter().map(word))).boxed()
}

pub fn tags() -> BoxedStrategy<Node> {
    btree_map(select(&["team", "cost center", "env"][..]), select(&["shop", "", "a b"][..]), 0..3)
        .prop_map(|tags| map(tags.into_iter().map(|(key, value)| (key, text(value)))))
        .boxed()
}

/// Attributes by AWS's key, some of a table's.
fn attributes(table: &'static [(&'static str, &'static [&'static str])]) -> BoxedStrategy<Node> {
    let all: Vec<_> = table.iter().map(|(key, values)| (*key, texts(values))).collect();
    fields(&all).prop_map(map).boxed()
}

/// A health check. Interval and timeout go together, so that none contradicts what is live.
fn check(lambda: bool, grpc: bool) -> BoxedStrategy<Node> {
    let times = select(&[(30, 5), (15, 5), (10, 9), (300, 120)][..]);
    let codes: &[&str] = if grpc { &["12", "0-99"] } else { &["200", "200,202", "200-299", "404"] };
    let mut all = vec![
        ("path", texts(&["/", "/health", "/api/health/?x=1"])),
        ("healthy_threshold", words(&["2", "5"])),
        ("unhealthy_threshold", words(&["2", "3"])),
        ("success_codes", select(codes).prop_map(text).boxed()),
    ];
    if lambda {
        all.push(("enabled", words(&["true", "false"])));
    } else {
        all.push(("port", words(&["traffic-port", "9000"])));
        all.push(("protocol", words(&["http", "https"])));
    }
    (fields(&all), weighted(DECLARED, times))
        .prop_map(|(mut check, times)| {
            if let Some((interval, timeout)) = times {
                check.extend([("interval", word(format!("{interval}s"))), ("timeout", word(timeout))]);
            }
            map(check)
        })
        .boxed()
}

/// Algorithm and slow start go together, because AWS refuses some pairs.
const BALANCE: &[(&str, &str)] =
    &[("round_robin", "0s"), ("round_robin", "30s"), ("least_outstanding_requests", "0s"), ("weighted_random", "0s")];

fn stickiness() -> BoxedStrategy<Node> {
    let lb = |seconds: &str| map([("type", word("lb_cookie")), ("duration", word(seconds))]);
    let app = map([("type", word("app_cookie")), ("duration", word("1h")), ("cookie_name", text("SESSION"))]);
    select(vec![word("disabled"), lb("1h"), lb("24h"), app]).boxed()
}

/// Which number is which type of group: four of addresses, one of instances, one of a function, one for gRPC.
pub const LAMBDA: u8 = 4;
pub const INSTANCES: u8 = 3;
pub const GRPC: u8 = 6;
const GROUPS: u8 = 7;

fn group(number: u8) -> BoxedStrategy<Group> {
    let lambda = number == LAMBDA;
    let mut all: Vec<(&'static str, BoxedStrategy<Node>)> =
        vec![("health_check", check(lambda, number == GRPC)), ("tags", tags())];
    if lambda {
        all.push(("attributes", attributes(&[("lambda.multi_value_headers.enabled", &["true", "false"])])));
    } else {
        all.push(("deregistration_delay", words(&["0s", "30s", "5m"])));
        all.push(("attributes", attributes(GROUP_ATTRIBUTES)));
    }
    let targets = match number {
        LAMBDA => vec((Just(0), Just(false), Just(false)), 0..2).boxed(),
        _ => vec((0..4_u8, any::<bool>(), prop::bool::weighted(0.2)), 0..4).boxed(),
    };
    let balance = (weighted(DECLARED, select(BALANCE)), weighted(DECLARED, stickiness()));
    (prop::bool::weighted(ODD_GROUP), fields(&all), balance, weighted(0.6, targets))
        .prop_map(move |(odd, mut fields, (balance, sticky), targets)| {
            // AWS used to refuse stickiness with `weighted_random`
            let random = balance.is_some_and(|(algorithm, _)| algorithm == "weighted_random");
            if let (Some((algorithm, slow)), false) = (balance, lambda) {
                fields.extend([("algorithm", word(algorithm)), ("slow_start", word(slow))]);
            }
            if let (Some(sticky), false) = (sticky, lambda || random) {
                fields.insert("stickiness", sticky);
            }
            Group { odd, fields, targets }
        })
        .boxed()
}

const GROUP_ATTRIBUTES: &[(&str, &[&str])] = &[
    ("load_balancing.cross_zone.enabled", &["true", "false", "use_load_balancer_configuration"]),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", &["off", "2"]),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", &["off", "50"]),
];
const BALANCER_ATTRIBUTES: &[(&str, &[&str])] = &[
    ("deletion_protection.enabled", &["true", "false"]),
    ("routing.http2.enabled", &["true", "false"]),
    ("routing.http.desync_mitigation_mode", &["monitor", "defensive", "strictest"]),
    ("routing.http.xff_header_processing.mode", &["append", "remove"]),
    ("zonal_shift.config.enabled", &["true", "false"]),
];
const LISTENER_ATTRIBUTES: &[(&str, &[&str])] = &[
    ("routing.http.response.server.enabled", &["true", "false"]),
    ("routing.http.response.x_frame_options.header_value", &["", "DENY"]),
    ("routing.http.response.strict_transport_security.header_value", &["", "max-age=1; preload"]),
];

fn certificate(number: u8) -> BoxedStrategy<Fields> {
    // one by ARN, one requested, one imported (in two versions)
    match number {
        0 => Just(Fields::from([("arn", text(super::account::CERTIFICATE))])).boxed(),
        1 => fields(&[("tags", tags()), ("validation", words(&["dns"]))])
            .prop_map(|mut fields| {
                fields.insert("domain", text("shop.example.com"));
                fields.insert("alternative_names", list([text("*.shop.example.com")]));
                fields
            })
            .boxed(),
        _ => (fields(&[("tags", tags())]), any::<bool>())
            .prop_map(|(mut fields, renewed)| {
                let file = super::account::pem(renewed);
                let key = map([("env", word("PARTNER_KEY"))]);
                fields.insert("import", map([("certificate", text(file)), ("private_key", key)]));
                fields
            })
            .boxed(),
    }
}

fn passage() -> impl Strategy<Value = Passage> {
    let ports = select(&["80", "443", "8000", "8000-8100", "0-65535", "udp 53", "all"][..]);
    (0..7_u8, ports, weighted(0.6, select(&["front", "as it is", ""][..]))).prop_map(|(peer, ports, note)| Passage {
        peer,
        ports,
        note,
    })
}

fn door() -> impl Strategy<Value = Door> {
    let passages = || weighted(0.6, vec(passage(), 0..4));
    (
        prop::bool::weighted(ODD),
        passages(),
        passages(),
        fields(&[("tags", tags()), ("exclusive", parts(&["ingress", "egress"]))]),
    )
        .prop_map(|(odd, ingress, egress, fields)| Door { odd, ingress, egress, fields })
}

fn balancer() -> impl Strategy<Value = Balancer> {
    let table = [
        ("ip_address_type", words(&["ipv4", "dualstack"])),
        ("idle_timeout", words(&["60s", "120s"])),
        ("client_keep_alive", words(&["1h", "60s"])),
        ("drop_invalid_header_fields", words(&["true", "false"])),
        ("attributes", attributes(BALANCER_ATTRIBUTES)),
        ("tags", tags()),
        ("exclusive", parts(&["listeners", "rules", "sni_certificates"])),
        ("undeclared", words(&["report", "reset"])),
    ];
    let subnets = subsequence(vec![0_u8, 1, 2], 2..=3);
    let doors = weighted(0.7, vec(0..4_u8, 1..3));
    (prop::bool::weighted(ODD), subnets, doors, fields(&table)).prop_map(|(odd, subnets, doors, fields)| Balancer {
        odd,
        subnets,
        doors,
        fields,
    })
}

fn listener() -> impl Strategy<Value = Listener> {
    let table = [
        ("ssl_policy", words(&["ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-2016-08"])),
        ("attributes", attributes(LISTENER_ATTRIBUTES)),
        ("https attributes", attributes(&[("routing.http.request.x_amzn_tls_version.header_name", &["", "X-Tls"])])),
        ("tags", tags()),
    ];
    let tls = (prop::bool::weighted(0.7), 0..3_u8, weighted(0.5, vec(0..3_u8, 0..3)));
    (tls, prop::bool::weighted(0.5), action(), fields(&table)).prop_map(
        |((https, certificate, sni), numbered, default, fields)| Listener {
            https,
            certificate,
            sni,
            numbered,
            default,
            fields,
        },
    )
}

const PORTS: [u16; 3] = [80, 443, 8443];

/// An estate of a few things.
pub fn estate() -> impl Strategy<Value = Estate> {
    let groups = subsequence((0..GROUPS).collect::<Vec<_>>(), 0..=4)
        .prop_flat_map(|numbers| numbers.into_iter().map(|n| (Just(n), group(n))).collect::<Vec<_>>());
    let certificates = subsequence(vec![0_u8, 1, 2], 0..=2)
        .prop_flat_map(|numbers| numbers.into_iter().map(|n| (Just(n), certificate(n))).collect::<Vec<_>>());
    let lb = || prop::bool::weighted(0.2).prop_map(u8::from);
    let doors = btree_map(0..3_u8, door(), 0..3);
    let port = || prop_oneof![3 => Just(443), 1 => select(&PORTS[..])];
    let listeners = btree_map((lb(), port()), listener(), 0..5);
    let rules = btree_map((lb(), port(), 0..8_u8), rule(), 0..10);
    (groups, certificates, doors, btree_map(lb(), balancer(), 0..5), listeners, rules).prop_map(
        |(groups, certificates, doors, balancers, listeners, rules)| Estate {
            groups: groups.into_iter().collect(),
            certificates: certificates.into_iter().collect(),
            doors,
            balancers,
            listeners,
            rules,
        },
    )
}
