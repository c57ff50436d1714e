//! Gaps in words: what could not be read, and which declared resources that hides.

use crate::cloud::{Gap, Hidden};
use crate::diff::Verdict;
use crate::model::{Address, Id};
use crate::plan::Plan;

/// A gap and what it hides.
#[derive(Clone, Debug)]
pub struct Hiding<'a> {
    /// The gap.
    pub gap: &'a Gap,
    /// What is hidden, in words.
    pub what: String,
    /// The declared resources whose state is unknown for it.
    pub hides: Vec<&'a Address>,
}

/// The gaps of a plan in the order of what they hide; those of the diff first.
pub fn of(plan: &Plan) -> Vec<Hiding<'_>> {
    let mut gaps: Vec<&Gap> = plan.gaps().iter().collect();
    gaps.sort_by(|a, b| {
        (a.needed_for, &a.hidden, &a.error.operation).cmp(&(b.needed_for, &b.hidden, &b.error.operation))
    });
    gaps.dedup();
    let hides = |gap: &Gap| {
        let behind = |verdict: &Verdict| matches!(verdict, Verdict::Unknown(g) if g == gap);
        plan.diff.changes.iter().filter(|c| behind(&c.verdict)).map(|c| &c.address).collect()
    };
    gaps.into_iter().map(|gap| Hiding { gap, what: in_words(plan, &gap.hidden), hides: hides(gap) }).collect()
}

fn in_words(plan: &Plan, hidden: &Hidden) -> String {
    let name = |id: &Id| plan.diff.bound.names.get(id).map_or_else(|| id.to_string(), ToString::to_string);
    match hidden {
        Hidden::Kind(kind) => format!("every {kind}"),
        Hidden::Resource(id) => name(id),
        Hidden::Children(id, kind) => format!("every {kind} of {}", name(id)),
        Hidden::Lookups => "what selectors look among: VPCs, subnets, security groups".to_owned(),
        Hidden::Interfaces => "the targets' network interfaces".to_owned(),
        Hidden::Acls => "the network ACLs of the subnets".to_owned(),
        Hidden::Routes => "the route tables of the subnets".to_owned(),
        Hidden::PrefixLists => "the networks of prefix lists".to_owned(),
        Hidden::Owned => "what bears this stack's tag and no file mentions any more".to_owned(),
    }
}
