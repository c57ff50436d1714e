//! What a rule may look at: an effective state, and what is known around it.
//!
//! The same rules judge the files alone, the live state, and the state after a plan. Building the
//! evidence is `plan`'s work (or `validate`'s); a rule only reads it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::OnceLock;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::paths::Paths;
use crate::cloud::{Facts, Network, Subnet};
use crate::desired::{Backend, Resolved};
use crate::model::attribute::{self, Attribute};
use crate::model::kind::{Action, Certificate, Listener, LoadBalancer, Rule, SecurityGroup, Target, TargetGroup};
use crate::model::traffic::Traffic;
use crate::model::{Address, Id, Kind, Link, Spec, TargetHealth};
use crate::probe::Observations;

/// What evidence there is, and what a rule needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The desired files, for what only they say (a backend's keep-alive).
    Desired,
    /// The live state.
    Live,
    /// Target health.
    Health,
    /// Security groups and interfaces around the targets.
    Network,
    /// The network ACLs of their subnets.
    Acls,
    /// The route tables of their subnets.
    Routes,
    /// The networks of the prefix lists that security groups and routes name.
    PrefixLists,
    /// The certificates' names and states.
    Certificates,
    /// A probe's observations.
    Probe,
    /// CloudWatch metrics.
    Metrics,
    /// Access logs.
    Logs,
}

impl Need {
    /// The need in words, after "needs".
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Desired => "desired files",
            Self::Live => "the live state",
            Self::Health => "target health",
            Self::Network => "the network around the targets",
            Self::Acls => "the subnets' network ACLs",
            Self::Routes => "the subnets' route tables",
            Self::PrefixLists => "the networks of prefix lists",
            Self::Certificates => "the certificates in ACM",
            Self::Probe => "a probe",
            Self::Metrics => "metrics",
            Self::Logs => "access logs",
        }
    }
}

/// A state and what is known around it.
#[derive(Clone, Debug, Default)]
pub struct Evidence<'a> {
    /// The resources in effect. Links are addresses wherever the thing has one; live things that the
    /// files do not mention have addresses too (`rule/web:443/#20`, `security_group/sg-0123`).
    pub state: Cow<'a, BTreeMap<Address, Spec>>,
    /// What the files say, where there are files.
    pub desired: Option<&'a Resolved>,
    /// Facts about live resources.
    pub facts: BTreeMap<Address, Facts>,
    /// Health that AWS reports for the settings in `state`. A target whose group's health check or
    /// path differs in `state` from what AWS judged has no entry.
    pub health: BTreeMap<Address, TargetHealth>,
    /// The interface that owns each target address.
    pub interfaces: BTreeMap<IpAddr, Attached>,
    /// The load balancers' subnets.
    pub subnets: BTreeMap<Id, Subnet>,
    /// Network ACLs, routes and prefix lists around load balancers and targets.
    pub network: Network,
    /// The zones that each load balancer has a subnet in, where all of its subnets are known.
    pub zones: BTreeMap<Address, BTreeSet<String>>,
    /// The zone of each target, where it is known.
    pub target_zones: BTreeMap<Address, String>,
    /// Groups without a registered target: AWS says so, or the files do.
    pub empty: BTreeSet<Address>,
    /// Targets that are being deregistered; they are not in `state`.
    pub leaving: BTreeSet<Address>,
    /// Groups that somebody else fills, whatever the files say.
    pub fed: BTreeSet<Address>,
    /// What a probe saw of targets.
    pub probed: BTreeMap<Address, Observations>,
    /// Declared resources that were as the files say and are not any more: somebody changed AWS.
    pub drifted: BTreeSet<Address>,
    /// Declared resources that are not as the files say because the files changed since they were applied.
    pub pending: BTreeSet<Address>,
    /// What access logs and metrics counted, by the addresses of `state`.
    pub traffic: Option<Traffic>,
    /// What kinds of evidence are there.
    pub available: BTreeSet<Need>,
    /// The moment of judging.
    pub now: Option<Timestamp>,
    /// Which listeners lead to which group, once somebody asked.
    pub ways: Ways,
    /// What lies between load balancers and targets, once somebody asked.
    pub paths: Paths,
}

/// Where a target stands in the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// Its security groups, as addresses in `state`.
    pub groups: BTreeSet<Address>,
    /// Its subnet.
    pub subnet: Option<Id>,
    /// Its VPC.
    pub vpc: Option<Id>,
    /// The instance that is reached at this address when it is a target.
    pub reached_as: Option<String>,
}

/// By group: the listeners that lead to it, with their weights. Made from the state at the first question.
#[derive(Debug, Default)]
pub struct Ways(OnceLock<BTreeMap<Address, Vec<(Address, u16)>>>);

impl Clone for Ways {
    /// A copy asks anew: its state may be changed.
    fn clone(&self) -> Self {
        Self::default()
    }
}

macro_rules! of_kind {
    ($($all:ident, $one:ident, $kind:ident;)+) => {
        $(
            #[doc = concat!("Every `", stringify!($kind), "` in effect.")]
            pub fn $all(&self) -> impl Iterator<Item = (&Address, &$kind)> {
                self.below(Kind::$kind, String::new()).filter_map(|(address, spec)| Some((address, spec.$one()?)))
            }
            #[doc = concat!("The `", stringify!($kind), "` with this address.")]
            pub fn $one(&self, address: &Address) -> Option<&$kind> {
                self.state.get(address).and_then(Spec::$one)
            }
        )+
    };
}

impl Evidence<'_> {
    of_kind! {
        load_balancers, load_balancer, LoadBalancer;
        listeners, listener, Listener;
        rules, rule, Rule;
        target_groups, target_group, TargetGroup;
        targets, target, Target;
        certificates, certificate, Certificate;
        security_groups, security_group, SecurityGroup;
    }

    /// Everything of a kind whose name begins like this. Names nest with their parents' names, so that a
    /// parent's children lie beside each other.
    fn below(&self, kind: Kind, prefix: String) -> impl Iterator<Item = (&Address, &Spec)> {
        let from = Address::new(kind, prefix.as_str());
        self.state.range(from..).take_while(move |(a, _)| a.kind == kind && a.name.starts_with(&prefix))
    }
    /// The spec as the files declare it, undeclared fields being `None`.
    pub fn declared(&self, address: &Address) -> Option<&Spec> {
        self.desired.and_then(|desired| desired.specs.get(address))
    }
    /// What the files know of the application behind a group.
    pub fn backend(&self, group: &Address) -> Option<&Backend> {
        self.desired.and_then(|desired| desired.backends.get(group))
    }
    /// The targets of a group.
    pub fn targets_of(&self, group: &Address) -> impl Iterator<Item = (&Address, &Target)> {
        let own = self.below(Kind::Target, format!("{}/", group.name));
        let own = own.filter_map(|(address, spec)| Some((address, spec.target()?)));
        own.filter(move |(_, target)| target.target_group.address() == Some(group))
    }
    /// The targets that the files declare for a group; `None` where its members are somebody else's.
    pub fn declared_targets(&self, group: &Address) -> Option<Vec<(&Address, &Target)>> {
        let desired = self.desired.filter(|d| d.membership.contains(group) && !self.fed.contains(group))?;
        let prefix = format!("{}/", group.name);
        let from = Address::new(Kind::Target, prefix.as_str());
        let own =
            desired.specs.range(from..).take_while(|(a, _)| a.kind == Kind::Target && a.name.starts_with(&prefix));
        Some(own.filter_map(|(address, spec)| Some((address, spec.target()?))).collect())
    }
    /// The listeners of a load balancer.
    pub fn listeners_of(&self, load_balancer: &Address) -> impl Iterator<Item = (&Address, &Listener)> {
        let own = self.below(Kind::Listener, format!("{}:", load_balancer.name));
        let own = own.filter_map(|(address, spec)| Some((address, spec.listener()?)));
        own.filter(move |(_, listener)| listener.load_balancer.address() == Some(load_balancer))
    }
    /// The rules of a listener, by priority.
    pub fn rules_of(&self, listener: &Address) -> Vec<(&Address, &Rule)> {
        let own = self.below(Kind::Rule, format!("{}/", listener.name));
        let own = own.filter_map(|(address, spec)| Some((address, spec.rule()?)));
        let mut rules: Vec<_> = own.filter(|(_, rule)| rule.listener.address() == Some(listener)).collect();
        rules.sort_by_key(|(address, rule)| (rule.priority, (*address).clone()));
        rules
    }
    /// Every action of a listener: its default's (address of the listener) and its rules'.
    pub fn actions_of<'s>(&'s self, listener: &'s Address) -> impl Iterator<Item = (&'s Address, &'s Action)> {
        let default = self.listener(listener).and_then(|l| l.default.as_ref()).map(|action| (listener, action));
        let rules =
            self.rules_of(listener).into_iter().filter_map(|(a, rule)| rule.action.as_ref().map(|act| (a, act)));
        default.into_iter().chain(rules)
    }
    /// The load balancers whose listeners forward to a group, each once.
    pub fn load_balancers_of(&self, group: &Address) -> BTreeSet<&Address> {
        let listeners = self.led_to(group).iter().filter_map(|(listener, _)| self.listener(listener));
        listeners.filter_map(|listener| listener.load_balancer.address()).collect()
    }
    /// Whether some action sends requests to a group: a group at weight 0 gets none.
    pub fn serves(&self, group: &Address) -> bool {
        self.led_to(group).iter().any(|(_, weight)| *weight > 0)
    }
    /// Whether some action names a group, with whatever weight: only then AWS checks its targets.
    pub fn in_use(&self, group: &Address) -> bool {
        !self.led_to(group).is_empty()
    }
    /// The listeners that lead to a group, with the weights, found once for all groups.
    fn led_to(&self, group: &Address) -> &[(Address, u16)] {
        let ways = self.ways.0.get_or_init(|| {
            let mut ways: BTreeMap<Address, Vec<(Address, u16)>> = BTreeMap::new();
            for (listener, _) in self.listeners() {
                for (link, weight) in self.actions_of(listener).flat_map(|(_, action)| action.groups()) {
                    if let Some(group) = link.address() {
                        ways.entry(group.clone()).or_default().push((listener.clone(), weight));
                    }
                }
            }
            ways
        });
        ways.get(group).map(Vec::as_slice).unwrap_or_default()
    }
    /// Whether there is evidence of this kind.
    pub fn has(&self, need: Need) -> bool {
        self.available.contains(&need)
    }
    /// Whether the files leave open what AWS has here: the resource exists, and nobody read it.
    pub fn unread(&self, address: &Address) -> bool {
        let existing = |desired: &Resolved| {
            let mut at = Some(address.clone());
            while let Some(address) = at {
                if desired.existing.contains(&address) {
                    return true;
                }
                at = address.parent();
            }
            false
        };
        !self.has(Need::Live) && self.desired.is_some_and(existing)
    }
    /// An attribute in effect: its value in `state`, else AWS's default. `None` where the value is
    /// somebody else's and was not read.
    pub fn attribute(&self, address: &Address, key: &str) -> Option<&str> {
        let (attributes, table) = match self.state.get(address)? {
            Spec::LoadBalancer(s) => (&s.attributes, attribute::LOAD_BALANCER),
            Spec::Listener(s) => (&s.attributes, attribute::LISTENER),
            Spec::TargetGroup(s) => (&s.attributes, attribute::TARGET_GROUP),
            Spec::SecurityGroup(_) | Spec::Certificate(_) | Spec::Target(_) | Spec::Rule(_) => return None,
        };
        match attributes.get(key) {
            Some(value) => Some(value),
            None if self.unread(address) => None,
            None => Attribute::find(table, key).and_then(|a| a.default),
        }
    }
    /// An attribute in effect, as a number of seconds.
    pub fn seconds(&self, address: &Address, key: &str) -> Option<u32> {
        self.attribute(address, key).and_then(|value| value.parse().ok())
    }
    /// The address a link points to, whatever its kind.
    pub fn resolve<'l>(&self, link: &'l Link, kind: Kind) -> Option<&'l Address> {
        link.address().filter(|a| a.kind == kind)
    }
}
