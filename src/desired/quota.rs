//! AWS's default quotas, as far as files can be counted. Quotas can be raised, so that all of this only warns.
//!
//! Source: user guide "Quotas for your Application Load Balancers", "Amazon VPC quotas".

use std::collections::{BTreeMap, BTreeSet};

use super::cross::Place;
use super::problem::Problem;
use crate::model::kind::MutualAuthentication;
use crate::model::{Address, Kind, Link, Spec};

/// What is counted for one load balancer.
#[derive(Default)]
struct Count<'a> {
    listeners: usize,
    rules: usize,
    verifying: usize,
    certificates: BTreeSet<&'a Link>,
    groups: BTreeSet<&'a Address>,
}

/// Warns of counts above the quotas.
pub(super) fn check(specs: &BTreeMap<Address, Spec>, at: Place<'_>, problems: &mut Vec<Problem>) {
    let mut warn = |address: &Address, path: &str, count: usize, what: &str, quota: usize, scope: &str| {
        if count > quota
            && let Some(span) = at(address, path)
        {
            let message = format!("{count} {what} are more than AWS's default quota of {quota}");
            problems
                .push(Problem::warning(span, message).hint(format!("the quota is for each {scope}; it can be raised")));
        }
    };
    let targets = targets(specs);
    for (name, count) in balancers(specs) {
        let address = Address::load_balancer(name);
        warn(&address, "listeners", count.listeners, "listeners", 50, "load balancer");
        warn(&address, "listeners", count.rules, "rules", 100, "load balancer, default rules excluded");
        let certificates = count.certificates.len();
        warn(&address, "listeners", certificates, "certificates", 25, "load balancer, default certificates excluded");
        warn(&address, "listeners", count.groups.len(), "target groups", 100, "load balancer");
        warn(&address, "listeners", count.verifying, "listeners that verify clients", 2, "load balancer");
        let all: usize = count.groups.iter().filter_map(|group| targets.get(group)).sum();
        warn(&address, "listeners", all, "targets", 1000, "load balancer");
    }
    for (group, count) in &targets {
        warn(group, "targets", *count, "targets", 1000, "target group");
    }
    for (kind, what, quota) in [(Kind::LoadBalancer, "load balancers", 50), (Kind::TargetGroup, "target groups", 3000)]
    {
        let all: Vec<&Address> = specs.keys().filter(|address| address.kind == kind).collect();
        if let Some(past) = all.get(quota) {
            warn(past, "", all.len(), what, quota, "account and region");
        }
    }
    for (address, group) in specs.iter().filter_map(|(address, spec)| Some((address, spec.security_group()?))) {
        for (path, rules) in [("ingress", &group.ingress), ("egress", &group.egress)] {
            let count = rules.as_ref().map_or(0, Vec::len);
            warn(address, path, count, "rules", 60, "security group and direction");
        }
    }
}

fn targets(specs: &BTreeMap<Address, Spec>) -> BTreeMap<&Address, usize> {
    let mut all = BTreeMap::new();
    for group in specs.values().filter_map(|spec| spec.target()?.target_group.address()) {
        *all.entry(group).or_insert(0) += 1;
    }
    all
}

fn balancers(specs: &BTreeMap<Address, Spec>) -> BTreeMap<&str, Count<'_>> {
    let mut all: BTreeMap<&str, Count<'_>> = BTreeMap::new();
    for (address, spec) in specs {
        let action = match spec {
            Spec::Listener(listener) => &listener.default,
            Spec::Rule(rule) => &rule.action,
            Spec::SecurityGroup(_)
            | Spec::Certificate(_)
            | Spec::TargetGroup(_)
            | Spec::Target(_)
            | Spec::LoadBalancer(_) => continue,
        };
        let count = all.entry(address.name.split(':').next().unwrap_or_default()).or_default();
        match spec.listener() {
            Some(listener) => {
                count.listeners += 1;
                let verifies = matches!(listener.mutual_authentication, Some(MutualAuthentication::Verify(_)));
                count.verifying += usize::from(verifies);
                count.certificates.extend(listener.sni_certificates.iter().flatten());
            }
            None => count.rules += 1,
        }
        count.groups.extend(action.iter().flat_map(|a| a.groups()).filter_map(|(link, _)| link.address()));
    }
    all
}
