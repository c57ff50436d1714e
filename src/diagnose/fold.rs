//! Folding: what only follows from a cause stands beneath it, and what is said twice is said once.
//!
//! Rules put each failure at one door where they can. Where two rules look at one failure from both ends, the table
//! below says which of them is the cause. Both must be about the same resource, or a
//! group and one of its targets.

use super::reach::Reach;
use crate::rules::Finding;

/// A finding, those that say the same of other resources, and what follows from it.
#[derive(Clone, Debug)]
pub struct Folded {
    /// The cause.
    pub finding: Finding,
    /// The same elsewhere.
    pub alike: Vec<Finding>,
    /// What follows from it.
    pub consequences: Vec<Finding>,
}

/// A rule, and the rules that explain what it finds. A code that ends in `*` stands for all that begin so.
///
/// - `E112`: no target is healthy, because of whatever fails the checks.
/// - `E408`, `E801`, `E803`: requests go to a group without healthy targets, because of that.
/// - `E301`, `E302`, `E305`: the two idle times do not fit, because one was edited.
/// - `E402`: the grace does not fit the delay, because the delay was edited.
/// - `E606`, `E605`: a name has no good certificate, because the certificate was exchanged.
const FOLLOWS: [(&str, &[&str]); 9] = [
    ("E112", &["E101", "E102", "E103", "E105", "E106", "E113", "E117", "E2*", "E50*", "E510", "E511", "E905"]),
    ("E408", &["E112", "E101", "E102", "E103", "E105", "E113", "E2*", "E50*", "E114", "E801"]),
    ("E803", &["E112", "E101", "E102", "E103", "E105", "E113", "E2*", "E50*", "E801"]),
    ("E801", &["E114", "E905"]),
    ("E301", &["E303"]),
    ("E302", &["E303"]),
    ("E305", &["E303"]),
    ("E402", &["E401"]),
    ("E605", &["E608", "E607"]),
];

/// Whether one finding says why there is another, if both are about the same.
pub fn explains(cause: &Finding, finding: &Finding) -> bool {
    let named = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(start) => cause.rule.starts_with(start),
        None => cause.rule == *pattern,
    };
    // a remark never explains an outage
    let weighty = cause.severity >= crate::rules::Severity::Medium;
    weighty && FOLLOWS.iter().any(|(rule, causes)| finding.rule == *rule && causes.iter().any(named))
}

/// Folds findings that come worst first.
pub fn fold(findings: Vec<Finding>, reach: &Reach) -> Vec<Folded> {
    let cause_of = |index: usize| {
        let finding = findings.get(index)?;
        let others = findings.iter().enumerate().filter(|(at, _)| *at != index);
        others.filter(|(_, other)| explains(other, finding) && reach.touch(other, finding)).map(|(at, _)| at).next()
    };
    // the table holds no circle: a chain ends at a cause within as many steps as it has rows
    let roots: Vec<usize> =
        (0..findings.len()).map(|index| (0..FOLLOWS.len()).fold(index, |at, _| cause_of(at).unwrap_or(at))).collect();
    let mut folded: Vec<(usize, Folded)> = Vec::new();
    for (index, finding) in findings.iter().enumerate().filter(|(index, _)| roots.get(*index) == Some(index)) {
        let same = |f: &Finding| (&f.rule, f.severity, &f.detail) == (&finding.rule, finding.severity, &finding.detail);
        let follow = findings.iter().zip(&roots).enumerate().filter(|(at, (_, root))| **root == index && *at != index);
        let follow: Vec<Finding> = follow.map(|(_, (f, _))| f.clone()).collect();
        match folded.iter_mut().find(|(_, f)| same(&f.finding)) {
            Some((_, first)) => {
                first.alike.push(finding.clone());
                first.consequences.extend(follow);
            }
            None => folded.push((index, Folded { finding: finding.clone(), alike: Vec::new(), consequences: follow })),
        }
    }
    folded.into_iter().map(|(_, folded)| folded).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::Address;
    use crate::rules::{Severity, find};

    fn finding(rule: &str, severity: Severity, address: &str) -> Finding {
        let address: Address = address.parse().unwrap();
        let any = find("E101").unwrap().finding(Severity::Critical, &address, "x");
        Finding { rule: rule.to_owned(), severity, ..any }
    }

    fn folded(findings: Vec<Finding>) -> Vec<(String, usize, Vec<String>)> {
        let list = fold(findings, &Reach::default()).into_iter();
        list.map(|f| (f.finding.rule, f.alike.len(), f.consequences.into_iter().map(|c| c.rule).collect())).collect()
    }

    #[test]
    fn consequences_stand_beneath_their_cause_if_they_touch() {
        let (path, open) = ("target_group/django", "target_group/canary");
        let list = vec![
            finding("E112", Severity::Critical, path),
            finding("E101", Severity::High, path),
            finding("E112", Severity::Critical, open),
        ];
        let expected = [("E101".to_owned(), 0, vec!["E112".to_owned()]), ("E112".to_owned(), 0, vec![])];
        assert_eq!(folded(list), expected);
    }

    #[test]
    fn chains_end_at_the_first_cause_and_remarks_explain_nothing() {
        let group = "target_group/django";
        let list = vec![
            finding("E803", Severity::Critical, group),
            finding("E112", Severity::Critical, group),
            finding("E101", Severity::Critical, group),
        ];
        assert_eq!(folded(list), [("E101".to_owned(), 0, vec!["E803".to_owned(), "E112".to_owned()])]);
        let list = vec![finding("E112", Severity::Critical, group), finding("E101", Severity::Low, group)];
        assert_eq!(folded(list).len(), 2);
    }

    #[test]
    fn the_same_is_said_once() {
        let list = ["target_group/a", "target_group/b", "target_group/c"];
        let list = list.map(|group| finding("E401", Severity::High, group)).to_vec();
        assert_eq!(folded(list), [("E401".to_owned(), 2, vec![])]);
    }

    #[test]
    fn the_table_holds_no_circle() {
        for (start, _) in FOLLOWS {
            let mut seen = BTreeSet::from([start]);
            let mut front = vec![start];
            while let Some(rule) = front.pop() {
                for (_, causes) in FOLLOWS.iter().filter(|(follows, _)| *follows == rule) {
                    for (next, _) in FOLLOWS.iter().filter(|(f, _)| causes.contains(f)) {
                        assert!(*next != start, "{start} explains itself");
                        if seen.insert(next) {
                            front.push(next);
                        }
                    }
                }
            }
        }
    }
}
