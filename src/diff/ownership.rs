//! Who owns a live resource, and who moved: the two tags, without a state file.
//!
//! `no502:id` names the stack and the address. `no502:applied` holds a hash of the declared fields and one
//! of their live values, stamped when the two agreed: it tells drift (live moved) from pending (the file moved).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::kind::{Action, Authenticate, Certificate, Listener, Rule};
use crate::model::tag::{APPLIED_TAG, CONTROLLERS, ID_TAG};
use crate::model::{Address, Spec};

const VERSION: &str = "v1";

/// Who owns a live resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This stack, as this address.
    Ours(String),
    /// Nobody that says so.
    Nobody,
    /// Another stack of no502.
    OtherStack(String),
    /// Another reconciler.
    Controller(&'static str),
}

/// Who owns the bearer of these tags.
pub fn owner(tags: &BTreeMap<String, String>, stack: &str) -> Owner {
    if let Some((_, name)) = CONTROLLERS.iter().find(|(key, _)| tags.contains_key(*key)) {
        return Owner::Controller(name);
    }
    match tags.get(ID_TAG).and_then(|value| value.split_once(':')) {
        Some((owner, address)) if owner == stack => Owner::Ours(address.to_owned()),
        Some((owner, _)) => Owner::OtherStack(owner.to_owned()),
        None => Owner::Nobody,
    }
}

/// The ownership tag's value.
pub fn id_tag(stack: &str, address: &Address) -> String {
    format!("{stack}:{address}")
}

/// Why a resource differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// AWS moved since it was last applied.
    Drift,
    /// The file moved since it was last applied.
    Pending,
    /// Both moved.
    Both,
    /// It was never applied or adopted by this stack.
    Unadopted,
    /// It is ours, but no file mentions it any more.
    Orphaned,
}

impl Cause {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Pending => "pending",
            Self::Both => "both",
            Self::Unadopted => "unadopted",
            Self::Orphaned => "orphaned",
        }
    }
    /// What it says of the past.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Drift => "drift: AWS was changed since the last apply",
            Self::Pending => "pending: in the files, not applied yet",
            Self::Both => "both sides moved since the last apply",
            Self::Unadopted => "unadopted: never applied by this stack",
            Self::Orphaned => "orphaned: ours, but not in the files any more",
        }
    }
}

/// The hashes of a resource's declared fields: as declared, and as live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    desired: String,
    live: String,
}

impl Applied {
    /// The hashes of a spec and its live counterpart. `terms` is what else the files say of it.
    pub fn of(want: &Spec, live: &Spec, terms: &[String]) -> Self {
        let (want_json, live_json) = (json(want), json(&settled(want, live)));
        let desired = format!("{}{terms:?}", project(&want_json, &want_json));
        Self { desired: short_hash(&desired), live: short_hash(&project(&live_json, &want_json).to_string()) }
    }
    /// The tag's value.
    pub fn tag(&self) -> String {
        format!("{VERSION}:{}:{}", self.desired, self.live)
    }
    /// The hashes in a tag; `None` for no tag or a version this program does not know.
    pub fn read(tags: &BTreeMap<String, String>) -> Option<Self> {
        let (version, rest) = tags.get(APPLIED_TAG)?.split_once(':')?;
        let (desired, live) = rest.split_once(':')?;
        (version == VERSION).then(|| Self { desired: desired.to_owned(), live: live.to_owned() })
    }
    /// Who moved since `stamped`.
    pub fn cause(&self, stamped: Option<&Self>) -> Cause {
        let Some(stamped) = stamped else { return Cause::Unadopted };
        match (self.desired == stamped.desired, self.live == stamped.live) {
            (true, _) => Cause::Drift,
            (false, true) => Cause::Pending,
            (false, false) => Cause::Both,
        }
    }
    /// Whether the files still say what they said when it was stamped.
    pub fn same_desired(&self, stamped: &Self) -> bool {
        self.desired == stamped.desired
    }
}

/// The live side without what the files leave to somebody else.
fn settled(want: &Spec, live: &Spec) -> Spec {
    let action = |live: &Option<Action>, want: &Option<Action>| match (live, want) {
        (Some(live), Some(want)) => Some(live.settled(want)),
        (live, _) => live.clone(),
    };
    if let (Some(want), Some(live)) = (want.rule(), live.rule()) {
        return Rule { action: action(&live.action, &want.action), ..live.clone() }.into();
    }
    if let (Some(want), Some(live)) = (want.listener(), live.listener()) {
        return Listener { default: action(&live.default, &want.default), ..live.clone() }.into();
    }
    live.clone()
}

/// A spec as the hashes see it: without what has no live side (where a certificate comes from, of which
/// an import counts by its serial number; where a secret comes from).
fn json(spec: &Spec) -> Value {
    let kept = |login: &Option<Authenticate>| login.clone().map(Authenticate::kept);
    let seen = match spec.clone() {
        Spec::Certificate(c) => Certificate { origin: None, ..*c }.into(),
        Spec::Rule(rule) => Rule { authenticate: kept(&rule.authenticate), ..*rule }.into(),
        Spec::Listener(listener) => Listener { authenticate: kept(&listener.authenticate), ..*listener }.into(),
        other @ (Spec::SecurityGroup(_) | Spec::TargetGroup(_) | Spec::Target(_) | Spec::LoadBalancer(_)) => other,
    };
    serde_json::to_value::<Spec>(seen).unwrap_or(Value::Null)
}

/// The parts of `value` that `shape` declares: `null` in the shape means undeclared.
fn project(value: &Value, shape: &Value) -> Value {
    match (value, shape) {
        (Value::Object(value), Value::Object(shape)) => {
            let declared = shape.iter().filter(|(_, s)| !s.is_null());
            let null = Value::Null;
            declared.map(|(key, s)| (key.clone(), project(value.get(key).unwrap_or(&null), s))).collect()
        }
        (Value::Array(items), Value::Array(_)) => {
            // every list in a spec is a set; AWS returns sets in any order
            let mut items = items.clone();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        (value, _) => value.clone(),
    }
}

/// Sixteen hexadecimal digits of SHA-256: enough to notice a change, short enough for a tag.
pub fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kind::{HealthCheck, TargetGroup};

    fn group(path: Option<&str>, interval: Option<u32>) -> Spec {
        let health_check = HealthCheck { path: path.map(str::to_owned), interval, ..HealthCheck::default() };
        TargetGroup { name: "g".into(), health_check, ..TargetGroup::default() }.into()
    }

    #[test]
    fn the_applied_tag_tells_who_moved() {
        let want = group(Some("/a"), None);
        let live = group(Some("/a"), Some(30));
        let stamped = Applied::of(&want, &live, &[]);
        let tags = BTreeMap::from([(APPLIED_TAG.to_owned(), stamped.tag())]);
        let read = Applied::read(&tags);
        assert_eq!(read, Some(stamped));

        let drifted = Applied::of(&want, &group(Some("/b"), Some(30)), &[]);
        assert_eq!(drifted.cause(read.as_ref()), Cause::Drift);
        let pending = Applied::of(&group(Some("/c"), None), &live, &[]);
        assert_eq!(pending.cause(read.as_ref()), Cause::Pending);
        let both = Applied::of(&group(Some("/c"), None), &group(Some("/d"), None), &[]);
        assert_eq!(both.cause(read.as_ref()), Cause::Both);
        assert_eq!(pending.cause(None), Cause::Unadopted);
        // an undeclared field moves neither hash
        assert_eq!(Applied::of(&want, &group(Some("/a"), Some(99)), &[]), Applied::of(&want, &live, &[]));
    }

    #[test]
    fn owners_are_told_apart() {
        let tag = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        assert_eq!(owner(&tag(ID_TAG, "shop:target_group/a"), "shop"), Owner::Ours("target_group/a".into()));
        assert_eq!(owner(&tag(ID_TAG, "bank:target_group/a"), "shop"), Owner::OtherStack("bank".into()));
        assert!(matches!(owner(&tag("elbv2.k8s.aws/cluster", "x"), "shop"), Owner::Controller(_)));
        assert_eq!(owner(&BTreeMap::new(), "shop"), Owner::Nobody);
    }
}
