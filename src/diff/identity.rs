//! Which live resource is which address: names, ports, tags; never position.

use std::collections::{BTreeMap, BTreeSet};

use super::bind::Bound;
use super::leaving::is_rule_leaving;
use super::ownership::{self, Owner};
use super::{supersede, turned};
use crate::cloud::{Facts, Snapshot};
use crate::desired::{Problem, Resolved};
use crate::model::kind::{Authenticate, Certificate, Conditions, HeaderCondition, Origin, Rule};
use crate::model::{Address, FieldPath, Id, Kind, Link, Spec, Text};

/// The live counterparts found so far, both ways.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) ids: BTreeMap<Address, Id>,
    pub(super) addresses: BTreeMap<Id, Address>,
    /// Target groups that another one takes the place of, by the address they have meanwhile.
    pub(super) superseded: BTreeMap<Address, Address>,
    /// Declared target groups that must be replaced, and the address of the one that is there.
    pub(super) replaced: BTreeMap<Address, Address>,
}

impl Names {
    pub(super) fn pair(&mut self, address: Address, id: Id) {
        self.addresses.insert(id.clone(), address.clone());
        self.ids.insert(address, id);
    }
    /// The link as the files mean it: to the address of a target group that is superseded.
    pub(super) fn meant(&self, link: Link) -> Link {
        match link {
            Link::Address(address) => Link::Address(self.superseded.get(&address).cloned().unwrap_or(address)),
            link @ (Link::Id(_) | Link::Select(_) | Link::Step(_)) => link,
        }
    }
}

/// Pairs everything but rules, whose identity needs links that are already bound.
pub(super) fn pair(desired: &Resolved, snapshot: &Snapshot, problems: &mut Vec<Problem>) -> Names {
    let mut names = Names::default();
    for (address, spec) in &desired.specs {
        let id = match spec {
            Spec::LoadBalancer(lb) => {
                snapshot.load_balancers().find(|(_, live)| live.name == lb.name).map(|(id, _)| id)
            }
            Spec::Certificate(want) => certificate(desired, snapshot, address, want, problems),
            Spec::SecurityGroup(want) => match desired.pinned.get(address) {
                Some(id) => snapshot.found.get_key_value(id).map(|(id, _)| id),
                None => security_group(desired, snapshot, address, want, problems),
            },
            Spec::TargetGroup(_) | Spec::Listener(_) | Spec::Target(_) | Spec::Rule(_) => None,
        };
        if let Some(id) = id {
            names.pair(address.clone(), id.clone());
        }
    }
    supersede::pair(desired, snapshot, &mut names);
    pair_children(desired, snapshot, &mut names);
    names
}

fn pair_children(desired: &Resolved, snapshot: &Snapshot, names: &mut Names) {
    for (address, spec) in &desired.specs {
        let parent = address.parent().and_then(|p| names.ids.get(&p).cloned());
        let Some(parent) = parent else { continue };
        let id = match spec {
            Spec::Listener(want) => snapshot
                .listeners()
                .find(|(_, live)| live.load_balancer.id() == Some(&parent) && live.port == want.port)
                .map(|(id, _)| id.clone()),
            Spec::Target(want) => {
                let id = Id::target(&parent, &want.id, want.port);
                snapshot.found.contains_key(&id).then_some(id)
            }
            Spec::LoadBalancer(_)
            | Spec::TargetGroup(_)
            | Spec::Certificate(_)
            | Spec::SecurityGroup(_)
            | Spec::Rule(_) => None,
        };
        if let Some(id) = id {
            names.pair(address.clone(), id);
        }
    }
}

fn security_group<'s>(
    desired: &Resolved,
    snapshot: &'s Snapshot,
    address: &Address,
    want: &crate::model::kind::SecurityGroup,
    problems: &mut Vec<Problem>,
) -> Option<&'s Id> {
    let vpc = want.vpc.as_ref();
    let in_vpc = |live: Option<&Link>| supersede::in_vpc(snapshot, vpc, live);
    let found: Vec<&Id> = snapshot
        .security_groups()
        .filter(|(_, live)| live.name == want.name && in_vpc(live.vpc.as_ref()))
        .map(|(id, _)| id)
        .collect();
    if found.len() > 1 {
        let list: Vec<&str> = found.iter().map(|id| id.as_str()).collect();
        let message = format!("more than one security group is named {}: {}", want.name, list.join(", "));
        problems.push(at_root(desired, address, message).hint("say which with `vpc:` or `id:`"));
        return None;
    }
    found.first().copied()
}

fn at_root(desired: &Resolved, address: &Address, message: String) -> Problem {
    match desired.span(address, &FieldPath::root()) {
        Some(span) => Problem::error(span, message),
        None => Problem::general(message),
    }
}

/// By ARN; else by names and key, preferring the attached one, then our own, then the issued one that
/// lasts longest. A tie is an error.
fn certificate<'s>(
    desired: &Resolved,
    snapshot: &'s Snapshot,
    address: &Address,
    want: &Certificate,
    problems: &mut Vec<Problem>,
) -> Option<&'s Id> {
    if let Some(Origin::Arn(arn)) = &want.origin {
        return snapshot.found.get_key_value(arn).map(|(id, _)| id);
    }
    let attached: BTreeSet<&Id> = snapshot
        .listeners()
        .flat_map(|(_, l)| l.certificate.iter().chain(l.sni_certificates.iter().flatten()))
        .filter_map(Link::id)
        .collect();
    let ours = Owner::Ours(address.to_string());
    let mut ranked: Vec<_> = snapshot
        .certificates()
        .filter(|(_, live)| want.is_like(live))
        .filter_map(|(id, live)| {
            let Some(Facts::Certificate(facts)) = snapshot.found.get(id).map(|l| &l.facts) else { return None };
            let mine = ownership::owner(&live.tags, &desired.stack) == ours;
            let rank = (attached.contains(id), mine, facts.status == "ISSUED", facts.not_after);
            facts.suits(want).then_some((rank, id))
        })
        .collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    if let [(first, a), (second, b), ..] = ranked.as_slice()
        && first == second
    {
        let message = format!("two certificates fit equally well: {a} and {b}");
        problems.push(at_root(desired, address, message).hint("say which with `arn:`"));
    }
    ranked.first().map(|(_, id)| *id)
}

/// What pairing a listener's rules found.
#[derive(Debug, Default)]
pub(super) struct RulePairs {
    pub(super) pairs: Vec<(Address, Id)>,
    /// Rules that cannot have the priority they ask for, and why.
    pub(super) held: Vec<(Address, String)>,
}

/// Whether a live rule is the one of an address.
type Fits<'f> = dyn Fn(&Address, &Rule, &Rule) -> bool + 'f;

/// Pairs the rules of one listener: by our tag; else an untagged rule is adopted if its conditions are
/// equal, or if its priority and action are.
///
/// A rule that will be gone, because its key is, is as free as an untagged one; and where it sits at just the
/// wanted priority it is edited in place, so that no request finds neither.
pub(super) fn pair_rules(
    desired: &Resolved,
    listener: &Address,
    want: &[(&Address, &Rule)],
    live: &[(&Id, &Rule)],
) -> RulePairs {
    let stack = &desired.stack;
    let mut found = RulePairs::default();
    let mut taken: BTreeSet<&Id> = BTreeSet::new();
    let mut paired: BTreeSet<&Address> = BTreeSet::new();
    let leaves = |rule: &Rule| is_rule_leaving(desired, listener, &rule.tags);
    let free = |rule: &Rule| ownership::owner(&rule.tags, stack) == Owner::Nobody || leaves(rule);
    let tagged = |address: &Address, _: &Rule, live: &Rule| {
        ownership::owner(&live.tags, stack) == Owner::Ours(address.to_string())
    };
    // a second one of ours under the same name is known by what it says
    let known = |rule: &Rule| free(rule) || matches!(ownership::owner(&rule.tags, stack), Owner::Ours(_));
    let same_when = |_: &Address, want: &Rule, live: &Rule| known(live) && alike(want, live);
    // two rules may say the same; the one that is already where it is wanted is the one that is meant
    let same_both = |address: &Address, want: &Rule, live: &Rule| {
        same_when(address, want, live) && want.priority.is_some() && want.priority == live.priority
    };
    let same_place = |_: &Address, want: &Rule, live: &Rule| {
        let same_login = want.authenticate.clone().unwrap_or(Authenticate::None).fits(live.authenticate.as_ref());
        known(live)
            && want.priority.is_some()
            && want.priority == live.priority
            && want.action == live.action
            && same_login
    };
    let same_number = |_: &Address, want: &Rule, live: &Rule| {
        leaves(live) && want.priority.is_some() && want.priority == live.priority
    };
    let tagged_alike =
        |address: &Address, want: &Rule, live: &Rule| tagged(address, want, live) && same_when(address, want, live);
    let passes: [&Fits<'_>; 6] = [&tagged_alike, &tagged, &same_both, &same_when, &same_place, &same_number];
    for fits in passes {
        for (address, rule) in want {
            if paired.contains(*address) {
                continue;
            }
            let hit = live.iter().find(|(id, candidate)| !taken.contains(*id) && fits(address, rule, candidate));
            if let Some((id, _)) = hit {
                taken.insert(id);
                paired.insert(address);
                found.pairs.push(((*address).clone(), (*id).clone()));
            }
        }
    }
    turned::around(want, live, &mut found.pairs);
    for (address, rule) in want {
        let strangers = || live.iter().filter(|(id, other)| !taken.contains(*id) && !leaves(other));
        if let Some(priority) = rule.priority
            && let Some((id, other)) = strangers().find(|(_, other)| other.priority == Some(priority))
        {
            let why = format!("priority {priority} is taken by {}", holder(stack, id, other));
            found.held.push(((*address).clone(), why));
        }
    }
    found
}

/// Whether a live rule has the declared conditions. What the files say of a header with a secret value are fingerprints,
/// so that those of the live values are compared with them.
pub(super) fn alike(want: &Rule, live: &Rule) -> bool {
    let (Some(want), Some(live)) = (&want.when, &live.when) else { return false };
    let is_secret = |name: &str| {
        let declared = want.header.iter().filter(|h| h.name.eq_ignore_ascii_case(name));
        declared.flat_map(|h| &h.values).any(Text::is_secret)
    };
    let header = live.header.iter().cloned().map(|h| {
        let values = if is_secret(&h.name) { h.values.into_iter().map(Text::hidden).collect() } else { h.values };
        HeaderCondition { values, ..h }
    });
    want.same(&Conditions { header: header.collect(), ..live.clone() })
}

/// Whose rule has a priority that ours asks for, and what to do about it.
fn holder(stack: &str, id: &Id, rule: &Rule) -> String {
    match ownership::owner(&rule.tags, stack) {
        Owner::Nobody => format!("an unmanaged rule ({id}); choose another priority, or remove that rule"),
        Owner::OtherStack(other) => format!("a rule of the stack `{other}` ({id}); choose another priority"),
        Owner::Controller(tool) => format!("a rule of {tool} ({id}); choose another priority"),
        Owner::Ours(address) => format!("a second rule that is marked as {address} ({id}); remove one of the two"),
    }
}

/// An address for everything live that the files do not mention, so that reports and rules can name it.
pub(super) fn name_the_rest(desired: &Resolved, snapshot: &Snapshot, names: &mut Names) {
    for kind in Kind::ALL {
        name_kind(desired, snapshot, names, kind);
    }
}

/// The same for everything but rules, which are named once they are paired.
pub(super) fn name_the_rest_but_rules(desired: &Resolved, snapshot: &Snapshot, names: &mut Names) {
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Rule) {
        name_kind(desired, snapshot, names, kind);
    }
}

fn name_kind(desired: &Resolved, snapshot: &Snapshot, names: &mut Names, kind: Kind) {
    for (id, live) in &snapshot.found {
        if live.spec.kind() != kind || names.addresses.contains_key(id) {
            continue;
        }
        let Some(natural) = stranger(id, &live.spec, names) else { continue };
        // two may bear the same name, in their tags or in what AWS calls them and a key of the files
        let is_free = |address: &Address| !names.ids.contains_key(address) && !desired.specs.contains_key(address);
        let address = once_ours(desired, &live.spec, &natural).filter(is_free);
        let address = address.or_else(|| Some(natural.clone()).filter(is_free)).unwrap_or_else(|| match kind {
            Kind::LoadBalancer | Kind::TargetGroup => Address::new(kind, format!("#{}", natural.name)),
            Kind::SecurityGroup | Kind::Certificate | Kind::Target | Kind::Listener | Kind::Rule => {
                Address::new(kind, id.as_str())
            }
        });
        names.pair(address, id.clone());
    }
}

/// The address that a resource had in this stack, if no file gives it to another one now.
fn once_ours(desired: &Resolved, spec: &Spec, natural: &Address) -> Option<Address> {
    let Owner::Ours(address) = ownership::owner(spec.tags()?, &desired.stack) else { return None };
    let address: Address = address.parse().ok()?;
    let fits = address.kind == natural.kind && address.parent() == natural.parent();
    (fits && !desired.specs.contains_key(&address)).then_some(address)
}

/// What this stack made for a key that has another name in the files now.
pub(super) fn renamed(desired: &Resolved, bound: &Bound) -> BTreeMap<Address, Address> {
    let left = |address: &Address| !bound.want.contains_key(address) && !bound.superseded.contains_key(address);
    let undeclared = bound.live.iter().filter(|(address, _)| left(address));
    let key = |address: &Address, spec: &Spec| {
        let Owner::Ours(key) = ownership::owner(spec.tags()?, &desired.stack) else { return None };
        let key: Address = key.parse().ok()?;
        let has_name = matches!(key.kind, Kind::LoadBalancer | Kind::TargetGroup | Kind::SecurityGroup);
        (has_name && key.kind == address.kind && bound.want.contains_key(&key)).then_some(key)
    };
    undeclared.filter_map(|(address, live)| Some((address.clone(), key(address, &live.spec)?))).collect()
}

fn stranger(id: &Id, spec: &Spec, names: &Names) -> Option<Address> {
    let of = |link: &Link| link.id().and_then(|id| names.addresses.get(id));
    match spec {
        Spec::LoadBalancer(lb) => Some(Address::load_balancer(&lb.name)),
        Spec::TargetGroup(group) => Some(Address::target_group(&group.name)),
        Spec::SecurityGroup(_) => Some(Address::security_group(id.as_str())),
        Spec::Certificate(c) => {
            let last = id.as_str().rsplit('/').next().unwrap_or(id.as_str());
            Some(Address::certificate(c.domain.as_deref().unwrap_or(last)))
        }
        Spec::Listener(l) => of(&l.load_balancer).map(|lb| Address::listener(&lb.name, l.port)),
        Spec::Target(t) => of(&t.target_group).map(|group| Address::target(&group.name, &t.id, t.port)),
        Spec::Rule(r) => of(&r.listener).map(|l| Address::rule(l, &format!("#{}", r.priority.unwrap_or(0)))),
    }
}
