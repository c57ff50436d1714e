//! Listener rules: priority, conditions, action.
//!
//! Source: API `CreateRule`, `SetRulePriorities`

use std::collections::{BTreeMap, BTreeSet};

use super::super::node::Entry;
use super::super::problem::Problem;
use super::super::reader::Reader;
use super::super::shape::{Field, MapRule, Shape, field};
use super::{action, authenticate, condition, rewrite};
use crate::model::kind::Rule;
use crate::model::value::Protocol;
use crate::model::{Address, Link, Span};

const FIELDS: &[Field] = &[
    field("priority", "1 to 50000, the lowest first; on all rules of a listener or on none.", Shape::Number(1, 50_000))
        .default("the order of the file")
        .source("API CreateRule.Priority"),
    field("when", "Conditions: keys are ANDed, values ORed; at most five values in all.", Shape::Map(&condition::RULE))
        .size(1, 8)
        .example("{ host: shop.example.com, path: [\"/api/*\"] }")
        .source("API RuleCondition"),
    authenticate::AUTHENTICATE,
    action::FORWARD,
    action::REDIRECT,
    action::FIXED,
    rewrite::REWRITE,
    super::TAGS,
    super::accept::ACCEPT,
];
/// A rule.
pub(super) const RULE: MapRule = MapRule { noun: "a rule", fields: FIELDS };

/// Reads all rules of a listener.
pub(super) fn read_all(listener: &Reader<'_, '_>, protocol: Option<Protocol>) {
    let Some(rules) = listener.sub("rules") else { return };
    let entries = rules.entries();
    let mut order = Vec::new();
    for entry in entries {
        let address = Address::rule(listener.address, &entry.key);
        one(listener, &address, entry, protocol);
        order.push(address);
    }
    priorities(listener, entries);
    if !order.is_empty() {
        listener.cx.out.borrow_mut().rule_order.insert(listener.address.clone(), order);
    }
}

fn one(listener: &Reader<'_, '_>, address: &Address, entry: &Entry, protocol: Option<Protocol>) {
    let r = Reader::new(listener.cx, address, entry);
    super::accept::read(&r);
    r.needs(
        "when",
        "rule",
        "conditions such as when: { path: [\"/api/*\"] }; what happens to every request is the listener's `default`",
    );
    let spec = Rule {
        listener: Link::Address(listener.address.clone()),
        priority: r.number("priority"),
        when: condition::read(&r),
        action: action::read(&r, protocol, action::Of::Rule),
        authenticate: authenticate::read(&r, protocol),
        rewrite: rewrite::read(&r),
        beyond: BTreeSet::new(),
        tags: r.tags(false),
    };
    r.cx.add(address, r.at, spec);
}

/// Priorities are unique, and on all rules or on none; rules of several files need them.
fn priorities(listener: &Reader<'_, '_>, entries: &[Entry]) {
    let mut taken: BTreeMap<u32, Span> = BTreeMap::new();
    let mut with: Option<Span> = None;
    let mut without: Option<&Entry> = None;
    for entry in entries {
        let priority = entry.value.map().unwrap_or_default().iter().find(|e| &*e.key == "priority");
        let Some(priority) = priority else {
            without = without.or(Some(entry));
            continue;
        };
        with = with.or(Some(priority.key_span));
        let Some(number) = priority.value.text().and_then(|text| text.parse().ok()) else { continue };
        match taken.get(&number) {
            Some(before) => listener.error(
                Problem::error(priority.value.span, format!("priority {number} is taken"))
                    .label("said again here")
                    .also(*before, "first said here")
                    .hint("each rule of a listener has a priority of its own"),
            ),
            None => {
                taken.insert(number, priority.value.span);
            }
        }
    }
    let Some(without) = without else { return };
    if let Some(with) = with {
        return listener.error(
            Problem::error(
                without.key_span,
                format!("rule `{}` has no priority, others of its listener have one", without.key),
            )
            .label("`priority` is missing")
            .also(with, "a rule with a priority")
            .hint("give every rule of a listener a priority, or none: then their order in the file counts"),
        );
    }
    let first = entries.first().map_or(without.key_span.file, |e| e.key_span.file);
    if let Some(other) = entries.iter().find(|e| e.key_span.file != first) {
        let also = entries.first().map_or(other.key_span, |e| e.key_span);
        listener.error(
            Problem::error(other.key_span, format!("rule `{}` needs a priority", other.key))
                .label("in this file")
                .also(also, "rules of the same listener are in this one")
                .hint("files have no order among each other; give every rule of this listener a priority"),
        );
    }
}
