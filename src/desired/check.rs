//! The structural check: a tree against the description of the language, with every problem.

use std::borrow::Cow;

use super::attribute;
use super::found::{Found, either, nearest};
use super::node::{Core, Entry, Node, Scalar, Style, Value, shortened};
use super::paths;
use super::problem::Problem;
use super::shape::{
    Complaint, Field, MapRule, NamedRule, SECRET, Shape, TextRule, duration, form, parse_bool, parse_seconds, words,
};
use crate::model::Span;

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
            Some(field) => {
                let what = What { key: field.key, key_span: entry.key_span, source: field.source };
                value(&entry.value, &field.shape, what, found);
            }
            None => found.push(unknown_key(entry, rule, found)),
        }
    }
}

fn unknown_key(entry: &Entry, rule: &MapRule, found: &Found) -> Problem {
    let word = shortened(&entry.key);
    let problem = Problem::error(entry.key_span, format!("unknown key `{word}` in {}", rule.noun));
    if found.full() {
        return problem;
    }
    let known: Vec<&Field> = rule.fields.iter().collect();
    if let Some(near) = nearest(&entry.key, rule.fields.iter().map(|f| f.key)) {
        let doc = known.iter().find(|f| f.key == near).map(|f| f.doc).unwrap_or_default();
        return problem.label(format!("did you mean `{near}`?")).hint(format!("`{near}`: {doc}"));
    }
    let keys = known.iter().map(|f| f.key).collect::<Vec<_>>().join(", ");
    let problem = problem.label(format!("not a key of {}", rule.noun));
    match &paths::elsewhere(&entry.key, rule)[..] {
        [] => problem.hint(format!("keys here: {keys}")),
        nouns => problem.hint(format!("`{word}` is a key of {}", nouns.join(" and of "))),
    }
}

/// Says which required keys a map lacks.
pub(super) fn required(entries: &[Entry], fields: &[Field], at: Span, noun: &str, found: &Found) {
    let misspelt = |key: &str| {
        let unknown = |e: &&Entry| !fields.iter().any(|f| f.key == &*e.key);
        entries.iter().filter(unknown).any(|e| nearest(&e.key, [key]).is_some())
    };
    for field in fields.iter().filter(|f| f.required) {
        // a misspelt key is said to be one, not to be missing as well
        if !entries.iter().any(|e| &*e.key == field.key) && !misspelt(field.key) {
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
            Value::Map(entries) => entries.iter().for_each(|e| attribute::check(e, table, found)),
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
        _ if candidates.iter().all(|s| matches!(s, Shape::Number(..))) && node.scalar().is_some() => {
            if !candidates.iter().any(|s| accepts(s, node)) {
                out_of_range(node, shape, what, found);
            }
        }
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
    let problem = Problem::error(at, format!("`{}` has no value", what.key)).hint(hint);
    found.push(if what.key.contains(' ') { problem.label("is a `:` missing?") } else { problem });
}

fn wrong_type(node: &Node, shape: &Shape, what: What<'_>, found: &Found) {
    let wants = shape.expects();
    if node.is_null() {
        return nothing(node, what, &format!("it takes {wants}"), found);
    }
    let message = format!("`{}` takes {wants}", what.key);
    if matches!(shape, Shape::Map(rule) if rule.noun == SECRET) {
        // whatever stands there may be the secret: it is not repeated
        return found.push(
            Problem::error(what.key_span, message).hiding().label("a secret cannot stand here itself").hint(
                "put it into an environment variable or a file of its own, say { env: NAME } or { file: PATH }, and \
             take the one in this file out of use",
            ),
        );
    }
    let problem = Problem::error(node.span, message).label(format!("this is {}", node.described()));
    let quoted = node.scalar().filter(|s| s.style == Style::Quoted);
    let unquoted = quoted.map(|s| Node {
        span: node.span,
        value: Value::Scalar(Scalar { text: Cow::Borrowed(&*s.text), style: Style::Variable }),
    });
    found.push(match (unquoted, node.text()) {
        (Some(plain), _) if accepts(shape, &plain) => problem.hint("write it without quotes"),
        (_, Some(text)) => match meant(text, shape) {
            Some(word) => problem.hint(format!("did you mean `{word}`?")),
            None => hinted(problem, form(shape)),
        },
        (_, None) => hinted(problem, form(shape)),
    });
}

fn hinted(problem: Problem, hint: Option<String>) -> Problem {
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// The word of a shape that a text most likely means; YAML 1.1's bools are those of other tools.
fn meant(text: &str, shape: &Shape) -> Option<&'static str> {
    let words = words(shape);
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" if words.contains(&"true") => Some("true"),
        "no" | "off" | "n" if words.contains(&"false") => Some("false"),
        text => nearest(text, words),
    }
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
                Err(_) if scalar.text.contains(['.', 'e', 'x']) => found.push(
                    Problem::error(node.span, format!("`{}` must be a whole number", what.key))
                        .label(format!("allowed: {}", shape.expects())),
                ),
                _ => out_of_range(node, shape, what, found),
            }
        }
        Shape::Seconds(low, high) | Shape::ZeroOrSeconds(low, high) => match parse_seconds(&scalar.text) {
            Ok(n) if (*low..=*high).contains(&n) => {}
            Ok(0) if matches!(shape, Shape::ZeroOrSeconds(..)) => {}
            Ok(_) => out_of_range(node, shape, what, found),
            Err(complaint) => {
                found.push(complained(node.span, what.key, complaint).label(format!("allowed: {}", shape.expects())))
            }
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
                let hint = complaint.hint.or_else(|| limit(what.source));
                found.push(complained(node.span, what.key, Complaint { hint, ..complaint }));
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
    found.push(hinted(problem, limit(what.source)));
}

/// Where AWS documents a limit; what is no source of AWS's is said as it is.
fn limit(source: &str) -> Option<String> {
    match source {
        "" => None,
        source if source.starts_with("API") || source.starts_with("user guide") => {
            Some(format!("AWS's limit: {source}"))
        }
        source => Some(source.to_owned()),
    }
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

/// Seconds in words, for messages of cross-field rules.
pub(super) fn seconds(n: u32) -> String {
    duration(n)
}
