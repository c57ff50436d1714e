//! Binding: both sides in the same words, so that comparing them is boring.
//!
//! Live links become addresses wherever the thing has one; desired selectors become ids; omitted
//! priorities are chosen; live header values that the files do not spell out are hidden.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::identity::{self, Names};
use super::unwanted::{self, Unwanted};
use super::{foreign, priorities, select};
use crate::cloud::{Gap, Hidden, Live, Snapshot};
use crate::desired::{Problem, Resolved};
use crate::model::kind::{HeaderCondition, Rule, TargetGroup, TrafficRule};
use crate::model::{Address, Id, Kind, Link, Spec, Text};

/// The desired and the live side, matched and in the same words.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    /// The AWS id of each address that exists; live things that no file mentions have addresses too.
    pub ids: BTreeMap<Address, Id>,
    /// The address of each id.
    pub names: BTreeMap<Id, Address>,
    /// The desired specs. Links are addresses or ids; a selector is left only behind a gap.
    pub want: BTreeMap<Address, Spec>,
    /// The live resources.
    pub live: BTreeMap<Address, Live>,
    /// Desired addresses whose live side is not fully known, and the gap.
    pub hidden: BTreeMap<Address, Gap>,
    /// Desired addresses that cannot have what they ask for, and why.
    pub held: BTreeMap<Address, String>,
    /// Target groups that somebody else fills, and who.
    pub fed: BTreeMap<Address, String>,
    /// Resources of this stack whose key has another name in the files now, and the key's address: AWS renames
    /// nothing, so that a new resource takes their place.
    pub renamed: BTreeMap<Address, Address>,
    /// What declared resources have on AWS and shall not have.
    pub unwanted: BTreeMap<Address, Unwanted>,
    /// Live target groups that another one takes the place of, and the address that both had or have.
    pub superseded: BTreeMap<Address, Address>,
    /// Declared target groups that must be replaced, and the address of the one that is there.
    pub replaced: BTreeMap<Address, Address>,
}

impl Bound {
    /// A rule of a security group with addresses instead of ids.
    pub fn in_addresses(&self, rule: TrafficRule) -> TrafficRule {
        rule.map_links(&mut |link| match link {
            Link::Id(id) => self.names.get(&id).map_or(Link::Id(id), |a| Link::Address(a.clone())),
            link @ (Link::Address(_) | Link::Select(_) | Link::Step(_)) => link,
        })
    }
    /// A live spec as it was before what it names was superseded or got another name: the files still mean the same.
    pub fn meant<'s>(&self, spec: &'s Spec) -> Cow<'s, Spec> {
        if self.superseded.is_empty() && self.renamed.is_empty() {
            return Cow::Borrowed(spec);
        }
        Cow::Owned(spec.clone().map_links(&mut |link| match link.address().and_then(|old| self.follower(old)) {
            Some(new) => Link::Address(new.clone()),
            None => link,
        }))
    }
    /// What takes the place of something live, as the files call it.
    pub fn follower(&self, old: &Address) -> Option<&Address> {
        self.superseded.get(old).or_else(|| self.renamed.get(old))
    }
    /// The address under which the live side of a declared one stands: for a target group that must be replaced,
    /// and for its targets, that of the group that is there.
    pub fn stand_in<'a>(&self, address: &'a Address) -> Cow<'a, Address> {
        let group = if address.kind == Kind::Target { address.parent() } else { None };
        match (self.replaced.get(address), group.and_then(|group| self.replaced.get(&group))) {
            (Some(old), _) => Cow::Owned(old.clone()),
            (None, Some(old)) => Cow::Owned(Address::new(Kind::Target, format!("{}/{}", old.name, address.leaf()))),
            (None, None) => Cow::Borrowed(address),
        }
    }
    /// The live spec of a resource without what it shall not have.
    pub fn kept(&self, address: &Address) -> Option<Spec> {
        let live = self.live.get(address)?.spec.clone();
        Some(match self.unwanted.get(address) {
            Some(unwanted) => unwanted.taken_from(live),
            None => live,
        })
    }
}

/// Matches the files with a live view.
///
/// # Errors
/// Selectors that fit nothing or too much, and identities that are ambiguous, each with its place.
pub fn bind(desired: &Resolved, snapshot: &Snapshot) -> Result<Bound, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut names = identity::pair(desired, snapshot, &mut problems);
    let selected: BTreeMap<Address, Spec> = desired
        .specs
        .iter()
        .map(|(a, spec)| (a.clone(), select::resolve(desired, snapshot, a, spec.clone(), &mut problems)))
        .collect();
    identity::name_the_rest_but_rules(desired, snapshot, &mut names);
    let held = pair_rules(desired, &selected, snapshot, &mut names);
    identity::name_the_rest(desired, snapshot, &mut names);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut bound = Bound { held, ..Bound::default() };
    for (id, live) in &snapshot.found {
        if let Some(address) = names.addresses.get(id) {
            let spec = in_addresses(live.spec.clone(), &names);
            bound.live.insert(address.clone(), Live { spec, facts: live.facts.clone() });
        }
    }
    bound.want = selected.into_iter().map(|(a, spec)| (a, in_addresses(spec, &names))).collect();
    bound.ids = names.ids;
    bound.names = names.addresses;
    (bound.superseded, bound.replaced) = (names.superseded, names.replaced);
    bound.renamed = identity::renamed(desired, &bound);
    number_rules(desired, &mut bound);
    hide_secrets(&mut bound);
    bound.hidden = hidden(desired, snapshot, &bound);
    bound.fed = fed(snapshot, &bound);
    bound.unwanted = unwanted::find(desired, &bound);
    Ok(bound)
}

/// The target groups that somebody else fills.
fn fed(snapshot: &Snapshot, bound: &Bound) -> BTreeMap<Address, String> {
    let groups = bound.names.iter().filter(|(_, address)| address.kind == Kind::TargetGroup);
    groups.filter_map(|(id, address)| Some((address.clone(), foreign::feeder(snapshot, id)?))).collect()
}

fn in_addresses(spec: Spec, names: &Names) -> Spec {
    spec.map_links(&mut |link| in_address(link, names))
}

fn in_address(link: Link, names: &Names) -> Link {
    match link {
        Link::Id(id) => names.addresses.get(&id).map_or(Link::Id(id), |a| Link::Address(a.clone())),
        link @ (Link::Address(_) | Link::Select(_) | Link::Step(_)) => link,
    }
}

fn pair_rules(
    desired: &Resolved,
    selected: &BTreeMap<Address, Spec>,
    snapshot: &Snapshot,
    names: &mut Names,
) -> BTreeMap<Address, String> {
    let mut held = BTreeMap::new();
    let listeners: Vec<_> = names.ids.iter().filter(|(a, _)| a.kind == Kind::Listener).map(clone_pair).collect();
    for (listener, listener_id) in listeners {
        let want: Vec<(&Address, &Rule)> = selected
            .iter()
            .filter(|(a, _)| a.parent().as_ref() == Some(&listener))
            .filter_map(|(a, spec)| spec.rule().map(|rule| (a, rule)))
            .collect();
        let live: Vec<(&Id, Rule)> = snapshot
            .rules()
            .filter(|(_, rule)| rule.listener.id() == Some(&listener_id))
            .map(|(id, rule)| (id, rule.clone().map_links(&mut |link| names.meant(in_address(link, names)))))
            .collect();
        let live: Vec<(&Id, &Rule)> = live.iter().map(|(id, rule)| (*id, rule)).collect();
        let found = identity::pair_rules(desired, &listener, &want, &live);
        held.extend(found.held);
        for (address, id) in found.pairs {
            names.pair(address, id);
        }
    }
    held
}

fn clone_pair((address, id): (&Address, &Id)) -> (Address, Id) {
    (address.clone(), id.clone())
}

/// Chooses the priorities of listeners whose rules declare none.
fn number_rules(desired: &Resolved, bound: &mut Bound) {
    for (listener, order) in &desired.rule_order {
        let undeclared = |a: &Address| bound.want.get(a).and_then(Spec::rule).is_some_and(|r| r.priority.is_none());
        if order.is_empty() || !order.iter().all(undeclared) {
            continue;
        }
        let priority = |a: &Address| bound.live.get(a).and_then(|l| l.spec.rule()).and_then(|r| r.priority);
        let live: Vec<Option<u32>> = order.iter().map(priority).collect();
        let ours: BTreeSet<&Address> = order.iter().collect();
        let taken: BTreeSet<u32> = bound
            .live
            .iter()
            .filter(|(a, _)| !ours.contains(a))
            .filter_map(|(_, l)| l.spec.rule())
            .filter(|rule| rule.listener.address() == Some(listener))
            .filter_map(|rule| rule.priority)
            .collect();
        for (address, number) in order.iter().zip(priorities::assign(&live, &taken)) {
            if let Some(Spec::Rule(rule)) = bound.want.get_mut(address) {
                rule.priority = Some(number);
            }
        }
    }
}

/// A live header value is hidden unless the files spell this header's value out: it may have been declared as a secret
/// once, or be in no file for just that reason.
fn hide_secrets(bound: &mut Bound) {
    for (address, want) in &bound.want {
        let Some(want) = want.rule() else { continue };
        let (secret, plain): (Vec<_>, Vec<_>) =
            want.when.iter().flat_map(|when| &when.header).partition(|h| h.values.iter().any(Text::is_secret));
        let names = |of: Vec<&HeaderCondition>| of.into_iter().map(|h| h.name.to_ascii_lowercase()).collect();
        let (secret, plain): (BTreeSet<String>, BTreeSet<String>) = (names(secret), names(plain));
        let Some(Live { spec: Spec::Rule(live), .. }) = bound.live.get_mut(address) else { continue };
        let Some(when) = &mut live.when else { continue };
        let headers = std::mem::take(&mut when.header).into_iter().map(|h| {
            let name = h.name.to_ascii_lowercase();
            let spelled_out = plain.contains(&name) && !secret.contains(&name);
            if spelled_out { h } else { h.hidden() }
        });
        when.header = headers.collect();
    }
}

/// Which desired addresses lie behind a gap of the diff.
fn hidden(desired: &Resolved, snapshot: &Snapshot, bound: &Bound) -> BTreeMap<Address, Gap> {
    let mut hidden = BTreeMap::new();
    for gap in snapshot.incomplete() {
        for (address, spec) in &bound.want {
            let behind = match &gap.hidden {
                Hidden::Kind(kind) => lineage(address).any(|a| a.kind == *kind),
                Hidden::Resource(id) => match bound.names.get(id) {
                    // what is not known of the one that is there, is not known of what takes its place
                    Some(named) => {
                        bound.superseded.get(named).unwrap_or(named) == address
                            || may_be(snapshot, bound, id, address, spec)
                    }
                    // only a certificate is read before it is known whose it is: it may be any that was not found
                    None => address.kind == Kind::Certificate && !bound.ids.contains_key(address),
                },
                Hidden::Children(id, kind) => {
                    let under = bound.names.get(id).map(|named| bound.superseded.get(named).unwrap_or(named));
                    let beneath = lineage(address).skip(1).any(|a| Some(&a) == under);
                    let on_path = lineage(address).any(|a| a.kind == *kind);
                    // a group's own declaration covers its targets
                    (beneath && on_path)
                        || (Some(address) == under && *kind == Kind::Target && desired.membership.contains(address))
                        || (Some(address) == under && *kind == Kind::Certificate && declares_sni(spec))
                }
                Hidden::Lookups => spec.links().iter().any(|l| matches!(l, Link::Select(_))),
                Hidden::Interfaces | Hidden::Acls | Hidden::Routes | Hidden::PrefixLists | Hidden::Owned => false,
            };
            if behind {
                hidden.entry(address.clone()).or_insert_with(|| gap.clone());
            }
        }
    }
    hide_dependents(bound, &mut hidden);
    hidden
}

/// Whether a resource whose tags were not read may be a declared one that was not found: a tag alone tells a rule whose
/// conditions and priority are others now, and a target group that took another one's place.
fn may_be(snapshot: &Snapshot, bound: &Bound, id: &Id, address: &Address, want: &Spec) -> bool {
    if bound.ids.contains_key(address) {
        return false;
    }
    // what bears a tag was read
    let bare = |spec: &&Spec| spec.tags().is_some_and(BTreeMap::is_empty);
    match (want, snapshot.found.get(id).map(|live| &live.spec).filter(bare)) {
        (Spec::Rule(_), Some(Spec::Rule(_))) => bound.names.get(id).and_then(Address::parent) == address.parent(),
        (Spec::TargetGroup(want), Some(Spec::TargetGroup(live))) => {
            live.name == want.name || TargetGroup::may_succeed(&want.name, &live.name)
        }
        _ => false,
    }
}

/// A link to something whose id is hidden cannot be compared, and must not be written: what has it is hidden too.
fn hide_dependents(bound: &Bound, hidden: &mut BTreeMap<Address, Gap>) {
    loop {
        let gap_of = |link: &Link| {
            let address = link.address().filter(|address| !bound.ids.contains_key(address))?;
            hidden.get(address).cloned()
        };
        let unseen = bound.want.iter().filter(|(address, _)| !hidden.contains_key(address));
        let more: Vec<(Address, Gap)> = unseen
            .filter_map(|(address, spec)| Some((address.clone(), spec.links().iter().find_map(gap_of)?)))
            .collect();
        if more.is_empty() {
            return;
        }
        hidden.extend(more);
    }
}

fn declares_sni(spec: &Spec) -> bool {
    spec.listener().is_some_and(|listener| listener.sni_certificates.is_some())
}

/// The address, its parent, and so on.
fn lineage(address: &Address) -> impl Iterator<Item = Address> {
    std::iter::successors(Some(address.clone()), Address::parent)
}
