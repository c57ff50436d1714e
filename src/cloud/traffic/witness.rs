//! Witnesses: a finite set of requests to one port that meets every certificate name, every rule and the default,
//! and misses each condition by a little. Two views, before and after, give the witnesses of both.
//!
//! An expression that is too clever for our guess has no witness of its own, and neither have the rules that only
//! attach a group and that nobody's request meets.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use regex_lite::Regex;

use super::Roads;
use super::request::{Request, Scheme};
use super::wildcard::{sample, sample_escaped};
use crate::cloud::Snapshot;
use crate::model::kind::{Conditions, Direction, HeaderCondition, Listener, LoadBalancer, Peer, QueryMatch};
use crate::model::value::Protocol;
use crate::model::{Id, Text};

/// So many at most: rules first, each by its plainest witness.
const MOST: usize = 400;
/// What stands for `*`.
const ANY: &str = "any";
/// A host that nobody names.
const STRANGER: &str = "stranger.invalid";
/// A client that nobody names.
const SOMEBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));

/// The witnesses of a port, the same for the same views; none where nothing listens.
pub fn witnesses(views: &[(&Snapshot, &Roads)], balancer: &Id, port: u16) -> Vec<Request> {
    let mut ground = Ground::of(views, balancer, port);
    let mut conditions: Vec<&Conditions> = Vec::new();
    for (snapshot, roads) in views {
        let Some(id) = roads.listeners.get(&(balancer.clone(), port)) else { continue };
        let rules = roads.rules_of(id).filter_map(|id| snapshot.found.get(id)?.spec.rule()?.when.as_ref());
        conditions.extend(rules.filter(|when| !when.is_of_nobody()));
    }
    conditions.sort();
    conditions.dedup();
    let homes: Vec<String> = ground.names.first().cloned().into_iter().chain([STRANGER.to_owned()]).collect();
    let plain = ground.plain();
    for home in &homes {
        let from = Request { host: home.clone(), ..plain.clone() };
        ground.put(&from);
        for when in &conditions {
            ground.put(&meeting(when, &from));
        }
    }
    for name in ground.names.clone() {
        ground.put(&Request { host: name, ..plain.clone() });
    }
    for source in ground.sources.clone() {
        ground.put(&Request { source, ..plain.clone() });
    }
    for when in &conditions {
        let from = meeting(when, &Request { host: homes[0].clone(), ..plain.clone() });
        for other in others(when, &from).into_iter().chain(misses(when, &from)) {
            ground.put(&other);
        }
    }
    ground.found
}

/// What is known of a port, and the witnesses so far.
struct Ground {
    schemes: Vec<Protocol>,
    names: Vec<String>,
    sources: Vec<IpAddr>,
    address: (Id, u16),
    seen: BTreeSet<Request>,
    found: Vec<Request>,
}

impl Ground {
    fn of(views: &[(&Snapshot, &Roads)], balancer: &Id, port: u16) -> Self {
        let (mut schemes, mut names, mut sources) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (snapshot, roads) in views {
            let Some(id) = roads.listeners.get(&(balancer.clone(), port)) else { continue };
            let Some(listener) = snapshot.found.get(id).and_then(|live| live.spec.listener()) else { continue };
            schemes.extend(listener.protocol);
            names.extend(certificate_names(snapshot, listener));
            let lb = snapshot.found.get(balancer).and_then(|live| live.spec.load_balancer());
            sources.extend(lb.into_iter().flat_map(|lb| clients(snapshot, lb, port)));
        }
        let (names, sources) = (names.into_iter().collect(), sources.into_iter().collect());
        let address = (balancer.clone(), port);
        Self {
            schemes: schemes.into_iter().collect(),
            names,
            sources,
            address,
            seen: BTreeSet::new(),
            found: Vec::new(),
        }
    }

    fn plain(&self) -> Request {
        Request {
            load_balancer: self.address.0.clone(),
            port: self.address.1,
            scheme: Scheme::Http,
            host: STRANGER.to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            source: self.sources.first().copied().unwrap_or(SOMEBODY),
        }
    }

    /// Once for each protocol that is spoken there.
    fn put(&mut self, request: &Request) {
        for protocol in &self.schemes {
            let scheme = match protocol {
                Protocol::Http => Scheme::Http,
                Protocol::Https => Scheme::Https { server_name: Some(request.host.clone()) },
            };
            let request = Request { scheme, ..request.clone() };
            if self.found.len() < MOST && self.seen.insert(request.clone()) {
                self.found.push(request);
            }
        }
    }
}

fn certificate_names(snapshot: &Snapshot, listener: &Listener) -> Vec<String> {
    let links = listener.certificate.iter().chain(listener.sni_certificates.iter().flatten());
    let certificates = links.filter_map(|link| snapshot.found.get(link.id()?)?.spec.certificate());
    certificates.flat_map(|one| one.names.iter().flatten()).map(|name| sample(name, ANY)).collect()
}

/// Addresses that the groups of a load balancer let in.
fn clients(snapshot: &Snapshot, balancer: &LoadBalancer, port: u16) -> Vec<IpAddr> {
    let groups = balancer.security_groups.iter().flatten();
    let groups = groups.filter_map(|link| snapshot.found.get(link.id()?)?.spec.security_group());
    let rules = groups.flat_map(|group| group.rules(Direction::Ingress).into_iter().flatten());
    let admitting = rules.filter(|rule| rule.admits_tcp(port));
    admitting.filter_map(|rule| if let Peer::Cidr(net) = &rule.peer { Some(within(net)) } else { None }).collect()
}

/// An address of a network: nobody in particular, if he is in it.
fn within(net: &IpNet) -> IpAddr {
    if net.contains(&SOMEBODY) { SOMEBODY } else { net.hosts().next().unwrap_or_else(|| net.network()) }
}

/// A request that meets the conditions: the first value of each, the rest as it is.
fn meeting(when: &Conditions, from: &Request) -> Request {
    let Conditions { host, host_regex, path, path_regex, method, header, header_regex, query, source_ip } = when;
    let mut request = from.clone();
    if let Some(host) = host.first().map(|p| sample(p, ANY)).or_else(|| host_regex.iter().find_map(|p| guess(p, ""))) {
        request.host = host;
    }
    if let Some(path) = path.first().map(|p| sample(p, ANY)).or_else(|| path_regex.iter().find_map(|p| guess(p, "/"))) {
        request.path = path;
    }
    if let Some(method) = method.first() {
        request.method.clone_from(method);
    }
    let plain = |one: &HeaderCondition| Some((one.name.clone(), header_value(one.values.first()?, false)?));
    let read = |one: &HeaderCondition| Some((one.name.clone(), header_value(one.values.first()?, true)?));
    request.headers = header.iter().filter_map(plain).chain(header_regex.iter().filter_map(read)).collect();
    request.query = query.iter().filter_map(BTreeSet::first).map(parameter).collect::<Vec<_>>().join("&");
    if let Some(net) = source_ip.first().and_then(|net| net.parse::<IpNet>().ok()) {
        request.source = within(&net);
    }
    request
}

/// The other values of each condition, one at a time.
fn others(when: &Conditions, from: &Request) -> Vec<Request> {
    let hosts = when.host.iter().skip(1).map(|p| Request { host: sample(p, ANY), ..from.clone() });
    let paths = when.path.iter().skip(1).map(|p| Request { path: sample(p, ANY), ..from.clone() });
    let methods = when.method.iter().skip(1).map(|m| Request { method: m.clone(), ..from.clone() });
    let nets = when.source_ip.iter().skip(1).filter_map(|net| net.parse::<IpNet>().ok());
    let sources = nets.map(|net| Request { source: within(&net), ..from.clone() });
    let values = when.header.iter().flat_map(|one| one.values.iter().skip(1).map(move |value| (one, value)));
    let headers = values.filter_map(|(one, value)| {
        let mut request = from.clone();
        let sent = request.headers.iter_mut().find(|(name, _)| *name == one.name)?;
        sent.1 = header_value(value, false)?;
        Some(request)
    });
    hosts.chain(paths).chain(methods).chain(sources).chain(headers).collect()
}

/// The same request, with one condition missed.
fn misses(when: &Conditions, from: &Request) -> Vec<Request> {
    let mut list = Vec::new();
    let mut put = |is_asked: bool, change: &dyn Fn(&mut Request)| {
        if is_asked {
            let mut request = from.clone();
            change(&mut request);
            list.push(request);
        }
    };
    put(!when.host.is_empty() || !when.host_regex.is_empty(), &|r| r.host = STRANGER.to_owned());
    put(!when.path.is_empty() || !when.path_regex.is_empty(), &|r| r.path = "/~".to_owned());
    put(!when.path.is_empty(), &|r| r.path.push('~'));
    let method = if from.method == "OPTIONS" { "GET" } else { "OPTIONS" };
    put(!when.method.is_empty(), &|r| r.method = method.to_owned());
    put(!when.header.is_empty() || !when.header_regex.is_empty(), &|r| r.headers.clear());
    put(!when.query.is_empty(), &|r| r.query.clear());
    put(!when.source_ip.is_empty(), &|r| r.source = SOMEBODY);
    list
}

fn header_value(pattern: &Text, is_expression: bool) -> Option<Text> {
    match pattern {
        Text::Plain(pattern) if is_expression => Some(Text::Plain(guess(pattern, "")?)),
        Text::Plain(pattern) => Some(Text::Plain(sample(pattern, ANY))),
        Text::Secret { .. } => Some(pattern.clone()),
    }
}

fn parameter(one: &QueryMatch) -> String {
    let key = one.key.as_deref().map_or_else(|| ANY.to_owned(), |key| sample_escaped(key, ANY));
    format!("{key}={}", sample_escaped(&one.value, ANY))
}

/// A text in which a simple expression is found.
fn guess(pattern: &str, begin: &str) -> Option<String> {
    const PARTS: &[(&str, &str)] = &[
        ("[.]", "."),
        ("\\.", "."),
        ("\\/", "/"),
        ("\\-", "-"),
        ("[0-9]+", "1"),
        ("\\d+", "1"),
        ("[a-z]+", "a"),
        ("[^/]+", "a"),
        ("\\w+", "a"),
        (".*", ANY),
        (".+", ANY),
        ("(?:", "("),
    ];
    let mut text = pattern.trim_start_matches('^').trim_end_matches('$').to_owned();
    for (part, stands) in PARTS {
        text = text.replace(part, stands);
    }
    // the first of several branches
    while let (Some(open), Some(close)) = (text.rfind('('), text.find(')')) {
        if close < open {
            break;
        }
        let first = text[open + 1..close].split('|').next().unwrap_or_default().to_owned();
        text.replace_range(open..=close, &first);
    }
    if !text.starts_with(begin) {
        text.insert_str(0, begin);
    }
    Regex::new(pattern).ok().filter(|regex| regex.is_match(&text)).map(|_| text)
}
