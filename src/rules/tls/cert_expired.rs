//! E601: a listener shows a certificate that has expired.

use super::super::{Acm, Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DEFAULT, facts, in_use, is_expired, shadowed, shown, stack};
use crate::model::Address;

const FIELD: &str = "not_after";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E601",
    name: "cert-expired",
    severity: Severity::Critical,
    needs: &[Need::Live, Need::Certificates],
    also: &[],
    summary: "a listener shows a certificate that has expired",
    explain: EXPLAIN,
    bad: Situation {
        text: "an imported certificate ended three weeks ago",
        desired: stack!(),
        certificates: &[Acm { status: "EXPIRED", not_after: "2026-12-10", ..Acm::imported("app") }],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the certificate is valid for months, and ACM renews it",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-05-01", ..Acm::issued("app") }],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
The load balancer goes on showing a certificate after its end; it neither warns nor falls back to another one.

What clients see: no HTTP answer at all; browsers refuse the connection with ERR_CERT_DATE_INVALID. A CDN in front that
checks the certificate answers its own clients with 502. Clients that do not check see nothing.

How to tell: ACM's status is EXPIRED, or the end of validity lies behind. A certificate that no name leads to, because
another one of the list is preferred for all its names, is low; one of the list that hides a good default certificate
is E606.

How to mend it: import a fresh certificate under the same ARN, and every listener has it at once. A certificate of ACM's
own that could not be renewed: request a new one, prove its names, attach it. Take the old one off afterwards.

Sources: ACM user guide \"Managed certificate renewal\", \"Reimport a certificate\"; ELB user guide \"SSL certificates for your
Application Load Balancer\"; API (ACM) DescribeCertificate.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let used = in_use(evidence).into_iter().filter(|(certificate, _)| is_expired(evidence, certificate));
    used.filter_map(|(certificate, places)| judge(evidence, certificate, &places)).collect()
}

fn judge(evidence: &Evidence, certificate: &Address, places: &[(&Address, &'static str)]) -> Option<Finding> {
    let hides = |(at, field): &&(&Address, &'static str)| {
        *field != DEFAULT && evidence.listener(at).is_some_and(|l| shadowed(evidence, l, certificate).is_some())
    };
    let places: Vec<_> = places.iter().filter(|place| !hides(place)).collect();
    let (first, _) = places.first()?;
    let names = evidence.certificate(certificate).and_then(|spec| spec.names.as_ref());
    let is_shown = |at: &Address| {
        let listener = evidence.listener(at);
        listener.is_none_or(|l| {
            names.is_none_or(|names| {
                names.iter().any(|name| shown(evidence, l, name).is_none_or(|shown| shown == certificate))
            })
        })
    };
    let (severity, detail) = if places.iter().any(|(at, field)| *field == DEFAULT || is_shown(at)) {
        (Severity::Critical, "Clients refuse the connection; a CDN in front answers its own clients with 502.")
    } else {
        (Severity::Low, "Clients see nothing: for each of its names another certificate of the list is preferred.")
    };
    let end = facts(evidence, certificate).and_then(|facts| facts.not_after);
    let since = end.map(|end| format!(" since {}", end.strftime("%Y-%m-%d"))).unwrap_or_default();
    let mut finding = RULE
        .finding(severity, certificate, FIELD)
        .titled(format!("certificate {} of {} is expired{since}", certificate.name, first.name))
        .detailed(detail)
        .evident(certificate, FIELD, end.map(|end| end.to_string()));
    for (at, field) in &places {
        finding = finding.evident(at, field, &certificate.name);
    }
    let imported = facts(evidence, certificate).is_some_and(|facts| facts.origin.as_deref() == Some("IMPORTED"));
    Some(finding.mended_by(if imported {
        "import a fresh certificate under the same ARN; every listener shows it at once"
    } else {
        "request a certificate with the same names, attach it once it is issued, then take this one off"
    }))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at, certificate};
    use super::*;

    #[test]
    fn the_clock_decides_as_well_as_the_status() {
        for (status, end, found) in
            [("EXPIRED", "2027-01-01", true), ("ISSUED", "2026-12-31", true), ("ISSUED", "2027-01-02", false)]
        {
            let mut world = World::seed();
            world.acm("app", |facts| {
                (facts.status, facts.not_after) = (status.to_owned(), format!("{end}T00:00:00Z").parse().ok());
                facts.renewable = Some(true);
            });
            assert_eq!(world.judge().iter().any(|f| f.rule == "E601"), found, "{status} {end}");
        }
    }

    #[test]
    fn an_expired_one_that_nobody_is_shown_is_low() {
        let mut world = World::seed();
        for name in ["old", "new"] {
            world.live.insert(Address::certificate(name), certificate(&["www.example.org"]).into());
        }
        world.acm("old", |facts| facts.status = "EXPIRED".to_owned());
        let links = ["certificate/old", "certificate/new"].map(super::super::super::testing::link);
        world.listener(443).sni_certificates = Some(links.to_vec());
        world.expect(&[("E601", Severity::Low)]);
        world.live.remove(&at("certificate/new"));
        assert_eq!(world.only().severity, Severity::Critical, "what is not known may not help");
    }
}
