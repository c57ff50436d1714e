//! The diff: what the files say against what AWS has, one [`Change`] for each address.
//!
//! Pure. It does not know how to close a difference (that is `plan`), nor whether it hurts (`rules`).

mod bind;
mod identity;
pub mod ownership;
mod priorities;
mod rotate;
mod scope;
mod select;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use bind::{Bound, bind};
pub use ownership::{Applied, Cause, Owner};
pub use rotate::rotate;
pub use scope::scope;

use crate::cloud::{Gap, Snapshot};
use crate::desired::{Problem, Resolved};
use crate::model::tag::ID_TAG;
use crate::model::{Address, FieldChange, Id, Kind, Mutability, Spec, Undeclared};

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
    /// It should not exist: a target that is not declared.
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
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Why a difference is not closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Another stack or tool owns it.
    ForeignOwner(String),
    /// It asks for what cannot be had as things are.
    Held(String),
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
    changes.extend(strays(desired, &bound));
    if !problems.is_empty() {
        return Err(problems);
    }
    let unmanaged = unmanaged(&bound);
    let causes = causes(desired, &bound, &changes);
    for change in &mut changes {
        change.cause = causes.get(&change.address).copied();
    }
    changes.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(Diff { bound, changes, unmanaged, unselected: Vec::new() })
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
    let live = bound.live.get(address);
    let fields = live.map(|live| Spec::compare(&live.spec, want)).unwrap_or_default();
    let verdict = match (bound.hidden.get(address), live) {
        (Some(gap), _) => Verdict::Unknown(gap.clone()),
        (None, None) => Verdict::Create,
        (None, Some(_)) if fields.is_empty() => Verdict::InSync,
        (None, Some(_)) if fields.iter().any(|f| f.mutability == Mutability::Replace) => Verdict::Replace(fields),
        (None, Some(_)) => Verdict::Update(fields),
    };
    let undeclared = live.map(|live| Spec::undeclared(&live.spec, want)).unwrap_or_default();
    let obstacle = if verdict == Verdict::InSync { None } else { obstacle(desired, bound, address, verdict.fields()) };
    let stamped = live.is_some_and(|live| {
        let now = Applied::of(want, &live.spec, &children(bound, address));
        let owned = live.spec.tags().and_then(|tags| tags.get(ID_TAG));
        let stamped = live.spec.tags().and_then(Applied::read);
        owned == Some(&ownership::id_tag(&desired.stack, address)) && stamped.as_ref() == Some(&now)
    });
    Change {
        address: address.clone(),
        id: bound.ids.get(address).cloned(),
        verdict,
        cause: None,
        stamped,
        undeclared,
        obstacle,
    }
}

/// Why a resource must be left as it is. A target shares its group's owner.
fn obstacle(desired: &Resolved, bound: &Bound, address: &Address, changes: &[FieldChange]) -> Option<Obstacle> {
    if let Some(why) = bound.held.get(address) {
        return Some(Obstacle::Held(why.clone()));
    }
    let live = bound.live.get(address);
    let default_changes = changes.iter().any(|f| f.path.within(&"default".into()));
    let beyond = match live.map(|l| &l.spec) {
        Some(Spec::Rule(rule)) => Some(&rule.beyond),
        Some(Spec::Listener(listener)) if default_changes => Some(&listener.beyond),
        Some(_) | None => None,
    };
    if let Some(beyond) = beyond.filter(|parts| !parts.is_empty()) {
        let parts: Vec<&str> = beyond.iter().map(String::as_str).collect();
        let why = format!("on AWS it has settings that this version cannot write back ({})", parts.join(", "));
        return Some(Obstacle::Held(why));
    }
    let group = if address.kind == Kind::Target { address.parent() } else { None };
    let owner = group.map_or(live, |group| bound.live.get(&group));
    match ownership::owner(owner?.spec.tags()?, &desired.stack) {
        Owner::OtherStack(stack) => Some(Obstacle::ForeignOwner(format!("it belongs to the stack `{stack}`"))),
        Owner::Controller(tool) => {
            Some(Obstacle::ForeignOwner(format!("it is reconciled by {tool}; make the change there")))
        }
        Owner::Ours(_) | Owner::Nobody => None,
    }
}

/// Registered targets that are not declared, of groups whose targets are.
fn strays<'b>(desired: &'b Resolved, bound: &'b Bound) -> impl Iterator<Item = Change> + 'b {
    bound.live.iter().filter_map(|(address, live)| {
        let group = live.spec.target()?.target_group.address()?;
        let stray = desired.membership.contains(group) && !bound.want.contains_key(address);
        if !stray || bound.hidden.contains_key(group) {
            return None;
        }
        Some(Change {
            address: address.clone(),
            id: bound.ids.get(address).cloned(),
            verdict: Verdict::Delete,
            cause: None,
            stamped: false,
            undeclared: Vec::new(),
            obstacle: obstacle(desired, bound, address, &[]),
        })
    })
}

/// The declared addresses right under one.
pub fn children<'b>(bound: &'b Bound, address: &Address) -> Vec<&'b Address> {
    bound.want.keys().filter(|a| a.parent().as_ref() == Some(address)).collect()
}

/// Who moved, for every change. Something that is missing counts as drift if a resource that names it
/// (its parent, or one that links to it) was stamped for just what the files say now.
fn causes(desired: &Resolved, bound: &Bound, changes: &[Change]) -> BTreeMap<Address, Cause> {
    let stamp = |address: &Address| -> Option<(Applied, Option<Applied>)> {
        let (want, live) = (bound.want.get(address)?, bound.live.get(address)?);
        let owned = live.spec.tags()?.get(ID_TAG) == Some(&ownership::id_tag(&desired.stack, address));
        let stamped = live.spec.tags().and_then(Applied::read).filter(|_| owned);
        Some((Applied::of(want, &live.spec, &children(bound, address)), stamped))
    };
    let unmoved =
        |address: &Address| stamp(address).is_some_and(|(now, then)| then.is_some_and(|t| now.same_desired(&t)));
    let mut causes = BTreeMap::new();
    for change in changes {
        let address = &change.address;
        let cause = match &change.verdict {
            Verdict::InSync | Verdict::Unknown(_) => continue,
            Verdict::Update(_) | Verdict::Replace(_) if address.kind != Kind::Target => {
                stamp(address).map_or(Cause::Unadopted, |(now, then)| now.cause(then.as_ref()))
            }
            Verdict::Create | Verdict::Delete | Verdict::Update(_) | Verdict::Replace(_) => {
                let dependents =
                    bound.want.iter().filter(|(_, spec)| spec.links().iter().any(|l| l.address() == Some(address)));
                let mut witnesses = address.parent().into_iter().chain(dependents.map(|(a, _)| a.clone()));
                if witnesses.any(|w| unmoved(&w)) { Cause::Drift } else { Cause::Pending }
            }
        };
        causes.insert(address.clone(), cause);
    }
    causes
}

/// Live listeners, rules and security-group rules under declared resources that no file mentions.
fn unmanaged(bound: &Bound) -> Vec<Unmanaged> {
    let mut found = Vec::new();
    for (address, live) in &bound.live {
        let declared_parent = address.parent().is_some_and(|p| bound.want.contains_key(&p));
        if bound.want.contains_key(address) || !declared_parent {
            continue;
        }
        let what = match &live.spec {
            Spec::Listener(l) => l.default.as_ref().map_or_else(|| "listener".to_owned(), ToString::to_string),
            Spec::Rule(r) => r.action.as_ref().map_or_else(|| "rule".to_owned(), ToString::to_string),
            // targets are either declared as a whole or somebody else's; the other kinds have no parent
            Spec::Target(_)
            | Spec::LoadBalancer(_)
            | Spec::TargetGroup(_)
            | Spec::Certificate(_)
            | Spec::SecurityGroup(_) => continue,
        };
        if let Some(id) = bound.ids.get(address) {
            found.push(Unmanaged { address: address.clone(), id: id.clone(), what });
        }
    }
    found
}
