//! Watching requests while operations run on the simulation: what both the start and the end serve, no state between
//! may serve worse than the worse of the two.
//!
//! It looks only at ports that something changes, and after each operation only at those that this one concerns: a
//! plan over thousands of resources is watched in a time that grows with its steps. Requests whose end cannot be told
//! are not judged.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::Fits;
use super::witness::witnesses;
use super::{Outcome, Request, Roads, Way, Worth};
use crate::cloud::simulate::{Refusal, World, advance};
use crate::cloud::{Live, Operation, Snapshot};
use crate::model::kind::Action;
use crate::model::{Id, Kind, Link, StepId};

/// The watch over a run from one state to another.
#[derive(Clone, Debug)]
pub struct Watch {
    roads: Roads,
    ports: Vec<Port>,
    /// Which ports a resource concerns.
    concerns: BTreeMap<Id, BTreeSet<usize>>,
}

#[derive(Clone, Debug)]
struct Port {
    balancer: Id,
    port: u16,
    watched: Vec<Watched>,
}

/// A request that is served at both ends.
#[derive(Clone, Debug)]
struct Watched {
    request: Request,
    ends: Box<(Outcome, Outcome)>,
    floor: Worth,
    is_trusted: bool,
}

/// A request that is served at both ends and not between.
#[derive(Clone, Debug)]
pub struct Lost {
    /// The request.
    pub request: Request,
    /// What it gets at the start.
    pub before: Outcome,
    /// What it gets in between.
    pub now: Outcome,
    /// What it gets in the end.
    pub after: Outcome,
}

impl Watch {
    /// The watch over operations, resolved, that lead from one state to the other.
    pub fn over(start: &Snapshot, end: &Snapshot, operations: &[Operation]) -> Self {
        let touched: BTreeSet<&Id> = operations.iter().filter_map(concern).filter_map(Link::id).collect();
        let (roads, last) = (Roads::of(start), Roads::of(end));
        let views = [(start, &roads), (end, &last)];
        let mut ports = Vec::new();
        let mut concerns: BTreeMap<Id, BTreeSet<usize>> = BTreeMap::new();
        for ((balancer, port), listener) in roads.listeners() {
            if !last.listeners.contains_key(&(balancer.clone(), *port)) {
                continue;
            }
            let uses: BTreeSet<Id> = views.iter().flat_map(|(s, roads)| uses(s, roads, balancer, listener)).collect();
            if !uses.iter().any(|id| touched.contains(id)) {
                continue;
            }
            let [before, after] = views.map(|(snapshot, roads)| Way::to(roads, snapshot, balancer, *port));
            let all = witnesses(&views, balancer, *port).into_iter();
            let watched: Vec<Watched> = all.filter_map(|request| Watched::of(request, &before, &after)).collect();
            if !watched.is_empty() {
                for id in uses {
                    concerns.entry(id).or_default().insert(ports.len());
                }
                ports.push(Port { balancer: balancer.clone(), port: *port, watched });
            }
        }
        Self { roads, ports, concerns }
    }

    /// How many requests are watched.
    pub fn len(&self) -> usize {
        self.ports.iter().map(|port| port.watched.len()).sum()
    }
    /// Whether there is nothing to watch.
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// The same watch over the ports of these requests only.
    #[must_use]
    pub fn narrowed(&self, lost: &BTreeSet<(Id, u16)>) -> Self {
        let mut watch = self.clone();
        for port in &mut watch.ports {
            if !lost.contains(&(port.balancer.clone(), port.port)) {
                port.watched.clear();
            }
        }
        let watched = |index: &usize| watch.ports.get(*index).is_some_and(|port| !port.watched.is_empty());
        watch.concerns.values_mut().for_each(|ports| ports.retain(watched));
        watch
    }

    /// The watched ports whose requests an operation may change.
    pub fn concerned(&self, world: &World, operation: &Operation) -> Vec<usize> {
        let ports = concern(operation).and_then(|link| self.concerns.get(&known(world, link)?));
        ports.into_iter().flatten().copied().collect()
    }

    /// Does one operation to the world, and says which requests are lost then.
    ///
    /// # Errors
    /// Why AWS would refuse; neither the world nor the watch is of use then.
    pub fn step(&mut self, world: &mut World, step: &StepId, operation: &Operation) -> Result<Vec<Lost>, Refusal> {
        let moved = self.moved(world, operation);
        let before: Vec<(Id, Option<Live>)> =
            moved.into_iter().map(|id| (id.clone(), world.snapshot.found.get(&id).cloned())).collect();
        let operation = advance(world, step, operation)?;
        for (id, was) in &before {
            self.roads.note(id, was.as_ref(), world.snapshot.found.get(id));
        }
        if let Some(id) = world.outputs.get(step).and_then(|output| output.id.as_ref()) {
            self.roads.note(id, None, world.snapshot.found.get(id));
        }
        let concerned = concern(&operation).and_then(Link::id).and_then(|id| self.concerns.get(id));
        let ports = concerned.into_iter().flatten().filter_map(|index| self.ports.get(*index));
        Ok(ports.flat_map(|port| port.lost(&self.roads, &world.snapshot)).collect())
    }

    /// What an operation may take from, or put in, the roads, beside what it creates.
    fn moved(&self, world: &World, operation: &Operation) -> Vec<Id> {
        let Some(id) = operation.subject().and_then(|link| known(world, link)) else { return Vec::new() };
        let mut all = Vec::new();
        if let Operation::RegisterTargets { targets, .. } | Operation::DeregisterTargets { targets, .. } = operation {
            all.extend(targets.iter().map(|target| Id::target(&id, &target.id, target.port)));
        }
        if let Operation::Delete { kind, .. } = operation {
            match kind {
                Kind::LoadBalancer => {
                    let of = self.roads.listeners.range((id.clone(), 0)..=(id.clone(), u16::MAX));
                    all.extend(of.map(|(_, listener)| listener.clone()));
                }
                Kind::TargetGroup => all.extend(self.roads.targets_of(&id).cloned()),
                Kind::Listener | Kind::Rule | Kind::SecurityGroup | Kind::Certificate | Kind::Target => {}
            }
            all.push(id);
        }
        all
    }
}

impl Watched {
    fn of(request: Request, before: &Way<'_>, after: &Way<'_>) -> Option<Self> {
        let ends = Box::new((before.outcome(&request), after.outcome(&request)));
        let floor = ends.0.worth()?.worse(ends.1.worth()?);
        let is_trusted = ends.0.is_trusted() == Fits::Yes && ends.1.is_trusted() == Fits::Yes;
        floor.is_served().then_some(Self { request, ends, floor, is_trusted })
    }
}

impl Port {
    fn lost(&self, roads: &Roads, snapshot: &Snapshot) -> Vec<Lost> {
        let way = Way::to(roads, snapshot, &self.balancer, self.port);
        let lost = |watched: &Watched| {
            let now = way.outcome(&watched.request);
            let worse = now.worth().is_some_and(|worth| !worth.at_least(watched.floor));
            let distrusted = watched.is_trusted && now.is_trusted() == Fits::No;
            let (before, after) = (watched.ends.0.clone(), watched.ends.1.clone());
            (worse || distrusted).then(|| Lost { request: watched.request.clone(), before, now, after })
        };
        self.watched.iter().filter_map(lost).collect()
    }
}

/// The existing resource whose requests an operation may change; `None` where it changes none.
const fn concern(operation: &Operation) -> Option<&Link> {
    match operation {
        Operation::CreateRule { spec } => Some(&spec.listener),
        Operation::CreateSecurityGroup { .. }
        | Operation::Describe { .. }
        | Operation::ImportCertificate { .. }
        | Operation::RequestCertificate { .. }
        | Operation::CreateTargetGroup { .. }
        | Operation::ModifyTargetGroup { .. }
        | Operation::CreateLoadBalancer { .. }
        | Operation::ModifyLoadBalancerAttributes { .. }
        | Operation::SetSubnets { .. }
        | Operation::SetIpAddressType { .. }
        | Operation::ModifyIpPools { .. }
        | Operation::ModifyCapacityReservation { .. }
        | Operation::CreateListener { .. }
        | Operation::ModifyListenerAttributes { .. }
        | Operation::AddTags { .. }
        | Operation::TagRules { .. }
        | Operation::RemoveTags { .. } => None,
        Operation::Authorize { .. }
        | Operation::Revoke { .. }
        | Operation::ModifyTargetGroupAttributes { .. }
        | Operation::RegisterTargets { .. }
        | Operation::DeregisterTargets { .. }
        | Operation::SetSecurityGroups { .. }
        | Operation::ModifyListener { .. }
        | Operation::AddListenerCertificate { .. }
        | Operation::RemoveListenerCertificate { .. }
        | Operation::ModifyRule { .. }
        | Operation::SetRulePriorities { .. }
        | Operation::Delete { .. } => operation.subject(),
    }
}

fn known(world: &World, link: &Link) -> Option<Id> {
    match link {
        Link::Step(step) => world.outputs.get(step).and_then(|output| output.id.clone()),
        Link::Id(_) | Link::Address(_) | Link::Select(_) => link.id().cloned(),
    }
}

/// What the requests to a listener depend on.
fn uses(snapshot: &Snapshot, roads: &Roads, balancer: &Id, listener: &Id) -> BTreeSet<Id> {
    let mut uses = BTreeSet::from([balancer.clone(), listener.clone()]);
    let of = |id: &Id| snapshot.found.get(id).map(|live| &live.spec);
    let groups = of(balancer).and_then(|spec| spec.load_balancer()).and_then(|lb| lb.security_groups.as_ref());
    uses.extend(groups.into_iter().flatten().filter_map(Link::id).cloned());
    let mut actions: Vec<&Action> = Vec::new();
    if let Some(spec) = of(listener).and_then(|spec| spec.listener()) {
        let certificates = spec.certificate.iter().chain(spec.sni_certificates.iter().flatten());
        uses.extend(certificates.filter_map(Link::id).cloned());
        actions.extend(&spec.default);
    }
    for rule in roads.rules_of(listener) {
        uses.insert(rule.clone());
        actions.extend(of(rule).and_then(|spec| spec.rule()?.action.as_ref()));
    }
    let forwarded: BTreeSet<&Id> =
        actions.iter().flat_map(|action| action.groups()).filter_map(|(l, _)| l.id()).collect();
    let interfaces = snapshot.interfaces.as_ref();
    for group in forwarded {
        uses.insert(group.clone());
        for target in roads.targets_of(group).filter_map(|id| of(id)?.target()) {
            let at = target.id.parse().ok().and_then(|address| interfaces?.get(&address));
            let instance = |i: &&crate::cloud::Interface| i.instance.as_deref() == Some(target.id.as_str());
            let at = at.or_else(|| interfaces?.values().find(instance));
            uses.extend(at.into_iter().flat_map(|interface| interface.groups.iter().cloned()));
        }
    }
    uses
}
