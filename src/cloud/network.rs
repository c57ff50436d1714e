//! The network around load balancers and targets: network ACLs, route tables, managed prefix lists.
//!
//! Plain data, as far as it was read; what it means for a connection is [`path`](super::path)'s matter. Security groups
//! are not here: they can be declared, so they are specs. Sources: API (EC2) `DescribeNetworkAcls`,
//! `DescribeRouteTables`, `GetManagedPrefixListEntries`; VPC user guide "Network ACLs", "Route tables".

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::Id;
use crate::model::kind::Direction;
use crate::model::value::IpProtocol;

/// What was read of the network. Unread is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The network ACLs; `None` if they were not or could not be read.
    pub acls: Option<Acls>,
    /// The route tables; `None` if they were not or could not be read.
    pub tables: Option<Tables>,
    /// The networks of prefix lists that rules or routes name. A list that is not here was not read.
    pub lists: BTreeMap<String, Vec<IpNet>>,
}

/// Network ACLs and who has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acls {
    /// The ACL of each subnet.
    pub of_subnet: BTreeMap<Id, Id>,
    /// The entries of each, by number.
    pub entries: BTreeMap<Id, Vec<AclEntry>>,
}

/// An entry of a network ACL. Those for protocols other than TCP decide nothing here and are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    /// Its number: the lowest that matches decides.
    pub number: u16,
    /// Which way, seen from the subnet.
    pub direction: Direction,
    /// What it does.
    pub act: Act,
    /// Its protocol.
    pub protocol: IpProtocol,
    /// First and last port; `None`: every port.
    pub ports: Option<(u16, u16)>,
    /// The other end.
    pub network: IpNet,
}

/// What an entry of a network ACL does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Lets pass.
    Allow,
    /// Refuses.
    Deny,
}

/// Route tables and who has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables {
    /// The table of each subnet that has one of its own.
    pub of_subnet: BTreeMap<Id, Id>,
    /// The main table of each VPC, which the other subnets have.
    pub main: BTreeMap<Id, Id>,
    /// The routes of each table.
    pub routes: BTreeMap<Id, Vec<Route>>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub to: Destination,
    /// What it goes through.
    pub via: Gateway,
    /// Whether it works.
    pub state: RouteState,
}

/// Where a route leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A network.
    Network(IpNet),
    /// The networks of a prefix list.
    PrefixList(String),
}

/// What a route goes through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gateway {
    /// Within the VPC.
    Local,
    /// A peering connection.
    Peering(String),
    /// A transit gateway, or a core network.
    Transit(String),
    /// A virtual private gateway: VPN or Direct Connect.
    Private(String),
    /// An internet gateway.
    Internet(String),
    /// An internet gateway that lets nothing in; for IPv6.
    EgressOnly(String),
    /// A NAT gateway.
    Nat(String),
    /// A network interface, an endpoint, a gateway of an Outpost or of a carrier: what happens behind it is not seen.
    Other(String),
}

/// Whether a route works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteState {
    /// It does.
    Active,
    /// What it goes through is gone: packets are dropped.
    Blackhole,
}

impl Acls {
    /// The ACL of a subnet with its entries of one direction, in the order in which they are asked.
    pub fn of(&self, subnet: &Id, direction: Direction) -> Option<(&Id, Vec<&AclEntry>)> {
        let acl = self.of_subnet.get(subnet)?;
        let entries = self.entries.get(acl)?.iter();
        let mut own: Vec<&AclEntry> = entries.filter(|entry| entry.direction == direction).collect();
        own.sort_by_key(|entry| entry.number);
        Some((acl, own))
    }
}

impl Tables {
    /// The table of a subnet: its own, else the main one of its VPC.
    pub fn of(&self, subnet: &Id, vpc: Option<&Id>) -> Option<(&Id, &[Route])> {
        let table = self.of_subnet.get(subnet).or_else(|| self.main.get(vpc?))?;
        Some((table, self.routes.get(table)?))
    }
    /// The networks of a VPC: every table of it has a local route to each.
    pub fn networks(&self, vpc: &Id) -> Vec<IpNet> {
        let routes = self.main.get(vpc).and_then(|table| self.routes.get(table)).into_iter().flatten();
        let local = routes.filter(|route| route.via == Gateway::Local);
        local.filter_map(|route| route.to.network()).collect()
    }
}

impl Destination {
    /// The network, if it is one.
    pub const fn network(&self) -> Option<IpNet> {
        match self {
            Self::Network(net) => Some(*net),
            Self::PrefixList(_) => None,
        }
    }
}

impl Gateway {
    /// Its id; `local` for the VPC itself.
    pub fn id(&self) -> &str {
        match self {
            Self::Local => "local",
            Self::Peering(id)
            | Self::Transit(id)
            | Self::Private(id)
            | Self::Internet(id)
            | Self::EgressOnly(id)
            | Self::Nat(id)
            | Self::Other(id) => id,
        }
    }
    /// What stands behind an id, by its prefix.
    pub fn of_id(id: &str) -> Self {
        let text = id.to_owned();
        match id.split_once('-').map_or(id, |(kind, _)| kind) {
            "local" => Self::Local,
            "pcx" => Self::Peering(text),
            "tgw" | "arn:aws:networkmanager" => Self::Transit(text),
            "vgw" => Self::Private(text),
            "igw" => Self::Internet(text),
            "eigw" => Self::EgressOnly(text),
            "nat" => Self::Nat(text),
            _ => Self::Other(text),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(net) => net.fmt(f),
            Self::PrefixList(list) => f.write_str(list),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            RouteState::Active => "",
            RouteState::Blackhole => " blackhole",
        };
        write!(f, "{} {}{state}", self.to, self.via.id())
    }
}

/// The number of the entry that every network ACL ends with and that refuses the rest; AWS shows it as `*`.
pub const LAST_ENTRY: u16 = 32_767;

impl fmt::Display for AclEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            LAST_ENTRY => f.write_str("*")?,
            number => write!(f, "{number}")?,
        }
        f.write_str(match self.act {
            Act::Allow => " allow ",
            Act::Deny => " deny ",
        })?;
        match (self.protocol, self.ports) {
            (protocol, None) => write!(f, "{protocol}")?,
            (protocol, Some((low, high))) if low == high => write!(f, "{protocol} {low}")?,
            (protocol, Some((low, high))) => write!(f, "{protocol} {low}-{high}")?,
        }
        write!(f, " {}", self.network)
    }
}
