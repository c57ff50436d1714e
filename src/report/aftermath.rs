//! What becomes of findings once a plan is applied.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::Address;
use crate::plan::Plan;
use crate::rules::Finding;

/// What becomes of a finding.
///
/// A finding that only loses its evidence (AWS has not judged the new settings yet) is not mended: some
/// difference that the plan closes must be about what it cites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aftermath {
    /// The plan mends it.
    Mended,
    /// It is there now, and will be.
    Stays,
    /// It is not there now, and will be.
    Appears,
}

/// A finding and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// What becomes of it.
    pub aftermath: Aftermath,
}

/// All findings of a plan: those of the live state, worst first, then those that would appear.
pub fn findings(plan: &Plan) -> Vec<Judged<'_>> {
    let left = left_open(plan);
    let ids = |findings: &[Finding]| findings.iter().map(Finding::id).collect::<BTreeSet<_>>();
    let (now, afterwards) = (ids(&plan.now.findings), ids(&plan.afterwards.findings));
    let cites_left = |finding: &Finding| {
        left.contains(&finding.address) || finding.evidence.iter().any(|evident| left.contains(&evident.address))
    };
    let present = plan.now.findings.iter().map(|finding| {
        let stays = afterwards.contains(&finding.id()) || cites_left(finding) || !touched(plan, finding);
        Judged { finding, aftermath: if stays { Aftermath::Stays } else { Aftermath::Mended } }
    });
    let future = plan.afterwards.findings.iter().filter(|finding| !now.contains(&finding.id()));
    present.chain(future.map(|finding| Judged { finding, aftermath: Aftermath::Appears })).collect()
}

/// Whether a difference is about what a finding cites: a field, or a resource that comes or goes.
fn touched(plan: &Plan, finding: &Finding) -> bool {
    plan.differences().any(|change| {
        let address = &change.address;
        let fields = change.verdict.fields();
        let cited = || finding.address == *address || finding.evidence.iter().any(|e| e.address == *address);
        if fields.is_empty() { cited() } else { fields.iter().any(|f| finding.cites(address, &f.path)) }
    })
}

/// The resources whose differences the plan does not close.
pub fn left_open(plan: &Plan) -> BTreeSet<&Address> {
    let held = plan.held.iter().map(|held| &held.address);
    let refused = plan.refused.iter().filter_map(|refused| refused.address.as_ref());
    held.chain(refused).chain(&plan.diff.unselected).collect()
}
