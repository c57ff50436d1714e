//! Probed groups: what a probe saw of a group's targets, and which cause a failing health check is put down to.
//!
//! Several rules could explain one failed check. [`cause`] decides for one of them; the rules that know no more than
//! the answer's code (E101, E102) and the reason code (E103, E105) keep what it leaves open. A probe's health checks
//! stand in for target health wherever AWS reports none.

use std::collections::BTreeMap;

use serde_json::Value;

use super::checked::Checked;
use super::{Evidence, Finding, Need, Rule, Severity};
use crate::model::kind::Target;
use crate::model::value::{Protocol, ProtocolVersion};
use crate::model::{Address, TargetHealth};
use crate::probe::observation::{Exchange, Handshake, Outcome, Preface, Vantage};
use crate::probe::{Observations, Server};

/// How many targets a finding cites; the rest is a number. A probe's report shows each finding at its targets.
const CITED: usize = 100;

/// gRPC's code for a method that a server does not have.
pub(super) const UNIMPLEMENTED: u16 = 12;

/// What a failing health check is put down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// E108: redirected.
    Redirected,
    /// E109: the Host header is refused.
    Host,
    /// E110: a login is asked for.
    Login,
    /// E106: it is answered, later than the check waits.
    Late,
    /// E111: only the check's path fails, not the server.
    Dependency,
    /// E118: nothing there speaks HTTP.
    NoHttp,
    /// E201 or E202: group and target disagree on TLS.
    Protocol,
    /// E203 or E204: group and target disagree on the version of HTTP, or the target on gRPC.
    Version,
    /// E204: the target has no such method.
    Method,
    /// E208: the target speaks TLS 1.3 only.
    Tls13,
    /// E209: the target wants a server name.
    ServerName,
    /// E210: the target wants a client certificate.
    ClientCertificate,
    /// E211: the target waits for the PROXY protocol.
    ProxyProtocol,
    /// E702: the answer is malformed.
    Malformed,
    /// E510: the target listens on loopback only.
    Loopback,
}

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
                if let Some(check) = check.filter(|_| !self.health.contains_key(address)) {
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

/// The cause that a probe gives for a target's failing health check; nothing where it passes, was not probed, or
/// the answer's code says all there is to say.
pub(super) fn cause(group: &Checked<'_>, address: &Address, target: &Target) -> Option<Cause> {
    let saw = group.evidence.probed.get(address)?;
    let codes = group.codes();
    let check = saw.health_check(codes.as_ref()).filter(|check| !check.passes(codes.as_ref()))?;
    let passes = |other: &Option<Exchange>| other.as_ref().is_some_and(|one| one.passes(codes.as_ref()));
    if let Some(version) = of_version(group, saw, check) {
        return Some(version);
    }
    if passes(&saw.proxy_protocol) {
        return Some(Cause::ProxyProtocol);
    }
    if passes(&saw.public_host) {
        return Some(Cause::Host);
    }
    if is_of_check_protocol(group, saw, check) {
        return None;
    }
    match &check.outcome {
        Outcome::Answer(answer) if answer.is_malformed() => Some(Cause::Malformed),
        Outcome::Answer(answer) => of_answer(answer.status, check, saw).or_else(|| of_protocol(group, saw, check)),
        Outcome::Refused => of_refusal(group, target, saw),
        Outcome::Unreachable(_) | Outcome::Unconnected | Outcome::Endless => Some(Cause::NoHttp),
        Outcome::TlsFailed(_) => of_tls(saw).or_else(|| of_protocol(group, saw, check)).or(Some(Cause::NoHttp)),
        Outcome::Garbage(_) => of_protocol(group, saw, check).or(Some(Cause::NoHttp)),
        Outcome::Reset | Outcome::Closed | Outcome::TimedOut => {
            let asks = saw.tls.as_ref().is_some_and(|tls| tls.asks_certificate);
            let certificate = asks.then_some(Cause::ClientCertificate);
            let other = match (answers(saw.root.as_ref()), passes(&saw.patient)) {
                (true, _) => Cause::Dependency,
                (false, true) => Cause::Late,
                (false, false) => Cause::NoHttp,
            };
            certificate.or_else(|| of_protocol(group, saw, check)).or(Some(other))
        }
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

fn answers(exchange: Option<&Exchange>) -> bool {
    exchange.is_some_and(|one| one.answer().is_some())
}

/// The health check is answered in the other one of HTTP and HTTPS only.
fn speaks_other(saw: &Observations, check: &Exchange) -> bool {
    let spoke = check.status().is_none_or(|status| status == 400);
    spoke && saw.other_protocol.as_ref().and_then(Exchange::status).is_some_and(|status| status != 400)
}

/// The health check's protocol is wrong, and the group's is not: that is E105.
fn is_of_check_protocol(group: &Checked<'_>, saw: &Observations, check: &Exchange) -> bool {
    group.speaks_otherwise() && speaks_other(saw, check)
}

/// The health check's protocol is wrong, and so is the group's.
fn of_protocol(group: &Checked<'_>, saw: &Observations, check: &Exchange) -> Option<Cause> {
    (!group.speaks_otherwise() && speaks_other(saw, check)).then_some(Cause::Protocol)
}

fn of_version(group: &Checked<'_>, saw: &Observations, check: &Exchange) -> Option<Cause> {
    let newer = matches!(group.group.protocol_version, Some(ProtocolVersion::Http2 | ProtocolVersion::Grpc));
    let old = matches!(saw.http2, Some(Preface::Http1(_) | Preface::Closed | Preface::Garbage(_) | Preface::TimedOut));
    let reached = !matches!(
        check.outcome,
        Outcome::Refused | Outcome::Unconnected | Outcome::Unreachable(_) | Outcome::TlsFailed(_)
    );
    let grpc = check.answer().filter(|_| group.grpc());
    match grpc.map(|answer| answer.grpc_status) {
        Some(None) => Some(Cause::Version),
        Some(Some(UNIMPLEMENTED)) => Some(Cause::Method),
        Some(Some(_)) => None,
        None => (newer && old && reached).then_some(Cause::Version),
    }
}

fn of_answer(status: u16, check: &Exchange, saw: &Observations) -> Option<Cause> {
    let answer = check.answer()?;
    let login = answer.location.as_deref().is_some_and(leads_to_login);
    let works = |one: &Exchange| one.status().is_some_and(|status| status < 500);
    let asked = saw.tls.as_ref().is_some_and(|tls| tls.asks_certificate);
    match status {
        400 | 401 | 403 if asked && answer.authenticate.is_none() => Some(Cause::ClientCertificate),
        400 if refuses_every_host(check, saw) => Some(Cause::Host),
        401 | 403 | 407 => Some(Cause::Login),
        300..400 if login => Some(Cause::Login),
        300..400 if answer.location.is_some() => Some(Cause::Redirected),
        _ if answer.authenticate.is_some() => Some(Cause::Login),
        500.. if saw.root.as_ref().is_some_and(works) => Some(Cause::Dependency),
        _ => None,
    }
}

/// Whether every path and every Host gets the same 400, and not for want of TLS: so answers Django with empty
/// ALLOWED_HOSTS, and behind a proxy that passes its own name on.
fn refuses_every_host(check: &Exchange, saw: &Observations) -> bool {
    let refused = |one: &Option<Exchange>| one.as_ref().is_some_and(|one| one.status() == Some(400));
    refused(&saw.root) && refused(&saw.public_host) && !speaks_other(saw, check)
}

/// Whether a redirect's target looks like a login page.
pub(super) fn leads_to_login(location: &str) -> bool {
    let location = location.to_ascii_lowercase();
    let words = ["login", "signin", "sign-in", "sign_in", "/auth", "oauth", "/sso", "saml", "openid"];
    words.iter().any(|word| location.contains(word))
}

/// Nobody listens. On another port than the traffic's that is E103, unless the traffic port is dead as well.
fn of_refusal(group: &Checked<'_>, target: &Target, saw: &Observations) -> Option<Cause> {
    let bound = group.evidence.backend(group.address).and_then(|backend| backend.bind.as_deref());
    if answers(saw.loopback.as_ref()) || bound.is_some_and(is_loopback) {
        return Some(Cause::Loopback);
    }
    match group.off_port(target) {
        Some(_) if answers(saw.request.as_ref()) || group.other_port().is_some() => None,
        Some(_) | None => Some(Cause::NoHttp),
    }
}

/// Whether an address to listen on, `host:port`, is one that only its own machine reaches.
pub(super) fn is_loopback(bind: &str) -> bool {
    let host = bind.rsplit_once(':').map_or(bind, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn of_tls(saw: &Observations) -> Option<Cause> {
    let tls = saw.tls.as_ref()?;
    let done = |handshake: &Option<Handshake>| handshake.as_ref().is_some_and(Handshake::is_done);
    let names = |handshake: &Option<Handshake>| {
        // the alert that says so (RFC 6066)
        matches!(handshake, Some(Handshake::Failed(why)) if why.contains("UnrecognisedName"))
    };
    match (done(&tls.up_to_12), done(&tls.up_to_13), done(&tls.named) || names(&tls.up_to_13)) {
        (false, true, _) => Some(Cause::Tls13),
        (false, false, true) => Some(Cause::ServerName),
        _ if tls.asks_certificate => Some(Cause::ClientCertificate),
        _ => None,
    }
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
    /// The targets whose failing health check is put down to this cause.
    pub(super) fn blamed(&self, wanted: Cause) -> Vec<One<'e>> {
        self.those(|one| cause(&self.checked, one.address, one.target) == Some(wanted))
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
    /// How bad a failing health check is, and what clients see of it.
    pub(super) fn failing(&self, rule: &Rule, field: &str, ones: &[One<'_>], answering: bool) -> Finding {
        let codes = self.checked.codes();
        let check = |one: &One<'_>| one.saw.health_check(codes.as_ref()).map(Exchange::in_words);
        let mut detail = self.checked.clients_see(answering);
        if ones.iter().any(|one| one.saw.vantage == Vantage::SameHost) {
            detail.push_str(" Seen from the target's own machine: ask from another one to be sure.");
        }
        self.finding(rule, self.checked.failing(), field, ones, "probe.health_check", check).detailed(detail)
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
    /// The first of these targets' answer to the health check, in words.
    pub(super) fn seen(&self, ones: &[One<'_>]) -> String {
        let codes = self.checked.codes();
        let check = ones.first().and_then(|one| one.saw.health_check(codes.as_ref()));
        check.map(Exchange::in_words).unwrap_or_default()
    }
}
