//! Targets: those that are missing are registered, then those that should not be there leave, once the others serve.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Builder, TARGETS_PER_CALL};
use super::{Gate, Held, shift, successor};
use crate::cloud::{Facts, Operation};
use crate::diff::{Change, Verdict};
use crate::model::kind::Target;
use crate::model::{Address, Kind, Spec, TargetHealth};

impl Builder<'_> {
    /// Registers what is missing, then deregisters what should not be there.
    pub(super) fn targets(&mut self, changes: &[&Change]) {
        let mut missing: BTreeMap<Address, Vec<Target>> = BTreeMap::new();
        let mut strays: BTreeMap<Address, Vec<Target>> = BTreeMap::new();
        for change in changes.iter().filter(|c| c.address.kind == Kind::Target) {
            let Some(group) = change.address.parent().filter(|group| !self.bound.replaced.contains_key(group)) else {
                continue;
            };
            let spec = match change.verdict {
                Verdict::Delete => self.bound.live.get(&change.address).map(|l| &l.spec),
                Verdict::Create | Verdict::Update(_) => self.bound.want.get(&change.address),
                Verdict::InSync | Verdict::Replace(_) | Verdict::Unknown(_) => None,
            };
            let Some(Spec::Target(target)) = spec else { continue };
            let target = target.clone().map_links(&mut |link| self.known(link));
            let list = if change.verdict == Verdict::Delete { &mut strays } else { &mut missing };
            list.entry(group).or_default().push(target);
        }
        for change in changes.iter().filter(|c| matches!(c.verdict, Verdict::Replace(_))) {
            missing.insert(change.address.clone(), successor::targets(self, &change.address));
        }
        for (group, targets) in &missing {
            let gate = strays.get(group).and_then(|leaving| self.capacity_gate(changes, group, leaving));
            for (part, chunk) in targets.chunks(TARGETS_PER_CALL).enumerate() {
                let call = Operation::RegisterTargets { target_group: self.link(group), targets: chunk.to_vec() };
                self.push_part(group, call, part, "declared, but not registered").gate.clone_from(&gate);
            }
        }
        for (group, targets) in &strays {
            if !missing.contains_key(group) && self.holds_capacity(group, targets) {
                continue;
            }
            let gate = self.staying_gate(changes, group, targets).filter(|_| !missing.contains_key(group));
            for (part, chunk) in targets.chunks(TARGETS_PER_CALL).enumerate() {
                let call = Operation::DeregisterTargets { target_group: self.link(group), targets: chunk.to_vec() };
                self.push_part(group, call, part, "registered, but not declared").before.extend(gate.clone());
            }
        }
    }

    /// Before targets leave, as many must be healthy without them as are healthy now (as far as so many are
    /// declared), and at least one.
    fn capacity_gate(&self, changes: &[&Change], group: &Address, leaving: &[Target]) -> Option<Gate> {
        let declared = self.bound.want.values().filter_map(Spec::target);
        let declared = declared.filter(|t| t.target_group.address() == Some(group)).count();
        self.gate_before(changes, group, (leaving, self.healthy(group).count().min(declared)))
    }

    /// The same where nothing is registered: of those that stay, as many as are healthy, or may soon be; what is
    /// unhealthy now may be so for long. Where none that leaves is healthy, nothing is lost.
    fn staying_gate(&self, changes: &[&Change], group: &Address, leaving: &[Target]) -> Option<Gate> {
        let goes = |target: &Target| leaving.iter().any(|other| other.label() == target.label());
        let serves = self.healthy(group).any(goes);
        let stay = self.registered(group).filter(|(target, _)| !goes(target));
        let stay = stay.filter(|(_, health)| health.is_ready() || health.is_initial()).count();
        let gate = self.gate_before(changes, group, (leaving, stay.min(self.healthy(group).count())));
        gate.filter(|_| serves)
    }

    /// A group that nothing will use once requests have moved is not checked: nothing to wait for.
    fn gate_before(
        &self,
        changes: &[&Change],
        group: &Address,
        (leaving, at_least): (&[Target], usize),
    ) -> Option<Gate> {
        // a load balancer that is not in view
        let elsewhere = match self.bound.live.get(group).map(|live| &live.facts) {
            Some(Facts::TargetGroup { load_balancers }) => {
                load_balancers.iter().any(|id| !self.bound.names.contains_key(id))
            }
            Some(_) | None => false,
        };
        let is_used = elsewhere || shift::stays_attached(self, changes, group);
        let leaving = leaving.iter().map(Target::label).collect();
        is_used.then(|| Gate::TargetsHealthy { group: self.link(group), at_least: at_least.max(1), leaving })
    }

    /// Holds the removal of targets that are the only healthy ones of their group; says so.
    fn holds_capacity(&mut self, group: &Address, leaving: &[Target]) -> bool {
        let labels: BTreeSet<String> = leaving.iter().map(Target::label).collect();
        let (going, staying): (Vec<_>, Vec<_>) = self.healthy(group).partition(|t| labels.contains(&t.label()));
        let holds = !going.is_empty() && staying.is_empty();
        if holds {
            for target in leaving {
                let address = Address::target(&group.name, &target.id, target.port);
                let because = "no declared target of the group is healthy: it stays registered until one is".to_owned();
                self.built.held.push(Held { address, because });
            }
        }
        holds
    }

    /// The targets of a group that AWS calls healthy.
    pub(super) fn healthy(&self, group: &Address) -> impl Iterator<Item = &Target> {
        self.registered(group).filter(|(_, health)| health.is_ready()).map(|(target, _)| target)
    }

    /// Whether requests to a group may be under way: it has targets, or some are being deregistered.
    pub(super) fn has_requests(&self, group: &Address) -> bool {
        let leaving = self.bound.ids.get(group).and_then(|id| self.basis.leaving.get(id));
        self.registered(group).next().is_some() || leaving.is_some_and(|labels| !labels.is_empty())
    }

    /// The live targets of a group, those that leave it already aside.
    pub(super) fn registered(&self, group: &Address) -> impl Iterator<Item = (&Target, &TargetHealth)> {
        let first = Address::new(Kind::Target, format!("{}/", group.name));
        let beneath = self.bound.live.range(first.clone()..);
        let beneath = beneath.take_while(move |(a, _)| a.kind == Kind::Target && a.name.starts_with(&first.name));
        beneath.filter_map(|(_, live)| match (&live.spec, &live.facts) {
            (Spec::Target(target), Facts::Target(health)) if !health.is_draining() => Some((&**target, health)),
            _ => None,
        })
    }
}
