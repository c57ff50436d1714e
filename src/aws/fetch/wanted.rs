//! What a fetch wants of what it has seen so far: capacities, interfaces of targets, security groups.

use std::collections::BTreeMap;

use super::{Results, View};
use crate::aws::network::{Owners, Wanted};
use crate::cloud::{Facts, Hidden, NeededFor};
use crate::model::value::TargetType;
use crate::model::{Id, Link, Selectable, Spec};

impl View<'_> {
    /// The load balancers whose reserved capacity is wanted, and who needs it.
    pub(super) fn reserved(&self) -> BTreeMap<Id, NeededFor> {
        let named = |id: &Id| {
            let spec = self.snapshot.found.get(id)?.spec.load_balancer()?;
            Some((id.clone(), *self.scope.capacity.get(&spec.name)?))
        };
        self.load_balancers.iter().filter_map(named).collect()
    }

    /// Keeps reserved capacities.
    pub(super) fn capacities(&mut self, results: Results<(u32, bool)>, reserved: &BTreeMap<Id, NeededFor>) {
        for (id, result) in results {
            let needed_for = reserved.get(&id).copied().unwrap_or(NeededFor::Diff);
            let found = self.keep(result, Hidden::Resource(id.clone()), needed_for);
            let live = self.snapshot.found.get_mut(&id).map(|live| (&mut live.spec, &mut live.facts));
            if let Some((Spec::LoadBalancer(spec), Facts::LoadBalancer(facts))) = live {
                spec.minimum_capacity = found.map(|(units, _)| units);
                facts.capacity_pending = found.is_some_and(|(_, is_pending)| is_pending);
            }
        }
    }

    /// The targets whose interfaces the rules want to see.
    pub(super) fn owners(&self) -> Owners {
        let mut owners = Owners::default();
        for (_, target) in self.snapshot.targets() {
            let group = target.target_group.id().and_then(|id| self.snapshot.found.get(id));
            let Some(group) = group.and_then(|live| live.spec.target_group()) else { continue };
            match group.target_type {
                Some(TargetType::Ip) => {
                    let Ok(address) = target.id.parse() else { continue };
                    let vpcs = owners.addresses.entry(address).or_default();
                    vpcs.extend(group.vpc.as_ref().and_then(Link::id).cloned());
                }
                Some(TargetType::Instance) => {
                    owners.instances.insert(target.id.clone());
                }
                Some(TargetType::Lambda) | None => {}
            }
        }
        owners
    }

    /// The security groups to read, and who needs them.
    pub(super) fn wanted_groups(&self) -> (Wanted, NeededFor) {
        let mut groups = Wanted::by_selectors(&self.scope.selectors, Selectable::SecurityGroup);
        groups.ids.clone_from(&self.scope.security_group_ids);
        groups.ids.extend(self.owned.security_groups.iter().cloned());
        let ours = self.own_rules.iter().flatten().filter(|(_, rule)| self.scope.owned_by == rule.stack);
        groups.ids.extend(ours.map(|(group, _)| group.clone()));
        groups.names.clone_from(&self.scope.security_group_names);
        let is_named = !groups.ids.is_empty() || !groups.names.is_empty();
        let needed_for = if is_named { NeededFor::Diff } else { NeededFor::Rules };
        if self.scope.network {
            let around = self.snapshot.load_balancers().filter_map(|(_, lb)| lb.security_groups.as_ref()).flatten();
            groups.ids.extend(around.filter_map(Link::id).cloned());
            let interfaces = self.snapshot.interfaces.iter().flat_map(BTreeMap::values);
            groups.ids.extend(interfaces.flat_map(|interface| interface.groups.iter().cloned()));
        }
        (groups, needed_for)
    }
}
