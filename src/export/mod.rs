//! Export: a live view as a desired file that people can read and that plans empty.
//!
//! Names instead of ARNs, AWS's defaults left out, shorthands where the language has them. What the
//! language cannot say is left out with a comment, and thereby left alone. Pure: no call, no clock.

mod attribute;
mod authenticate;
mod balancer;
mod certificate;
mod condition;
mod group;
mod keys;
mod listener;
mod network;
mod rule;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use crate::cloud::{NeededFor, Scope, Snapshot};
use crate::model::kind::Listener;
use crate::model::{Id, Kind, Link, Spec};
use keys::Keys;
use yaml::{Map, Node};

/// What to export, and for whom.
#[derive(Clone, Debug)]
pub struct Request {
    /// The load balancers, by name.
    pub load_balancers: BTreeSet<String>,
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The stack that shall own what is exported; `None`: the stack that the first load balancer's tag
    /// names, else the first load balancer's name.
    pub stack: Option<String>,
}

/// An exported file.
#[derive(Clone)]
pub struct Exported {
    /// The file.
    pub text: String,
    /// What the file leaves out, in a line each; the file says so too.
    pub left_out: Vec<String>,
    /// The live values of the secrets that the file refers to, by environment variable: to check the
    /// file with, never to be printed.
    pub secrets: BTreeMap<String, String>,
}

/// What must be read to export these load balancers, and all that a stack owns besides.
pub fn scope(load_balancers: BTreeSet<String>, owned_by: Option<String>) -> Scope {
    let capacity = load_balancers.iter().map(|name| (name.clone(), NeededFor::Rules)).collect();
    Scope {
        load_balancers,
        capacity,
        owned_by,
        attached_groups: true,
        certificate_tags: true,
        network: true,
        ..Scope::default()
    }
}

/// The stack that the file will be for. The file must name all that it owns, because what a stack owns and no file
/// mentions is deleted: that must have been read.
pub fn stack(snapshot: &Snapshot, request: &Request) -> String {
    Export::new(snapshot, request).stack
}

/// Load balancers that were not asked for and in which something of the stack lives.
pub fn left_behind(snapshot: &Snapshot, request: &Request) -> BTreeSet<String> {
    let export = Export::new(snapshot, request);
    let balancer_of = |id: &Id| Some(snapshot.found.get(id)?.spec.load_balancer()?.name.clone());
    let of_listener = |id: &Id| balancer_of(snapshot.found.get(id)?.spec.listener()?.load_balancer.id()?);
    let of_rule = |id: &Id| of_listener(snapshot.found.get(id)?.spec.rule()?.listener.id()?);
    let balancers = export.owned(Kind::LoadBalancer).into_iter().filter_map(balancer_of);
    let listeners = export.owned(Kind::Listener).into_iter().filter_map(of_listener);
    let rules = export.owned(Kind::Rule).into_iter().filter_map(of_rule);
    let all = balancers.chain(listeners).chain(rules);
    all.filter(|name| !request.load_balancers.contains(name)).collect()
}

/// Writes a desired file for the load balancers of a live view.
pub fn export(snapshot: &Snapshot, request: &Request) -> Exported {
    let mut export = Export::new(snapshot, request);
    let certificates = export.certificates();
    let groups = export.security_groups();
    let target_groups = export.target_groups();
    let balancers = export.load_balancers();
    let mut file = Map::default();
    export.head(request, &mut file);
    if certificates.is_empty() {
        file.adopt_remarks(certificates);
    } else {
        file.section("certificates", certificates);
    }
    file.section("security_groups", groups);
    file.section("target_groups", target_groups);
    file.section("load_balancers", balancers);
    Exported { text: file.render(), left_out: export.left_out, secrets: export.secrets.values }
}

/// An export under way.
struct Export<'s> {
    snapshot: &'s Snapshot,
    stack: String,
    /// The load balancers in the order of their names.
    balancers: Vec<&'s Id>,
    /// The keys of everything that has a section of its own.
    keys: BTreeMap<&'s Id, String>,
    left_out: Vec<String>,
    secrets: condition::Secrets,
}

impl<'s> Export<'s> {
    fn new(snapshot: &'s Snapshot, request: &Request) -> Self {
        let mut balancers: Vec<(&str, &Id)> = snapshot
            .load_balancers()
            .filter(|(_, lb)| request.load_balancers.contains(&lb.name))
            .map(|(id, lb)| (lb.name.as_str(), id))
            .collect();
        balancers.sort_unstable();
        let first = balancers.first().and_then(|(_, id)| snapshot.found.get(*id)).and_then(|live| live.spec.tags());
        let tagged = first.and_then(keys::stack_of).map(str::to_owned);
        let named = || balancers.first().map_or_else(|| "exported".to_owned(), |(name, _)| (*name).to_owned());
        let stack = request.stack.clone().or(tagged).unwrap_or_else(named);
        let mut export = Self {
            snapshot,
            stack,
            balancers: balancers.into_iter().map(|(_, id)| id).collect(),
            keys: BTreeMap::new(),
            left_out: Vec::new(),
            secrets: condition::Secrets::default(),
        };
        export.name_everything();
        export
    }

    /// What bears the stack's tag.
    fn owned(&self, kind: Kind) -> BTreeSet<&'s Id> {
        let of_kind = self.snapshot.found.iter().filter(|(_, live)| live.spec.kind() == kind);
        let is_own = |tags| keys::is_owned(tags, &self.stack);
        of_kind.filter(|(_, live)| live.spec.tags().is_some_and(is_own)).map(|(id, _)| id).collect()
    }

    /// Chooses the keys of load balancers, groups and certificates.
    fn name_everything(&mut self) {
        let balancers: BTreeSet<&Id> = self.balancers.iter().copied().collect();
        let shown = |(_, l): (_, &'s Listener)| l.certificate.iter().chain(l.sni_certificates.iter().flatten());
        let certificates = self.listeners().flat_map(shown).filter_map(Link::id);
        let certificates: BTreeSet<&Id> = certificates.filter(|id| !self.beyond_words(id)).collect();
        for (kind, ids) in [
            (Kind::LoadBalancer, balancers),
            (Kind::TargetGroup, self.routed_groups()),
            (Kind::Certificate, certificates),
            (Kind::SecurityGroup, self.groups_on_the_path()),
        ] {
            let mut keys = Keys::default();
            let known: Vec<(&'s Id, &'s Spec)> = ids
                .into_iter()
                .filter_map(|id| self.snapshot.found.get_key_value(id))
                .map(|(id, live)| (id, &live.spec))
                .collect();
            for (id, spec) in &known {
                let tagged = spec.tags().and_then(|tags| keys::own_key(tags, &self.stack, kind));
                if let Some(key) = tagged.and_then(|key| keys.take_exactly(key)) {
                    self.keys.insert(id, key);
                }
            }
            for (id, spec) in known {
                if !self.keys.contains_key(id) {
                    self.keys.insert(id, keys.take(&wanted_key(id, spec)));
                }
            }
        }
    }

    /// The listeners of the exported load balancers.
    fn listeners(&self) -> impl Iterator<Item = (&'s Id, &'s Listener)> + use<'s> {
        let balancers = self.balancers.clone();
        let ours = move |link: &Link| link.id().is_some_and(|id| balancers.contains(&id));
        self.snapshot.listeners().filter(move |(_, listener)| ours(&listener.load_balancer))
    }

    /// The key of a thing, if it has a section of its own.
    fn key(&self, link: &Link) -> Option<&str> {
        link.id().and_then(|id| self.keys.get(id)).map(String::as_str)
    }

    /// How another section names a thing: its key, else its id.
    fn name(&self, link: &Link) -> Node {
        match (self.key(link), link.id()) {
            (Some(key), _) => Node::text(key),
            (None, Some(id)) => Node::text(id.as_str()),
            (None, None) => Node::text(&link.to_string()),
        }
    }

    /// Leaves something out, and says so where it would stand.
    fn leave_out(&mut self, map: &mut Map, what: &str) {
        map.remark(&format!("left out: {what}"));
        self.left_out.push(what.to_owned());
    }

    fn head(&self, request: &Request, file: &mut Map) {
        let names: Vec<&str> = request.load_balancers.iter().map(String::as_str).collect();
        let what = match names.as_slice() {
            [one] => format!("The load balancer {one}"),
            many => format!("{} load balancers", many.len()),
        };
        file.remark(&format!("{what} as AWS has it, written by `no502 export`. AWS's defaults are left out, and"));
        file.remark("what is not written is left alone: `no502 plan` on this file shows no difference.");
        file.remark("`no502 adopt` marks what it describes as managed by the stack.");
        file.put("version", Node::plain(1));
        file.put("stack", Node::text(&self.stack));
        file.put("account", Node::text(&request.account));
        file.put("region", Node::text(&request.region));
    }
}

/// The key that a thing would like to have.
fn wanted_key(id: &Id, spec: &Spec) -> String {
    match spec {
        Spec::LoadBalancer(lb) => lb.name.clone(),
        Spec::TargetGroup(group) => group.name.clone(),
        Spec::SecurityGroup(group) => group.name.clone(),
        Spec::Certificate(certificate) => match &certificate.domain {
            Some(domain) => domain.replace('*', "wildcard"),
            None => id.as_str().rsplit('/').next().unwrap_or_default().to_owned(),
        },
        Spec::Listener(_) | Spec::Rule(_) | Spec::Target(_) => id.short().to_owned(),
    }
}
