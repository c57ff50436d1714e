//! The blast radius: how much of what serves clients one run may change or take away.
//!
//! It counts what requests meet, not calls. Of a listener: the rules, its default among them, that would go, or answer
//! otherwise or other requests than now. Of a target group that gets requests: the healthy targets that would leave with
//! none in their place. Of a load balancer: the listeners that would go. One of each is always within the limits, however
//! few there are.
//!
//! Not counted: what goes with a load balancer that is deleted (a guard of its own); groups that are replaced, whose
//! successor serves before they go; rules that are new.

use std::collections::{BTreeMap, BTreeSet};

use super::delete::{action, is_delete, lineage};
use super::stage::is_stage;
use super::{Guard, Plan, Refused, Step};
use crate::cloud::{Facts, Operation};
use crate::desired::{Limit, Resolved};
use crate::diff::Verdict;
use crate::model::kind::{Action, Conditions, Rule};
use crate::model::{Address, Kind, Link, Spec};

/// Adds a refusal for each limit that the plan goes beyond.
pub(super) fn guard(desired: &Resolved, plan: &mut Plan) {
    let limits = [
        (listeners(plan), desired.limits.listeners, "listeners", "would go"),
        (rules(plan), desired.limits.rules, "rules", "would go or answer otherwise"),
        (targets(plan), desired.limits.targets, "healthy targets", "would leave"),
    ];
    for (shares, limit, what, happens) in limits {
        let key = what.rsplit(' ').next().unwrap_or(what);
        for (address, Share { touched, all }) in shares {
            let most = most(limit, all);
            if touched > most {
                let because = format!(
                    "{touched} of its {all} {what} {happens} in one run; `limits.{key}: {limit}` allows {most}"
                );
                plan.refused.push(Refused { guard: Guard::BlastRadius, address: Some(address), because });
            }
        }
    }
}

/// How many a limit allows of so many; one is always allowed.
fn most(limit: Limit, all: usize) -> usize {
    let most = match limit {
        Limit::Percent(percent) => all.saturating_mul(usize::from(percent)) / 100,
        Limit::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
    };
    most.max(1)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    touched: usize,
    all: usize,
}

/// By load balancer.
fn listeners(plan: &Plan) -> BTreeMap<Address, Share> {
    let mut shares: BTreeMap<Address, Share> = BTreeMap::new();
    for address in live(plan, Kind::Listener).filter(|address| stays(plan, address)) {
        let Some(balancer) = address.parent() else { continue };
        let share = shares.entry(balancer).or_default();
        share.all += 1;
        share.touched += usize::from(goes(plan, address));
    }
    shares
}

/// By listener; the default counts as one.
fn rules(plan: &Plan) -> BTreeMap<Address, Share> {
    let mut shares: BTreeMap<Address, Share> = BTreeMap::new();
    for listener in live(plan, Kind::Listener).filter(|address| stays(plan, address) && !goes(plan, address)) {
        shares.insert(listener.clone(), Share { touched: usize::from(answers_otherwise(plan, listener)), all: 1 });
    }
    for rule in live(plan, Kind::Rule).filter(|address| !is_stage(address)) {
        let Some(share) = rule.parent().and_then(|listener| shares.get_mut(&listener)) else { continue };
        share.all += 1;
        share.touched += usize::from(goes(plan, rule) || answers_otherwise(plan, rule));
    }
    shares
}

/// Whether a rule or a listener's default will take other requests, or answer them otherwise.
fn answers_otherwise(plan: &Plan, address: &Address) -> bool {
    let bound = &plan.diff.bound;
    let is_written = plan.steps.iter().any(|step| step.address == *address && !step.stamp);
    let (Some(live), Some(want)) = (bound.live.get(address), bound.want.get(address)) else { return false };
    let stands_for = |link: Link| {
        let replaced = |old: &Address| bound.replaced.iter().find(|(_, there)| *there == old).map(|(group, _)| group);
        let new = link.address().and_then(|old| replaced(old).or_else(|| bound.follower(old)));
        new.cloned().map_or(link, Link::Address)
    };
    let live = live.spec.clone().map_links(&mut { stands_for });
    is_written
        && match (&want.clone().over(&live), &live) {
            (Spec::Rule(want), Spec::Rule(live)) => {
                let when = |rule: &Rule| rule.when.as_ref().map(Conditions::canonical);
                when(want) != when(live)
                    || want.action != live.action
                    || want.authenticate != live.authenticate
                    || want.rewrite != live.rewrite
            }
            (Spec::Listener(want), Spec::Listener(live)) => {
                want.default != live.default || want.authenticate != live.authenticate
            }
            _ => false,
        }
}

/// By target group, of those that get requests now. Whatever is registered in the same run takes a leaving one's place:
/// nothing leaves before it is healthy.
fn targets(plan: &Plan) -> BTreeMap<Address, Share> {
    let bound = &plan.diff.bound;
    let is_left = |step: &Step| matches!(step.operation, Operation::DeregisterTargets { .. });
    let left = plan.steps.iter().filter(|step| is_left(step)).map(|step| &step.address);
    let groups: BTreeSet<&Address> = left.filter(|group| !bound.superseded.contains_key(group)).collect();
    let share = |group: &Address| {
        let beneath = plan.diff.changes.iter().filter(|change| change.address.parent().as_ref() == Some(group));
        let (mut leaving, mut coming) = (0, 0);
        for change in beneath {
            match change.verdict {
                Verdict::Delete => leaving += usize::from(is_healthy(plan, &change.address)),
                Verdict::Create => coming += 1,
                Verdict::InSync | Verdict::Update(_) | Verdict::Replace(_) | Verdict::Unknown(_) => {}
            }
        }
        let of_group = live(plan, Kind::Target).filter(|target| target.parent().as_ref() == Some(group));
        let all = of_group.filter(|target| is_healthy(plan, target)).count();
        Share { touched: leaving.saturating_sub(coming), all }
    };
    groups.into_iter().filter(|group| serves(plan, group)).map(|group| (group.clone(), share(group))).collect()
}

fn is_healthy(plan: &Plan, target: &Address) -> bool {
    match plan.diff.bound.live.get(target).map(|live| &live.facts) {
        Some(Facts::Target(health)) => health.is_ready(),
        Some(_) | None => false,
    }
}

/// Whether some live action sends requests to a group.
fn serves(plan: &Plan, group: &Address) -> bool {
    let actions = plan.diff.bound.live.values().filter_map(|live| action(&live.spec));
    let mut groups = actions.flat_map(Action::groups);
    groups.any(|(link, weight)| link.address() == Some(group) && weight > 0)
}

fn live(plan: &Plan, kind: Kind) -> impl Iterator<Item = &Address> {
    plan.diff.bound.live.keys().filter(move |address| address.kind == kind)
}

/// Whether a step deletes it.
fn goes(plan: &Plan, address: &Address) -> bool {
    plan.steps.iter().any(|step| step.address == *address && is_delete(&step.operation))
}

/// Whether nothing that it lives in is deleted.
fn stays(plan: &Plan, address: &Address) -> bool {
    !lineage(address).skip(1).any(|above| goes(plan, &above))
}
