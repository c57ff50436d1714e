//! What becomes of a request: which listener, certificate, rule, group and targets it meets, or which 5xx.
//!
//! One pure model, `Snapshot × Request → Outcome`, for all who ask what clients see. It knows no time and asks
//! nobody: what was not read, and what AWS's pages leave open, is said as unknown. It does not look at rewrites,
//! stickiness, WAF, size limits, or which HTTP version a group speaks. Sources: user guides "Listeners",
//! "Listener rules", "Condition types", "Action types", and those that the parts name.

mod condition;
mod cover;
mod forward;
mod handshake;
mod network;
mod outcome;
mod redirect;
mod request;
#[cfg(test)]
mod tests;
mod watch;
mod wildcard;
mod witness;

use std::collections::{BTreeMap, BTreeSet};

pub use condition::{Fits, conditions};
pub use cover::covers;
pub use forward::{Cause, Destination, Ends};
pub use handshake::Handshake;
pub use outcome::{Answer, Entry, Outcome, Worth};
pub use request::{Request, Scheme};
pub use watch::{Lost, Watch};
pub use witness::witnesses;

use super::{Hidden, Live, Snapshot};
use crate::model::kind::{Action, Authenticate, Listener, Login, OnUnauthenticated, Rule};
use crate::model::value::Protocol;
use crate::model::{Id, Kind, Link, Spec};

/// What becomes of one request.
pub fn outcome(snapshot: &Snapshot, request: &Request) -> Outcome {
    Roads::of(snapshot).outcome(snapshot, request)
}

/// Which listener is where, which rules a listener has and which targets a group: for many requests to one snapshot.
///
/// It holds ids only; after a change [`Roads::note`] brings it up to date.
#[derive(Clone, Debug, Default)]
pub struct Roads {
    listeners: BTreeMap<(Id, u16), Id>,
    rules: BTreeMap<Id, BTreeSet<Id>>,
    targets: BTreeMap<Id, BTreeSet<Id>>,
    hidden: BTreeSet<Hidden>,
}

impl Roads {
    /// The roads of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let hidden = snapshot.gaps.iter().map(|gap| gap.hidden.clone()).collect();
        let mut roads = Self { hidden, ..Self::default() };
        for (id, live) in &snapshot.found {
            roads.note(id, None, Some(live));
        }
        roads
    }

    /// Notes that a resource came, went or changed.
    pub fn note(&mut self, id: &Id, before: Option<&Live>, after: Option<&Live>) {
        if let Some(before) = before {
            self.enter(id, before, false);
        }
        if let Some(after) = after {
            self.enter(id, after, true);
        }
    }

    fn enter(&mut self, id: &Id, live: &Live, is_there: bool) {
        let under = |map: &mut BTreeMap<Id, BTreeSet<Id>>, parent: &Link| {
            let Some(parent) = parent.id() else { return };
            if is_there {
                map.entry(parent.clone()).or_default().insert(id.clone());
            } else if let Some(list) = map.get_mut(parent) {
                list.remove(id);
            }
        };
        match &live.spec {
            Spec::Listener(listener) => {
                let Some(balancer) = listener.load_balancer.id() else { return };
                if is_there {
                    self.listeners.insert((balancer.clone(), listener.port), id.clone());
                } else {
                    self.listeners.remove(&(balancer.clone(), listener.port));
                }
            }
            Spec::Rule(rule) => under(&mut self.rules, &rule.listener),
            Spec::Target(target) => under(&mut self.targets, &target.target_group),
            Spec::SecurityGroup(_) | Spec::Certificate(_) | Spec::TargetGroup(_) | Spec::LoadBalancer(_) => {}
        }
    }

    /// Every listener, by load balancer and port.
    pub fn listeners(&self) -> impl Iterator<Item = (&(Id, u16), &Id)> {
        self.listeners.iter()
    }
    /// The rules of a listener, in no order that means anything.
    pub fn rules_of(&self, listener: &Id) -> impl Iterator<Item = &Id> {
        self.rules.get(listener).into_iter().flatten()
    }
    /// The targets of a group.
    pub fn targets_of(&self, group: &Id) -> impl Iterator<Item = &Id> {
        self.targets.get(group).into_iter().flatten()
    }
    /// Whether some of what lives in this may not have been read.
    fn hides(&self, parent: &Id, kind: Kind) -> bool {
        self.hidden.contains(&Hidden::Kind(kind)) || self.hidden.contains(&Hidden::Children(parent.clone(), kind))
    }
    fn hides_itself(&self, id: &Id) -> bool {
        self.hidden.contains(&Hidden::Resource(id.clone()))
    }

    /// What becomes of a request.
    pub fn outcome(&self, snapshot: &Snapshot, request: &Request) -> Outcome {
        Way::to(self, snapshot, &request.load_balancer, request.port).outcome(request)
    }
}

type Rules<'s> = Vec<(&'s Id, &'s Rule)>;

/// The way to one port of one load balancer: for many requests to it.
#[derive(Debug)]
pub struct Way<'s> {
    roads: &'s Roads,
    snapshot: &'s Snapshot,
    balancer: &'s Id,
    port: u16,
    /// The listener, and its rules by priority.
    there: Option<(&'s Id, &'s Listener, Rules<'s>)>,
}

impl<'s> Way<'s> {
    /// The way to a port.
    pub fn to(roads: &'s Roads, snapshot: &'s Snapshot, balancer: &'s Id, port: u16) -> Self {
        let found = roads.listeners.get(&(balancer.clone(), port));
        let there = found.and_then(|id| {
            let listener = snapshot.found.get(id)?.spec.listener()?;
            let rule = |id: &'s Id| Some((id, snapshot.found.get(id)?.spec.rule()?));
            let mut rules: Rules<'s> = roads.rules_of(id).filter_map(rule).collect();
            rules.sort_by_key(|(id, rule)| (rule.priority, *id));
            Some((id, listener, rules))
        });
        Self { roads, snapshot, balancer, port, there }
    }

    /// What becomes of a request that is sent here.
    pub fn outcome(&self, request: &Request) -> Outcome {
        let balancer = self.snapshot.found.get(self.balancer).and_then(|live| live.spec.load_balancer());
        let Some((id, listener, _)) = &self.there else {
            let unread = self.roads.hides(self.balancer, Kind::Listener) || self.roads.hides_itself(self.balancer);
            let unread = unread || balancer.is_none() && self.roads.hidden.contains(&Hidden::Kind(Kind::LoadBalancer));
            let unknown = || Answer::Unknown("the listeners of the load balancer could not be read".to_owned());
            return Outcome::of(if unread { unknown() } else { Answer::Refused });
        };
        let mut outcome = Outcome { listener: Some((*id).clone()), ..Outcome::of(Answer::Dropped) };
        let open = balancer.map(|balancer| network::client(self.snapshot, balancer, self.port, request.source));
        if open == Some(Fits::No) {
            return outcome;
        }
        match (&request.scheme, listener.protocol) {
            (Scheme::Http, Some(Protocol::Http)) => {}
            (Scheme::Https { server_name }, Some(Protocol::Https)) => {
                outcome.handshake = Some(handshake::handshake(self.snapshot, listener, server_name.as_deref()));
            }
            (Scheme::Http | Scheme::Https { .. }, Some(_)) => {
                return Outcome { answer: Answer::OtherProtocol, ..outcome };
            }
            (Scheme::Http | Scheme::Https { .. }, None) => {
                return Outcome { answer: Answer::Unknown("its protocol is not known".to_owned()), ..outcome };
            }
        }
        self.routed(outcome, request)
    }

    /// The first rule that takes the request decides, else the default.
    fn routed(&self, outcome: Outcome, request: &Request) -> Outcome {
        let Some((listener, spec, rules)) = &self.there else { return outcome };
        if self.roads.hides(listener, Kind::Rule) {
            return Outcome { answer: Answer::Unknown("the listener's rules could not be read".to_owned()), ..outcome };
        }
        for (id, rule) in rules {
            match condition::rule(rule, request) {
                Fits::No => {}
                Fits::Yes if self.roads.hides_itself(id) => {
                    return Outcome { answer: Answer::Unknown(format!("parts of {id} could not be read")), ..outcome };
                }
                Fits::Yes => {
                    let login = rule.authenticate.as_ref().and_then(entry);
                    let rule_id = Some((*id).clone());
                    let answer = self.acts(rule.action.as_ref(), request);
                    return Outcome { rule: rule_id, login, answer, ..outcome };
                }
                Fits::CannotTell => {
                    let because = format!("whether the rule of priority {} takes it is not known", priority(rule));
                    return Outcome { answer: Answer::Unknown(because), ..outcome };
                }
            }
        }
        if !spec.beyond.is_empty() {
            let because = "the default action has parts that this version does not know".to_owned();
            return Outcome { answer: Answer::Unknown(because), ..outcome };
        }
        let login = spec.authenticate.as_ref().and_then(entry);
        Outcome { login, answer: self.acts(spec.default.as_ref(), request), ..outcome }
    }

    fn acts(&self, action: Option<&Action>, request: &Request) -> Answer {
        let balancer = self.snapshot.found.get(self.balancer).and_then(|live| live.spec.load_balancer());
        match action {
            None => Answer::Unknown("its action is not known".to_owned()),
            Some(Action::FixedResponse(fixed)) => Answer::Fixed(fixed.status),
            Some(Action::Redirect(redirect)) => redirect::answer(redirect, request),
            Some(Action::Forward(forward)) => {
                match forward::destinations(self.snapshot, self.roads, balancer, forward) {
                    Ok(list) => Answer::Forward(list),
                    Err(cause) => Answer::Error(cause),
                }
            }
        }
    }
}

fn priority(rule: &Rule) -> u32 {
    rule.priority.unwrap_or_default()
}

/// What a login asks of a client without a session.
fn entry(login: &Authenticate) -> Option<Entry> {
    let session = |login: &Login| match login.on_unauthenticated {
        Some(OnUnauthenticated::Deny) => Entry::Denied,
        Some(OnUnauthenticated::Allow) => Entry::Allowed,
        Some(OnUnauthenticated::Authenticate) | None => Entry::SentToLogin,
    };
    match login {
        Authenticate::None => None,
        Authenticate::Oidc(oidc) => Some(session(&oidc.login)),
        Authenticate::Cognito(cognito) => Some(session(&cognito.login)),
        Authenticate::Jwt(_) => Some(Entry::Token),
    }
}
