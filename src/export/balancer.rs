//! Load balancers.

use super::attribute::{Attributes, tags};
use super::yaml::{Map, Node};
use super::{Export, keys};
use crate::model::attribute::{Applies, LOAD_BALANCER};
use crate::model::kind::{IpamPool, LoadBalancer};
use crate::model::value::{IpAddressType, Scheme};
use crate::model::{Id, Link};

/// The attribute whose default follows the scheme.
const DENY_IGW: &str = "ipv6.deny_all_igw_traffic";

impl Export<'_> {
    /// `load_balancers:`.
    pub(super) fn load_balancers(&mut self) -> Map {
        let mut section = Map::default();
        for id in self.balancers.clone() {
            let Some(spec) = self.snapshot.found.get(id).and_then(|live| live.spec.load_balancer()) else { continue };
            let key = self.keys.get(id).cloned().unwrap_or_else(|| spec.name.clone());
            let map = self.load_balancer(id, &key, spec);
            section.put(&key, Node::Map(map));
        }
        section
    }

    fn load_balancer(&mut self, id: &Id, key: &str, spec: &LoadBalancer) -> Map {
        let LoadBalancer {
            name,
            scheme,
            ip_address_type,
            subnets,
            security_groups,
            ipam_pool,
            customer_owned_ipv4_pool,
            minimum_capacity,
            attributes,
            tags: live_tags,
        } = spec;
        let mut map = Map::default();
        if let Some(tool) = keys::controller(live_tags) {
            map.remark(&format!("{tool} reconciles it: no502 compares it and changes nothing"));
        }
        if name != key {
            map.put("name", Node::text(name));
        }
        // the language wants two subnets of a load balancer that it may have to create
        let two = subnets.as_ref().filter(|subnets| subnets.len() > 1);
        if two.is_none() {
            map.put("existing", Node::plain(true));
        }
        map.put_some("scheme", scheme.map(Node::plain));
        map.put_some("ip_address_type", ip_address_type.filter(|t| *t != IpAddressType::Ipv4).map(Node::plain));
        map.put_some("subnets", two.map(|subnets| Node::List(subnets.iter().map(|link| self.subnet(link)).collect())));
        if let Some(groups) = security_groups.as_ref().filter(|groups| !groups.is_empty()) {
            map.put("security_groups", Node::list(groups.iter().map(|link| self.name(link))));
        }
        let pool = ipam_pool.as_ref().filter(|pool| **pool != IpamPool::None);
        map.put_some("ipam_pool", pool.map(|pool| Node::text(&pool.to_string())));
        map.put_some("customer_owned_ipv4_pool", customer_owned_ipv4_pool.as_deref().map(Node::text));
        map.put_some("minimum_capacity", minimum_capacity.filter(|units| *units > 0).map(Node::plain));
        let mut live = Attributes::new(LOAD_BALANCER, attributes);
        map.put_some("idle_timeout", live.seconds("idle_timeout.timeout_seconds"));
        map.put_some("client_keep_alive", live.seconds("client_keep_alive.seconds"));
        let drop = live.changed("routing.http.drop_invalid_header_fields.enabled");
        map.put_some("drop_invalid_header_fields", drop.map(Node::plain));
        let usual = if *scheme == Some(Scheme::Internal) { "true" } else { "false" };
        if live.get(DENY_IGW) == Some(usual) {
            live.skip(DENY_IGW);
        }
        live.rest(&mut map, |applies| applies != Applies::Fixed);
        tags(&mut map, live_tags);
        let listeners = self.listeners_of(id, key);
        map.put_map("listeners", listeners);
        map
    }

    /// A subnet by its id, with what people call it beside it.
    fn subnet(&self, link: &Link) -> (Node, Option<String>) {
        let subnet = link.id().and_then(|id| self.snapshot.subnets.get(id));
        let words = subnet.map(|subnet| {
            let name = subnet.tags.get("Name").filter(|name| !name.is_empty());
            let parts = name.map(String::as_str).into_iter().chain([subnet.zone.as_str()]);
            parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
        });
        (self.name(link), words.filter(|words| !words.is_empty()))
    }
}
