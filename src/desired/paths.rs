//! The tree of keys that the tables make: what stands within what, and where a key is to be found.

use super::kind::top::DOCUMENT;
use super::shape::{Field, MapRule, NamedRule, Shape};
use crate::model::attribute::Attribute;

/// What can stand within a shape.
pub(super) enum Within {
    /// Keys.
    Map(&'static MapRule),
    /// Names.
    Named(&'static NamedRule),
    /// Attributes.
    Attributes(&'static [Attribute]),
    /// It is a single value.
    Nothing,
}

/// What can stand within it.
pub(super) fn within(shape: &'static Shape) -> Within {
    match shape {
        Shape::Map(rule) => Within::Map(rule),
        Shape::Named(rule) => Within::Named(rule),
        Shape::Attributes(table) => Within::Attributes(table),
        Shape::List(item) | Shape::OneOrMany(item) => within(item),
        Shape::AnyOf(shapes) => {
            let inner = shapes.iter().map(within).find(|inner| !matches!(inner, Within::Nothing));
            inner.unwrap_or(Within::Nothing)
        }
        Shape::Bool
        | Shape::Number(..)
        | Shape::Seconds(..)
        | Shape::ZeroOrSeconds(..)
        | Shape::Scalar
        | Shape::Words(_)
        | Shape::Text(_) => Within::Nothing,
    }
}

/// A key of a map.
pub(super) fn key_of(rule: &'static MapRule, word: &str) -> Option<&'static Field> {
    rule.fields.iter().find(|f| f.key == word)
}

/// What stands for a name in a path.
pub(super) fn name_of(rule: &NamedRule) -> &'static str {
    if rule.key.noun.contains("port") { "PORT" } else { "NAME" }
}

/// Every path of the language, names in capitals.
fn all_paths() -> Vec<String> {
    let mut all = Vec::new();
    collect("", &Within::Map(&DOCUMENT), &mut all);
    all
}

fn collect(path: &str, place: &Within, all: &mut Vec<String>) {
    match place {
        Within::Map(rule) => {
            for field in rule.fields.iter() {
                let path = if path.is_empty() { field.key.to_owned() } else { format!("{path}.{}", field.key) };
                collect(&path, &within(&field.shape), all);
                all.push(path);
            }
        }
        Within::Named(rule) => collect(&format!("{path}.{}", name_of(rule)), &within(&rule.value), all),
        Within::Attributes(_) | Within::Nothing => {}
    }
}

/// The paths that end with these words.
pub(super) fn ends_with(words: &[&str]) -> Vec<String> {
    let ending = format!(".{}", words.join("."));
    let mut found: Vec<String> = all_paths().into_iter().filter(|path| path.ends_with(&ending)).collect();
    found.sort_by_key(String::len);
    found
}

/// Every key of the language, wherever it stands.
pub(super) fn all_keys() -> Vec<&'static str> {
    fn keys(place: &Within, all: &mut Vec<&'static str>) {
        match place {
            Within::Map(rule) => {
                for field in rule.fields.iter() {
                    all.push(field.key);
                    keys(&within(&field.shape), all);
                }
            }
            Within::Named(rule) => keys(&within(&rule.value), all),
            Within::Attributes(_) | Within::Nothing => {}
        }
    }
    let mut all = Vec::new();
    keys(&Within::Map(&DOCUMENT), &mut all);
    all
}

/// Whether some map of the language has this key, other than the one in question: their nouns.
pub(super) fn elsewhere(word: &str, here: &MapRule) -> Vec<&'static str> {
    fn search(place: &Within, word: &str, found: &mut Vec<&'static str>) {
        match place {
            Within::Map(rule) => {
                if key_of(rule, word).is_some() && !found.contains(&rule.noun) {
                    found.push(rule.noun);
                }
                for field in rule.fields.iter() {
                    search(&within(&field.shape), word, found);
                }
            }
            Within::Named(rule) => search(&within(&rule.value), word, found),
            Within::Attributes(_) | Within::Nothing => {}
        }
    }
    let mut found = Vec::new();
    search(&Within::Map(&DOCUMENT), word, &mut found);
    found.retain(|noun| *noun != here.noun);
    found
}
