//! Moving requests from one target group to another without losing one.
//!
//! A group that no rule uses is not checked by AWS. So it is *staged* first: a rule that no request can match attaches
//! it, AWS checks its targets, and only once they are ready do the real rules move. The same rule keeps the old group
//! attached while its last requests end; how that goes is `retire`.

use std::collections::{BTreeMap, BTreeSet};

use super::build::Builder;
use super::delete::{action, forwards, lineage};
use super::stage::{self, Stage};
use super::{Gate, Held, retain};
use crate::diff::{Change, Diff, Verdict};
use crate::model::kind::Action;
use crate::model::{Address, Kind, Spec};

/// How requests move in a plan.
#[derive(Debug, Default)]
pub(super) struct Shifts {
    /// Groups that are attached by a rule of their own meanwhile.
    pub(super) stages: BTreeMap<Address, Stage>,
    /// What must be true before requests go to the new groups, by the rule or listener that sends them.
    pub(super) waits: BTreeMap<Address, Vec<Gate>>,
    /// The rules and listeners that leave a group which goes.
    pub(super) leaves: BTreeMap<Address, BTreeSet<Address>>,
    /// Groups that a rule or a listener keeps at weight 0 until they are drained, and for how long at least, in seconds.
    pub(super) retained: BTreeMap<Address, (BTreeSet<Address>, u32)>,
    /// Those that it could keep, if nothing else can.
    keepers: BTreeMap<Address, (BTreeSet<Address>, u32)>,
    /// Groups that are attached by the rule itself, at weight 0, because there is no room for one more rule.
    pub(super) attached: BTreeMap<Address, BTreeMap<Address, usize>>,
}

/// What a new destination needs.
enum Need {
    Nothing,
    Wait(usize),
    Stage(usize),
    Hold(String),
    /// Somebody else must fill it first, and can only do so once it is attached.
    Fill(String),
}

/// The changes that may be made, and how they send requests elsewhere. What would send them nowhere is held.
///
/// `filling` are the groups that somebody else must fill first; what is held for them is not seen a second time.
pub(super) fn prepare<'c>(
    b: &mut Builder<'_>,
    diff: &Diff,
    changes: &[&'c Change],
    filling: &mut BTreeMap<Address, Stage>,
) -> (Vec<&'c Change>, Shifts) {
    let mut shifts = Shifts::default();
    let going = |group: &Address| {
        diff.changes.iter().any(|c| c.address == *group && c.verdict == Verdict::Delete && c.obstacle.is_none())
    };
    let (mut kept, mut stays) = (Vec::new(), BTreeSet::new());
    for change in changes {
        let Some((now, then)) = move_of(b, change) else {
            kept.push(*change);
            continue;
        };
        let user = &change.address;
        let old = destinations(now.as_ref());
        let mut held = None;
        for (group, share) in shares(&then).filter(|(group, _)| !old.contains(group)) {
            match need(b, changes, change, &group, &old, share) {
                Need::Fill(fill) => {
                    let coming = shifts.coming(b);
                    fill_first(b, user, &group, (filling, &mut stays), coming);
                    held = Some(fill);
                }
                needs @ (Need::Nothing | Need::Wait(_) | Need::Stage(_) | Need::Hold(_)) => {
                    held = shifts.meet(b, (user, now.as_ref()), &group, needs).or(held);
                }
            }
        }
        let kept_by_rule = |group: &&Address| then.groups().any(|(link, _)| link.address() == Some(*group));
        let leaves = |group: &&Address| going(group) && !kept_by_rule(group);
        // requests to a group at weight 0 may be under way as well: an earlier run may have been stopped
        let gone: BTreeSet<Address> = named(now.as_ref()).iter().filter(leaves).cloned().collect();
        let left = old.intersection(&gone).cloned().collect();
        let held = held
            .or_else(|| retain::too_sticky(now.as_ref(), &left))
            .or_else(|| shifts.leave(user, (now.as_ref(), &then), &gone));
        match held {
            Some(because) => {
                shifts.forget(user);
                hold(b, user, because);
            }
            None => kept.push(*change),
        }
    }
    shifts.stages.retain(|_, stage| !stage.users.is_empty());
    shifts.stages.extend(filling.iter().map(|(group, stage)| (group.clone(), stage.clone())));
    for (user, because) in keep_old(b, &mut shifts) {
        // without it, all is judged again
        kept.retain(|change| change.address != user);
        hold(b, &user, because);
    }
    kept.retain(|change| !stays.contains(&change.address));
    (kept, shifts)
}

/// A rule or a listener goes on as it does.
fn hold(b: &mut Builder<'_>, user: &Address, because: String) {
    b.forget(user);
    b.built.held.push(Held { address: user.clone(), because });
}

/// The listener that a rule belongs to, or that a default action is of.
pub(super) fn listener_of(user: &Address) -> Option<Address> {
    if user.kind == Kind::Rule { user.parent() } else { Some(user.clone()) }
}

/// A group that somebody else must fill is attached, and stays so; what had attached it before stays as well.
fn fill_first(
    b: &mut Builder<'_>,
    user: &Address,
    group: &Address,
    (filling, stays): (&mut BTreeMap<Address, Stage>, &mut BTreeSet<Address>),
    coming: usize,
) {
    let listener = listener_of(user);
    let there = listener.as_ref().map(|listener| stage::address(listener, group));
    let because = format!("it keeps {group} attached, so that AWS checks its targets once there are some");
    let stage = there.filter(|there| !stays.contains(there));
    b.built.held.extend(stage.clone().map(|address| Held { address, because }));
    stays.extend(stage);
    let coming = coming + filling.len();
    if is_attached(b, group) || filling.contains_key(group) || !stage::has_room(b, (user, group), coming) {
        return;
    }
    filling.insert(group.clone(), Stage { listener, stays: true, ..Stage::default() });
}

impl Shifts {
    /// Notes what a new destination needs; returns why it cannot be had, if so.
    fn meet(
        &mut self,
        b: &Builder<'_>,
        (user, now): (&Address, Option<&Action>),
        group: &Address,
        need: Need,
    ) -> Option<String> {
        match need {
            Need::Nothing => None,
            Need::Hold(because) | Need::Fill(because) => Some(because),
            Need::Wait(at_least) => {
                let gate = Gate::TargetsHealthy { group: b.link(group), at_least, leaving: BTreeSet::new() };
                self.waits.entry(user.clone()).or_default().push(gate);
                None
            }
            Need::Stage(at_least) if !stage::has_room(b, (user, group), self.coming(b)) => {
                self.attached.entry(user.clone()).or_default().insert(group.clone(), at_least);
                retain::no_room(now)
            }
            Need::Stage(at_least) => {
                let stage = self.stages.entry(group.clone()).or_default();
                stage.listener = stage.listener.take().or_else(|| listener_of(user));
                stage.at_least = stage.at_least.max(at_least);
                stage.users.insert(user.clone());
                None
            }
        }
    }

    /// A rule or a listener stays as it is after all.
    fn forget(&mut self, user: &Address) {
        self.waits.remove(user);
        self.attached.remove(user);
        for stage in self.stages.values_mut() {
            stage.users.remove(user);
        }
    }

    /// A rule or a listener leaves groups that go. Where its clients stick to them, or it has attached the new ones
    /// itself, it keeps them at weight 0 meanwhile, if they fit; returns why it cannot leave them, if so.
    fn leave(
        &mut self,
        user: &Address,
        (now, then): (Option<&Action>, &Action),
        gone: &BTreeSet<Address>,
    ) -> Option<String> {
        if gone.is_empty() {
            return None;
        }
        let sticky = retain::seconds(now);
        let keeps = (gone.clone(), retain::waits(sticky));
        match (retain::fits(then, gone.len()), self.attached.contains_key(user)) {
            (false, true) => return Some(retain::NO_PLACE.to_owned()),
            // there is room for a rule that keeps them attached
            (false, false) => {}
            (true, attaches) => {
                if attaches || sticky > 0 {
                    self.retained.insert(user.clone(), keeps.clone());
                }
                self.keepers.insert(user.clone(), keeps);
            }
        }
        for group in gone {
            self.leaves.entry(group.clone()).or_default().insert(user.clone());
        }
        None
    }

    /// How many rules that attach groups are created.
    fn coming(&self, b: &Builder<'_>) -> usize {
        let there = |group: &Address, stage: &Stage| {
            let address = stage.listener.as_ref().map(|listener| stage::address(listener, group));
            address.is_none_or(|address| b.bound.live.contains_key(&address))
        };
        self.stages.iter().filter(|(group, stage)| !there(group, stage)).count()
    }
}

/// What a change of a rule or a listener does now and will do, if it moves requests of a listener that serves.
fn move_of(b: &Builder<'_>, change: &Change) -> Option<(Option<Action>, Action)> {
    let want = b.bound.want.get(&change.address)?;
    match &change.verdict {
        Verdict::Update(_) => {
            let live = b.bound.kept(&change.address)?;
            let then = want.clone().over(&live);
            Some((action(&live).cloned(), action(&then)?.clone()))
        }
        Verdict::Create if change.address.kind == Kind::Rule => {
            let listener = change.address.parent()?;
            b.bound.ids.contains_key(&listener).then(|| Some((None, action(want)?.clone())))?
        }
        Verdict::Create | Verdict::InSync | Verdict::Replace(_) | Verdict::Delete | Verdict::Unknown(_) => None,
    }
}

/// The groups that get requests.
fn destinations(action: Option<&Action>) -> BTreeSet<Address> {
    action.into_iter().flat_map(shares).map(|(group, _)| group).collect()
}

/// The groups that an action names, whatever their weight.
fn named(action: Option<&Action>) -> BTreeSet<Address> {
    let groups = action.into_iter().flat_map(Action::groups);
    groups.filter_map(|(link, _)| link.address().cloned()).collect()
}

/// The groups that get requests, and what part of them.
fn shares(action: &Action) -> impl Iterator<Item = (Address, f64)> + '_ {
    let total: u32 = action.groups().map(|(_, weight)| u32::from(weight)).sum();
    let some = action.groups().filter(|(_, weight)| *weight > 0);
    some.filter_map(move |(link, weight)| Some((link.address()?.clone(), f64::from(weight) / f64::from(total.max(1)))))
}

fn need(
    b: &Builder<'_>,
    changes: &[&Change],
    change: &Change,
    group: &Address,
    old: &BTreeSet<Address>,
    share: f64,
) -> Need {
    let creates = change.verdict == Verdict::Create;
    // a new rule takes requests from those behind it
    let serving: usize = match creates {
        true => behind(b, change).iter().map(|group| b.healthy(group).count()).sum(),
        false => old.iter().map(|group| b.healthy(group).count()).sum(),
    };
    let fed = !b.desired.membership.contains(group);
    let declared = b.bound.want.keys().filter(|target| target.parent().as_ref() == Some(group)).count();
    let expected = if fed { b.registered(group).count() } else { declared };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a few thousand targets"
    )]
    let part = (serving as f64 * share).ceil() as usize;
    let at_least = part.min(expected).max(1);
    let replaces = b.bound.replaced.contains_key(group) || b.bound.superseded.values().any(|by| by == group);
    match (expected, is_attached(b, group)) {
        (0, _) if fed && replaces && !creates => Need::Fill(format!(
            "{group} must be filled first: register targets with {}, then apply again",
            physical(b, group)
        )),
        (0, _) if serving > 0 && !creates => {
            Need::Hold(format!("{group} has no targets: clients would see 503 instead of what they get now"))
        }
        (0, _) => Need::Nothing,
        _ if creates && serving == 0 => Need::Nothing,
        (_, false) => Need::Stage(at_least),
        (_, true) => {
            // it is looked at again just before requests move: health is of the moment
            let is_ready = b.healthy(group).count() >= at_least;
            match hopeless(b, changes, group).filter(|_| !is_ready) {
                Some(because) if serving > 0 => Need::Hold(because),
                Some(_) => Need::Nothing,
                None if stays_attached(b, changes, group) => Need::Wait(at_least),
                // where there is no room for another rule, one that goes makes way for this one
                None if is_ready && creates && !stage::has_room(b, (&change.address, group), 0) => Need::Nothing,
                // all who name it leave it in this plan: then nobody would check it while it is waited for
                None => Need::Stage(at_least),
            }
        }
    }
}

/// The name on AWS of a group that somebody shall fill.
fn physical(b: &Builder<'_>, group: &Address) -> String {
    let live = b.bound.live.get(group).and_then(|live| live.spec.target_group()).map(|group| group.name.clone());
    let made = || super::successor::spec(b, group).map(|spec| spec.name);
    live.or_else(made).unwrap_or_else(|| group.name.clone())
}

/// Why no target of a group that is in use will be ready, as far as can be told.
fn hopeless(b: &Builder<'_>, changes: &[&Change], group: &Address) -> Option<String> {
    let mends = |change: &&&Change| {
        let about = lineage(&change.address).any(|above| above == *group);
        about || change.address.kind == Kind::SecurityGroup
    };
    let registered: Vec<_> = b.registered(group).collect();
    let waits = registered.iter().any(|(_, health)| health.is_initial() || health.is_ready());
    if waits || registered.is_empty() || changes.iter().any(|change| mends(&change)) {
        return None;
    }
    let (target, health) = registered.first()?;
    let count = registered.len();
    Some(format!("none of the {count} targets of {group} is healthy: {} {}", target.label(), health.in_words()))
}

/// Whether AWS checks a group: a rule or a listener of the load balancer names it, whatever the weight.
fn is_attached(b: &Builder<'_>, group: &Address) -> bool {
    b.bound.live.values().any(|live| action(&live.spec).is_some_and(|action| forwards(action, group)))
}

/// Whether a rule or a listener that names a group now goes on to do so.
pub(super) fn stays_attached(b: &Builder<'_>, changes: &[&Change], group: &Address) -> bool {
    let names = |spec: &Spec| action(spec).is_some_and(|action| forwards(action, group));
    b.bound.live.iter().filter(|(_, live)| names(&live.spec)).any(|(user, live)| {
        let goes = |change: &&Change| {
            let with_it = change.verdict == Verdict::Delete && lineage(user).any(|above| above == change.address);
            let then = || Some(b.bound.want.get(user)?.clone().over(&live.spec));
            with_it || change.address == *user && then().is_some_and(|then| !names(&then))
        };
        !changes.iter().any(goes)
    })
}

/// The groups that serve the requests which a new rule may take: those of the rules behind it, and the default's.
fn behind(b: &Builder<'_>, change: &Change) -> BTreeSet<Address> {
    let Some(listener) = change.address.parent() else { return BTreeSet::new() };
    let place = b.bound.want.get(&change.address).and_then(Spec::rule).and_then(|rule| rule.priority);
    let after = |spec: &Spec| spec.rule().is_some_and(|rule| rule.priority > place);
    let live = b.bound.live.iter().filter(|(address, live)| {
        **address == listener || (address.parent().as_ref() == Some(&listener) && after(&live.spec))
    });
    live.flat_map(|(_, live)| destinations(action(&live.spec))).collect()
}

/// Old groups stay attached until they are drained: by the rule that stages the new one, or by one of their own; where
/// there is room for neither, by the rule that they leave. Returns who cannot leave them, and why.
fn keep_old(b: &Builder<'_>, shifts: &mut Shifts) -> Vec<(Address, String)> {
    let mut held = Vec::new();
    for (group, users) in shifts.leaves.clone() {
        if !b.has_requests(&group) {
            continue;
        }
        let takes = |(new, stage): &(&Address, &mut Stage)| {
            stage.users.intersection(&users).next().is_some() && stage::takes(b, new, stage, &group)
        };
        if let Some((_, stage)) = shifts.stages.iter_mut().find(takes) {
            stage.keep.insert(group);
            stage.users.extend(users);
            continue;
        }
        let Some(user) = users.iter().find(|user| !shifts.retained.contains_key(*user)) else { continue };
        if stage::has_room(b, (user, &group), shifts.coming(b)) {
            let stage = Stage { listener: listener_of(user), users: users.clone(), ..Stage::default() };
            shifts.stages.insert(group, stage);
        } else if let Some((user, keeps)) = users.iter().find_map(|user| Some((user, shifts.keepers.get(user)?))) {
            // one that names it is enough
            shifts.retained.insert(user.clone(), keeps.clone());
        } else {
            held.extend(users.into_iter().map(|user| (user, retain::NO_PLACE.to_owned())));
        }
    }
    held
}
