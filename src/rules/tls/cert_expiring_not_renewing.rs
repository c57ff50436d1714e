//! E602: a certificate ends soon and nobody renews it.

use super::super::{Acm, Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{days_left, facts, in_use, is_expired, renewal_stuck, stack};
use crate::cloud::CertificateFacts;
use crate::model::Address;

const FIELD: &str = "not_after";
/// Days before the end at which a certificate that nobody renews is a note, a warning, an alarm.
const HORIZONS: [(i64, Severity); 3] = [(14, Severity::High), (30, Severity::Medium), (45, Severity::Low)];
/// Days before the end at which a managed renewal is late: it begins 45 days before, or 60 with older certificates.
const LATE: i64 = 30;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E602",
    name: "cert-expiring-not-renewing",
    severity: Severity::High,
    needs: &[Need::Live, Need::Certificates],
    also: &[],
    summary: "a certificate ends soon and nobody renews it",
    explain: EXPLAIN,
    bad: Situation {
        text: "an imported certificate ends in ten days",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-01-11", ..Acm::imported("app") }],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "ACM's own certificate ends in 40 days: it is being renewed",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-02-10", ..Acm::issued("app") }],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
ACM renews the public certificates that it issued itself, as long as they are in use and their names can be proven. It
does not renew imported ones, private ones that were made with IssueCertificate, nor ones with a name that has `--` as
third and fourth character without being a valid internationalised name.

What clients see: nothing until the last day; then they refuse every connection (E601).

How to tell: for certificates that ACM does not renew, the end of validity: a note 45 days before, a warning 30, an
alarm 14. For those it renews, 30 days before the end at the earliest: public certificates last 198 days and are renewed
about 45 days before the end, older ones with 395 days 60 days before, so that nearness alone says nothing. A renewal
that failed or waits for a proof is E614.

How to mend it: import the next certificate under the same ARN. Or request one from ACM with the same names, proven by
DNS, and attach that: it renews itself from then on.

Sources: ACM user guide \"Managed certificate renewal\", \"Prerequisites for importing ACM certificates\", \"Public
certificates\" (validity); API (ACM) DescribeCertificate: Type, RenewalEligibility, RenewalSummary, NotAfter.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let used = in_use(evidence).into_iter().filter(|(certificate, _)| !is_expired(evidence, certificate));
    used.filter_map(|(certificate, places)| judge(evidence, certificate, &places)).collect()
}

/// Why ACM does not renew it; `None` where it does, or where that is not known.
fn unrenewed(evidence: &Evidence, certificate: &Address, facts: &CertificateFacts) -> Option<&'static str> {
    let names = evidence.certificate(certificate).and_then(|spec| spec.names.as_ref());
    match (facts.origin.as_deref(), facts.renewable) {
        (Some("IMPORTED"), _) => Some("it is imported"),
        _ if names.is_some_and(|names| names.iter().any(|name| is_odd(name))) => {
            Some("one of its names has `--` where only internationalised names have it")
        }
        (_, Some(false)) => Some("ACM says that it is not eligible for renewal"),
        (_, Some(true) | None) => None,
    }
}

/// Whether a label has `--` as third and fourth character and is no valid internationalised one.
fn is_odd(name: &str) -> bool {
    name.split('.').any(|label| {
        let marked = label.get(2..4) == Some("--");
        let punycode = label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--")) && label.len() > 4;
        marked && !punycode
    })
}

fn judge(evidence: &Evidence, certificate: &Address, places: &[(&Address, &'static str)]) -> Option<Finding> {
    let facts = facts(evidence, certificate)?;
    let days = days_left(evidence, facts)?;
    if renewal_stuck::is_stuck(facts) {
        return None;
    }
    let why = unrenewed(evidence, certificate, facts);
    let severity = match (why, facts.renewable) {
        (Some(_), _) => HORIZONS.into_iter().find(|(horizon, _)| days <= *horizon).map(|(_, severity)| severity)?,
        (None, Some(true)) if days < LATE => {
            if days < 14 {
                Severity::High
            } else {
                Severity::Medium
            }
        }
        (None, _) => return None,
    };
    let (because, mend) = match why {
        Some(why) => (
            format!("ACM does not renew it: {why}."),
            "import the next certificate under the same ARN, or have one from ACM",
        ),
        None => (
            "ACM should have renewed it by now.".to_owned(),
            "look at the certificate's renewal in ACM; request another one if it cannot be renewed",
        ),
    };
    let mut finding = RULE
        .finding(severity, certificate, FIELD)
        .titled(format!("certificate {} ends in {days} days and is not renewed", certificate.name))
        .detailed(format!("Clients refuse every connection from then on; a CDN in front answers 502. {because}"))
        .evident(certificate, FIELD, facts.not_after.map(|end| end.to_string()))
        .evident(certificate, "origin", &facts.origin)
        .evident(certificate, "renewal_eligibility", facts.renewable)
        .mended_by(mend);
    for (at, field) in places {
        finding = finding.evident(at, field, &certificate.name);
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, certificate};
    use super::*;
    use jiff::ToSpan as _;

    /// The severity for a certificate that ends in so many days.
    fn found(days: i64, set: impl Fn(&mut CertificateFacts)) -> Option<Severity> {
        let mut world = World::seed();
        let end = world.now + (24 * days).hours();
        world.acm("app", |facts| {
            facts.not_after = Some(end);
            set(facts);
        });
        world.judge().into_iter().find(|f| f.rule == "E602").map(|f| f.severity)
    }

    #[test]
    fn a_certificate_that_renews_itself_does_not_alarm_while_it_does() {
        let renews = |facts: &mut CertificateFacts| {
            (facts.origin, facts.renewable) = (Some("AMAZON_ISSUED".to_owned()), Some(true));
        };
        let pending = |facts: &mut CertificateFacts| {
            renews(facts);
            facts.renewal = Some("PENDING_AUTO_RENEWAL".to_owned());
        };
        for (days, severity) in
            [(198, None), (60, None), (45, None), (31, None), (30, None), (29, Some(Severity::Medium))]
        {
            assert_eq!(found(days, renews), severity, "{days}");
            assert_eq!(found(days, pending), severity, "{days}");
        }
        assert_eq!(found(13, renews), Some(Severity::High));
        let failed = |facts: &mut CertificateFacts| {
            renews(facts);
            facts.renewal = Some("FAILED".to_owned());
        };
        assert_eq!(found(13, failed), None, "another rule says why");
    }

    #[test]
    fn one_that_nobody_renews_alarms_in_three_steps() {
        let imported = |facts: &mut CertificateFacts| facts.origin = Some("IMPORTED".to_owned());
        let ineligible = |facts: &mut CertificateFacts| {
            (facts.origin, facts.renewable) = (Some("PRIVATE".to_owned()), Some(false));
        };
        for (days, severity) in
            [(46, None), (45, Some(Severity::Low)), (30, Some(Severity::Medium)), (14, Some(Severity::High))]
        {
            assert_eq!(found(days, imported), severity, "{days}");
            assert_eq!(found(days, ineligible), severity, "{days}");
        }
        assert_eq!(found(10, |_| {}), None, "who renews it is not known");
    }

    #[test]
    fn names_that_acm_cannot_renew() {
        for (name, odd) in [
            ("ab--c.example.com", true),
            ("xn--bcher-kva.example.com", false),
            ("xn--.example.com", true),
            ("a--b.example.com", false),
            ("shop.example.com", false),
        ] {
            assert_eq!(is_odd(name), odd, "{name}");
        }
        let mut world = World::seed();
        world.live.insert(Address::certificate("app"), certificate(&["ab--c.example.com"]).into());
        let end = world.now + (24 * 40).hours();
        world.acm("app", |facts| (facts.not_after, facts.renewable) = (Some(end), Some(true)));
        world.expect(&[("E602", Severity::Low)]);
    }
}
