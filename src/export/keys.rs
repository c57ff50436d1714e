//! Keys: what the file calls things; valid in the language, each used once, and the tag's where it is ours.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::tag::{CONTROLLERS, ID_TAG};
use crate::model::{Address, Kind};

/// How long a key may be.
const LONGEST: usize = 64;

/// Keys of one section that are taken. Two must not differ in case alone.
#[derive(Default)]
pub(super) struct Keys(BTreeSet<String>);

impl Keys {
    /// Takes this very key, if it is a valid one and free.
    pub(super) fn take_exactly(&mut self, key: &str) -> Option<String> {
        (is_key(key) && self.0.insert(key.to_ascii_lowercase())).then(|| key.to_owned())
    }
    /// Takes the valid key that is nearest to this and free.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let base = if is_key(wanted) && !wanted.starts_with("sg-") { wanted.to_owned() } else { slug(wanted) };
        let numbered = (2_u32..).map(|n| format!("{}-{n}", shortened(&base, LONGEST - 11)));
        let mut candidates = std::iter::once(base.clone()).chain(numbered);
        candidates.find_map(|key| self.take_exactly(&key)).unwrap_or(base)
    }
}

/// A valid key that resembles the text.
pub(super) fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => out.push(c),
            _ if out.ends_with(['.', '_', '-']) => {}
            '.' | '_' => out.push(c),
            _ => out.push('-'),
        }
    }
    let trimmed = shortened(out.trim_matches(['-', '.', '_']), LONGEST);
    // ids of security groups begin like that
    match trimmed {
        "" => "unnamed".to_owned(),
        id if id.starts_with("sg-") => format!("group-{}", shortened(id, LONGEST - 6)),
        slug => slug.to_owned(),
    }
}

/// The beginning of an ASCII text, not ending in a separator.
fn shortened(text: &str, most: usize) -> &str {
    text.get(..most).unwrap_or(text).trim_end_matches(['-', '.', '_'])
}

fn is_key(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// The stack that a tag names.
pub(super) fn stack_of(tags: &BTreeMap<String, String>) -> Option<&str> {
    tags.get(ID_TAG)?.split_once(':').map(|(stack, _)| stack).filter(|stack| is_key(stack))
}

/// Whether our own tag is on it, whatever it is called there.
pub(super) fn is_owned(tags: &BTreeMap<String, String>, stack: &str) -> bool {
    tags.get(ID_TAG).and_then(|tag| tag.split_once(':')).is_some_and(|(owner, _)| owner == stack)
}

/// The key that our own tag gives a thing of a section.
pub(super) fn own_key<'t>(tags: &'t BTreeMap<String, String>, stack: &str, kind: Kind) -> Option<&'t str> {
    let (owner, address) = tags.get(ID_TAG)?.split_once(':')?;
    let (of, name) = address.split_once('/')?;
    (owner == stack && of == kind.as_str()).then_some(name)
}

/// Whose rule it is: the key it must have, any, or the reason why the file cannot speak for it.
pub(super) enum Claim<'t> {
    /// Nobody's, or this stack's under another name: any key will do.
    Free,
    /// This stack's: exactly this key.
    Key(&'t str),
    /// Somebody else's.
    Foreign(String),
}

/// Whose rule of this listener the bearer of these tags is.
pub(super) fn claim<'t>(tags: &'t BTreeMap<String, String>, stack: &str, listener: &Address) -> Claim<'t> {
    if let Some(tool) = controller(tags) {
        return Claim::Foreign(format!("{tool} reconciles it"));
    }
    let Some((owner, address)) = tags.get(ID_TAG).and_then(|value| value.split_once(':')) else { return Claim::Free };
    let prefix = format!("{}/{}/", Kind::Rule, listener.name);
    match address.strip_prefix(&prefix) {
        Some(key) if owner == stack && is_key(key) => Claim::Key(key),
        // whatever it was called there: a file without it would have it deleted
        _ if owner == stack => Claim::Free,
        _ => Claim::Foreign(format!("it belongs to the stack {owner}")),
    }
}

/// The tool that reconciles the bearer of these tags.
pub(super) fn controller(tags: &BTreeMap<String, String>) -> Option<&'static str> {
    CONTROLLERS.iter().find(|(key, _)| tags.contains_key(*key)).map(|(_, tool)| *tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_valid_and_used_once() {
        let mut keys = Keys::default();
        assert_eq!(keys.take("/api/*"), "api");
        assert_eq!(keys.take("API"), "API-2");
        assert_eq!(keys.take("*"), "unnamed");
        assert_eq!(keys.take("sg-0123"), "group-sg-0123");
        assert_eq!(keys.take("shop: front door"), "shop-front-door");
        let long = "x".repeat(200);
        assert_eq!(keys.take(&long).len(), 64);
        assert_eq!(keys.take(&long), format!("{}-2", "x".repeat(53)));
    }

    #[test]
    fn a_rule_that_another_stack_claims_is_not_ours_to_name() {
        let listener = Address::listener("web", 443);
        let tag = |value: &str| BTreeMap::from([(ID_TAG.to_owned(), value.to_owned())]);
        assert!(matches!(claim(&tag("shop:rule/web:443/api"), "shop", &listener), Claim::Key("api")));
        assert!(matches!(claim(&tag("shop:rule/web:80/api"), "shop", &listener), Claim::Free));
        assert!(is_owned(&tag("shop:rule/web:80/api"), "shop") && !is_owned(&tag("bank:rule/web:80/api"), "shop"));
        assert!(matches!(claim(&tag("bank:rule/web:443/api"), "shop", &listener), Claim::Foreign(_)));
        assert!(matches!(claim(&BTreeMap::new(), "shop", &listener), Claim::Free));
        assert_eq!(own_key(&tag("shop:target_group/a"), "shop", Kind::TargetGroup), Some("a"));
        assert_eq!(stack_of(&tag("shop:target_group/a")), Some("shop"));
    }
}
