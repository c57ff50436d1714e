//! Network ACLs, route tables and prefix lists: SDK shape → ours, and the calls for many subnets at once.
//!
//! They are only read: no502 changes none of them.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    NetworkAclEntry, Route as SdkRoute, RouteState as SdkState, RouteTable as SdkTable, RuleAction,
};
use ipnet::IpNet;

use super::budget::Category;
use super::call::Call;
use super::error::present;
use super::network::{FILTER_VALUES, filter};
use super::session::Session;
use crate::cloud::CloudError;
use crate::cloud::network::{AclEntry, Acls, Act, Destination, Gateway, Route, RouteState, Tables};
use crate::model::Id;
use crate::model::kind::Direction;
use crate::model::value::IpProtocol;

const PAGE: i32 = 1000;
/// API: route tables and entries of prefix lists come a hundred a page.
const SMALL_PAGE: i32 = 100;

fn texts(ids: &[&Id]) -> Vec<String> {
    ids.iter().map(|id| id.0.clone()).collect()
}

impl Session {
    /// The network ACLs of these subnets.
    pub(super) async fn acls(&self, subnets: &BTreeSet<Id>) -> Result<Acls, CloudError> {
        const CALL: Call = Call::new("DescribeNetworkAcls", Category::Ec2Read);
        let mut acls = Acls::default();
        for chunk in subnets.iter().collect::<Vec<_>>().chunks(FILTER_VALUES) {
            let request = self.ec2.describe_network_acls().max_results(PAGE);
            let request = request.filters(filter("association.subnet-id", texts(chunk)));
            let mut token = None;
            loop {
                let request = request.clone().set_next_token(token.take());
                let page = self.calls.run(CALL, || request.clone().send()).await?;
                for found in present(CALL.name, page.network_acls)? {
                    let Some(id) = found.network_acl_id.map(Id) else { continue };
                    let of = found.associations.into_iter().flatten().filter_map(|a| a.subnet_id).map(Id);
                    acls.of_subnet.extend(of.filter(|subnet| subnets.contains(subnet)).map(|s| (s, id.clone())));
                    acls.entries.insert(id, found.entries.into_iter().flatten().filter_map(entry).collect());
                }
                token = page.next_token.filter(|next| !next.is_empty());
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(acls)
    }

    /// The route tables of these VPCs: those of their subnets, and the main ones, which the other subnets have.
    pub(super) async fn tables(&self, vpcs: &BTreeSet<Id>) -> Result<Tables, CloudError> {
        const CALL: Call = Call::new("DescribeRouteTables", Category::Ec2Read);
        let mut tables = Tables::default();
        for chunk in vpcs.iter().collect::<Vec<_>>().chunks(FILTER_VALUES) {
            let request = self.ec2.describe_route_tables().max_results(SMALL_PAGE);
            let request = request.filters(filter("vpc-id", texts(chunk)));
            let mut token = None;
            loop {
                let request = request.clone().set_next_token(token.take());
                let page = self.calls.run(CALL, || request.clone().send()).await?;
                present(CALL.name, page.route_tables)?.into_iter().for_each(|found| keep(&mut tables, found));
                token = page.next_token.filter(|next| !next.is_empty());
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(tables)
    }

    /// The networks of a managed prefix list.
    pub(super) async fn prefix_list(&self, list: &str) -> Result<Vec<IpNet>, CloudError> {
        const CALL: Call = Call::new("GetManagedPrefixListEntries", Category::Ec2Read);
        let request = self.ec2.get_managed_prefix_list_entries().prefix_list_id(list).max_results(SMALL_PAGE);
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let request = request.clone().set_next_token(token.take());
            let page = self.calls.run(CALL, || request.clone().send()).await?;
            let entries = present(CALL.name, page.entries)?.into_iter();
            found.extend(entries.filter_map(|entry| entry.cidr?.parse::<IpNet>().ok()));
            token = page.next_token.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}

/// `None` for protocols that no connection of a load balancer speaks.
fn entry(found: NetworkAclEntry) -> Option<AclEntry> {
    let protocol = match found.protocol.as_deref()? {
        "-1" => IpProtocol::All,
        "6" | "tcp" => IpProtocol::Tcp,
        _ => return None,
    };
    let range = found.port_range.filter(|_| protocol == IpProtocol::Tcp);
    let port = |number: Option<i32>| u16::try_from(number?).ok();
    let ports = range.and_then(|range| Some((port(range.from)?, port(range.to)?))).filter(|all| *all != (0, u16::MAX));
    Some(AclEntry {
        number: u16::try_from(found.rule_number?).ok()?,
        direction: if found.egress? { Direction::Egress } else { Direction::Ingress },
        act: if found.rule_action? == RuleAction::Allow { Act::Allow } else { Act::Deny },
        protocol,
        ports,
        network: found.cidr_block.or(found.ipv6_cidr_block)?.parse().ok()?,
    })
}

fn keep(tables: &mut Tables, found: SdkTable) {
    let Some(id) = found.route_table_id.map(Id) else { return };
    for association in found.associations.into_iter().flatten() {
        match (association.subnet_id, association.main, &found.vpc_id) {
            (Some(subnet), _, _) => drop(tables.of_subnet.insert(Id(subnet), id.clone())),
            (None, Some(true), Some(vpc)) => drop(tables.main.insert(Id(vpc.clone()), id.clone())),
            (None, _, _) => {}
        }
    }
    tables.routes.insert(id, found.routes.into_iter().flatten().filter_map(route).collect());
}

/// `None` for the routes of gateway endpoints: they lead to AWS's own services.
fn route(found: SdkRoute) -> Option<Route> {
    let through = [
        found.gateway_id,
        found.nat_gateway_id,
        found.transit_gateway_id,
        found.vpc_peering_connection_id,
        found.egress_only_internet_gateway_id,
        found.local_gateway_id,
        found.carrier_gateway_id,
        found.network_interface_id,
        found.instance_id,
    ];
    let via = match (through.into_iter().flatten().find(|id| !id.is_empty()), found.core_network_arn) {
        (Some(id), _) => Gateway::of_id(&id),
        (None, Some(core)) => Gateway::Transit(core),
        (None, None) => Gateway::Other("nothing".to_owned()),
    };
    let network = found.destination_cidr_block.or(found.destination_ipv6_cidr_block).and_then(|n| n.parse().ok());
    let to = match (network, found.destination_prefix_list_id) {
        (Some(network), _) => Destination::Network(network),
        (None, Some(_)) if via.id().starts_with("vpce-") => return None,
        (None, Some(list)) => Destination::PrefixList(list),
        (None, None) => return None,
    };
    let state = if found.state == Some(SdkState::Blackhole) { RouteState::Blackhole } else { RouteState::Active };
    Some(Route { to, via, state })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{PortRange, RouteTableAssociation};

    use super::*;

    #[test]
    fn entries_of_other_protocols_are_left_out() {
        let of = |protocol: &str| {
            let ports = PortRange::builder().from(1024).to(65535).build();
            let entry_ = NetworkAclEntry::builder().protocol(protocol).rule_number(100).egress(true).port_range(ports);
            entry(entry_.rule_action(RuleAction::Deny).cidr_block("10.0.0.0/8").build()).map(|e| e.to_string())
        };
        assert_eq!(of("6").as_deref(), Some("100 deny tcp 1024-65535 10.0.0.0/8"));
        assert_eq!(of("-1").as_deref(), Some("100 deny all 10.0.0.0/8"));
        assert_eq!(of("17"), None);
    }

    #[test]
    fn a_subnet_has_its_own_table_or_the_main_one() {
        let mut tables = Tables::default();
        let main = RouteTableAssociation::builder().main(true).build();
        let own = RouteTableAssociation::builder().main(false).subnet_id("subnet-a").build();
        let local = SdkRoute::builder().destination_cidr_block("10.0.0.0/16").gateway_id("local").build();
        let out = SdkRoute::builder().destination_cidr_block("0.0.0.0/0").gateway_id("igw-1").build();
        let s3 = SdkRoute::builder().destination_prefix_list_id("pl-1").gateway_id("vpce-1").build();
        let table = |id: &str| SdkTable::builder().route_table_id(id).vpc_id("vpc-1").routes(local.clone());
        keep(&mut tables, table("rtb-main").associations(main).routes(s3).build());
        keep(&mut tables, table("rtb-own").associations(own).routes(out).build());
        let (vpc, shown) = (Id("vpc-1".into()), |subnet: &str| {
            let (table, routes) = tables.of(&Id(subnet.into()), Some(&Id("vpc-1".into()))).unwrap();
            format!("{table} {}", routes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        });
        assert_eq!(shown("subnet-a"), "rtb-own 10.0.0.0/16 local, 0.0.0.0/0 igw-1");
        assert_eq!(shown("subnet-b"), "rtb-main 10.0.0.0/16 local");
        assert_eq!(tables.networks(&vpc), ["10.0.0.0/16".parse::<IpNet>().unwrap()]);
    }
}
