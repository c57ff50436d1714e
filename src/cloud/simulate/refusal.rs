//! Why AWS would refuse an operation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{Link, StepId};

/// A refusal: AWS's code, what it is about, and where AWS says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Refusal {
    /// AWS's error code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// Where this behaviour is documented.
    pub source_page: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.code, self.message, self.source_page)
    }
}

impl Refusal {
    pub(super) fn new(code: &str, message: impl Into<String>, source_page: &str) -> Self {
        Self { code: code.to_owned(), message: message.into(), source_page: source_page.to_owned() }
    }
    pub(super) fn not_found(link: &Link) -> Self {
        Self::new("NotFound", format!("there is no {link}"), "API: errors of every operation on an ARN")
    }
    pub(super) fn unresolved(step: &StepId) -> Self {
        Self::new("Unresolved", format!("it needs the output of a step that has not run: {step}"), "plan order")
    }
}
