//! E609: a certificate has a key that load balancers do not take.

use std::collections::BTreeSet;

use super::super::{Acm, Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{facts, in_use, stack};
use crate::model::value::KeyAlgorithm;
use crate::model::{Address, Link};

const FIELD: &str = "key_algorithm";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E609",
    name: "cert-key-unsupported",
    severity: Severity::High,
    needs: &[Need::Live, Need::Certificates],
    also: &[],
    summary: "a certificate has a key that load balancers do not take",
    explain: EXPLAIN,
    bad: Situation {
        text: "the imported certificate has an RSA key of 1024 bits",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-05-01", key: "RSA_1024", ..Acm::imported("app") }],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the imported certificate has an ECDSA key",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-05-01", key: "EC_prime256v1", ..Acm::imported("app") }],
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
Load balancers take certificates with RSA keys of 2048, 3072 and 4096 bits and with the ECDSA keys that ACM knows.
ACM imports more than that: RSA with 1024 bits, which is weak besides.

What clients see: a new listener, or a listener that gets this certificate, cannot be made: UnsupportedCertificate. With
one that is attached from former days, modern clients refuse the weak key.

How to tell: ACM's key algorithm of the certificate. The error of AWS speaks of name, signature and key size at once and
does not say which.

How to mend it: make a new key (RSA 2048 or ECDSA P-256), have the certificate issued for it, import it. ACM's own
requests offer RSA_2048, EC_prime256v1 and EC_secp384r1.

Sources: ELB user guide \"Create an HTTPS listener for your Application Load Balancer\" (key sizes); ACM user guide
\"Prerequisites for importing ACM certificates\"; API (ACM) DescribeCertificate.KeyAlgorithm.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let declared = evidence.desired.iter().flat_map(|d| d.specs.values()).filter_map(|spec| spec.listener());
    let declared = declared.flat_map(|l| l.certificate.iter().chain(l.sni_certificates.iter().flatten()));
    let used = in_use(evidence);
    let all: BTreeSet<&Address> = declared.filter_map(Link::address).chain(used.keys().copied()).collect();
    all.into_iter().filter_map(|address| judge(evidence, address, used.contains_key(address))).collect()
}

fn judge(evidence: &Evidence, certificate: &Address, attached: bool) -> Option<Finding> {
    let spec = evidence.certificate(certificate).and_then(|spec| spec.key_algorithm);
    let said = facts(evidence, certificate).and_then(|facts| facts.key.as_deref());
    let key = match (spec, said) {
        (Some(KeyAlgorithm::Rsa1024), _) => "RSA_1024",
        // what this version cannot name is not one of those that load balancers take
        (None, Some(said)) if KeyAlgorithm::from_aws(said).is_none_or(|key| key == KeyAlgorithm::Rsa1024) => said,
        _ => return None,
    };
    let (severity, detail) = if attached {
        (Severity::Medium, "Modern clients refuse the key; AWS would not attach the certificate again.")
    } else {
        (
            Severity::High,
            "AWS refuses to attach it (UnsupportedCertificate): clients keep seeing what was there before.",
        )
    };
    Some(
        RULE.finding(severity, certificate, FIELD)
            .titled(format!("certificate {} has a {key} key, which load balancers do not take", certificate.name))
            .detailed(detail)
            .evident(certificate, FIELD, key)
            .mended_by("have the certificate issued for a key of RSA 2048 bits or ECDSA P-256, and attach that"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at, certificate};
    use super::*;
    use crate::model::kind::Certificate;

    #[test]
    fn known_keys_are_taken_and_unknown_ones_are_not() {
        for (spec, said, found) in [
            (Some(KeyAlgorithm::Rsa2048), None, 0),
            (Some(KeyAlgorithm::EcSecp521r1), None, 0),
            (Some(KeyAlgorithm::Rsa1024), None, 1),
            (None, Some("ED25519"), 1),
            (None, Some("RSA_3072"), 0),
            (None, None, 0),
        ] {
            let mut world = World::seed();
            let app = Certificate { key_algorithm: spec, ..certificate(&["shop.example.com", "*.shop.example.com"]) };
            world.live.insert(at("certificate/app"), app.into());
            world.acm("app", |facts| facts.key = said.map(str::to_owned));
            assert_eq!(world.judge().len(), found, "{spec:?} {said:?}");
        }
    }
}
