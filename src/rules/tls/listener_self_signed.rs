//! E610: a listener shows a self-signed certificate.

use super::super::{Acm, Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{facts, in_use, is_expired, stack};
use crate::model::Address;
use crate::model::value::Scheme;

const FIELD: &str = "issuer";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E610",
    name: "listener-self-signed",
    severity: Severity::Medium,
    needs: &[Need::Live, Need::Certificates],
    also: &[],
    summary: "a listener shows a self-signed certificate, which clients do not trust",
    explain: EXPLAIN,
    bad: Situation {
        text: "the certificate of the first tests is still on the public listener",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-05-01", self_signed: true, ..Acm::imported("app") }],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the certificate was issued by an authority",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-05-01", ..Acm::imported("app") }],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
ACM imports self-signed certificates, and load balancers show them. Only clients that were given this very certificate
trust it.

What clients see: browsers warn that the authority is not known; programs refuse the connection; a CDN in front that
checks answers 502. On an internal load balancer whose clients were all given the certificate, nothing.

How to tell: the certificate is imported, and its issuer is its subject. On the way from load balancer to target a
self-signed certificate is harmless: it is not validated there.

How to mend it: request a certificate from ACM for the same names and attach it; it costs nothing and renews itself.

Sources: ACM user guide \"Prerequisites for importing ACM certificates\" (self-signed certificates); ELB user guide \"Target
groups for your Application Load Balancers\" (certificates of targets are not validated); API (ACM) DescribeCertificate.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let used = in_use(evidence).into_iter().filter(|(certificate, _)| !is_expired(evidence, certificate));
    used.filter_map(|(certificate, places)| judge(evidence, certificate, &places)).collect()
}

fn judge(evidence: &Evidence, certificate: &Address, places: &[(&Address, &'static str)]) -> Option<Finding> {
    let facts = facts(evidence, certificate).filter(|facts| facts.origin.as_deref() == Some("IMPORTED"))?;
    let issuer = facts.issuer.as_deref().filter(|issuer| !issuer.is_empty())?;
    // ACM gives the issuer's common name, and the subject as a whole distinguished name
    let subject = facts.subject.as_deref()?;
    let named = subject == issuer || subject.split(',').any(|part| part.trim().strip_prefix("CN=") == Some(issuer));
    if !named {
        return None;
    }
    let internal = |listener: &Address| {
        let lb = listener.parent().and_then(|lb| evidence.load_balancer(&lb)?.scheme);
        lb == Some(Scheme::Internal)
    };
    let severity = if places.iter().all(|(at, _)| internal(at)) { Severity::Info } else { Severity::Medium };
    let mut finding = RULE
        .finding(severity, certificate, FIELD)
        .titled(format!("certificate {} is self-signed: issued by itself", certificate.name))
        .detailed("Clients that were not given this certificate refuse the connection; a CDN in front answers 502.")
        .evident(certificate, FIELD, issuer)
        .evident(certificate, "subject", subject)
        .mended_by("request a certificate for the same names from ACM and attach it");
    for (at, field) in places {
        finding = finding.evident(at, field, &certificate.name);
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;
    use super::*;

    #[test]
    fn inside_a_network_it_may_be_meant_so() {
        let mut world = World::seed();
        world.acm("app", |facts| {
            facts.origin = Some("IMPORTED".to_owned());
            facts.issuer = Some("shop.example.com".to_owned());
            facts.subject = Some("O=Shop, CN=shop.example.com".to_owned());
        });
        world.expect(&[("E610", Severity::Medium)]);
        world.balancer().scheme = Some(Scheme::Internal);
        world.expect(&[("E610", Severity::Info)]);
        world.acm("app", |facts| facts.issuer = Some("R3".to_owned()));
        world.expect(&[]);
    }
}
