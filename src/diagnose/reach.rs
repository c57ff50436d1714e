//! Reach: whose clients a finding is about, and how much of the traffic passes there.
//!
//! Nothing here counts requests. The load balancers that are diagnosed weigh alike, so do the listeners of one, and
//! the rules of a listener with its default; groups weigh as their action says, targets of a group alike. That is a
//! guess, good enough to put what every request meets before what one path meets; it is never printed as a figure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::model::{Address, Kind, Link};
use crate::rules::{Evidence, Finding};

/// Where traffic passes.
#[derive(Debug, Default)]
pub struct Reach {
    /// How much of all traffic passes each resource.
    parts: BTreeMap<Address, f64>,
    /// How much of a listener's is its default's.
    defaults: BTreeMap<Address, f64>,
    /// The load balancers behind which each resource stands.
    users: BTreeMap<Address, BTreeSet<Address>>,
}

impl Reach {
    /// The reach of everything behind the load balancers of a state; those asked about share the traffic.
    pub fn of(evidence: &Evidence<'_>, asked: &BTreeSet<Address>) -> Self {
        let mut reach = Self::default();
        for (lb, spec) in evidence.load_balancers() {
            let whole = if asked.contains(lb) { 1.0 / count(asked.len()) } else { 0.0 };
            reach.add(lb, lb, whole);
            for group in spec.security_groups.iter().flatten().filter_map(Link::address) {
                reach.add(group, lb, whole);
            }
            let listeners = evidence.listeners_of(lb).count();
            for (listener, _) in evidence.listeners_of(lb) {
                reach.listener(evidence, lb, listener, whole / count(listeners));
            }
        }
        reach
    }

    fn add(&mut self, address: &Address, lb: &Address, part: f64) {
        *self.parts.entry(address.clone()).or_default() += part;
        self.users.entry(address.clone()).or_default().insert(lb.clone());
    }

    fn listener(&mut self, evidence: &Evidence<'_>, lb: &Address, listener: &Address, part: f64) {
        self.add(listener, lb, part);
        let certificates = evidence.listener(listener).into_iter();
        let certificates = certificates.flat_map(|l| l.certificate.iter().chain(l.sni_certificates.iter().flatten()));
        for certificate in certificates.filter_map(Link::address) {
            self.add(certificate, lb, part);
        }
        let ways = evidence.rules_of(listener).len() + 1;
        let way = part / count(ways);
        self.defaults.insert(listener.clone(), way);
        for (rule, _) in evidence.rules_of(listener) {
            self.add(rule, lb, way);
        }
        for (_, action) in evidence.actions_of(listener) {
            let all: f64 = action.groups().map(|(_, weight)| f64::from(weight)).sum();
            for (group, weight) in action.groups() {
                let Some(group) = group.address() else { continue };
                let part = if all > 0.0 { way * f64::from(weight) / all } else { 0.0 };
                self.group(evidence, lb, group, part);
            }
        }
    }

    fn group(&mut self, evidence: &Evidence<'_>, lb: &Address, group: &Address, part: f64) {
        self.add(group, lb, part);
        let targets = evidence.targets_of(group).count();
        for (address, target) in evidence.targets_of(group) {
            let part = part / count(targets);
            self.add(address, lb, part);
            let interface = target.id.parse::<IpAddr>().ok().and_then(|ip| evidence.interfaces.get(&ip));
            for group in interface.into_iter().flat_map(|interface| &interface.groups) {
                self.add(group, lb, part);
            }
        }
    }

    /// The load balancers whose clients a finding is about; nothing for what stands behind none.
    pub fn balancers(&self, finding: &Finding) -> BTreeSet<Address> {
        let of = |address: &Address| self.users.get(address).cloned().unwrap_or_default();
        let own = of(&finding.address);
        // a security group stands behind many; the finding says which it is about
        let cited: BTreeSet<Address> = finding.evidence.iter().flat_map(|e| of(&e.address)).collect();
        match (finding.address.kind, cited.is_empty()) {
            (Kind::SecurityGroup, false) => cited,
            _ if own.is_empty() => cited,
            _ => own,
        }
    }

    /// How much of the traffic a finding is about, from 0 to 1.
    pub fn share(&self, finding: &Finding) -> f64 {
        let part = |address: &Address| self.parts.get(address).copied().unwrap_or_default();
        let own = &finding.address;
        let cited: BTreeSet<&Address> = finding.evidence.iter().map(|e| &e.address).collect();
        let targets: f64 = cited.iter().filter(|a| a.kind == Kind::Target).map(|a| part(a)).sum();
        let share = match own.kind {
            Kind::TargetGroup | Kind::SecurityGroup if targets > 0.0 => targets,
            Kind::Listener if finding.field.as_str().starts_with("default") => {
                self.defaults.get(own).copied().unwrap_or_default()
            }
            Kind::SecurityGroup
            | Kind::Certificate
            | Kind::TargetGroup
            | Kind::Target
            | Kind::LoadBalancer
            | Kind::Listener
            | Kind::Rule => part(own),
        };
        share.min(1.0)
    }

    /// Whether two findings are about one resource, or about a group and one of its targets.
    pub fn touch(&self, a: &Finding, b: &Finding) -> bool {
        let grounds = |finding: &Finding| -> BTreeSet<Address> {
            let cited = finding.evidence.iter().map(|e| &e.address);
            let all = std::iter::once(&finding.address).chain(cited);
            let group = |address: &Address| address.parent().filter(|_| address.kind == Kind::Target);
            all.flat_map(|address| [Some(address.clone()), group(address)]).flatten().collect()
        };
        !grounds(a).is_disjoint(&grounds(b))
    }
}

/// A number of things that share something, at least one.
fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n.max(1)).unwrap_or(u32::MAX))
}
