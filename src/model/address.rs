//! Addresses: how a resource is named in files, plans, reports and tags (`listener/web:443`).
//!
//! An address belongs to the desired-state language. What AWS calls the same thing is an [`Id`](super::Id).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::link::one_spelling;

/// The kinds of resource that no502 reads and manages, in dependency order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A VPC security group around the load balancer or its targets.
    SecurityGroup,
    /// An ACM (or IAM server) certificate.
    Certificate,
    /// A target group.
    TargetGroup,
    /// One registered target of a target group.
    Target,
    /// An Application Load Balancer.
    LoadBalancer,
    /// A listener of a load balancer.
    Listener,
    /// A listener rule; the default rule is part of its listener.
    Rule,
}

impl Kind {
    /// Every kind, in dependency order.
    pub const ALL: [Self; 7] = [
        Self::SecurityGroup,
        Self::Certificate,
        Self::TargetGroup,
        Self::Target,
        Self::LoadBalancer,
        Self::Listener,
        Self::Rule,
    ];

    /// The kind's name in addresses and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecurityGroup => "security_group",
            Self::Certificate => "certificate",
            Self::TargetGroup => "target_group",
            Self::Target => "target",
            Self::LoadBalancer => "load_balancer",
            Self::Listener => "listener",
            Self::Rule => "rule",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A resource's address: its kind and its name in the desired-state language.
///
/// Names nest with the parents' names: a listener is `web:443`, a rule `web:443/api`, a target
/// `django/10.0.1.10:8000`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// What kind of thing it is.
    pub kind: Kind,
    /// Its name within the kind.
    pub name: String,
}

impl Address {
    /// An address of any kind.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
    /// `load_balancer/NAME`
    pub fn load_balancer(name: &str) -> Self {
        Self::new(Kind::LoadBalancer, name)
    }
    /// `listener/LB:PORT`
    pub fn listener(load_balancer: &str, port: u16) -> Self {
        Self::new(Kind::Listener, format!("{load_balancer}:{port}"))
    }
    /// `rule/LB:PORT/KEY`
    pub fn rule(listener: &Self, key: &str) -> Self {
        Self::new(Kind::Rule, format!("{}/{key}", listener.name))
    }
    /// `target_group/NAME`
    pub fn target_group(name: &str) -> Self {
        Self::new(Kind::TargetGroup, name)
    }
    /// `target/GROUP/ID[:PORT]`
    pub fn target(group: &str, id: &str, port: Option<u16>) -> Self {
        let id = one_spelling(id);
        let name = match port {
            Some(port) => format!("{group}/{id}:{port}"),
            None => format!("{group}/{id}"),
        };
        Self::new(Kind::Target, name)
    }
    /// `certificate/NAME`
    pub fn certificate(name: &str) -> Self {
        Self::new(Kind::Certificate, name)
    }
    /// `security_group/NAME`
    pub fn security_group(name: &str) -> Self {
        Self::new(Kind::SecurityGroup, name)
    }

    /// The address of the thing this one lives in: a rule's listener, a listener's load balancer,
    /// a target's group. `None` for kinds that stand alone.
    pub fn parent(&self) -> Option<Self> {
        match self.kind {
            Kind::Rule => self.name.split_once('/').map(|(l, _)| Self::new(Kind::Listener, l)),
            Kind::Target => self.name.split_once('/').map(|(g, _)| Self::new(Kind::TargetGroup, g)),
            Kind::Listener => self.name.rsplit_once(':').map(|(lb, _)| Self::new(Kind::LoadBalancer, lb)),
            Kind::LoadBalancer | Kind::TargetGroup | Kind::Certificate | Kind::SecurityGroup => None,
        }
    }

    /// The last part of the name: a rule's key, a target's `id:port`, else the whole name.
    pub fn leaf(&self) -> &str {
        match self.kind {
            Kind::Rule | Kind::Target => self.name.split_once('/').map_or(&self.name, |(_, leaf)| leaf),
            Kind::LoadBalancer | Kind::Listener | Kind::TargetGroup | Kind::Certificate | Kind::SecurityGroup => {
                &self.name
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// A text that is no address.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an address such as `target_group/django` or `listener/web:443`")]
pub struct BadAddress(String);

impl FromStr for Address {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let (kind, name) = text.split_once('/').ok_or_else(|| BadAddress(text.to_owned()))?;
        let kind = Kind::ALL.into_iter().find(|k| k.as_str() == kind);
        match kind {
            Some(kind) if !name.is_empty() => Ok(Self::new(kind, name)),
            _ => Err(BadAddress(text.to_owned())),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip_and_know_their_parents() {
        for text in ["listener/web:443", "rule/web:443/api", "target/django/10.0.1.10:8000", "certificate/app"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        let rule: Address = "rule/web:443/api".parse().unwrap();
        assert_eq!(rule.parent().unwrap().to_string(), "listener/web:443");
        assert_eq!(rule.parent().unwrap().parent().unwrap().to_string(), "load_balancer/web");
        assert_eq!(rule.leaf(), "api");
        assert!("web:443".parse::<Address>().is_err());
    }
}
