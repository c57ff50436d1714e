//! Security groups and what they let in and out.
//!
//! Source: API (EC2) `CreateSecurityGroup`, `AuthorizeSecurityGroupIngress`, `AuthorizeSecurityGroupEgress`

use ipnet::IpNet;

use super::super::names::{VPC, is_id, select};
use super::super::node::{Entry, Node};
use super::super::problem::Problem;
use super::super::reader::{Context, Reader, text_of};
use super::super::resolved::Part;
use super::super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field};
use crate::model::kind::{Direction, Peer, SecurityGroup, TrafficRule};
use crate::model::value::IpProtocol;
use crate::model::{Address, Id, Link, Selectable, Span};

const NAME: TextRule = TextRule { noun: "a security group's name", min: 1, max: 255, pattern: "^(?!sg-)", check: name };
const ID: TextRule = TextRule {
    noun: "a security group's id",
    min: 1,
    max: 64,
    pattern: "^sg-[0-9a-f]{8,}$",
    check: |text| {
        if is_id(text, "sg-") {
            return Ok(());
        }
        Err(Complaint::must("must be a security group's id").hint("it is written like `sg-0123456789abcdef0`"))
    },
};
const DESCRIPTION: TextRule = TextRule {
    noun: "a description",
    min: 1,
    max: 255,
    pattern: r"^[A-Za-z0-9. _:/()#,@\[\]+=&;{}!$*-]*$",
    check: charset,
};
const RULE_DESCRIPTION: TextRule = TextRule { min: 0, ..DESCRIPTION };
const PEER: TextRule = TextRule {
    noun: "a network, a security group, a prefix list or `self`",
    min: 1,
    max: 255,
    pattern: super::PEER,
    check: |_| Ok(()),
};
const PORTS: TextRule = TextRule {
    noun: "a range of ports such as \"8100-8110\"",
    min: 1,
    max: 11,
    pattern: "^[0-9]+(-[0-9]+)?$",
    check: range,
};

/// Protocols that have no ports.
const PORTLESS: &[&str] = &["icmp", "icmpv6", "all"];
const PORTS_FIELD: Field = field(
    "ports",
    "Ports or ranges of ports.",
    Shape::OneOrMany(&Shape::AnyOf(&[Shape::Number(0, 65535), Shape::Text(&PORTS)])),
)
.never_with("protocol", PORTLESS)
.needed_unless("protocol", PORTLESS)
.size(1, 1000)
.source("API (EC2) IpPermission");
const PROTOCOL: Field = field("protocol", "The transport protocol; tcp unless said.", Shape::Words(IpProtocol::WORDS));
const NOTE: Field = field("description", "A note on the rule.", Shape::Text(&RULE_DESCRIPTION));
const INGRESS: &[Field] = &[
    field(
        "from",
        "Who may come in: a CIDR, a group of these files, `sg-…`, `self`, or a prefix list `pl-…`.",
        Shape::OneOrMany(&Shape::Text(&PEER)),
    )
    .size(1, 1000)
    .required(),
    PORTS_FIELD,
    PROTOCOL,
    NOTE,
];
const INGRESS_RULE: MapRule = MapRule { noun: "an ingress rule", fields: INGRESS };
const EGRESS: &[Field] = &[
    field(
        "to",
        "Where traffic may go: a CIDR, a group of these files, `sg-…`, `self`, or a prefix list `pl-…`.",
        Shape::OneOrMany(&Shape::Text(&PEER)),
    )
    .size(1, 1000)
    .required(),
    PORTS_FIELD,
    PROTOCOL,
    NOTE,
];
const EGRESS_RULE: MapRule = MapRule { noun: "an egress rule", fields: EGRESS };

const FIELDS: &[Field] = &[
    super::EXISTING,
    field("id", "The id of an existing group.", Shape::Text(&ID)).here().example("sg-0123456789abcdef0"),
    field("name", "The group's name, if it differs from the key.", Shape::Text(&NAME))
        .default("the key")
        .replaces()
        .source("API (EC2) CreateSecurityGroup.GroupName"),
    field("vpc", "The VPC: its id, its Name tag, or { tags: {..} }.", VPC).replaces(),
    field("description", "What the group is for; cannot be changed later.", Shape::Text(&DESCRIPTION))
        .replaces()
        .source("API (EC2) CreateSecurityGroup.Description"),
    field(
        "ingress",
        "What may come in. Rules that the files do not mention are left alone.",
        Shape::OneOrMany(&Shape::Map(&INGRESS_RULE)),
    ),
    field(
        "egress",
        "What may go out. A new group lets everything out; rules that the files do not mention are left alone.",
        Shape::OneOrMany(&Shape::Map(&EGRESS_RULE)),
    )
    .source("API (EC2) AuthorizeSecurityGroupEgress"),
    field(
        "exclusive",
        "Directions in which rules that the files do not mention are removed.",
        Shape::OneOrMany(&Shape::Words(Part::OF_SECURITY_GROUP)),
    ),
    super::TAGS,
    super::accept::ACCEPT,
];
const RULE: MapRule = MapRule { noun: "a security group", fields: FIELDS };
/// `security_groups:`.
pub(super) const SECTION: NamedRule =
    NamedRule { noun: "a map of security groups", key: &super::super::names::KEY, value: Shape::Map(&RULE) };

fn charset(text: &str) -> Result<(), Complaint> {
    const ALLOWED: &str = "._-:/()#,@[]+=&;{}!$* ";
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || ALLOWED.contains(*c))) {
        None => Ok(()),
        Some(bad) => Err(Complaint::must(format!("must not hold `{bad}`"))
            .hint("AWS's limit: letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*")),
    }
}

fn name(text: &str) -> Result<(), Complaint> {
    if text.starts_with("sg-") {
        return Err(Complaint::must("must not begin with `sg-`").hint("that is how ids begin; give an id as `id:`"));
    }
    charset(text)
}

fn range(text: &str) -> Result<(), Complaint> {
    match parse_range(text) {
        Some((low, high)) if low <= high => Ok(()),
        Some((low, high)) => Err(Complaint::must("runs backwards").hint(format!("write \"{high}-{low}\""))),
        None => Err(Complaint::must("must be ports from 0 to 65535").hint("e.g. 8000 or \"8100-8110\"")),
    }
}

fn parse_range(text: &str) -> Option<(u16, u16)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
}

/// Reads one security group.
pub(super) fn read(cx: &Context<'_>, entry: &Entry) {
    let address = Address::security_group(&entry.key);
    let r = Reader::new(cx, &address, entry);
    super::accept::read(&r);
    let existing = r.existing();
    super::exclusive(&r);
    if existing {
        if !r.broken() && r.has("id").is_none() && r.has("vpc").is_none() {
            r.error(
                Problem::error(
                    r.at,
                    format!("the existing security group `{}` cannot be found by its name alone", address.name),
                )
                .label("`id` or `vpc` is missing")
                .hint("names are unique within a VPC only"),
            );
        }
    } else {
        super::forbid(
            &r,
            "id",
            "`id` goes with `existing: true`",
            "a group that is created gets its id from AWS",
            None,
        );
        r.needs("vpc", "security group", "a group is created in one VPC: name it by id, Name tag or tags");
        r.needs("description", "security group", "AWS wants one when a group is created, and never lets it change");
    }
    if let Some(id) = r.text("id") {
        cx.out.borrow_mut().pinned.insert(address.clone(), Id(id));
    }
    let spec = SecurityGroup {
        name: super::aws_name(&r, &NAME),
        vpc: r.node("vpc").and_then(|n| select(n, Selectable::Vpc)),
        description: r.text("description"),
        ingress: r.items("ingress").map(|items| rules(&r, Direction::Ingress, items)),
        egress: r.items("egress").map(|items| rules(&r, Direction::Egress, items)),
        tags: r.tags(existing),
    };
    cx.add(&address, r.at, spec);
}

/// One rule for each port or range and each peer.
fn rules(r: &Reader<'_, '_>, direction: Direction, items: &[Node]) -> Vec<TrafficRule> {
    let (key, passed) = match direction {
        Direction::Ingress => ("from", "in"),
        Direction::Egress => ("to", "out"),
    };
    let mut rules: Vec<(TrafficRule, Span)> = Vec::new();
    for item in items {
        let item = r.item(item);
        let protocol = item_word(&item).unwrap_or(IpProtocol::Tcp);
        let description = find_text(&item, "description");
        let ports = ports(&item, direction, protocol);
        let peers = item.entries().iter().find(|e| &*e.key == key);
        if let Some(entry) = peers.filter(|entry| entry.value.items().is_empty()) {
            let hint = "name who it is for, or remove the rule: as it stands it lets nobody through";
            r.error(Problem::error(entry.value.span, format!("`{key}` must not be empty")).hint(hint));
        }
        for node in peers.into_iter().flat_map(|e| e.value.items()) {
            let Some(peer) = peer(r, node) else { continue };
            for (ports, port_at) in &ports {
                let rule =
                    TrafficRule { protocol, ports: *ports, peer: peer.clone(), description: description.clone() };
                let same = |(have, _): &&(TrafficRule, Span)| {
                    (have.protocol, have.ports, &have.peer) == (rule.protocol, rule.ports, &rule.peer)
                };
                match rules.iter().find(same) {
                    Some((_, before)) => r.error(
                        Problem::warning(*port_at, format!("`{rule}` is let {passed} twice"))
                            .label("said again here")
                            .also(*before, "first said here")
                            .hint("keep one of the two"),
                    ),
                    None => rules.push((rule, *port_at)),
                }
            }
        }
    }
    rules.into_iter().map(|(rule, _)| rule).collect()
}

fn find_text(item: &Reader<'_, '_>, key: &str) -> Option<String> {
    let entry = item.entries().iter().find(|e| &*e.key == key)?;
    text_of(&entry.value).map(str::to_owned)
}

fn item_word(item: &Reader<'_, '_>) -> Option<IpProtocol> {
    find_text(item, "protocol").and_then(|t| t.parse().ok())
}

/// Ranges with their places; `None` is every port.
fn ports(item: &Reader<'_, '_>, direction: Direction, protocol: IpProtocol) -> Vec<(Option<(u16, u16)>, Span)> {
    let Some(entry) = item.entries().iter().find(|e| &*e.key == "ports") else {
        if matches!(protocol, IpProtocol::Tcp | IpProtocol::Udp) && !item.broken() {
            item.error(
                Problem::error(item.at, format!("an {} rule needs `ports`", direction.key()))
                    .label("`ports` is missing")
                    .hint("e.g. ports: [8000]; \"0-65535\" for every port"),
            );
        }
        return vec![(None, item.at)];
    };
    if !matches!(protocol, IpProtocol::Tcp | IpProtocol::Udp) {
        item.error(
            Problem::error(entry.key_span, format!("`ports` does not go with `protocol: {protocol}`"))
                .label("remove it")
                .hint("only tcp and udp have ports"),
        );
        return vec![(None, entry.key_span)];
    }
    let items = entry.value.items();
    if items.is_empty() {
        item.error(Problem::error(entry.value.span, "`ports` must not be empty").hint("e.g. ports: [8000]"));
    }
    items.iter().filter_map(|n| Some((Some(n.text().and_then(parse_range)?), n.span))).collect()
}

fn peer(r: &Reader<'_, '_>, node: &Node) -> Option<Peer> {
    let text = text_of(node)?;
    if text == "self" {
        return Some(Peer::Group(Link::Address(r.address.clone())));
    }
    if text.starts_with("pl-") && is_id(text, "pl-") {
        return Some(Peer::PrefixList(text.to_owned()));
    }
    if text.contains('/') {
        return network(r, node, text).map(Peer::Cidr);
    }
    if let Ok(ip) = text.parse::<std::net::IpAddr>() {
        let bits = if ip.is_ipv4() { 32 } else { 128 };
        r.error(
            Problem::error(node.span, format!("`{text}` is an address, not a network"))
                .label("a prefix length is missing")
                .hint(format!("write {text}/{bits} for this address alone")),
        );
        return None;
    }
    r.cx.names.declared_security_group(text, node.span, r.cx.found).map(Peer::Group)
}

/// A network with its host bits cleared, as AWS stores it.
fn network(r: &Reader<'_, '_>, node: &Node, text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(net) => {
            let canonical = net.trunc();
            if canonical != net {
                r.error(
                    Problem::warning(node.span, format!("`{text}` has host bits set"))
                        .label(format!("AWS stores {canonical}"))
                        .hint(format!("write {canonical}")),
                );
            }
            Some(canonical)
        }
        Err(_) => {
            r.error(
                Problem::error(node.span, format!("`{text}` is not a network"))
                    .label("neither IPv4 nor IPv6 in CIDR form")
                    .hint("e.g. 10.0.0.0/8 or 2001:db8::/32"),
            );
            None
        }
    }
}
