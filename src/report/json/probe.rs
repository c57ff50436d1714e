//! The document of `probe`.

use serde::Serialize;

use super::build::accepted;
use super::types::Accepted;
use super::{FORMAT_VERSION, TOOL_VERSION};
use crate::desired::Resolved;
use crate::probe::Observations;
use crate::report::place::Places;
use crate::report::probe::{Contradicted, Looked, Probing, Verdict};

/// What a probe saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct ProbeDocument {
    pub format_version: &'static str,
    pub tool_version: &'static str,
    pub command: &'static str,
    pub targets: Vec<ProbedTarget>,
    /// Findings that the files accept.
    pub accepted: Vec<Accepted>,
    /// Targets whose address is not known.
    pub skipped: Vec<String>,
    /// Targets that AWS sees otherwise than they are seen from here: nothing is concluded of them.
    pub contradicted: Vec<ContradictedTarget>,
}

/// A target that AWS sees otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContradictedTarget {
    /// Its address.
    pub target: String,
    /// How the health check went from here.
    pub observed: String,
    /// What AWS reports.
    pub reported: String,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct ProbedTarget {
    pub target_group: String,
    pub target: String,
    /// The software that answered.
    pub server: Option<&'static str>,
    /// What cannot be said from where the probe stood.
    pub unverified: Option<String>,
    /// What AWS reports of it, with --live.
    pub reported: Option<String>,
    pub checks: Vec<ProbeCheck>,
    /// Everything that was seen.
    pub observations: Observations,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct ProbeCheck {
    pub name: &'static str,
    pub ok: bool,
    pub expected: String,
    pub observed: String,
    pub reason_code: Option<String>,
    /// The rule of the worst finding.
    pub rule: Option<String>,
    pub severity: Option<&'static str>,
    pub meaning: Option<String>,
    pub fix: Option<String>,
}

/// The document.
pub fn probe(probing: &Probing<'_>, desired: &Resolved) -> ProbeDocument {
    let places = Places::of(&desired.files);
    ProbeDocument {
        format_version: FORMAT_VERSION,
        tool_version: TOOL_VERSION,
        command: "probe",
        targets: probing.targets.iter().map(target).collect(),
        accepted: probing.accepted.iter().map(|one| accepted(desired, &places, one)).collect(),
        skipped: probing.skipped.iter().map(ToString::to_string).collect(),
        contradicted: probing.contradicted.iter().map(contradicted).collect(),
    }
}

fn contradicted(one: &Contradicted) -> ContradictedTarget {
    let Contradicted { target, observed, reported } = one.clone();
    ContradictedTarget { target: target.to_string(), observed, reported }
}

fn target(looked: &Looked<'_>) -> ProbedTarget {
    let group = looked.address.parent().map(|group| group.to_string());
    let checks = looked.checks.iter().map(|check| {
        let worst = check.findings.first();
        ProbeCheck {
            name: check.name,
            ok: check.verdict != Verdict::Failed,
            expected: check.expected.clone(),
            observed: check.observed.clone(),
            reason_code: check.reason_code.clone(),
            rule: worst.map(|finding| finding.rule.clone()),
            severity: worst.map(|finding| finding.severity.as_str()),
            meaning: worst.map(|finding| format!("{}. {}", finding.title, finding.detail)),
            fix: worst.map(|finding| finding.fix.text.clone()),
        }
    });
    ProbedTarget {
        target_group: group.unwrap_or_default(),
        target: looked.address.to_string(),
        server: looked.saw.server.map(crate::probe::Server::as_str),
        unverified: Some(looked.doubts.join("; ")).filter(|doubts| !doubts.is_empty()),
        reported: looked.reported.map(|health| health.in_words().to_owned()),
        checks: checks.collect(),
        observations: looked.saw.clone(),
    }
}
