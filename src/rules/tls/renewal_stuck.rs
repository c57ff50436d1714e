//! E614: ACM tries to renew a certificate and cannot.

use super::super::{Acm, Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{days_left, facts, in_use, is_expired, stack};
use crate::cloud::CertificateFacts;
use crate::model::Address;

const FIELD: &str = "renewal_status";
/// Days before the end from which a renewal that waits is more than a warning.
const NEAR: i64 = 30;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E614",
    name: "renewal-stuck",
    severity: Severity::High,
    needs: &[Need::Live, Need::Certificates],
    also: &[],
    summary: "ACM tries to renew a certificate and cannot, mostly for want of a DNS record",
    explain: EXPLAIN,
    bad: Situation {
        text: "somebody tidied the DNS zone: ACM finds no record that proves the name",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-01-25", renewal: "PENDING_VALIDATION", ..Acm::issued("app") }],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the renewal is under way",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-02-10", renewal: "PENDING_AUTO_RENEWAL", ..Acm::issued("app") }],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
To renew a certificate, ACM proves each name again, by the DNS record that proved it at first. If the record is gone,
or a CAA record forbids Amazon, the renewal waits and is tried again every hour, until it fails for good.

What clients see: nothing until the certificate ends; then they refuse every connection (E601).

How to tell: ACM's renewal status is PENDING_VALIDATION or FAILED, with the names whose proof is missing and a reason.
PENDING_AUTO_RENEWAL is a renewal under way and no finding.

How to mend it: put the CNAME record back that ACM names for each unproven name, and leave it there: it serves every
renewal to come. For CAA, allow amazon.com. Once it failed for good, request a new certificate and attach it.

Sources: ACM user guide \"Managed certificate renewal\", \"Troubleshoot managed certificate renewal\", \"DNS validation\"; API
(ACM) DescribeCertificate.RenewalSummary.
";

/// Whether a renewal was begun and does not get on.
pub(super) fn is_stuck(facts: &CertificateFacts) -> bool {
    matches!(facts.renewal.as_deref(), Some("PENDING_VALIDATION" | "FAILED"))
}

fn check(evidence: &Evidence) -> Vec<Finding> {
    let used = in_use(evidence).into_iter().filter(|(certificate, _)| !is_expired(evidence, certificate));
    used.filter_map(|(certificate, places)| judge(evidence, certificate, &places)).collect()
}

fn judge(evidence: &Evidence, certificate: &Address, places: &[(&Address, &'static str)]) -> Option<Finding> {
    let facts = facts(evidence, certificate).filter(|facts| is_stuck(facts))?;
    let failed = facts.renewal.as_deref() == Some("FAILED");
    let days = days_left(evidence, facts);
    let near = days.is_none_or(|days| days <= NEAR);
    let severity = if failed || near { Severity::High } else { Severity::Medium };
    let when = days.map(|days| format!(", it ends in {days} days")).unwrap_or_default();
    let what = if failed { "failed" } else { "waits for a proof of its names" };
    let unproven = facts.proofs.iter().filter(|proof| proof.state.as_deref() != Some("SUCCESS"));
    let records: Vec<String> = unproven
        .clone()
        .filter_map(|proof| proof.record.as_ref().map(|(name, value)| format!("{name} CNAME {value}")))
        .collect();
    let mut finding = RULE
        .finding(severity, certificate, FIELD)
        .titled(format!("the renewal of certificate {} {what}{when}", certificate.name))
        .detailed("Clients refuse every connection once it has ended; a CDN in front answers 502 then.")
        .evident(certificate, FIELD, &facts.renewal)
        .evident(certificate, "renewal_reason", &facts.renewal_reason)
        .evident(certificate, "not_after", facts.not_after.map(|end| end.to_string()));
    for proof in unproven {
        finding = finding.evident(certificate, "unproven", &proof.name);
    }
    for (at, field) in places {
        finding = finding.evident(at, field, &certificate.name);
    }
    Some(finding.mended_by(match (failed, records.is_empty()) {
        (true, _) => "request a certificate with the same names, prove them, and attach it".to_owned(),
        (false, true) => "put the DNS records back that ACM lists for the certificate's names".to_owned(),
        (false, false) => format!("put the DNS records back: {}", records.join(", ")),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;
    use crate::cloud::Proof;
    use jiff::ToSpan as _;

    #[test]
    fn the_missing_record_is_named() {
        let mut world = World::seed();
        let end = world.now + (24 * 40).hours();
        world.acm("app", |facts| {
            (facts.not_after, facts.renewable) = (Some(end), Some(true));
            facts.renewal = Some("PENDING_VALIDATION".to_owned());
            let proof = |name: &str, state: &str| Proof {
                name: name.to_owned(),
                state: Some(state.to_owned()),
                record: Some((format!("_1.{name}"), "_2.acm-validations.aws".to_owned())),
            };
            facts.proofs = vec![proof("shop.example.com", "PENDING_VALIDATION"), proof("ok.example.com", "SUCCESS")];
        });
        let finding = world.only();
        assert_eq!((finding.rule.as_str(), finding.severity), ("E614", Severity::Medium));
        assert_eq!(finding.title, "the renewal of certificate app waits for a proof of its names, it ends in 40 days");
        assert_eq!(finding.fix.text, "put the DNS records back: _1.shop.example.com CNAME _2.acm-validations.aws");
        world.acm("app", |facts| facts.renewal = Some("FAILED".to_owned()));
        world.expect(&[("E614", Severity::High)]);
        world.acm("app", |facts| facts.renewal = Some("SUCCESS".to_owned()));
        world.expect(&[]);
    }
}
