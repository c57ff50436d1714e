//! Exit codes, computed from the very values that are printed.

use super::args::ValidateFailOn;
use crate::diagnose::Diagnosis;
use crate::plan::Plan;
use crate::report::Report;
use crate::report::remark::Weight;
use crate::rules::{Judgement, Severity};

/// Nothing to do; clean.
pub const CLEAN: u8 = 0;
/// Differences.
pub const DIFFERENT: u8 = 2;
/// Differences or findings that make clients see 5xx.
pub const FIVE_XX: u8 = 3;
/// The live view is incomplete, and what was seen is clean.
pub const INCOMPLETE: u8 = 4;
/// Apply stopped part-way.
pub const STOPPED: u8 = 5;
/// A guard refused.
pub const REFUSED: u8 = 6;

/// Whether a finding says that clients see 5xx.
fn hurts(judged: &Judgement) -> bool {
    judged.findings.iter().any(|f| f.severity >= Severity::High)
}

/// The exit code of `plan`.
pub fn of_plan(plan: &Plan, detailed: bool) -> u8 {
    match (detailed && !plan.is_clean(), plan.is_complete()) {
        (true, _) if plan.has_risk() => FIVE_XX,
        (true, _) => DIFFERENT,
        (false, false) => INCOMPLETE,
        (false, true) => CLEAN,
    }
}

/// The exit code of `check`: the weightiest remark decides.
pub fn of_check(report: &Report) -> u8 {
    match report.weight() {
        Weight::FiveXx => FIVE_XX,
        Weight::Differs => DIFFERENT,
        Weight::Incomplete => INCOMPLETE,
        Weight::None => CLEAN,
    }
}

/// The exit code of `validate`, files being valid.
pub fn of_validate(judged: &Judgement, fail_on: ValidateFailOn) -> u8 {
    match fail_on {
        ValidateFailOn::Never => CLEAN,
        ValidateFailOn::FiveXx if hurts(judged) => FIVE_XX,
        ValidateFailOn::Any if hurts(judged) => FIVE_XX,
        ValidateFailOn::Any if !judged.findings.is_empty() => DIFFERENT,
        ValidateFailOn::FiveXx | ValidateFailOn::Any => CLEAN,
    }
}

/// The exit code of `diagnose`.
pub fn of_diagnose(diagnosis: &Diagnosis, fail_on: ValidateFailOn) -> u8 {
    let hurts = diagnosis.findings().any(|f| f.severity >= Severity::High);
    let any = !diagnosis.causes.is_empty();
    match (fail_on, diagnosis.is_complete()) {
        (ValidateFailOn::FiveXx | ValidateFailOn::Any, _) if hurts => FIVE_XX,
        (ValidateFailOn::Any, _) if any => DIFFERENT,
        (ValidateFailOn::FiveXx | ValidateFailOn::Any | ValidateFailOn::Never, false) => INCOMPLETE,
        (ValidateFailOn::FiveXx | ValidateFailOn::Any | ValidateFailOn::Never, true) => CLEAN,
    }
}

/// The exit code of `probe`: a check that failed says by itself that clients see 5xx, explained or not.
pub fn of_probe(judged: &Judgement, failed: bool, fail_on: ValidateFailOn) -> u8 {
    match (of_validate(judged, fail_on), fail_on) {
        (CLEAN | DIFFERENT, ValidateFailOn::FiveXx | ValidateFailOn::Any) if failed => FIVE_XX,
        (code, _) => code,
    }
}
