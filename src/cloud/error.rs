//! What can go wrong with a call to AWS, sorted by what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a failed call means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloudErrorKind {
    /// No credentials were found, or they were refused as unknown or expired.
    Credentials,
    /// The endpoint could not be reached: name, route, refused connection, TLS.
    Unreachable,
    /// The caller may not make this call.
    Denied,
    /// AWS kept throttling it after all retries.
    Throttled,
    /// No answer in time, after all retries.
    TimedOut,
    /// The thing is not there.
    NotFound,
    /// AWS refused what was asked: bad input, quota, state.
    Refused,
    /// AWS itself failed (HTTP 5xx), after all retries.
    Service,
    /// The answer could not be understood.
    Malformed,
    /// The user did not want to wait for another attempt; what AWS said to the last one is in the message.
    Interrupted,
}

impl CloudErrorKind {
    /// The kind in words.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Credentials => "no usable credentials",
            Self::Unreachable => "endpoint not reachable",
            Self::Denied => "access denied",
            Self::Throttled => "throttled",
            Self::TimedOut => "timed out",
            Self::NotFound => "not found",
            Self::Refused => "refused",
            Self::Service => "AWS failed",
            Self::Malformed => "answer not understood",
            Self::Interrupted => "not tried again",
        }
    }
    /// Whether AWS looked at the call and said no: it had no effect.
    pub const fn is_no(self) -> bool {
        match self {
            Self::Denied | Self::NotFound | Self::Refused => true,
            Self::Credentials
            | Self::Unreachable
            | Self::Throttled
            | Self::TimedOut
            | Self::Service
            | Self::Malformed
            | Self::Interrupted => false,
        }
    }
    /// Whether the failure concerns every call alike, so that going on makes no sense.
    pub const fn is_fatal(self) -> bool {
        match self {
            Self::Credentials | Self::Unreachable => true,
            Self::Denied
            | Self::Throttled
            | Self::TimedOut
            | Self::NotFound
            | Self::Refused
            | Self::Service
            | Self::Malformed
            | Self::Interrupted => false,
        }
    }
}

/// A call to AWS that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct CloudError {
    /// What it means.
    pub kind: CloudErrorKind,
    /// The API operation, such as `DescribeRules`.
    pub operation: String,
    /// AWS's error code, where it gave one.
    pub code: Option<String>,
    /// AWS's message or the transport's.
    pub message: String,
}

impl CloudError {
    /// Whether a load balancer does not take a certificate (the codes of `CreateListener`, `ModifyListener` and
    /// `AddListenerCertificates`), which it says for a while of one that ACM has just issued.
    pub fn refuses_certificate(&self) -> bool {
        matches!(self.code.as_deref(), Some("UnsupportedCertificate" | "CertificateNotFound"))
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.kind.in_words())?;
        match &self.code {
            Some(code) => write!(f, " ({code}: {})", self.message),
            None if self.message.is_empty() => Ok(()),
            None => write!(f, " ({})", self.message),
        }
    }
}
