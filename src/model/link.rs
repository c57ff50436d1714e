//! Links: how a spec names another thing before, while and after it is known.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::Address;

/// What AWS calls a thing: an ARN, or an EC2 id such as `sg-0123`.
///
/// Targets have no id on AWS; theirs is the group's ARN, `|` and `id:port`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(pub String);

/// A target's id in the one spelling by which it is known. An IPv6 address has many, and its target is the same one
/// whichever of them a file or AWS has (RFC 5952).
pub fn one_spelling(id: &str) -> Cow<'_, str> {
    id.parse::<Ipv6Addr>().map_or(Cow::Borrowed(id), |address| Cow::Owned(address.to_string()))
}

impl Id {
    /// The synthetic id of a target: `GROUP-ARN|ID:PORT`, or `GROUP-ARN|ID` for Lambda.
    pub fn target(group: &Self, id: &str, port: Option<u16>) -> Self {
        let id = one_spelling(id);
        match port {
            Some(port) => Self(format!("{}|{id}:{port}", group.0)),
            None => Self(format!("{}|{id}", group.0)),
        }
    }
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The part people know: the name inside an ARN, else the id itself.
    ///
    /// `arn:…:targetgroup/django/73e2` is `django`; `arn:…:listener/app/web/50dc/f2f7` is `web`.
    pub fn short(&self) -> &str {
        let Some(resource) = self.0.strip_prefix("arn:").and_then(|rest| rest.splitn(5, ':').nth(4)) else {
            return &self.0;
        };
        let mut parts = resource.split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("loadbalancer" | "listener" | "listener-rule"), Some(_), Some(name)) => name,
            (Some(_), Some(name), _) => name,
            _ => resource,
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a step of a plan: its address and what it does there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a selector looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selectable {
    /// A VPC.
    Vpc,
    /// A subnet.
    Subnet,
    /// A security group that the files do not describe.
    SecurityGroup,
    /// A trust store: a name on AWS, not a tag.
    TrustStore,
}

impl Selectable {
    /// The word for it in messages.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Vpc => "VPC",
            Self::Subnet => "subnet",
            Self::SecurityGroup => "security group",
            Self::TrustStore => "trust store",
        }
    }
}

/// A description that picks things out of the live account: by `Name` tag, or by tags; a trust store by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Selector {
    /// What to look among.
    pub what: Selectable,
    /// Tags that must all be present; a plain name is the tag `Name`, and so is a trust store's own name.
    pub tags: BTreeMap<String, String>,
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Selectable::TrustStore, Some(name)) = (self.what, self.tags.get("Name")) {
            return write!(f, "{} named {name}", self.what.noun());
        }
        write!(f, "{} with ", self.what.noun())?;
        let mut first = true;
        for (key, value) in &self.tags {
            if !first {
                f.write_str(", ")?;
            }
            write!(f, "tag {key}={value}")?;
            first = false;
        }
        Ok(())
    }
}

/// How a spec names another thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Something in the desired files.
    Address(Address),
    /// Something on AWS.
    Id(Id),
    /// Something on AWS yet to be picked out; gone once bound.
    Select(Selector),
    /// What a step of the same plan will create; the only late value there is.
    Step(StepId),
}

impl Link {
    /// The AWS id, if known.
    pub const fn id(&self) -> Option<&Id> {
        match self {
            Self::Id(id) => Some(id),
            Self::Address(_) | Self::Select(_) | Self::Step(_) => None,
        }
    }
    /// The address, if it is one.
    pub const fn address(&self) -> Option<&Address> {
        match self {
            Self::Address(address) => Some(address),
            Self::Id(_) | Self::Select(_) | Self::Step(_) => None,
        }
    }
}

impl fmt::Display for Link {
    /// The short form people read: the name in the file, or the name inside the ARN.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => f.write_str(&address.name),
            Self::Id(id) => f.write_str(id.short()),
            Self::Select(selector) => selector.fmt(f),
            Self::Step(step) => write!(f, "(from {step})"),
        }
    }
}
