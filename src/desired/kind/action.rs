//! Actions: forward, redirect, fixed response.
//!
//! Source: API `Action`, `RedirectActionConfig`, `FixedResponseActionConfig`

use std::collections::BTreeMap;

use super::super::node::Node;
use super::super::problem::Problem;
use super::super::reader::{Reader, text_of};
use super::super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field, parse_seconds};
use super::authenticate::AUTHENTICATE;
use crate::model::kind::{Action, FixedResponse, Forward, Redirect};
use crate::model::value::Protocol;
use crate::model::{Link, Span};

const GROUP: TextRule = TextRule::any("a target group of these files, or an ARN", 1, 2048);
const TO: NamedRule =
    NamedRule { noun: "a map from target groups to weights", key: &GROUP, value: Shape::Number(0, 999) };
const FORWARD_FIELDS: &[Field] = &[
    field("to", "Target groups and their weights, 0 to 999.", Shape::AnyOf(&[Shape::Text(&GROUP), Shape::Named(&TO)]))
        .source("API TargetGroupTuple.Weight")
        .size(1, 5)
        .required(),
    field(
        "stickiness",
        "How long a client stays with its group.",
        Shape::AnyOf(&[Shape::Words(&["disabled"]), Shape::Seconds(1, 604_800)]),
    )
    .source("API TargetGroupStickinessConfig.DurationSeconds"),
    field(
        "weights",
        "`external`: a deployer shifts the weights; new groups begin with the declared ones.",
        Shape::Words(&["external"]),
    ),
];
const FORWARD_RULE: MapRule = MapRule { noun: "a forward", fields: FORWARD_FIELDS };

const REDIRECT_HOST: TextRule = TextRule::any("a host, or `#{host}`", 1, 128);
const REDIRECT_PATH: TextRule = TextRule {
    noun: "a path, which may hold `#{path}`",
    min: 1,
    max: 128,
    pattern: "^/",
    check: |text| {
        if text.starts_with('/') {
            return Ok(());
        }
        Err(Complaint::must("must begin with `/`")
            .hint(format!("write /{text}; `#{{path}}` has no leading slash of its own")))
    },
};
const REDIRECT_QUERY: TextRule = TextRule {
    noun: "a query without `?`, which may hold `#{query}`",
    min: 0,
    max: 128,
    pattern: "^(?!\\?)",
    check: |text| match text.strip_prefix('?') {
        Some(rest) => Err(Complaint::must("must not begin with `?`").hint(format!("write {rest}"))),
        None => Ok(()),
    },
};
const REDIRECT_FIELDS: &[Field] = &[
    field(
        "protocol",
        "The new protocol; the request's own unless said.",
        Shape::Words(&["http", "https", "#{protocol}"]),
    )
    .default("#{protocol}"),
    field("host", "The new host; the request's own unless said.", Shape::Text(&REDIRECT_HOST)).default("#{host}"),
    field(
        "port",
        "The new port; the request's own unless said.",
        Shape::AnyOf(&[Shape::Number(1, 65535), Shape::Words(&["#{port}"])]),
    )
    .default("#{port}")
    .source("API RedirectActionConfig.Port"),
    field("path", "The new path; the request's own unless said.", Shape::Text(&REDIRECT_PATH))
        .default("/#{path}")
        .example("/new/#{path}"),
    field("query", "The new query; the request's own unless said.", Shape::Text(&REDIRECT_QUERY)).default("#{query}"),
    field("status", "301 (permanent) or 302.", STATUS).source("API RedirectActionConfig.StatusCode").required(),
];
const STATUS: Shape = Shape::Number(301, 302);
const REDIRECT_RULE: MapRule = MapRule { noun: "a redirect", fields: REDIRECT_FIELDS };

const BODY: TextRule = TextRule::any("a text", 0, 1024);
const FIXED_FIELDS: &[Field] = &[
    field(
        "status",
        "The status: 200 to 299, or 400 to 599.",
        Shape::AnyOf(&[Shape::Number(200, 299), Shape::Number(400, 599)]),
    )
    .source("API FixedResponseActionConfig.StatusCode; to redirect, use `redirect`")
    .required(),
    field(
        "content_type",
        "The body's media type.",
        Shape::Words(&["text/plain", "text/css", "text/html", "application/javascript", "application/json"]),
    )
    .source("API FixedResponseActionConfig.ContentType"),
    field("body", "The body, at most 1024 characters.", Shape::Text(&BODY))
        .source("API FixedResponseActionConfig.MessageBody"),
];
const FIXED_RULE: MapRule = MapRule { noun: "a fixed response", fields: FIXED_FIELDS };

/// `forward:`.
pub(super) const FORWARD: Field = field(
    "forward",
    "Send requests to a target group, or to several by weight.",
    Shape::AnyOf(&[Shape::Text(&GROUP), Shape::Map(&FORWARD_RULE)]),
)
.excludes(&["redirect", "fixed_response"])
.example("{ to: { blue: 100, green: 0 }, stickiness: 10m }");
/// `redirect:`.
pub(super) const REDIRECT: Field = field("redirect", "Answer with a redirect.", Shape::Map(&REDIRECT_RULE))
    .excludes(&["forward", "fixed_response"])
    .example("{ protocol: https, port: 443, status: 301 }");
/// `fixed_response:`.
pub(super) const FIXED: Field =
    field("fixed_response", "Answer with a status and a body of one's own.", Shape::Map(&FIXED_RULE))
        .excludes(&["forward", "redirect"])
        .example("{ status: 404, content_type: text/plain, body: \"no such page\" }");
const DEFAULT_FIELDS: &[Field] = &[AUTHENTICATE, FORWARD, REDIRECT, FIXED];
/// `default:` of a listener.
pub(super) const DEFAULT: MapRule = MapRule { noun: "a default action", fields: DEFAULT_FIELDS };

/// Whose action it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// A listener's default.
    Default,
    /// A rule.
    Rule,
}

/// Reads the one action of a map.
pub(super) fn read(r: &Reader<'_, '_>, listener: Option<Protocol>, of: Of) -> Option<Action> {
    let keys = ["forward", "redirect", "fixed_response"];
    let said: Vec<(&str, Span)> = keys.into_iter().filter_map(|k| r.has(k).map(|at| (k, at))).collect();
    match said[..] {
        [("forward", _)] => forward(r),
        [("redirect", _)] => redirect(r, listener),
        [_] => fixed_response(r),
        [] => {
            let what = match of {
                Of::Default => "the default action".to_owned(),
                Of::Rule => format!("rule `{}`", r.address.leaf()),
            };
            if !r.broken() {
                r.error(
                    Problem::error(r.at, format!("{what} does nothing"))
                        .label("one of `forward`, `redirect` and `fixed_response` is needed")
                        .hint("e.g. forward: NAME-OF-A-TARGET-GROUP"),
                );
            }
            None
        }
        [(first, at), (second, again), ..] => {
            let (first, at, second, again) =
                if at.start <= again.start { (first, at, second, again) } else { (second, again, first, at) };
            r.error(
                Problem::error(again, format!("`{second}` and `{first}` exclude each other"))
                    .label("a second action")
                    .also(at, "the first action")
                    .hint("a rule has one action; keep one of them"),
            );
            None
        }
    }
}

fn forward(r: &Reader<'_, '_>) -> Option<Action> {
    let node = r.node("forward")?;
    if let Some(name) = text_of(node) {
        return r.cx.names.target_group(name, node.span, r.cx.found).map(|g| Action::Forward(Forward::to_one(g)));
    }
    let f = r.sub("forward")?;
    let to = f.node("to")?;
    let external = f.node("weights").is_some();
    let stickiness = f.node("stickiness").and_then(Node::text).and_then(|t| parse_seconds(t).ok());
    if let Some(name) = text_of(to) {
        let group = r.cx.names.target_group(name, to.span, r.cx.found)?;
        return Some(Action::Forward(Forward { stickiness, external, ..Forward::to_one(group) }));
    }
    let entries = to.map()?;
    let mut weights: BTreeMap<Link, u16> = BTreeMap::new();
    for entry in entries {
        let group = r.cx.names.target_group(&entry.key, entry.key_span, r.cx.found);
        let weight = entry.value.text().and_then(|t| t.parse().ok());
        if let (Some(group), Some(weight)) = (group, weight) {
            weights.insert(group, weight);
        }
    }
    match entries.len() {
        0 => r.error(
            Problem::error(to.span, "a forward needs at least one target group")
                .hint("e.g. to: { blue: 100, green: 0 }"),
        ),
        n if n > 5 => r.error(
            Problem::error(
                f.has("to").unwrap_or(to.span),
                format!("a forward has at most 5 target groups, this has {n}"),
            )
            .hint("AWS's limit: target groups of one action"),
        ),
        1 => weights.values_mut().for_each(|w| *w = 1),
        _ => {}
    }
    if entries.len() > 1 && weights.len() == entries.len() && weights.values().all(|w| *w == 0) {
        r.error(
            Problem::warning(f.has("to").unwrap_or(to.span), "every weight is 0")
                .label("no group gets requests")
                .hint("clients would see 503"),
        );
    }
    Some(Action::Forward(Forward { to: weights, stickiness, external }))
}

/// A port as AWS writes it: 0443 is 443.
fn port(text: &str) -> String {
    text.parse::<u16>().map_or_else(|_| text.to_owned(), |port| port.to_string())
}

fn redirect(r: &Reader<'_, '_>, listener: Option<Protocol>) -> Option<Action> {
    let d = r.sub("redirect")?;
    let same = Redirect::identity(d.number("status").and_then(|s| u16::try_from(s).ok()).unwrap_or(301));
    let protocol = d.text("protocol").map(|p| match p.as_str() {
        "http" => Protocol::Http.aws().to_owned(),
        "https" => Protocol::Https.aws().to_owned(),
        _ => p,
    });
    if listener == Some(Protocol::Https) && protocol.as_deref() == Some(Protocol::Http.aws()) {
        d.error(
            Problem::error(d.value_span("protocol"), "an https listener cannot redirect to http")
                .label("AWS refuses this")
                .hint("API RedirectActionConfig: HTTP to HTTP, HTTP to HTTPS and HTTPS to HTTPS are possible"),
        );
    }
    keywords(&d);
    let redirect = Redirect {
        protocol: protocol.unwrap_or(same.protocol),
        host: d.text("host").unwrap_or(same.host),
        port: d.node("port").and_then(Node::text).map_or(same.port, port),
        path: d.text("path").unwrap_or(same.path),
        query: d.text("query").unwrap_or(same.query),
        status: same.status,
    };
    let identity = Redirect::identity(redirect.status);
    let whole = |r: &Redirect| (r.protocol.clone(), r.host.clone(), r.port.clone(), r.path.clone());
    if whole(&redirect) == whole(&identity) && !d.broken() {
        d.error(
            Problem::error(d.at, "a redirect must change protocol, host, port or path")
                .label("clients would come back here for ever")
                .hint("e.g. protocol: https; a changed query is not enough (API RedirectActionConfig)"),
        );
    }
    Some(Action::Redirect(redirect))
}

/// What stands for parts of the request: another word in `#{…}` is most likely misspelt.
fn keywords(d: &Reader<'_, '_>) {
    const ALL: &[&str] = &["protocol", "host", "port", "path", "query"];
    for (key, known) in [("host", &["host"][..]), ("path", &["host", "path", "port"]), ("query", ALL)] {
        let Some(text) = d.text(key) else { continue };
        for part in text.split("#{").skip(1) {
            let word = part.split('}').next().unwrap_or_default();
            if !known.contains(&word) {
                let known: Vec<String> = known.iter().map(|k| format!("`#{{{k}}}`")).collect();
                d.error(
                    Problem::warning(d.value_span(key), format!("`#{{{word}}}` is not replaced in `{key}`"))
                        .label(format!("known here: {}", known.join(", ")))
                        .hint("API RedirectActionConfig"),
                );
            }
        }
    }
}

fn fixed_response(r: &Reader<'_, '_>) -> Option<Action> {
    let f = r.sub("fixed_response")?;
    let status = f.number("status").and_then(|s| u16::try_from(s).ok())?;
    Some(Action::FixedResponse(FixedResponse { status, content_type: f.text("content_type"), body: f.text("body") }))
}
