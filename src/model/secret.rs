//! Secrets: named in files, compared by digest, sent by `aws`, shown by nobody.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Where a secret's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file, relative to the desired file that names it.
    File(String),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {path}"),
        }
    }
}

/// A secret that AWS takes and never gives back: that there is one is all that can be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteOnly {
    /// AWS keeps the one it has.
    Kept,
    /// It is sent, from here.
    Sent(SecretRef),
}

impl fmt::Display for WriteOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => f.write_str("(secret)"),
            Self::Sent(source) => write!(f, "(secret from {source})"),
        }
    }
}

/// A fingerprint of a secret's value. Kept in memory only: it is never serialised, because a short
/// secret can be guessed from its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Option<[u8; 32]>);

impl Fingerprint {
    /// The fingerprint of a value.
    pub fn of(value: &str) -> Self {
        Self(Some(Sha256::digest(value.as_bytes()).into()))
    }
}

/// A text that may be secret, such as the value of a header condition.
///
/// Equality looks at the value: two secrets are equal if their values are, wherever they come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Text {
    /// An ordinary text.
    Plain(String),
    /// A secret one; `source` is `None` for a live value that must not be shown.
    Secret {
        /// Where the file says the value is; `None` for a value read from AWS.
        source: Option<SecretRef>,
        /// The value's fingerprint.
        #[serde(skip)]
        fingerprint: Fingerprint,
    },
}

impl Text {
    /// Hides a plain text; a secret one stays as it is.
    #[must_use]
    pub fn hidden(self) -> Self {
        match self {
            Self::Plain(value) => Self::Secret { source: None, fingerprint: Fingerprint::of(&value) },
            Self::Secret { .. } => self,
        }
    }
    /// Whether the text must not be shown.
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::Secret { .. })
    }
    /// Whether the value can be compared: a secret one that was saved and read again has lost its fingerprint.
    pub const fn is_known(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Secret { fingerprint, .. } => fingerprint.0.is_some(),
        }
    }
    /// Where a secret text comes from.
    pub const fn source(&self) -> Option<&SecretRef> {
        match self {
            Self::Secret { source, .. } => source.as_ref(),
            Self::Plain(_) => None,
        }
    }
    fn key(&self) -> (bool, &str, Option<&Fingerprint>) {
        match self {
            Self::Plain(value) => (false, value, None),
            Self::Secret { fingerprint, .. } => (true, "", Some(fingerprint)),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Text {}
impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(value) => f.write_str(value),
            Self::Secret { source: Some(source), .. } => write!(f, "(secret from {source})"),
            Self::Secret { source: None, .. } => f.write_str("(secret)"),
        }
    }
}
