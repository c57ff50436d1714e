//! Health-checked groups: what the check asks, what AWS says of the targets, and whose fault it is.
//!
//! One failing check can have several suspects, and drift rarely comes alone. [`Checked::blame`] puts each
//! unhealthy target at exactly one door, so that of the health-check rules only the causally right one is
//! critical; a setting that merely differs from the files is reported by its rule as latent.

use serde_json::{Value, json};

use super::{Evidence, Finding, Rule, Severity, cause, probed};
use crate::model::kind::{HealthCheck, Target, TargetGroup};
use crate::model::value::{CheckPort, CodeMatcher, Protocol, ProtocolVersion, TargetType};
use crate::model::{Address, TargetHealth};

/// How many targets a finding cites; the rest is a number.
pub(super) const CITED: usize = 3;
/// The shorter one of the two defaults that AWS's pages name for a health check's timeout, in seconds.
const TIMEOUT: u32 = 5;

/// What an unhealthy target's failure is put down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspect {
    /// The check's protocol.
    Protocol,
    /// The check's port.
    Port,
    /// The check's path, or the application's answer to it.
    Path,
    /// The success codes.
    Codes,
}

/// A health-checked group with what is known of its targets.
pub(super) struct Checked<'e> {
    pub(super) evidence: &'e Evidence<'e>,
    pub(super) address: &'e Address,
    pub(super) group: &'e TargetGroup,
    /// What the files declare of the check; nothing where they do not mention the group.
    pub(super) want: HealthCheck,
    /// The targets whose health is decided: in service or out of it.
    pub(super) judged: Vec<(&'e Address, &'e Target, &'e TargetHealth)>,
}

impl<'e> Checked<'e> {
    /// Every group of instances or addresses.
    pub(super) fn all(evidence: &'e Evidence<'e>) -> impl Iterator<Item = Self> {
        let checked = |group: &TargetGroup| group.target_type != Some(TargetType::Lambda);
        let groups = evidence.target_groups().filter(move |(_, group)| checked(group));
        groups.map(move |(address, group)| Self::of(evidence, address, group))
    }
    /// One group.
    pub(super) fn of(evidence: &'e Evidence<'e>, address: &'e Address, group: &'e TargetGroup) -> Self {
        let declared = evidence.declared(address).and_then(|spec| spec.target_group());
        let judged = evidence
            .targets_of(address)
            .filter_map(|(a, target)| evidence.health.get(a).map(|health| (a, target, health)))
            .filter(|(_, _, health)| health.is_healthy() || health.is_unhealthy());
        let want = declared.map(|group| group.health_check.clone()).unwrap_or_default();
        Self { evidence, address, group, want, judged: judged.collect() }
    }

    pub(super) fn grpc(&self) -> bool {
        self.group.protocol_version == Some(ProtocolVersion::Grpc)
    }
    pub(super) fn path(&self) -> &str {
        let default = if self.grpc() { "/AWS.ALB/healthcheck" } else { "/" };
        self.group.health_check.path.as_deref().unwrap_or(default)
    }
    pub(super) fn port(&self) -> CheckPort {
        self.group.health_check.port.unwrap_or(CheckPort::Traffic)
    }
    pub(super) fn protocol(&self) -> Protocol {
        self.group.health_check.protocol.unwrap_or(Protocol::Http)
    }
    /// What the load balancer speaks to the targets.
    pub(super) fn traffic_protocol(&self) -> Protocol {
        self.group.protocol.unwrap_or(Protocol::Http)
    }
    /// In seconds.
    pub(super) fn timeout(&self) -> u32 {
        self.group.health_check.timeout.unwrap_or(TIMEOUT)
    }
    pub(super) fn codes(&self) -> Option<CodeMatcher> {
        let default = if self.grpc() { "12" } else { "200" };
        self.group.health_check.success_codes.clone().or_else(|| default.parse().ok())
    }
    pub(super) fn accepts(&self, code: u16) -> bool {
        self.codes().is_some_and(|codes| codes.accepts(code))
    }

    /// The declared path, where it is not the one in effect; likewise the next three.
    pub(super) fn other_path(&self) -> Option<&str> {
        self.want.path.as_deref().filter(|path| *path != self.path())
    }
    pub(super) fn other_port(&self) -> Option<CheckPort> {
        self.want.port.filter(|port| *port != self.port())
    }
    pub(super) fn other_protocol(&self) -> Option<Protocol> {
        self.want.protocol.filter(|protocol| *protocol != self.protocol())
    }
    pub(super) fn other_codes(&self) -> Option<&CodeMatcher> {
        self.want.success_codes.as_ref().filter(|codes| Some(*codes) != self.codes().as_ref())
    }
    /// Whether the check speaks another protocol than the traffic.
    pub(super) fn speaks_otherwise(&self) -> bool {
        self.group.protocol.is_some_and(|protocol| protocol != self.protocol())
    }
    /// The check's port, where it is a fixed one that is not this target's traffic port.
    pub(super) fn off_port(&self, target: &Target) -> Option<u16> {
        match self.port() {
            CheckPort::Traffic => None,
            CheckPort::Fixed(port) => Some(port).filter(|port| Some(*port) != target.port),
        }
    }

    /// What an unhealthy target's failure is put down to, by AWS's reason code. A connection that breaks
    /// points at the protocol, then the port; silence at the port, then the protocol; an answer with a
    /// wrong code came from somebody who speaks HTTP, so at codes and path.
    pub(super) fn blame(&self, target: &Target, health: &TargetHealth) -> Option<Suspect> {
        let protocol = (self.other_protocol().is_some() || self.speaks_otherwise()).then_some(Suspect::Protocol);
        let port = (self.other_port().is_some() || self.off_port(target).is_some()).then_some(Suspect::Port);
        match health.reason.as_deref() {
            Some("Target.FailedHealthChecks") => protocol.or(port),
            Some("Target.Timeout") => port.or(protocol),
            Some("Target.ResponseCodeMismatch") => {
                let codes = health.codes();
                let fine = |code: &u16| {
                    (200..300).contains(code) || self.want.success_codes.as_ref().is_some_and(|m| m.accepts(*code))
                };
                if !codes.is_empty() && codes.iter().all(fine) {
                    Some(Suspect::Codes)
                } else if codes.contains(&400) && protocol.is_some() {
                    Some(Suspect::Protocol)
                } else if self.other_path().is_none() && self.other_port().is_some() {
                    Some(Suspect::Port)
                } else {
                    Some(Suspect::Path)
                }
            }
            _ => None,
        }
    }
    /// The unhealthy targets that are put down to this suspect.
    pub(super) fn blamed(&self, suspect: Suspect) -> Vec<(&'e Address, &'e Target, &'e TargetHealth)> {
        let unhealthy = self.judged.iter().filter(|(_, _, health)| health.is_unhealthy());
        // what a probe has a better explanation for is another rule's
        let open = unhealthy.filter(|(address, target, _)| cause::cause(self, address, target).is_none());
        open.filter(|(_, target, health)| self.blame(target, health) == Some(suspect)).copied().collect()
    }
    pub(super) fn healthy(&self) -> usize {
        self.judged.iter().filter(|(_, _, health)| health.is_healthy()).count()
    }
    /// Whether every target that is judged is in service.
    pub(super) fn all_healthy(&self) -> bool {
        !self.judged.is_empty() && self.healthy() == self.judged.len()
    }

    /// How bad failing checks are: nothing in service, some in service, or no requests for this group.
    pub(super) fn failing(&self) -> Severity {
        match (self.evidence.serves(self.address), self.healthy()) {
            (false, _) => Severity::Medium,
            (true, 0) => Severity::Critical,
            (true, _) => Severity::High,
        }
    }
    /// How bad a setting is that only differs from the files: checks that pass everywhere prove that it
    /// does no harm, unless they no longer watch the port that serves.
    pub(super) fn latent(&self) -> Severity {
        let blind = self.judged.iter().any(|(_, target, _)| self.off_port(target).is_some());
        if self.all_healthy() && !(blind && self.other_port().is_some()) { Severity::Low } else { Severity::Medium }
    }

    /// What clients see while checks fail, `answering` saying whether targets answer HTTP at all.
    pub(super) fn clients_see(&self, answering: bool) -> String {
        let (all, healthy) = (self.judged.len(), self.healthy());
        if !self.evidence.serves(self.address) {
            return "Clients see nothing now: no requests go to this group. It could not take over.".to_owned();
        }
        if healthy > 0 {
            let out = match all - healthy {
                1 => format!("1 of {all} targets is"),
                out => format!("{out} of {all} targets are"),
            };
            return format!(
                "Clients see 502 or 504 once the healthy targets cannot carry the whole load: {out} out of service."
            );
        }
        let apart = self.port() != CheckPort::Traffic || self.speaks_otherwise();
        let see = match (answering, apart) {
            (true, _) => "Clients get whatever the application answers, working or not",
            (false, true) => "Clients get 502 or 504 if the traffic port is dead as well",
            (false, false) => "Clients get 502 or 504",
        };
        format!(
            "{see}: no target is healthy, so the load balancer fails open and sends requests to all of them; there is \
             no 503. ECS and Auto Scaling replace targets that stay unhealthy, which clients see as 502 and 503."
        )
    }
    /// What clients see while a setting only differs from the files.
    pub(super) fn not_yet(&self) -> &'static str {
        if self.all_healthy() {
            "Clients see nothing of it now: every target passes the check as it is. But it is not the check that the file describes, and may pass where that one would fail."
        } else {
            "Nothing proves yet that it hurts. If targets fail the check as it is, they leave service; once none is left, clients see 502 or 504."
        }
    }

    /// "targets", "the target" or "2 of 3 targets", for so many of the judged ones.
    pub(super) fn who(&self, count: usize) -> String {
        match (count, self.judged.len()) {
            (1, 1) => "the target".to_owned(),
            (n, all) if n == all => "targets".to_owned(),
            (n, all) => format!("{n} of {all} targets"),
        }
    }

    /// A finding about a field of the check, with the field and the targets as evidence.
    pub(super) fn finding(
        &self,
        rule: &Rule,
        severity: Severity,
        field: &str,
        value: impl serde::Serialize,
        targets: &[(&Address, &Target, &TargetHealth)],
    ) -> Finding {
        let mut finding = rule.finding(severity, self.address, field).evident(self.address, field, value);
        // a probe's report shows each finding at its targets
        let cited = |(at, (address, ..)): &(usize, &(&Address, &Target, &TargetHealth))| {
            *at < CITED || (*at < probed::CITED && self.evidence.probed.contains_key(*address))
        };
        for (_, (address, _, health)) in targets.iter().enumerate().filter(cited) {
            finding = finding.evident(address, "health", shown(health));
        }
        if targets.len() > CITED {
            finding = finding.evident(self.address, "unhealthy_targets", targets.len());
        }
        finding
    }
}

pub(super) fn shown(health: &TargetHealth) -> Value {
    json!({ "state": health.state, "reason": health.reason, "description": health.description })
}

/// A path short enough for a title.
pub(super) fn brief(path: &str) -> String {
    let path = if path.is_empty() { "/" } else { path };
    if path.chars().count() <= 32 { path.to_owned() } else { path.chars().take(31).chain(['…']).collect() }
}

/// "404", or "301 and 404".
pub(super) fn listed(codes: &[u16]) -> String {
    codes.iter().map(u16::to_string).collect::<Vec<_>>().join(" and ")
}

/// The codes of several targets, each once.
pub(super) fn codes_of(targets: &[(&Address, &Target, &TargetHealth)]) -> Vec<u16> {
    let mut codes: Vec<u16> = targets.iter().flat_map(|(_, _, health)| health.codes()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}
