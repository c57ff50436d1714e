//! Application Load Balancers.
//!
//! Source: API `CreateLoadBalancer`, `LoadBalancerAttribute`

use std::collections::{BTreeMap, BTreeSet};

use super::super::names::{ONE, VPC, select};
use super::super::node::Entry;
use super::super::problem::Problem;
use super::super::reader::{Attributes, Context, Reader};
use super::super::resolved::Part;
use super::super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field};
use super::{authenticate, listener};
use crate::model::attribute::LOAD_BALANCER;
use crate::model::kind::{IpamPool, LoadBalancer};
use crate::model::value::{IpAddressType, Scheme};
use crate::model::{Address, Link, Selectable};

const PORT: TextRule = TextRule {
    noun: "a port",
    min: 1,
    max: 5,
    pattern: "^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$",
    check: |text| match text.parse::<u16>() {
        Ok(port) if port > 0 && !text.starts_with(['0', '+']) => Ok(()),
        Ok(port) if port > 0 => {
            Err(Complaint::must("is not written as AWS writes ports").hint(format!("write {port}:")))
        }
        _ => Err(Complaint::must("is not a port from 1 to 65535").hint("listeners are keyed by their port, e.g. 443:")),
    },
};
const LISTENERS: NamedRule =
    NamedRule { noun: "a map of listeners by port", key: &PORT, value: Shape::Map(&listener::RULE) };

const UNDECLARED: &[&str] = &["report", "reset"];
/// What the API's type holds.
const MOST_UNITS: u32 = i32::MAX.unsigned_abs();
/// The user guide's smallest reservation.
const FEWEST_UNITS: u32 = 100;
const IPAM_POOL: TextRule = TextRule {
    noun: "the id of an IPAM pool",
    min: 1,
    max: 1000,
    pattern: "^ipam-pool-[a-zA-Z0-9]+$",
    check: |text| pool(text, "ipam-pool-", "`aws ec2 describe-ipam-pools` lists them: ipam-pool-0123456789abcdef0"),
};
const COIP_POOL: TextRule = TextRule {
    noun: "the id of a pool of customer-owned addresses",
    min: 1,
    max: 256,
    pattern: "^ipv4pool-coip-[a-zA-Z0-9]+$",
    check: |text| pool(text, "ipv4pool-coip-", "`aws ec2 describe-coip-pools` lists them: ipv4pool-coip-0123456789"),
};

fn pool(text: &str, prefix: &str, hint: &str) -> Result<(), Complaint> {
    match text.strip_prefix(prefix) {
        Some(rest) if !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric()) => Ok(()),
        _ => Err(Complaint::must(format!("must begin with `{prefix}`")).hint(hint)),
    }
}

const FIELDS: &[Field] = &[
    super::EXISTING,
    field("name", "The name on AWS, if it differs from the key.", Shape::Text(&super::LOAD_BALANCER_NAME))
        .default("the key")
        .replaces()
        .source("API CreateLoadBalancer.Name"),
    field("scheme", "Whether it has public addresses; cannot be changed later.", Shape::Words(Scheme::WORDS))
        .default("internet-facing")
        .replaces()
        .source("API CreateLoadBalancer.Scheme"),
    field("ip_address_type", "Its address families.", Shape::Words(IpAddressType::WORDS))
        .default("ipv4")
        .source("API SetIpAddressType"),
    field("vpc", "The VPC, only to narrow subnets chosen by tags.", VPC).here(),
    field(
        "subnets",
        "Its subnets, one for each zone and at least two: ids, Name tags, or { tags: {..} }.",
        Shape::OneOrMany(&ONE),
    )
    .unique()
    .example("[{ tags: { tier: public } }]")
    .source("API CreateLoadBalancer.Subnets"),
    field(
        "security_groups",
        "Its security groups: of these files, by id, by Name tag, or { tags: {..} }.",
        Shape::OneOrMany(&ONE),
    )
    .size(1, 1000)
    .example("[alb]")
    .source("API SetSecurityGroups"),
    field(
        "ipam_pool",
        "The IPAM pool that public IPv4 addresses are taken from first, `ipam-pool-…`; `none` for Amazon's own.",
        Shape::AnyOf(&[Shape::Words(&["none"]), Shape::Text(&IPAM_POOL)]),
    )
    .default("none")
    .example("ipam-pool-0123456789abcdef0")
    .source("API IpamPools.Ipv4IpamPoolId"),
    field(
        "customer_owned_ipv4_pool",
        "The pool of customer-owned addresses on an Outpost; cannot be changed later.",
        Shape::Text(&COIP_POOL),
    )
    .replaces()
    .example("ipv4pool-coip-0123456789")
    .source("API CreateLoadBalancer.CustomerOwnedIpv4Pool"),
    field(
        "minimum_capacity",
        "Reserved capacity in capacity units (LCU); 0 for none. AWS provides it within minutes or hours: what was asked for is compared.",
        Shape::Number(0, MOST_UNITS),
    )
    .default("0")
    .source("API MinimumLoadBalancerCapacity.CapacityUnits"),
    field("idle_timeout", "How long it keeps a silent connection open.", Shape::Seconds(1, 4000))
        .default("60s")
        .source("API LoadBalancerAttribute idle_timeout.timeout_seconds"),
    field("client_keep_alive", "How long a client may keep its connection.", Shape::Seconds(60, 604_800))
        .default("1h")
        .source("API LoadBalancerAttribute client_keep_alive.seconds"),
    field(
        "drop_invalid_header_fields",
        "Whether malformed headers are dropped before the target sees them.",
        Shape::Bool,
    )
    .default("false")
    .source("API LoadBalancerAttribute routing.http.drop_invalid_header_fields.enabled"),
    field("attributes", "Any other attribute, by AWS's own key.", Shape::Attributes(LOAD_BALANCER)),
    field(
        "undeclared",
        "What happens to settings of it and its listeners that the files do not mention: they are reported, or reset to AWS's default. Deletion protection, logs, zonal shift and tags are never reset.",
        Shape::Words(UNDECLARED),
    ),
    field(
        "exclusive",
        "What is removed under it if the files do not mention it; what another stack or tool owns stays.",
        Shape::OneOrMany(&Shape::Words(Part::OF_LOAD_BALANCER)),
    ),
    field("listeners", "Its listeners by port.", Shape::Named(&LISTENERS)),
    super::TAGS,
    super::accept::ACCEPT,
];
const RULE: MapRule = MapRule { noun: "a load balancer", fields: FIELDS };
/// `load_balancers:`.
pub(super) const SECTION: NamedRule =
    NamedRule { noun: "a map of load balancers", key: &super::super::names::KEY, value: Shape::Map(&RULE) };

/// Reads one load balancer with its listeners and rules.
pub(super) fn read(cx: &Context<'_>, entry: &Entry) {
    let address = Address::load_balancer(&entry.key);
    let r = Reader::new(cx, &address, entry);
    super::accept::read(&r);
    let existing = r.existing();
    super::exclusive(&r);
    if r.text("undeclared").as_deref() == Some("reset") {
        cx.out.borrow_mut().reset.insert(address.clone());
    }
    let subnets = subnets(&r, existing);
    if let Some(vpc) = r.node("vpc").and_then(|n| select(n, Selectable::Vpc)) {
        cx.out.borrow_mut().within.insert(address.clone(), vpc);
    }
    let spec = LoadBalancer {
        name: super::aws_name(&r, &super::LOAD_BALANCER_NAME),
        scheme: r.word("scheme"),
        ip_address_type: r.word("ip_address_type"),
        subnets,
        security_groups: security_groups(&r),
        ipam_pool: r.text("ipam_pool").map(IpamPool::from),
        customer_owned_ipv4_pool: r.text("customer_owned_ipv4_pool"),
        minimum_capacity: r.number("minimum_capacity"),
        attributes: attributes(&r),
        tags: r.tags(existing),
    };
    if spec.scheme == Some(Scheme::Internal) && spec.ip_address_type == Some(IpAddressType::Dualstack) {
        r.error(
            Problem::warning(r.value_span("ip_address_type"), "AWS may refuse an internal load balancer with IPv6")
                .label("its API says that internal ones are `ipv4`")
                .hint("API CreateLoadBalancer.IpAddressType; other pages of AWS speak of internal ones with IPv6"),
        );
    }
    if spec.scheme == Some(Scheme::Internal) && spec.ip_address_type == Some(IpAddressType::DualstackWithoutPublicIpv4)
    {
        r.error(
            Problem::warning(
                r.value_span("ip_address_type"),
                "an internal load balancer has no public addresses to leave out",
            )
            .hint("ipv4 or dualstack"),
        );
    }
    addresses_and_capacity(&r, &spec);
    cx.add(&address, r.at, spec);
    for entry in r.sub("listeners").iter().flat_map(Reader::entries) {
        listener::read(&r, entry);
    }
    if r.word("ip_address_type") == Some(IpAddressType::DualstackWithoutPublicIpv4) {
        authenticate::reachable(&r);
    }
}

fn addresses_and_capacity(r: &Reader<'_, '_>, spec: &LoadBalancer) {
    if let (Some(Scheme::Internal), Some(IpamPool::Pool(_))) = (spec.scheme, &spec.ipam_pool) {
        r.error(
            Problem::warning(r.value_span("ipam_pool"), "an internal load balancer has no public addresses")
                .also(r.value_span("scheme"), "it is internal")
                .hint("IPAM pools give public IPv4 addresses"),
        );
    }
    if spec.minimum_capacity.is_some_and(|units| (1..FEWEST_UNITS).contains(&units)) {
        r.error(
            Problem::warning(r.value_span("minimum_capacity"), "AWS may refuse to reserve fewer than 100 units")
                .hint("user guide \"Capacity reservations\"; 0 takes a reservation back"),
        );
    }
}

fn subnets(r: &Reader<'_, '_>, existing: bool) -> Option<BTreeSet<Link>> {
    if !existing {
        r.needs("subnets", "load balancer", "at least two subnets in two zones, by id, by Name tag or by tags");
    }
    let items = r.items("subnets")?;
    let mut links = BTreeSet::new();
    for node in items {
        let Some(link) = select(node, Selectable::Subnet) else { continue };
        if !links.insert(link.clone()) {
            r.error(
                Problem::error(node.span, format!("`{link}` is here twice"))
                    .label("said again")
                    .hint("one subnet for each zone"),
            );
        }
    }
    let by_id = links.iter().all(|l| l.id().is_some()) && links.len() == items.len();
    // an Outpost is one zone
    if by_id && links.len() < 2 && r.has("customer_owned_ipv4_pool").is_none() {
        r.error(
            Problem::error(r.value_span("subnets"), "a load balancer needs subnets in at least two zones")
                .label(if links.is_empty() { "none here" } else { "only one here" })
                .hint("AWS's limit: API CreateLoadBalancer.Subnets"),
        );
    }
    Some(links)
}

fn security_groups(r: &Reader<'_, '_>) -> Option<BTreeSet<Link>> {
    let items = r.items("security_groups")?;
    let mut links = BTreeSet::new();
    for node in items {
        let Some(link) = r.cx.names.security_group(node, r.cx.found) else { continue };
        if !links.insert(link.clone()) {
            r.error(Problem::warning(node.span, format!("`{link}` is here twice")).label("said again"));
        }
    }
    if items.is_empty() {
        r.error(
            Problem::error(r.value_span("security_groups"), "a load balancer needs at least one security group")
                .label("none here")
                .hint("AWS replaces the whole set, and an Application Load Balancer cannot be without one; leave the key out to leave the set alone"),
        );
    } else if links.len() > 5 {
        r.error(
            Problem::warning(
                r.value_span("security_groups"),
                format!("{} security groups are more than AWS's default quota of 5", links.len()),
            )
            .hint("the quota is for each network interface"),
        );
    }
    Some(links)
}

fn attributes(r: &Reader<'_, '_>) -> BTreeMap<String, String> {
    let mut all = Attributes::default();
    all.set("idle_timeout.timeout_seconds", r.seconds("idle_timeout"), "idle_timeout", r.has("idle_timeout"));
    all.set(
        "client_keep_alive.seconds",
        r.seconds("client_keep_alive"),
        "client_keep_alive",
        r.has("client_keep_alive"),
    );
    let drop = "drop_invalid_header_fields";
    all.set("routing.http.drop_invalid_header_fields.enabled", r.bool(drop), drop, r.has(drop));
    all.verbatim(r, LOAD_BALANCER);
    for log in ["access_logs", "connection_logs", "health_check_logs"] {
        let (enabled, bucket) = (format!("{log}.s3.enabled"), format!("{log}.s3.bucket"));
        let off = all.values.get(&bucket).is_none_or(String::is_empty);
        if all.values.get(&enabled).is_some_and(|v| v == "true")
            && off
            && !r.existing()
            && let Some(at) = all.span(&enabled)
        {
            r.error(
                Problem::error(at, format!("`{enabled}` needs `{bucket}`"))
                    .label("where do the logs go?")
                    .hint("a bucket in the same region whose policy lets load balancers write"),
            );
        }
    }
    all.values
}
