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

/// The longest title.
const TITLE: usize = 90;

impl Finding {
    /// The same finding with its title, cut to one line of 90 characters.
    #[must_use]
    pub fn titled(self, title: impl Into<String>) -> Self {
        let title: String = title.into();
        let title = match title.char_indices().nth(TITLE) {
            None => title,
            Some(_) => title.chars().take(TITLE - 1).chain(['…']).collect(),
        };
        Self { title, ..self }
    }
    /// The same finding with what clients see, and why.
    #[must_use]
    pub fn detailed(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
    /// The same finding with one more value that decided it.
    #[must_use]
    pub fn evident(mut self, address: &Address, field: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.evidence.push(Evident { address: address.clone(), field: field.into(), value });
        self
    }
    /// The same finding with the way out in words.
    #[must_use]
    pub fn mended_by(self, text: impl Into<String>) -> Self {
        Self { fix: Fix { text: text.into(), declare: self.fix.declare }, ..self }
    }
    /// The same finding with a declaration that would mend it.
    #[must_use]
    pub fn declaring(self, address: &Address, field: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        let declare = Some(Declaration { address: address.clone(), field: field.into(), value });
        Self { fix: Fix { text: self.fix.text, declare }, ..self }
    }
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
