//! Application Load Balancers: the spec, its differences, what cannot be edited.
//!
//! Source: API `CreateLoadBalancer`, `SetSubnets`, `SetSecurityGroups`, `SetIpAddressType`,
//! `ModifyIpPools`, `ModifyCapacityReservation`, `ModifyLoadBalancerAttributes`. The VPC is not a field: AWS derives it from the subnets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::or;
use crate::model::attribute::LOAD_BALANCER;
use crate::model::value::{IpAddressType, Scheme};
use crate::model::{Comparer, FieldChange, Id, Link, Undeclared, UndeclaredFields};

/// Where a load balancer's public IPv4 addresses come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum IpamPool {
    /// From Amazon.
    None,
    /// From this IPAM pool, as far as it has some.
    Pool(Id),
}

impl From<String> for IpamPool {
    fn from(text: String) -> Self {
        if text == "none" { Self::None } else { Self::Pool(Id(text)) }
    }
}
impl From<IpamPool> for String {
    fn from(pool: IpamPool) -> Self {
        pool.to_string()
    }
}
impl fmt::Display for IpamPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Pool(id) => id.fmt(f),
        }
    }
}

/// A load balancer, desired or live. A `None` field is undeclared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// The name on AWS: its identity.
    pub name: String,
    /// Public or internal; cannot be edited.
    pub scheme: Option<Scheme>,
    /// Address families.
    pub ip_address_type: Option<IpAddressType>,
    /// Subnets, one for each zone.
    pub subnets: Option<BTreeSet<Link>>,
    /// Security groups; AWS replaces the whole set.
    pub security_groups: Option<BTreeSet<Link>>,
    /// Where its public IPv4 addresses come from.
    #[serde(default)]
    pub ipam_pool: Option<IpamPool>,
    /// The pool of customer-owned addresses on an Outpost; cannot be edited.
    #[serde(default)]
    pub customer_owned_ipv4_pool: Option<String>,
    /// The capacity that is reserved, in capacity units, as it was asked for; 0 is none. `None` for a live one
    /// where nobody asked.
    #[serde(default)]
    pub minimum_capacity: Option<u32>,
    /// Attributes by AWS's key; shorthands were turned into keys.
    pub attributes: BTreeMap<String, String>,
    /// Tags; ours are added when written.
    pub tags: BTreeMap<String, String>,
}

impl LoadBalancer {
    /// The fields that differ.
    pub fn compare(live: &Self, want: &Self) -> Vec<FieldChange> {
        let Self {
            name: _,
            scheme,
            ip_address_type,
            subnets,
            security_groups,
            ipam_pool,
            customer_owned_ipv4_pool,
            minimum_capacity,
            attributes,
            tags,
        } = want;
        let mut c = Comparer::default();
        c.replace("scheme", &live.scheme, scheme);
        c.in_place("ip_address_type", &live.ip_address_type, ip_address_type);
        c.in_place("subnets", &names(live.subnets.as_ref()), &names(subnets.as_ref()));
        c.in_place("security_groups", &names(live.security_groups.as_ref()), &names(security_groups.as_ref()));
        c.in_place("ipam_pool", &live.ipam_pool, ipam_pool);
        c.replace("customer_owned_ipv4_pool", &live.customer_owned_ipv4_pool, customer_owned_ipv4_pool);
        c.in_place("minimum_capacity", &live.minimum_capacity, minimum_capacity);
        c.attributes(LOAD_BALANCER, &live.attributes, attributes);
        c.tags(&live.tags, tags);
        c.finish()
    }

    /// Live settings that the files do not mention and that are not AWS's default.
    pub fn undeclared(live: &Self, want: &Self) -> Vec<Undeclared> {
        let Self {
            name: _,
            scheme: _,
            ip_address_type,
            subnets: _,
            security_groups: _,
            ipam_pool,
            customer_owned_ipv4_pool,
            minimum_capacity,
            attributes,
            tags: _,
        } = want;
        let mut u = UndeclaredFields::default();
        u.field("ip_address_type", &live.ip_address_type, ip_address_type, Some(IpAddressType::Ipv4));
        u.field("ipam_pool", &live.ipam_pool, ipam_pool, Some(IpamPool::None));
        let coip = &live.customer_owned_ipv4_pool;
        u.field("customer_owned_ipv4_pool", coip, customer_owned_ipv4_pool, None);
        u.field("minimum_capacity", &live.minimum_capacity, minimum_capacity, Some(0));
        u.attributes(LOAD_BALANCER, &live.attributes, attributes);
        u.finish()
    }

    /// Declared over live: what is in effect once the declared fields are applied.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        let Self {
            name,
            scheme,
            ip_address_type,
            subnets,
            security_groups,
            ipam_pool,
            customer_owned_ipv4_pool,
            minimum_capacity,
            attributes,
            tags,
        } = self;
        Self {
            name,
            scheme: or(scheme, &live.scheme),
            ip_address_type: or(ip_address_type, &live.ip_address_type),
            subnets: or(subnets, &live.subnets),
            security_groups: or(security_groups, &live.security_groups),
            ipam_pool: or(ipam_pool, &live.ipam_pool),
            customer_owned_ipv4_pool: or(customer_owned_ipv4_pool, &live.customer_owned_ipv4_pool),
            minimum_capacity: minimum_capacity.or(live.minimum_capacity),
            attributes: super::merged(&live.attributes, attributes),
            tags: super::merged(&live.tags, tags),
        }
    }

    /// The same spec with every link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        let subnets = self.subnets.map(|set| set.into_iter().map(&mut *f).collect());
        let security_groups = self.security_groups.map(|set| set.into_iter().map(&mut *f).collect());
        Self { subnets, security_groups, ..self }
    }
}

fn names(links: Option<&BTreeSet<Link>>) -> Option<BTreeSet<String>> {
    links.map(|links| links.iter().map(Link::to_string).collect())
}
