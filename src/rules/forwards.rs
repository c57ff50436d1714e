//! Forwards: every action that sends requests to groups, in effect and as the files declare it.
//!
//! A forward to one group is always on; in one to several, weights decide, and a group at weight 0 gets no new
//! requests.

use super::members::Members;
use super::{Evidence, Finding, Rule, Severity};
use crate::model::Address;
use crate::model::kind::{Action, Forward};

/// A forward in effect.
pub(super) struct Forwarding<'e> {
    pub(super) evidence: &'e Evidence<'e>,
    /// The listener, for its default action, or the rule.
    pub(super) address: &'e Address,
    pub(super) action: &'e Action,
    pub(super) forward: &'e Forward,
    /// Whether every request to the listener takes it.
    pub(super) alone: bool,
}

impl<'e> Forwarding<'e> {
    /// Every forward.
    pub(super) fn all(evidence: &'e Evidence<'e>) -> impl Iterator<Item = Self> {
        evidence.listeners().flat_map(move |(listener, _)| {
            let alone = evidence.rules_of(listener).is_empty();
            evidence.actions_of(listener).filter_map(move |(address, action)| match action {
                Action::Forward(forward) => Some(Self { evidence, address, action, forward, alone }),
                Action::Redirect(_) | Action::FixedResponse(_) => None,
            })
        })
    }
    /// The field, in the words of the language.
    pub(super) fn field(&self) -> &'static str {
        field(self.address)
    }
    /// The files' forward, where they send requests to the same groups by other weights of their own.
    pub(super) fn other_weights(&self) -> Option<&'e Forward> {
        let Some(Action::Forward(want)) = declared(self.evidence, self.address) else { return None };
        let same = want.to.keys().eq(self.forward.to.keys());
        Some(want).filter(|want| same && !want.external && want.to != self.forward.to)
    }
    /// The groups that get requests, with their targets and weights.
    pub(super) fn fed(&self) -> Vec<(Members<'e>, u16)> {
        let members = |(link, weight): (&'e crate::model::Link, u16)| {
            let address = link.address()?;
            Some((Members::of(self.evidence, address, self.evidence.target_group(address)?), weight))
        };
        self.action.groups().filter(|(_, weight)| *weight > 0).filter_map(members).collect()
    }
    /// "Every request to this listener", as far as this forward takes it.
    pub(super) fn whose(&self) -> &'static str {
        match (self.address.kind, self.alone) {
            (crate::model::Kind::Rule, _) => "every request that this rule takes",
            (_, true) => "every request to this listener",
            (_, false) => "every request that no rule takes",
        }
    }
    /// How bad it is that all of its requests fail.
    pub(super) fn total(&self) -> Severity {
        if self.alone { Severity::Critical } else { Severity::High }
    }
    /// A finding about this forward.
    pub(super) fn finding(&self, rule: &Rule, severity: Severity) -> Finding {
        rule.finding(severity, self.address, self.field()).evident(self.address, self.field(), shown(self.forward))
    }
}

/// The field of a listener's or a rule's forward.
pub(super) fn field(address: &Address) -> &'static str {
    if address.kind == crate::model::Kind::Rule { "forward" } else { "default.forward" }
}

/// The action that the files declare at this address.
pub(super) fn declared<'e>(evidence: &'e Evidence, address: &Address) -> Option<&'e Action> {
    let spec = evidence.declared(address)?;
    let of_rule = || spec.rule().and_then(|rule| rule.action.as_ref());
    spec.listener().and_then(|listener| listener.default.as_ref()).or_else(of_rule)
}

/// A forward's groups and weights as the language says them.
pub(super) fn shown(forward: &Forward) -> serde_json::Value {
    let weights = forward.to.iter().map(|(group, weight)| (group.to_string(), (*weight).into()));
    serde_json::Value::Object(weights.collect())
}

/// The same in one line: `blue 100, green 0`.
pub(super) fn in_words(forward: &Forward) -> String {
    let weights = forward.to.iter().map(|(group, weight)| format!("{group} {weight}"));
    weights.collect::<Vec<_>>().join(", ")
}
