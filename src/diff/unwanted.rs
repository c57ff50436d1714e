//! What a declared resource has on AWS and shall not have: beyond what a comparison of fields says.
//!
//! Fields are additive: a security group's rules, certificates by server name, attributes that nobody
//! declared. This is what goes all the same: what this stack once added and no file mentions any more,
//! what an `exclusive` part holds besides the declared, what `undeclared: reset` sets back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bind::Bound;
use super::ownership::{Owner, owner};
use crate::cloud::Live;
use crate::desired::{Part, Resolved};
use crate::model::attribute::{Attribute, LISTENER, LOAD_BALANCER};
use crate::model::kind::{Direction, Listener, SecurityGroup, TrafficRule};
use crate::model::value::IpAddressType;
use crate::model::{Address, FieldChange, Kind, Link, Mutability, Spec, Undeclared};

/// Attributes that `undeclared: reset` leaves alone: deletion protection, logs, zonal shift.
const NEVER_RESET: [&str; 5] =
    ["deletion_protection.", "access_logs.", "connection_logs.", "health_check_logs.", "zonal_shift."];

/// What goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unwanted {
    /// Rules of a security group.
    pub rules: Vec<(Direction, TrafficRule)>,
    /// Certificates by server name that are detached.
    pub certificates: Vec<Link>,
    /// Attributes that go back to AWS's default.
    pub attributes: BTreeMap<String, String>,
    /// Whether the address type goes back to AWS's default.
    pub address_type: bool,
}

/// What goes from every declared resource that has something to lose.
pub(super) fn find(desired: &Resolved, bound: &Bound) -> BTreeMap<Address, Unwanted> {
    let mut all = BTreeMap::new();
    for (address, live) in &bound.live {
        let Some(want) = bound.want.get(address) else {
            // a group that is not ours, and in which this stack has rules that no file mentions
            let nothing = SecurityGroup::default();
            let rules = rules(desired, bound, address, &nothing, live);
            if !rules.is_empty() && !is_ours(desired, &live.spec) {
                all.insert(address.clone(), Unwanted { rules, ..Unwanted::default() });
            }
            continue;
        };
        let unwanted = match (want, &live.spec) {
            (Spec::SecurityGroup(want), Spec::SecurityGroup(_)) => {
                Unwanted { rules: rules(desired, bound, address, want, live), ..Unwanted::default() }
            }
            (Spec::Listener(want), Spec::Listener(have)) => Unwanted {
                certificates: certificates(desired, bound, address, want, have),
                attributes: settings(desired, address, Listener::undeclared(have, want)),
                ..Unwanted::default()
            },
            (Spec::LoadBalancer(want), Spec::LoadBalancer(have)) => {
                let undeclared = crate::model::kind::LoadBalancer::undeclared(have, want);
                let address_type = undeclared.iter().any(|u| u.path.as_str() == "ip_address_type");
                Unwanted {
                    address_type: address_type && desired.reset.contains(address),
                    attributes: settings(desired, address, undeclared),
                    ..Unwanted::default()
                }
            }
            _ => continue,
        };
        if unwanted != Unwanted::default() {
            all.insert(address.clone(), unwanted);
        }
    }
    all
}

fn is_ours(desired: &Resolved, spec: &Spec) -> bool {
    spec.tags().is_some_and(|tags| matches!(owner(tags, &desired.stack), Owner::Ours(_)))
}

/// Rules that this stack made and no file mentions, and all others where the direction is exclusive.
fn rules(
    desired: &Resolved,
    bound: &Bound,
    address: &Address,
    want: &SecurityGroup,
    live: &Live,
) -> Vec<(Direction, TrafficRule)> {
    let Spec::SecurityGroup(group) = &live.spec else { return Vec::new() };
    // what is given away goes with its rules; see `stamp`
    let released = desired.existing.contains(address) && is_ours(desired, &live.spec);
    let mut unwanted = Vec::new();
    for direction in Direction::ALL {
        let part = if direction == Direction::Ingress { Part::Ingress } else { Part::Egress };
        let is_exclusive = desired.is_exclusive(address, part);
        let made_by = |rule: &TrafficRule| {
            let same = |made: &TrafficRule| bound.in_addresses(made.clone()).same_traffic(rule);
            let known = live.facts.group_rules().iter().find(|known| known.direction == direction && same(&known.rule));
            known.and_then(|known| known.stack.as_ref()).map(|stack| *stack == desired.stack)
        };
        let is_declared =
            |rule: &TrafficRule| want.rules(direction).into_iter().flatten().any(|w| w.same_traffic(rule));
        let going = group.rules(direction).into_iter().flatten();
        let goes = |rule: &TrafficRule| match made_by(rule) {
            Some(true) => is_exclusive || !released,
            // another stack's
            Some(false) => false,
            None => is_exclusive,
        };
        let going = going.filter(|rule| goes(rule) && !is_declared(rule));
        unwanted.extend(going.map(|rule| (direction, rule.clone())));
    }
    unwanted
}

/// Certificates by server name that no file mentions and that are this stack's, or all where they are exclusive.
fn certificates(desired: &Resolved, bound: &Bound, address: &Address, want: &Listener, have: &Listener) -> Vec<Link> {
    let is_exclusive = address.parent().is_some_and(|balancer| desired.is_exclusive(&balancer, Part::SniCertificates));
    let is_ours = |link: &Link| {
        let live = link.address().and_then(|address| bound.live.get(address));
        live.is_some_and(|live| is_ours(desired, &live.spec))
    };
    let is_dropped = |link: &Link| match (&want.sni_certificates, link.address()) {
        (Some(_), _) => true,
        // the listener says nothing of server names; but a certificate whose key is gone is let go
        (None, Some(certificate)) => !bound.want.contains_key(certificate),
        (None, None) => false,
    };
    let declared = want.sni_certificates.as_deref().unwrap_or_default();
    let going = have.sni_certificates.iter().flatten().filter(|link| !declared.contains(link));
    going.filter(|link| is_exclusive || (is_ours(link) && is_dropped(link))).cloned().collect()
}

/// The attributes that `undeclared: reset` sets back, with AWS's defaults.
fn settings(desired: &Resolved, address: &Address, undeclared: Vec<Undeclared>) -> BTreeMap<String, String> {
    let balancer = if address.kind == Kind::Listener { address.parent() } else { Some(address.clone()) };
    if !balancer.is_some_and(|balancer| desired.reset.contains(&balancer)) {
        return BTreeMap::new();
    }
    let table = if address.kind == Kind::Listener { LISTENER } else { LOAD_BALANCER };
    let key = |path: &str| table.iter().find(|a| Attribute::path_of(table, a.key) == path).map(|a| a.key);
    let one = |u: Undeclared| {
        let key = key(u.path.as_str()).filter(|key| !NEVER_RESET.iter().any(|never| key.starts_with(never)))?;
        Some((key.to_owned(), u.default.as_str()?.to_owned()))
    };
    undeclared.into_iter().filter_map(one).collect()
}

impl Unwanted {
    /// A live spec without what goes.
    #[must_use]
    pub fn taken_from(&self, live: Spec) -> Spec {
        match live {
            Spec::SecurityGroup(mut group) => {
                for direction in Direction::ALL {
                    if let Some(rules) = group.rules_mut(direction) {
                        rules.retain(|rule| !self.rules.iter().any(|(d, gone)| *d == direction && gone == rule));
                    }
                }
                Spec::SecurityGroup(group)
            }
            Spec::Listener(mut listener) => {
                if let Some(list) = &mut listener.sni_certificates {
                    list.retain(|link| !self.certificates.contains(link));
                }
                listener.attributes.extend(self.attributes.clone());
                Spec::Listener(listener)
            }
            Spec::LoadBalancer(mut balancer) => {
                balancer.attributes.extend(self.attributes.clone());
                if self.address_type {
                    balancer.ip_address_type = Some(IpAddressType::Ipv4);
                }
                Spec::LoadBalancer(balancer)
            }
            other @ (Spec::Certificate(_) | Spec::TargetGroup(_) | Spec::Target(_) | Spec::Rule(_)) => other,
        }
    }

    /// All fields that differ, what goes included.
    pub(super) fn compare(&self, live: &Spec, want: &Spec) -> Vec<FieldChange> {
        let kept = self.taken_from(live.clone());
        let mut fields = Spec::compare(&kept, want);
        let after = want.clone().over(&kept);
        for path in self.paths() {
            fields.retain(|field| field.path.as_str() != path);
            let (live, desired) = (shown(live, &path), shown(&after, &path));
            fields.push(FieldChange { path: path.into(), live, desired, mutability: Mutability::InPlace });
        }
        fields
    }

    /// Lets stay what would go by this field.
    pub(super) fn forget(&mut self, path: &str) {
        self.rules.retain(|(direction, _)| direction.key() != path);
        if path == "sni_certificates" {
            self.certificates.clear();
        }
        self.address_type &= path != "ip_address_type";
        let is = |key: &str| [LISTENER, LOAD_BALANCER].into_iter().any(|table| Attribute::path_of(table, key) == path);
        self.attributes.retain(|key, _| !is(key));
    }

    /// The fields that something goes from.
    fn paths(&self) -> Vec<String> {
        let directions = Direction::ALL.into_iter().filter(|d| self.rules.iter().any(|(of, _)| of == d));
        let mut paths: Vec<String> = directions.map(|d| d.key().to_owned()).collect();
        paths.extend((!self.certificates.is_empty()).then(|| "sni_certificates".to_owned()));
        paths.extend(self.address_type.then(|| "ip_address_type".to_owned()));
        let table = |key: &str| if Attribute::find(LISTENER, key).is_some() { LISTENER } else { LOAD_BALANCER };
        paths.extend(self.attributes.keys().map(|key| Attribute::path_of(table(key), key)));
        paths
    }
}

/// The value at one of these paths, as reports show it.
fn shown(spec: &Spec, path: &str) -> Value {
    let attribute = |table: &'static [Attribute], attributes: &BTreeMap<String, String>| {
        let key = table.iter().find(|a| Attribute::path_of(table, a.key) == path).map(|a| a.key);
        json!(key.and_then(|key| attributes.get(key)))
    };
    match spec {
        Spec::SecurityGroup(group) => {
            let direction = Direction::ALL.into_iter().find(|direction| direction.key() == path);
            SecurityGroup::shown(direction.and_then(|d| group.rules(d)).into_iter().flatten())
        }
        Spec::Listener(listener) if path == "sni_certificates" => {
            Listener::names(listener.sni_certificates.iter().flatten())
        }
        Spec::Listener(listener) => attribute(LISTENER, &listener.attributes),
        Spec::LoadBalancer(balancer) if path == "ip_address_type" => json!(balancer.ip_address_type),
        Spec::LoadBalancer(balancer) => attribute(LOAD_BALANCER, &balancer.attributes),
        Spec::Certificate(_) | Spec::TargetGroup(_) | Spec::Target(_) | Spec::Rule(_) => Value::Null,
    }
}
