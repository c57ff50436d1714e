//! Network ACLs: numbered entries, the lowest that matches decides, and what nothing matches is refused.
//!
//! What is asked for is a set, not one packet: all addresses of a load balancer's subnet times all ephemeral ports. Each
//! entry takes its part of what is left; the refused parts are weighed, so that an entry that closes one port of 64,512 is
//! told from one that closes them all.

use std::cmp::Ordering;

use ipnet::IpNet;

use super::{Answer, End, Extent, Mend, Network, Refuser, Unread};
use crate::cloud::network::{AclEntry, Act, LAST_ENTRY};
use crate::model::kind::Direction;
use crate::model::value::IpProtocol;

/// Addresses times ports.
#[derive(Clone, Copy, Debug)]
struct Part {
    network: IpNet,
    ports: (u16, u16),
}

/// Whether the network ACL at one end lets packets to these ports pass, to or from the other end.
pub(super) fn judge(network: &Network, at: &End, direction: Direction, other: &End, ports: (u16, u16)) -> Answer {
    // an end outside every subnet that was read is unknown for another reason already
    let Some(subnet) = &at.subnet else { return Answer::Pass };
    let found = network.acls.as_ref().and_then(|acls| acls.of(subnet, direction));
    let Some((acl, entries)) = found else { return Answer::Unsure([Unread::Acl(subnet.clone())].into()) };
    let asked: Vec<Part> = other.networks.iter().map(|net| Part { network: *net, ports }).collect();
    let mut left = asked.clone();
    let mut refused: Vec<(AclEntry, f64)> = Vec::new();
    for entry in entries.into_iter().filter(|entry| matches!(entry.protocol, IpProtocol::All | IpProtocol::Tcp)) {
        let taken: Vec<Part> = left.iter().filter_map(|part| part.common(entry)).collect();
        if taken.is_empty() {
            continue;
        }
        if entry.act == Act::Deny {
            refused.push((entry.clone(), weight(&taken)));
        }
        left = left.iter().flat_map(|part| part.without(entry)).collect();
    }
    if let Some(part) = left.first() {
        let network =
            if part.network.addr().is_ipv4() { IpNet::V4(Default::default()) } else { IpNet::V6(Default::default()) };
        let (act, protocol) = (Act::Deny, IpProtocol::All);
        refused.push((AclEntry { number: LAST_ENTRY, direction, act, protocol, ports: None, network }, weight(&left)));
    }
    // of several, the one that refuses most; of equals, the first
    let most = refused.iter().rev().max_by(|a, b| a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal));
    let Some((entry, _)) = most else { return Answer::Pass };
    let share = refused.iter().map(|(_, weight)| weight).sum::<f64>() / weight(&asked);
    let extent = match share {
        share if share > 0.999 => Extent::All,
        share if share < 0.01 => Extent::Few,
        _ => Extent::Some,
    };
    let Some(peer) = other.networks.first() else { return Answer::Pass };
    let fix = Mend::Entry(acl.clone(), direction, entry.number, ports, *peer);
    Answer::Refuse(Refuser::Entry(acl.clone(), entry.clone()), extent, fix)
}

fn weight(parts: &[Part]) -> f64 {
    let one = |part: &Part| {
        let free = part.network.max_prefix_len() - part.network.prefix_len();
        f64::from(free).exp2() * (f64::from(part.ports.1 - part.ports.0) + 1.0)
    };
    parts.iter().map(one).sum()
}

impl Part {
    /// What an entry matches of it.
    fn common(&self, entry: &AclEntry) -> Option<Self> {
        let network = match () {
            () if entry.network.contains(&self.network) => self.network,
            () if self.network.contains(&entry.network) => entry.network,
            () => return None,
        };
        let (low, high) = entry.ports.unwrap_or((0, u16::MAX));
        let ports = (self.ports.0.max(low), self.ports.1.min(high));
        (ports.0 <= ports.1).then_some(Self { network, ports })
    }
    /// What an entry leaves of it.
    fn without(&self, entry: &AclEntry) -> Vec<Self> {
        let Some(common) = self.common(entry) else { return vec![*self] };
        let mut left: Vec<Self> = outside(self.network, common.network)
            .into_iter()
            .map(|network| Self { network, ports: self.ports })
            .collect();
        let network = common.network;
        if let Some(below) = common.ports.0.checked_sub(1).filter(|below| *below >= self.ports.0) {
            left.push(Self { network, ports: (self.ports.0, below) });
        }
        if let Some(above) = common.ports.1.checked_add(1).filter(|above| *above <= self.ports.1) {
            left.push(Self { network, ports: (above, self.ports.1) });
        }
        left
    }
}

/// A network without one inside it.
fn outside(network: IpNet, hole: IpNet) -> Vec<IpNet> {
    let mut left = Vec::new();
    let mut around = network;
    while around != hole {
        let Ok(halves) = around.subnets(around.prefix_len() + 1) else { break };
        let (inside, beside): (Vec<IpNet>, Vec<IpNet>) = halves.partition(|half| half.contains(&hole));
        left.extend(beside);
        match inside.first() {
            Some(half) => around = *half,
            None => break,
        }
    }
    left
}
