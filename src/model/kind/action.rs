//! What a listener or a rule does with a request: forward, redirect, or answer itself.
//!
//! One internal form: a forward is always a weighted set, a redirect always names all parts
//! (an omitted one is its keyword, as AWS reads it back). Source: API `Action`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{Comparer, Link, Mutability};

/// The routing action of a rule or of a listener's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Send the request to target groups by weight.
    Forward(Forward),
    /// Answer with a redirect.
    Redirect(Redirect),
    /// Answer with a fixed response.
    FixedResponse(FixedResponse),
}

/// A weighted forward. The weight of a lone group means nothing and is 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Target groups and their weights, 0–999.
    #[serde(with = "weights")]
    pub to: BTreeMap<Link, u16>,
    /// How long a client stays with its group, in seconds; `None`: no group stickiness.
    pub stickiness: Option<u32>,
    /// Somebody else shifts the weights: live ones within the same groups are never a difference. Always
    /// `false` for a live forward.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
}

/// A redirect; each part may hold AWS's keywords such as `#{path}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    pub protocol: String,
    /// Host.
    pub host: String,
    /// Port.
    pub port: String,
    /// Path, with its leading slash.
    pub path: String,
    /// Query, without `?`.
    pub query: String,
    /// 301 or 302.
    pub status: u16,
}

impl Redirect {
    /// A redirect that changes nothing: every part is its keyword, as AWS fills in what is omitted.
    pub fn identity(status: u16) -> Self {
        Self {
            protocol: "#{protocol}".to_owned(),
            host: "#{host}".to_owned(),
            port: "#{port}".to_owned(),
            path: "/#{path}".to_owned(),
            query: "#{query}".to_owned(),
            status,
        }
    }
}

/// A response that the load balancer gives itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedResponse {
    /// 2xx, 4xx or 5xx.
    pub status: u16,
    /// Media type; `None`: AWS sends none.
    pub content_type: Option<String>,
    /// Body, at most 1024 characters.
    pub body: Option<String>,
}

/// Serialises weights as a map from the group's short name, which JSON keys need to be, and back.
mod weights {
    use super::{BTreeMap, Deserialize, Link, Serialize};
    use serde::{Deserializer, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Entry {
        target_group: Link,
        weight: u16,
    }
    pub(super) fn serialize<S: Serializer>(to: &BTreeMap<Link, u16>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(to.iter().map(|(group, weight)| Entry { target_group: group.clone(), weight: *weight }))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<Link, u16>, D::Error> {
        Ok(Vec::<Entry>::deserialize(d)?.into_iter().map(|e| (e.target_group, e.weight)).collect())
    }
}

impl Action {
    /// The action's key in the desired-state language.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Forward(_) => "forward",
            Self::Redirect(_) => "redirect",
            Self::FixedResponse(_) => "fixed_response",
        }
    }

    /// The groups it forwards to with their weights; empty for other actions.
    pub fn groups(&self) -> impl Iterator<Item = (&Link, u16)> {
        let to = match self {
            Self::Forward(forward) => Some(&forward.to),
            Self::Redirect(_) | Self::FixedResponse(_) => None,
        };
        to.into_iter().flatten().map(|(group, weight)| (group, *weight))
    }

    /// The action as reports show it, in the shape of the desired-state language.
    pub fn shown(&self) -> Value {
        match self {
            Self::Forward(f) => json!({ "forward": f.shown() }),
            Self::Redirect(r) => json!({ "redirect": r.shown() }),
            Self::FixedResponse(f) => json!({ "fixed_response": f }),
        }
    }

    /// Adds the differences at `prefix` (`""` for a rule, `"default"` for a listener).
    pub fn compare(live: Option<&Self>, want: Option<&Self>, prefix: &str, c: &mut Comparer) {
        let Some(want) = want else { return };
        let at = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
        match (live, want) {
            (Some(Self::Forward(live)), Self::Forward(want)) => {
                let after = want.clone().over(live);
                if live.to != after.to {
                    c.push(&at("forward"), live.groups_shown(), after.groups_shown(), Mutability::InPlace);
                }
                if live.stickiness != want.stickiness {
                    c.push(
                        &at("forward.stickiness"),
                        seconds(live.stickiness),
                        seconds(want.stickiness),
                        Mutability::InPlace,
                    );
                }
            }
            (Some(Self::Redirect(live)), Self::Redirect(want)) => live.compare(want, &at("redirect"), c),
            (Some(Self::FixedResponse(live)), Self::FixedResponse(want)) => {
                let FixedResponse { status, content_type, body } = want;
                let at = at("fixed_response");
                c.in_place(&format!("{at}.status"), &Some(live.status), &Some(*status));
                c.in_place(&format!("{at}.content_type"), &Some(&live.content_type), &Some(content_type));
                c.in_place(&format!("{at}.body"), &Some(&live.body), &Some(body));
            }
            (live, want) => {
                let shown = live.map_or(Value::Null, Self::shown);
                let path = if prefix.is_empty() { want.key() } else { prefix };
                c.push(path, shown, want.shown(), Mutability::InPlace);
            }
        }
    }

    /// Declared over live: as declared, but for weights that somebody else shifts.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        match (self, live) {
            (Self::Forward(want), Self::Forward(live)) => Self::Forward(want.over(live)),
            (want, _) => want,
        }
    }

    /// A live action as the stamps see it: without shifts that the files leave to somebody else.
    #[must_use]
    pub fn settled(&self, want: &Self) -> Self {
        match (self, want) {
            (Self::Forward(live), Self::Forward(want)) if want.external && live.to.keys().eq(want.to.keys()) => {
                Self::Forward(Forward { to: want.to.clone(), ..live.clone() })
            }
            (live, _) => live.clone(),
        }
    }

    /// The same action with every link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        match self {
            Self::Forward(Forward { to, stickiness, external }) => Self::Forward(Forward {
                to: to.into_iter().map(|(group, weight)| (f(group), weight)).collect(),
                stickiness,
                external,
            }),
            Self::Redirect(_) | Self::FixedResponse(_) => self,
        }
    }
}

fn seconds(value: Option<u32>) -> Value {
    value.map_or_else(|| json!("disabled"), |s| json!(s))
}

impl Forward {
    /// All to one group.
    pub fn to_one(group: Link) -> Self {
        Self { to: BTreeMap::from([(group, 1)]), stickiness: None, external: false }
    }
    /// Declared over live: weights that somebody else shifts stay as they are, new groups begin with
    /// the declared one. A group that was alone has no weight to keep, one that will be alone needs none.
    fn over(self, live: &Self) -> Self {
        if !self.external || live.to.len() < 2 || self.to.len() < 2 {
            return self;
        }
        let to = self.to.into_iter().map(|(group, weight)| {
            let weight = live.to.get(&group).copied().unwrap_or(weight);
            (group, weight)
        });
        Self { to: to.collect(), ..self }
    }
    fn groups_shown(&self) -> Value {
        if let (1, Some((group, _))) = (self.to.len(), self.to.first_key_value()) {
            return json!(group.to_string());
        }
        Value::Object(self.to.iter().map(|(group, weight)| (group.to_string(), json!(weight))).collect())
    }
    fn shown(&self) -> Value {
        match self.stickiness {
            None => self.groups_shown(),
            Some(s) => json!({ "to": self.groups_shown(), "stickiness": s }),
        }
    }
}

impl Redirect {
    fn compare(&self, want: &Self, at: &str, c: &mut Comparer) {
        let Self { protocol, host, port, path, query, status } = want;
        let mut part = |key: &str, live: &String, want: &String| {
            c.in_place(&format!("{at}.{key}"), &Some(live), &Some(want));
        };
        part("protocol", &self.protocol, protocol);
        part("host", &self.host, host);
        part("port", &self.port, port);
        part("path", &self.path, path);
        part("query", &self.query, query);
        c.in_place(&format!("{at}.status"), &Some(self.status), &Some(*status));
    }
    /// Only the parts that change something.
    fn shown(&self) -> Value {
        let identity = Self::identity(self.status);
        let mut map = serde_json::Map::new();
        let parts = [
            ("protocol", &self.protocol, &identity.protocol),
            ("host", &self.host, &identity.host),
            ("port", &self.port, &identity.port),
            ("path", &self.path, &identity.path),
            ("query", &self.query, &identity.query),
        ];
        for (key, value, same) in parts {
            if value != same {
                map.insert(key.to_owned(), json!(value));
            }
        }
        map.insert("status".to_owned(), json!(self.status));
        Value::Object(map)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forward(forward) => {
                f.write_str("forward to ")?;
                let lone = forward.to.len() == 1;
                for (i, (group, weight)) in forward.to.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    if lone { write!(f, "{group}")? } else { write!(f, "{group} ({weight})")? }
                }
                Ok(())
            }
            Self::Redirect(r) => {
                write!(f, "redirect {} to {}://{}:{}{}?{}", r.status, r.protocol, r.host, r.port, r.path, r.query)
            }
            Self::FixedResponse(r) => write!(f, "fixed response {}", r.status),
        }
    }
}
