//! Runs the rules over evidence, sorts what they find, and says what could not be checked.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use super::{ALL, Accepted, Evidence, Finding, Need, Rule, Severity, accept};
use crate::model::{Address, Kind};

/// What the rules say of one state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Findings, worst first, then by address, field and rule; each id once.
    pub findings: Vec<Finding>,
    /// Findings that the files accept, in the same order; they do not count.
    pub accepted: Vec<Accepted>,
    /// The rules that lacked evidence, by code.
    pub not_checked: Vec<NotChecked>,
}

/// A rule that lacked evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    /// The rule's code.
    pub rule: &'static str,
    /// What was missing.
    #[serde(serialize_with = "in_words")]
    pub needs: Vec<Need>,
    /// Whether the rule was run on what there was; it may have missed something then.
    pub partly: bool,
}

impl NotChecked {
    /// What it lacks of what every command gathers; `None` if it only wants what `diagnose` and `probe` do: counted or
    /// tried traffic.
    pub fn without_traffic(&self) -> Option<Self> {
        let is_traffic = |need: &Need| matches!(need, Need::Probe | Need::Metrics | Need::Logs);
        // a rule that is not run at all for want of traffic is that command's business
        let needs: Vec<Need> = self.needs.iter().copied().filter(|need| !is_traffic(need)).collect();
        let lacks = !needs.is_empty() && (self.partly || needs.len() == self.needs.len());
        lacks.then_some(Self { needs, ..*self })
    }
    /// What was missing, in words.
    pub fn needs_in_words(&self) -> String {
        self.needs.iter().map(|need| need.in_words()).collect::<Vec<_>>().join(" and ")
    }
}

fn in_words<S: Serializer>(needs: &[Need], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(needs.iter().map(|need| need.in_words()))
}

/// Runs every rule.
pub fn judge(evidence: &Evidence) -> Judgement {
    judge_by(ALL, evidence)
}

/// Runs these rules.
pub fn judge_by(rules: &[&Rule], evidence: &Evidence) -> Judgement {
    let mut judgement = Judgement::default();
    for rule in rules {
        let missing = |needs: &[Need]| needs.iter().copied().filter(|n| !evidence.available.contains(n)).collect();
        let (needs, also): (Vec<_>, Vec<_>) = (missing(rule.needs), missing(rule.also));
        if !needs.is_empty() {
            judgement.not_checked.push(NotChecked { rule: rule.code, needs, partly: false });
            continue;
        }
        if !also.is_empty() {
            judgement.not_checked.push(NotChecked { rule: rule.code, needs: also, partly: true });
        }
        judgement.findings.extend((rule.check)(evidence));
    }
    sort(&mut judgement.findings);
    explained(&mut judgement.findings);
    if let Some(desired) = evidence.desired {
        judgement.accepted = accept::taken(&mut judgement.findings, desired, evidence.now);
    }
    judgement
}

/// Worst first; of findings with one id, the worst stays.
fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        let place = |f: &Finding| (f.address.clone(), f.field.clone(), f.rule.clone());
        b.severity.cmp(&a.severity).then_with(|| place(a).cmp(&place(b)))
    });
    let mut seen = BTreeSet::new();
    findings.retain(|finding| seen.insert(finding.id()));
}

/// Rules that say what is left when no other rule names a cause.
const RESIDUAL: &[&str] = &["E112"];

/// Drops what a residual rule says of a target group for which another rule has named a cause: a bad one of the group,
/// or one as bad of a target of it.
fn explained(findings: &mut Vec<Finding>) {
    let is_residual = |finding: &Finding| RESIDUAL.contains(&finding.rule.as_str());
    let addresses = |finding: &Finding| -> BTreeSet<Address> {
        finding.evidence.iter().map(|e| &e.address).chain([&finding.address]).cloned().collect()
    };
    // what a probe saw on the wire explains a failure, however sure the rule is of it
    let weight = |finding: &Finding| {
        let is_seen = find(&finding.rule).is_some_and(|rule| rule.needs.contains(&Need::Probe));
        if is_seen && finding.severity >= Severity::Medium { Severity::Critical } else { finding.severity }
    };
    let causes: Vec<_> = findings.iter().filter(|f| !is_residual(f)).map(|f| (weight(f), addresses(f))).collect();
    findings.retain(|finding| {
        let named = |(severity, cited): &(Severity, BTreeSet<Address>)| {
            let group = *severity >= Severity::High && cited.contains(&finding.address);
            let target = |a: &Address| a.kind == Kind::Target && a.parent().as_ref() == Some(&finding.address);
            group || (*severity >= Severity::High || *severity >= finding.severity) && cited.iter().any(target)
        };
        !is_residual(finding) || !causes.iter().any(named)
    });
}

/// The rule with this code or name, whatever the case.
pub fn find(code_or_name: &str) -> Option<&'static Rule> {
    let wanted = code_or_name.trim();
    ALL.iter().copied().find(|r| r.code.eq_ignore_ascii_case(wanted) || r.name.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_without_their_evidence_are_listed_and_not_run() {
        let judgement = judge(&Evidence::default());
        assert!(judgement.findings.is_empty());
        let e304 = judgement.not_checked.iter().find(|n| n.rule == "E304").unwrap();
        assert_eq!((e304.needs_in_words().as_str(), e304.partly), ("desired files", false));
        assert!(judgement.not_checked.iter().all(|n| n.rule != "E804"), "needs nothing");
        let e605 = judgement.not_checked.iter().find(|n| n.rule == "E605").unwrap();
        assert!(e605.partly, "run on the names that the files know");
    }

    #[test]
    fn findings_come_worst_first_and_once() {
        let rule = find("E805").unwrap();
        let at = |name: &str, severity| rule.finding(severity, &Address::load_balancer(name), "default");
        let mut findings =
            vec![at("b", Severity::Low), at("a", Severity::Low), at("b", Severity::High), at("c", Severity::Medium)];
        sort(&mut findings);
        let order: Vec<_> = findings.iter().map(|f| (f.address.name.as_str(), f.severity)).collect();
        assert_eq!(order, [("b", Severity::High), ("c", Severity::Medium), ("a", Severity::Low)]);
    }

    #[test]
    fn rules_are_found_by_code_and_name() {
        assert_eq!(find("e301").unwrap().name, "keepalive-lt-idle");
        assert_eq!(find("hc-path-mismatch").unwrap().code, "E101");
        assert!(find("E999").is_none());
    }
}
