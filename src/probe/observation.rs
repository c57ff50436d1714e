//! What a probe saw of one target: plain data, no judgement.
//!
//! The rules judge it; the report shows it. An [`Exchange`] is one request with its answer or its failure, and
//! knows what AWS would call that ([`Exchange::health`]), because the health checker's words are facts of AWS, not
//! opinions of ours. Nothing here opens a connection.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Server;
use crate::model::value::{CodeMatcher, Protocol};

/// Everything that was seen of one target. What was not tried is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observations {
    /// From where it was looked.
    pub vantage: Vantage,
    /// The software that answered, if its answers tell.
    pub server: Option<Server>,
    /// Health checks as the load balancer makes them, each on a connection of its own.
    pub health_checks: Vec<Exchange>,
    /// The health check with a public name as Host.
    pub public_host: Option<Exchange>,
    /// The health check in the other one of HTTP and HTTPS.
    pub other_protocol: Option<Exchange>,
    /// The health check after a line of the PROXY protocol.
    pub proxy_protocol: Option<Exchange>,
    /// `/` asked the way the health check asks its path.
    pub root: Option<Exchange>,
    /// The health check that timed out, given three times as long.
    pub patient: Option<Exchange>,
    /// The health check once more, after all else. One that failed: if it passes now, what was asked between proves
    /// nothing. One that passed: the target outlived what was measured, or did not.
    pub again: Option<Exchange>,
    /// A health check while another connection stands open and says nothing.
    pub beside_idle: Option<Exchange>,
    /// The health check's port on this machine's loopback address.
    pub loopback: Option<Exchange>,
    /// A request on the traffic port as the load balancer forwards it.
    pub request: Option<Exchange>,
    /// The same in the other one of HTTP and HTTPS, where the request failed and the health check did not.
    pub other_request: Option<Exchange>,
    /// A large body that the application is likely to refuse.
    pub large_body: Option<Exchange>,
    /// What pages of the public name get when they send something.
    pub forms: Option<Forms>,
    /// How long an idle connection stays open after an answer.
    pub keep_alive: Option<KeepAlive>,
    /// Many requests on one connection.
    pub reuse: Option<Reuse>,
    /// Requests of growing size.
    pub sizes: Vec<SizedRequest>,
    /// TLS on the traffic port.
    pub tls: Option<Tls>,
    /// What answered the preface of HTTP/2.
    pub http2: Option<Preface>,
}

/// From where a target was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vantage {
    /// Another machine, as a load balancer is.
    #[default]
    Network,
    /// The target's own machine: loopback binds, host firewalls and trusted proxies look better than they are.
    SameHost,
}

/// One request and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The Host header.
    #[serde(default)]
    pub host: String,
    /// The path.
    #[serde(default)]
    pub path: String,
    /// The X-Forwarded-Proto header, on requests as the load balancer forwards them.
    #[serde(default)]
    pub forwarded_proto: Option<Protocol>,
    /// What came of it.
    pub outcome: Outcome,
    /// Milliseconds until the answer or the failure.
    #[serde(default)]
    pub millis: u64,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// HTTP came back.
    Answer(Box<Answer>),
    /// The connection was refused.
    Refused,
    /// No way there, in the operating system's words.
    Unreachable(String),
    /// The connection was neither accepted nor refused in time.
    Unconnected,
    /// The TLS handshake failed, in the library's words.
    TlsFailed(String),
    /// The connection was reset before an answer.
    Reset,
    /// The connection was closed before an answer.
    Closed,
    /// Connected, and no answer in time.
    TimedOut,
    /// Something came back that is not HTTP: its first bytes.
    Garbage(String),
    /// Headers without end.
    Endless,
}

/// An HTTP answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `grpc-status`, where gRPC was spoken.
    pub grpc_status: Option<u16>,
    /// The `Location` header.
    pub location: Option<String>,
    /// The `WWW-Authenticate` header.
    pub authenticate: Option<String>,
    /// The `Server` header.
    pub server: Option<String>,
    /// The size of status line and headers.
    pub header_bytes: u64,
    /// What is wrong with its framing.
    pub faults: Vec<Fault>,
    /// The `Content-Length`.
    pub promised: Option<u64>,
    /// The bytes of the body that came.
    pub body: u64,
    /// How the body ended.
    pub end: BodyEnd,
    /// Whether the answer says that the connection ends with it.
    pub closes: bool,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyEnd {
    /// Where it should.
    #[default]
    Whole,
    /// The target closed the connection before.
    CutOff,
    /// The rest did not come in time.
    Stalled,
    /// The probe had read enough.
    Enough,
}

/// What is wrong with an answer's framing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A status line that is none.
    StatusLine(String),
    /// A header name with a byte that names do not have.
    HeaderName(String),
    /// A control byte in a header's value.
    ControlByte(String),
    /// A line without a colon.
    NoColon(String),
    /// `Content-Length` is no number.
    BadLength(String),
    /// Two lengths that differ.
    TwoLengths,
    /// A length and chunks.
    LengthAndChunks,
    /// Chunks that are none.
    BadChunk,
    /// A header continued on a second line.
    FoldedLine,
    /// Lines end without a carriage return.
    BareNewline,
    /// Bytes after the end of the body.
    Surplus,
}

/// A request with an `Origin`, as browsers send with forms, from the same page over https and over http. Both are forwarded
/// as https.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forms {
    /// From `https://` and the public name, as it is for clients.
    pub from_https: Exchange,
    /// From `http://` and the public name.
    pub from_http: Exchange,
}

/// How long an idle connection stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepAlive {
    /// The target closed it after so many milliseconds.
    ClosedAfter(u64),
    /// It was still open after so many milliseconds, when the probe gave up.
    OpenAfter(u64),
    /// The target announces with every answer that it closes.
    None,
}

/// Many requests on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reuse {
    /// How many were answered.
    pub requests: u32,
    /// How it ended.
    pub end: ReuseEnd,
}

/// How a connection with many requests ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReuseEnd {
    /// The last answer said so.
    Announced,
    /// Without a word.
    Unannounced,
    /// The probe had enough.
    Open,
}

/// A request of some size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizedRequest {
    /// What was large.
    pub part: Part,
    /// How large, in bytes.
    pub bytes: u32,
    /// The status; `None`: the connection ended without one.
    pub status: Option<u16>,
}

/// The part of a request that was large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The request line.
    Line,
    /// One header.
    Header,
    /// All headers together.
    Headers,
}

/// TLS on a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// TLS 1.2 at most, without a server name.
    pub up_to_12: Option<Handshake>,
    /// TLS 1.3 allowed, without a server name.
    pub up_to_13: Option<Handshake>,
    /// TLS 1.3 allowed, with a server name.
    pub named: Option<Handshake>,
    /// Whether the target asked for a client certificate.
    pub asks_certificate: bool,
    /// The certificates it presented, its own first.
    pub chain: Vec<Presented>,
}

/// How a TLS handshake ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handshake {
    /// Done, in this version: `TLSv1_2`.
    Done(String),
    /// Failed, in the library's words.
    Failed(String),
    /// Closed or reset.
    Closed,
    /// Not ended in time.
    TimedOut,
}

/// A certificate that a target presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The last moment it is valid.
    pub not_after: Timestamp,
    /// The names it is for.
    #[serde(default)]
    pub names: Vec<String>,
}

/// What answered the preface of HTTP/2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preface {
    /// HTTP/2.
    Settings,
    /// HTTP/1, with this status.
    Http1(u16),
    /// Nothing: the connection was closed.
    Closed,
    /// Nothing in time.
    TimedOut,
    /// Something else: its first bytes.
    Garbage(String),
}

impl Handshake {
    /// Whether it was done.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl Observations {
    /// The health check that speaks for the target: the first one without success, else the first.
    pub fn health_check(&self, codes: Option<&CodeMatcher>) -> Option<&Exchange> {
        self.health_checks.iter().find(|one| !one.passes(codes)).or(self.health_checks.first())
    }
    /// The same with what another look at the same target measured: that does not hang on the health check.
    #[must_use]
    pub fn measured_by(self, other: &Self) -> Self {
        Self {
            large_body: other.large_body.clone(),
            forms: other.forms.clone(),
            keep_alive: other.keep_alive,
            reuse: other.reuse,
            sizes: other.sizes.clone(),
            ..self
        }
    }
    /// Every answer that came, with its exchange.
    pub fn answers(&self) -> impl Iterator<Item = (&Exchange, &Answer)> {
        let single = [
            &self.public_host,
            &self.other_protocol,
            &self.proxy_protocol,
            &self.root,
            &self.patient,
            &self.again,
            &self.beside_idle,
            &self.request,
            &self.large_body,
        ];
        let all = self.health_checks.iter().chain(single.into_iter().flatten());
        all.filter_map(|exchange| Some((exchange, exchange.answer()?)))
    }
}
