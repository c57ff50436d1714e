//! The transport protocol of a security-group rule: the five that files name, and every other one by its number.
//!
//! A rule for another protocol never carries a load balancer's traffic. It is known all the same, so that it can be
//! listed, and taken away where a group's rules are exclusive. Source: API (EC2) `IpPermission.IpProtocol`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The transport protocol of a security-group rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum IpProtocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP for IPv4; ports are type and code.
    Icmp,
    /// ICMP for IPv6, likewise.
    Icmpv6,
    /// Every protocol and port (`-1` on AWS).
    All,
    /// Another one, by IANA's number; it has no ports.
    Other(u8),
}

impl IpProtocol {
    /// Every word in the desired-state language.
    pub const WORDS: &'static [&'static str] = &["tcp", "udp", "icmp", "icmpv6", "all"];

    /// The word on AWS.
    pub fn aws(self) -> String {
        match self {
            Self::Tcp | Self::Udp | Self::Icmp | Self::Icmpv6 => self.to_string(),
            Self::All => "-1".to_owned(),
            Self::Other(number) => number.to_string(),
        }
    }
    /// Reads AWS's word, which may be IANA's number; `None` for one this version does not know.
    pub fn from_aws(text: &str) -> Option<Self> {
        Some(match text {
            "-1" => Self::All,
            "tcp" | "6" => Self::Tcp,
            "udp" | "17" => Self::Udp,
            "icmp" | "1" => Self::Icmp,
            "icmpv6" | "58" => Self::Icmpv6,
            other => Self::Other(other.parse().ok()?),
        })
    }
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("tcp"),
            Self::Udp => f.write_str("udp"),
            Self::Icmp => f.write_str("icmp"),
            Self::Icmpv6 => f.write_str("icmpv6"),
            Self::All => f.write_str("all"),
            Self::Other(number) => write!(f, "protocol {number}"),
        }
    }
}

impl FromStr for IpProtocol {
    type Err = ();
    /// Reads a word of the language, which has none for other protocols.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "all" => Ok(Self::All),
            word if Self::WORDS.contains(&word) => Self::from_aws(word).ok_or(()),
            _ => Err(()),
        }
    }
}

impl From<IpProtocol> for String {
    fn from(protocol: IpProtocol) -> Self {
        match protocol {
            IpProtocol::Other(number) => number.to_string(),
            IpProtocol::Tcp | IpProtocol::Udp | IpProtocol::Icmp | IpProtocol::Icmpv6 | IpProtocol::All => {
                protocol.to_string()
            }
        }
    }
}

impl TryFrom<String> for IpProtocol {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let number = || text.parse().ok().map(Self::Other);
        text.parse().ok().or_else(number).ok_or_else(|| format!("`{text}` is no transport protocol"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_is_read_back_as_it_was_written() {
        let named = IpProtocol::WORDS.iter().map(|word| word.parse::<IpProtocol>().unwrap());
        for protocol in named.chain([IpProtocol::Other(50)]) {
            assert_eq!(IpProtocol::from_aws(&protocol.aws()), Some(protocol));
            let saved = serde_json::to_string(&protocol).unwrap();
            assert_eq!(serde_json::from_str::<IpProtocol>(&saved).unwrap(), protocol, "{saved}");
        }
        assert_eq!(serde_json::to_string(&IpProtocol::Icmpv6).unwrap(), "\"icmpv6\"");
        assert_eq!(IpProtocol::from_aws("58"), Some(IpProtocol::Icmpv6));
        assert!("50".parse::<IpProtocol>().is_err(), "no word of the language");
        assert!(serde_json::from_str::<IpProtocol>("\"256\"").is_err());
    }
}
