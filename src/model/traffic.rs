//! Traffic: what access logs and metrics counted, as the rules and the ranking see it.
//!
//! Plain numbers by address. Whose 5xx an answer is shows in its shape: the status that the client got, the one that
//! the target sent, and how far the request came (ELB user guide "Access logs", "Troubleshoot your ALBs").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Address;
use super::value::words;

words! {
    /// How an answer that is no success came about.
    Shape {
        /// 502, and the request never left: the target refused the connection.
        Refused = "refused" / "refused",
        /// 502 at once after the request was sent: the target closed, often a reused connection.
        Stale = "stale" / "stale",
        /// 502 some time after the request was sent: the target closed instead of answering.
        Cut = "cut" / "cut",
        /// 502 whose answer from a Lambda function was none.
        Lambda = "lambda" / "lambda",
        /// 503: no target to send the request to.
        NoTarget = "no_target" / "no_target",
        /// 504: no connection or no answer in time.
        TimedOut = "timed_out" / "timed_out",
        /// 5xx that the target itself answered with.
        Target = "target" / "target",
        /// What a rule says shall be answered: a fixed response.
        Fixed = "fixed" / "fixed",
        /// 500 or 561 of a login, or of what stands before the target.
        Login = "login" / "login",
        /// 460: the client gave up.
        ClientGone = "client_gone" / "client_gone",
        /// 463: more than 30 addresses in X-Forwarded-For.
        ForwardedFor = "forwarded_for" / "forwarded_for",
        /// 464: the client's protocol version does not fit the group's.
        Version = "version" / "version",
        /// 501: a Transfer-Encoding that is not supported.
        Encoding = "encoding" / "encoding",
        /// 507: a redirect's URL is too long.
        Redirect = "redirect" / "redirect",
        /// 400, 405, 413, 414 and the like that the load balancer answered itself.
        BadRequest = "bad_request" / "bad_request",
        /// Any other 5xx that the load balancer made.
        Other = "other" / "other",
    }
}

impl Shape {
    /// Whether it is a 5xx that the load balancer made because something is wrong.
    pub const fn is_made(self) -> bool {
        match self {
            Self::Refused
            | Self::Stale
            | Self::Cut
            | Self::Lambda
            | Self::NoTarget
            | Self::TimedOut
            | Self::Login
            | Self::Encoding
            | Self::Redirect
            | Self::Other => true,
            Self::Target | Self::Fixed | Self::ClientGone | Self::ForwardedFor | Self::Version | Self::BadRequest => {
                false
            }
        }
    }
}

/// What was counted of one load balancer or target group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// Requests in the access logs.
    pub requests: u64,
    /// Those that were no success, by shape.
    pub shapes: BTreeMap<Shape, u64>,
    /// AWS's reasons for errors, of which it gives some only: logins, Lambda functions, the firewall.
    pub reasons: BTreeMap<String, u64>,
    /// Seconds until the target answered that half of its answers took at most; 99 of 100; the longest.
    pub seconds: Option<[f64; 3]>,
    /// After how many seconds most requests ended that the target cut or that timed out, if that is always the same.
    pub constant: Option<f64>,
    /// Metrics by CloudWatch's names, summed up over the time that was asked for.
    pub metrics: BTreeMap<String, f64>,
}

impl Counted {
    /// How many were of a shape.
    pub fn of(&self, shape: Shape) -> u64 {
        self.shapes.get(&shape).copied().unwrap_or_default()
    }
    /// How many had one of these reasons.
    pub fn with_reason(&self, reasons: &[&str]) -> u64 {
        reasons.iter().filter_map(|reason| self.reasons.get(*reason)).sum()
    }
    /// A metric; `None` if it was not asked for or has no value.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.get(name).copied()
    }
}

/// Who met what, most frequent first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offender {
    /// How often, at least.
    pub count: u64,
    /// The shape.
    pub shape: Shape,
    /// The status that the client got.
    pub status: u16,
    /// The target group, by its address or, if there is no such group any more, by its ARN.
    pub target_group: Option<String>,
    /// The target, `10.0.1.10:8000`.
    pub target: Option<String>,
    /// The priority of the rule that matched; 0 is the default.
    pub rule: Option<String>,
    /// The host that was asked for.
    pub domain: Option<String>,
    /// AWS's reason.
    pub reason: Option<String>,
}

/// What access logs were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logs {
    /// Requests.
    pub lines: u64,
    /// Lines that are no entries of an access log.
    pub malformed: u64,
    /// Entries of load balancers that were not asked about, or that are not there any more.
    pub elsewhere: u64,
    /// The time of the first request.
    pub from: Option<String>,
    /// The time of the last one.
    pub to: Option<String>,
}

/// All that was counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// The access logs, if some were read.
    pub logs: Option<Logs>,
    /// Over how many seconds metrics were summed up, if some were read.
    pub metrics: Option<u64>,
    /// By load balancer and target group.
    pub counted: BTreeMap<Address, Counted>,
    /// What was met most often.
    pub offenders: Vec<Offender>,
}

impl Traffic {
    /// What was counted of a load balancer or target group.
    pub fn of(&self, address: &Address) -> Option<&Counted> {
        self.counted.get(address)
    }
}
