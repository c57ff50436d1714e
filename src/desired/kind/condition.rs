//! Conditions of rules.
//!
//! Source: API `RuleCondition`; user guide "Condition types"

use std::collections::{BTreeMap, BTreeSet};

use super::super::node::{Node, Value};
use super::super::problem::Problem;
use super::super::reader::{Reader, maybe_secret, text_of};
use super::super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field};
use super::certificate::SECRET;
use crate::model::kind::{Conditions, HeaderCondition, QueryMatch};
use crate::model::{Span, Text};

const MAX: usize = 128;
const HOST: TextRule = TextRule {
    noun: "a host name, which may hold `*` and `?`",
    min: 1,
    max: MAX,
    pattern: r"^[A-Za-z0-9_.*?-]+\.[A-Za-z*?]+$",
    check: host,
};
const PATH: TextRule = TextRule {
    noun: "a path, which may hold `*` and `?`",
    min: 1,
    max: MAX,
    pattern: r#"^[A-Za-z0-9_.$/~"'@:+&*?-]+$"#,
    check: path,
};
const REGEX: TextRule = TextRule {
    noun: "a regular expression",
    min: 1,
    max: MAX,
    pattern: super::regex::PATTERN,
    check: super::regex::check,
};
const REGEXES: Shape = Shape::OneOrMany(&Shape::Text(&REGEX));
const METHOD: TextRule = TextRule {
    noun: "a request method",
    min: 1,
    max: 40,
    pattern: "^[A-Z_-]+$",
    check: |text| {
        if text.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c == '_') {
            return Ok(());
        }
        let upper = text.to_ascii_uppercase();
        Err(Complaint::must("must be an upper-case method")
            .hint(format!("methods are case-sensitive and take no wildcards; write {upper}")))
    },
};
const HEADER_NAME: TextRule = TextRule {
    noun: "a header's name",
    min: 1,
    max: 40,
    pattern: "^(?![Hh][Oo][Ss][Tt]$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
    check: header_name,
};
const VALUE: TextRule =
    TextRule { noun: "a text, which may hold `*` and `?`", min: 1, max: MAX, pattern: "^[ -~]+$", check: visible };
const QUERY_KEY: TextRule =
    TextRule { noun: "the key of a query parameter", min: 1, max: MAX, pattern: "^[ -~]+$", check: visible };
const CIDR: TextRule = TextRule {
    noun: "a network",
    min: 1,
    max: 64,
    pattern: super::NETWORK,
    check: |text| match text.parse::<ipnet::IpNet>() {
        Ok(_) => Ok(()),
        Err(_) => {
            let complaint = Complaint::must("must be a network in CIDR form");
            Err(match text.parse::<std::net::IpAddr>() {
                Ok(ip) => {
                    complaint.hint(format!("write {ip}/{} for this address alone", if ip.is_ipv4() { 32 } else { 128 }))
                }
                Err(_) => complaint.hint("e.g. 10.0.0.0/8 or 2001:db8::/32"),
            })
        }
    },
};

const HEADER_VALUE: Shape = Shape::AnyOf(&[Shape::Text(&VALUE), Shape::Map(&SECRET)]);
const HEADERS: NamedRule =
    NamedRule { noun: "a map from headers to values", key: &HEADER_NAME, value: Shape::OneOrMany(&HEADER_VALUE) };
const HEADER_REGEXES: NamedRule =
    NamedRule { noun: "a map from headers to regular expressions", key: &HEADER_NAME, value: REGEXES };
const QUERY_MAP: NamedRule = NamedRule { noun: "one key with its value", key: &QUERY_KEY, value: Shape::Text(&VALUE) };
const QUERY_MATCH: Shape = Shape::AnyOf(&[Shape::Text(&VALUE), Shape::Named(&QUERY_MAP), Shape::List(&QUERY_ONE)]);
const QUERY_ONE: Shape = Shape::AnyOf(&[Shape::Text(&VALUE), Shape::Named(&QUERY_MAP)]);

const FIELDS: &[Field] = &[
    field("host", "Host names, with `*` and `?`; not case-sensitive.", Shape::OneOrMany(&Shape::Text(&HOST)))
        .excludes(&["host_regex"])
        .size(1, 5)
        .example("shop.example.com")
        .source("API HostHeaderConditionConfig"),
    field("path", "Paths, with `*` and `?`; case-sensitive, without the query.", Shape::OneOrMany(&Shape::Text(&PATH)))
        .excludes(&["path_regex"])
        .size(1, 5)
        .example("/api/*")
        .source("API PathPatternConditionConfig"),
    field("method", "Request methods.", Shape::OneOrMany(&Shape::Text(&METHOD)))
        .size(1, 5)
        .example("GET")
        .source("API HttpRequestMethodConditionConfig"),
    field(
        "header",
        "Headers and their values; several headers must all match. A value may be a secret.",
        Shape::OneOrMany(&Shape::Named(&HEADERS)),
    )
    .size(1, 5)
    .example("{ X-Version: [\"2\"] }")
    .source("API HttpHeaderConditionConfig"),
    field("query", "Query parameters: `{ key: value }`, or a value under any key.", Shape::OneOrMany(&QUERY_MATCH))
        .size(1, 5)
        .example("{ version: \"2\" }")
        .source("API QueryStringConditionConfig"),
    field("source_ip", "Client networks.", Shape::OneOrMany(&Shape::Text(&CIDR)))
        .size(1, 5)
        .example("10.0.0.0/8")
        .source("API SourceIpConditionConfig"),
    field("host_regex", "Host names as regular expressions, in place of `host`.", REGEXES)
        .excludes(&["host"])
        .example("^shop[0-9]+\\\\.example\\\\.com$")
        .source("user guide \"Regex matching\""),
    field("path_regex", "Paths as regular expressions, in place of `path`.", REGEXES)
        .excludes(&["path"])
        .example("^/orders/[0-9]+$")
        .source("user guide \"Regex matching\""),
    field(
        "header_regex",
        "Headers as regular expressions; several headers must all match.",
        Shape::OneOrMany(&Shape::Named(&HEADER_REGEXES)),
    )
    .size(1, 5)
    .source("user guide \"Regex matching\""),
];
/// `when:`.
pub(super) const RULE: MapRule = MapRule { noun: "the conditions of a rule", fields: FIELDS };

fn visible(text: &str) -> Result<(), Complaint> {
    match text.chars().find(|c| !c.is_ascii() || c.is_ascii_control()) {
        Some(bad) => Err(Complaint::must(format!("must not hold {bad:?}")).hint("AWS matches visible ASCII only")),
        None => Ok(()),
    }
}

fn host(text: &str) -> Result<(), Complaint> {
    if text.contains("://") || text.contains('/') {
        let host = text.split_once("://").map_or(text, |(_, rest)| rest).split(['/', ':']).next().unwrap_or_default();
        return Err(Complaint::must("must be a host name alone").hint(format!("write {host}; paths go under `path`")));
    }
    if text.contains(':') {
        let host = text.split(':').next().unwrap_or_default();
        return Err(Complaint::must("must be a host name without a port")
            .hint(format!("write {host}; the port is the listener's")));
    }
    if let Some(bad) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '*' | '?'))) {
        return Err(Complaint::must(format!("must not hold `{bad}`"))
            .hint("allowed: letters, digits, `-`, `.`, `_`, `*` and `?`"));
    }
    match text.rsplit_once('.') {
        None => Err(Complaint::must("must hold at least one dot")
            .hint("API HostHeaderConditionConfig; to match every host, leave `host` out")),
        Some((_, last))
            if last.is_empty() || !last.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '*' | '?')) =>
        {
            Err(Complaint::must("must have only letters after its last dot").hint("API HostHeaderConditionConfig"))
        }
        Some(_) => Ok(()),
    }
}

fn path(text: &str) -> Result<(), Complaint> {
    const ALLOWED: &str = "_-.$/~\"'@:+&*?";
    let bad = text.chars().find(|c| !(c.is_ascii_alphanumeric() || ALLOWED.contains(*c)));
    match bad {
        None => Ok(()),
        Some('=') if text.contains('?') => {
            Err(Complaint::must("must be a path without its query").hint("match the query under `query`"))
        }
        Some(bad) => {
            Err(Complaint::must(format!("must not hold `{bad}`"))
                .hint(format!("allowed: letters, digits and {ALLOWED}")))
        }
    }
}

fn header_name(text: &str) -> Result<(), Complaint> {
    if text.eq_ignore_ascii_case("host") {
        return Err(Complaint::must("cannot be a header condition").hint("use `host:` instead"));
    }
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match text.chars().find(|c| !token(*c)) {
        None => Ok(()),
        Some(bad) => Err(Complaint::must(format!("must not hold `{bad}`"))
            .hint("a header's name is a token of RFC 7230, without wildcards")),
    }
}

/// Reads the conditions of a rule and counts them.
pub(super) fn read(r: &Reader<'_, '_>) -> Option<Conditions> {
    let when = r.sub("when")?;
    let conditions = Conditions {
        host: texts(&when, "host"),
        host_regex: texts(&when, "host_regex"),
        path: texts(&when, "path"),
        path_regex: texts(&when, "path_regex"),
        method: texts(&when, "method"),
        header: headers(&when, "header"),
        header_regex: headers(&when, "header_regex"),
        query: queries(&when),
        source_ip: networks(&when),
    };
    for key in ["header", "header_regex", "query"] {
        empty(&when, key);
    }
    one_form(&when);
    limits(&when, &conditions);
    Some(conditions)
}

/// A condition, or a part of one, in which nothing is said.
fn empty(when: &Reader<'_, '_>, key: &str) {
    let Some(items) = when.items(key) else { return };
    let nothing = |node: &&Node| match &node.value {
        Value::List(items) => items.is_empty(),
        // a match without a key is said with what it needs
        Value::Map(entries) => entries.is_empty() && key != "query",
        Value::Scalar(_) => false,
    };
    let at = if items.is_empty() { Some(when.value_span(key)) } else { items.iter().find(nothing).map(|n| n.span) };
    if let Some(at) = at {
        let hint = format!("name what must match, or remove `{key}`");
        when.error(Problem::error(at, format!("`{key}` must not be empty")).label("nothing here").hint(hint));
    }
}

fn texts(when: &Reader<'_, '_>, key: &str) -> BTreeSet<String> {
    let items = when.items(key).unwrap_or_default();
    if when.has(key).is_some() && items.is_empty() {
        when.error(
            Problem::error(when.value_span(key), format!("`{key}` must not be empty"))
                .hint(format!("name a value, or remove `{key}` to match any")),
        );
    }
    let mut all: BTreeMap<String, Span> = BTreeMap::new();
    for node in items {
        let Some(text) = text_of(node) else { continue };
        if let Some(before) = all.insert(text.to_owned(), node.span) {
            when.error(
                Problem::warning(node.span, format!("`{text}` is here twice"))
                    .label("said again here")
                    .also(before, "first said here")
                    .hint("keep one of the two"),
            );
        }
    }
    all.into_keys().collect()
}

fn networks(when: &Reader<'_, '_>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let _ = texts(when, "source_ip");
    for node in when.items("source_ip").unwrap_or_default() {
        let Some(net) = text_of(node).and_then(|t| t.parse::<ipnet::IpNet>().ok()) else { continue };
        let canonical = net.trunc();
        if canonical != net {
            when.error(
                Problem::warning(node.span, format!("`{net}` has host bits set")).hint(format!("write {canonical}")),
            );
        }
        all.insert(canonical.to_string());
    }
    all
}

fn headers(when: &Reader<'_, '_>, key: &str) -> BTreeSet<HeaderCondition> {
    let mut all = BTreeSet::new();
    for map in when.items(key).unwrap_or_default() {
        for entry in map.map().unwrap_or_default() {
            let values: BTreeSet<Text> = entry.value.items().iter().filter_map(|v| value(when, v)).collect();
            if entry.value.items().is_empty() {
                when.error(Problem::error(entry.value.span, format!("header `{}` needs a value", entry.key)));
            }
            all.insert(HeaderCondition { name: entry.key.to_string(), values });
        }
    }
    all
}

fn value(when: &Reader<'_, '_>, node: &Node) -> Option<Text> {
    let text = maybe_secret(when.cx, node);
    if text.is_none() && node.map().is_some_and(<[_]>::is_empty) {
        when.error(Problem::error(node.span, "a secret needs `env` or `file`").hint("e.g. { env: ORIGIN_SECRET }"));
    }
    text
}

/// Matches of one list are ORed; lists within the list are ANDed.
fn queries(when: &Reader<'_, '_>) -> BTreeSet<BTreeSet<QueryMatch>> {
    let mut lone = BTreeSet::new();
    let mut all = BTreeSet::new();
    for item in when.items("query").unwrap_or_default() {
        match &item.value {
            Value::List(items) => {
                let set: BTreeSet<QueryMatch> = items.iter().filter_map(|n| query(when, n)).collect();
                if !set.is_empty() {
                    all.insert(set);
                }
            }
            Value::Scalar(_) | Value::Map(_) => lone.extend(query(when, item)),
        }
    }
    if !lone.is_empty() {
        all.insert(lone);
    }
    all
}

fn query(when: &Reader<'_, '_>, node: &Node) -> Option<QueryMatch> {
    if let Some(value) = text_of(node) {
        return Some(QueryMatch { key: None, value: value.to_owned() });
    }
    let entries = node.map()?;
    match entries {
        [one] => Some(QueryMatch { key: Some(one.key.to_string()), value: text_of(&one.value)?.to_owned() }),
        _ => {
            when.error(
                Problem::error(node.span, "a query match has one key with its value")
                    .label(format!("this has {}", entries.len()))
                    .hint("to match any of them write a list of maps; to match all of them a list of lists"),
            );
            None
        }
    }
}

/// A rule has one condition on the host and one on the path, each in one form.
fn one_form(when: &Reader<'_, '_>) {
    for (plain, regex) in [("host", "host_regex"), ("path", "path_regex")] {
        if let (Some(before), Some(at)) = (when.has(plain), when.has(regex)) {
            when.error(
                Problem::error(at, format!("`{regex}` and `{plain}` exclude each other"))
                    .label("AWS takes one of them")
                    .also(before, "the other one")
                    .hint(format!("say all of it in `{regex}`, or split the rule")),
            );
        }
    }
}

fn limits(when: &Reader<'_, '_>, conditions: &Conditions) {
    let count = conditions.count();
    if when.entries().is_empty() {
        return when.error(
            Problem::error(when.at, "a rule needs at least one condition")
                .label("nothing here")
                .hint("what happens to every request is the listener's `default`"),
        );
    }
    if count > 5 {
        let hint = format!(
            "split it into {} rules with the same action: AWS allows five values in all conditions of a rule together",
            count.div_ceil(5)
        );
        return when.error(
            Problem::error(when.at, format!("a rule has at most 5 condition values, this has {count}"))
                .label(format!("{count} values"))
                .hint(hint),
        );
    }
    let texts = conditions.host.iter().chain(&conditions.path);
    let headers = conditions.header.iter().flat_map(|h| &h.values).filter_map(|v| match v {
        Text::Plain(text) => Some(text),
        Text::Secret { .. } => None,
    });
    let queries = conditions.query.iter().flatten().flat_map(|q| q.key.iter().chain([&q.value]));
    let wildcards: usize = texts.chain(headers).chain(queries).map(|t| t.matches(['*', '?']).count()).sum();
    if wildcards > 5 {
        when.error(
            Problem::warning(when.at, format!("a rule with {wildcards} wildcards may be refused"))
                .label("AWS allows five in all conditions together")
                .hint("user guide, quotas: condition wildcards per rule"),
        );
    }
    for (key, n) in [
        ("host", conditions.host.len()),
        ("path", conditions.path.len()),
        ("method", conditions.method.len()),
        ("source_ip", conditions.source_ip.len()),
    ] {
        if n > 3 {
            when.error(
                Problem::warning(when.value_span(key), format!("{n} values in one condition may be refused"))
                    .hint("one page of AWS's user guide says three for each condition"),
            );
        }
    }
}
