//! The top level: whose files these are, where they may run, and the sections.

use std::collections::BTreeMap;

use super::super::node::{Entry, Node, Value, find};
use super::super::problem::Problem;
use super::super::reader::{Context, text_of};
use super::super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field};
use super::super::{Limit, Limits};
use super::{certificate, load_balancer, security_group, target_group};
use crate::model::Span;

const ACCOUNT: TextRule =
    TextRule { noun: "an account number in quotes", min: 0, max: 64, pattern: "^[0-9]{12}$", check: account };
const REGION: TextRule =
    TextRule { noun: "a region", min: 1, max: 32, pattern: "^[a-z]{2,}(-[a-z]+)+-[0-9]+$", check: region };
const LIMIT: TextRule =
    TextRule { noun: "a share such as `50%`", min: 1, max: 8, pattern: "^[0-9]{1,3}%$", check: share };
const VARIABLE: TextRule =
    TextRule { noun: "a variable's name", min: 1, max: 64, pattern: "^[A-Za-z0-9_-]+$", check: variable };

const ONE_LIMIT: Shape = Shape::AnyOf(&[Shape::Number(0, 100_000), Shape::Text(&LIMIT)]);
const LIMITS: &[Field] = &[
    field("targets", "Of a group's healthy targets; 50% unless said.", ONE_LIMIT),
    field("rules", "Of a listener's rules; 50% unless said.", ONE_LIMIT),
    field("listeners", "Of a load balancer's listeners; 1 unless said.", ONE_LIMIT),
];
const LIMITS_RULE: MapRule = MapRule { noun: "the limits of a run", fields: LIMITS };
const VARIABLES: NamedRule = NamedRule { noun: "a map of variables", key: &VARIABLE, value: Shape::Scalar };

const FIELDS: &[Field] = &[
    field("version", "The version of this language.", Shape::Number(1, 1))
        .here()
        .source("this no502 reads version 1; a newer file needs a newer no502"),
    field(
        "stack",
        "Who owns what this file creates; part of the tag on everything managed.",
        Shape::Text(&super::super::names::KEY),
    )
    .example("shop"),
    field("account", "The only AWS account these files may run in: twelve digits, quoted.", Shape::Text(&ACCOUNT))
        .here()
        .example("\"000000000000\""),
    field("region", "The AWS region.", Shape::Text(&REGION)).here().example("eu-west-1"),
    field("tags", "Tags added to everything managed.", Shape::Named(&super::super::names::TAGS)),
    field("limits", "Blast radius: how much one run may touch, as a share or a number.", Shape::Map(&LIMITS_RULE))
        .here()
        .example("{ targets: 50%, rules: 50%, listeners: 1 }"),
    field(
        "variables",
        "Defaults of variables, used as `${name}` in any scalar; `--var` overrides.",
        Shape::Named(&VARIABLES),
    )
    .here(),
    field("certificates", "Certificates by name.", Shape::Named(&certificate::SECTION)),
    field("security_groups", "Security groups by name.", Shape::Named(&security_group::SECTION)),
    field("target_groups", "Target groups by name.", Shape::Named(&target_group::SECTION)),
    field("load_balancers", "Application Load Balancers by name.", Shape::Named(&load_balancer::SECTION)),
];
/// The whole document.
pub(in crate::desired) const DOCUMENT: MapRule = MapRule { noun: "a desired file", fields: FIELDS };

fn account(text: &str) -> Result<(), Complaint> {
    if text.len() == 12 && text.chars().all(|c| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(Complaint::must("must be the twelve digits of an AWS account")
        .hint("`aws sts get-caller-identity` prints them"))
}

fn region(text: &str) -> Result<(), Complaint> {
    let parts: Vec<&str> = text.split('-').collect();
    let good = match parts[..] {
        [.., number] if parts.len() >= 3 => {
            number.chars().all(|c| c.is_ascii_digit())
                && parts[..parts.len() - 1].iter().all(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_lowercase()))
        }
        _ => false,
    };
    if good {
        return Ok(());
    }
    let hint = match parts[..] {
        [_, _, last] if last.ends_with(|c: char| c.is_ascii_lowercase()) => {
            "an availability zone is no region: leave its letter out"
        }
        _ => "a region is written like `eu-west-1`",
    };
    Err(Complaint::must("must be an AWS region").hint(hint))
}

fn share(text: &str) -> Result<(), Complaint> {
    match text.strip_suffix('%').and_then(|n| n.parse::<u8>().ok()) {
        Some(n) if n <= 100 => Ok(()),
        _ => Err(Complaint::must("must be a number, or a share").hint("e.g. 3, or 50%; a share is at most 100%")),
    }
}

fn variable(text: &str) -> Result<(), Complaint> {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return Ok(());
    }
    Err(Complaint::must("is not a variable's name").hint("a name has letters, digits, `_` and `-`"))
}

/// Reads the whole document into the context. Each resource's part of the tree goes as soon as it is
/// read: a large estate is not held twice.
pub(in crate::desired) fn read(cx: &Context<'_>, mut entries: Vec<Entry>) {
    head(cx, &entries);
    for (section, read) in [
        ("certificates", certificate::read as fn(&Context<'_>, &Entry)),
        ("security_groups", security_group::read),
        ("target_groups", target_group::read),
        ("load_balancers", load_balancer::read),
    ] {
        let Some(at) = entries.iter().position(|e| &*e.key == section) else { continue };
        if let Value::Map(resources) = entries.swap_remove(at).value.value {
            resources.into_iter().for_each(|resource| read(cx, &resource));
        }
    }
}

/// The stack-wide tags with their places.
pub(in crate::desired) fn tags(entries: &[Entry]) -> BTreeMap<String, (String, Span)> {
    let tags = find(entries, "tags").and_then(|e| e.value.map()).unwrap_or_default();
    tags.iter().filter_map(|e| Some((e.key.to_string(), (text_of(&e.value)?.to_owned(), e.key_span)))).collect()
}

fn head(cx: &Context<'_>, entries: &[Entry]) {
    let text = |key: &str| find(entries, key).and_then(|e| text_of(&e.value)).unwrap_or_default().to_owned();
    let mut out = cx.out.borrow_mut();
    out.stack = text("stack");
    out.account = text("account");
    out.region = text("region");
    out.limits = limits(find(entries, "limits").map(|e| &e.value));
    drop(out);
    let tags = find(entries, "tags").and_then(|e| e.value.map()).unwrap_or_default();
    tags.iter().filter_map(super::super::names::odd_tag).for_each(|problem| cx.found.push(problem));
    if entries.is_empty() {
        return cx.found.push(
            Problem::general("the files say nothing")
                .hint("a desired file begins with `version: 1`, `stack`, `account` and `region`"),
        );
    }
    let start = |file| Span { file, start: 0, end: 0 };
    let at = entries.first().map(|e| e.key_span).map_or(start(0), |s| start(s.file));
    for (key, why) in [
        ("version", "write `version: 1`"),
        ("stack", "say who owns what these files create, e.g. `stack: shop`"),
        ("account", "say where these files may run, e.g. `account: \"123456789012\"`; they run nowhere else"),
        ("region", "say where these files may run, e.g. `region: eu-west-1`"),
    ] {
        if find(entries, key).is_none() {
            cx.found.push(
                Problem::error(at, format!("`{key}` is missing at the top level")).label("no file says it").hint(why),
            );
        }
    }
}

fn limits(node: Option<&Node>) -> Limits {
    let default = Limits::default();
    let entries = node.and_then(Node::map).unwrap_or_default();
    let one = |key: &str, default: Limit| {
        let text = find(entries, key).and_then(|e| e.value.text());
        let limit = text.and_then(|t| match t.strip_suffix('%') {
            Some(percent) => percent.parse().ok().map(Limit::Percent),
            None => t.parse().ok().map(Limit::Count),
        });
        limit.unwrap_or(default)
    };
    Limits {
        targets: one("targets", default.targets),
        rules: one("rules", default.rules),
        listeners: one("listeners", default.listeners),
    }
}
