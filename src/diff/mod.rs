//! The diff: what the files say against what AWS has, one [`Change`] for each address.
//!
//! Pure. It does not know how to close a difference (that is `plan`), nor whether it hurts (`rules`).

mod bind;
mod foreign;
mod identity;
mod ignored;
mod leaving;
pub mod ownership;
mod priorities;
mod rotate;
mod scope;
mod select;
pub mod supersede;
mod turned;
mod unmanaged;
mod unwanted;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use bind::{Bound, bind};
pub use ignored::{Ignored, What, ignore};
pub use ownership::{Applied, Cause, Owner};
pub use rotate::rotate;
pub use scope::scope;
pub use unwanted::Unwanted;

use crate::cloud::{Gap, Snapshot};
use crate::desired::{Problem, Resolved};
use crate::model::kind::Rule;
use crate::model::tag::ID_TAG;
use crate::model::{Address, FieldChange, Id, Kind, Link, Mutability, Spec, Undeclared};

/// What a resource needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing.
    InSync,
    /// It does not exist.
    Create,
    /// These fields differ, and all can be edited in place.
    Update(Vec<FieldChange>),
    /// These fields differ, and at least one cannot be edited.
    Replace(Vec<FieldChange>),
    /// It should not exist: no file mentions it, and it is ours or in what the files name wholly.
    Delete,
    /// It cannot be known.
    Unknown(Gap),
}

impl Verdict {
    /// The fields that differ.
    pub fn fields(&self) -> &[FieldChange] {
        match self {
            Self::Update(fields) | Self::Replace(fields) => fields,
            Self::InSync | Self::Create | Self::Delete | Self::Unknown(_) => &[],
        }
    }
}

/// One resource's verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which resource.
    pub address: Address,
    /// Its id on AWS, if it exists.
    pub id: Option<Id>,
    /// What it needs.
    pub verdict: Verdict,
    /// Why it differs; `None` if it does not, or if that cannot be known.
    pub cause: Option<Cause>,
    /// Whether it bears this stack's stamp for what the files and AWS say now.
    pub stamped: bool,
    /// Live settings that the files do not mention and that are not AWS's default.
    pub undeclared: Vec<Undeclared>,
    /// Why it cannot be changed, if it cannot.
    pub obstacle: Option<Obstacle>,
}

impl Change {
    /// Who else owns the resource, or what it lives in; `None` where that does not matter.
    pub fn foreign_owner(&self) -> Option<&str> {
        match self.obstacle.as_ref()? {
            Obstacle::ForeignOwner(because) => Some(because),
            Obstacle::Fed(_) | Obstacle::Held(_) => None,
        }
    }
}

/// Why a difference is not closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Another stack or tool owns it.
    ForeignOwner(String),
    /// Somebody else fills this target group.
    Fed(String),
    /// It asks for what cannot be had as things are.
    Held(String),
}

impl Obstacle {
    /// The reason.
    pub fn because(&self) -> &str {
        match self {
            Self::ForeignOwner(because) | Self::Fed(because) | Self::Held(because) => because,
        }
    }
}

/// A live resource under a declared one that no file mentions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmanaged {
    /// Its address.
    pub address: Address,
    /// Its id on AWS.
    pub id: Id,
    /// What it does, in a line.
    pub what: String,
}

/// The whole difference.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    /// Both sides in the same words.
    pub bound: Bound,
    /// One for each declared address, and for each target that should not be registered.
    pub changes: Vec<Change>,
    /// Live children of declared resources that no file mentions.
    pub unmanaged: Vec<Unmanaged>,
    /// Differences that were left out on the user's wish.
    pub unselected: Vec<Address>,
    /// Differences that the user accepts for a while: left alone, and said.
    pub ignored: Vec<Ignored>,
}

/// Compares the files with a live view.
///
/// # Errors
/// What [`bind`] refuses.
pub fn compare(desired: &Resolved, snapshot: &Snapshot) -> Result<Diff, Vec<Problem>> {
    let bound = bind(desired, snapshot)?;
    let mut problems = Vec::new();
    let mut changes: Vec<Change> = Vec::new();
    for (address, want) in &bound.want {
        if desired.existing.contains(address) && !bound.ids.contains_key(address) && !bound.hidden.contains_key(address)
        {
            problems.push(missing_existing(desired, address));
        }
        changes.push(change(desired, &bound, address, want));
    }
    changes.extend(leaving::find(desired, snapshot, &bound));
    if !problems.is_empty() {
        return Err(problems);
    }
    let unmanaged = unmanaged::find(desired, &bound, &changes);
    let causes = causes(desired, snapshot, &bound, &changes);
    for change in &mut changes {
        change.cause = change.cause.or_else(|| causes.get(&change.address).copied());
    }
    changes.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(Diff { bound, changes, unmanaged, unselected: Vec::new(), ignored: Vec::new() })
}

fn missing_existing(desired: &Resolved, address: &Address) -> Problem {
    let message = format!("{address} is declared as existing, but AWS has no such thing in this account and region");
    let hint = "check its name or id, or remove `existing: true` to have it created";
    match desired.span(address, &crate::model::FieldPath::root()) {
        Some(span) => Problem::error(span, message).hint(hint),
        None => Problem::general(message).hint(hint),
    }
}

fn change(desired: &Resolved, bound: &Bound, address: &Address, want: &Spec) -> Change {
    let live = bound.live.get(&bound.stand_in(address));
    let fields = match (live, bound.unwanted.get(address)) {
        (Some(live), Some(unwanted)) => unwanted.compare(&live.spec, want),
        (Some(live), None) => Spec::compare(&live.spec, want),
        (None, _) => Vec::new(),
    };
    let verdict = match (bound.hidden.get(address), live) {
        (Some(gap), _) => Verdict::Unknown(gap.clone()),
        (None, None) => Verdict::Create,
        (None, Some(_)) if fields.is_empty() => Verdict::InSync,
        (None, Some(_)) if fields.iter().any(|f| f.mutability == Mutability::Replace) => Verdict::Replace(fields),
        (None, Some(_)) => Verdict::Update(fields),
    };
    let undeclared = live.map(|live| Spec::undeclared(&live.spec, want)).unwrap_or_default();
    let obstacle = foreign::obstacle(desired, bound, address, &verdict);
    let stamped = stamp(desired, bound, address).is_some_and(|(now, then)| now == then);
    Change {
        address: address.clone(),
        id: bound.ids.get(&bound.stand_in(address)).cloned(),
        verdict,
        cause: None,
        stamped,
        undeclared,
        obstacle,
    }
}

/// What the files say of a resource beyond its fields: the addresses right under it, so that a child that
/// vanished counts as drift, and what they name wholly.
pub fn terms(desired: &Resolved, bound: &Bound, address: &Address) -> Vec<String> {
    let children = children(bound, address).map(ToString::to_string);
    let parts = desired.exclusive.get(address).into_iter().flatten().map(|part| format!("exclusive {}", part.as_str()));
    let reset = desired.reset.contains(address).then(|| "reset".to_owned());
    children.chain(parts).chain(reset).collect()
}

/// The declared addresses right under one.
fn children<'b>(bound: &'b Bound, address: &Address) -> impl Iterator<Item = &'b Address> {
    let below = match address.kind {
        Kind::LoadBalancer => Some((Kind::Listener, format!("{}:", address.name))),
        Kind::Listener => Some((Kind::Rule, format!("{}/", address.name))),
        Kind::TargetGroup => Some((Kind::Target, format!("{}/", address.name))),
        Kind::SecurityGroup | Kind::Certificate | Kind::Target | Kind::Rule => None,
    };
    below.into_iter().flat_map(move |(kind, first)| {
        let beneath = bound.want.range(Address::new(kind, first.as_str())..).map(|(child, _)| child);
        beneath.take_while(move |child| child.kind == kind && child.name.starts_with(&first))
    })
}

/// What a resource's declared fields are now, and what they were when this stack marked it; `None` if it did not.
fn stamp(desired: &Resolved, bound: &Bound, address: &Address) -> Option<(Applied, Applied)> {
    let live = &bound.live.get(&bound.stand_in(address))?.spec;
    let tags = live.tags()?;
    let owned = tags.get(ID_TAG) == Some(&ownership::id_tag(&desired.stack, address));
    let then = Applied::read(tags).filter(|_| owned)?;
    Some((applied(desired, bound, address, live)?, then))
}

fn applied(desired: &Resolved, bound: &Bound, address: &Address, live: &Spec) -> Option<Applied> {
    Some(Applied::of(bound.want.get(address)?, &bound.meant(live), &terms(desired, bound, address)))
}

/// A live rule with its header values as AWS has them: so it was marked if the files spelled out then what they do not
/// mention now. It is for the mark alone and is shown to nobody.
fn spelled_out(snapshot: &Snapshot, bound: &Bound, address: &Address) -> Option<Spec> {
    let rule = bound.live.get(address)?.spec.rule()?;
    let when = snapshot.found.get(bound.ids.get(address)?)?.spec.rule()?.when.clone();
    Some(Rule { when, ..rule.clone() }.into())
}

/// Who moved, for every change. Something that is missing counts as drift if a resource that names it
/// (its parent, or one that links to it) was stamped for just what the files say now.
fn causes(desired: &Resolved, snapshot: &Snapshot, bound: &Bound, changes: &[Change]) -> BTreeMap<Address, Cause> {
    let stamp = |address: &Address| stamp(desired, bound, address);
    let unmoved = |address: &Address| stamp(address).is_some_and(|(now, then)| now.same_desired(&then));
    let mut dependents: BTreeMap<Address, Vec<&Address>> = BTreeMap::new();
    for (address, spec) in &bound.want {
        for named in spec.links().iter().filter_map(Link::address) {
            dependents.entry(named.clone()).or_default().push(address);
        }
    }
    let mut causes = BTreeMap::new();
    for change in changes {
        let address = &change.address;
        let of_group = |group: &Address| {
            causes.get(group).copied().filter(|_| bound.replaced.contains_key(group)).unwrap_or(Cause::Pending)
        };
        let cause = match &change.verdict {
            Verdict::InSync | Verdict::Unknown(_) => continue,
            // what uses something that is renamed or replaced is as it was, and so is the file
            Verdict::Delete if bound.superseded.contains_key(address) => of_group(&bound.superseded[address]),
            Verdict::Update(_) if follows(bound, address).is_some() && change.stamped => {
                follows(bound, address).map_or(Cause::Pending, of_group)
            }
            Verdict::Update(_) | Verdict::Replace(_) if address.kind != Kind::Target => {
                let plainly = || {
                    let then = stamp(address)?.1;
                    Some(applied(desired, bound, address, &spelled_out(snapshot, bound, address)?)?.cause(Some(&then)))
                };
                match stamp(address).map_or(Cause::Unadopted, |(now, then)| now.cause(Some(&then))) {
                    Cause::Both => plainly().unwrap_or(Cause::Both),
                    cause @ (Cause::Drift | Cause::Pending | Cause::Unadopted | Cause::Orphaned) => cause,
                }
            }
            Verdict::Create | Verdict::Delete | Verdict::Update(_) | Verdict::Replace(_) => {
                // that rules are exclusive is said two levels up
                let excluded = change.verdict == Verdict::Delete && address.kind == Kind::Rule;
                let says = if excluded { address.parent().and_then(|l| l.parent()) } else { address.parent() };
                let mut witnesses = says.iter().chain(dependents.get(address).into_iter().flatten().copied());
                let renamed = bound.renamed.values().any(|key| key == address);
                if !renamed && witnesses.any(unmoved) { Cause::Drift } else { Cause::Pending }
            }
        };
        causes.insert(address.clone(), cause);
    }
    causes
}

/// What takes the place of something that a live resource still names.
fn follows<'b>(bound: &'b Bound, address: &Address) -> Option<&'b Address> {
    let links = bound.live.get(address).map(|live| live.spec.links()).unwrap_or_default();
    links.iter().filter_map(Link::address).find_map(|named| bound.follower(named))
}
