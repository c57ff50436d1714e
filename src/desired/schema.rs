//! The JSON Schema of the language, printed from its description.

use serde_json::{Map, Value, json};

use super::kind::top::DOCUMENT;
use super::shape::{Field, MapRule, Shape, TextRule};
use crate::model::attribute::{Applies, Attribute, Values};

/// The JSON Schema (draft 2020-12) of a desired file, for editors.
pub fn schema() -> Value {
    let mut schema = map(&DOCUMENT);
    if let Value::Object(object) = &mut schema {
        object.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".to_owned(), json!("no502 desired state"));
        object.insert(
            "description".to_owned(),
            json!("What AWS Application Load Balancers shall be. Files merge by key, so that each may hold a part."),
        );
    }
    schema
}

fn map(rule: &MapRule) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in rule.fields.iter().filter(|f| f.supported) {
        properties.insert(field.key.to_owned(), property(field));
        if field.required {
            required.push(json!(field.key));
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = Value::Array(required);
    }
    schema
}

fn property(field: &Field) -> Value {
    let mut schema = shape(&field.shape);
    if let Value::Object(object) = &mut schema {
        let doc =
            if field.source.is_empty() { field.doc.to_owned() } else { format!("{} ({})", field.doc, field.source) };
        object.insert("description".to_owned(), json!(doc));
    }
    schema
}

/// What a variable may stand for.
fn variable() -> Value {
    json!({ "type": "string", "pattern": r"\$\{" })
}

fn or_variable(schema: Value) -> Value {
    json!({ "anyOf": [schema, variable()] })
}

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Bool => or_variable(json!({ "type": "boolean" })),
        Shape::Number(low, high) => or_variable(json!({ "type": "integer", "minimum": low, "maximum": high })),
        Shape::Seconds(low, high) => durations(json!({ "type": "integer", "minimum": low, "maximum": high })),
        Shape::ZeroOrSeconds(low, high) => {
            durations(json!({ "anyOf": [{ "const": 0 }, { "type": "integer", "minimum": low, "maximum": high }] }))
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

fn durations(seconds: Value) -> Value {
    json!({ "anyOf": [seconds, { "type": "string", "pattern": "^[0-9]+[smh]?$" }, variable()] })
}

fn text(rule: &TextRule) -> Value {
    let mut schema = json!({ "type": "string", "maxLength": rule.max });
    if rule.min > 0 {
        schema["minLength"] = json!(rule.min);
    }
    if rule.pattern.is_empty() {
        return schema;
    }
    schema["pattern"] = json!(rule.pattern);
    or_variable(schema)
}

fn attributes(table: &[Attribute]) -> Value {
    let mut properties = Map::new();
    for attribute in table.iter().filter(|a| a.applies != Applies::Fixed) {
        let mut schema = or_variable(match attribute.values {
            Values::Bool => json!({ "enum": [true, false, "true", "false"] }),
            Values::Number(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
            Values::ZeroOrNumber(low, high) => {
                json!({ "anyOf": [{ "const": 0 }, { "type": "integer", "minimum": low, "maximum": high }] })
            }
            Values::WordOrNumber(word, low, high) => {
                json!({ "anyOf": [{ "const": word }, { "type": "integer", "minimum": low, "maximum": high }] })
            }
            Values::OneOf(words) => json!({ "enum": words }),
            Values::Text => json!({ "type": "string", "maxLength": 1024 }),
        });
        let mut doc = String::new();
        if let Some(default) = attribute.default {
            doc = format!("AWS's default: {}", if default.is_empty() { "none" } else { default });
        }
        if let Some(shorthand) = attribute.shorthand {
            doc = format!("{doc}. Shorthand: `{shorthand}`");
        }
        if !doc.is_empty() {
            schema["description"] = json!(doc);
        }
        properties.insert(attribute.key.to_owned(), schema);
    }
    json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": false })
}
