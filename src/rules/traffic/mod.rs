//! Traffic: causes that only the answers themselves give away, by what access logs counted.
//!
//! Settings cannot tell them; AWS's error reasons and the shapes of answers do. Each is told of a target group or a
//! load balancer, with how many of how many requests met it.

pub(super) mod client_gives_up;
pub(super) mod lambda_no_permission;
pub(super) mod lambda_size;
pub(super) mod lambda_timeout_throttle;
pub(super) mod redirect_url_too_long;
pub(super) mod te_unsupported;
pub(super) mod worker_killed_midflight;

use super::{Evidence, Finding, Rule, Severity};
use crate::model::traffic::{Counted, Shape};
use crate::model::{Address, Kind};

/// What findings cite: no field of the language, but what was counted.
const FIELD: &str = "access_logs";

/// What was counted of one cause at one place.
pub(super) struct Counts<'e> {
    address: &'e Address,
    counted: &'e Counted,
    count: u64,
    pub(super) reasons: Vec<&'e str>,
}

impl Counts<'_> {
    /// A finding of a rule, with the count as its evidence.
    pub(super) fn finding(&self, rule: &Rule, severity: Severity) -> Finding {
        let of = format!("{} of {} requests", self.count, self.counted.requests);
        let text = if self.reasons.is_empty() { of } else { format!("{of}: {}", self.named()) };
        rule.finding(severity, self.address, FIELD).evident(self.address, FIELD, text)
    }
    /// `1 login`, `31 logins`, `21 bodies`.
    pub(super) fn times(&self, noun: &str) -> String {
        match (self.count, noun.strip_suffix('y')) {
            (1, _) => format!("1 {noun}"),
            (n, Some(stem)) => format!("{n} {stem}ies"),
            (n, None) => format!("{n} {noun}s"),
        }
    }
    /// AWS's reasons, the first two by name.
    pub(super) fn named(&self) -> String {
        match self.reasons.as_slice() {
            [a, b, rest @ ..] if !rest.is_empty() => format!("{a}, {b} and {} more", rest.len()),
            few => few.join(", "),
        }
    }
}

fn places<'e>(evidence: &'e Evidence<'_>, kind: Kind) -> impl Iterator<Item = (&'e Address, &'e Counted)> {
    let all = evidence.traffic.iter().flat_map(|traffic| &traffic.counted);
    all.filter(move |(address, _)| address.kind == kind)
}

/// Where answers had this shape.
fn shaped<'e>(evidence: &'e Evidence<'_>, kind: Kind, shape: Shape) -> impl Iterator<Item = Counts<'e>> {
    let counts = move |(address, counted): (&'e Address, &'e Counted)| {
        let count = counted.of(shape);
        (count > 0).then_some(Counts { address, counted, count, reasons: Vec::new() })
    };
    places(evidence, kind).filter_map(counts)
}

/// Where AWS gave a reason that passes.
fn passing<'e>(
    evidence: &'e Evidence<'_>,
    kind: Kind,
    passes: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Counts<'e>> {
    let counts = move |(address, counted): (&'e Address, &'e Counted)| {
        let of = counted.reasons.iter().filter(|(reason, _)| passes(reason));
        let (reasons, counts): (Vec<&str>, Vec<u64>) = of.map(|(reason, count)| (reason.as_str(), *count)).unzip();
        (!reasons.is_empty()).then(|| Counts { address, counted, count: counts.iter().sum(), reasons })
    };
    places(evidence, kind).filter_map(counts)
}

/// Where AWS gave one of these reasons.
pub(super) fn reasons<'e>(
    evidence: &'e Evidence<'_>,
    kind: Kind,
    list: &'static [&'static str],
) -> impl Iterator<Item = Counts<'e>> {
    passing(evidence, kind, move |reason| list.contains(&reason))
}

/// Where AWS gave a reason that begins like this.
pub(super) fn starting<'e>(
    evidence: &'e Evidence<'_>,
    kind: Kind,
    list: &'static [&'static str],
) -> impl Iterator<Item = Counts<'e>> {
    passing(evidence, kind, move |reason| list.iter().any(|start| reason.starts_with(start)))
}
