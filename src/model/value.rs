//! Small values with AWS's own spelling and limits: protocols, code matchers, schemes.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use super::ip_protocol::IpProtocol;

/// Declares a closed set of words: the enum, its spelling in the desired-state language, and on AWS.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $ours:literal / $aws:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $ours)] $variant),+ }

        impl $name {
            /// Every word in the desired-state language.
            pub const WORDS: &'static [&'static str] = &[$($ours),+];
            /// The word in the desired-state language.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $ours),+ } }
            /// The word on AWS.
            pub const fn aws(self) -> &'static str { match self { $(Self::$variant => $aws),+ } }
            /// Reads AWS's word; `None` for one this version does not know.
            pub fn from_aws(text: &str) -> Option<Self> { match text { $($aws => Some(Self::$variant),)+ _ => None } }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl std::str::FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> { match text { $($ours => Ok(Self::$variant),)+ _ => Err(()) } }
        }
    };
}
pub(crate) use words;

words! {
    /// The protocol of a listener, a target group or a health check.
    Protocol {
        /// Plain HTTP.
        Http = "http" / "HTTP",
        /// HTTP over TLS.
        Https = "https" / "HTTPS",
    }
}

words! {
    /// The HTTP version an ALB speaks to its targets (API: `CreateTargetGroup.ProtocolVersion`).
    ProtocolVersion {
        /// HTTP/1.1, the default.
        Http1 = "http1" / "HTTP1",
        /// HTTP/2.
        Http2 = "http2" / "HTTP2",
        /// gRPC over HTTP/2.
        Grpc = "grpc" / "GRPC",
    }
}

words! {
    /// What a target group's targets are (API: `CreateTargetGroup.TargetType`).
    TargetType {
        /// EC2 instances, by id.
        Instance = "instance" / "instance",
        /// IP addresses.
        Ip = "ip" / "ip",
        /// One Lambda function.
        Lambda = "lambda" / "lambda",
    }
}

words! {
    /// Whether a load balancer has public addresses (API: `CreateLoadBalancer.Scheme`).
    Scheme {
        /// Reachable from the internet; AWS's default.
        InternetFacing = "internet-facing" / "internet-facing",
        /// Reachable from inside the VPC only.
        Internal = "internal" / "internal",
    }
}

words! {
    /// The address families of a load balancer (API: `CreateLoadBalancer.IpAddressType`).
    IpAddressType {
        /// IPv4 only.
        Ipv4 = "ipv4" / "ipv4",
        /// IPv4 and IPv6.
        Dualstack = "dualstack" / "dualstack",
        /// IPv6 to clients, private IPv4 inside.
        DualstackWithoutPublicIpv4 = "dualstack-without-public-ipv4" / "dualstack-without-public-ipv4",
    }
}

words! {
    /// The address family of a target group (API: `CreateTargetGroup.IpAddressType`).
    AddressFamily {
        /// IPv4 targets.
        Ipv4 = "ipv4" / "ipv4",
        /// IPv6 targets.
        Ipv6 = "ipv6" / "ipv6",
    }
}

words! {
    /// The key of a certificate (API: acm `RequestCertificate.KeyAlgorithm`, `DescribeCertificate`).
    KeyAlgorithm {
        /// RSA with 1024 bits; import only.
        Rsa1024 = "RSA_1024" / "RSA_1024",
        /// RSA with 2048 bits; the default of a request.
        Rsa2048 = "RSA_2048" / "RSA_2048",
        /// RSA with 3072 bits; import only.
        Rsa3072 = "RSA_3072" / "RSA_3072",
        /// RSA with 4096 bits; import only.
        Rsa4096 = "RSA_4096" / "RSA_4096",
        /// NIST P-256.
        EcPrime256v1 = "EC_prime256v1" / "EC_prime256v1",
        /// NIST P-384.
        EcSecp384r1 = "EC_secp384r1" / "EC_secp384r1",
        /// NIST P-521; import only.
        EcSecp521r1 = "EC_secp521r1" / "EC_secp521r1",
    }
}

/// A success-code matcher as a set of inclusive ranges: `200`, `200,202`, `200-299`.
///
/// Two spellings of one set are equal. ALB target groups accept 200–499 for HTTP and 0–99 for gRPC
/// (API: `Matcher`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeMatcher(BTreeSet<(u16, u16)>);

/// A text that is no code matcher.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a list of codes such as `200`, `200,202` or `200-299`")]
pub struct BadMatcher(String);

impl CodeMatcher {
    /// Whether the matcher takes this code as a success.
    pub fn accepts(&self, code: u16) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&code))
    }
    /// Whether it takes every code that another one takes.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(low, high)| (*low..=*high).all(|code| self.accepts(code)))
    }
    /// The lowest and the highest code it takes.
    pub fn bounds(&self) -> (u16, u16) {
        let low = self.0.iter().map(|r| r.0).min().unwrap_or(0);
        let high = self.0.iter().map(|r| r.1).max().unwrap_or(0);
        (low, high)
    }
}

impl FromStr for CodeMatcher {
    type Err = BadMatcher;
    fn from_str(text: &str) -> Result<Self, BadMatcher> {
        let bad = || BadMatcher(text.to_owned());
        let mut codes = BTreeSet::new();
        for part in text.split(',') {
            let (low, high) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
            let low: u16 = low.trim().parse().map_err(|_| bad())?;
            let high: u16 = high.trim().parse().map_err(|_| bad())?;
            if low > high || high > 999 {
                return Err(bad());
            }
            codes.extend(low..=high);
        }
        let mut ranges = BTreeSet::new();
        let mut open: Option<(u16, u16)> = None;
        for code in codes {
            open = match open {
                Some((low, high)) if high + 1 == code => Some((low, code)),
                Some(done) => {
                    ranges.insert(done);
                    Some((code, code))
                }
                None => Some((code, code)),
            };
        }
        ranges.extend(open);
        if ranges.is_empty() { Err(bad()) } else { Ok(Self(ranges)) }
    }
}

impl TryFrom<String> for CodeMatcher {
    type Error = BadMatcher;
    fn try_from(text: String) -> Result<Self, BadMatcher> {
        text.parse()
    }
}

impl From<CodeMatcher> for String {
    fn from(matcher: CodeMatcher) -> Self {
        matcher.to_string()
    }
}

impl fmt::Display for CodeMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (low, high) in &self.0 {
            if !first {
                f.write_str(",")?;
            }
            first = false;
            if low == high { write!(f, "{low}")? } else { write!(f, "{low}-{high}")? }
        }
        Ok(())
    }
}

/// The port of a health check: the port that receives traffic, or a fixed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CheckPort {
    /// `traffic-port`: wherever the target receives traffic.
    Traffic,
    /// A fixed port.
    Fixed(u16),
}

impl FromStr for CheckPort {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "traffic-port" => Ok(Self::Traffic),
            port => match port.parse() {
                Ok(port) if port > 0 => Ok(Self::Fixed(port)),
                _ => Err(()),
            },
        }
    }
}

impl TryFrom<String> for CheckPort {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|()| format!("`{text}` is neither `traffic-port` nor a port"))
    }
}

impl From<CheckPort> for String {
    fn from(port: CheckPort) -> Self {
        port.to_string()
    }
}

impl fmt::Display for CheckPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Traffic => f.write_str("traffic-port"),
            Self::Fixed(port) => write!(f, "{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_with_one_meaning_are_equal() {
        let a: CodeMatcher = "200-202,204".parse().unwrap();
        let b: CodeMatcher = "204,202,200-201".parse().unwrap();
        assert_eq!(a, b);
        assert_eq!(a.to_string(), "200-202,204");
        assert!(a.accepts(201) && !a.accepts(203));
        assert_eq!(a.bounds(), (200, 204));
        for bad in ["", "2xx", "300-200", "200,,201", "200;201"] {
            assert!(bad.parse::<CodeMatcher>().is_err(), "{bad}");
        }
    }

    #[test]
    fn words_know_both_spellings() {
        assert_eq!("https".parse(), Ok(Protocol::Https));
        assert_eq!(Protocol::from_aws("HTTPS"), Some(Protocol::Https));
        assert_eq!(Protocol::from_aws("TLS"), None);
        assert_eq!(IpProtocol::All.aws(), "-1");
    }
}
