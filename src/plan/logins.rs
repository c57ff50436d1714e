//! Logins need HTTPS: AWS refuses a listener that speaks plain HTTP while its default or one of its rules asks users to
//! log in. What the files leave alone may be such a login; then the change is held.

use super::build::Builder;
use super::{After, Held};
use crate::cloud::Operation;
use crate::diff::{Change, Verdict};
use crate::model::kind::{Authenticate, Listener};
use crate::model::value::Protocol;
use crate::model::{Address, Kind, Spec, StepId};

const STAYS: &str = "AWS refuses plain HTTP as long as a rule has a login";

/// The changes without those that AWS would refuse because of a login; these are held.
pub(super) fn allowed<'c>(b: &mut Builder<'_>, changes: Vec<&'c Change>) -> Vec<&'c Change> {
    let (kept, held) = split(changes.clone(), |change| plain_with_login(b, &changes, change));
    let (kept, more) = split(kept.clone(), |change| login_without_https(b, &kept, change));
    for (address, because) in held.into_iter().chain(more) {
        b.forget(&address);
        b.built.held.push(Held { address, because });
    }
    kept
}

/// The changes that may be made, and those that may not with the reason.
fn split(changes: Vec<&Change>, refused: impl Fn(&Change) -> Option<String>) -> (Vec<&Change>, Vec<(Address, String)>) {
    let mut held = Vec::new();
    let mut kept = Vec::new();
    for change in changes {
        match refused(change) {
            Some(because) => held.push((change.address.clone(), because)),
            None => kept.push(change),
        }
    }
    (kept, held)
}

/// A listener that shall speak plain HTTP though a login stays.
fn plain_with_login(b: &Builder<'_>, changes: &[&Change], change: &Change) -> Option<String> {
    let (want, live) = (want(b, &change.address)?, live(b, &change.address)?);
    let leaves = want.protocol == Some(Protocol::Http) && live.protocol == Some(Protocol::Https);
    if !leaves || !matches!(change.verdict, Verdict::Update(_)) {
        return None;
    }
    if asks(want.authenticate.as_ref().or(live.authenticate.as_ref())) {
        return Some("its default action asks users to log in, which takes HTTPS; say `authenticate: none`".to_owned());
    }
    let stays = |address: &Address| {
        let changed = changes.iter().any(|c| c.address == *address && matches!(c.verdict, Verdict::Update(_)));
        let wanted = b.bound.want.get(address).and_then(Spec::rule).and_then(|rule| rule.authenticate.as_ref());
        let goes = changes.iter().any(|c| c.address == *address && c.verdict == Verdict::Delete);
        !(goes || changed && wanted == Some(&Authenticate::None))
    };
    let mut rules = b.bound.live.iter().filter(|(address, _)| address.parent().as_ref() == Some(&change.address));
    let (rule, _) = rules
        .find(|(address, rule)| asks(rule.spec.rule().and_then(|rule| rule.authenticate.as_ref())) && stays(address))?;
    Some(format!("{rule} asks users to log in, which takes HTTPS; it must stop doing so first (`authenticate: none`)"))
}

/// A rule that shall ask users to log in on a listener that stays without encryption.
fn login_without_https(b: &Builder<'_>, changes: &[&Change], change: &Change) -> Option<String> {
    let rule = b.bound.want.get(&change.address).and_then(Spec::rule)?;
    let listener = change.address.parent()?;
    let plain = live(b, &listener).is_some_and(|live| live.protocol == Some(Protocol::Http));
    let becomes = changes.iter().any(|c| c.address == listener)
        && want(b, &listener).is_some_and(|want| want.protocol == Some(Protocol::Https));
    let refused = asks(rule.authenticate.as_ref()) && plain && !becomes;
    refused.then(|| format!("it asks users to log in, which takes HTTPS, and {listener} speaks plain HTTP"))
}

/// A rule with a login that goes, goes before its listener speaks plain HTTP.
pub(super) fn leave_first(b: &mut Builder<'_>) {
    let login = |address: &Address| asks(b.bound.live.get(address)?.spec.rule()?.authenticate.as_ref()).then_some(());
    let deletes = b.built.steps.iter().filter(|step| matches!(step.operation, Operation::Delete { .. }));
    let going = deletes.filter(|step| login(&step.address).is_some());
    let going: Vec<(Option<Address>, StepId)> = going.map(|step| (step.address.parent(), step.id.clone())).collect();
    let plain = b.built.steps.iter_mut().filter(|step| protocol(&step.operation) == Some(Protocol::Http));
    for step in plain {
        let first = going.iter().filter(|(listener, _)| listener.as_ref() == Some(&step.address));
        step.after.extend(first.map(|(_, id)| After { step: id.clone(), why: STAYS.to_owned() }));
    }
}

fn want<'b>(b: &'b Builder<'_>, address: &Address) -> Option<&'b Listener> {
    b.bound.want.get(address).and_then(Spec::listener)
}

fn live<'b>(b: &'b Builder<'_>, address: &Address) -> Option<&'b Listener> {
    b.bound.live.get(address).and_then(|live| live.spec.listener())
}

fn asks(login: Option<&Authenticate>) -> bool {
    login.is_some_and(|login| *login != Authenticate::None)
}

/// The protocol that a listener takes.
const fn protocol(operation: &Operation) -> Option<Protocol> {
    if let Operation::ModifyListener { edit, .. } = operation { edit.protocol } else { None }
}

/// Logins come once the listener speaks HTTPS, and are gone before it no longer does.
pub(super) fn edge(
    (earlier, operation): (&Address, &Operation),
    (later, next): (&Address, &Operation),
) -> Option<&'static str> {
    if later.kind == Kind::Rule && later.parent().as_ref() == Some(earlier) {
        let writes = matches!(next, Operation::CreateRule { .. } | Operation::ModifyRule { .. });
        let waits = writes && protocol(operation) == Some(Protocol::Https);
        return waits.then_some("AWS takes a login only on a listener that speaks HTTPS");
    }
    let login = if let Operation::ModifyRule { action: Some(_), authenticate, .. } = operation {
        Some(asks(authenticate.as_ref()))
    } else {
        None
    };
    let stops = login == Some(false);
    let of_listener = earlier.kind == Kind::Rule && earlier.parent().as_ref() == Some(later);
    (stops && of_listener && protocol(next) == Some(Protocol::Http)).then_some(STAYS)
}
