//! What AWS would call an exchange, and the few words that reports use.
//!
//! AWS's reason codes are facts of AWS, not opinions of ours: what follows from them is for the rules to say. Source:
//! API `DescribeTargetHealth`; user guide "Health checks for Application Load Balancer target groups".

use super::observation::{Answer, Exchange, Fault, Handshake, Observations, Outcome, Preface};
use crate::model::value::CodeMatcher;
use crate::model::{HealthState, TargetHealth};

impl Answer {
    /// Whether something about it is not HTTP, beyond doubt.
    pub fn is_malformed(&self) -> bool {
        self.faults.iter().any(Fault::is_grave)
    }
}

impl Fault {
    /// Whether it is one beyond doubt: some only may be refused.
    pub fn is_grave(&self) -> bool {
        match self {
            Self::FoldedLine | Self::BareNewline | Self::Surplus => false,
            Self::StatusLine(_)
            | Self::HeaderName(_)
            | Self::ControlByte(_)
            | Self::NoColon(_)
            | Self::BadLength(_)
            | Self::TwoLengths
            | Self::LengthAndChunks
            | Self::BadChunk => true,
        }
    }
    /// In a few words.
    pub fn in_words(&self) -> String {
        match self {
            Self::StatusLine(line) => format!("status line `{line}`"),
            Self::HeaderName(name) => format!("header name `{name}`"),
            Self::ControlByte(name) => format!("control byte in header {name}"),
            Self::NoColon(line) => format!("header line `{line}` without a colon"),
            Self::BadLength(length) => format!("Content-Length `{length}`"),
            Self::TwoLengths => "two Content-Length headers that differ".to_owned(),
            Self::LengthAndChunks => "Content-Length beside Transfer-Encoding: chunked".to_owned(),
            Self::BadChunk => "broken chunks".to_owned(),
            Self::FoldedLine => "a header continued on a second line".to_owned(),
            Self::BareNewline => "lines that end without a carriage return".to_owned(),
            Self::Surplus => "bytes after the end of its body".to_owned(),
        }
    }
}

impl Preface {
    /// In a few words.
    pub fn in_words(&self) -> String {
        match self {
            Self::Settings => "HTTP/2".to_owned(),
            Self::Http1(status) => format!("HTTP/1 {status}"),
            Self::Closed => "connection closed".to_owned(),
            Self::TimedOut => "no answer in time".to_owned(),
            Self::Garbage(bytes) => format!("`{bytes}`"),
        }
    }
}

/// What a failed handshake is called when the answer to it was no TLS.
pub(super) const NO_TLS: &str = "what came back is no TLS";

impl Observations {
    /// Whether the target speaks TLS, and none that this probe does: it knows 1.2 and 1.3 with modern ciphers, a load
    /// balancer older ones as well (ELB user guide "Security policies": backend policies from TLS 1.0 on).
    pub fn speaks_older_tls(&self) -> bool {
        let Some(tls) = self.tls.as_ref().filter(|tls| !tls.asks_certificate) else { return false };
        let refused = |handshake: &Option<Handshake>| {
            let words = ["HandshakeFailure", "ProtocolVersion", "peer is incompatible"];
            matches!(handshake, Some(Handshake::Failed(why)) if words.iter().any(|word| why.contains(word)))
        };
        refused(&tls.up_to_12) && refused(&tls.up_to_13) && (tls.named.is_none() || refused(&tls.named))
    }
    /// Whether the preface of HTTP/2 was answered with HTTP/2.
    pub fn speaks_http2(&self) -> bool {
        self.http2 == Some(Preface::Settings)
    }
}

impl Exchange {
    /// The answer, if one came.
    pub fn answer(&self) -> Option<&Answer> {
        match &self.outcome {
            Outcome::Answer(answer) => Some(answer),
            Outcome::Refused
            | Outcome::Unreachable(_)
            | Outcome::Unconnected
            | Outcome::TlsFailed(_)
            | Outcome::Reset
            | Outcome::Closed
            | Outcome::TimedOut
            | Outcome::Garbage(_)
            | Outcome::Endless => None,
        }
    }
    /// Whether a TLS handshake was answered in something else.
    pub fn is_no_tls(&self) -> bool {
        matches!(&self.outcome, Outcome::TlsFailed(why) if why == NO_TLS)
    }
    /// The status of the answer.
    pub fn status(&self) -> Option<u16> {
        self.answer().map(|answer| answer.status)
    }
    /// Whether a health checker takes it for a success.
    pub fn passes(&self, codes: Option<&CodeMatcher>) -> bool {
        let answer = self.answer().filter(|answer| !answer.is_malformed());
        let code = answer.map(|answer| answer.grpc_status.unwrap_or(answer.status));
        code.is_some_and(|code| codes.is_some_and(|codes| codes.accepts(code)))
    }
    /// What AWS would say of a target that answers health checks so.
    pub fn health(&self, codes: Option<&CodeMatcher>) -> TargetHealth {
        if self.passes(codes) {
            return TargetHealth { state: Some(HealthState::Healthy), ..TargetHealth::default() };
        }
        let (reason, description) = match &self.outcome {
            Outcome::Answer(answer) if !answer.is_malformed() => {
                let code = answer.grpc_status.unwrap_or(answer.status);
                ("Target.ResponseCodeMismatch", format!("Health checks failed with these codes: [{code}]"))
            }
            Outcome::Unconnected | Outcome::TimedOut | Outcome::Endless => {
                ("Target.Timeout", "Request timed out".to_owned())
            }
            Outcome::Answer(_)
            | Outcome::Refused
            | Outcome::Unreachable(_)
            | Outcome::TlsFailed(_)
            | Outcome::Reset
            | Outcome::Closed
            | Outcome::Garbage(_) => ("Target.FailedHealthChecks", "Health checks failed".to_owned()),
        };
        TargetHealth {
            state: Some(HealthState::Unhealthy),
            reason: Some(reason.to_owned()),
            description: Some(description),
            ..TargetHealth::default()
        }
    }
    /// What came of it, in a few words: `404`, `301 to https://…`, `connection refused`.
    pub fn in_words(&self) -> String {
        match &self.outcome {
            Outcome::Answer(answer) => match (&answer.location, answer.grpc_status) {
                (_, Some(code)) => format!("grpc-status {code}"),
                (Some(to), None) => format!("{} to {to}", answer.status),
                (None, None) => answer.status.to_string(),
            },
            Outcome::Refused => "connection refused".to_owned(),
            Outcome::Unreachable(why) => format!("unreachable: {why}"),
            Outcome::Unconnected => "no connection in time".to_owned(),
            Outcome::TlsFailed(why) => format!("TLS handshake failed: {why}"),
            Outcome::Reset => "connection reset without an answer".to_owned(),
            Outcome::Closed => "connection closed without an answer".to_owned(),
            Outcome::TimedOut => "no answer in time".to_owned(),
            Outcome::Garbage(words) if words.starts_with("no HTTP/2") => words.clone(),
            Outcome::Garbage(bytes) => format!("no HTTP, but `{bytes}`"),
            Outcome::Endless => "headers without end".to_owned(),
        }
    }
}
