//! Conditions of rules, and the header values that must not be written down.

use std::collections::{BTreeMap, BTreeSet};

use super::yaml::{Map, Node};
use crate::model::Text;
use crate::model::kind::{Conditions, HeaderCondition, QueryMatch};

/// Parts of a header's name that say its value is a secret.
const TELLING: [&str; 6] = ["secret", "token", "key", "password", "authorization", "x-origin-verify"];

/// The secrets of a file: which variable stands for which value.
#[derive(Default)]
pub(super) struct Secrets {
    /// The values by environment variable.
    pub(super) values: BTreeMap<String, String>,
    /// The variables of secrets that cannot be read, with the client that each is for: issuer and id.
    pub(super) clients: BTreeMap<String, (String, String)>,
}

impl Secrets {
    /// The variables that stand in for the secrets of these conditions.
    pub(super) fn hidden_in(&self, when: &Conditions) -> Vec<String> {
        let secret = when.header.iter().filter(|h| h.values.iter().any(|v| is_secret(&h.name, v)));
        secret.map(|header| header.name.clone()).collect()
    }

    /// `when:`.
    pub(super) fn when(&mut self, when: &Conditions) -> Map {
        let Conditions { host, host_regex, path, path_regex, method, header, header_regex, query, source_ip } = when;
        let texts = |set: &BTreeSet<String>| {
            (!set.is_empty()).then(|| Node::one_or_many(set.iter().map(|text| Node::text(text))))
        };
        let mut map = Map::flow();
        map.put_some("host", texts(host));
        map.put_some("host_regex", texts(host_regex));
        map.put_some("path", texts(path));
        map.put_some("path_regex", texts(path_regex));
        map.put_some("method", texts(method));
        map.put_some("header", headers(header, |name, value| self.value(name, value)));
        map.put_some("header_regex", headers(header_regex, |_, value| Node::text(&value.to_string())));
        map.put_some("query", queries(query));
        map.put_some("source_ip", texts(source_ip));
        map
    }

    fn value(&mut self, header: &str, value: &Text) -> Node {
        match value {
            Text::Plain(text) if !is_secret(header, value) => Node::text(text),
            Text::Plain(text) => reference(&self.variable(header, text)),
            Text::Secret { .. } => reference(&self.variable(header, "")),
        }
    }

    /// The variable for a value: one for each, named after the header.
    fn variable(&mut self, header: &str, value: &str) -> String {
        let name: String =
            header.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        let base = if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name };
        let mut number = 1;
        loop {
            let candidate = if number == 1 { base.clone() } else { format!("{base}_{number}") };
            if self.clients.contains_key(&candidate) {
                number += 1;
                continue;
            }
            let known = self.values.entry(candidate.clone()).or_insert_with(|| value.to_owned());
            if known == value {
                return candidate;
            }
            number += 1;
        }
    }
}

/// One map, unless a name comes twice.
fn headers(conditions: &BTreeSet<HeaderCondition>, mut value: impl FnMut(&str, &Text) -> Node) -> Option<Node> {
    let names: BTreeSet<&str> = conditions.iter().map(|h| h.name.as_str()).collect();
    let apart = names.len() < conditions.len();
    let mut maps = vec![Map::flow()];
    for HeaderCondition { name, values } in conditions {
        let values: Vec<Node> = values.iter().map(|text| value(name, text)).collect();
        if apart {
            maps.push(Map::flow());
        }
        if let Some(map) = maps.last_mut() {
            map.put(name, Node::one_or_many(values));
        }
    }
    let maps: Vec<Node> = maps.into_iter().filter(|map| !map.is_empty()).map(Node::Map).collect();
    (!maps.is_empty()).then(|| Node::one_or_many(maps))
}

pub(super) fn reference(variable: &str) -> Node {
    let mut map = Map::flow();
    map.put("env", Node::text(variable));
    Node::Map(map)
}

fn is_secret(header: &str, value: &Text) -> bool {
    let name = header.to_ascii_lowercase();
    value.is_secret() || TELLING.iter().any(|part| name.contains(part))
}

/// Matches of one list are ORed; lists within the list are ANDed.
fn queries(conditions: &BTreeSet<BTreeSet<QueryMatch>>) -> Option<Node> {
    let one = |QueryMatch { key, value }: &QueryMatch| match key {
        Some(key) => {
            let mut map = Map::flow();
            map.put(key, Node::text(value));
            Node::Map(map)
        }
        None => Node::text(value),
    };
    match conditions.first() {
        None => None,
        Some(only) if conditions.len() == 1 => Some(Node::one_or_many(only.iter().map(one))),
        Some(_) => Some(Node::list(conditions.iter().map(|set| Node::list(set.iter().map(one))))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_variable_and_two_have_two() {
        let mut secrets = Secrets::default();
        assert_eq!(secrets.variable("X-Origin-Verify", "a"), "X_ORIGIN_VERIFY");
        assert_eq!(secrets.variable("x-origin-verify", "a"), "X_ORIGIN_VERIFY");
        assert_eq!(secrets.variable("X-Origin-Verify", "b"), "X_ORIGIN_VERIFY_2");
        assert_eq!(secrets.variable("1x", "b"), "_1X");
        assert!(is_secret("X-Api-Key", &Text::Plain("v".into())));
        assert!(!is_secret("User-Agent", &Text::Plain("v".into())));
    }
}
