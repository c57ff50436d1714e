//! Listeners: the spec and its differences. A listener's identity is its load balancer and port.
//!
//! Source: API `CreateListener`, `ModifyListener`, `ModifyListenerAttributes`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::action::Action;
use super::authenticate::Authenticate;
use super::mutual_authentication::MutualAuthentication;
use super::or;
use crate::model::attribute::LISTENER;
use crate::model::value::Protocol;
use crate::model::{Comparer, FieldChange, Link, Mutability, Undeclared, UndeclaredFields};

/// A listener, desired or live. A `None` field is undeclared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The load balancer.
    pub load_balancer: Link,
    /// The port, 1–65535.
    pub port: u16,
    /// HTTP or HTTPS.
    pub protocol: Option<Protocol>,
    /// The TLS policy of an HTTPS listener, by AWS's name.
    pub ssl_policy: Option<String>,
    /// The default certificate of an HTTPS listener.
    pub certificate: Option<Link>,
    /// Certificates chosen by server name, the default one left out. Additive: a declared one that is
    /// missing is a difference; live ones that the files do not mention are left alone.
    pub sni_certificates: Option<Vec<Link>>,
    /// Whether clients of an HTTPS listener show certificates; `None` for a live one that speaks plain HTTP.
    #[serde(default)]
    pub mutual_authentication: Option<MutualAuthentication>,
    /// What happens to requests that no rule takes.
    pub default: Option<Action>,
    /// Who must log in before that.
    #[serde(default)]
    pub authenticate: Option<Authenticate>,
    /// Parts of a live default action that this version cannot express, by AWS's name or their key in
    /// the language; always empty for a desired listener. Such a default is never written, because
    /// AWS replaces the list of actions whole.
    pub beyond: BTreeSet<String>,
    /// Attributes by AWS's key.
    pub attributes: BTreeMap<String, String>,
    /// Tags; ours are added when written.
    pub tags: BTreeMap<String, String>,
}

impl Listener {
    /// Certificates as reports show them.
    pub fn names<'l>(links: impl Iterator<Item = &'l Link>) -> Value {
        let names: BTreeSet<String> = links.map(Link::to_string).collect();
        if names.is_empty() { Value::Null } else { json!(names) }
    }

    /// The fields that differ.
    pub fn compare(live: &Self, want: &Self) -> Vec<FieldChange> {
        let Self {
            load_balancer: _,
            port: _,
            protocol,
            ssl_policy,
            certificate,
            sni_certificates: _,
            mutual_authentication,
            default,
            authenticate,
            beyond: _,
            attributes,
            tags,
        } = want;
        let mut c = Comparer::default();
        c.in_place("protocol", &live.protocol, protocol);
        c.in_place("ssl_policy", &live.ssl_policy, ssl_policy);
        c.in_place(
            "certificate",
            &live.certificate.as_ref().map(Link::to_string),
            &certificate.as_ref().map(Link::to_string),
        );
        let missing = Self::missing_sni(live, want);
        if !missing.is_empty() {
            let have = live.sni_certificates.iter().flatten();
            let path = "sni_certificates";
            c.push(path, Self::names(have.clone()), Self::names(have.chain(&missing)), Mutability::InPlace);
        }
        let (live_mutual, mutual) = (live.mutual_authentication.as_ref(), mutual_authentication.as_ref());
        MutualAuthentication::compare(live_mutual, mutual, &mut c);
        Authenticate::compare(live.authenticate.as_ref(), authenticate.as_ref(), "default.authenticate", &mut c);
        Action::compare(live.default.as_ref(), default.as_ref(), "default", &mut c);
        c.attributes(LISTENER, &live.attributes, attributes);
        c.tags(&live.tags, tags);
        c.finish()
    }

    /// The declared certificates by server name that the live listener lacks.
    pub fn missing_sni(live: &Self, want: &Self) -> Vec<Link> {
        let have = live.sni_certificates.as_deref().unwrap_or_default();
        want.sni_certificates.iter().flatten().filter(|link| !have.contains(link)).cloned().collect()
    }

    /// Live settings that the files do not mention and that are not AWS's default.
    pub fn undeclared(live: &Self, want: &Self) -> Vec<Undeclared> {
        let mut u = UndeclaredFields::default();
        u.field("ssl_policy", &live.ssl_policy, &want.ssl_policy, None);
        let mutual = |spec: &Self| spec.mutual_authentication.as_ref().map(MutualAuthentication::shown);
        let usual = Some(MutualAuthentication::Disabled.shown());
        u.field("mutual_authentication", &mutual(live), &mutual(want), usual);
        let (login, declared) = (live.authenticate.as_ref(), want.authenticate.as_ref());
        Authenticate::undeclared(login, declared, "default.authenticate", &mut u);
        u.attributes(LISTENER, &live.attributes, &want.attributes);
        u.finish()
    }

    /// Declared over live: what is in effect once the declared fields are applied.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        let missing = Self::missing_sni(live, &self);
        let Self {
            load_balancer,
            port,
            protocol,
            ssl_policy,
            certificate,
            sni_certificates,
            mutual_authentication,
            default,
            authenticate,
            beyond,
            attributes,
            tags,
        } = self;
        Self {
            load_balancer,
            port,
            protocol: protocol.or(live.protocol),
            ssl_policy: or(ssl_policy, &live.ssl_policy),
            certificate: or(certificate, &live.certificate),
            sni_certificates: match (&live.sni_certificates, sni_certificates) {
                (Some(have), Some(_)) => Some(have.iter().cloned().chain(missing).collect()),
                (have, want) => or(want, have),
            },
            mutual_authentication: match (mutual_authentication, &live.mutual_authentication) {
                (Some(want), Some(live)) => Some(want.over(live)),
                (want, live) => or(want, live),
            },
            default: match (default, &live.default) {
                (Some(want), Some(live)) => Some(want.over(live)),
                (want, live) => or(want, live),
            },
            authenticate: match (authenticate, &live.authenticate) {
                (Some(want), Some(live)) => Some(want.over(live)),
                (want, live) => or(want, live),
            },
            beyond: if beyond.is_empty() { live.beyond.clone() } else { beyond },
            attributes: super::merged(&live.attributes, attributes),
            tags: super::merged(&live.tags, tags),
        }
    }

    /// The same spec with every link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        Self {
            load_balancer: f(self.load_balancer),
            certificate: self.certificate.map(&mut *f),
            sni_certificates: self.sni_certificates.map(|list| list.into_iter().map(&mut *f).collect()),
            mutual_authentication: self.mutual_authentication.map(|m| m.map_links(f)),
            default: self.default.map(|a| a.map_links(f)),
            ..self
        }
    }
}
