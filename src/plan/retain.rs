//! What a rule itself keeps at weight 0: an old group that clients stick to, until their cookies have run out; and
//! both groups where the load balancer has no room for a rule that stages the new one.

use std::collections::{BTreeMap, BTreeSet};

use super::build::Builder;
use super::shift::Shifts;
use super::{After, Gate, order, stage};
use crate::cloud::{ListenerEdit, Operation};
use crate::model::kind::{Action, Forward};
use crate::model::{Address, Link, Spec, StepId};

/// More groups than this fit no forward (API: `ForwardActionConfig`).
pub(super) const GROUPS: usize = 5;
/// The longest time, in seconds, that a run waits for cookies to run out.
const LONGEST: u32 = 3600;
/// How the ids of the steps end that attach a group, and that let the old one go.
const FIRST: &str = " (attach)";
const LAST: &str = " (detach)";

/// Whether a step lets go of an old group in the end.
pub(super) fn is_last(step: &StepId) -> bool {
    step.0.ends_with(LAST)
}

/// For how long a client sticks to one of several groups, in seconds.
pub(super) fn seconds(action: Option<&Action>) -> u32 {
    match action {
        Some(Action::Forward(forward)) => forward.stickiness.unwrap_or(0),
        Some(Action::Redirect(_) | Action::FixedResponse(_)) | None => 0,
    }
}

/// For how long groups are kept that clients stick to. Where requests go to them now, no longer stickiness comes here;
/// to a group at weight 0 no new client sticks.
pub(super) fn waits(sticky: u32) -> u32 {
    sticky.min(LONGEST)
}

/// Whether an action has room for so many more groups. What stops forwarding keeps none.
pub(super) fn fits(action: &Action, more: usize) -> bool {
    matches!(action, Action::Forward(forward) if forward.to.len() + more <= GROUPS)
}

/// Why groups cannot be left.
pub(super) const NO_PLACE: &str = "AWS takes five groups in an action, and there is no room for one more rule on the load \
     balancer: nothing could keep the old group attached while its last requests end. Remove a rule first, or leave the \
     old group at weight 0 and let it go in a later apply";

/// Why clients cannot be moved away from groups that they stick to, if so.
pub(super) fn too_sticky(now: Option<&Action>, gone: &BTreeSet<Address>) -> Option<String> {
    let seconds = seconds(now);
    let group = gone.first().filter(|_| seconds > LONGEST)?;
    Some(format!(
        "clients stick to {group} for {seconds} s, and an apply waits for {LONGEST} s at most: give the rule a shorter \
         `stickiness` first, and apply this after the old one has run out"
    ))
}

/// Why a group cannot be attached by the rule itself, if so.
pub(super) fn no_room(now: Option<&Action>) -> Option<String> {
    let fits = matches!(now, Some(Action::Forward(forward)) if forward.to.len() < GROUPS);
    (!fits).then(|| {
        "AWS takes 100 rules on a load balancer, so that there is no room for the one that has the new group checked \
         before requests go there: remove a rule first"
            .to_owned()
    })
}

/// Adds the steps that attach a group at weight 0 before, and those that let go of the old one after.
pub(super) fn retain(b: &mut Builder<'_>, shifts: &Shifts) {
    for (user, groups) in &shifts.attached {
        attach(b, user, groups);
    }
    for (user, (groups, _)) in &shifts.retained {
        keep(b, user, groups);
    }
}

/// The step that moves the requests of a rule or a listener, and the action it gives it.
fn mover(b: &Builder<'_>, user: &Address) -> Option<(usize, Forward)> {
    let at = b.built.steps.iter().position(|s| s.address == *user && order::action(&s.operation).is_some())?;
    match order::action(&b.built.steps[at].operation)? {
        Action::Forward(forward) => Some((at, forward.clone())),
        // what stops forwarding keeps nothing
        Action::Redirect(_) | Action::FixedResponse(_) => None,
    }
}

fn attach(b: &mut Builder<'_>, user: &Address, groups: &BTreeMap<Address, usize>) {
    let live = b.bound.live.get(user).map(|live| live.spec.clone()).map(|spec| spec.map_links(&mut |l| b.known(l)));
    let now = live.as_ref().and_then(super::delete::action).cloned();
    let (Some((at, _)), Some(Action::Forward(now))) = (mover(b, user), now) else { return };
    for (group, at_least) in groups {
        let mut to = now.to.clone();
        to.insert(b.link(group), 0);
        let forward = Action::Forward(Forward { to, ..now.clone() });
        let operation = with_action(&b.built.steps[at].operation, forward, live.as_ref());
        let gate = Gate::TargetsHealthy { group: b.link(group), at_least: *at_least, leaving: BTreeSet::new() };
        let step =
            b.push(user, operation, "AWS checks a group only while a rule names it; there is no room for another rule");
        step.id.0.push_str(FIRST);
        step.gate = Some(gate);
        let attached = step.id.clone();
        let back = with_action(&b.built.steps[at].operation, Action::Forward(now.clone()), live.as_ref());
        let subject = b.link(group);
        let why = "requests go to a group only once its targets are known to be ready".to_owned();
        for step in b.built.steps.iter_mut().filter(|step| step.id != attached) {
            if order::action(&step.operation).is_some_and(|action| action.groups().any(|(link, _)| *link == subject)) {
                step.after.push(After { step: attached.clone(), why: why.clone() });
            }
        }
        stage::undo(b, group, &attached, (user, back));
    }
}

fn keep(b: &mut Builder<'_>, user: &Address, groups: &BTreeSet<Address>) {
    let Some((at, forward)) = mover(b, user) else { return };
    let last = with_action(&b.built.steps[at].operation, Action::Forward(forward.clone()), None);
    let olds: Vec<Link> = groups.iter().map(|group| b.link(group)).collect();
    let mut to = forward.to.clone();
    to.extend(olds.into_iter().map(|old| (old, 0)));
    // clients that stick to the old group stay there until it goes
    let live = b.bound.live.get(user).and_then(|live| super::delete::action(&live.spec)).map(|now| seconds(Some(now)));
    let stickiness = forward.stickiness.or(live.filter(|seconds| *seconds > 0));
    let mover = &mut b.built.steps[at];
    mover.operation = with_action(&mover.operation, Action::Forward(Forward { to, stickiness, ..forward }), None);
    // it comes after the other write to the same rule, and its id says so
    b.push(user, last, "the old group has no requests under way any more").id.0.push_str(LAST);
}

/// The same call with another action and nothing else. The login that stands before it goes with it: that of `live`
/// where the action is the live one.
#[expect(clippy::wildcard_enum_match_arm, reason = "only these two change an action in place")]
fn with_action(operation: &Operation, action: Action, live: Option<&Spec>) -> Operation {
    let login = |own: &Option<_>| match live {
        Some(Spec::Rule(rule)) => rule.authenticate.clone(),
        Some(Spec::Listener(listener)) => listener.authenticate.clone(),
        Some(_) | None => Option::clone(own),
    };
    match operation.clone() {
        Operation::ModifyRule { rule, when, authenticate, rewrite, .. } => {
            let (when, rewrite) = if live.is_some() { (None, None) } else { (when, rewrite) };
            Operation::ModifyRule { rule, when, action: Some(action), authenticate: login(&authenticate), rewrite }
        }
        Operation::ModifyListener { listener, edit } => {
            let bare = if live.is_some() { ListenerEdit::default() } else { edit.clone() };
            let authenticate = login(&edit.authenticate);
            Operation::ModifyListener { listener, edit: ListenerEdit { default: Some(action), authenticate, ..bare } }
        }
        other => other,
    }
}
