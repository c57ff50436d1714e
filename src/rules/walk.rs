//! Walking redirects: where a client ends up that follows them from listener to listener of one load balancer.
//!
//! The listeners and rules of the evidence become a small view for the traffic model, without targets and
//! security groups: only where a redirect leads is asked. A walk ends where it cannot be told who takes the next request:
//! another load balancer, a host that no rule here names, a rule that may take it or not.

use std::collections::BTreeSet;

use super::Evidence;
use super::pattern::hosts_meet;
use super::routing::rules_in_order;
use crate::cloud::traffic::{Answer, Request, Roads, Scheme, witnesses};
use crate::cloud::{Facts, Snapshot};
use crate::model::{Address, Id, Link, Spec};

/// Browsers give up after about so many redirects.
const LONGEST: usize = 20;

/// What is needed to walk the redirects of one load balancer.
pub(super) struct Walks {
    balancer: Id,
    snapshot: Snapshot,
    roads: Roads,
    /// The hosts that its rules name.
    hosts: BTreeSet<String>,
}

/// A circle: the first request in it, and the actions that it meets, in turn.
pub(super) struct Circle {
    /// A request that never ends.
    pub(super) request: Request,
    /// The listener (for its default) or the rule of each redirect.
    pub(super) actions: Vec<Address>,
}

impl Walks {
    /// The walks over a load balancer's listeners; those whose order of rules is not known are left out.
    pub(super) fn over(evidence: &Evidence, balancer: &Address) -> Self {
        let (mut snapshot, mut hosts) = (Snapshot::default(), BTreeSet::new());
        let mut put = |address: &Address, spec: Spec| {
            let known = |link: Link| link.address().map_or(link.clone(), |address| Link::Id(id(address)));
            snapshot.insert(id(address), spec.map_links(&mut |link| known(link)), Facts::None);
        };
        for (address, listener) in evidence.listeners_of(balancer) {
            let rules = rules_in_order(evidence, address);
            if rules.len() != evidence.rules_of(address).len() || evidence.unread(address) {
                continue;
            }
            let certificates = listener.certificate.iter().chain(listener.sni_certificates.iter().flatten());
            for address in certificates.filter_map(Link::address) {
                evidence.certificate(address).into_iter().for_each(|one| put(address, one.clone().into()));
            }
            put(address, listener.clone().into());
            for (place, (address, rule)) in (1..).zip(rules) {
                hosts.extend(rule.when.iter().flat_map(|when| when.host.clone()));
                let mut rule = rule.clone();
                rule.priority = Some(place);
                put(address, rule.into());
            }
        }
        let roads = Roads::of(&snapshot);
        Self { balancer: id(balancer), snapshot, roads, hosts }
    }

    /// The circles of several redirects, each once.
    pub(super) fn circles(&self) -> Vec<Circle> {
        let mut seen: BTreeSet<BTreeSet<Address>> = BTreeSet::new();
        let mut found = Vec::new();
        for ((balancer, port), _) in self.roads.listeners() {
            for request in witnesses(&[(&self.snapshot, &self.roads)], balancer, *port) {
                let Some(circle) = self.circle(request) else { continue };
                let actions: BTreeSet<Address> = circle.actions.iter().cloned().collect();
                if actions.len() > 1 && seen.insert(actions) {
                    found.push(circle);
                }
            }
        }
        found
    }

    /// The circle that a request runs into, if it does.
    fn circle(&self, mut request: Request) -> Option<Circle> {
        let mut way: Vec<(Request, Address)> = Vec::new();
        for _ in 0..LONGEST {
            if let Some(start) = way.iter().position(|(before, _)| *before == request) {
                let actions = way.drain(start..).map(|(_, action)| action).collect();
                return Some(Circle { request, actions });
            }
            let (next, action) = self.next(&request)?;
            way.push((request, action));
            request = next;
        }
        None
    }

    /// What a client asks next, and which action told it to.
    fn next(&self, request: &Request) -> Option<(Request, Address)> {
        let outcome = self.roads.outcome(&self.snapshot, request);
        let Answer::Redirect { to, .. } = outcome.answer else { return None };
        let action = outcome.rule.or(outcome.listener)?.as_str().parse().ok()?;
        let (scheme, rest) = to.split_once("://")?;
        let (authority, rest) = rest.split_once('/')?;
        let (host, port) = authority.rsplit_once(':')?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let named = |pattern: &String| pattern != "*" && hosts_meet(pattern, host);
        if !host.eq_ignore_ascii_case(&request.host) && !self.hosts.iter().any(named) {
            return None;
        }
        let host = host.to_ascii_lowercase();
        let scheme = match scheme {
            "https" => Scheme::Https { server_name: Some(host.clone()) },
            _ => Scheme::Http,
        };
        // what was sent with a body is asked for again without one
        let method = if request.method == "HEAD" { "HEAD" } else { "GET" }.to_owned();
        let next = Request {
            load_balancer: self.balancer.clone(),
            port: port.parse().ok()?,
            scheme,
            host,
            path: format!("/{path}"),
            query: query.to_owned(),
            method,
            ..request.clone()
        };
        Some((next, action))
    }
}

fn id(address: &Address) -> Id {
    Id(address.to_string())
}
