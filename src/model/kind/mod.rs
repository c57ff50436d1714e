//! The kinds: one spec type each, and the enum that holds any of them.
//!
//! The same type describes the desired and the live side. `compare`, `over` and `map_links` destructure
//! every field, so that a new field breaks the build until someone decides what it means.

pub mod action;
pub mod authenticate;
pub mod certificate;
pub mod listener;
pub mod load_balancer;
pub mod mutual_authentication;
pub mod rewrite;
pub mod rule;
pub mod security_group;
pub mod target_group;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use action::{Action, FixedResponse, Forward, Redirect};
pub use authenticate::{Authenticate, Claim, ClaimFormat, Cognito, Jwt, Login, Oidc, OnUnauthenticated};
pub use certificate::{Certificate, Origin};
pub use listener::Listener;
pub use load_balancer::{IpamPool, LoadBalancer};
pub use mutual_authentication::{MutualAuthentication, Verify};
pub use rewrite::{Rewrite, Substitution};
pub use rule::{Conditions, HeaderCondition, QueryMatch, Rule};
pub use security_group::{Direction, EVERY_CODE, Peer, SecurityGroup, TrafficRule};
pub use target_group::{CheckChange, HealthCheck, Target, TargetGroup};

use super::{FieldChange, Kind, Link, Undeclared};

/// A spec of any kind. Boxed, because the largest is many times the smallest, and of that there are most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spec {
    /// A security group.
    SecurityGroup(Box<SecurityGroup>),
    /// A certificate.
    Certificate(Box<Certificate>),
    /// A target group.
    TargetGroup(Box<TargetGroup>),
    /// A target.
    Target(Box<Target>),
    /// A load balancer.
    LoadBalancer(Box<LoadBalancer>),
    /// A listener.
    Listener(Box<Listener>),
    /// A rule.
    Rule(Box<Rule>),
}

/// Applies one expression to whichever spec it is.
macro_rules! each {
    ($spec:expr, $s:ident => $body:expr) => {
        match $spec {
            Spec::SecurityGroup($s) => $body,
            Spec::Certificate($s) => $body,
            Spec::TargetGroup($s) => $body,
            Spec::Target($s) => $body,
            Spec::LoadBalancer($s) => $body,
            Spec::Listener($s) => $body,
            Spec::Rule($s) => $body,
        }
    };
}

macro_rules! accessors {
    ($($method:ident, $variant:ident;)+) => {
        impl Spec {
            $(
                #[doc = concat!("The spec as a `", stringify!($variant), "`, if it is one.")]
                pub fn $method(&self) -> Option<&$variant> {
                    if let Self::$variant(spec) = self { Some(spec) } else { None }
                }
            )+
        }
        $( impl From<$variant> for Spec { fn from(spec: $variant) -> Self { Self::$variant(Box::new(spec)) } } )+
    };
}
accessors! {
    security_group, SecurityGroup;
    certificate, Certificate;
    target_group, TargetGroup;
    target, Target;
    load_balancer, LoadBalancer;
    listener, Listener;
    rule, Rule;
}

impl Spec {
    /// Which kind it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::SecurityGroup(_) => Kind::SecurityGroup,
            Self::Certificate(_) => Kind::Certificate,
            Self::TargetGroup(_) => Kind::TargetGroup,
            Self::Target(_) => Kind::Target,
            Self::LoadBalancer(_) => Kind::LoadBalancer,
            Self::Listener(_) => Kind::Listener,
            Self::Rule(_) => Kind::Rule,
        }
    }

    /// The declared fields that differ between two specs of one kind; none for different kinds.
    pub fn compare(live: &Self, want: &Self) -> Vec<FieldChange> {
        match (live, want) {
            (Self::SecurityGroup(l), Self::SecurityGroup(w)) => SecurityGroup::compare(l, w),
            (Self::Certificate(l), Self::Certificate(w)) => Certificate::compare(l, w),
            (Self::TargetGroup(l), Self::TargetGroup(w)) => TargetGroup::compare(l, w),
            (Self::Target(l), Self::Target(w)) => Target::compare(l, w),
            (Self::LoadBalancer(l), Self::LoadBalancer(w)) => LoadBalancer::compare(l, w),
            (Self::Listener(l), Self::Listener(w)) => Listener::compare(l, w),
            (Self::Rule(l), Self::Rule(w)) => Rule::compare(l, w),
            _ => Vec::new(),
        }
    }

    /// Live settings that the files do not mention and that are not AWS's default.
    pub fn undeclared(live: &Self, want: &Self) -> Vec<Undeclared> {
        match (live, want) {
            (Self::TargetGroup(l), Self::TargetGroup(w)) => TargetGroup::undeclared(l, w),
            (Self::LoadBalancer(l), Self::LoadBalancer(w)) => LoadBalancer::undeclared(l, w),
            (Self::Listener(l), Self::Listener(w)) => Listener::undeclared(l, w),
            (Self::Rule(l), Self::Rule(w)) => Rule::undeclared(l, w),
            _ => Vec::new(),
        }
    }

    /// Declared over live: what is in effect once the declared fields are applied.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        match (self, live) {
            (Self::SecurityGroup(w), Self::SecurityGroup(l)) => w.over(l).into(),
            (Self::Certificate(w), Self::Certificate(l)) => w.over(l).into(),
            (Self::TargetGroup(w), Self::TargetGroup(l)) => w.over(l).into(),
            (Self::Target(w), Self::Target(l)) => w.over(l).into(),
            (Self::LoadBalancer(w), Self::LoadBalancer(l)) => w.over(l).into(),
            (Self::Listener(w), Self::Listener(l)) => w.over(l).into(),
            (Self::Rule(w), Self::Rule(l)) => w.over(l).into(),
            (want, _) => want,
        }
    }

    /// The same spec with every link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        each!(self, s => s.map_links(f).into())
    }

    /// Every link in the spec.
    pub fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        let _ = self.clone().map_links(&mut |link| {
            links.push(link.clone());
            link
        });
        links
    }

    /// The name on AWS, for kinds that AWS knows by one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::SecurityGroup(s) => Some(&s.name),
            Self::TargetGroup(s) => Some(&s.name),
            Self::LoadBalancer(s) => Some(&s.name),
            Self::Certificate(_) | Self::Target(_) | Self::Listener(_) | Self::Rule(_) => None,
        }
    }

    /// The tags, for kinds that have some.
    pub fn tags(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::SecurityGroup(s) => Some(&s.tags),
            Self::Certificate(s) => Some(&s.tags),
            Self::TargetGroup(s) => Some(&s.tags),
            Self::LoadBalancer(s) => Some(&s.tags),
            Self::Listener(s) => Some(&s.tags),
            Self::Rule(s) => Some(&s.tags),
            Self::Target(_) => None,
        }
    }

    /// The tags, to be changed.
    pub fn tags_mut(&mut self) -> Option<&mut BTreeMap<String, String>> {
        match self {
            Self::SecurityGroup(s) => Some(&mut s.tags),
            Self::Certificate(s) => Some(&mut s.tags),
            Self::TargetGroup(s) => Some(&mut s.tags),
            Self::LoadBalancer(s) => Some(&mut s.tags),
            Self::Listener(s) => Some(&mut s.tags),
            Self::Rule(s) => Some(&mut s.tags),
            Self::Target(_) => None,
        }
    }
}

/// A declared value, else the live one.
fn or<T: Clone>(want: Option<T>, live: &Option<T>) -> Option<T> {
    want.or_else(|| live.clone())
}

/// Live entries with the declared ones over them.
fn merged(live: &BTreeMap<String, String>, want: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all = live.clone();
    all.extend(want);
    all
}
