//! Errors that a user can meet: what went wrong, the exit code, and what to do about it.

use std::fmt;

use super::interrupt;
use crate::cloud::{CloudError, CloudErrorKind};
use crate::desired::Problems;

/// How a command ends when it cannot do its work.
#[derive(Debug)]
pub enum CliError {
    /// Desired files that cannot be used; rendered with their source lines.
    Files(Box<Problems>),
    /// Anything else.
    Plain {
        /// What went wrong: a lowercase fragment.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// The exit code.
        code: u8,
    },
}

impl CliError {
    /// An error with exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Plain { message: message.into(), hint: None, code: 1 }
    }
    /// A refusal with exit code 6.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Plain { message: message.into(), hint: None, code: 6 }
    }
    /// The user's interrupt, with the exit code of its signal.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::Plain { message: message.into(), hint: None, code: interrupt::exit_code() }
    }
    /// Adds what to do.
    #[must_use]
    pub fn hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::Plain { message, code, .. } => Self::Plain { message, hint: Some(text.into()), code },
            files @ Self::Files(_) => files,
        }
    }
    /// The exit code.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Files(_) => 1,
            Self::Plain { code, .. } => *code,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(problems) => write!(f, "{} problems in the desired files", problems.list.len()),
            Self::Plain { message, .. } => f.write_str(message),
        }
    }
}

impl From<CloudError> for CliError {
    fn from(error: CloudError) -> Self {
        let hint = match error.kind {
            CloudErrorKind::Credentials => {
                "check them with `aws sts get-caller-identity`; log in again, or choose others with --profile"
            }
            CloudErrorKind::Unreachable => "check the network, --region and --endpoint-url (or AWS_ENDPOINT_URL)",
            CloudErrorKind::Denied => {
                "grant the action to this caller; the README lists the IAM actions of each command"
            }
            CloudErrorKind::Throttled => "AWS is busy with this account; lower --max-rps, or try again later",
            CloudErrorKind::TimedOut | CloudErrorKind::Service => "AWS did not answer well; try again",
            CloudErrorKind::Malformed => "the answer is no AWS answer; check --endpoint-url and any proxy on the way",
            CloudErrorKind::Interrupted => "run the same command again: it continues",
            CloudErrorKind::NotFound | CloudErrorKind::Refused => {
                return Self::new(error.to_string());
            }
        };
        Self::new(error.to_string()).hint(hint)
    }
}
