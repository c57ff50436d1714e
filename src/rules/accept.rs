//! Accepted findings: what the files know of already, and what is doubtful about that.

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{Finding, find};
use crate::desired::{Acceptance, Problem, Resolved};
use crate::model::{Address, Kind};

/// A finding that the files accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The finding.
    pub finding: Finding,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it is.
    pub until: Date,
}

/// Takes the accepted ones out of the findings.
pub(super) fn taken(findings: &mut Vec<Finding>, desired: &Resolved, now: Option<Timestamp>) -> Vec<Accepted> {
    let today = now.map(day);
    let mut accepted = Vec::new();
    findings.retain(|finding| match of(desired, finding, today) {
        Some(acceptance) => {
            let Acceptance { reason, until, .. } = acceptance;
            accepted.push(Accepted { finding: finding.clone(), reason: reason.clone(), until: *until });
            false
        }
        None => true,
    });
    accepted
}

fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// What accepts a finding: said on its resource, or on a target's group, and not over.
fn of<'d>(desired: &'d Resolved, finding: &Finding, today: Option<Date>) -> Option<&'d Acceptance> {
    let on = |address: &Address| {
        let all = desired.accepted.get(address)?;
        let live = all.iter().filter(|a| today.is_none_or(|today| today <= a.until));
        live.into_iter().find(|a| find(&a.rule).is_some_and(|rule| rule.code == finding.rule))
    };
    let group = (finding.address.kind == Kind::Target).then(|| finding.address.parent()).flatten();
    on(&finding.address).or_else(|| on(&group?))
}

/// What is doubtful about the files' acceptances: rules that do not exist, days that have passed.
pub fn doubts(desired: &Resolved, now: Timestamp) -> Vec<Problem> {
    let today = day(now);
    let doubt = |acceptance: &Acceptance| {
        let Acceptance { rule, until, at, .. } = acceptance;
        if find(rule).is_none() {
            let problem = Problem::warning(*at, format!("there is no rule `{rule}` to accept findings of"));
            return Some(problem.label("no such rule").hint("`no502 explain` lists all rules"));
        }
        (*until < today).then(|| {
            Problem::warning(*at, format!("findings of {rule} were accepted until {until}"))
                .label("they count again")
                .hint("mend the cause, or accept them anew with a later `until`")
        })
    };
    desired.accepted.values().flatten().filter_map(doubt).collect()
}
