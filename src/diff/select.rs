//! Turning selectors into ids: by tag, never by guess.

use std::collections::BTreeMap;

use crate::cloud::{Hidden, Snapshot};
use crate::desired::{Problem, Resolved};
use crate::model::kind::LoadBalancer;
use crate::model::{Address, FieldPath, Id, Link, Selectable, Selector, Spec};

/// Resolves the selectors of one spec. A selector behind a gap stays a selector.
pub(super) fn resolve(
    desired: &Resolved,
    snapshot: &Snapshot,
    address: &Address,
    spec: Spec,
    problems: &mut Vec<Problem>,
) -> Spec {
    let blind = snapshot.incomplete().any(|gap| gap.hidden == Hidden::Lookups);
    let within = desired.within.get(address).and_then(|link| one(snapshot, link, blind).ok().flatten());
    let spec =
        if let Spec::LoadBalancer(lb) = spec { expand_subnets(snapshot, *lb, within.as_ref()).into() } else { spec };
    let mut failed = Vec::new();
    let spec = spec.map_links(&mut |link| match one(snapshot, &link, blind) {
        Ok(Some(id)) => Link::Id(id),
        Ok(None) => link,
        Err(message) => {
            failed.push((field_of(&link), message, hint_of(&link, snapshot)));
            link
        }
    });
    for (field, message, hint) in failed {
        let problem = match desired.span(address, &FieldPath::from(field)) {
            Some(span) => Problem::error(span, message),
            None => Problem::general(message),
        };
        problems.push(problem.hint(hint));
    }
    spec
}

const fn field_of(link: &Link) -> &'static str {
    match link {
        Link::Select(Selector { what: Selectable::TrustStore, .. }) => "mutual_authentication.verify",
        Link::Select(Selector { what: Selectable::Subnet, .. }) => "subnets",
        Link::Select(Selector { what: Selectable::SecurityGroup, .. }) => "security_groups",
        Link::Select(Selector { what: Selectable::Vpc, .. }) | Link::Address(_) | Link::Id(_) | Link::Step(_) => "vpc",
    }
}

/// What helps where a selector finds nothing or too much.
fn hint_of(link: &Link, snapshot: &Snapshot) -> String {
    let trust_store = matches!(link, Link::Select(Selector { what: Selectable::TrustStore, .. }));
    let mut names: Vec<&str> = snapshot.trust_stores.values().map(String::as_str).collect();
    names.sort_unstable();
    match (trust_store, names.is_empty()) {
        (false, _) => "name it by id, or by tags that only it has".to_owned(),
        (true, true) => "there is none in this account and region; trust stores are made outside no502".to_owned(),
        (true, false) => format!("there are: {}", names.join(", ")),
    }
}

/// A subnet selector stands for every subnet it matches.
fn expand_subnets(snapshot: &Snapshot, lb: LoadBalancer, within: Option<&Id>) -> LoadBalancer {
    let subnets = lb.subnets.map(|links| {
        let mut expanded = std::collections::BTreeSet::new();
        for link in links {
            let matches: Vec<Id> = match &link {
                Link::Select(selector) => candidates(snapshot, selector)
                    .into_iter()
                    .filter(|id| within.is_none() || snapshot.subnets.get(id).and_then(|s| s.vpc.as_ref()) == within)
                    .collect(),
                Link::Id(_) | Link::Address(_) | Link::Step(_) => Vec::new(),
            };
            if matches.is_empty() {
                expanded.insert(link);
            } else {
                expanded.extend(matches.into_iter().map(Link::Id));
            }
        }
        expanded
    });
    LoadBalancer { subnets, ..lb }
}

/// The one id a selector means. `Ok(None)`: the link is no selector, or nothing can be known.
fn one(snapshot: &Snapshot, link: &Link, blind: bool) -> Result<Option<Id>, String> {
    let selector = match link {
        Link::Select(selector) => selector,
        Link::Id(id) => return Ok(Some(id.clone())),
        Link::Address(_) | Link::Step(_) => return Ok(None),
    };
    let mut found = candidates(snapshot, selector);
    match found.len() {
        0 if blind => Ok(None),
        0 => Err(format!("there is no {selector}")),
        1 => Ok(found.pop()),
        _ => {
            let list: Vec<&str> = found.iter().map(Id::as_str).collect();
            Err(format!("more than one {selector}: {}", list.join(", ")))
        }
    }
}

fn candidates(snapshot: &Snapshot, selector: &Selector) -> Vec<Id> {
    let matches = |tags: &BTreeMap<String, String>| selector.tags.iter().all(|(k, v)| tags.get(k) == Some(v));
    match selector.what {
        Selectable::Vpc => snapshot.vpcs.iter().filter(|(_, v)| matches(&v.tags)).map(|(id, _)| id.clone()).collect(),
        Selectable::Subnet => {
            snapshot.subnets.iter().filter(|(_, s)| matches(&s.tags)).map(|(id, _)| id.clone()).collect()
        }
        Selectable::TrustStore => {
            let named = |name: &String| selector.tags.get("Name") == Some(name);
            snapshot.trust_stores.iter().filter(|(_, name)| named(name)).map(|(id, _)| id.clone()).collect()
        }
        Selectable::SecurityGroup => {
            snapshot.security_groups().filter(|(_, g)| matches(&g.tags)).map(|(id, _)| id.clone()).collect()
        }
    }
}
