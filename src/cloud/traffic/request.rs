//! A request as a load balancer sees it, and as people write it.

use std::fmt;
use std::net::IpAddr;

use crate::model::{Id, Text};

/// One request of one client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// The load balancer that it is sent to.
    pub load_balancer: Id,
    /// The port.
    pub port: u16,
    /// Plain, or over TLS.
    pub scheme: Scheme,
    /// The host of the request, without a port.
    pub host: String,
    /// The path, with its leading slash and without the query.
    pub path: String,
    /// The query as it is sent, without `?`.
    pub query: String,
    /// The method.
    pub method: String,
    /// Headers: names and values. A secret value is known by its fingerprint.
    pub headers: Vec<(String, Text)>,
    /// Where it comes from.
    pub source: IpAddr,
}

/// How a client speaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https {
        /// The name that the client asks for in the handshake (SNI), if it says one.
        server_name: Option<String>,
    },
}

impl Scheme {
    /// As URLs write it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https { .. } => "https",
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = match self.scheme {
            Scheme::Http => 80,
            Scheme::Https { .. } => 443,
        };
        write!(f, "{} {}://{}", self.method, self.scheme.as_str(), self.host)?;
        if self.port != usual {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)?;
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        for (name, value) in &self.headers {
            write!(f, " with {name}: {value}")?;
        }
        write!(f, " from {}", self.source)
    }
}
