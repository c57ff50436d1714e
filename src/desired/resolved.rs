//! The files' meaning: one spec for each address, and the place of every field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::origins::Origins;
use crate::model::{Address, FieldPath, Id, Link, Place, Sources, Span, Spec};

/// What the desired files say, with names turned into addresses and shorthands into one form.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    /// The files, for messages.
    pub files: Sources,
    /// Who owns what these files create.
    pub stack: String,
    /// The only account they may run in.
    pub account: String,
    /// The region.
    pub region: String,
    /// Blast radius.
    pub limits: Limits,
    /// Of which parts of a resource the files name all there shall be: what they do not mention is removed.
    pub exclusive: BTreeMap<Address, BTreeSet<Part>>,
    /// Load balancers whose settings that the files do not mention go back to AWS's default.
    pub reset: BTreeSet<Address>,
    /// One spec for each declared resource. Links are addresses, ids or selectors. Stack-wide tags
    /// were added to the tags of everything that is not `existing`.
    pub specs: BTreeMap<Address, Spec>,
    /// Where each declared field stands.
    pub sources: Origins,
    /// Resources that are never created, replaced or deleted.
    pub existing: BTreeSet<Address>,
    /// Target groups whose `targets` are declared: exactly those shall be registered.
    pub membership: BTreeSet<Address>,
    /// Resources that the files name by their AWS id.
    pub pinned: BTreeMap<Address, Id>,
    /// The VPC that narrows a load balancer's subnet selectors.
    pub within: BTreeMap<Address, Link>,
    /// What is known of the applications behind target groups.
    pub backends: BTreeMap<Address, Backend>,
    /// Findings that are accepted, by the resource that they are accepted on.
    pub accepted: BTreeMap<Address, Vec<Acceptance>>,
    /// The rules of each listener in the order of the files.
    pub rule_order: BTreeMap<Address, Vec<Address>>,
}

/// Findings of a rule on a resource that are known and accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The rule's code or name, as it was written.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// The last day on which they are.
    pub until: Date,
    /// Where it is said.
    pub at: Span,
}

/// What the files know of the application behind a target group: for rules and probe only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backend {
    /// `gunicorn`, `nginx`, …
    pub server: Option<String>,
    /// How long it keeps an idle connection open, in seconds.
    pub keep_alive: Option<u32>,
    /// Its slowest request, in seconds.
    pub slowest_request: Option<u32>,
    /// How long it may take to stop, in seconds.
    pub stop_grace: Option<u32>,
    /// How long it waits for the rest of a request, in seconds.
    pub read_timeout: Option<u32>,
    /// With a proxy in front of the application: how long the proxy keeps an idle connection to it, in seconds.
    pub proxy_keep_alive: Option<u32>,
    /// How long the application keeps an idle connection of that proxy open, in seconds.
    pub inner_keep_alive: Option<u32>,
    /// The address it listens on, `host:port`.
    pub bind: Option<String>,
}

/// A part of a resource that can be exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A load balancer's listeners.
    Listeners,
    /// The rules of a load balancer's declared listeners.
    Rules,
    /// The certificates by server name of a load balancer's declared listeners.
    SniCertificates,
    /// What a security group lets in.
    Ingress,
    /// What a security group lets out.
    Egress,
}

impl Part {
    /// What a load balancer's `exclusive` takes.
    pub const OF_LOAD_BALANCER: &'static [&'static str] = &["listeners", "rules", "sni_certificates"];
    /// What a security group's `exclusive` takes.
    pub const OF_SECURITY_GROUP: &'static [&'static str] = &["ingress", "egress"];

    /// The word in the language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listeners => "listeners",
            Self::Rules => "rules",
            Self::SniCertificates => "sni_certificates",
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl std::str::FromStr for Part {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Listeners, Self::Rules, Self::SniCertificates, Self::Ingress, Self::Egress];
        all.into_iter().find(|part| part.as_str() == text).ok_or(())
    }
}

/// A limit on how much one run may touch: a share or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Percent of what there is.
    Percent(u8),
    /// So many.
    Count(u32),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

/// Blast radius of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of a group's healthy targets.
    pub targets: Limit,
    /// Of a listener's rules.
    pub rules: Limit,
    /// Of a load balancer's listeners.
    pub listeners: Limit,
}

impl Default for Limits {
    fn default() -> Self {
        Self { targets: Limit::Percent(50), rules: Limit::Percent(50), listeners: Limit::Count(1) }
    }
}

impl Resolved {
    /// Whether the files name all there shall be of this part of a resource.
    pub fn is_exclusive(&self, address: &Address, part: Part) -> bool {
        self.exclusive.get(address).is_some_and(|parts| parts.contains(&part))
    }
    /// Where a field is declared; the nearest enclosing key if the field itself is not.
    pub fn span(&self, address: &Address, field: &FieldPath) -> Option<Span> {
        let mut path = field.as_str();
        loop {
            match self.sources.get(address, path) {
                None if !path.is_empty() => path = path.rsplit_once('.').map_or("", |(head, _)| head),
                found => return found,
            }
        }
    }
    /// [`span`](Self::span) as file, line and column.
    pub fn place(&self, address: &Address, field: &FieldPath) -> Option<Place> {
        self.span(address, field).and_then(|span| self.files.place(span))
    }
}
