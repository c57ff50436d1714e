//! The tree of a YAML file: scalars, lists and maps with their places, before anyone knows what they mean.
//!
//! Texts are borrowed from the file where it spells them as they are meant: most of a tree is its texts.

use std::borrow::Cow;

use crate::model::Span;

/// How a scalar was written, which decides what it can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Unquoted: a number, a bool or null if it looks like one (YAML 1.2 core schema), else text.
    Plain,
    /// Quoted or a block: always text.
    Quoted,
    /// Made from `${name}`: whatever is wanted where it stands.
    Variable,
    /// Already said to be wrong: nothing more is said about it.
    Broken,
}

/// What a plain scalar is in the core schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Core {
    Null,
    Bool,
    Number,
    Text,
}

/// A scalar.
#[derive(Clone, Debug)]
pub(super) struct Scalar<'t> {
    pub text: Cow<'t, str>,
    pub style: Style,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Value<'t> {
    Scalar(Scalar<'t>),
    List(Vec<Node<'t>>),
    Map(Vec<Entry<'t>>),
}

/// A value and its place. The span of a list or a map ends with its first line.
#[derive(Clone, Debug)]
pub(super) struct Node<'t> {
    pub span: Span,
    pub value: Value<'t>,
}

/// One key of a map with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry<'t> {
    pub key: Cow<'t, str>,
    pub key_span: Span,
    pub value: Node<'t>,
}

impl Scalar<'_> {
    /// What it is in the core schema.
    pub fn core(&self) -> Core {
        match self.style {
            Style::Quoted | Style::Variable | Style::Broken => Core::Text,
            Style::Plain => core_of(&self.text),
        }
    }
}

impl<'t> Node<'t> {
    /// The scalar, if it is one.
    pub const fn scalar(&self) -> Option<&Scalar<'t>> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::List(_) | Value::Map(_) => None,
        }
    }
    /// The scalar's text, if it is one.
    pub fn text(&self) -> Option<&str> {
        self.scalar().map(|s| &*s.text)
    }
    /// The entries, if it is a map.
    pub fn map(&self) -> Option<&[Entry<'t>]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar(_) | Value::List(_) => None,
        }
    }
    /// The items of a list; any other node is its own only item.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar(_) | Value::Map(_) => std::slice::from_ref(self),
        }
    }
    /// Whether a problem with it was already said.
    pub fn is_broken(&self) -> bool {
        self.scalar().is_some_and(|s| s.style == Style::Broken)
    }
    /// Whether it is an unquoted null.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|s| s.core() == Core::Null)
    }
    /// What it is, for messages: `a list`, `the number 5`.
    pub fn described(&self) -> String {
        match &self.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Scalar(s) => match s.core() {
                Core::Null => "nothing".to_owned(),
                Core::Bool => format!("the bool {}", s.text),
                Core::Number => format!("the number {}", shortened(&s.text)),
                Core::Text => format!("the text \"{}\"", shortened(&s.text)),
            },
        }
    }
    /// How many levels it has: 1 for a scalar.
    pub fn height(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Self::height).max().unwrap_or(0),
            Value::Map(entries) => entries.iter().map(|e| e.value.height()).max().unwrap_or(0),
        }
    }
    /// How many nodes it has, itself included.
    pub fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|e| e.value.size()).sum(),
        }
    }
}

/// The entry of a map with this key.
pub(super) fn find<'n, 't>(entries: &'n [Entry<'t>], key: &str) -> Option<&'n Entry<'t>> {
    entries.iter().find(|e| &*e.key == key)
}

/// A text cut to what fits a message.
pub(super) fn shortened(text: &str) -> String {
    const MAX: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > MAX || line.len() < text.len() {
        format!("{}…", line.chars().take(MAX).collect::<String>())
    } else {
        line.to_owned()
    }
}

fn core_of(text: &str) -> Core {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Core::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Core::Bool,
        ".nan" | ".NaN" | ".NAN" => return Core::Number,
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Core::Number;
    }
    let digits = |t: &str, radix: u32| !t.is_empty() && t.chars().all(|c| c.is_digit(radix));
    if text.strip_prefix("0o").is_some_and(|t| digits(t, 8)) || text.strip_prefix("0x").is_some_and(|t| digits(t, 16)) {
        return Core::Number;
    }
    let starts = unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|c: char| c.is_ascii_digit());
    if starts && unsigned.parse::<f64>().is_ok() { Core::Number } else { Core::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema_is_yaml_1_2() {
        for (text, core) in [
            ("no", Core::Text),
            ("on", Core::Text),
            ("yes", Core::Text),
            ("true", Core::Bool),
            ("", Core::Null),
            ("~", Core::Null),
            ("8000", Core::Number),
            ("000000000000", Core::Number),
            ("-1.5e3", Core::Number),
            ("0x1F", Core::Number),
            (".inf", Core::Number),
            ("1.2.3.4", Core::Text),
            ("30s", Core::Text),
            ("1_000", Core::Text),
            ("infinity", Core::Text),
            ("12:30", Core::Text),
        ] {
            assert_eq!(core_of(text), core, "{text}");
        }
    }
}
