//! Rewrites: how a rule changes host and path before it forwards a request.
//!
//! Source: API `RuleTransform`; user guide "Transforms for listener rules".

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::or;
use crate::model::{Comparer, Mutability};

/// The rewrites of a rule. A `None` part is undeclared; an empty one rewrites nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// What becomes of the path and its query.
    pub path: Option<Vec<Substitution>>,
    /// What becomes of the host.
    pub host: Option<Vec<Substitution>>,
}

/// One substitution. A text that does not match stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitution {
    /// A regular expression.
    #[serde(rename = "match")]
    pub pattern: String,
    /// What takes its place; `$1` is the first group.
    pub replace: String,
}

impl Rewrite {
    /// Whether nothing is rewritten.
    pub fn is_empty(&self) -> bool {
        let Self { path, host } = self;
        [path, host].into_iter().flatten().all(Vec::is_empty)
    }

    pub(super) fn compare(live: &Self, want: &Self, c: &mut Comparer) {
        let Self { path, host } = want;
        let mut part = |key: &str, live: &Option<Vec<Substitution>>, want: &Option<Vec<Substitution>>| {
            let live = live.clone().unwrap_or_default();
            if let Some(want) = want.as_ref().filter(|want| **want != live) {
                c.push(&format!("rewrite.{key}"), shown(&live), shown(want), Mutability::InPlace);
            }
        };
        part("path", &live.path, path);
        part("host", &live.host, host);
    }

    /// Declared over live.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        let Self { path, host } = self;
        Self { path: or(path, &live.path), host: or(host, &live.host) }
    }
}

fn shown(list: &[Substitution]) -> Value {
    let one = |s: &Substitution| format!("{} \u{2192} {}", s.pattern, s.replace);
    if list.is_empty() { Value::Null } else { json!(list.iter().map(one).collect::<Vec<_>>()) }
}
