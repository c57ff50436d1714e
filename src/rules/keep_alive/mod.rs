//! E3xx: how long idle connections live, on both ends.

pub(super) mod client_keepalive;
pub(super) mod idle_timeout_drift;
pub(super) mod inner_keepalive_race;
pub(super) mod keepalive_eq_idle;
pub(super) mod keepalive_lt_idle;
pub(super) mod node_headers_timeout;
pub(super) mod slow_backend_504;
pub(super) mod target_read_timeouts_eq_idle;

/// AWS's key of a load balancer's idle timeout.
const IDLE: &str = "idle_timeout.timeout_seconds";
/// The same field in the desired-state language.
const FIELD: &str = "idle_timeout";
/// How long a target waits for the rest of a request.
const READ: &str = "backend.read_timeout";
/// Seconds that the targets' keep-alive shall exceed the idle timeout by.
const MARGIN: u32 = 5;

use std::collections::BTreeSet;

use super::setting::Setting;
use super::{Evidence, Finding, Rule, Severity};
use crate::desired::Backend;
use crate::model::{Address, Kind};
use crate::probe::Server;
use crate::probe::observation::KeepAlive;

/// A stack whose group has this back end, behind an idle timeout of 60 s.
macro_rules! stack {
    ($backend:literal) => {
        concat!(
            "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    backend: ",
            $backend,
            "
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    idle_timeout: 60s
    listeners:
      80:
        protocol: http
        default: { forward: django }
"
        )
    };
}
use stack;

/// Whether the server is Node.
fn is_node(backend: &Backend) -> bool {
    let server = backend.server.as_deref().unwrap_or_default();
    ["node", "nodejs", "node.js"].iter().any(|name| server.eq_ignore_ascii_case(name))
}

/// The groups that a load balancer forwards to.
fn groups_of<'e>(evidence: &'e Evidence, load_balancer: &'e Address) -> BTreeSet<&'e Address> {
    let actions = evidence.listeners_of(load_balancer).flat_map(|(listener, _)| evidence.actions_of(listener));
    let groups = actions.flat_map(|(_, action)| action.groups()).filter_map(|(link, _)| link.address());
    groups.filter(|group| evidence.target_group(group).is_some()).collect()
}

/// A hint of the files.
const HINT: &str = "backend.keep_alive";
/// Milliseconds by which a measurement may be off.
const BLUR: u64 = 500;

/// A group whose targets close idle connections after a known time, and the load balancers that do the same.
struct Race<'e> {
    group: &'e Address,
    /// The targets' time, in milliseconds.
    keep: u64,
    /// The targets at which times were measured, shortest first; the files say it where there are none.
    measured: Vec<(u64, &'e Address)>,
    server: Option<Server>,
    /// The load balancers with their idle timeouts in seconds.
    idle: Vec<(&'e Address, u32)>,
}

/// Every such group. What was measured counts more than what the files say.
fn races<'e>(evidence: &'e Evidence<'e>) -> impl Iterator<Item = Race<'e>> {
    evidence.target_groups().filter_map(|(group, _)| {
        let seen = evidence.probed.range(Address::new(Kind::Target, format!("{}/", group.name))..);
        let seen: Vec<_> = seen.take_while(|(target, _)| target.parent().as_ref() == Some(group)).collect();
        let closed = seen.iter().filter_map(|(target, saw)| match saw.keep_alive? {
            KeepAlive::ClosedAfter(millis) => Some((millis, *target)),
            KeepAlive::OpenAfter(_) | KeepAlive::None => None,
        });
        let backend = evidence.backend(group);
        let mut measured: Vec<_> = closed.collect();
        measured.sort_unstable();
        let keep = match measured.first() {
            Some((millis, _)) => *millis,
            None if seen.iter().any(|(_, saw)| saw.keep_alive.is_some()) => return None,
            // 0: the target closes after every answer and says so; nothing is ever reused
            None => u64::from(backend?.keep_alive.filter(|seconds| *seconds > 0)?) * 1000,
        };
        let named = backend.and_then(|backend| backend.server.as_deref()).and_then(|name| name.parse().ok());
        let server = named.or_else(|| seen.iter().find_map(|(_, saw)| saw.server));
        let balancers = evidence.load_balancers_of(group).into_iter();
        let idle = balancers.filter_map(|lb| evidence.seconds(lb, IDLE).map(|idle| (lb, idle))).collect();
        Some(Race { group, keep, measured, server, idle })
    })
}

impl Race<'_> {
    /// Whether the target closes before a load balancer with this idle timeout does.
    fn loses(&self, idle: u32) -> bool {
        self.keep < u64::from(idle) * 1000 && !self.ties(idle)
    }
    /// Whether both close at the same time, as well as one can tell.
    fn ties(&self, idle: u32) -> bool {
        let blur = if self.measured.is_empty() { 0 } else { BLUR };
        self.keep.abs_diff(u64::from(idle) * 1000) <= blur
    }
    /// Whether the target closes later, and only just.
    fn is_close(&self, idle: u32) -> bool {
        let idle = u64::from(idle) * 1000;
        self.keep > idle && self.keep + BLUR < idle + u64::from(MARGIN) * 1000
    }
    fn severity(&self, evidence: &Evidence) -> Severity {
        if evidence.serves(self.group) { Severity::High } else { Severity::Medium }
    }
    /// The targets' time in words.
    fn in_words(&self) -> String {
        match (self.keep / 100 % 10, self.keep < 10_000) {
            (1..=8, true) => format!("{:.1} s", self.keep as f64 / 1000.0),
            _ => format!("{} s", (self.keep + BLUR) / 1000),
        }
    }
    /// A finding that cites the targets' time and every idle timeout that is not well below it.
    fn finding(&self, rule: &Rule, severity: Severity) -> Finding {
        let mut finding = rule.finding(severity, self.group, HINT);
        if self.measured.is_empty() {
            finding = finding.evident(self.group, HINT, self.keep / 1000);
        }
        let longest = self.idle.iter().map(|(_, idle)| u64::from(*idle + MARGIN) * 1000).max().unwrap_or_default();
        for (millis, target) in self.measured.iter().filter(|(millis, _)| *millis + BLUR < longest) {
            finding = finding.evident(target, "probe.keep_alive_ms", millis);
        }
        for (lb, idle) in &self.idle {
            if self.loses(*idle) || self.ties(*idle) || self.is_close(*idle) {
                finding = finding.evident(lb, FIELD, idle);
            }
        }
        finding
    }
    /// How to keep connections open for so long, in the words of the server.
    fn setting(&self, seconds: u32) -> String {
        let how = Setting::KeepAlive.named(self.server, seconds);
        format!("keep idle connections open for {seconds} s or more in the application{how}")
    }
}
