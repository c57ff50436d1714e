//! The desired side of a rollback: what was there, over what is there now.

use std::collections::{BTreeMap, BTreeSet};

use super::Undo;
use crate::cloud::{Live, Operation, Snapshot};
use crate::desired::{Limit, Limits, Part, Resolved};
use crate::diff::supersede;
use crate::model::attribute::{Attribute, LISTENER, LOAD_BALANCER, TARGET_GROUP};
use crate::model::kind::{
    Authenticate, Certificate, Direction, Listener, LoadBalancer, Origin, Rule, SecurityGroup, TargetGroup, TrafficRule,
};
use crate::model::{Address, Id, Kind, Link, Spec};
use crate::plan::saved::Before;

/// What shall be there.
pub(super) struct Back {
    /// As the planner takes it.
    pub(super) desired: Resolved,
    /// What cannot come back, and why.
    pub(super) lost: Vec<(Address, String)>,
}

struct Builder<'a> {
    undo: &'a Undo<'a>,
    live: &'a Snapshot,
    made: &'a BTreeSet<Id>,
    /// The address of each object that there is or shall be.
    names: BTreeMap<Id, Address>,
    back: Back,
}

/// What shall be there once the run is undone.
pub(super) fn back(undo: &Undo<'_>, live: &Snapshot, made: &BTreeSet<Id>) -> Back {
    let record = undo.record;
    let desired = Resolved {
        stack: record.stack.clone(),
        account: record.account.clone(),
        region: record.region.clone(),
        // what the run did was within the files' limits, or they were lifted for it
        limits: Limits { targets: Limit::Percent(100), rules: Limit::Percent(100), listeners: Limit::Percent(100) },
        ..Resolved::default()
    };
    let names = names(undo);
    let mut b = Builder { undo, live, made, names, back: Back { desired, lost: Vec::new() } };
    let touched = undo.touched();
    for (id, before) in &record.before {
        let now = live.found.get(id);
        let address = b.names[id].clone();
        let spec = match (touched.contains(id), now) {
            (true, _) => b.restored(&address, id, &before.live.spec, now),
            (false, Some(now)) => Some(now.spec.clone()),
            // somebody else took it away, and nothing of it is ours to bring back
            (false, None) => None,
        };
        if let Some(spec) = spec {
            b.declare(&address, now.map(|_| id), spec);
        }
    }
    b.bystanders();
    b.membership();
    b.exclusive();
    b.back
}

/// What each object was called before the run: a group that the run replaced had the address to itself.
fn names(undo: &Undo<'_>) -> BTreeMap<Id, Address> {
    let before = &undo.record.before;
    let taken: BTreeSet<&Address> = before.values().map(|before| &before.address).collect();
    let name = |address: &Address| Some(supersede::declared(address)).filter(|name| !taken.contains(name));
    let named = |before: &Before| name(&before.address).unwrap_or_else(|| before.address.clone());
    before.iter().map(|(id, before)| (id.clone(), named(before))).collect()
}

impl Builder<'_> {
    fn declare(&mut self, address: &Address, id: Option<&Id>, spec: Spec) {
        let names = &self.names;
        let mut spec = spec.map_links(&mut |link| match link {
            Link::Id(id) => names.get(&id).map_or(Link::Id(id), |address| Link::Address(address.clone())),
            link @ (Link::Address(_) | Link::Select(_) | Link::Step(_)) => link,
        });
        if let (Spec::Certificate(certificate), Some(id)) = (&mut spec, id) {
            // found by its ARN, and left alone but for its tags
            certificate.origin = Some(Origin::Arn(id.clone()));
        }
        if let (Kind::SecurityGroup, Some(id)) = (address.kind, id) {
            self.back.desired.pinned.insert(address.clone(), id.clone());
        }
        self.back.desired.specs.insert(address.clone(), spec);
    }

    fn lose(&mut self, address: &Address, because: &str) {
        self.back.lost.push((address.clone(), because.to_owned()));
    }

    /// What an object was, as far as it can be again.
    fn restored(&mut self, address: &Address, id: &Id, before: &Spec, now: Option<&Live>) -> Option<Spec> {
        let now = now.map(|now| &now.spec);
        match (before, now) {
            (Spec::Rule(rule), now) => self.rule(address, id, rule, now.and_then(Spec::rule)).map(Spec::from),
            (Spec::Listener(listener), now) => {
                self.listener(address, listener, now.and_then(Spec::listener)).map(Spec::from)
            }
            (Spec::Certificate(before), Some(Spec::Certificate(now))) => {
                if before.serial != now.serial {
                    self.lose(address, "the private key that was replaced is kept by nobody: import it again");
                }
                Some(Certificate { serial: None, ..Certificate::clone(before) }.into())
            }
            (Spec::Certificate(_), _) => {
                self.lose(address, "a certificate that was deleted comes back by hand only");
                None
            }
            (Spec::SecurityGroup(group), now) => {
                Some(self.security_group(id, group, now.and_then(Spec::security_group)).into())
            }
            (Spec::LoadBalancer(lb), None) => {
                let attributes = beyond_defaults(LOAD_BALANCER, lb.attributes.clone());
                Some(LoadBalancer { attributes, ..LoadBalancer::clone(lb) }.into())
            }
            (Spec::TargetGroup(group), None) => {
                let attributes = beyond_defaults(TARGET_GROUP, group.attributes.clone());
                Some(TargetGroup { attributes, ..TargetGroup::clone(group) }.into())
            }
            (before @ Spec::Target(_), _) => Some(before.clone()),
            (before @ (Spec::LoadBalancer(_) | Spec::TargetGroup(_)), Some(_)) => Some(before.clone()),
        }
    }

    fn rule(&mut self, address: &Address, id: &Id, before: &Rule, now: Option<&Rule>) -> Option<Rule> {
        let mut rule = before.clone();
        let values = rule.when.iter().flat_map(|when| &when.header).flat_map(|header| &header.values);
        let unknown = values.filter(|value| !value.is_known()).count() > 0;
        if now.is_none() && (unknown || !rule.beyond.is_empty()) {
            self.lose(address, "it cannot be made again: a header value that may be secret, or a setting that no502 does not know, was not recorded");
            return None;
        }
        if unknown {
            let changed = |call: &super::Call| {
                let Operation::ModifyRule { rule, when: Some(_), .. } = &call.operation else { return false };
                rule.id() == Some(id)
            };
            if self.undo.calls.iter().any(changed) {
                self.lose(
                    address,
                    "its conditions stay as they are: a header value that may be secret was not recorded",
                );
            }
            rule.when = None;
        }
        rule.authenticate = self.login(address, rule.authenticate, now.map(|now| now.authenticate.as_ref()));
        Some(rule)
    }

    fn listener(&mut self, address: &Address, before: &Listener, now: Option<&Listener>) -> Option<Listener> {
        let mut listener = before.clone();
        if now.is_none() && !listener.beyond.is_empty() {
            self.lose(address, "it cannot be made again: a setting that no502 does not know was not recorded");
            return None;
        }
        if now.is_none() {
            listener.attributes = beyond_defaults(LISTENER, listener.attributes);
        }
        listener.authenticate = self.login(address, listener.authenticate, now.map(|now| now.authenticate.as_ref()));
        Some(listener)
    }

    /// A login whose secret AWS keeps only where it is.
    fn login(
        &mut self,
        address: &Address,
        before: Option<Authenticate>,
        now: Option<Option<&Authenticate>>,
    ) -> Option<Authenticate> {
        let secret = matches!(before, Some(Authenticate::Oidc(_)));
        let there = matches!(now, Some(Some(Authenticate::Oidc(_))));
        if secret && !there {
            self.lose(address, "its login comes back by hand only: AWS does not give back the client's secret");
            return now.flatten().cloned();
        }
        before
    }

    /// What was let through, and what others have let through since.
    fn security_group(&self, id: &Id, before: &SecurityGroup, now: Option<&SecurityGroup>) -> SecurityGroup {
        let mut group = before.clone();
        for direction in Direction::ALL {
            let had = before.rules(direction).cloned().unwrap_or_default();
            let granted: Vec<&TrafficRule> =
                self.undo.calls.iter().flat_map(|c| granted(&c.operation, direction, id)).collect();
            let fresh = |rule: &&TrafficRule| {
                let same = |other: &TrafficRule| other.same_traffic(rule);
                !had.iter().any(same) && !granted.iter().any(|other| same(other))
            };
            let others = now.and_then(|now| now.rules(direction)).into_iter().flatten().filter(fresh);
            *group.rules_mut(direction) = Some(had.iter().chain(others).cloned().collect());
        }
        group
    }

    /// What is the stack's and had nothing to do with the run stays as it is.
    fn bystanders(&mut self) {
        let stack = &self.undo.record.stack;
        let mut others = Vec::new();
        for (id, live) in &self.live.found {
            let known = self.names.contains_key(id) || self.made.contains(id);
            if known || live.spec.kind() == Kind::Certificate || !super::is_owned(&live.spec) {
                continue;
            }
            let Some(address) = super::tagged_address(&live.spec, stack) else { continue };
            if !self.back.desired.specs.contains_key(&address) {
                others.push((address, id.clone(), live.spec.clone()));
            }
        }
        for (address, id, _) in &others {
            self.names.insert(id.clone(), address.clone());
        }
        for (address, id, spec) in others {
            self.declare(&address, Some(&id), spec);
        }
    }

    /// Where targets were registered or deregistered, those that were there, and those of others.
    fn membership(&mut self) {
        let mut registered: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
        for call in self.undo.calls {
            let (Operation::RegisterTargets { target_group: group, targets }
            | Operation::DeregisterTargets { target_group: group, targets }) = &call.operation
            else {
                continue;
            };
            let in_ = matches!(call.operation, Operation::RegisterTargets { .. });
            let Some(group) = group.id() else { continue };
            let list = registered.entry(group.clone()).or_default();
            list.extend(targets.iter().filter(|_| in_).map(|t| Id::target(group, &t.id, t.port)));
        }
        for (group, came) in registered {
            let address = self.names.get(&group).cloned().or_else(|| self.took_place_of(&group));
            let Some(address) = address.filter(|address| self.back.desired.specs.contains_key(address)) else {
                continue;
            };
            self.back.desired.membership.insert(address.clone());
            let there = self.names.iter().find(|(_, name)| **name == address).map(|(id, _)| id);
            let here = self.live.targets().filter(|(_, t)| t.target_group.id() == there);
            let others = here.filter(|(id, _)| !came.contains(*id) && !self.names.contains_key(*id));
            let others: Vec<_> = others.map(|(_, t)| t.clone()).collect();
            for target in others {
                let at = Address::target(&address.name, &target.id, target.port);
                self.declare(&at, None, target.into());
            }
        }
    }

    /// The group whose place one took that the run made: it has its targets back, and the new one goes with its own.
    fn took_place_of(&self, made: &Id) -> Option<Address> {
        let live = self.live.found.get(made).filter(|_| self.made.contains(made))?;
        super::tagged_address(&live.spec, &self.undo.record.stack)
    }

    /// What the run added to a list goes, because the list is whole.
    fn exclusive(&mut self) {
        let mut parts: Vec<(Address, Part)> = Vec::new();
        for call in self.undo.calls {
            if let Operation::Authorize { group: Link::Id(id), direction, .. } = &call.operation {
                let part = match direction {
                    Direction::Ingress => Part::Ingress,
                    Direction::Egress => Part::Egress,
                };
                parts.extend(self.names.get(id).map(|address| (address.clone(), part)));
            }
            if let Operation::AddListenerCertificate { listener: Link::Id(id), certificate } = &call.operation {
                let Some(address) = self.names.get(id).cloned() else { continue };
                self.other_certificates(id, &address, certificate);
                parts.extend(address.parent().map(|balancer| (balancer, Part::SniCertificates)));
            }
        }
        for (address, spec) in &self.back.desired.specs {
            // a group that comes back lets everything out, unless it is said what it lets out
            let returns = address.kind == Kind::SecurityGroup && !self.back.desired.pinned.contains_key(address);
            if returns && spec.security_group().is_some_and(|group| group.egress.is_some()) {
                parts.push((address.clone(), Part::Egress));
            }
        }
        for (address, part) in parts {
            self.back.desired.exclusive.entry(address).or_default().insert(part);
        }
    }

    /// Certificates by server name that others have added since stay.
    fn other_certificates(&mut self, id: &Id, address: &Address, added: &Link) {
        let now = self.live.found.get(id).and_then(|live| live.spec.listener()?.sni_certificates.clone());
        let had = self.undo.record.before.get(id).and_then(|b| b.live.spec.listener()?.sni_certificates.clone());
        let had = had.unwrap_or_default();
        let others = now.into_iter().flatten().filter(|link| link != added && !had.contains(link));
        let names = &self.names;
        let others: Vec<Link> = others
            .map(|link| match link.id().and_then(|id| names.get(id)) {
                Some(address) => Link::Address(address.clone()),
                None => link,
            })
            .collect();
        if let Some(Spec::Listener(listener)) = self.back.desired.specs.get_mut(address) {
            let list = listener.sni_certificates.get_or_insert_with(Vec::new);
            let new: Vec<Link> = others.into_iter().filter(|link| !list.contains(link)).collect();
            list.extend(new);
        }
    }
}

/// The rules that a call let into a group.
fn granted<'o>(operation: &'o Operation, way: Direction, id: &Id) -> impl Iterator<Item = &'o TrafficRule> {
    let rules = if let Operation::Authorize { direction, group, rules, .. } = operation {
        (*direction == way && group.id() == Some(id)).then_some(rules)
    } else {
        None
    };
    rules.into_iter().flatten()
}

/// Attributes that must be set on something new: AWS sets its defaults itself, and refuses some that are empty.
fn beyond_defaults(table: &'static [Attribute], all: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let usual = |key: &str, value: &str| Attribute::find(table, key).is_some_and(|a| a.default == Some(value));
    all.into_iter().filter(|(key, value)| !value.is_empty() && !usual(key, value)).collect()
}
