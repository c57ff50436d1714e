//! What moved since a plan was made, and what did not become what it promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::{Record, Role};
use crate::cloud::simulate::{self, World};
use crate::cloud::{Facts, Live, Operation, Output, Snapshot};
use crate::diff::ownership::{self, Owner};
use crate::model::kind::{Conditions, HeaderCondition};
use crate::model::tag::{APPLIED_TAG, ID_TAG};
use crate::model::{Address, Id, Link, Spec, StepId, Text};

/// An object that is not what it was expected to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which one.
    pub address: Address,
    /// How.
    pub how: How,
}

/// How an object is not what it was expected to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// A field has another value.
    Field {
        /// Which one, in the words of the language.
        path: String,
        /// The value that was expected.
        expected: Value,
        /// The value it has.
        now: Value,
    },
    /// It is not there.
    Gone,
    /// It is there, under this id.
    There(Id),
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::Field { path, expected, now } => write!(f, "{}: {path} was {expected} and is {now}", self.address),
            How::Gone => write!(f, "{} is gone", self.address),
            How::There(id) => write!(f, "{} is there already ({id})", self.address),
        }
    }
}

impl Record {
    /// What is not as the plan saw it: a field, a thing that vanished, or one that appeared where the plan makes one.
    pub fn moved(&self, now: &Snapshot) -> Vec<Moved> {
        let mut moved = Vec::new();
        for (id, before) in &self.before {
            let address = &before.address;
            match (now.found.get(id), before.role) {
                (None, _) => moved.push(Moved { address: address.clone(), how: How::Gone }),
                (Some(_), Role::Named) => {}
                (Some(live), Role::Written) => {
                    let tags = self.tags_written(id);
                    moved.extend(different(address, &before.live.spec, &live.spec, &tags, Ways::Both));
                }
            }
        }
        for step in &self.steps {
            let Some(id) = self.appeared(step, now) else { continue };
            moved.push(Moved { address: step.address.clone(), how: How::There(id) });
        }
        moved
    }

    /// What AWS does not show although the steps ended well. `outputs` is what they returned.
    pub fn unkept(&self, outputs: &BTreeMap<StepId, Output>, now: &Snapshot) -> Vec<Moved> {
        let mut world = World { snapshot: self.basis(), ..World::default() };
        let mut created = BTreeMap::new();
        for step in &self.steps {
            let Some(output) = outputs.get(&step.id) else { continue };
            let Ok(operation) = simulate::resolve(&world, &step.operation) else { continue };
            let _ = simulate::record(&mut world, &step.id, &operation, output);
            if let (Some(id), Some(_)) = (&output.id, operation.created()) {
                created.insert(id.clone(), step.address.clone());
            }
        }
        let written = self.before.iter().filter(|(_, before)| before.role == Role::Written);
        let written = written.map(|(id, before)| (id.clone(), before.address.clone()));
        let mut unkept = Vec::new();
        for (id, address) in written.chain(created) {
            match (world.snapshot.found.get(&id), now.found.get(&id)) {
                (None, None) => {}
                (Some(_), None) => unkept.push(Moved { address, how: How::Gone }),
                (None, Some(_)) => unkept.push(Moved { address, how: How::There(id) }),
                (Some(promised), Some(live)) => {
                    let tags = self.tags_written(&id);
                    unkept.extend(different(&address, &promised.spec, &live.spec, &tags, Ways::Promised));
                }
            }
        }
        unkept
    }

    /// The tags of an object that matter here: ours, and those that a step writes. Others are other people's.
    fn tags_written(&self, id: &Id) -> BTreeSet<String> {
        let link = Link::Id(id.clone());
        let mut keys = BTreeSet::from([ID_TAG.to_owned(), APPLIED_TAG.to_owned()]);
        for step in &self.steps {
            if step.operation.subject() != Some(&link) {
                continue;
            }
            if let Operation::AddTags { tags, .. } = &step.operation {
                keys.extend(tags.keys().cloned());
            }
            if let Operation::RemoveTags { keys: gone, .. } = &step.operation {
                keys.extend(gone.iter().cloned());
            }
        }
        keys
    }

    /// What is there already of what a step makes, and was not there when the plan was made.
    fn appeared(&self, step: &super::Step, now: &Snapshot) -> Option<Id> {
        if let Operation::RegisterTargets { target_group, targets } = &step.operation {
            let group = target_group.id()?;
            let mut ids = targets.iter().map(|t| Id::target(group, &t.id, t.port));
            return ids.find(|id| now.found.contains_key(id) && !self.before.contains_key(id));
        }
        let spec = step.operation.created()?;
        let tagged = |other: &Spec| {
            let owner = other.tags().map(|tags| ownership::owner(tags, &self.stack));
            owner == Some(Owner::Ours(step.address.to_string()))
        };
        let same = |other: &Spec| match (&spec, other) {
            (Spec::LoadBalancer(a), Spec::LoadBalancer(b)) => a.name.eq_ignore_ascii_case(&b.name),
            (Spec::TargetGroup(a), Spec::TargetGroup(b)) => a.name.eq_ignore_ascii_case(&b.name),
            (Spec::SecurityGroup(a), Spec::SecurityGroup(b)) => a.name == b.name && a.vpc == b.vpc,
            (Spec::Listener(a), Spec::Listener(b)) => a.load_balancer == b.load_balancer && a.port == b.port,
            (Spec::Rule(a), Spec::Rule(b)) => a.listener == b.listener && (a.priority == b.priority || tagged(other)),
            (Spec::Certificate(_), Spec::Certificate(_)) => tagged(other),
            _ => false,
        };
        // one that cannot be the declared one is no reason not to make another: the plan was made because of it
        let counts = |live: &Live| match (&spec, &live.facts) {
            (Spec::Certificate(want), Facts::Certificate(facts)) => facts.suits(want),
            _ => true,
        };
        let new = |id: &&Id| !self.before.contains_key(*id);
        now.found.iter().filter(|(_, live)| same(&live.spec) && counts(live)).map(|(id, _)| id).find(new).cloned()
    }
}

/// Whether a live object is what it is expected to be, other people's tags aside.
pub(in crate::plan) fn agree(expected: &Spec, now: &Spec) -> bool {
    let keys = |spec: &Spec| spec.tags().map(|tags| tags.keys().cloned().collect::<BTreeSet<_>>());
    let tags = keys(expected).unwrap_or_default();
    let none = Address::new(expected.kind(), "");
    different(&none, expected, now, &tags, Ways::Promised).is_empty()
}

/// Which differences count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ways {
    /// Any.
    Both,
    /// Of what was promised; what AWS adds by itself does not.
    Promised,
}

fn different(address: &Address, expected: &Spec, now: &Spec, tags: &BTreeSet<String>, ways: Ways) -> Vec<Moved> {
    let (expected, now) = comparable(expected, now, tags);
    let mut fields: BTreeMap<String, (Value, Value)> = BTreeMap::new();
    for field in Spec::compare(&now, &expected) {
        fields.insert(field.path.0, (field.desired, field.live));
    }
    if ways == Ways::Both {
        for field in Spec::compare(&expected, &now) {
            fields.entry(field.path.0).or_insert((field.live, field.desired));
        }
    }
    let moved = |(path, (expected, now))| Moved { address: address.clone(), how: How::Field { path, expected, now } };
    fields.into_iter().map(moved).collect()
}

/// Both sides with what can be compared: only these tags, and header values only where both are known. Those are
/// hidden, because one of them may be secret and the message must not show it.
fn comparable(expected: &Spec, now: &Spec, tags: &BTreeSet<String>) -> (Spec, Spec) {
    let (mut expected, mut now) = (expected.clone(), now.clone());
    for spec in [&mut expected, &mut now] {
        if let Some(all) = spec.tags_mut() {
            all.retain(|key, _| tags.contains(key));
        }
    }
    if let (Spec::Rule(a), Spec::Rule(b)) = (&mut expected, &mut now)
        && let (Some(a), Some(b)) = (&mut a.when, &mut b.when)
    {
        mask(a, b);
    }
    // reserved capacity is read only where it is declared
    if let (Spec::LoadBalancer(a), Spec::LoadBalancer(b)) = (&mut expected, &mut now)
        && (a.minimum_capacity.is_none() || b.minimum_capacity.is_none())
    {
        (a.minimum_capacity, b.minimum_capacity) = (None, None);
    }
    (expected, now)
}

/// Hides header values on both sides, and empties the headers whose values cannot be compared on one of them.
pub fn mask(a: &mut Conditions, b: &mut Conditions) {
    let unknown = |when: &Conditions| {
        let headers = when.header.iter().filter(|h| !h.values.iter().all(Text::is_known));
        headers.map(|h| h.name.to_ascii_lowercase()).collect::<BTreeSet<_>>()
    };
    let unknown: BTreeSet<String> = unknown(a).into_iter().chain(unknown(b)).collect();
    for when in [a, b] {
        let header = std::mem::take(&mut when.header).into_iter().map(|h| {
            let values = if unknown.contains(&h.name.to_ascii_lowercase()) {
                BTreeSet::new()
            } else {
                h.values.into_iter().map(Text::hidden).collect()
            };
            HeaderCondition { values, ..h }
        });
        when.header = header.collect();
    }
}
