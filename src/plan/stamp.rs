//! Stamps: the last steps of a plan mark what is in sync as ours.
//!
//! The tags' values are known at planning time, because a resource is stamped only where the rehearsal
//! ends in sync. Adopting a stack is a plan of stamps alone.

use std::collections::BTreeMap;

use super::build::Builder;
use crate::cloud::Operation;
use crate::diff::{self, Applied, Change, Diff, Verdict, ownership};
use crate::model::kind::{Origin, SecurityGroup};
use crate::model::tag::{APPLIED_TAG, ID_TAG};
use crate::model::{Address, Kind, Spec};

/// Adds a stamp for every resource that will be in sync and does not say so yet.
pub(super) fn stamps(b: &mut Builder<'_>, diff: &Diff) {
    for change in &diff.changes {
        if stampable(b, diff, change) {
            stamp(b, &change.address);
        }
    }
}

fn stampable(b: &Builder<'_>, diff: &Diff, change: &Change) -> bool {
    let address = &change.address;
    let open = |c: &Change| match c.verdict {
        Verdict::InSync => false,
        Verdict::Unknown(_) | Verdict::Replace(_) => true,
        Verdict::Create | Verdict::Update(_) | Verdict::Delete => {
            c.obstacle.is_some() || b.built.held.iter().any(|h| h.address == c.address)
        }
    };
    let child_open = diff
        .changes
        .iter()
        .any(|c| c.address.kind == Kind::Target && c.address.parent().as_ref() == Some(address) && open(c));
    // a rule is created or exists; what is neither has nothing to bear a tag
    let will_exist = change.id.is_some() || b.built.steps.iter().any(|s| s.address == *address);
    will_exist && markable(b, address) && !change.stamped && change.obstacle.is_none() && !open(change) && !child_open
}

/// Whether the resource bears our tags at all: not what is only used, and not targets.
fn markable(b: &Builder<'_>, address: &Address) -> bool {
    let foreign_by_arn =
        b.bound.want.get(address).and_then(Spec::certificate).is_some_and(|c| matches!(c.origin, Some(Origin::Arn(_))));
    address.kind != Kind::Target
        && !b.desired.existing.contains(address)
        && !foreign_by_arn
        && b.bound.want.contains_key(address)
}

fn stamp(b: &mut Builder<'_>, address: &Address) {
    let bound = b.bound;
    let Some(want) = bound.want.get(address) else { return };
    // once in sync, the live side of the declared fields is the desired side
    let live = bound.live.get(address).map_or_else(|| once_created(want), |live| want.clone().over(&live.spec));
    let applied = Applied::of(want, &live, &diff::children(bound, address)).tag();
    let tags = BTreeMap::from([
        (ID_TAG.to_owned(), ownership::id_tag(&b.desired.stack, address)),
        (APPLIED_TAG.to_owned(), applied),
    ]);
    let has = bound.live.get(address).and_then(|live| live.spec.tags());
    if has.is_some_and(|has| tags.iter().all(|(key, value)| has.get(key) == Some(value))) {
        return;
    }
    let call = Operation::AddTags { resource: b.link(address), kind: address.kind, tags };
    let step = b.push(address, call, "in sync: mark it as managed");
    step.id = super::build::step_id("Stamp", address);
    step.stamp = true;
}

/// What a create makes of a spec: a new group lets everything out besides what is declared.
fn once_created(want: &Spec) -> Spec {
    let Some(group) = want.security_group() else { return want.clone() };
    let made = SecurityGroup { egress: Some(SecurityGroup::egress_of_new()), ..SecurityGroup::default() };
    group.clone().over(&made).into()
}

impl Builder<'_> {
    /// The tags of a security-group rule that we add.
    pub(super) fn rule_tags(&self, group: &Address) -> BTreeMap<String, String> {
        BTreeMap::from([(ID_TAG.to_owned(), ownership::id_tag(&self.desired.stack, group))])
    }
}
