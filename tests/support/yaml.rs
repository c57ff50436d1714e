//! YAML as an editor's language server reads it: the core schema of YAML 1.2, with anchors and merge keys.
//!
//! It knows nothing of the desired-state language, so that a schema can be tried without the decoder.

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

/// The documents of a text as JSON; `None` if it is no YAML, or if JSON cannot say it (a key twice, a key that is no
/// text, a tag).
pub fn to_json(text: &str) -> Option<Vec<Value>> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: std::collections::HashMap<usize, Value> = Default::default();
    for event in Parser::new_from_str(text) {
        let (value, anchor) = match event.ok()?.0 {
            Event::Scalar(text, style, anchor, tag) => {
                tag.is_none().then_some(())?;
                let plain = style == ScalarStyle::Plain;
                (if plain { core(&text) } else { Value::String(text.into_owned()) }, anchor)
            }
            Event::Alias(id) => (anchors.get(&id)?.clone(), 0),
            Event::SequenceStart(_, anchor, _) => {
                open.push(Open { anchor, value: Value::Array(Vec::new()), key: None });
                continue;
            }
            Event::MappingStart(_, anchor, _) => {
                open.push(Open { anchor, value: Value::Object(Map::new()), key: None });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let done = open.pop()?;
                (done.value, done.anchor)
            }
            _ => continue,
        };
        if anchor > 0 {
            anchors.insert(anchor, value.clone());
        }
        match open.last_mut() {
            None => documents.push(value),
            Some(open) => open.take(value)?,
        }
    }
    Some(documents)
}

/// A list or a map that is not closed yet.
struct Open {
    anchor: usize,
    value: Value,
    key: Option<String>,
}

impl Open {
    fn take(&mut self, value: Value) -> Option<()> {
        match (&mut self.value, self.key.take()) {
            (Value::Array(items), _) => items.push(value),
            (Value::Object(_), None) => {
                self.key = Some(match value {
                    Value::String(key) => key,
                    Value::Number(key) => key.to_string(),
                    Value::Bool(key) => key.to_string(),
                    _ => return None,
                });
            }
            (Value::Object(map), Some(key)) if key == "<<" => {
                for (key, value) in value.as_object()? {
                    map.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
            (Value::Object(map), Some(key)) => map.insert(key, value).is_none().then_some(())?,
            _ => return None,
        }
        Some(())
    }
}

/// What a plain scalar is.
fn core(text: &str) -> Value {
    match text {
        "" | "~" | "null" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>() {
        return Value::Number(number.into());
    }
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let number = text.parse::<f64>().ok().filter(|n| begins && n.is_finite()).and_then(Number::from_f64);
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

#[test]
fn yaml_becomes_json() {
    let json = |text: &str| to_json(text).map(|all| Value::Array(all).to_string());
    assert_eq!(json("a: [1, '1', yes, true, ~, 1.5]").unwrap(), r#"[{"a":[1,"1","yes",true,null,1.5]}]"#);
    assert_eq!(json("a: &x { b: 1 }\nc: { <<: *x, d: 2 }").unwrap(), r#"[{"a":{"b":1},"c":{"b":1,"d":2}}]"#);
    assert_eq!(json("1: a\n---\nb").unwrap(), r#"[{"1":"a"},"b"]"#);
    for bad in ["a: b: c", "a: 1\na: 2", "? [x]\n: y", "a: !!str 5"] {
        assert_eq!(json(bad), None, "{bad}");
    }
}
