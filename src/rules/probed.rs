//! Probed groups: what a probe saw of a group's targets, and which cause a failing health check is put down to.
//!
//! Which rule explains a failure is decided in [`cause`](super::cause). A probe's health checks stand in for target health
//! wherever AWS reports none.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cause::{Cause, cause, cause_of_request};
use super::checked::Checked;
use super::{Evidence, Finding, Need, Rule, Severity};
use crate::model::kind::Target;
use crate::model::value::Protocol;
use crate::model::{Address, TargetHealth};
use crate::probe::observation::{Exchange, Outcome, Vantage};
use crate::probe::{Observations, Server};

/// How many targets a finding cites; the rest is a number. A probe's report shows each finding at its targets.
pub(super) const CITED: usize = 100;

/// One probed target.
#[derive(Clone, Copy)]
pub(super) struct One<'e> {
    pub(super) address: &'e Address,
    pub(super) target: &'e Target,
    pub(super) saw: &'e Observations,
}

/// A group with its probed targets.
pub(super) struct Probed<'e> {
    pub(super) checked: Checked<'e>,
    pub(super) all: Vec<One<'e>>,
}

impl<'e> Evidence<'e> {
    /// The same evidence with what a probe saw. Where AWS knows better, the probe stood in the wrong place: what it saw
    /// of such a target is left out.
    #[must_use]
    pub fn with_probe(mut self, mut probed: BTreeMap<Address, Observations>) -> Self {
        let mut health = BTreeMap::new();
        for group in Checked::all(&self) {
            let codes = group.codes();
            for (address, _) in self.targets_of(group.address) {
                let check = probed.get(address).and_then(|saw| saw.health_check(codes.as_ref()));
                let failed = check.filter(|check| !check.passes(codes.as_ref()));
                if self.health.get(address).zip(failed).is_some_and(|(aws, failed)| contradicts(aws, failed)) {
                    probed.remove(address);
                    continue;
                }
                // what cannot be verified is not known
                let unsure = |check: &&Exchange| {
                    matches!(check.outcome, Outcome::TlsFailed(_))
                        && probed.get(address).is_some_and(Observations::speaks_older_tls)
                };
                if let Some(check) = check.filter(|check| !self.health.contains_key(address) && !unsure(check)) {
                    health.insert(address.clone(), check.health(codes.as_ref()));
                }
            }
        }
        self.health.extend(health);
        if !probed.is_empty() {
            self.available.extend([Need::Probe, Need::Health]);
        }
        self.probed = probed;
        self
    }
}

/// Whether AWS's health checks tell otherwise than a probe's that failed: no connection from here says nothing of the
/// load balancer's way to a target that AWS has judged.
fn contradicts(aws: &TargetHealth, failed: &Exchange) -> bool {
    let nowhere = matches!(failed.outcome, Outcome::Unconnected | Outcome::Unreachable(_));
    match aws.reason.as_deref() {
        _ if aws.is_healthy() || nowhere => true,
        Some("Target.ResponseCodeMismatch") => failed.answer().is_none(),
        Some("Target.Timeout") => failed.outcome == Outcome::Refused,
        Some(_) | None => false,
    }
}

/// The proxy on a target that made a 502 or 504 itself in answer to the health check.
pub(super) fn proxy_in_front(group: &Checked<'_>) -> Option<Server> {
    let codes = group.codes();
    let seen = group.judged.iter().filter_map(|(address, _, _)| group.evidence.probed.get(*address));
    let answers = seen.filter_map(|saw| saw.health_check(codes.as_ref())?.answer());
    let failed = answers.filter(|answer| matches!(answer.status, 502 | 504));
    let names = failed.filter_map(|answer| answer.server.as_deref()?.parse().ok());
    names.into_iter().find(|server: &Server| server.is_proxy())
}

impl<'e> Probed<'e> {
    /// Every group of which a target was probed.
    pub(super) fn all(evidence: &'e Evidence<'e>) -> impl Iterator<Item = Self> {
        Checked::all(evidence).filter_map(move |checked| {
            let targets = evidence.targets_of(checked.address);
            let seen = targets
                .filter_map(|(address, target)| evidence.probed.get(address).map(|saw| One { address, target, saw }));
            let all: Vec<One<'e>> = seen.collect();
            (!all.is_empty()).then_some(Self { checked, all })
        })
    }
    /// The targets whose failing health check is put down to this cause; else those that pass it, and of which requests
    /// fail for this cause.
    pub(super) fn blamed(&self, wanted: Cause) -> Vec<One<'e>> {
        let failing = self.those(|one| cause(&self.checked, one.address, one.target) == Some(wanted));
        if !failing.is_empty() {
            return failing;
        }
        self.those(|one| cause_of_request(&self.checked, one.saw) == Some(wanted))
    }
    /// The targets of which this is so.
    pub(super) fn those(&self, so: impl Fn(&One<'e>) -> bool) -> Vec<One<'e>> {
        self.all.iter().filter(|one| so(one)).copied().collect()
    }
    pub(super) fn address(&self) -> &'e Address {
        self.checked.address
    }
    /// The software: what the files say, else what its answers say.
    pub(super) fn server(&self) -> Option<Server> {
        let named = self.checked.evidence.backend(self.address()).and_then(|backend| backend.server.as_deref());
        named.and_then(|name| name.parse().ok()).or_else(|| self.all.iter().find_map(|one| one.saw.server))
    }
    /// What the load balancer speaks to the targets.
    pub(super) fn protocol(&self) -> Protocol {
        self.checked.group.protocol.unwrap_or(Protocol::Http)
    }
    /// The traffic port of the first of these targets.
    pub(super) fn port(&self, ones: &[One<'_>]) -> u32 {
        ones.first().and_then(|one| one.target.port).map_or(80, u32::from)
    }
    /// "targets", "the target" or "2 of 3 targets".
    pub(super) fn who(&self, ones: &[One<'_>]) -> String {
        match (ones.len(), self.all.len()) {
            (1, 1) => "the target".to_owned(),
            (n, all) if n == all => "targets".to_owned(),
            (n, all) => format!("{n} of {all} targets"),
        }
    }
    /// How bad something is that requests meet: less where none come.
    pub(super) fn of_requests(&self, worst: Severity) -> Severity {
        if self.checked.evidence.serves(self.address()) { worst } else { worst.min(Severity::Medium) }
    }
    /// How bad a failing health check is, and what clients see of it; or failing requests, where the health check passes.
    pub(super) fn failing(&self, rule: &Rule, field: &str, ones: &[One<'_>], answering: bool) -> Finding {
        let codes = self.checked.codes();
        let check = |one: &One<'_>| one.saw.health_check(codes.as_ref()).map(Exchange::in_words);
        let request = |one: &One<'_>| one.saw.request.as_ref().map(Exchange::in_words);
        let passes = |one: &One<'_>| one.saw.health_check(codes.as_ref()).is_some_and(|c| c.passes(codes.as_ref()));
        let (finding, mut detail) = if ones.first().is_some_and(passes) {
            let status = ones.first().and_then(|one| one.saw.request.as_ref()?.status()).unwrap_or(502);
            let detail = format!("Clients get {status} for every request; the health check passes all the while.");
            (self.finding(rule, self.of_requests(rule.severity), field, ones, "probe.request", request), detail)
        } else {
            let finding = self.finding(rule, self.checked.failing(), field, ones, "probe.health_check", check);
            (finding, self.checked.clients_see(answering))
        };
        if ones.iter().any(|one| one.saw.vantage == Vantage::SameHost) {
            detail.push_str(" Seen from the target's own machine: ask from another one to be sure.");
        }
        finding.detailed(detail)
    }
    /// A finding with what was seen of the targets as evidence.
    pub(super) fn finding<V: Into<Value>>(
        &self,
        rule: &Rule,
        severity: Severity,
        field: &str,
        ones: &[One<'_>],
        fact: &str,
        value: impl Fn(&One<'_>) -> V,
    ) -> Finding {
        let mut finding = rule.finding(severity, self.address(), field);
        for one in ones.iter().take(CITED) {
            let value: Value = value(one).into();
            finding = finding.evident(one.address, fact, value);
        }
        if ones.len() > CITED {
            finding = finding.evident(self.address(), "targets", ones.len());
        }
        finding
    }
    /// Whether the first of these did not answer the health check in time.
    pub(super) fn is_late(&self, ones: &[One<'_>]) -> bool {
        let codes = self.checked.codes();
        let check = ones.first().and_then(|one| one.saw.health_check(codes.as_ref()));
        check.is_some_and(|check| check.outcome == Outcome::TimedOut)
    }
    /// The first of these targets' answer to the health check, in words.
    pub(super) fn seen(&self, ones: &[One<'_>]) -> String {
        let codes = self.checked.codes();
        let check = ones.first().and_then(|one| one.saw.health_check(codes.as_ref()));
        check.map(Exchange::in_words).unwrap_or_default()
    }
}
