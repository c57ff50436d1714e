//! Findings: what a rule has to say, with its evidence and the way out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Address, FieldPath};

/// How bad a finding is. `High` and `Critical` mean that clients see 5xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Latent, minor.
    Low,
    /// Latent: it takes another event to make a 5xx.
    Medium,
    /// Some clients see 5xx, or all will at the next event.
    High,
    /// Clients see 5xx now.
    Critical,
}

impl Severity {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's code, such as `E101`.
    pub rule: String,
    /// How bad it is here; at most the rule's own severity.
    pub severity: Severity,
    /// The resource it is about.
    pub address: Address,
    /// The field it is about; the root path for the resource as a whole.
    pub field: FieldPath,
    /// One line: what is wrong.
    pub title: String,
    /// What clients see, and why.
    pub detail: String,
    /// The values that decided it.
    pub evidence: Vec<Evident>,
    /// The way out.
    pub fix: Fix,
}

/// One value that decided a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evident {
    /// Whose.
    pub address: Address,
    /// Which field, or a fact such as `health`.
    pub field: FieldPath,
    /// The value.
    pub value: Value,
}

/// The way out of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// In words: the setting to change, or the call to make.
    pub text: String,
    /// A declaration that would mend it, for no502 to plan. `None`: nothing no502 can declare.
    pub declare: Option<Declaration>,
}

/// A proposed declaration; never an operation of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// The resource.
    pub address: Address,
    /// The field.
    pub field: FieldPath,
    /// The value to declare.
    pub value: Value,
}

impl Finding {
    /// An id that stays the same over runs: rule, address and field.
    pub fn id(&self) -> String {
        if self.field.0.is_empty() {
            format!("{}:{}", self.rule, self.address)
        } else {
            format!("{}:{}:{}", self.rule, self.address, self.field)
        }
    }
    /// Whether the finding cites this field, or one within it or around it.
    pub fn cites(&self, address: &Address, field: &FieldPath) -> bool {
        let hit = |a: &Address, f: &FieldPath| a == address && (f.within(field) || field.within(f)) && !f.0.is_empty();
        hit(&self.address, &self.field) || self.evidence.iter().any(|e| hit(&e.address, &e.field))
    }
}
