//! What `no502 explain` says of a key of the language; text only, no layout. Made from the same tables
//! as the check and the schema, so that the three never disagree.

use serde::Serialize;

use super::found::nearest;
use super::kind::top::DOCUMENT;
use super::paths::{Within, all_keys, ends_with, key_of, name_of, within};
use super::shape::{Change, Field, MapRule, NamedRule, Shape, TextRule};
use crate::model::attribute::{Applies, Attribute, Values};

/// Everything there is to say of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Where it stands, names in capitals: `target_groups.NAME.health_check.interval`.
    pub path: String,
    /// What it is for.
    pub meaning: String,
    /// What it takes.
    pub takes: String,
    /// Whether its map is useless without it.
    pub required: bool,
    /// What holds without it.
    pub default: Option<String>,
    /// What it takes to change it; `None` for what is no single value.
    pub change: Option<&'static str>,
    /// Keys that exclude it.
    pub excludes: Vec<&'static str>,
    /// AWS's own key, if it is an attribute or a shorthand of one.
    pub attribute: Option<&'static str>,
    /// A good value, in YAML.
    pub example: Option<&'static str>,
    /// Where AWS documents it.
    pub source: Option<&'static str>,
    /// The keys within it.
    pub keys: Vec<SubKey>,
}

/// A key within a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubKey {
    /// The key; `NAME` for a name of one's own.
    pub key: String,
    /// What it is for.
    pub meaning: String,
}

/// A path that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// The word that is no key.
    pub word: String,
    /// Where it would stand: `a health check`.
    pub within: &'static str,
    /// The paths that may have been meant, the likeliest first.
    pub meant: Vec<String>,
    /// The keys there.
    pub keys: Vec<String>,
}

/// The documentation of a key, given by its path from the top; names of one's own may be in it or left
/// out, and so may everything before a key that there is only once.
///
/// # Errors
/// There is no such key, or there are several.
pub fn explain(path: &str) -> Result<Key, UnknownKey> {
    let words: Vec<&str> = path.split('.').map(str::trim).filter(|w| !w.is_empty()).collect();
    let first = words.first().copied().unwrap_or_default();
    let at_top = DOCUMENT.fields.iter().any(|f| f.key == first);
    if at_top {
        return walk(&words);
    }
    let ending = ends_with(&words);
    match &ending[..] {
        [only] => walk(&only.split('.').collect::<Vec<_>>()),
        [] => walk(&words).map_err(|unknown| {
            let near = nearest(words.last().copied().unwrap_or_default(), all_keys());
            let meant = near.map(|key| ends_with(&[key])).unwrap_or_default();
            UnknownKey { meant: if unknown.meant.is_empty() { meant } else { unknown.meant }, ..unknown }
        }),
        _ => Err(UnknownKey { word: words.join("."), within: DOCUMENT.noun, meant: ending, keys: Vec::new() }),
    }
}

/// The description of a field in a paragraph, for editors.
pub(super) fn described(field: &Field) -> String {
    let mut text = field.doc.to_owned();
    if !field.default.is_empty() {
        text.push_str(&format!(" Without it: {}.", field.default));
    }
    if field.change == Change::Replace {
        text.push_str(" AWS never lets it change.");
    }
    if !field.source.is_empty() {
        text.push_str(&format!(" ({})", field.source));
    }
    text
}

/// The description of an attribute, for editors.
pub(super) fn described_attribute(attribute: &Attribute) -> String {
    let default = attribute.default.map(|value| if value.is_empty() { "none" } else { value });
    let default = default.map(|value| format!("AWS's default: {value}."));
    let shorthand = attribute.shorthand.map(|path| format!("Shorthand: `{path}`."));
    default.into_iter().chain(shorthand).collect::<Vec<_>>().join(" ")
}

/// A place in the tables.
enum At {
    Field(&'static Field),
    /// A thing with a name of one's own, under a key.
    One(&'static NamedRule),
    Attribute(&'static Attribute),
}

fn walk(words: &[&str]) -> Result<Key, UnknownKey> {
    let mut place = Within::Map(&DOCUMENT);
    let mut path: Vec<&str> = Vec::new();
    let mut at = None;
    let mut rest = words;
    while let [word, after @ ..] = rest {
        rest = after;
        match place {
            Within::Map(rule) => {
                let field = key_of(rule, word).ok_or_else(|| unknown(&path, word, rule))?;
                path.push(field.key);
                place = within(&field.shape);
                at = Some(At::Field(field));
            }
            Within::Named(rule) => {
                path.push(name_of(rule));
                let inner = within(&rule.value);
                at = Some(At::One(rule));
                place = match &inner {
                    Within::Map(map) if key_of(map, word).is_some() => {
                        // the name was left out
                        rest = &words[words.len() - after.len() - 1..];
                        Within::Map(map)
                    }
                    Within::Map(map) if misspelt(map, word, after) => return Err(unknown(&path, word, map)),
                    Within::Map(_) | Within::Named(_) | Within::Attributes(_) | Within::Nothing => inner,
                };
            }
            Within::Attributes(table) => {
                let key = [&[*word], after].concat().join(".");
                let found = Attribute::find(table, &key).ok_or_else(|| unknown_attribute(&path, &key, table))?;
                path.push(found.key);
                (place, at, rest) = (Within::Nothing, Some(At::Attribute(found)), &[]);
            }
            Within::Nothing => {
                let meant = vec![path.join(".")];
                return Err(UnknownKey { word: (*word).to_owned(), within: "a single value", meant, keys: Vec::new() });
            }
        }
    }
    Ok(key(&path.join("."), at, &place))
}

/// Whether a word where a name may stand is a misspelt key: it is like one, and what follows is no key.
fn misspelt(map: &'static MapRule, word: &str, after: &[&str]) -> bool {
    let near = nearest(word, map.fields.iter().map(|f| f.key)).is_some();
    near && after.first().is_none_or(|next| key_of(map, next).is_none())
}

fn unknown(path: &[&str], word: &str, rule: &'static MapRule) -> UnknownKey {
    let keys: Vec<&str> = rule.fields.iter().map(|f| f.key).collect();
    let meant = nearest(word, keys.iter().copied()).map(|near| [path, &[near]].concat().join("."));
    UnknownKey {
        word: word.to_owned(),
        within: rule.noun,
        meant: meant.into_iter().collect(),
        keys: keys.into_iter().map(str::to_owned).collect(),
    }
}

fn unknown_attribute(path: &[&str], word: &str, table: &'static [Attribute]) -> UnknownKey {
    let keys: Vec<&str> = table.iter().map(|a| a.key).collect();
    let meant = nearest(word, keys.iter().copied()).map(|near| [path, &[near]].concat().join("."));
    let keys = keys.into_iter().map(str::to_owned).collect();
    UnknownKey { word: word.to_owned(), within: "a map of attributes", meant: meant.into_iter().collect(), keys }
}

fn key(path: &str, at: Option<At>, place: &Within) -> Key {
    let mut key = Key {
        path: path.to_owned(),
        meaning: String::new(),
        takes: String::new(),
        required: false,
        default: None,
        change: None,
        excludes: Vec::new(),
        attribute: None,
        example: None,
        source: None,
        keys: sub_keys(place),
    };
    let text = |text: &'static str| (!text.is_empty()).then_some(text);
    match at {
        Some(At::Field(field)) => {
            key.meaning = field.doc.to_owned();
            key.takes = takes(&field.shape);
            key.required = field.required;
            key.default = text(field.default).map(str::to_owned);
            let single = matches!(place, Within::Nothing) || field.change != Change::InPlace;
            key.change = single.then_some(in_words(field.change));
            key.excludes = field.excludes.to_vec();
            key.attribute = text(field.source).and_then(|source| source.rsplit_once("Attribute ")).map(|(_, key)| key);
            key.example = text(field.example);
            key.source = text(field.source);
        }
        Some(At::One(rule)) => {
            key.meaning = format!("One of {}; the key is {}.", rule.noun, rule.key.noun);
            key.takes = takes(&rule.value);
        }
        Some(At::Attribute(attribute)) => {
            key.meaning = match attribute.shorthand {
                Some(shorthand) => format!("The long form of `{shorthand}`."),
                None => "An attribute of AWS's, by its own key.".to_owned(),
            };
            key.takes = super::attribute::expects(attribute.values);
            key.default = attribute.default.map(|v| if v.is_empty() { "nothing".to_owned() } else { v.to_owned() });
            key.change = Some(in_words(Change::InPlace));
            key.attribute = Some(attribute.key);
        }
        None => key.meaning = "The whole file.".to_owned(),
    }
    key
}

const fn in_words(change: Change) -> &'static str {
    match change {
        Change::InPlace => "in place",
        Change::Replace => "AWS never lets it change: another value needs another resource",
        Change::Here => "only no502 reads it, AWS never sees it",
    }
}

/// What a shape takes, with the lengths of texts.
fn takes(shape: &Shape) -> String {
    let length = |rule: &TextRule| match (rule.min, rule.max) {
        (_, max) if max >= 2048 => String::new(),
        (0 | 1, max) => format!(", at most {max} characters"),
        (min, max) => format!(", {min} to {max} characters"),
    };
    match shape {
        Shape::Text(rule) => format!("{}{}", rule.noun, length(rule)),
        Shape::OneOrMany(item) => format!("{}; or a list of them", takes(item)),
        Shape::List(item) => format!("a list; each is {}", takes(item)),
        Shape::AnyOf(shapes) => shapes.iter().map(takes).collect::<Vec<_>>().join("; or "),
        Shape::Bool
        | Shape::Number(..)
        | Shape::Seconds(..)
        | Shape::ZeroOrSeconds(..)
        | Shape::Scalar
        | Shape::Words(_)
        | Shape::Map(_)
        | Shape::Named(_)
        | Shape::Attributes(_) => shape.expects(),
    }
}

fn sub_keys(place: &Within) -> Vec<SubKey> {
    match place {
        Within::Map(rule) => {
            let known = rule.fields.iter();
            known.map(|f| SubKey { key: f.key.to_owned(), meaning: f.doc.to_owned() }).collect()
        }
        Within::Named(rule) => {
            vec![SubKey {
                key: name_of(rule).to_owned(),
                meaning: format!("{}: {}", rule.key.noun, takes(&rule.value)),
            }]
        }
        Within::Attributes(table) => {
            let known = table.iter().filter(|a| a.applies != Applies::Fixed);
            known.map(|a| SubKey { key: a.key.to_owned(), meaning: attribute_line(a) }).collect()
        }
        Within::Nothing => Vec::new(),
    }
}

fn attribute_line(attribute: &Attribute) -> String {
    match attribute.values {
        Values::Text => described_attribute(attribute),
        Values::Bool | Values::Number(..) | Values::ZeroOrNumber(..) | Values::WordOrNumber(..) | Values::OneOf(_) => {
            format!("{}. {}", super::attribute::expects(attribute.values), described_attribute(attribute))
        }
    }
}
