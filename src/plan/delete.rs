//! Steps that take away: last, and only what nothing that stays still uses.

use std::collections::{BTreeMap, BTreeSet};

use super::build::Builder;
use super::{After, Gate, Held};
use crate::cloud::{Hidden, Operation};
use crate::diff::{Change, Verdict};
use crate::model::kind::{Action, Direction, Peer, TrafficRule};
use crate::model::{Address, Id, Kind, Link, Spec, StepId};

/// Rules of a load balancer unless AWS has raised its quota, the default ones aside (API: quota `rules-per-application-load-balancer`).
pub(super) const RULES: usize = 100;
/// The highest priority (API: `CreateRule.Priority`).
pub(super) const LAST: u32 = 50_000;

/// The steps that delete what shall not exist. `all` are the changes of the diff, `changes` those of them that can
/// be made: what lives in something that should go and may not, stays with it.
pub(super) fn deletes(b: &mut Builder<'_>, all: &[Change], changes: &[&Change]) {
    let leaving: BTreeSet<&Address> = all.iter().filter(|c| c.verdict == Verdict::Delete).map(|c| &c.address).collect();
    let mut going: BTreeSet<Address> = BTreeSet::new();
    for change in changes.iter().filter(|c| c.verdict == Verdict::Delete && c.address.kind != Kind::Target) {
        let address = change.address.clone();
        match kept_by(&leaving, changes, &address) {
            Some(above) => b.built.held.push(Held { address, because: format!("it goes with {above}, which stays") }),
            None => {
                going.insert(address);
            }
        }
    }
    hold_what_is_used(b, changes, &mut going);
    let stays = leaving.iter().find(|a| a.kind == Kind::LoadBalancer && !going.contains(**a));
    for change in changes.iter().filter(|c| !b.bound.want.contains_key(&c.address)) {
        match (&change.verdict, stays) {
            (Verdict::Update(_), None) => revokes(b, &change.address),
            (Verdict::Update(_), Some(balancer)) => {
                let because = format!("{balancer} stays, and may need the rule to reach its targets");
                b.built.held.push(Held { address: change.address.clone(), because });
            }
            _ => {}
        }
    }
    let groups_go = going.iter().any(|address| address.kind == Kind::SecurityGroup);
    for change in changes.iter().filter(|c| going.contains(&c.address)) {
        let address = &change.address;
        // what lives in something that goes, goes with it: one by one, requests would fall through to other rules
        if lineage(address).skip(1).any(|above| leaving.contains(&above)) {
            continue;
        }
        let kind = address.kind;
        if kind == Kind::SecurityGroup {
            revoke_between(b, address, &going);
        }
        let why = match (b.bound.renamed.get(address), change.cause) {
            (Some(key), _) => format!("the files have another name for {key}: a new one has taken its place"),
            (None, Some(crate::diff::Cause::Orphaned)) => {
                "this stack made it, and no file mentions it any more".to_owned()
            }
            (None, _) => "no file mentions it, and the files name all there shall be".to_owned(),
        };
        let step = b.push(address, Operation::Delete { resource: b.link(address), kind }, why);
        step.gate = (kind == Kind::LoadBalancer && groups_go).then_some(Gate::LoadBalancerGone);
    }
}

/// Holds what something that stays still uses; what is held stays itself, and may use more.
fn hold_what_is_used(b: &mut Builder<'_>, changes: &[&Change], going: &mut BTreeSet<Address>) {
    loop {
        let after = Remaining::of(b, changes, going);
        let used = going.iter().filter_map(|a| Some(Held { address: a.clone(), because: after.user_of(b, a)? }));
        let used: Vec<Held> = used.collect();
        if used.is_empty() {
            return;
        }
        going.retain(|address| !used.iter().any(|held| held.address == *address));
        b.built.held.extend(used);
    }
}

/// What it lives in, if that should go and may not.
fn kept_by(leaving: &BTreeSet<&Address>, workable: &[&Change], address: &Address) -> Option<Address> {
    let mut above = lineage(address).skip(1);
    above.find(|above| leaving.contains(above) && !workable.iter().any(|c| c.address == *above))
}

pub(super) fn lineage(address: &Address) -> impl Iterator<Item = Address> {
    std::iter::successors(Some(address.clone()), Address::parent)
}

/// What will be there once everything but the deletes is done.
struct Remaining {
    specs: BTreeMap<Address, Spec>,
}

impl Remaining {
    fn of(b: &Builder<'_>, changes: &[&Change], going: &BTreeSet<Address>) -> Self {
        let changed: BTreeSet<&Address> = changes.iter().map(|c| &c.address).collect();
        let stays = |address: &Address| !lineage(address).any(|above| going.contains(&above));
        let after = |address: &Address| {
            let live = b.bound.live.get(address).map(|live| live.spec.clone())?;
            if !changed.contains(address) {
                return Some(live);
            }
            let kept = b.bound.kept(address)?;
            Some(match b.bound.want.get(address) {
                Some(want) => want.clone().over(&kept),
                None => kept,
            })
        };
        let specs = b.bound.live.keys().filter(|a| stays(a));
        Self { specs: specs.filter_map(|a| Some((a.clone(), after(a)?))).collect() }
    }

    /// What still uses a target group or a security group, in words.
    fn user_of(&self, b: &Builder<'_>, address: &Address) -> Option<String> {
        match address.kind {
            Kind::TargetGroup => {
                let user = self.specs.iter().find(|(_, spec)| action(spec).is_some_and(|a| forwards(a, address)))?.0;
                Some(format!("{user} still forwards to it"))
            }
            Kind::SecurityGroup => self.user_of_group(b, address),
            Kind::Certificate | Kind::Target | Kind::LoadBalancer | Kind::Listener | Kind::Rule => None,
        }
    }

    fn user_of_group(&self, b: &Builder<'_>, address: &Address) -> Option<String> {
        let link = Link::Address(address.clone());
        let uses = |spec: &Spec| match spec {
            Spec::LoadBalancer(balancer) => balancer.security_groups.iter().flatten().any(|group| *group == link),
            Spec::SecurityGroup(group) => Direction::ALL
                .iter()
                .any(|d| group.rules(*d).into_iter().flatten().any(|rule| rule.peer == Peer::Group(link.clone()))),
            Spec::Certificate(_) | Spec::TargetGroup(_) | Spec::Target(_) | Spec::Listener(_) | Spec::Rule(_) => false,
        };
        if let Some((user, spec)) = self.specs.iter().find(|(user, spec)| *user != address && uses(spec)) {
            let known_as = spec.security_group().filter(|_| !b.bound.want.contains_key(user));
            let known_as = known_as.map(|group| format!(" ({})", group.name)).unwrap_or_default();
            return Some(format!("{user}{known_as} still names it"));
        }
        if let Some(gap) = b.basis.incomplete().find(|gap| gap.hidden == Hidden::Owned) {
            return Some(format!("what uses it could not be read: {}", gap.error));
        }
        let id = b.bound.ids.get(address)?;
        let targets = b.basis.interfaces.iter().flatten().map(|(_, interface)| interface);
        let members = b.basis.members.get(id).into_iter().flatten();
        let mut interfaces = targets.filter(|interface| interface.groups.contains(id)).chain(members);
        let user = interfaces.find(|interface| !is_of_known_balancer(b, interface.description.as_deref()))?;
        let what = user.description.as_deref().map(|words| format!(" ({words})")).unwrap_or_default();
        Some(format!("the network interface {}{what} is still in it", user.id))
    }
}

/// Whether a load balancer made a network interface that is in view, and so judged by its spec. AWS describes
/// its interfaces as `ELB app/NAME/HASH`.
fn is_of_known_balancer(b: &Builder<'_>, description: Option<&str>) -> bool {
    let Some(resource) = description.and_then(|words| words.strip_prefix("ELB ")) else { return false };
    b.bound.names.keys().any(|id| id.as_str().ends_with(&format!("loadbalancer/{resource}")))
}

/// What a rule or a listener's default does.
pub(super) const fn action(spec: &Spec) -> Option<&Action> {
    match spec {
        Spec::Rule(rule) => rule.action.as_ref(),
        Spec::Listener(listener) => listener.default.as_ref(),
        Spec::SecurityGroup(_)
        | Spec::Certificate(_)
        | Spec::TargetGroup(_)
        | Spec::Target(_)
        | Spec::LoadBalancer(_) => None,
    }
}

pub(super) fn forwards(action: &Action, group: &Address) -> bool {
    action.groups().any(|(link, _)| link.address() == Some(group))
}

/// Groups that name each other cannot be deleted before the rules that do.
fn revoke_between(b: &mut Builder<'_>, address: &Address, going: &BTreeSet<Address>) {
    let Some(Spec::SecurityGroup(group)) = b.bound.live.get(address).map(|live| &live.spec) else { return };
    for direction in Direction::ALL {
        let names_other = |rule: &&TrafficRule| match &rule.peer {
            Peer::Group(link) => link.address().is_some_and(|other| other != address && going.contains(other)),
            Peer::Cidr(_) | Peer::PrefixList(_) => false,
        };
        let rules = group.rules(direction).into_iter().flatten().filter(names_other).cloned();
        let rules: Vec<TrafficRule> = rules.map(|rule| rule.map_links(&mut |link| b.known(link))).collect();
        if !rules.is_empty() {
            let call = Operation::Revoke { direction, group: b.link(address), rules };
            b.push(address, call, "it names another group that is deleted");
        }
    }
}

/// Takes away the rules that a declared security group shall not have.
pub(super) fn revokes(b: &mut Builder<'_>, address: &Address) {
    let Some(unwanted) = b.bound.unwanted.get(address) else { return };
    for direction in Direction::ALL {
        let rules = unwanted.rules.iter().filter(|(d, _)| *d == direction).map(|(_, rule)| rule.clone());
        let rules: Vec<TrafficRule> = rules.map(|rule| rule.map_links(&mut |link| b.known(link))).collect();
        if !rules.is_empty() {
            let call = Operation::Revoke { direction, group: b.link(address), rules };
            b.push(address, call, "no file mentions it");
        }
    }
}

/// Detaches the certificates that a declared listener shall not have.
pub(super) fn certificates(b: &mut Builder<'_>, address: &Address) {
    let Some(unwanted) = b.bound.unwanted.get(address) else { return };
    for (part, certificate) in unwanted.certificates.iter().enumerate() {
        let (listener, certificate) = (b.link(address), b.known(certificate.clone()));
        let call = Operation::RemoveListenerCertificate { listener, certificate };
        b.push_part(address, call, part, "no file mentions it here; it stays in ACM");
    }
}

/// A rule that goes and sits on a number that another rule moves to, moves to a free one first.
#[expect(clippy::wildcard_enum_match_arm, reason = "only this one makes a rule")]
pub(super) fn make_way(b: &Builder<'_>, listener: &Address, priorities: &mut BTreeMap<Id, u32>) {
    let siblings = || {
        let rules = b.bound.live.iter().filter_map(|(address, live)| Some((address, live.spec.rule()?)));
        rules.filter(|(_, rule)| rule.listener.address() == Some(listener))
    };
    let deleted: BTreeSet<&Address> =
        b.built.steps.iter().filter(|s| is_delete(&s.operation)).map(|s| &s.address).collect();
    let wanted: BTreeSet<u32> = priorities.values().copied().collect();
    let created = b.built.steps.iter().filter_map(|step| match &step.operation {
        Operation::CreateRule { spec } if step.address.parent().as_ref() == Some(listener) => spec.priority,
        _ => None,
    });
    let live = siblings().filter_map(|(_, rule)| rule.priority);
    let mut taken: BTreeSet<u32> = live.chain(wanted.clone()).chain(created).collect();
    for (address, rule) in siblings().filter(|(address, _)| deleted.contains(address)) {
        let blocks = rule.priority.is_some_and(|number| wanted.contains(&number));
        let free = (1..=LAST).rev().find(|number| !taken.contains(number));
        if let (true, Some(free), Some(id)) = (blocks, free, b.bound.ids.get(address)) {
            priorities.insert(id.clone(), free);
            taken.insert(free);
        }
    }
}

pub(super) const fn is_delete(operation: &Operation) -> bool {
    matches!(operation, Operation::Delete { .. })
}

/// Among rules that go, the one that decides last goes first: a request then meets the rule it has always met,
/// or what will be there in the end, and never one of the others. Where the load balancer has no room for
/// another rule, as many go before the new ones come as there must.
pub(super) fn rule_order(b: &mut Builder<'_>) {
    let of_rules = || b.built.steps.iter().filter(|step| step.address.kind == Kind::Rule);
    let number = |address: &Address| b.bound.live.get(address)?.spec.rule()?.priority;
    let mut going: BTreeMap<Address, Vec<(u32, StepId)>> = BTreeMap::new();
    for step in of_rules().filter(|step| is_delete(&step.operation)) {
        let (Some(listener), Some(number)) = (step.address.parent(), number(&step.address)) else { continue };
        going.entry(listener).or_default().push((number, step.id.clone()));
    }
    let mut edges: Vec<(StepId, After)> = Vec::new();
    for list in going.values_mut() {
        list.sort_by(|a, b| b.cmp(a));
        for pair in list.windows(2) {
            let why = "a request must not fall through to another rule that goes".to_owned();
            edges.push((pair[1].1.clone(), After { step: pair[0].1.clone(), why }));
        }
    }
    let balancers: BTreeSet<Address> = going.keys().filter_map(Address::parent).collect();
    for balancer in &balancers {
        let within = |rule: &Address| lineage(rule).any(|above| above == *balancer);
        let live = b.bound.live.keys().filter(|a| a.kind == Kind::Rule && within(a)).count();
        let creates = of_rules().filter(|s| matches!(s.operation, Operation::CreateRule { .. }) && within(&s.address));
        let creates: Vec<StepId> = creates.map(|step| step.id.clone()).collect();
        let leaving = going.iter().filter(|(l, _)| l.parent().as_ref() == Some(balancer)).flat_map(|(_, list)| list);
        // one that has more than AWS's default allows has a larger quota
        let over = if live > RULES { 0 } else { (live + creates.len()).saturating_sub(RULES) };
        for (_, delete) in leaving.take(over) {
            let why = format!("AWS takes {RULES} rules on a load balancer: there is no room before one goes");
            edges.extend(creates.iter().map(|c| (c.clone(), After { step: delete.clone(), why: why.clone() })));
        }
    }
    for (id, after) in edges {
        if let Some(step) = b.built.steps.iter_mut().find(|step| step.id == id) {
            step.after.push(after);
        }
    }
}
