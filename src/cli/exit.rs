//! Exit codes, computed from the very values that are printed.

use super::args::{FailOn, ValidateFailOn};
use crate::diff::Cause;
use crate::plan::Plan;
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

/// The exit code of `check`.
pub fn of_check(plan: &Plan, fail_on: FailOn) -> u8 {
    let counts = |cause: Option<Cause>| match (fail_on, cause) {
        (FailOn::Never, _) | (FailOn::Drift, Some(Cause::Pending)) => false,
        (FailOn::Any | FailOn::Drift | FailOn::FiveXx, _) => true,
    };
    let mut counted = plan.differences().filter(|c| counts(c.cause)).peekable();
    let five_xx = fail_on != FailOn::Never && hurts(&plan.now);
    let risky = counted.peek().is_some() && plan.differences().any(|c| counts(c.cause) && plan.risks.of_change(c));
    let undeclared = plan.diff.changes.iter().any(|c| !c.undeclared.is_empty()) || !plan.diff.unmanaged.is_empty();
    let different = match fail_on {
        FailOn::Drift => counted.peek().is_some(),
        FailOn::Any => counted.peek().is_some() || undeclared,
        FailOn::FiveXx | FailOn::Never => false,
    };
    if five_xx || risky {
        FIVE_XX
    } else if different {
        DIFFERENT
    } else if plan.is_complete() {
        CLEAN
    } else {
        INCOMPLETE
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
