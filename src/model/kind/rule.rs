//! Listener rules: conditions, priority, action. A rule's identity is its key in the file.
//!
//! Source: API `CreateRule`, `ModifyRule`, `SetRulePriorities`; user guide "Listener rules".

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::action::Action;
use super::authenticate::Authenticate;
use super::or;
use super::rewrite::Rewrite;
use crate::model::secret::Text;
use crate::model::{Comparer, FieldChange, Link, Mutability, Undeclared, UndeclaredFields};

/// A rule, desired or live. A `None` field is undeclared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The listener.
    pub listener: Link,
    /// 1–50000, unique in its listener, lowest first.
    pub priority: Option<u32>,
    /// When the rule applies.
    pub when: Option<Conditions>,
    /// What it does.
    pub action: Option<Action>,
    /// Who must log in before that.
    #[serde(default)]
    pub authenticate: Option<Authenticate>,
    /// How host and path are rewritten before the request is forwarded.
    #[serde(default)]
    pub rewrite: Option<Rewrite>,
    /// Parts of a live rule that this version cannot express, by AWS's name or their key in the
    /// language; never empty for such a rule, always empty for a desired one.
    /// A rule that has some is never written, because AWS replaces lists whole.
    pub beyond: BTreeSet<String>,
    /// Tags; ours are added when written.
    pub tags: BTreeMap<String, String>,
}

/// The conditions of a rule: kinds are ANDed, values within a kind ORed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conditions {
    /// Host names, with `*` and `?`; not case-sensitive.
    pub host: BTreeSet<String>,
    /// Host names as regular expressions; a rule has them or `host`, not both.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub host_regex: BTreeSet<String>,
    /// Paths, with `*` and `?`; case-sensitive.
    pub path: BTreeSet<String>,
    /// Paths as regular expressions; a rule has them or `path`, not both.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub path_regex: BTreeSet<String>,
    /// Request methods; case-sensitive.
    pub method: BTreeSet<String>,
    /// Headers; several are ANDed, the values of one ORed.
    pub header: BTreeSet<HeaderCondition>,
    /// Headers as regular expressions, likewise.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub header_regex: BTreeSet<HeaderCondition>,
    /// Query parameters; several sets are ANDed, the matches of one ORed.
    pub query: BTreeSet<BTreeSet<QueryMatch>>,
    /// Client networks.
    pub source_ip: BTreeSet<String>,
}

/// One header condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HeaderCondition {
    /// The header's name; not case-sensitive, kept as written.
    pub name: String,
    /// Accepted values, with `*` and `?`; not case-sensitive.
    pub values: BTreeSet<Text>,
}

impl HeaderCondition {
    /// The condition with its values hidden.
    #[must_use]
    pub fn hidden(self) -> Self {
        Self { values: self.values.into_iter().map(Text::hidden).collect(), ..self }
    }
    /// Whether a value is secret and nothing says where it is to be had, so that it cannot be sent.
    pub fn is_unnamed(&self) -> bool {
        self.values.iter().any(|value| value.is_secret() && value.source().is_none())
    }
}

/// One query match: a value, and the key it must have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueryMatch {
    /// The parameter's key; `None` matches the value under any key.
    pub key: Option<String>,
    /// The parameter's value, with `*` and `?`.
    pub value: String,
}

/// A name that is no host's (RFC 6761) and an address that no client has (RFC 5737): together no request has them.
const NOBODY: (&str, &str) = ("stage.no502.invalid", "192.0.2.1/32");

impl Conditions {
    /// Conditions that no request meets.
    pub fn of_nobody() -> Self {
        let (host, network) = NOBODY;
        Self { host: [host.to_owned()].into(), source_ip: [network.to_owned()].into(), ..Self::default() }
    }
    /// Whether these are the ones that no request meets.
    pub fn is_of_nobody(&self) -> bool {
        *self == Self::of_nobody()
    }
    /// How many values there are in all; AWS allows five in a rule.
    pub fn count(&self) -> usize {
        self.host.len()
            + self.path.len()
            + self.host_regex.len()
            + self.path_regex.len()
            + self.method.len()
            + self.source_ip.len()
            + self.header_regex.iter().map(|h| h.values.len()).sum::<usize>()
            + self.header.iter().map(|h| h.values.len()).sum::<usize>()
            + self.query.iter().map(BTreeSet::len).sum::<usize>()
    }

    /// Whether two sets of conditions take the same requests as far as spelling goes: hosts and
    /// header names are compared without case.
    pub fn same(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }

    /// The conditions in one spelling.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let lower = |set: &BTreeSet<String>| set.iter().map(|s| s.to_ascii_lowercase()).collect();
        let named = |headers: &BTreeSet<HeaderCondition>| {
            let one = |h: &HeaderCondition| HeaderCondition { name: h.name.to_ascii_lowercase(), ..h.clone() };
            headers.iter().map(one).collect()
        };
        let (header, header_regex) = (named(&self.header), named(&self.header_regex));
        Self { host: lower(&self.host), header, header_regex, ..self.clone() }
    }

    /// The conditions as reports show them, in the shape of the desired-state language; no secrets.
    pub fn shown(&self) -> Value {
        let Self { host, host_regex, path, path_regex, method, header, header_regex, query, source_ip } = self;
        let parts = [
            ("host", set(host)),
            ("host_regex", set(host_regex)),
            ("path", set(path)),
            ("path_regex", set(path_regex)),
            ("method", set(method)),
            ("header", headers(header)),
            ("header_regex", headers(header_regex)),
            ("query", queries(query)),
            ("source_ip", set(source_ip)),
        ];
        parts.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn compare(live: &Self, want: &Self, c: &mut Comparer) {
        let (a, b) = (live.canonical(), want.canonical());
        let Self { host, host_regex, path, path_regex, method, header, header_regex, query, source_ip } = &b;
        let mut part = |key: &str, same: bool, live: Value, want: Value| {
            if !same {
                c.push(&format!("when.{key}"), live, want, Mutability::InPlace);
            }
        };
        part("host", a.host == *host, set(&live.host), set(&want.host));
        part("host_regex", a.host_regex == *host_regex, set(&live.host_regex), set(&want.host_regex));
        part("path", a.path == *path, set(&live.path), set(&want.path));
        part("path_regex", a.path_regex == *path_regex, set(&live.path_regex), set(&want.path_regex));
        part("method", a.method == *method, set(&live.method), set(&want.method));
        part("header", a.header == *header, headers(&live.header), headers(&want.header));
        let same = a.header_regex == *header_regex;
        part("header_regex", same, headers(&live.header_regex), headers(&want.header_regex));
        part("query", a.query == *query, queries(&live.query), queries(&want.query));
        part("source_ip", a.source_ip == *source_ip, set(&live.source_ip), set(&want.source_ip));
    }
}

fn set(values: &BTreeSet<String>) -> Value {
    if values.is_empty() { Value::Null } else { json!(values) }
}

fn headers(conditions: &BTreeSet<HeaderCondition>) -> Value {
    if conditions.is_empty() {
        return Value::Null;
    }
    let one = |h: &HeaderCondition| json!({ &h.name: h.values.iter().map(Text::to_string).collect::<Vec<_>>() });
    Value::Array(conditions.iter().map(one).collect())
}

fn queries(conditions: &BTreeSet<BTreeSet<QueryMatch>>) -> Value {
    if conditions.is_empty() {
        return Value::Null;
    }
    let one = |m: &QueryMatch| match &m.key {
        Some(key) => json!({ key: m.value }),
        None => json!(m.value),
    };
    let all = |set: &BTreeSet<QueryMatch>| Value::Array(set.iter().map(one).collect());
    match conditions.first() {
        Some(only) if conditions.len() == 1 => all(only),
        _ => Value::Array(conditions.iter().map(all).collect()),
    }
}

impl Rule {
    /// The fields that differ.
    pub fn compare(live: &Self, want: &Self) -> Vec<FieldChange> {
        let Self { listener: _, priority, when, action, authenticate, rewrite, beyond: _, tags } = want;
        let mut c = Comparer::default();
        c.in_place("priority", &live.priority, priority);
        if let Some(when) = when {
            Conditions::compare(&live.when.clone().unwrap_or_default(), when, &mut c);
        }
        Authenticate::compare(live.authenticate.as_ref(), authenticate.as_ref(), "authenticate", &mut c);
        Action::compare(live.action.as_ref(), action.as_ref(), "", &mut c);
        if let Some(rewrite) = rewrite {
            Rewrite::compare(&live.rewrite.clone().unwrap_or_default(), rewrite, &mut c);
        }
        c.tags(&live.tags, tags);
        c.finish()
    }

    /// Live settings that the files do not mention.
    pub fn undeclared(live: &Self, want: &Self) -> Vec<Undeclared> {
        let mut u = UndeclaredFields::default();
        let (login, declared) = (live.authenticate.as_ref(), want.authenticate.as_ref());
        Authenticate::undeclared(login, declared, "authenticate", &mut u);
        u.finish()
    }

    /// Declared over live: what is in effect once the declared fields are applied.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        let Self { listener, priority, when, action, authenticate, rewrite, beyond, tags } = self;
        Self {
            listener,
            priority: priority.or(live.priority),
            when: or(when, &live.when),
            action: match (action, &live.action) {
                (Some(want), Some(live)) => Some(want.over(live)),
                (want, live) => or(want, live),
            },
            authenticate: match (authenticate, &live.authenticate) {
                (Some(want), Some(live)) => Some(want.over(live)),
                (want, live) => or(want, live),
            },
            rewrite: match (rewrite, &live.rewrite) {
                (Some(want), Some(live)) => Some(want.over(live)),
                (want, live) => or(want, live),
            },
            beyond: if beyond.is_empty() { live.beyond.clone() } else { beyond },
            tags: super::merged(&live.tags, tags),
        }
    }

    /// The same spec with every link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        Self { listener: f(self.listener), action: self.action.map(|a| a.map_links(f)), ..self }
    }
}
