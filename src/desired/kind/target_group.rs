//! Target groups: what the load balancer speaks to whom, and how it checks their health.
//!
//! Source: API `CreateTargetGroup`, `ModifyTargetGroupAttributes`

use super::super::Backend;
use super::super::names::{VPC, select};
use super::super::node::Entry;
use super::super::problem::Problem;
use super::super::reader::{Attributes, Context, Reader};
use super::super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field};
use super::{health_check, target};
use crate::model::attribute::{Applies, Attribute, TARGET_GROUP};
use crate::model::kind::TargetGroup;
use crate::model::value::{AddressFamily, Protocol, ProtocolVersion, TargetType};
use crate::model::{Address, Selectable};

const COOKIE: TextRule = TextRule {
    noun: "a cookie's name",
    min: 1,
    max: 256,
    pattern: "^(?!AWSALB)",
    check: |text| {
        if text.starts_with("AWSALB") {
            return Err(Complaint::must("must not begin with `AWSALB`")
                .hint("AWS keeps AWSALB, AWSALBAPP and AWSALBTG for itself"));
        }
        Ok(())
    },
};
const SERVER: TextRule = TextRule::any("a server's name, such as `gunicorn`", 1, 64);
const BIND: TextRule = TextRule {
    noun: "an address to listen on, such as `0.0.0.0:8000`",
    min: 1,
    max: 256,
    pattern: ":[0-9]+$",
    check: |text| match text.rsplit_once(':').map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(port)) if port > 0 => Ok(()),
        _ => Err(Complaint::must("must be an address and a port").hint("e.g. 0.0.0.0:8000")),
    },
};

const STICKINESS: &[Field] = &[
    field(
        "type",
        "The load balancer's own cookie, or one of the application.",
        Shape::Words(&["lb_cookie", "app_cookie"]),
    )
    .required(),
    field("duration", "How long a client stays with its target.", Shape::Seconds(1, 604_800))
        .default("24h")
        .source("API TargetGroupAttribute stickiness.lb_cookie.duration_seconds"),
    field("cookie_name", "The application's cookie, with `type: app_cookie`.", Shape::Text(&COOKIE))
        .never_with("type", &["lb_cookie"])
        .source("API TargetGroupAttribute stickiness.app_cookie.cookie_name"),
];
const STICKINESS_RULE: MapRule = MapRule { noun: "a stickiness map", fields: STICKINESS };

const BACKEND: &[Field] = &[
    field("server", "gunicorn, nginx, uvicorn, …", Shape::Text(&SERVER)).here().example("gunicorn"),
    field("keep_alive", "How long it keeps an idle connection open.", Shape::Seconds(0, 86_400)).here().example("75s"),
    field("slowest_request", "How long its slowest request takes.", Shape::Seconds(0, 86_400)).here().example("20s"),
    field("stop_grace", "How long it may take to stop.", Shape::Seconds(0, 86_400)).here().example("60s"),
    field("read_timeout", "How long it waits for the rest of a request.", Shape::Seconds(0, 86_400))
        .here()
        .example("75s"),
    field(
        "proxy_keep_alive",
        "How long a proxy there keeps idle connections to its application.",
        Shape::Seconds(0, 86_400),
    )
    .here()
    .example("60s"),
    field("inner_keep_alive", "How long that application keeps them open.", Shape::Seconds(0, 86_400))
        .here()
        .example("75s"),
    field("bind", "The address it listens on.", Shape::Text(&BIND)).here().example("0.0.0.0:8000"),
];
const BACKEND_RULE: MapRule = MapRule { noun: "what is known of a back end", fields: BACKEND };

const LAMBDA: &[&str] = &["lambda"];

const FIELDS: &[Field] = &[
    super::EXISTING,
    field("name", "The group's name on AWS, if it differs from the key.", Shape::Text(&super::TARGET_GROUP_NAME))
        .default("the key")
        .replaces()
        .source("API CreateTargetGroup.Name"),
    field("target_type", "What the targets are.", Shape::Words(TargetType::WORDS))
        .default("instance")
        .replaces()
        .source("API CreateTargetGroup.TargetType"),
    field("protocol", "What the load balancer speaks to the targets.", Shape::Words(Protocol::WORDS))
        .replaces()
        .never_with("target_type", LAMBDA)
        .source("API CreateTargetGroup.Protocol"),
    field("protocol_version", "Which HTTP version it speaks; http1 unless said.", Shape::Words(ProtocolVersion::WORDS))
        .default("http1")
        .replaces()
        .never_with("target_type", LAMBDA)
        .source("API CreateTargetGroup.ProtocolVersion"),
    field("port", "The port of targets that name none.", Shape::Number(1, 65535))
        .replaces()
        .never_with("target_type", LAMBDA)
        .example("8000")
        .source("API CreateTargetGroup.Port"),
    field("vpc", "The VPC: its id, its Name tag, or { tags: {..} }.", VPC)
        .replaces()
        .never_with("target_type", LAMBDA)
        .source("API CreateTargetGroup.VpcId"),
    field("ip_address_type", "The targets' address family.", Shape::Words(AddressFamily::WORDS))
        .default("ipv4")
        .replaces()
        .never_with("target_type", LAMBDA)
        .source("API CreateTargetGroup.IpAddressType"),
    field(
        "target_control_port",
        "Where agents beside the targets say how much they take (target optimizer); cannot be changed later.",
        Shape::Number(1, 65535),
    )
    .replaces()
    .never_with("target_type", LAMBDA)
    .example("3000")
    .source("API CreateTargetGroup.TargetControlPort"),
    field("health_check", "How the load balancer finds out which targets work.", Shape::Map(&health_check::RULE)),
    field(
        "deregistration_delay",
        "How long requests in flight may go on when a target leaves.",
        Shape::Seconds(0, 3600),
    )
    .default("5m")
    .example("30s")
    .never_with("target_type", LAMBDA)
    .source("API TargetGroupAttribute deregistration_delay.timeout_seconds"),
    field("slow_start", "How long a new target gets less than its share; 0s is off.", Shape::ZeroOrSeconds(30, 900))
        .default("0s")
        .never_with("target_type", LAMBDA)
        .source("API TargetGroupAttribute slow_start.duration_seconds"),
    field(
        "algorithm",
        "How a target is chosen.",
        Shape::Words(&["round_robin", "least_outstanding_requests", "weighted_random"]),
    )
    .default("round_robin")
    .never_with("target_type", LAMBDA)
    .source("API TargetGroupAttribute load_balancing.algorithm.type"),
    field(
        "stickiness",
        "Whether a client stays with its target.",
        Shape::AnyOf(&[Shape::Words(&["disabled"]), Shape::Map(&STICKINESS_RULE)]),
    )
    .default("disabled")
    .example("{ type: lb_cookie, duration: 1h }")
    .never_with("target_type", LAMBDA)
    .source("API TargetGroupAttribute stickiness.enabled"),
    field("attributes", "Any other attribute, by AWS's own key.", Shape::Attributes(TARGET_GROUP)),
    field(
        "targets",
        "Exactly these are registered; without this key, membership is somebody else's.",
        Shape::List(&target::ENTRY),
    )
    .unique()
    .example("[\"10.0.1.10\", \"10.0.2.10:8001\"]")
    .source("API RegisterTargets"),
    field("backend", "What is known of the application, for rules and probes.", Shape::Map(&BACKEND_RULE)).here(),
    super::TAGS,
    super::accept::ACCEPT,
];
const RULE: MapRule = MapRule { noun: "a target group", fields: FIELDS };
/// `target_groups:`.
pub(super) const SECTION: NamedRule =
    NamedRule { noun: "a map of target groups", key: &super::super::names::KEY, value: Shape::Map(&RULE) };

/// Reads one target group and its targets.
pub(super) fn read(cx: &Context<'_>, entry: &Entry) {
    let address = Address::target_group(&entry.key);
    let r = Reader::new(cx, &address, entry);
    super::accept::read(&r);
    let existing = r.existing();
    let target_type: Option<TargetType> = r.word("target_type").or_else(|| {
        // AWS's own default; an existing group is what it is
        (!existing && r.has("target_type").is_none()).then_some(TargetType::Instance)
    });
    let version: Option<ProtocolVersion> = r.word("protocol_version");
    let of = health_check::Group { target_type, version, existing };
    let spec = TargetGroup {
        name: super::aws_name(&r, &super::TARGET_GROUP_NAME),
        target_type: r.word("target_type"),
        protocol: r.word("protocol"),
        protocol_version: version,
        port: r.word("port"),
        vpc: r.node("vpc").and_then(|n| select(n, Selectable::Vpc)),
        ip_address_type: r.word("ip_address_type"),
        target_control_port: r.word("target_control_port"),
        health_check: health_check::read(&r, &of),
        attributes: attributes(&r, target_type),
        tags: r.tags(existing),
    };
    needs(&r, &spec, existing);
    backend(&r);
    target::read(&r, &spec, target_type);
    cx.add(&address, r.at, spec);
}

fn needs(r: &Reader<'_, '_>, spec: &TargetGroup, existing: bool) {
    if spec.target_type == Some(TargetType::Lambda) {
        let because = r.has("target_type").map(|at| (at, "the target is a function"));
        for key in ["protocol", "protocol_version", "port", "vpc", "ip_address_type", "target_control_port"] {
            super::forbid(r, key, &format!("`{key}` does not go with a Lambda function"), "remove it", because);
        }
    } else if !existing && (r.has("target_type").is_none() || spec.target_type.is_some()) {
        r.needs("protocol", "target group", "what the targets speak: http or https; AWS never lets it change");
        r.needs("port", "target group", "the port of targets that name none; AWS never lets it change");
        r.needs(
            "vpc",
            "target group",
            "the VPC of the targets: its id, its Name tag or tags; AWS never lets it change",
        );
    }
    if spec.name.contains("--") {
        r.error(Problem::warning(r.at, format!("AWS may refuse the name `{}`", spec.name)).label("two `-` in a row"));
    }
}

fn backend(r: &Reader<'_, '_>) {
    let Some(b) = r.sub("backend") else { return };
    let backend = Backend {
        server: b.text("server"),
        keep_alive: b.seconds("keep_alive"),
        slowest_request: b.seconds("slowest_request"),
        stop_grace: b.seconds("stop_grace"),
        read_timeout: b.seconds("read_timeout"),
        proxy_keep_alive: b.seconds("proxy_keep_alive"),
        inner_keep_alive: b.seconds("inner_keep_alive"),
        bind: b.text("bind"),
    };
    r.cx.out.borrow_mut().backends.insert(r.address.clone(), backend);
}

fn attributes(r: &Reader<'_, '_>, target_type: Option<TargetType>) -> std::collections::BTreeMap<String, String> {
    let mut all = Attributes::default();
    let delay = r.seconds("deregistration_delay");
    all.set("deregistration_delay.timeout_seconds", delay, "deregistration_delay", r.has("deregistration_delay"));
    all.set("slow_start.duration_seconds", r.seconds("slow_start"), "slow_start", r.has("slow_start"));
    all.set("load_balancing.algorithm.type", r.text("algorithm"), "algorithm", r.has("algorithm"));
    stickiness(r, &mut all);
    all.verbatim(r, TARGET_GROUP);
    applicable(r, &all, target_type);
    contradictions(r, &all);
    all.values
}

fn stickiness(r: &Reader<'_, '_>, all: &mut Attributes) {
    let Some(entry) = r.entry("stickiness") else { return };
    let at = Some(entry.key_span);
    if entry.value.text() == Some("disabled") {
        all.set("stickiness.enabled", Some(false), "stickiness", at);
        return;
    }
    let Some(s) = r.sub("stickiness") else { return };
    all.set("stickiness.enabled", Some(true), "stickiness", at);
    let kind = s.text("type");
    all.set("stickiness.type", kind.clone(), "stickiness.type", s.has("type"));
    let app = kind.as_deref() == Some("app_cookie");
    let duration = if app { "stickiness.app_cookie.duration_seconds" } else { "stickiness.lb_cookie.duration_seconds" };
    all.set(duration, s.seconds("duration"), "stickiness.duration", s.has("duration"));
    all.set("stickiness.app_cookie.cookie_name", s.text("cookie_name"), "stickiness.cookie_name", s.has("cookie_name"));
    if app && s.has("cookie_name").is_none() && !r.existing() {
        s.error(
            Problem::warning(s.value_span("type"), "`app_cookie` needs `cookie_name`")
                .label("which cookie is it?")
                .hint("name the cookie that the application sets"),
        );
    }
    if kind.as_deref() == Some("lb_cookie")
        && let Some(at) = s.has("cookie_name")
    {
        s.error(
            Problem::error(at, "`cookie_name` goes with `type: app_cookie`")
                .label("remove it")
                .also(s.value_span("type"), "the load balancer's own cookie is called AWSALB"),
        );
    }
}

/// Attributes that the kind of target does not have.
fn applicable(r: &Reader<'_, '_>, all: &Attributes, target_type: Option<TargetType>) {
    let Some(target_type) = target_type else { return };
    for key in all.values.keys() {
        let Some(attribute) = Attribute::find(TARGET_GROUP, key) else { continue };
        let wrong = match attribute.applies {
            Applies::InstanceOrIp => target_type == TargetType::Lambda,
            Applies::Lambda => target_type != TargetType::Lambda,
            Applies::All | Applies::HttpsListener | Applies::Fixed => false,
        };
        if wrong && let Some(at) = all.span(key) {
            let name = attribute.shorthand.map_or(attribute.key, |s| s.split('.').next().unwrap_or(s));
            let problem = Problem::error(at, format!("`{name}` does not go with targets of type {target_type}"))
                .label("remove it");
            r.error(match r.has("target_type") {
                Some(place) => problem.also(place, "the targets' type"),
                None => problem,
            });
        }
    }
}

/// DNS gives a zone up no later than routing does (user guide "Target group health"; unconfirmed).
fn thresholds(r: &Reader<'_, '_>, all: &Attributes) {
    for unit in ["count", "percentage"] {
        let [dns, routing] = ["dns_failover", "unhealthy_state_routing"]
            .map(|what| format!("target_group_health.{what}.minimum_healthy_targets.{unit}"));
        let number = |key: &str| all.values.get(key).and_then(|v| v.parse::<u32>().ok());
        if let (Some(low), Some(high)) = (number(&dns), number(&routing))
            && low < high
            && let (Some(at), Some(also)) = (all.span(&dns), all.span(&routing))
        {
            r.error(
                Problem::warning(
                    at,
                    format!("the threshold of DNS fail-over is below that of routing: {low} < {high}"),
                )
                .label("AWS may refuse this")
                .also(also, "must not be the higher one")
                .hint("user guide \"Target group health\": DNS fail-over's threshold is at least routing's"),
            );
        }
    }
}

/// Attributes that exclude each other (API: `TargetGroupAttribute`).
fn contradictions(r: &Reader<'_, '_>, all: &Attributes) {
    let get = |key: &str| all.values.get(key).map(String::as_str);
    let (algorithm, slow) = ("load_balancing.algorithm.type", "slow_start.duration_seconds");
    let slow_on = get(slow).is_some_and(|v| v != "0");
    if let Some(word @ ("least_outstanding_requests" | "weighted_random")) = get(algorithm)
        && slow_on
        && let (Some(at), Some(also)) = (all.span(slow), all.span(algorithm))
    {
        r.error(
            Problem::error(at, format!("`slow_start` does not go with `algorithm: {word}`"))
                .label("must be 0s")
                .also(also, "the algorithm")
                .hint("AWS: slow start works with round_robin only"),
        );
    }
    let mitigation = "load_balancing.algorithm.anomaly_mitigation";
    if get(mitigation) == Some("on")
        && get(algorithm).is_some_and(|a| a != "weighted_random")
        && let (Some(at), Some(also)) = (all.span(mitigation), all.span(algorithm))
    {
        r.error(
            Problem::error(at, "anomaly mitigation goes with `algorithm: weighted_random` only")
                .also(also, "the algorithm"),
        );
    }
    if get(mitigation) == Some("on")
        && get(algorithm).is_none()
        && r.has("algorithm").is_none()
        && !r.existing()
        && let Some(at) = all.span(mitigation)
    {
        r.error(
            Problem::error(at, "anomaly mitigation goes with `algorithm: weighted_random` only")
                .label("the algorithm is round_robin, AWS's default")
                .hint("declare `algorithm: weighted_random` as well"),
        );
    }
    thresholds(r, all);
    if get("stickiness.enabled") == Some("true")
        && get(algorithm) == Some("weighted_random")
        && let (Some(at), Some(also)) = (all.span("stickiness.enabled"), all.span(algorithm))
    {
        r.error(
            Problem::warning(at, "AWS may refuse stickiness with `algorithm: weighted_random`")
                .also(also, "the algorithm"),
        );
    }
}
