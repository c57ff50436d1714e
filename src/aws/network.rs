//! What lies around: subnets, VPCs, network interfaces, and the filters that pick them out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use aws_sdk_ec2::types::{Filter, NetworkInterface};

use super::budget::Category;
use super::call::Call;
use super::error::present;
use super::security_group::tags_from_sdk;
use super::session::Session;
use super::tags::Tags;
use crate::cloud::{CloudError, Interface, Subnet, Vpc};
use crate::model::{Id, Selectable, Selector};

const PAGE: i32 = 1000;
/// The tag of every instance that an Auto Scaling group starts, with the group's name.
const SCALING_TAG: &str = "aws:autoscaling:groupName";
/// How many values a filter takes.
pub(super) const FILTER_VALUES: usize = 200;

/// A filter with these values.
pub(super) fn filter(name: &str, values: impl IntoIterator<Item = String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().collect())).build()
}

/// What is wanted of one kind of thing: by id, by name, by tags.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) ids: BTreeSet<Id>,
    pub(super) names: BTreeSet<String>,
    pub(super) tags: Vec<BTreeMap<String, String>>,
}

impl Wanted {
    /// What the selectors for one kind of thing want.
    pub(super) fn by_selectors(selectors: &BTreeSet<Selector>, what: Selectable) -> Self {
        let tags = selectors.iter().filter(|s| s.what == what).map(|s| s.tags.clone()).collect();
        Self { tags, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.names.is_empty() && self.tags.is_empty()
    }

    /// Whether a thing is wanted.
    pub(super) fn takes(&self, id: &Id, name: Option<&str>, tags: &Tags) -> bool {
        let selected = |want: &BTreeMap<String, String>| want.iter().all(|(k, v)| tags.get(k) == Some(v));
        self.ids.contains(id) || name.is_some_and(|n| self.names.contains(n)) || self.tags.iter().any(selected)
    }

    /// The one filter that lets all that is wanted pass, or `None` to list everything: filters of
    /// different names are ANDed, and one page of everything costs less than a call for each.
    pub(super) fn filter(&self, id_name: &str) -> Option<Filter> {
        let text = |set: &BTreeSet<Id>| set.iter().map(|id| id.0.clone()).collect::<Vec<_>>();
        let fits = |n: usize| (1..=FILTER_VALUES).contains(&n);
        match (self.ids.len(), self.names.len(), self.tags.len()) {
            (n, 0, 0) if fits(n) => Some(filter(id_name, text(&self.ids))),
            (0, n, 0) if fits(n) => Some(filter("group-name", self.names.iter().cloned())),
            (0, 0, n) if fits(n) => Some(self.tag_filter()),
            _ => None,
        }
    }

    /// By the values of a key that all selectors have, else by their first keys.
    fn tag_filter(&self) -> Filter {
        let shared = self.tags.first().into_iter().flatten().map(|(key, _)| key);
        let shared = shared.into_iter().find(|key| self.tags.iter().all(|tags| tags.contains_key(*key)));
        if let Some(key) = shared {
            let values: BTreeSet<_> = self.tags.iter().filter_map(|tags| tags.get(key).cloned()).collect();
            return filter(&format!("tag:{key}"), values);
        }
        let keys: BTreeSet<_> = self.tags.iter().filter_map(|tags| tags.keys().next().cloned()).collect();
        filter("tag-key", keys)
    }
}

/// The targets whose network interfaces are looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    /// Addresses, each with the VPC of the groups it is registered in: one address may exist in many.
    pub(super) addresses: BTreeMap<IpAddr, BTreeSet<Id>>,
    /// Instances.
    pub(super) instances: BTreeSet<String>,
}

impl Owners {
    /// The filters that find them, at most 200 values each.
    pub(super) fn filters(&self) -> Vec<Filter> {
        let family = |v4: bool| -> Vec<String> {
            self.addresses.keys().filter(|a| a.is_ipv4() == v4).map(ToString::to_string).collect()
        };
        let lists = [
            ("addresses.private-ip-address", family(true)),
            ("ipv6-addresses.ipv6-address", family(false)),
            ("attachment.instance-id", self.instances.iter().cloned().collect()),
        ];
        let chunks = |(name, values): (&'static str, Vec<String>)| {
            values.chunks(FILTER_VALUES).map(|chunk| filter(name, chunk.to_vec())).collect::<Vec<_>>()
        };
        lists.into_iter().flat_map(chunks).collect()
    }

    /// The addresses of an interface that belong to a target, with what is known of the interface.
    pub(super) fn read(&self, found: NetworkInterface) -> Vec<(IpAddr, Interface)> {
        let attachment = found.attachment.clone();
        let is_primary = attachment.as_ref().is_some_and(|a| a.device_index == Some(0));
        let instance = attachment.and_then(|a| a.instance_id);
        let interface = interface_from_sdk(&found);
        // an instance is reached at the primary address of its first interface
        let targeted = is_primary && instance.is_some_and(|i| self.instances.contains(&i));
        let primary = found.private_ip_address.filter(|_| targeted).and_then(|text| text.parse::<IpAddr>().ok());
        let v4 = found.private_ip_addresses.into_iter().flatten().filter_map(|a| a.private_ip_address);
        let v6 = found.ipv6_addresses.into_iter().flatten().filter_map(|a| a.ipv6_address);
        let wanted = |address: &IpAddr| {
            let vpcs = self.addresses.get(address);
            vpcs.is_some_and(|vpcs| vpcs.is_empty() || interface.vpc.as_ref().is_some_and(|vpc| vpcs.contains(vpc)))
        };
        let own = v4.chain(v6).filter_map(|text| text.parse().ok()).filter(wanted);
        let mut addresses: BTreeSet<IpAddr> = own.collect();
        addresses.extend(primary);
        let seen_at = |address| {
            let reached_as = interface.instance.clone().filter(|_| primary == Some(address));
            (address, Interface { reached_as, ..interface.clone() })
        };
        addresses.into_iter().map(seen_at).collect()
    }
}

/// What is known of a network interface.
pub(super) fn interface_from_sdk(found: &NetworkInterface) -> Interface {
    Interface {
        id: found.network_interface_id.clone().unwrap_or_default(),
        groups: found.groups.iter().flatten().filter_map(|g| g.group_id.clone()).map(Id).collect(),
        subnet: found.subnet_id.clone().map(Id),
        vpc: found.vpc_id.clone().map(Id),
        zone: found.availability_zone.clone(),
        instance: found.attachment.as_ref().and_then(|a| a.instance_id.clone()),
        reached_as: None,
        description: found.description.clone().filter(|words| !words.is_empty()),
    }
}

impl Session {
    /// Subnets by filter; without one, all of them.
    pub(super) async fn subnets(&self, filter: Option<Filter>) -> Result<BTreeMap<Id, Subnet>, CloudError> {
        const CALL: Call = Call::new("DescribeSubnets", Category::Ec2Read);
        let request = self.ec2.describe_subnets().max_results(PAGE).set_filters(filter.map(|filter| vec![filter]));
        let mut found = BTreeMap::new();
        let mut token = None;
        loop {
            let request = request.clone().set_next_token(token.take());
            let page = self.calls.run(CALL, || request.clone().send()).await?;
            for subnet in present(CALL.name, page.subnets)? {
                let Some(id) = subnet.subnet_id else { continue };
                let spec = Subnet {
                    vpc: subnet.vpc_id.map(Id),
                    zone: subnet.availability_zone.unwrap_or_default(),
                    cidr: subnet.cidr_block.unwrap_or_default(),
                    ipv6: subnet
                        .ipv6_cidr_block_association_set
                        .into_iter()
                        .flatten()
                        .find_map(|network| network.ipv6_cidr_block),
                    free: subnet.available_ip_address_count.and_then(|free| u32::try_from(free).ok()),
                    tags: tags_from_sdk(subnet.tags),
                };
                found.insert(Id(id), spec);
            }
            token = page.next_token.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// VPCs by filter; without one, all of them.
    pub(super) async fn vpcs(&self, filter: Option<Filter>) -> Result<BTreeMap<Id, Vpc>, CloudError> {
        const CALL: Call = Call::new("DescribeVpcs", Category::Ec2Read);
        let request = self.ec2.describe_vpcs().max_results(PAGE).set_filters(filter.map(|filter| vec![filter]));
        let mut found = BTreeMap::new();
        let mut token = None;
        loop {
            let request = request.clone().set_next_token(token.take());
            let page = self.calls.run(CALL, || request.clone().send()).await?;
            let vpcs = present(CALL.name, page.vpcs)?.into_iter();
            found.extend(vpcs.filter_map(|v| {
                let ipv6 = v.ipv6_cidr_block_association_set.is_some_and(|networks| !networks.is_empty());
                Some((Id(v.vpc_id?), Vpc { tags: tags_from_sdk(v.tags), ipv6 }))
            }));
            token = page.next_token.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Network interfaces by filter.
    pub(super) async fn interfaces(&self, filter: Filter) -> Result<Vec<NetworkInterface>, CloudError> {
        const CALL: Call = Call::new("DescribeNetworkInterfaces", Category::Ec2Read);
        let request = self.ec2.describe_network_interfaces().max_results(PAGE).filters(filter);
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let request = request.clone().set_next_token(token.take());
            let page = self.calls.run(CALL, || request.clone().send()).await?;
            found.extend(present(CALL.name, page.network_interfaces)?);
            token = page.next_token.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}

impl Session {
    /// The network interfaces that AWS made for a load balancer, by their first address.
    pub(super) async fn interfaces_of_balancer(&self, id: &Id) -> Result<BTreeMap<IpAddr, Interface>, CloudError> {
        let Some((_, resource)) = id.as_str().split_once(":loadbalancer/") else { return Ok(BTreeMap::new()) };
        let found = self.interfaces(filter("description", [format!("ELB {resource}")])).await?;
        let one = |found: &NetworkInterface| {
            let address = found.private_ip_address.as_ref()?.parse().ok()?;
            Some((address, interface_from_sdk(found)))
        };
        Ok(found.iter().filter_map(one).collect())
    }

    /// Which of these instances an Auto Scaling group has started, and its name: it tags them.
    pub(super) async fn scaled(&self, instances: &[String]) -> Result<BTreeMap<String, String>, CloudError> {
        const CALL: Call = Call::new("DescribeTags", Category::Ec2Read);
        let mut found = BTreeMap::new();
        for chunk in instances.chunks(FILTER_VALUES) {
            let filters = vec![filter("key", [SCALING_TAG.to_owned()]), filter("resource-id", chunk.to_vec())];
            let request = self.ec2.describe_tags().max_results(PAGE).set_filters(Some(filters));
            let mut token = None;
            loop {
                let request = request.clone().set_next_token(token.take());
                let page = self.calls.run(CALL, || request.clone().send()).await?;
                let tags = present(CALL.name, page.tags)?.into_iter();
                found.extend(tags.filter_map(|tag| Some((tag.resource_id?, tag.value?))));
                token = page.next_token.filter(|next| !next.is_empty());
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn one_filter_finds_all_that_is_wanted() {
        let by_name =
            Wanted { tags: vec![tags(&[("Name", "a")]), tags(&[("Name", "b"), ("x", "1")])], ..Wanted::default() };
        let found = by_name.filter("subnet-id").unwrap();
        assert_eq!((found.name(), found.values().len()), (Some("tag:Name"), 2));
        let mixed = Wanted { tags: vec![tags(&[("Name", "a")]), tags(&[("tier", "b")])], ..Wanted::default() };
        assert_eq!(mixed.filter("subnet-id").unwrap().name(), Some("tag-key"));
        let both = Wanted { ids: BTreeSet::from([Id("sg-1".into())]), ..mixed };
        assert!(both.filter("group-id").is_none(), "everything");
        assert!(both.takes(&Id("sg-1".into()), None, &Tags::new()));
        assert!(both.takes(&Id("sg-2".into()), None, &tags(&[("tier", "b"), ("z", "")])));
        assert!(!both.takes(&Id("sg-2".into()), None, &tags(&[("Name", "b")])));
    }

    #[test]
    fn an_address_is_looked_up_in_its_groups_vpc() {
        use aws_sdk_ec2::types::NetworkInterfacePrivateIpAddress as Address;
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let owners = Owners {
            addresses: BTreeMap::from([(address, BTreeSet::from([Id("vpc-1".into())]))]),
            instances: BTreeSet::new(),
        };
        let interface = |vpc: &str| {
            let own = Address::builder().private_ip_address("10.0.0.1").build();
            NetworkInterface::builder().network_interface_id("eni-1").vpc_id(vpc).private_ip_addresses(own).build()
        };
        assert_eq!(owners.read(interface("vpc-1")).len(), 1);
        assert!(owners.read(interface("vpc-2")).is_empty());
        assert_eq!(owners.filters().len(), 1);
    }
}
