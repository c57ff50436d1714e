//! What is probed: where to dial, and what a load balancer would send there.
//!
//! The bytes of a request are made here; nothing is sent. Source of the health check's bytes: ELB user guide "Health
//! checks for your target groups" (Host with the port unless it is the default one), and a capture of 130 bytes whose
//! headers and order are exactly these.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::value::{CodeMatcher, Protocol, ProtocolVersion};

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Only what is answered at once: health checks and one request.
    Quick,
    /// Also what must wait (keep-alive), repeat (requests per connection) or strain (large requests).
    Full,
}

/// Which versions of TLS are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// 1.2.
    UpTo12,
    /// 1.2 and 1.3.
    UpTo13,
}

/// A target as a load balancer would see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Where the traffic port is dialled.
    pub address: SocketAddr,
    /// Where the health check's port is dialled.
    pub check_address: SocketAddr,
    /// The target's own address, as in the health check's Host.
    pub host: String,
    /// The traffic port.
    pub port: u16,
    /// The health check's port.
    pub check_port: u16,
    /// What the load balancer speaks to the target.
    pub protocol: Protocol,
    /// What the health check speaks.
    pub check_protocol: Protocol,
    /// Which version of HTTP both speak.
    pub version: ProtocolVersion,
    /// The TLS that the load balancer offers targets, where either speaks HTTPS.
    pub tls: Versions,
    /// The health check's path.
    pub path: String,
    /// The codes that are a success.
    pub codes: CodeMatcher,
    /// How long one health check may take.
    pub timeout: Duration,
    /// A name that clients use.
    pub public_host: Option<String>,
    /// A path that clients ask for.
    pub public_path: String,
    /// What clients speak to the load balancer.
    pub public_protocol: Protocol,
    /// The load balancer's idle timeout.
    pub idle_timeout: Duration,
}

/// How long an idle connection is watched beyond the idle timeout.
const BEYOND: Duration = Duration::from_secs(10);
/// How much longer a health check is given that timed out.
pub(super) const PATIENCE: u32 = 3;
/// How long a request as clients make it is waited for, if the load balancer waits as long.
const REQUEST: Duration = Duration::from_secs(10);
/// How long requests are repeated on one connection, at most.
pub(super) const REPEATING: Duration = Duration::from_secs(20);

impl Subject {
    /// The longest that looking at it can take.
    pub fn longest(&self, depth: Depth) -> Duration {
        // three checks, a patient one, one more, four questions why they fail, three handshakes, a request and another
        let quick = self.timeout * (12 + PATIENCE) + self.request_timeout();
        match depth {
            Depth::Quick => quick,
            // a connection and a check beside it, a large body, two forms, nine sizes, two answers, a last check
            Depth::Full => quick + self.timeout * 17 + self.watching() * 2 + REPEATING,
        }
    }
    /// How long a client's request is waited for.
    pub(super) fn request_timeout(&self) -> Duration {
        self.timeout.max(REQUEST.min(self.idle_timeout))
    }
    /// How long an idle connection is watched.
    pub(super) fn watching(&self) -> Duration {
        self.idle_timeout + BEYOND
    }
    pub(super) fn is_http1(&self) -> bool {
        self.version == ProtocolVersion::Http1
    }
    pub(super) fn speaks_tls(&self) -> bool {
        self.protocol == Protocol::Https || self.check_protocol == Protocol::Https
    }
    /// Another path than the health check's.
    pub(super) fn other_path(&self) -> &'static str {
        if self.path == "/" { "/robots.txt" } else { "/" }
    }
    /// The Host of a health check: the target's address, with the port unless it is the default one.
    fn check_host(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let default = if self.check_protocol == Protocol::Https { 443 } else { 80 };
        if self.check_port == default { host } else { format!("{host}:{}", self.check_port) }
    }
    /// The Host of a client's request: lower case, as the load balancer passes it on.
    pub(super) fn client_host(&self) -> String {
        self.public_host.clone().unwrap_or_else(|| self.check_host()).to_ascii_lowercase()
    }
    /// The health check.
    pub(super) fn health_check(&self) -> Ask {
        Ask {
            to: self.check_address,
            protocol: self.check_protocol,
            tls: self.tls,
            host: self.check_host(),
            path: self.path.clone(),
            kind: Kind::Check,
            proxy_line: None,
            timeout: self.timeout,
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) to: SocketAddr,
    pub(super) protocol: Protocol,
    pub(super) tls: Versions,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) kind: Kind,
    proxy_line: Option<String>,
    pub(super) timeout: Duration,
}

/// What kind of request it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A health check.
    Check,
    /// A client's request, forwarded; the protocol is the client's.
    Forwarded(Protocol),
}

impl Ask {
    /// A client's request, forwarded to the traffic port.
    pub(super) fn forwarded(subject: &Subject) -> Self {
        Self {
            to: subject.address,
            protocol: subject.protocol,
            tls: subject.tls,
            host: subject.client_host(),
            path: subject.public_path.clone(),
            kind: Kind::Forwarded(subject.public_protocol),
            proxy_line: None,
            timeout: subject.timeout,
        }
    }
    pub(super) fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }
    pub(super) fn hosted(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }
    /// The same with another time.
    pub(super) fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
    pub(super) fn in_other_protocol(self) -> Self {
        let protocol = if self.protocol == Protocol::Http { Protocol::Https } else { Protocol::Http };
        Self { protocol, ..self }
    }
    /// The same after a line of the PROXY protocol, version 1.
    pub(super) fn after_proxy_line(self) -> Self {
        let line = match self.to {
            SocketAddr::V4(_) => format!("PROXY TCP4 192.0.2.1 192.0.2.2 40000 {}\r\n", self.to.port()),
            SocketAddr::V6(_) => format!("PROXY TCP6 2001:db8::1 2001:db8::2 40000 {}\r\n", self.to.port()),
        };
        Self { proxy_line: Some(line), ..self }
    }
    /// What is sent before TLS and before the request.
    pub(super) fn before(&self) -> &str {
        self.proxy_line.as_deref().unwrap_or_default()
    }
    /// The X-Forwarded-Proto header.
    pub(super) fn forwarded_proto(&self) -> Option<Protocol> {
        match self.kind {
            Kind::Check => None,
            Kind::Forwarded(protocol) => Some(protocol),
        }
    }
    /// The request's bytes, with more headers (`Name: value` and CRLF) at their end.
    pub(super) fn bytes_with(&self, method: &str, more: &str) -> Vec<u8> {
        let Self { host, path, .. } = self;
        match self.kind {
            Kind::Check => format!(
                "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nUser-Agent: ELB-HealthChecker/2.0\r\n\
                 Accept-Encoding: gzip, compressed\r\n{more}\r\n"
            ),
            Kind::Forwarded(protocol) => {
                let port = if protocol == Protocol::Https { 443 } else { 80 };
                format!(
                    "{method} {path} HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: {protocol}\r\n\
                     X-Forwarded-Port: {port}\r\nHost: {host}\r\n\
                     X-Amzn-Trace-Id: Root=1-00000000-000000000000000000000000\r\nUser-Agent: no502-probe\r\n\
                     Accept: */*\r\n{more}\r\n"
                )
            }
        }
        .into_bytes()
    }
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes_with("GET", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::probe) fn subject(host: &str, port: u16) -> Subject {
        let address = SocketAddr::new(host.parse().unwrap(), port);
        Subject {
            address,
            check_address: address,
            host: host.to_owned(),
            port,
            check_port: port,
            protocol: Protocol::Http,
            check_protocol: Protocol::Http,
            version: ProtocolVersion::Http1,
            tls: Versions::UpTo13,
            path: "/api/health/".to_owned(),
            codes: "200".parse().unwrap(),
            timeout: Duration::from_secs(5),
            public_host: None,
            public_path: "/".to_owned(),
            public_protocol: Protocol::Https,
            idle_timeout: Duration::from_secs(60),
        }
    }

    /// A capture of a real health check is 130 bytes long with `GET /` and this Host.
    #[test]
    fn a_health_check_is_the_captured_one_byte_for_byte() {
        let captured = "GET / HTTP/1.1\r\nHost: 10.0.7.140:8080\r\nConnection: close\r\n\
                        User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n";
        let check = Subject { path: "/".to_owned(), ..subject("10.0.7.140", 8080) }.health_check();
        assert_eq!(String::from_utf8(check.bytes()).unwrap(), captured);
        assert_eq!(captured.len(), 130);
    }

    #[test]
    fn the_host_has_the_port_unless_it_is_the_default_one() {
        let host = |host: &str, port, protocol| {
            Subject { check_protocol: protocol, ..subject(host, port) }.health_check().host
        };
        assert_eq!(host("10.0.1.10", 80, Protocol::Http), "10.0.1.10");
        assert_eq!(host("10.0.1.10", 443, Protocol::Https), "10.0.1.10");
        assert_eq!(host("10.0.1.10", 443, Protocol::Http), "10.0.1.10:443");
        assert_eq!(host("fd00::1", 8000, Protocol::Http), "[fd00::1]:8000");
    }

    #[test]
    fn a_forwarded_request_says_where_it_came_from() {
        let subject = Subject { public_host: Some("Shop.Example.com".to_owned()), ..subject("10.0.1.10", 8000) };
        let bytes = String::from_utf8(Ask::forwarded(&subject).bytes()).unwrap();
        assert!(bytes.contains("\r\nHost: shop.example.com\r\n"), "{bytes}");
        assert!(bytes.contains("\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n"), "{bytes}");
        assert!(!bytes.contains("Connection:"), "kept open: {bytes}");
    }
}
