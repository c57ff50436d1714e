//! The numbers of a plan.

use serde::Serialize;

use crate::diff::{Change, Verdict};
use crate::plan::Plan;

/// How many resources need what. Keys are the contract's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Resources without a difference.
    pub in_sync: usize,
    /// Resources to create, targets to register included.
    pub create: usize,
    /// Resources to edit.
    pub update: usize,
    /// Resources that AWS cannot edit.
    pub replace: usize,
    /// Resources to remove: targets to deregister.
    pub delete: usize,
    /// Live things under declared ones that no file mentions.
    pub unmanaged: usize,
    /// Settings that are not AWS's default and that no file mentions.
    pub undeclared: usize,
    /// Differences that the plan leaves open.
    pub held: usize,
    /// Differences (fields, and whole resources that come or go) that can make clients see 5xx.
    pub risk_5xx: usize,
}

impl Summary {
    /// Counts.
    pub fn of(plan: &Plan) -> Self {
        let mut summary = Self { unmanaged: plan.diff.unmanaged.len(), held: plan.held.len(), ..Self::default() };
        for change in &plan.diff.changes {
            summary.undeclared += change.undeclared.len();
            summary.risk_5xx += risky(plan, change);
            match change.verdict {
                Verdict::InSync => summary.in_sync += 1,
                Verdict::Create => summary.create += 1,
                Verdict::Update(_) => summary.update += 1,
                Verdict::Replace(_) => summary.replace += 1,
                Verdict::Delete => summary.delete += 1,
                Verdict::Unknown(_) => {}
            }
        }
        summary
    }
}

/// How many differences a plan is about: fields, and whole resources that come or go.
pub fn differences(plan: &Plan) -> usize {
    plan.differences().map(|change| change.verdict.fields().len().max(1)).sum()
}

fn risky(plan: &Plan, change: &Change) -> usize {
    match &change.verdict {
        Verdict::Update(fields) | Verdict::Replace(fields) => {
            fields.iter().filter(|f| !plan.risks.of_field(&change.address, &f.path).is_empty()).count()
        }
        Verdict::Create | Verdict::Delete => usize::from(plan.risks.of_change(change)),
        Verdict::InSync | Verdict::Unknown(_) => 0,
    }
}
