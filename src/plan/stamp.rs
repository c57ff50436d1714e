//! Stamps: the last steps of a plan mark what is in sync as ours.
//!
//! The tags' values are known at planning time, because a resource is stamped only where the rehearsal
//! ends in sync. Adopting a stack is a plan of stamps alone.

use std::collections::{BTreeMap, BTreeSet};

use super::build::Builder;
use super::successor;
use crate::cloud::{GroupRule, Operation};
use crate::desired::Part;
use crate::diff::{self, Applied, Change, Diff, Owner, Verdict, ownership};
use crate::model::kind::{Origin, SecurityGroup, TargetGroup, TrafficRule};
use crate::model::tag::{APPLIED_TAG, ID_TAG};
use crate::model::{Address, Id, Kind, Link, Spec};

/// Adds a stamp for every resource that will be in sync and does not say so yet.
pub(super) fn stamps(b: &mut Builder<'_>, diff: &Diff) {
    for change in &diff.changes {
        if stampable(b, diff, change) {
            stamp(b, &change.address);
        }
        mark_rules(b, change);
    }
    for address in &b.desired.existing {
        disown(b, address);
    }
}

/// What became somebody else's loses our tags: else it would count as ours, and go, once its key does.
fn disown(b: &mut Builder<'_>, address: &Address) {
    let Some(tags) = b.bound.live.get(address).and_then(|live| live.spec.tags()) else { return };
    if !matches!(ownership::owner(tags, &b.desired.stack), Owner::Ours(_)) {
        return;
    }
    let keys = [ID_TAG, APPLIED_TAG].into_iter().filter(|key| tags.contains_key(*key)).map(str::to_owned).collect();
    let call = Operation::RemoveTags { resource: b.link(address), kind: address.kind, keys };
    let step = b.push(address, call, "declared as existing: no longer managed by this stack");
    step.id = super::build::step_id("Unstamp", address);
    step.stamp = true;
    disown_rules(b, address);
}

/// A security group that is given away goes with the rules that were made in it and are not declared any more.
fn disown_rules(b: &mut Builder<'_>, address: &Address) {
    let Some(live) = b.bound.live.get(address) else { return };
    let Some(want) = b.bound.want.get(address).and_then(Spec::security_group) else { return };
    let declared = |made: &GroupRule| {
        let rule = b.bound.in_addresses(made.rule.clone());
        want.rules(made.direction).into_iter().flatten().any(|want| want.same_traffic(&rule))
    };
    let ours = |made: &&GroupRule| made.stack.as_ref() == Some(&b.desired.stack);
    let made = live.facts.group_rules().iter().filter(ours).filter(|made| !declared(made));
    let ids: Vec<Id> = made.map(|made| made.id.clone()).collect();
    for id in ids {
        let (resource, keys) = (Link::Id(id.clone()), vec![ID_TAG.to_owned()]);
        let call = Operation::RemoveTags { resource, kind: Kind::SecurityGroup, keys };
        let step = b.push(address, call, "declared as existing: no longer managed by this stack");
        step.id = super::build::step_id(&format!("Unstamp {id} of"), address);
        step.stamp = true;
    }
}

/// Whether a difference stays open.
fn is_open(b: &Builder<'_>, change: &Change) -> bool {
    match change.verdict {
        Verdict::InSync => false,
        Verdict::Unknown(_) => true,
        Verdict::Replace(_) if !b.bound.replaced.contains_key(&change.address) => true,
        Verdict::Replace(_) | Verdict::Create | Verdict::Update(_) | Verdict::Delete => {
            change.obstacle.is_some() || b.built.held.iter().any(|h| h.address == change.address)
        }
    }
}

/// Marks the declared rules of a managed security group that nobody's tag is on: this stack found them there.
fn mark_rules(b: &mut Builder<'_>, change: &Change) {
    let address = &change.address;
    let live = b.bound.live.get(address).filter(|_| markable(b, address) && change.obstacle.is_none());
    let want = b.bound.want.get(address).and_then(Spec::security_group);
    let (Some(live), Some(want), false) = (live, want, is_open(b, change)) else { return };
    let found = |known: &&GroupRule| {
        let rule = b.bound.in_addresses(known.rule.clone());
        let mut declared = want.rules(known.direction).into_iter().flatten();
        known.stack.is_none()
            && !SecurityGroup::has_from_aws(known.direction, &rule)
            && declared.any(|want| want.same_traffic(&rule))
    };
    let rules: BTreeSet<Id> = live.facts.group_rules().iter().filter(found).map(|known| known.id.clone()).collect();
    if rules.is_empty() {
        return;
    }
    let call = Operation::TagRules { group: b.link(address), rules, tags: b.rule_tags(address) };
    let step = b.push(address, call, "declared: mark these rules as managed");
    step.id = super::build::step_id("Stamp rules of", address);
    step.stamp = true;
}

fn stampable(b: &Builder<'_>, diff: &Diff, change: &Change) -> bool {
    let address = &change.address;
    let open = |c: &Change| is_open(b, c);
    let child_open = diff
        .changes
        .iter()
        .any(|c| c.address.kind == Kind::Target && c.address.parent().as_ref() == Some(address) && open(c));
    // a rule is created or exists; what is neither has nothing to bear a tag
    let will_exist = change.id.is_some() || b.built.steps.iter().any(|s| s.address == *address);
    // what is ignored is no agreement
    let ignored = diff.ignored.iter().any(|one| one.address == *address && one.what.is_difference());
    let settled = !open(change) && !child_open && !ignored;
    will_exist && markable(b, address) && !change.stamped && change.obstacle.is_none() && settled
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
    let live = bound.kept(address).map_or_else(|| once_created(b, address, want), |kept| want.clone().over(&kept));
    let applied = Applied::of(want, &live, &diff::terms(b.desired, bound, address)).tag();
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
fn once_created(b: &Builder<'_>, address: &Address, want: &Spec) -> Spec {
    if let (Some(made), Some(want)) = (successor::spec(b, address), want.target_group()) {
        let name = made.name.clone();
        return TargetGroup { name, ..want.clone().over(&made) }.into();
    }
    let Some(group) = want.security_group() else { return want.clone() };
    let is_exclusive = b.desired.is_exclusive(address, Part::Egress);
    let is_declared = |rule: &TrafficRule| group.egress.iter().flatten().any(|declared| declared.same_traffic(rule));
    let egress = b.basis.egress_of_new(group.vpc.as_ref()).into_iter();
    let egress = egress.filter(|rule| !is_exclusive || is_declared(rule)).collect();
    let made = SecurityGroup { egress: Some(egress), ..SecurityGroup::default() };
    group.clone().over(&made).into()
}

impl Builder<'_> {
    /// The tags of a security-group rule that we add.
    pub(super) fn rule_tags(&self, group: &Address) -> BTreeMap<String, String> {
        BTreeMap::from([(ID_TAG.to_owned(), ownership::id_tag(&self.desired.stack, group))])
    }
}
