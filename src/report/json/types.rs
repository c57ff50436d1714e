//! The shapes of the plan document. Field names are the contract's keys: renaming one breaks scripts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::diff::{Cause, What};
use crate::model::{Kind, Place};
use crate::plan::Reversible;
use crate::report::aftermath::Aftermath;
use crate::report::remark::Weight;
use crate::report::since::Kept;
use crate::report::summary::Summary;
use crate::rules::Severity;

/// The document of `plan`, `check` and `apply`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct PlanDocument {
    pub format_version: &'static str,
    pub tool_version: &'static str,
    pub command: String,
    pub account: String,
    pub region: String,
    pub stack: String,
    pub complete: bool,
    pub summary: Summary,
    pub changes: Vec<Change>,
    pub steps: Vec<Step>,
    pub findings: Vec<Finding>,
    /// Findings that the files accept; they do not count.
    pub accepted: Vec<Accepted>,
    pub not_checked: Vec<NotChecked>,
    pub unmanaged: Vec<Unmanaged>,
    pub undeclared: Vec<Undeclared>,
    pub held: Vec<Held>,
    /// Guards that refuse the plan.
    pub refused: Vec<Refused>,
    /// Differences left out by `--target` or `--only-5xx`.
    pub unselected: Vec<String>,
    /// Differences that the file of `--ignore` accepts; they are left alone and do not count.
    pub ignored: Vec<Ignored>,
    pub gaps: Vec<Gap>,
    pub api_calls: ApiCalls,
    /// Only `check` has these.
    #[serde(flatten)]
    pub checked: Option<Checked>,
    /// Only `apply` has these.
    #[serde(flatten)]
    pub end: Option<End>,
}

/// What only `check` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// When it was checked.
    pub checked_at: Timestamp,
    /// The names of the load balancers that were looked at.
    pub load_balancers: Vec<String>,
    /// The word of `--fail-on`.
    pub fail_on: &'static str,
    /// What it ends with.
    pub exit_code: u8,
    /// `none`, `incomplete`, `differs` or `5xx`: the weightiest remark.
    pub weight: Weight,
    /// What counts, in words.
    pub reasons: Vec<String>,
    /// Everything there is to say, one by one, as the other formats have it.
    pub remarks: Vec<Kept>,
    /// What turned since an earlier report; `null` without one.
    pub since: Option<Since>,
}

/// What turned since an earlier report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Since {
    /// When that one was made.
    pub checked_at: Timestamp,
    /// How many remarks are new.
    pub new: usize,
    /// How many are over.
    pub gone: usize,
    /// How many could not be seen.
    pub unseen: usize,
    /// Whether something that counts came or went.
    pub changed: bool,
}

/// A difference that is accepted for a while.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ignored {
    /// The resource.
    pub address: String,
    /// The field; empty for a whole resource.
    pub path: String,
    /// `field`, `missing`, `leaving`, `undeclared` or `unmanaged`.
    pub what: What,
    /// Its live value.
    pub live: Value,
    /// The desired one, or AWS's default.
    pub desired: Value,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds.
    pub until: String,
}

/// What only `apply` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    /// The run's id.
    pub run: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What there is now, by address; targets have no id on AWS and are left out.
    pub resources: BTreeMap<String, Resource>,
}

/// How an apply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing was to be done.
    NothingToDo,
    /// Everything is in sync.
    Done,
    /// All steps ended, but something is held or still differs.
    LeftOpen,
    /// A step failed or a gate timed out.
    Stopped,
    /// A guard refused, or the answer was no.
    Refused,
    /// A signal came.
    Interrupted,
}

/// What AWS calls a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct Resource {
    pub arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_name: Option<String>,
}

/// One difference of a resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct Change {
    pub address: String,
    pub kind: Kind,
    pub action: &'static str,
    pub cause: Option<Cause>,
    pub fields: Vec<Field>,
    /// `5xx` or `none`, of the resource as a whole.
    pub risk: &'static str,
    /// The rules behind the risk.
    pub rules: Vec<String>,
    /// Why the plan does what it does with it, or leaves it.
    pub because: Vec<String>,
    pub source: Option<Place>,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct Field {
    pub path: String,
    pub live: Value,
    pub desired: Value,
    pub risk: &'static str,
    pub rules: Vec<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct Step {
    pub id: String,
    pub operation: &'static str,
    pub address: String,
    pub after: Vec<After>,
    pub before: Vec<Gate>,
    pub gate: Option<Gate>,
    pub compensation: Vec<String>,
    pub reversible: Reversible,
    pub why: String,
}

/// An earlier step, and the outage that waiting for it prevents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct After {
    pub step: String,
    pub why: String,
}

/// What is waited for after a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// `load_balancer_active`, `certificate_issued` or `targets_healthy`.
    pub wait: &'static str,
    /// How many targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<usize>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct Finding {
    pub id: String,
    pub rule: String,
    pub severity: Severity,
    pub address: String,
    pub title: String,
    pub detail: String,
    /// By `address field`.
    pub evidence: BTreeMap<String, Value>,
    pub fix: String,
    pub automatic: bool,
    pub source: Option<Place>,
    /// What the plan makes of it; absent where there is no plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_plan: Option<Aftermath>,
}

/// A finding that the files accept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accepted {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it is, `2027-01-31`.
    pub until: String,
}

/// A rule that lacked evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    /// The rule's code.
    pub rule: String,
    /// What was missing, in words.
    pub needs: String,
    /// Whether it was run on what there was.
    pub partly: bool,
}

/// A live thing that no file mentions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct Unmanaged {
    pub address: String,
    pub id: String,
    pub what: String,
}

/// A live setting that no file mentions and that is not AWS's default.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct Undeclared {
    pub address: String,
    pub path: String,
    pub live: Value,
    pub default: Value,
}

/// A difference left open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct Held {
    pub address: String,
    pub because: String,
}

/// A guard that refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its name.
    pub guard: &'static str,
    /// What it is about, if one resource.
    pub address: Option<String>,
    /// Why.
    pub because: String,
    /// Whether `--dangerous-allow` lifts it.
    pub can_be_lifted: bool,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// What is hidden.
    pub what: String,
    /// The call that failed, and how.
    pub why: String,
    /// `diff` or `rules`.
    pub needed_for: crate::cloud::NeededFor,
    /// The declared resources whose state is unknown for it.
    pub hides: Vec<String>,
}

/// What reading cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the contract describes the keys")]
pub struct ApiCalls {
    pub total: u64,
    pub by_operation: BTreeMap<String, u64>,
}
