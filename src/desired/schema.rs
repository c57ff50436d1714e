//! The JSON Schema of the language, printed from its description, for editors and for other tools.
//!
//! Files merge by key, so that a map lacks what another file says: only keys without which a map has
//! no meaning are required. Relations between fields that a schema cannot say are left to `validate`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::kind::top::DOCUMENT;
use super::pattern;
use super::shape::{Field, MapRule, Shape, TextRule};
use crate::model::attribute::{Applies, Attribute, Values};

/// The JSON Schema (draft 2020-12) of a desired file, for editors.
pub fn schema() -> Value {
    let mut schema = map(&DOCUMENT);
    if let Value::Object(object) = &mut schema {
        object.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        // no title: editors would show it above the description of every key
        object.insert(
            "description".to_owned(),
            json!(
                "The desired state of no502: what AWS Application Load Balancers shall be. Files merge by key, so that \
                 each may hold a part."
            ),
        );
    }
    schema
}

fn map(rule: &MapRule) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let (mut never, mut needed) = (Vec::new(), Vec::new());
    let mut pairs = BTreeSet::new();
    for field in rule.fields.iter() {
        properties.insert(field.key.to_owned(), property(field));
        if field.required {
            required.push(json!(field.key));
        }
        pairs.extend(field.excludes.iter().map(|other| (field.key.min(other), field.key.max(other))));
        if let Some((other, values)) = field.never_with {
            let mut pair = json!({ "required": [field.key, other] });
            pair["properties"] = json!({ other: { "enum": values } });
            never.push(pair);
        }
        if let Some((other, values)) = field.needed_unless {
            let other_way = json!({ "required": [other], "properties": { other: { "enum": values } } });
            needed.push(json!({ "anyOf": [{ "required": [field.key] }, other_way] }));
        }
    }
    never.extend(pairs.into_iter().map(|(one, other)| json!({ "required": [one, other] })));
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if required.is_empty() {
        // a key whose value is left empty says nothing
        schema["type"] = json!(["object", "null"]);
    } else {
        schema["required"] = Value::Array(required);
    }
    if !never.is_empty() {
        schema["not"] = json!({ "anyOf": never });
    }
    if !needed.is_empty() {
        schema["allOf"] = Value::Array(needed);
    }
    schema
}

fn property(field: &Field) -> Value {
    let mut schema = shape(&field.shape);
    if let Value::Object(object) = &mut schema {
        object.insert("description".to_owned(), json!(super::key::described(field)));
        if let Some((fewest, most)) = field.size {
            // each bounds values of its own type only
            for (list, map, bound) in [("minItems", "minProperties", fewest), ("maxItems", "maxProperties", most)] {
                object.insert(list.to_owned(), json!(bound));
                object.insert(map.to_owned(), json!(bound));
            }
        }
        if field.unique {
            object.insert("uniqueItems".to_owned(), json!(true));
        }
        if let Ok(Some(example)) = example(field.example) {
            object.insert("examples".to_owned(), json!([example]));
        }
    }
    schema
}

/// An example as JSON: a bare word is a text.
fn example(text: &str) -> serde_json::Result<Option<Value>> {
    match text {
        "" => Ok(None),
        text if text.starts_with(['{', '[']) => Ok(None),
        text => Ok(Some(serde_json::from_str(text).unwrap_or_else(|_| json!(text)))),
    }
}

/// Finds a variable in a text.
const VARIABLE: &str = r"\$\{";

/// What a variable may stand for.
fn variable() -> Value {
    json!({ "type": "string", "pattern": VARIABLE })
}

fn or_variable(schema: Value) -> Value {
    json!({ "anyOf": [schema, variable()] })
}

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Bool => or_variable(json!({ "type": "boolean" })),
        Shape::Number(low, high) => number_or_text(of, bounds(*low, *high), VARIABLE),
        Shape::Seconds(low, high) => {
            let pattern = format!("^{}$|{VARIABLE}", pattern::durations(*low, *high));
            number_or_text(of, bounds(*low, *high), &pattern)
        }
        Shape::ZeroOrSeconds(low, high) => {
            let pattern = format!("^({}|0+[smh]?)$|{VARIABLE}", pattern::durations(*low, *high));
            number_or_text(of, json!({ "anyOf": [{ "const": 0 }, bounds(*low, *high)] }), &pattern)
        }
        Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Words(words) => or_variable(json!({ "enum": words })),
        Shape::Text(rule) => text(rule),
        Shape::Map(rule) => map(rule),
        Shape::Named(rule) => {
            let mut schema = json!({ "type": ["object", "null"], "additionalProperties": shape(&rule.value) });
            if !rule.key.pattern.is_empty() {
                schema["propertyNames"] = or_variable(json!({ "pattern": rule.key.pattern }));
            }
            schema
        }
        Shape::List(item) => json!({ "type": "array", "items": shape(item) }),
        Shape::OneOrMany(item) => {
            let one = shape(item);
            json!({ "anyOf": [{ "type": "array", "items": one.clone() }, one] })
        }
        Shape::AnyOf(shapes) => json!({ "anyOf": shapes.iter().map(shape).collect::<Vec<_>>() }),
        Shape::Attributes(table) => attributes(table),
    }
}

fn integer(low: u32, high: u32) -> Value {
    json!({ "type": "integer", "minimum": low, "maximum": high })
}

/// Bounds of numbers, which say nothing of texts.
fn bounds(low: u32, high: u32) -> Value {
    json!({ "minimum": low, "maximum": high })
}

/// A number within bounds, or a text of a pattern: one schema without alternatives, so that an editor says what is
/// wrong with the number or the text, not that it should have been the other. `patternErrorMessage` is what the
/// language servers of VS Code and of YAML say; others pass over it.
fn number_or_text(of: &Shape, mut bounds: Value, pattern: &str) -> Value {
    bounds["type"] = json!(["integer", "string"]);
    bounds["pattern"] = json!(pattern);
    bounds["patternErrorMessage"] = json!(format!("Write {}.", of.expects()));
    bounds
}

fn text(rule: &TextRule) -> Value {
    let mut schema = json!({ "type": "string", "maxLength": rule.max });
    if rule.min > 0 {
        schema["minLength"] = json!(rule.min);
    }
    if !rule.pattern.is_empty() {
        schema["pattern"] = json!(rule.pattern);
    }
    or_variable(schema)
}

fn attributes(table: &[Attribute]) -> Value {
    let mut properties = Map::new();
    for attribute in table.iter().filter(|a| a.applies != Applies::Fixed) {
        let mut schema = or_variable(attribute_value(attribute.values));
        let doc = super::key::described_attribute(attribute);
        if !doc.is_empty() {
            schema["description"] = json!(doc);
        }
        properties.insert(attribute.key.to_owned(), schema);
    }
    json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": false })
}

/// AWS has texts only: a number may be quoted.
fn attribute_value(values: Values) -> Value {
    let number = |low: u32, high: u32| json!({ "anyOf": [integer(low, high), { "type": "string", "pattern": format!("^{}$", pattern::numbers(low, high)) }] });
    match values {
        Values::Bool => json!({ "enum": [true, false, "true", "false"] }),
        Values::Number(low, high) => number(low, high),
        Values::ZeroOrNumber(low, high) => json!({ "anyOf": [{ "enum": [0, "0"] }, number(low, high)] }),
        Values::WordOrNumber(word, low, high) => json!({ "anyOf": [{ "const": word }, number(low, high)] }),
        Values::OneOf(words) => match words.contains(&"true") {
            // YAML makes a bool of the bare word
            true => json!({ "anyOf": [{ "enum": words }, { "type": "boolean" }] }),
            false => json!({ "enum": words }),
        },
        Values::Text => json!({ "type": ["string", "number", "boolean"], "maxLength": 1024 }),
    }
}
