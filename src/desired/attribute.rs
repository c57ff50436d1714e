//! The check of attributes by AWS's own keys.

use super::found::{Found, either, nearest};
use super::node::{Entry, shortened};
use super::problem::Problem;
use crate::model::attribute::{Applies, Attribute, Values};

/// Checks one attribute.
pub(super) fn check(entry: &Entry, table: &'static [Attribute], found: &Found) {
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
            return found.push(
                Problem::error(entry.key_span, format!("`{}` has no single value", known.key))
                    .label(format!("allowed: {}", expects(known.values))),
            );
        }
    };
    if !accepts(known.values, text) {
        let problem = Problem::error(entry.value.span, format!("`{}` cannot be `{}`", known.key, shortened(text)))
            .label(format!("allowed: {}", expects(known.values)));
        found.push(match known.shorthand {
            Some(short) => problem.hint(format!("`{short}` is the shorthand for it")),
            None => problem,
        });
    }
}

fn accepts(values: Values, text: &str) -> bool {
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

/// A value as AWS writes it: 060 is 60.
pub(super) fn canonical(values: Values, text: &str) -> String {
    match values {
        Values::Number(..) | Values::ZeroOrNumber(..) | Values::WordOrNumber(..) => {
            text.parse::<u32>().map_or_else(|_| text.to_owned(), |number| number.to_string())
        }
        Values::Bool | Values::OneOf(_) | Values::Text => text.to_owned(),
    }
}

/// What an attribute takes, in words.
pub(super) fn expects(values: Values) -> String {
    match values {
        Values::Bool => "`true` or `false`".to_owned(),
        Values::Number(low, high) => format!("{low} to {high}"),
        Values::ZeroOrNumber(low, high) => format!("0, or {low} to {high}"),
        Values::WordOrNumber(word, low, high) => format!("`{word}`, or {low} to {high}"),
        Values::OneOf(words) => either(words),
        Values::Text => "text of at most 1024 characters".to_owned(),
    }
}
