//! The structural check: a tree against the description of the language, with every problem.

use super::found::{Found, either, nearest};
use super::node::{Core, Entry, Node, Scalar, Style, Value, shortened};
use super::problem::Problem;
use super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, duration, parse_bool, parse_seconds};
use crate::model::Span;
use crate::model::attribute::{Applies, Attribute, Values};

/// What is being checked: the key it stands under, and where AWS documents it.
#[derive(Clone, Copy)]
struct What<'a> {
    key: &'a str,
    key_span: Span,
    source: &'static str,
}

/// Checks the entries of a whole document.
pub(super) fn check(entries: &[Entry], rule: &MapRule, found: &Found) {
    map(entries, rule, found);
}

/// Whether a scalar is what a scalar shape takes; used to tell alternatives apart.
pub(super) fn accepts(shape: &Shape, node: &Node) -> bool {
    let quiet = Found::default();
    let what = What { key: "", key_span: node.span, source: "" };
    value(node, shape, what, &quiet);
    quiet.errors() == 0
}

fn map(entries: &[Entry], rule: &MapRule, found: &Found) {
    for entry in entries {
        match rule.fields.iter().find(|f| f.key == &*entry.key) {
            Some(field) if field.supported => {
                let what = What { key: field.key, key_span: entry.key_span, source: field.source };
                value(&entry.value, &field.shape, what, found);
            }
            Some(field) => found.push(
                Problem::error(entry.key_span, format!("`{}` is not supported by this version yet", field.key))
                    .label("known, but not built yet")
                    .hint("remove it; what the files do not mention is left alone"),
            ),
            None => found.push(unknown_key(entry, rule, found)),
        }
    }
}

fn unknown_key(entry: &Entry, rule: &MapRule, found: &Found) -> Problem {
    let problem = Problem::error(entry.key_span, format!("unknown key `{}` in {}", shortened(&entry.key), rule.noun));
    if found.full() {
        return problem;
    }
    let keys: Vec<&str> = rule.fields.iter().filter(|f| f.supported).map(|f| f.key).collect();
    let problem = match nearest(&entry.key, rule.fields.iter().map(|f| f.key)) {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem.label("not a key of the language"),
    };
    problem.hint(format!("keys here: {}", keys.join(", ")))
}

/// Says which required keys a map lacks.
pub(super) fn required(entries: &[Entry], fields: &[Field], at: Span, noun: &str, found: &Found) {
    for field in fields.iter().filter(|f| f.required) {
        if !entries.iter().any(|e| &*e.key == field.key) {
            found.push(
                Problem::error(at, format!("{noun} needs `{}`", field.key))
                    .label(format!("`{}` is missing", field.key))
                    .hint(format!("`{}`: {}", field.key, field.doc)),
            );
        }
    }
}

fn value(node: &Node, shape: &Shape, what: What<'_>, found: &Found) {
    if node.is_broken() {
        return;
    }
    match shape {
        Shape::Bool
        | Shape::Number(..)
        | Shape::Seconds(..)
        | Shape::ZeroOrSeconds(..)
        | Shape::Scalar
        | Shape::Words(_)
        | Shape::Text(_) => match node.scalar() {
            Some(text) => scalar(node, text, shape, what, found),
            None => wrong_type(node, shape, what, found),
        },
        Shape::Map(rule) => match &node.value {
            Value::Map(entries) => {
                map(entries, rule, found);
                required(entries, rule.fields, what.key_span, rule.noun, found);
            }
            Value::Scalar(_) if node.is_null() => required(&[], rule.fields, what.key_span, rule.noun, found),
            Value::Scalar(_) | Value::List(_) => wrong_type(node, shape, what, found),
        },
        Shape::Named(rule) => match &node.value {
            Value::Map(entries) => named(entries, rule, what, found),
            Value::Scalar(_) if node.is_null() => {}
            Value::Scalar(_) | Value::List(_) => wrong_type(node, shape, what, found),
        },
        Shape::List(item) => match &node.value {
            Value::List(list) => items(list, item, what, found),
            Value::Scalar(_) if node.is_null() => nothing(node, what, "write `[]` for an empty list", found),
            Value::Scalar(_) | Value::Map(_) => wrong_type(node, shape, what, found),
        },
        Shape::OneOrMany(item) => match &node.value {
            Value::List(list) => items(list, item, what, found),
            Value::Scalar(_) if node.is_null() => nothing(node, what, "write `[]` for an empty list", found),
            Value::Scalar(_) | Value::Map(_) => value(node, item, what, found),
        },
        Shape::AnyOf(shapes) => any_of(node, shape, shapes, what, found),
        Shape::Attributes(table) => match &node.value {
            Value::Map(entries) => entries.iter().for_each(|e| attribute(e, table, found)),
            Value::Scalar(_) if node.is_null() => {}
            Value::Scalar(_) | Value::List(_) => wrong_type(node, shape, what, found),
        },
    }
}

fn items(list: &[Node], shape: &Shape, what: What<'_>, found: &Found) {
    for item in list {
        value(item, shape, What { key_span: item.span, ..what }, found);
    }
}

/// The shapes that a node of this look can be; a lone one is checked with its own messages.
fn any_of(node: &Node, shape: &Shape, shapes: &[Shape], what: What<'_>, found: &Found) {
    let fits = |s: &&Shape| match (&node.value, s) {
        (Value::Map(_), Shape::Map(_) | Shape::Named(_) | Shape::Attributes(_)) => true,
        (Value::List(_), Shape::List(_) | Shape::OneOrMany(_)) => true,
        (Value::Scalar(_), Shape::Map(_) | Shape::Named(_) | Shape::Attributes(_) | Shape::List(_)) => false,
        (Value::Scalar(_), _) => true,
        (Value::Map(_) | Value::List(_), _) => false,
    };
    let candidates: Vec<&Shape> = shapes.iter().filter(fits).collect();
    match candidates[..] {
        [] | [Shape::Words(_)] if candidates.first().is_none_or(|s| !accepts(s, node)) => {
            wrong_type(node, shape, what, found);
        }
        [] => {}
        [only] => value(node, only, what, found),
        _ if candidates.iter().any(|s| accepts(s, node)) => {}
        _ => {
            // the alternative that comes nearest speaks: rules explain more than types do
            let core = node.scalar().map(Scalar::core);
            let speaks = |s: &&&Shape| match core {
                Some(Core::Number) => matches!(s, Shape::Number(..) | Shape::Seconds(..) | Shape::ZeroOrSeconds(..)),
                Some(Core::Text) => matches!(s, Shape::Text(_)),
                Some(Core::Null | Core::Bool) | None => false,
            };
            match candidates.iter().find(speaks) {
                Some(nearest) => value(node, nearest, what, found),
                None => wrong_type(node, shape, what, found),
            }
        }
    }
}

fn named(entries: &[Entry], rule: &NamedRule, what: What<'_>, found: &Found) {
    for entry in entries {
        if let Err(complaint) = text_rule(&entry.key, rule.key) {
            found.push(complained(entry.key_span, &entry.key, complaint));
        }
        let what = What { key: &entry.key, key_span: entry.key_span, source: what.source };
        value(&entry.value, &rule.value, what, found);
    }
}

fn nothing(node: &Node, what: What<'_>, hint: &str, found: &Found) {
    let at = if node.span.start == node.span.end { what.key_span } else { node.span };
    found.push(Problem::error(at, format!("`{}` has no value", what.key)).hint(hint));
}

fn wrong_type(node: &Node, shape: &Shape, what: What<'_>, found: &Found) {
    let wants = shape.expects();
    if node.is_null() {
        return nothing(node, what, &format!("it takes {wants}"), found);
    }
    let message = format!("`{}` takes {wants}", what.key);
    let problem = Problem::error(node.span, message).label(format!("this is {}", node.described()));
    let unquoted = |s: &Scalar| Node {
        span: node.span,
        value: Value::Scalar(Scalar { text: s.text.clone(), style: Style::Variable }),
    };
    let quoted = node.scalar().filter(|s| s.style == Style::Quoted);
    found.push(match quoted.map(unquoted) {
        Some(plain) if accepts(shape, &plain) => problem.hint("write it without quotes"),
        _ => problem,
    });
}

fn scalar(node: &Node, scalar: &Scalar, shape: &Shape, what: What<'_>, found: &Found) {
    let core = scalar.core();
    if core == Core::Null && !matches!(shape, Shape::Words(w) if w.contains(&&*scalar.text)) {
        return nothing(node, what, &format!("it takes {}", shape.expects()), found);
    }
    let variable = scalar.style == Style::Variable;
    match shape {
        Shape::Bool => {
            if !(core == Core::Bool || variable && parse_bool(&scalar.text).is_some()) {
                wrong_type(node, shape, what, found);
            }
        }
        Shape::Number(low, high) => {
            if core != Core::Number && !variable {
                return wrong_type(node, shape, what, found);
            }
            match scalar.text.parse::<u32>() {
                Ok(n) if (*low..=*high).contains(&n) => {}
                _ => out_of_range(node, shape, what, found),
            }
        }
        Shape::Seconds(low, high) | Shape::ZeroOrSeconds(low, high) => match parse_seconds(&scalar.text) {
            Ok(n) if (*low..=*high).contains(&n) => {}
            Ok(0) if matches!(shape, Shape::ZeroOrSeconds(..)) => {}
            Ok(_) => out_of_range(node, shape, what, found),
            Err(complaint) => found.push(complained(node.span, what.key, complaint)),
        },
        Shape::Words(words) => {
            if !words.contains(&&*scalar.text) {
                found.push(unknown_word(node, &scalar.text, words, what));
            }
        }
        Shape::Text(rule) => {
            if core != Core::Text {
                let message = format!("`{}` takes {}", what.key, shape.expects());
                return found.push(
                    Problem::error(node.span, message)
                        .label(format!("this is {}", node.described()))
                        .hint(format!("quote it: \"{}\"", scalar.text)),
                );
            }
            if let Err(complaint) = text_rule(&scalar.text, rule) {
                found.push(complained(node.span, what.key, complaint));
            }
        }
        Shape::Scalar
        | Shape::Map(_)
        | Shape::Named(_)
        | Shape::List(_)
        | Shape::OneOrMany(_)
        | Shape::AnyOf(_)
        | Shape::Attributes(_) => {}
    }
}

fn unknown_word(node: &Node, text: &str, words: &[&str], what: What<'_>) -> Problem {
    let problem = Problem::error(node.span, format!("`{}` cannot be `{}`", what.key, shortened(text)));
    let problem = match nearest(text, words.iter().copied()) {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem.label("not one of the words"),
    };
    problem.hint(format!("allowed: {}", either(words)))
}

fn out_of_range(node: &Node, shape: &Shape, what: What<'_>, found: &Found) {
    let text = shortened(node.text().unwrap_or_default());
    let problem = Problem::error(node.span, format!("`{}` is out of range: {text}", what.key))
        .label(format!("allowed: {}", shape.expects()));
    found.push(if what.source.is_empty() { problem } else { problem.hint(format!("AWS's limit: {}", what.source)) });
}

/// Checks a text against a rule, its length first.
pub(super) fn text_rule(text: &str, rule: &TextRule) -> Result<(), Complaint> {
    let length = text.chars().count();
    if length < rule.min {
        return Err(Complaint::must(if length == 0 {
            "must not be empty".to_owned()
        } else {
            format!("must have at least {} characters", rule.min)
        }));
    }
    if length > rule.max {
        return Err(Complaint::must(format!("must have at most {} characters, this has {length}", rule.max)));
    }
    (rule.check)(text)
}

pub(super) fn complained(at: Span, key: &str, complaint: Complaint) -> Problem {
    let problem = Problem::error(at, format!("`{}` {}", shortened(key), complaint.must));
    match complaint.hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

fn attribute(entry: &Entry, table: &'static [Attribute], found: &Found) {
    let Some(known) = Attribute::find(table, &entry.key) else {
        let problem = Problem::error(entry.key_span, format!("unknown attribute `{}`", shortened(&entry.key)));
        let problem = match nearest(&entry.key, table.iter().map(|a| a.key)) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem.label("not an attribute of this kind"),
        };
        return found.push(problem.hint("attributes are AWS's own keys, verbatim"));
    };
    if known.applies == Applies::Fixed {
        return found.push(
            Problem::error(entry.key_span, format!("`{}` cannot be changed", known.key))
                .label(format!("AWS fixes it at `{}`", known.default.unwrap_or_default())),
        );
    }
    let text = match entry.value.scalar() {
        Some(s) if !entry.value.is_null() => &*s.text,
        _ => {
            let what = What { key: known.key, key_span: entry.key_span, source: "" };
            return wrong_type(&entry.value, &Shape::Scalar, what, found);
        }
    };
    if !attribute_accepts(known.values, text) {
        let problem = Problem::error(entry.value.span, format!("`{}` cannot be `{}`", known.key, shortened(text)))
            .label(format!("allowed: {}", attribute_expects(known.values)));
        found.push(match known.shorthand {
            Some(short) => problem.hint(format!("`{short}` is the shorthand for it")),
            None => problem,
        });
    }
}

fn attribute_accepts(values: Values, text: &str) -> bool {
    let number = |low: u32, high: u32| text.parse::<u32>().is_ok_and(|n| (low..=high).contains(&n));
    match values {
        Values::Bool => matches!(text, "true" | "false"),
        Values::Number(low, high) => number(low, high),
        Values::ZeroOrNumber(low, high) => text == "0" || number(low, high),
        Values::WordOrNumber(word, low, high) => text == word || number(low, high),
        Values::OneOf(words) => words.contains(&text),
        Values::Text => text.chars().count() <= 1024,
    }
}

fn attribute_expects(values: Values) -> String {
    match values {
        Values::Bool => "`true` or `false`".to_owned(),
        Values::Number(low, high) => format!("{low} to {high}"),
        Values::ZeroOrNumber(low, high) => format!("0, or {low} to {high}"),
        Values::WordOrNumber(word, low, high) => format!("`{word}`, or {low} to {high}"),
        Values::OneOf(words) => either(words),
        Values::Text => "text of at most 1024 characters".to_owned(),
    }
}

/// Seconds in words, for messages of cross-field rules.
pub(super) fn seconds(n: u32) -> String {
    duration(n)
}
