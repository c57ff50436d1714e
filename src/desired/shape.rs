//! How the language is described: tables of fields with their documentation and what they take.
//!
//! One description serves the structural check (`check`), the JSON Schema (`schema`) and `explain`
//! (`key`). What it cannot say (most relations between fields) is code in `kind`.

use super::found::either;
use crate::model::attribute::Attribute;

/// What a value takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// `true` or `false`.
    Bool,
    /// A whole number of the range.
    Number(u32, u32),
    /// A duration of the range, in seconds.
    Seconds(u32, u32),
    /// Zero, or a duration of the range, in seconds.
    ZeroOrSeconds(u32, u32),
    /// Any scalar: a text, a number or a bool.
    Scalar,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A text that keeps a rule.
    Text(&'static TextRule),
    /// A map with fixed keys.
    Map(&'static MapRule),
    /// A map from names to values of one shape.
    Named(&'static NamedRule),
    /// A list.
    List(&'static Self),
    /// A list, or a single item.
    OneOrMany(&'static Self),
    /// One of several shapes, told apart by what the value looks like.
    AnyOf(&'static [Self]),
    /// Attributes by AWS's key.
    Attributes(&'static [Attribute]),
}

/// What a reference to a secret is, with its article.
pub(super) const SECRET: &str = "a reference to a secret (`{ env: NAME }` or `{ file: PATH }`)";

/// What is wrong with a text: what it must be, and how to mend it.
#[derive(Debug)]
pub(super) struct Complaint {
    /// What the text must be, to be read after its key: ``must start with `/` ``.
    pub must: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Complaint {
    /// A complaint without a hint.
    pub fn must(text: impl Into<String>) -> Self {
        Self { must: text.into(), hint: None }
    }
    /// Adds a hint.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// What a text must be.
#[derive(Debug)]
pub(super) struct TextRule {
    /// What it is, with its article: `a path`.
    pub noun: &'static str,
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// A pattern for the JSON Schema; empty if there is none.
    pub pattern: &'static str,
    /// Says what is wrong, if anything.
    pub check: fn(&str) -> Result<(), Complaint>,
}

impl TextRule {
    /// Any text of this length.
    pub const fn any(noun: &'static str, min: usize, max: usize) -> Self {
        Self { noun, min, max, pattern: "", check: |_| Ok(()) }
    }
}

/// A map with fixed keys.
#[derive(Debug)]
pub(super) struct MapRule {
    /// What it is, with its article: `a health check`.
    pub noun: &'static str,
    /// Its keys.
    pub fields: &'static [Field],
}

/// A map whose keys are names.
#[derive(Debug)]
pub(super) struct NamedRule {
    /// What it is, with its article: `a map of target groups`.
    pub noun: &'static str,
    /// What the keys must be.
    pub key: &'static TextRule,
    /// What the values are.
    pub value: Shape,
}

/// One key of a map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// The key.
    pub key: &'static str,
    /// What it is for, in a sentence.
    pub doc: &'static str,
    /// What it takes.
    pub shape: Shape,
    /// Where the fact about its range comes from, for hints.
    pub source: &'static str,
    /// Whether the map is useless without it, whatever other files add.
    pub required: bool,
    /// A value that is good, in YAML.
    pub example: &'static str,
    /// What holds without it, in words.
    pub default: &'static str,
    /// What it takes to change it.
    pub change: Change,
    /// Keys of the same map that exclude it.
    pub excludes: &'static [&'static str],
    /// A key of the same map, and the values of it that exclude this one.
    pub never_with: Option<(&'static str, &'static [&'static str])>,
    /// A key of the same map, and the values of it without which this one is needed as well.
    pub needed_unless: Option<(&'static str, &'static [&'static str])>,
    /// Fewest and most entries of a list or a map. The check says more of it, where it knows more.
    pub size: Option<(usize, usize)>,
    /// Whether its items differ from each other.
    pub unique: bool,
}

/// What it takes to change a field of something that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// One call.
    InPlace,
    /// AWS never lets it change.
    Replace,
    /// Nothing: AWS never sees it.
    Here,
}

/// A field.
pub(super) const fn field(key: &'static str, doc: &'static str, shape: Shape) -> Field {
    Field {
        key,
        doc,
        shape,
        source: "",
        required: false,
        example: "",
        default: "",
        change: Change::InPlace,
        excludes: &[],
        never_with: None,
        needed_unless: None,
        size: None,
        unique: false,
    }
}

impl Field {
    /// Names the source of the field's range.
    pub const fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }
    /// Makes it required.
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }
    /// Adds a good value, in YAML.
    pub const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
    /// Says what holds without it.
    pub const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
    /// Says that AWS never lets it change.
    pub const fn replaces(self) -> Self {
        Self { change: Change::Replace, ..self }
    }
    /// Says that AWS never sees it.
    pub const fn here(self) -> Self {
        Self { change: Change::Here, ..self }
    }
    /// Names the keys that exclude it.
    pub const fn excludes(self, excludes: &'static [&'static str]) -> Self {
        Self { excludes, ..self }
    }
    /// Makes it needed unless another key has one of these values.
    pub const fn needed_unless(self, key: &'static str, values: &'static [&'static str]) -> Self {
        Self { needed_unless: Some((key, values)), ..self }
    }
    /// Bounds how many entries it has.
    pub const fn size(self, fewest: usize, most: usize) -> Self {
        Self { size: Some((fewest, most)), ..self }
    }
    /// Says that its items differ from each other.
    pub const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }
    /// Names a key, and the values of it that exclude this one.
    pub const fn never_with(self, key: &'static str, values: &'static [&'static str]) -> Self {
        Self { never_with: Some((key, values)), ..self }
    }
}

impl Shape {
    /// What it takes, in words.
    pub fn expects(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Number(low, high) if low == high => format!("the number {low}"),
            Self::Number(low, high) if low + 1 == *high => format!("{low} or {high}"),
            Self::Number(low, high) => format!("a number from {low} to {high}"),
            Self::Seconds(low, high) => format!("a duration from {} to {}", duration(*low), duration(*high)),
            Self::ZeroOrSeconds(low, high) => {
                format!("0s, or a duration from {} to {}", duration(*low), duration(*high))
            }
            Self::Scalar => "a text, a number or a bool".to_owned(),
            Self::Words(words) => either(words),
            Self::Text(rule) => rule.noun.to_owned(),
            Self::Map(rule) => rule.noun.to_owned(),
            Self::Named(rule) => rule.noun.to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::OneOrMany(item) => format!("{}, or a list of them", item.expects()),
            Self::AnyOf(shapes) => shapes.iter().map(Self::expects).collect::<Vec<_>>().join(", or "),
            Self::Attributes(_) => "a map of attributes".to_owned(),
        }
    }
}

/// What is said of a map to those who wrote something else.
pub(super) fn form(shape: &Shape) -> Option<String> {
    match shape {
        Shape::Map(rule) => {
            let mut keys: Vec<&Field> = Vec::new();
            for field in rule.fields.iter() {
                if !keys.iter().any(|taken| taken.excludes.contains(&field.key)) {
                    keys.push(field);
                }
            }
            let more = if keys.len() > 3 { ", …" } else { "" };
            let shown: Vec<String> = keys.iter().take(3).map(|f| format!("{}: …", f.key)).collect();
            Some(format!("write {{ {}{more} }}", shown.join(", ")))
        }
        Shape::Named(rule) => Some(format!("write `KEY: …` entries; each key is {}", rule.key.noun)),
        Shape::List(_) => Some("write `- …` lines, or [ …, … ]".to_owned()),
        Shape::OneOrMany(item) => form(item),
        Shape::AnyOf(shapes) => shapes.iter().find_map(form),
        Shape::Bool
        | Shape::Number(..)
        | Shape::Seconds(..)
        | Shape::ZeroOrSeconds(..)
        | Shape::Scalar
        | Shape::Words(_)
        | Shape::Text(_)
        | Shape::Attributes(_) => None,
    }
}

/// Every word that a shape takes.
pub(super) fn words(shape: &Shape) -> Vec<&'static str> {
    match shape {
        Shape::Words(words) => words.to_vec(),
        Shape::Bool => vec!["true", "false"],
        Shape::OneOrMany(item) | Shape::List(item) => words(item),
        Shape::AnyOf(shapes) => shapes.iter().flat_map(words).collect(),
        Shape::Number(..)
        | Shape::Seconds(..)
        | Shape::ZeroOrSeconds(..)
        | Shape::Scalar
        | Shape::Text(_)
        | Shape::Map(_)
        | Shape::Named(_)
        | Shape::Attributes(_) => Vec::new(),
    }
}

/// Seconds as people write them.
pub(super) fn duration(seconds: u32) -> String {
    match seconds {
        s if s > 0 && s % 3600 == 0 => format!("{}h", s / 3600),
        s if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// Reads `30s`, `5m`, `1h` or bare seconds.
pub(super) fn parse_seconds(text: &str) -> Result<u32, Complaint> {
    let form = || Complaint::must("must be a duration").hint("write `30s`, `5m`, `1h`, or seconds as a number");
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "ms" => return Err(Complaint::must("must be whole seconds").hint("AWS counts in whole seconds, e.g. `1s`")),
        _ => return Err(form()),
    };
    if number.is_empty() {
        return Err(form());
    }
    let number: u64 = number.parse().map_err(|_| Complaint::must("is too long a duration"))?;
    u32::try_from(number.saturating_mul(factor)).map_err(|_| Complaint::must("is too long a duration"))
}

/// Reads a bool of the core schema.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("1h", 3600), ("0", 0), ("0s", 0), ("90", 90)] {
            assert_eq!(parse_seconds(text).unwrap(), seconds, "{text}");
        }
        for bad in ["", "s", "1d", "500ms", "-1s", "1.5s", "1h30m", "99999999999h", "1 s"] {
            assert!(parse_seconds(bad).is_err(), "{bad}");
        }
        assert_eq!(
            (duration(30), duration(300), duration(604_800), duration(0)),
            ("30s".into(), "5m".into(), "168h".into(), "0s".into())
        );
    }
}
