//! What lies between load balancers and targets: network ACLs, route tables, prefix lists. For the rules only: what
//! cannot be read leaves them unchecked, and the diff whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::View;
use crate::aws::call::{each, soft};
use crate::cloud::network::Destination;
use crate::cloud::{CloudError, Facts, Hidden, Interface, NeededFor};
use crate::model::kind::Peer;
use crate::model::{Id, Link};

impl View<'_> {
    /// Reads the network around everything that was read so far.
    pub(super) async fn around(&mut self) -> Result<(), CloudError> {
        let (subnets, vpcs) = (self.subnets_around(), self.vpcs_around());
        if subnets.is_empty() {
            return Ok(());
        }
        let session = self.session;
        let (acls, tables) = tokio::try_join!(async { soft(session.acls(&subnets).await) }, async {
            soft(session.tables(&vpcs).await)
        })?;
        self.snapshot.network.acls = self.keep(acls, Hidden::Acls, NeededFor::Rules);
        self.snapshot.network.tables = self.keep(tables, Hidden::Routes, NeededFor::Rules);
        let lists = each(self.lists_around().into_iter().collect(), |list: String| {
            let session = Arc::clone(session);
            async move { session.prefix_list(&list).await }
        });
        for (list, result) in lists.await? {
            if let Some(networks) = self.keep(result, Hidden::PrefixLists, NeededFor::Rules) {
                self.snapshot.network.lists.insert(list, networks);
            }
        }
        Ok(())
    }

    fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.snapshot.interfaces.iter().flat_map(|found| found.values())
    }

    /// The subnets of load balancers, those that they are to get, and those of targets.
    fn subnets_around(&self) -> BTreeSet<Id> {
        let links = self.snapshot.load_balancers().filter_map(|(_, lb)| lb.subnets.as_ref()).flatten();
        let balancers = links.filter_map(Link::id).chain(self.snapshot.subnets.keys());
        balancers.chain(self.interfaces().filter_map(|interface| interface.subnet.as_ref())).cloned().collect()
    }

    fn vpcs_around(&self) -> BTreeSet<Id> {
        let facts = self.snapshot.found.values().filter_map(|live| match &live.facts {
            Facts::LoadBalancer(facts) => facts.vpc.as_ref(),
            Facts::None
            | Facts::Listener(_)
            | Facts::TargetGroup { .. }
            | Facts::Target(_)
            | Facts::Certificate(_)
            | Facts::SecurityGroup { .. } => None,
        });
        let subnets = self.snapshot.subnets.values().filter_map(|subnet| subnet.vpc.as_ref());
        facts.chain(subnets).chain(self.interfaces().filter_map(|interface| interface.vpc.as_ref())).cloned().collect()
    }

    /// The prefix lists that decide: which targets' groups let in, which load balancers' groups let out, which routes name.
    fn lists_around(&self) -> BTreeSet<String> {
        let group = |id: &Id| self.snapshot.found.get(id).and_then(|live| live.spec.security_group());
        let targets = self.interfaces().flat_map(|interface| &interface.groups).collect::<BTreeSet<_>>();
        let balancers = self.snapshot.load_balancers().filter_map(|(_, lb)| lb.security_groups.as_ref()).flatten();
        let into = targets.into_iter().filter_map(group).filter_map(|group| group.ingress.as_ref());
        let out = balancers.filter_map(Link::id).filter_map(group).filter_map(|group| group.egress.as_ref());
        let rules = into.chain(out).flatten().filter_map(|rule| match &rule.peer {
            Peer::PrefixList(list) => Some(list.clone()),
            Peer::Cidr(_) | Peer::Group(_) => None,
        });
        let routes = self.snapshot.network.tables.iter().flat_map(|tables| tables.routes.values()).flatten();
        let routes = routes.filter_map(|route| match &route.to {
            Destination::PrefixList(list) => Some(list.clone()),
            Destination::Network(_) => None,
        });
        rules.chain(routes).collect()
    }
}
