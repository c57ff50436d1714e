//! From a diagnosis to its document.

use serde::Serialize;

use super::build::{accepted, finding, not_checked};
use super::types::{Accepted, ApiCalls, Finding, Gap, NotChecked};
use super::{FORMAT_VERSION, TOOL_VERSION};
use crate::desired::Resolved;
use crate::diagnose::metrics::Measured;
use crate::diagnose::whose::{Met, meaning};
use crate::diagnose::{By, Cause};
use crate::model::traffic::{Shape, Traffic};
use crate::report::Diagnosed;
use crate::report::place::Places;
use crate::rules;

/// The document of `diagnose`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiagnoseDocument {
    /// `1.0`.
    pub format_version: &'static str,
    /// This program's version.
    pub tool_version: &'static str,
    /// `diagnose`.
    pub command: &'static str,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// What was looked at.
    pub load_balancers: Vec<BalancerEntry>,
    /// Whether all that was asked about was seen.
    pub complete: bool,
    /// The causes, worst first, each followed by those like it and by what only follows from it.
    pub findings: Vec<CauseEntry>,
    /// What of that the files accept; it does not count.
    pub accepted: Vec<Accepted>,
    /// What could not be judged.
    pub not_checked: Vec<NotChecked>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// What access logs and metrics counted; `null` without any.
    pub traffic: Option<TrafficEntry>,
    /// What reading cost.
    pub api_calls: ApiCalls,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrafficEntry {
    /// The access logs, the counts by address, and who met what.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// What was no success, most frequent first.
    pub met: Vec<MetEntry>,
    /// What CloudWatch counted that was more than zero.
    pub measured: Vec<MeasuredEntry>,
}

/// What a metric counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MeasuredEntry {
    /// CloudWatch's name.
    pub metric: &'static str,
    /// How many; of hosts, the most at one time.
    pub count: u64,
    /// The target group with most of them.
    pub mostly: Option<String>,
    /// The rules to look at.
    pub rules: Vec<&'static str>,
}

/// Answers of one shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MetEntry {
    /// The shape.
    pub shape: Shape,
    /// How many.
    pub count: u64,
    /// The target group with most of them.
    pub mostly: Option<String>,
    /// The rules to look at.
    pub rules: Vec<&'static str>,
}

/// A load balancer that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BalancerEntry {
    /// Its address.
    pub address: String,
    /// The name that clients use.
    pub dns_name: Option<String>,
    /// AWS's word for its state.
    pub state: Option<String>,
}

/// A finding in its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CauseEntry {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// The place of its cause in the order, from 1.
    pub rank: usize,
    /// How sure the cause is, from 0 to 1.
    pub likelihood: f64,
    /// How much it hurts, from 0 to 1.
    pub impact: f64,
    /// The finding that it only follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence_of: Option<String>,
    /// The load balancers whose clients it concerns.
    pub load_balancers: Vec<String>,
    /// Who can mend it: `apply`, `declare`, `export` or `hand`.
    pub mended_by: By,
    /// The call of the AWS CLI that mends it, where it is one call.
    pub call: Option<String>,
}

/// The document of a diagnosis.
pub fn diagnosis(of: &Diagnosed<'_>) -> DiagnoseDocument {
    let nothing = Resolved::default();
    let desired = of.desired.unwrap_or(&nothing);
    let places = Places::of(&desired.files);
    let found = of.diagnosis;
    let entries =
        found.causes.iter().enumerate().flat_map(|(at, cause)| cause_entries(desired, &places, at + 1, cause));
    DiagnoseDocument {
        format_version: FORMAT_VERSION,
        tool_version: TOOL_VERSION,
        command: "diagnose",
        account: of.identity.account.clone(),
        region: of.identity.region.clone(),
        load_balancers: found
            .balancers
            .iter()
            .map(|b| BalancerEntry {
                address: b.address.to_string(),
                dns_name: b.dns_name.clone(),
                state: b.state.clone(),
            })
            .collect(),
        complete: found.is_complete(),
        findings: entries.collect(),
        accepted: found.accepted.iter().map(|a| accepted(desired, &places, a)).collect(),
        not_checked: found.not_checked.iter().map(not_checked).collect(),
        gaps: found
            .gaps
            .iter()
            .map(|gap| Gap {
                what: gap.what.clone(),
                why: gap.why.clone(),
                needed_for: gap.needed_for,
                hides: Vec::new(),
            })
            .collect(),
        traffic: found.traffic.clone().map(|traffic| TrafficEntry {
            traffic,
            met: found.met.iter().map(met).collect(),
            measured: found.measured.iter().map(measured).collect(),
        }),
        api_calls: ApiCalls { total: of.api_calls.total(), by_operation: of.api_calls.by_operation.clone() },
    }
}

fn met(of: &Met) -> MetEntry {
    MetEntry {
        shape: of.shape,
        count: of.count,
        mostly: of.mostly.as_ref().map(|(address, _)| address.to_string()),
        rules: meaning(of.shape).map(|(_, rules)| rules.to_vec()).unwrap_or_default(),
    }
}

fn measured(of: &Measured) -> MeasuredEntry {
    MeasuredEntry {
        metric: of.meter.metric,
        count: of.count,
        mostly: of.mostly.as_ref().map(|(address, _)| address.to_string()),
        rules: of.meter.rules().collect(),
    }
}

fn cause_entries<'c>(
    desired: &'c Resolved,
    places: &'c Places<'_>,
    rank: usize,
    cause: &'c Cause,
) -> impl Iterator<Item = CauseEntry> + 'c {
    let entry = move |of: &rules::Finding, consequence_of: Option<String>| CauseEntry {
        finding: finding(desired, places, of, None),
        rank,
        likelihood: cause.likelihood,
        impact: cause.impact,
        consequence_of,
        load_balancers: cause.balancers.iter().map(ToString::to_string).collect(),
        mended_by: cause.by,
        call: cause.call.clone().filter(|_| of.id() == cause.finding.id()),
    };
    let own = cause.findings().map(move |finding| entry(finding, None));
    own.chain(cause.consequences.iter().map(move |finding| entry(finding, Some(cause.finding.id()))))
}
