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

impl Request {
    /// The request as it may be told: a header's value may be a live one that no file spells out, and so a secret.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), value.clone().hidden()));
        Self { headers: headers.collect(), ..self.clone() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_without_secrets() {
        let request = Request {
            load_balancer: Id("arn:lb".to_owned()),
            port: 443,
            scheme: Scheme::Https { server_name: None },
            host: "shop.example.com".to_owned(),
            path: "/api".to_owned(),
            query: "v=2".to_owned(),
            method: "GET".to_owned(),
            headers: vec![("X-Origin-Verify".to_owned(), Text::Plain("s3cret".to_owned()))],
            source: IpAddr::from([192, 0, 2, 1]),
        };
        let told = "GET https://shop.example.com/api?v=2 with X-Origin-Verify: (secret) from 192.0.2.1";
        assert_eq!(request.without_secrets().to_string(), told);
    }
}
