//! E606: an expired certificate in the list hides a good default certificate.

use super::super::{Acm, Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{LIST, https, is_expired, shadowed, shown, stack};
use crate::model::kind::Listener;
use crate::model::{Address, Link};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E606",
    name: "expired-sni-shadows-default",
    severity: Severity::Critical,
    needs: &[Need::Live, Need::Certificates],
    also: &[],
    summary: "an expired certificate in the list is shown in the place of a good default one",
    explain: EXPLAIN,
    bad: Situation {
        text: "the default was renewed; the old import with the same name was left in the list",
        desired: stack!(
            "  app: { domain: shop.example.com, validation: dns }
  old: { domain: shop.example.com, key_algorithm: EC_prime256v1 }",
            "        certificate: app
        sni_certificates: [ old ]"
        ),
        certificates: &[
            Acm { not_after: "2027-05-01", ..Acm::issued("app") },
            Acm { status: "EXPIRED", not_after: "2026-12-10", ..Acm::imported("old") },
        ],
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the list holds nothing that is expired",
        desired: stack!(),
        certificates: &[Acm { not_after: "2027-05-01", ..Acm::issued("app") }],
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
A client says which host it wants, and the load balancer looks for it in the listener's list of certificates first. The
default certificate is shown only where no certificate of the list covers the name. Expired ones of the list count as
well: they win over a default that is good.

What clients see: the expired certificate, and they refuse the connection; a CDN in front answers 502. The new default
seems to have no effect. Clients that say no name get the default and are content, which confuses tests.

How to tell: `openssl s_client -connect HOST:443 -servername HOST` shows the old certificate, without `-servername` the
new one. The rule compares names and dates of the listener's certificates.

How to mend it: take the expired certificate out of the list; the default covers its names. If a fresh one shall be in
the list, add that first, then remove the old one.

Sources: ELB user guide \"SSL certificates for your Application Load Balancer\" (default certificate, certificate list);
Classmethod 2021 on an expired certificate in the list; API DescribeListenerCertificates.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    https(evidence).flat_map(|(address, listener)| judge(evidence, address, listener)).collect()
}

fn judge(evidence: &Evidence, address: &Address, listener: &Listener) -> Vec<Finding> {
    let list = listener.sni_certificates.iter().flatten().filter_map(Link::address);
    let expired = list.filter(|certificate| is_expired(evidence, certificate));
    expired
        .filter_map(|certificate| {
            let names = shadowed(evidence, listener, certificate)?;
            // another one of the list may be preferred
            let hidden: Vec<&str> =
                names.into_iter().filter(|name| shown(evidence, listener, name) == Some(certificate)).collect();
            (!hidden.is_empty()).then(|| finding(address, listener, certificate, &hidden))
        })
        .collect()
}

fn finding(address: &Address, listener: &Listener, certificate: &Address, hidden: &[&str]) -> Finding {
    let default = listener.certificate.as_ref().map(Link::to_string).unwrap_or_default();
    RULE.finding(Severity::Critical, address, LIST)
        .titled(format!("expired certificate {} is shown before the good default {default}", certificate.name))
        .detailed(format!(
            "Clients of {} get the expired certificate and give up; a CDN answers 502.",
            hidden.join(", ")
        ))
        .evident(address, LIST, &certificate.name)
        .evident(address, "certificate", default.clone())
        .evident(certificate, "status", "EXPIRED")
        .mended_by(format!("take certificate {} out of the list of {}", certificate.name, address.name))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at, certificate, link};
    use super::*;

    #[test]
    fn it_takes_a_good_default_that_covers_every_name() {
        let mut world = World::seed();
        world.live.insert(at("certificate/old"), certificate(&["shop.example.com"]).into());
        world.acm("old", |facts| facts.status = "EXPIRED".to_owned());
        world.listener(443).sni_certificates = Some(vec![link("certificate/old")]);
        world.expect(&[("E606", Severity::Critical)]);
        assert_eq!(world.only().title, "expired certificate old is shown before the good default app");
        world.live.insert(at("certificate/old"), certificate(&["shop.example.com", "example.org"]).into());
        world.expect(&[("E601", Severity::Critical)]);
        world.live.insert(at("certificate/old"), certificate(&["shop.example.com"]).into());
        world.acm("app", |facts| facts.status = "EXPIRED".to_owned());
        world.expect(&[("E601", Severity::Critical), ("E601", Severity::Critical)]);
    }
}
