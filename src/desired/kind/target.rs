//! Targets of a group: addresses, instances, or one function.
//!
//! Source: API `RegisterTargets`, `TargetDescription`

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::super::names::is_id;
use super::super::node::{Node, find};
use super::super::problem::Problem;
use super::super::reader::{Reader, text_of};
use super::super::shape::{Field, MapRule, Shape, TextRule, field};
use crate::model::kind::{Target, TargetGroup};
use crate::model::value::{AddressFamily, TargetType};
use crate::model::{Address, Link, Span};

const ID: TextRule = TextRule {
    pattern: r"^(i-[0-9a-f]{8,}(:[0-9]{1,5})?|arn:.+|([0-9]{1,3}\.){3}[0-9]{1,3}(:[0-9]{1,5})?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?)$",
    ..TextRule::any("an address, an instance id or the ARN of a function", 1, 512)
};
const ZONE: TextRule = TextRule::any("`all` or an availability zone", 1, 64);

/// More targets than this are a mistake: twenty times AWS's default quota for a group.
const MOST: usize = 20_000;

const FIELDS: &[Field] = &[
    field("id", "An address, an instance id, or the ARN of a function.", Shape::Text(&ID)).required(),
    field("port", "Its port, if it differs from the group's.", Shape::Number(1, 65535)),
    field("zone", "`all` for an address outside the VPC, or an availability zone.", Shape::Text(&ZONE)),
];
const RULE: MapRule = MapRule { noun: "a target", fields: FIELDS };
/// An entry of `targets:`.
pub(super) const ENTRY: Shape = Shape::AnyOf(&[Shape::Text(&ID), Shape::Map(&RULE)]);

/// One target as it was written.
struct Written {
    id: String,
    port: Option<u16>,
    zone: Option<String>,
    at: Span,
    zone_at: Option<Span>,
    port_at: Option<Span>,
}

/// Reads a group's targets and adds each as a resource of its own.
/// `target_type` is the one in effect, AWS's default included.
pub(super) fn read(r: &Reader<'_, '_>, group: &TargetGroup, target_type: Option<TargetType>) {
    let Some(items) = r.items("targets") else { return };
    r.cx.out.borrow_mut().membership.insert(r.address.clone());
    if let Some(first) = items.get(MOST) {
        let message = format!("{} targets are more than any target group takes", items.len());
        let hint = "AWS's default quota is 1000 targets for a group (user guide \"Quotas for your Application Load Balancers\"); use several groups";
        r.error(Problem::error(first.span, message).label(format!("the {}th", MOST + 1)).hint(hint));
        return;
    }
    let mut seen: BTreeMap<Address, Span> = BTreeMap::new();
    let lambda = target_type == Some(TargetType::Lambda);
    if lambda && let [_, second, ..] = items {
        r.error(Problem::error(second.span, "a Lambda group has exactly one target").label("one too many"));
    }
    for item in items {
        let Some(written) = written(item) else { continue };
        if !fits(r, &written, group, target_type) {
            continue;
        }
        let port = if lambda { None } else { written.port.or(group.port) };
        if port.is_none() && !lambda && !is_function(&written.id) {
            if r.existing() && r.has("port").is_none() && written.port_at.is_none() {
                r.error(
                    Problem::error(written.at, format!("the port of target `{}` is not known", written.id))
                        .label("no port here")
                        .hint("write it after the address, or declare the group's `port`"),
                );
            }
            continue;
        }
        let address = Address::target(&r.address.name, &written.id, port);
        if let Some(before) = seen.insert(address.clone(), written.at) {
            r.error(
                Problem::error(written.at, format!("target `{}` is here twice", address.leaf()))
                    .label("said again here")
                    .also(before, "first said here")
                    .hint("keep one of the two"),
            );
            continue;
        }
        add(r, &address, written, port);
    }
}

fn add(r: &Reader<'_, '_>, address: &Address, written: Written, port: Option<u16>) {
    if let Some(at) = written.zone_at {
        r.cx.source(address, "zone", at);
    }
    if let Some(at) = written.port_at {
        r.cx.source(address, "port", at);
    }
    let spec = Target { target_group: Link::Address(r.address.clone()), id: written.id, port, zone: written.zone };
    r.cx.add(address, written.at, spec);
}

fn written(node: &Node) -> Option<Written> {
    if let Some(text) = text_of(node) {
        let (id, port) = split(text);
        let id = canonical(id);
        return Some(Written { id, port, zone: None, at: node.span, zone_at: None, port_at: None });
    }
    let entries = node.map()?;
    let id = find(entries, "id")?;
    let port = find(entries, "port");
    let zone = find(entries, "zone");
    Some(Written {
        id: canonical(text_of(&id.value)?.to_owned()),
        port: port.and_then(|e| e.value.text()).and_then(|t| t.parse().ok()),
        zone: zone.and_then(|e| text_of(&e.value)).map(str::to_owned),
        at: node.span,
        zone_at: zone.map(|e| e.key_span),
        port_at: port.map(|e| e.key_span),
    })
}

/// An address in the one spelling that AWS gives back.
fn canonical(id: String) -> String {
    id.parse::<IpAddr>().map_or(id, |ip| ip.to_string())
}

/// `10.0.0.1:8000`, `[2001:db8::1]:8000`, `i-0123:8000`; without a port the whole text is the id.
fn split(text: &str) -> (String, Option<u16>) {
    if text.starts_with("arn:") || text.parse::<IpAddr>().is_ok() {
        return (text.to_owned(), None);
    }
    let Some((id, port)) = text.rsplit_once(':') else { return (unbracketed(text), None) };
    match port.parse::<u16>() {
        Ok(port) if port > 0 => (unbracketed(id), Some(port)),
        _ => (text.to_owned(), None),
    }
}

fn is_function(id: &str) -> bool {
    id.starts_with("arn:") && id.contains(":lambda:")
}

fn unbracketed(text: &str) -> String {
    text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text).to_owned()
}

/// Whether the target is one that the group can have.
fn fits(r: &Reader<'_, '_>, written: &Written, group: &TargetGroup, target_type: Option<TargetType>) -> bool {
    let ip = written.id.parse::<IpAddr>().ok();
    let instance = is_id(&written.id, "i-");
    let function = is_function(&written.id);
    let wanted = match target_type {
        Some(TargetType::Ip) => (ip.is_some(), "an IP address"),
        Some(TargetType::Instance) => (instance, "an instance id such as i-0123456789abcdef0"),
        Some(TargetType::Lambda) => (function, "the ARN of a Lambda function"),
        None => (ip.is_some() || instance || function, "an address, an instance id or the ARN of a function"),
    };
    if !wanted.0 {
        let problem = Problem::error(written.at, format!("`{}` is not {}", written.id, wanted.1));
        let declared = r.has("target_type");
        let problem = match (declared, target_type) {
            (Some(at), Some(kind)) => problem.also(at, format!("targets are of type {kind}")),
            _ => problem,
        };
        let hint = match (declared, ip.is_some(), function) {
            (None, true, _) => "say `target_type: ip`; AWS's default is instance",
            (None, _, true) => "say `target_type: lambda`; AWS's default is instance",
            _ => "AWS takes addresses, instance ids and function ARNs, no host names",
        };
        r.error(problem.hint(hint));
        return false;
    }
    if let Some(ip) = ip {
        address(r, written, ip, group.ip_address_type);
    }
    if written.zone.is_some() && (instance || function && written.zone.as_deref() != Some("all")) {
        let at = written.zone_at.unwrap_or(written.at);
        r.error(
            Problem::error(at, "`zone` is for targets by IP address")
                .label("remove it")
                .hint("AWS knows where an instance is"),
        );
    }
    true
}

fn address(r: &Reader<'_, '_>, written: &Written, ip: IpAddr, family: Option<AddressFamily>) {
    let wrong = match (ip, family) {
        (IpAddr::V4(_), Some(AddressFamily::Ipv6)) => Some("IPv6"),
        (IpAddr::V6(_), Some(AddressFamily::Ipv4)) => Some("IPv4"),
        (IpAddr::V6(_), None) if !r.existing() => Some("IPv4 unless `ip_address_type: ipv6` is said"),
        _ => None,
    };
    if let Some(wanted) = wrong {
        r.error(
            Problem::error(written.at, format!("`{ip}` is of the wrong address family"))
                .label(format!("this group's targets are {wanted}"))
                .hint("API CreateTargetGroup.IpAddressType: one family for each group"),
        );
    }
    if let IpAddr::V4(v4) = ip {
        if v4.is_loopback() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast() || v4.is_link_local() {
            r.error(
                Problem::error(written.at, format!("`{ip}` cannot be a target"))
                    .label("no load balancer can reach it")
                    .hint("use the address that the target has in the VPC"),
            );
        } else if !v4.is_private() && !shared(v4) {
            r.error(
                Problem::warning(written.at, format!("`{ip}` is a public address"))
                    .hint("AWS takes addresses of the VPC's subnets, RFC 1918 and 100.64.0.0/10 (API RegisterTargets)"),
            );
        }
    }
}

fn shared(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && (64..128).contains(&b)
}
