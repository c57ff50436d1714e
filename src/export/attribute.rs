//! Attributes and tags: what is AWS's default or ours is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::yaml::{Map, Node};
use crate::model::attribute::{Applies, Attribute, Values};

/// The attributes that are worth a line: known, not AWS's default, not fixed by it.
pub(super) struct Attributes<'a> {
    table: &'static [Attribute],
    live: &'a BTreeMap<String, String>,
    said: BTreeSet<&'static str>,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(table: &'static [Attribute], live: &'a BTreeMap<String, String>) -> Self {
        Self { table, live, said: BTreeSet::new() }
    }
    /// A live value.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.live.get(key).map(String::as_str)
    }
    /// A live value that is not AWS's default; from now on it counts as said.
    pub(super) fn changed(&mut self, key: &'static str) -> Option<&'a str> {
        let known = Attribute::find(self.table, key)?;
        self.said.insert(key);
        self.get(key).filter(|value| Some(*value) != known.default)
    }
    /// A number of seconds that is not AWS's default, as a duration.
    pub(super) fn seconds(&mut self, key: &'static str) -> Option<Node> {
        self.changed(key)?.parse().ok().map(Node::seconds)
    }
    /// Lets a key count as said.
    pub(super) fn skip(&mut self, key: &'static str) {
        self.said.insert(key);
    }
    /// Writes what was not said yet under `attributes:`, of the keys that apply here.
    pub(super) fn rest(self, map: &mut Map, applies: impl Fn(Applies) -> bool) {
        let mut rest = Map::default();
        for attribute in self.table {
            let Some(value) = self.live.get(attribute.key) else { continue };
            let default = attribute.default == Some(value.as_str());
            if default || self.said.contains(attribute.key) || !applies(attribute.applies) {
                continue;
            }
            let node = match attribute.values {
                Values::Bool | Values::Number(..) | Values::ZeroOrNumber(..) => Node::plain(value),
                Values::WordOrNumber(..) | Values::OneOf(_) | Values::Text => Node::text(value),
            };
            rest.put(attribute.key, node);
        }
        map.put_map("attributes", rest);
        let unknown: Vec<&str> =
            self.live.keys().map(String::as_str).filter(|key| Attribute::find(self.table, key).is_none()).collect();
        if !unknown.is_empty() {
            map.remark(&format!("left alone: attributes that this version does not know: {}", unknown.join(", ")));
        }
    }
}

/// The tags that a file may declare: no502's own and AWS's are not.
pub(super) fn tags(map: &mut Map, live: &BTreeMap<String, String>) {
    let mut tags = Map::flow();
    let reserved = |key: &str| key.starts_with("no502:") || key.to_ascii_lowercase().starts_with("aws:");
    for (key, value) in live.iter().filter(|(key, _)| !reserved(key)) {
        tags.put(key, Node::text(value));
    }
    map.put_map("tags", tags);
}
