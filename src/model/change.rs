//! Field-level differences, and the comparer that every kind uses to find them.
//!
//! A desired field is an `Option`: `None` is undeclared, never a difference. Live fields are `Some`
//! whenever AWS said so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FieldPath;
use super::attribute::Attribute;

/// What it takes to change a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mutability {
    /// An API call edits it where it is.
    InPlace,
    /// AWS cannot edit it: a successor must take the resource's place.
    Replace,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Which field, in the words of the desired-state language.
    pub path: FieldPath,
    /// The live value; `null` where AWS has none.
    pub live: Value,
    /// The desired value.
    pub desired: Value,
    /// What it takes to change it.
    pub mutability: Mutability,
}

/// A live setting that the files do not mention and that is not AWS's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undeclared {
    /// Which field.
    pub path: FieldPath,
    /// The live value.
    pub live: Value,
    /// AWS's default; `null` where it has none.
    pub default: Value,
}

/// Collects differences between a live and a desired spec of one kind.
#[derive(Debug, Default)]
pub struct Comparer {
    changes: Vec<FieldChange>,
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

impl Comparer {
    /// A declared field that can be edited in place.
    pub fn in_place<T: PartialEq + Serialize>(&mut self, path: &str, live: &Option<T>, want: &Option<T>) {
        self.field(path, live, want, Mutability::InPlace);
    }
    /// A declared field that cannot be edited.
    pub fn replace<T: PartialEq + Serialize>(&mut self, path: &str, live: &Option<T>, want: &Option<T>) {
        self.field(path, live, want, Mutability::Replace);
    }
    fn field<T: PartialEq + Serialize>(&mut self, path: &str, live: &Option<T>, want: &Option<T>, how: Mutability) {
        if want.is_some() && live != want {
            self.push(path, json(live), json(want), how);
        }
    }
    /// A difference found by the kind itself.
    pub fn push(&mut self, path: &str, live: Value, desired: Value, mutability: Mutability) {
        self.changes.push(FieldChange { path: path.into(), live, desired, mutability });
    }
    /// Declared attributes, each at its own path.
    pub fn attributes(
        &mut self,
        table: &'static [Attribute],
        live: &BTreeMap<String, String>,
        want: &BTreeMap<String, String>,
    ) {
        for (key, value) in want {
            if live.get(key) != Some(value) {
                let path = Attribute::path_of(table, key);
                self.push(&path, json(&live.get(key)), json(value), Mutability::InPlace);
            }
        }
    }
    /// Declared tags; tags that the files do not mention are left alone.
    pub fn tags(&mut self, live: &BTreeMap<String, String>, want: &BTreeMap<String, String>) {
        for (key, value) in want {
            if live.get(key) != Some(value) {
                self.push(&format!("tags.{key}"), json(&live.get(key)), json(value), Mutability::InPlace);
            }
        }
    }
    /// The differences, in the order they were found.
    pub fn finish(self) -> Vec<FieldChange> {
        self.changes
    }
}

/// Collects live settings that are undeclared and not AWS's default.
#[derive(Debug, Default)]
pub struct UndeclaredFields {
    found: Vec<Undeclared>,
}

impl UndeclaredFields {
    /// A field with AWS's default.
    pub fn field<T: PartialEq + Serialize>(
        &mut self,
        path: &str,
        live: &Option<T>,
        want: &Option<T>,
        default: Option<T>,
    ) {
        if want.is_none() && live.is_some() && *live != default {
            self.found.push(Undeclared { path: path.into(), live: json(live), default: json(&default) });
        }
    }
    /// Attributes with the table's defaults; keys the table does not know are not judged.
    pub fn attributes(
        &mut self,
        table: &'static [Attribute],
        live: &BTreeMap<String, String>,
        want: &BTreeMap<String, String>,
    ) {
        for attribute in table {
            let Some(value) = live.get(attribute.key) else { continue };
            let Some(default) = attribute.default else { continue };
            if !want.contains_key(attribute.key) && value != default {
                self.found.push(Undeclared {
                    path: Attribute::path_of(table, attribute.key).into(),
                    live: json(value),
                    default: json(&default),
                });
            }
        }
    }
    /// What was found.
    pub fn finish(self) -> Vec<Undeclared> {
        self.found
    }
}
