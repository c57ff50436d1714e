//! Certificates: those of others by their ARN, the stack's own as they were requested.
//!
//! `arn:` says that a certificate is somebody else's. One of the stack's that the language cannot say, because it was
//! imported and nobody can read its key, has no section: listeners name it by its ARN, and it stays whose it is.

use super::yaml::{Map, Node};
use super::{Export, attribute, keys};
use crate::cloud::{CertificateFacts, Facts};
use crate::model::kind::Certificate;
use crate::model::value::KeyAlgorithm;
use crate::model::{Id, Kind};

/// Keys that ACM makes (API (ACM): `RequestCertificate.KeyAlgorithm`).
const REQUESTED: [KeyAlgorithm; 3] = [KeyAlgorithm::Rsa2048, KeyAlgorithm::EcPrime256v1, KeyAlgorithm::EcSecp384r1];
/// The states in which a certificate is found by its names.
const FOUND: [&str; 3] = ["ISSUED", "PENDING_VALIDATION", "EXPIRED"];
/// How long its first name may be.
const LONGEST: usize = 64;

impl Export<'_> {
    /// `certificates:`.
    pub(super) fn certificates(&mut self) -> Map {
        let mut section = Map::default();
        for (id, key) in &self.keys {
            let Some((certificate, facts)) = self.certificate(id) else { continue };
            section.remark(&described(certificate.domain.as_deref(), facts));
            let map = if self.is_own_certificate(certificate) { requested(certificate) } else { by_arn(id) };
            section.put(key, Node::Map(map));
        }
        for id in self.unsaid() {
            let name = self.certificate(&id).and_then(|(certificate, _)| certificate.domain.clone());
            let name = name.unwrap_or_else(|| id.short().to_owned());
            let what = format!(
                "the certificate {name}, which the stack has not requested: its key cannot be read, and listeners name it by its ARN"
            );
            self.leave_out(&mut section, &what);
        }
        section
    }

    /// Whether a certificate is the stack's and cannot be said.
    pub(super) fn beyond_words(&self, id: &Id) -> bool {
        self.certificate(id).is_some_and(|(certificate, facts)| {
            self.is_own_certificate(certificate)
                && !(can_be_requested(certificate, facts) && self.is_alone(id, certificate))
        })
    }

    /// Those on the exported listeners, in the order of their ids.
    fn unsaid(&self) -> Vec<Id> {
        let links = self.listeners().flat_map(|(_, l)| l.certificate.iter().chain(l.sni_certificates.iter().flatten()));
        let ids: std::collections::BTreeSet<Id> = super::group::ids(links).cloned().collect();
        ids.into_iter().filter(|id| self.beyond_words(id)).collect()
    }

    fn certificate(&self, id: &Id) -> Option<(&Certificate, Option<&CertificateFacts>)> {
        let live = self.snapshot.found.get(id)?;
        let facts = if let Facts::Certificate(facts) = &live.facts { Some(facts) } else { None };
        Some((live.spec.certificate()?, facts))
    }

    fn is_own_certificate(&self, certificate: &Certificate) -> bool {
        keys::own_key(&certificate.tags, &self.stack, Kind::Certificate).is_some()
    }

    /// Whether no other certificate says that it is the same one.
    fn is_alone(&self, id: &Id, certificate: &Certificate) -> bool {
        let key = |of: &Certificate| keys::own_key(&of.tags, &self.stack, Kind::Certificate).map(str::to_owned);
        let own = key(certificate);
        !self.snapshot.certificates().any(|(other, spec)| other != id && key(spec) == own)
    }
}

fn can_be_requested(certificate: &Certificate, facts: Option<&CertificateFacts>) -> bool {
    let Certificate { origin: _, domain, names, key_algorithm, serial: _, tags: _ } = certificate;
    let by_acm = facts.is_some_and(|facts| {
        facts.origin.as_deref() == Some("AMAZON_ISSUED") && FOUND.contains(&facts.status.as_str())
    });
    let key = key_algorithm.is_none_or(|key| REQUESTED.contains(&key));
    by_acm && key && names.is_some() && domain.as_ref().is_some_and(|domain| domain.len() <= LONGEST)
}

fn by_arn(id: &Id) -> Map {
    let mut map = Map::flow();
    map.put("arn", Node::text(id.as_str()));
    map
}

fn requested(certificate: &Certificate) -> Map {
    let Certificate { origin: _, domain, names, key_algorithm, serial: _, tags } = certificate;
    let mut map = Map::default();
    map.put_some("domain", domain.as_deref().map(Node::text));
    let others = names.iter().flatten().filter(|name| domain.as_ref().is_none_or(|d| !d.eq_ignore_ascii_case(name)));
    let others: Vec<Node> = others.map(|name| Node::text(name)).collect();
    if !others.is_empty() {
        map.put("alternative_names", Node::list(others));
    }
    map.put_some("key_algorithm", key_algorithm.filter(|key| *key != KeyAlgorithm::Rsa2048).map(Node::plain));
    attribute::tags(&mut map, tags);
    map
}

/// A certificate in words: its first name, its state, its last day.
fn described(domain: Option<&str>, facts: Option<&CertificateFacts>) -> String {
    let mut words = vec![domain.unwrap_or("its names could not be read").to_owned()];
    if let Some(facts) = facts {
        words.push(facts.status.to_ascii_lowercase().replace('_', " "));
        words.extend(facts.not_after.map(|end| format!("valid until {}", end.strftime("%Y-%m-%d"))));
    }
    words.join(", ")
}
