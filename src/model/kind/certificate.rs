//! Certificates: by ARN, imported, or requested from ACM.
//!
//! Identity: the ARN, else names and key algorithm. Source: API (ACM) `ImportCertificate`,
//! `RequestCertificate`, `DescribeCertificate`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::or;
use crate::model::secret::SecretRef;
use crate::model::value::KeyAlgorithm;
use crate::model::{Comparer, FieldChange, Id, Link};

/// A certificate, desired or live. A `None` field is undeclared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Where it comes from, if the files say; `None` for a live one.
    pub origin: Option<Origin>,
    /// The first name.
    pub domain: Option<String>,
    /// Every name it covers, the first included.
    pub names: Option<BTreeSet<String>>,
    /// Its key.
    pub key_algorithm: Option<KeyAlgorithm>,
    /// Serial number in lower-case hexadecimal without separators and leading zeros; tells one import from
    /// the next.
    pub serial: Option<String>,
    /// Tags; ours are added when written.
    pub tags: BTreeMap<String, String>,
}

/// How a desired certificate comes to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It exists; it is somebody else's.
    Arn(Id),
    /// Imported from files.
    Import {
        /// The certificate, PEM.
        certificate: String,
        /// The chain, PEM.
        chain: Option<String>,
        /// Where its private key is.
        private_key: SecretRef,
    },
    /// Requested from ACM, validated by DNS.
    Request,
}

impl Certificate {
    /// The fields that differ. Names and key are the identity; an imported certificate differs if
    /// its serial number does, and is then imported again under the same ARN.
    pub fn compare(live: &Self, want: &Self) -> Vec<FieldChange> {
        let Self { origin: _, domain: _, names: _, key_algorithm: _, serial, tags } = want;
        let mut c = Comparer::default();
        c.in_place("import.certificate", &live.serial, serial);
        c.tags(&live.tags, tags);
        c.finish()
    }

    /// Declared over live: what is in effect once the declared fields are applied.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        let Self { origin, domain, names, key_algorithm, serial, tags } = self;
        Self {
            origin,
            domain: or(domain, &live.domain),
            names: or(names, &live.names),
            key_algorithm: key_algorithm.or(live.key_algorithm),
            serial: or(serial, &live.serial),
            tags: super::merged(&live.tags, tags),
        }
    }

    /// Whether both are for the same names; and for the same key, if this one says which.
    pub fn is_like(&self, other: &Self) -> bool {
        let lower = |c: &Self| -> Option<BTreeSet<String>> {
            c.names.as_ref().map(|names| names.iter().map(|name| name.to_ascii_lowercase()).collect())
        };
        let key = self.key_algorithm.is_none() || self.key_algorithm == other.key_algorithm;
        key && lower(self) == lower(other)
    }

    /// The same spec with every link replaced; a certificate has none.
    #[must_use]
    pub fn map_links(self, _f: &mut dyn FnMut(Link) -> Link) -> Self {
        self
    }

    /// Which of several certificates for one name a load balancer shows: the greatest. An ECDSA key comes before an RSA
    /// one, then one that is valid, then the longer key (user guide "SSL certificates for your Application Load
    /// Balancer").
    pub const fn preference(&self, valid: bool) -> (bool, bool, u16) {
        let (ecdsa, length) = match self.key_algorithm {
            Some(KeyAlgorithm::Rsa1024) => (false, 1024),
            Some(KeyAlgorithm::Rsa2048) => (false, 2048),
            Some(KeyAlgorithm::Rsa3072) => (false, 3072),
            Some(KeyAlgorithm::Rsa4096) => (false, 4096),
            Some(KeyAlgorithm::EcPrime256v1) => (true, 256),
            Some(KeyAlgorithm::EcSecp384r1) => (true, 384),
            Some(KeyAlgorithm::EcSecp521r1) => (true, 521),
            None => (false, 0),
        };
        (ecdsa, valid, length)
    }

    /// Whether one of the certificate's names covers this host. A wildcard covers one label, never
    /// the apex (RFC 6125).
    pub fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.names.iter().flatten().any(|name| {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
                None => name == host,
            }
        })
    }
}
