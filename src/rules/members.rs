//! The registered targets of a group, AWS's word on each, and what their loss does to clients.
//!
//! Unlike [`checked`](super::checked) this looks at every target of every kind of group, at those too that are no
//! longer checked: stopped, unusable, in a zone that is not enabled.

use super::checked::{CITED, shown};
use super::{Evidence, Finding, Severity};
use crate::model::kind::{Target, TargetGroup};
use crate::model::{Address, TargetHealth};

/// A registered target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'e> {
    pub(super) address: &'e Address,
    pub(super) target: &'e Target,
    pub(super) health: Option<&'e TargetHealth>,
}

impl Member<'_> {
    fn is(&self, test: fn(&TargetHealth) -> bool) -> bool {
        self.health.is_some_and(test)
    }
}

/// A group's registered targets.
pub(super) struct Members<'e> {
    evidence: &'e Evidence<'e>,
    pub(super) address: &'e Address,
    pub(super) group: &'e TargetGroup,
    pub(super) all: Vec<Member<'e>>,
}

impl<'e> Members<'e> {
    /// Every group.
    pub(super) fn groups(evidence: &'e Evidence<'e>) -> impl Iterator<Item = Self> {
        evidence.target_groups().map(|(address, group)| Self::of(evidence, address, group))
    }
    /// One group.
    pub(super) fn of(evidence: &'e Evidence<'e>, address: &'e Address, group: &'e TargetGroup) -> Self {
        let member = |(address, target)| Member { address, target, health: evidence.health.get(address) };
        Self { evidence, address, group, all: evidence.targets_of(address).map(member).collect() }
    }

    /// The targets whose health is such.
    pub(super) fn that(&self, test: fn(&TargetHealth) -> bool) -> Vec<Member<'e>> {
        self.all.iter().filter(|member| member.is(test)).copied().collect()
    }
    /// The targets with this reason code.
    pub(super) fn by_reason(&self, reason: &str) -> Vec<Member<'e>> {
        let has = |member: &&Member| member.health.is_some_and(|h| h.reason.as_deref() == Some(reason));
        self.all.iter().filter(has).copied().collect()
    }
    /// How many targets requests are sent to.
    pub(super) fn ready(&self) -> usize {
        self.that(TargetHealth::is_ready).len()
    }
    /// Whether some action sends requests here.
    pub(super) fn serves(&self) -> bool {
        self.evidence.serves(self.address)
    }

    /// Whether requests to it are known to fail: no target at all, or every one out of service.
    pub(super) fn is_dead(&self) -> bool {
        // what is not in use is not checked: nobody knows
        let unknown = |h: &TargetHealth| h.reason.as_deref() == Some("Target.NotInUse") || h.state.is_none();
        let out = |h: &TargetHealth| !h.is_ready() && !h.is_initial() && !unknown(h);
        self.evidence.empty.contains(self.address)
            || !self.all.is_empty() && self.all.iter().all(|m| m.health.is_some_and(out))
    }

    /// How bad it is that targets get no requests: none is left, some are, or none are sent anyway.
    pub(super) fn loss(&self) -> Severity {
        match (self.serves(), self.ready()) {
            (true, 0) => Severity::Critical,
            (true, _) => Severity::Medium,
            (false, _) => Severity::Low,
        }
    }
    /// What clients see of so many targets that get no requests.
    pub(super) fn clients_see(&self, out: usize) -> String {
        match (self.serves(), self.ready()) {
            (false, _) => "Clients see nothing now: no requests go to this group.".to_owned(),
            (true, 0) if self.that(TargetHealth::is_unhealthy).is_empty() => {
                "Clients get 503: no target is left that requests could be sent to.".to_owned()
            }
            (true, 0) => "Clients get 502 or 504: no healthy target is left, so the load balancer fails open and \
                          sends requests to the unhealthy ones."
                .to_owned(),
            (true, ready) => format!(
                "Clients see 502, 503 or 504 once the {ready} remaining {} cannot carry the whole load: {out} of {} get \
                 no requests.",
                if ready == 1 { "target" } else { "targets" },
                self.all.len()
            ),
        }
    }
    /// "the target", "both targets", "2 of 3 targets".
    pub(super) fn who(&self, count: usize) -> String {
        match (count, self.all.len()) {
            (1, 1) => "the target".to_owned(),
            (2, 2) => "both targets".to_owned(),
            (n, all) if n == all => format!("all {n} targets"),
            (n, all) => format!("{n} of {all} targets"),
        }
    }
}

/// The labels of targets, the first few: `10.0.1.10:8000, 10.0.2.10:8000 and 3 more`.
pub(super) fn labels<'e>(targets: impl IntoIterator<Item = &'e Target>) -> String {
    let all: Vec<String> = targets.into_iter().map(Target::label).collect();
    match all.len().checked_sub(CITED) {
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..CITED].join(", ")),
    }
}

/// The same finding with the health of some targets as evidence.
pub(super) fn cite(finding: Finding, group: &Address, members: &[Member]) -> Finding {
    let mut finding = finding;
    for member in members.iter().take(CITED) {
        finding = match member.health {
            Some(health) => finding.evident(member.address, "health", shown(health)),
            None => finding.evident(member.address, "registered", true),
        };
    }
    if members.len() > CITED { finding.evident(group, "targets", members.len()) } else { finding }
}

/// "is" or "are".
pub(super) const fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}
