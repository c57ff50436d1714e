//! E603: a certificate that a listener has or shall have is not issued.

use std::collections::BTreeMap;

use super::super::{Acm, Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DEFAULT, LIST, facts, in_use, stack};
use crate::cloud::CertificateFacts;
use crate::model::{Address, Link};

const FIELD: &str = "status";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E603",
    name: "cert-not-issued",
    severity: Severity::Critical,
    needs: &[Need::Live, Need::Certificates],
    also: &[],
    summary: "a certificate that a listener has or shall have is not issued",
    explain: EXPLAIN,
    bad: Situation {
        text: "the certificate was revoked and is attached still",
        desired: stack!(),
        certificates: &[Acm { status: "REVOKED", not_after: "2027-05-01", ..Acm::issued("app") }],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the certificate is issued",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-05-01", ..Acm::issued("app") }],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
Only an issued certificate can be attached to a listener. One that waits for a proof of its names, or never got it in
time, is refused with UnsupportedCertificate; AWS's words of name, signature and key size are misleading there. For some
20 to 30 seconds after it is issued the refusal goes on.

What clients see: with one that is only wanted, nothing: the listener shows what it showed before. With one that is
attached and was revoked or made inactive since: clients that check refuse the connection.

How to tell: ACM's status is PENDING_VALIDATION, VALIDATION_TIMED_OUT, FAILED, INACTIVE or REVOKED, and the file or a
listener names the certificate.

How to mend it: while it is pending, create the CNAME records that ACM lists; apply waits for that and prints them. What
timed out or failed has to be requested again. For a revoked one attach another.

Sources: ACM user guide \"DNS validation\", \"Certificate characteristics\"; ELB user guide \"Troubleshoot your Application
Load Balancers\"; API (ACM) DescribeCertificate.Status.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let mut wanted: BTreeMap<&Address, Vec<(&Address, &'static str)>> = BTreeMap::new();
    for (address, listener) in
        evidence.desired.iter().flat_map(|d| &d.specs).filter_map(|(a, s)| Some((a, s.listener()?)))
    {
        let default = listener.certificate.iter().map(|link| (link, DEFAULT));
        let list = listener.sni_certificates.iter().flatten().map(|link| (link, LIST));
        for (certificate, field) in default.chain(list).filter_map(|(l, field)| Some((Link::address(l)?, field))) {
            wanted.entry(certificate).or_default().push((address, field));
        }
    }
    let used = in_use(evidence);
    let attached = used.iter().filter_map(|(certificate, places)| judge(evidence, certificate, places, true));
    let only_wanted = wanted.iter().filter(|(certificate, _)| !used.contains_key(*certificate));
    attached.chain(only_wanted.filter_map(|(c, places)| judge(evidence, c, places, false))).collect()
}

fn judge(
    evidence: &Evidence,
    certificate: &Address,
    places: &[(&Address, &'static str)],
    attached: bool,
) -> Option<Finding> {
    let facts = facts(evidence, certificate)?;
    let severity = match (facts.status.as_str(), attached) {
        ("PENDING_VALIDATION", false) => Severity::Low,
        ("FAILED" | "VALIDATION_TIMED_OUT" | "INACTIVE" | "REVOKED", false) => Severity::Medium,
        ("INACTIVE" | "REVOKED", true) => Severity::Critical,
        // what is attached was issued once; the other states cannot be
        _ => return None,
    };
    let detail = if attached {
        "Clients that check the certificate refuse the connection; a CDN in front answers 502."
    } else {
        "Clients see nothing yet: the certificate cannot be attached, and what it is for waits."
    };
    let mut finding = RULE
        .finding(severity, certificate, FIELD)
        .titled(format!("certificate {} is {}", certificate.name, facts.status))
        .detailed(detail)
        .evident(certificate, FIELD, &facts.status)
        .evident(certificate, "failure", &facts.failure)
        .mended_by(mend(facts));
    for (at, field) in places {
        finding = finding.evident(at, field, &certificate.name);
    }
    Some(finding)
}

fn mend(facts: &CertificateFacts) -> String {
    let records: Vec<String> = facts.validation.iter().map(|(name, value)| format!("{name} CNAME {value}")).collect();
    match (facts.status.as_str(), records.is_empty()) {
        ("PENDING_VALIDATION", false) => format!("create the DNS records that prove its names: {}", records.join(", ")),
        ("PENDING_VALIDATION", true) => "create the DNS records that ACM lists for its names".to_owned(),
        ("REVOKED" | "INACTIVE", _) => "attach another certificate with the same names".to_owned(),
        _ => "request the certificate again and prove its names in time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at, certificate, link};
    use super::*;

    #[test]
    fn what_is_only_wanted_hurts_nobody_yet() {
        let mut world = World::seed();
        world.live.insert(at("certificate/next"), certificate(&["shop.example.com", "*.shop.example.com"]).into());
        let mut declared = world.listener(443).clone();
        declared.certificate = Some(link("certificate/next"));
        world.desired.specs.insert(at("listener/web:443"), declared.into());
        for (status, severity) in [
            ("PENDING_VALIDATION", Some(Severity::Low)),
            ("VALIDATION_TIMED_OUT", Some(Severity::Medium)),
            ("REVOKED", Some(Severity::Medium)),
            ("ISSUED", None),
        ] {
            world.acm("next", |facts| {
                facts.status = status.to_owned();
                facts.validation = vec![("_1.shop".to_owned(), "_2".to_owned())];
            });
            let found = world.judge().into_iter().find(|f| f.rule == "E603");
            assert_eq!(found.as_ref().map(|f| f.severity), severity, "{status}");
            if status == "PENDING_VALIDATION" {
                assert!(found.unwrap().fix.text.ends_with("_1.shop CNAME _2"));
            }
        }
        world.acm("app", |facts| facts.status = "INACTIVE".to_owned());
        assert!(world.verdict().contains(&("E603".to_owned(), Severity::Critical)));
    }
}
