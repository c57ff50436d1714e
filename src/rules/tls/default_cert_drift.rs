//! E608: a listener's default certificate is not the declared one.

use std::collections::BTreeSet;

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{DEFAULT, https, is_expired, known, stack};
use crate::model::kind::{Certificate, Listener};
use crate::model::{Address, Link};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E608",
    name: "default-cert-drift",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[Need::Certificates],
    summary: "a listener's default certificate is not the declared one",
    explain: EXPLAIN,
    bad: Situation {
        text: "the default is another site's certificate",
        desired: stack!(
            "  app: { domain: shop.example.com, validation: dns }
  other: { domain: other.example.org, validation: dns }",
            "        certificate: app"
        ),
        live: "
load_balancers:
  web:
    listeners:
      443:
        certificate: other
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the default is the file's", desired: stack!(), ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
The default certificate of a listener is shown to clients that say no host name, and for every name that no certificate
of the list covers. Where there is no list, it is the only one.

What clients see: if the wrong certificate does not cover the name they asked for, no HTTP answer; browsers say that it
is for another name, and a CDN in front answers 502. Health checkers and old clients that say no name are hit even where
the list covers all names. If it covers the same names, nothing.

How to tell: the listener's first certificate is not the declared one. Where a rule's host is left without a certificate
for it, E605 speaks instead.

How to mend it: one call sets the declared certificate, once it is issued.

Sources: ELB user guide \"SSL certificates for your Application Load Balancer\" (default certificate); API ModifyListener.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    https(evidence).filter_map(|(address, listener)| judge(evidence, address, listener)).collect()
}

fn judge(evidence: &Evidence, address: &Address, listener: &Listener) -> Option<Finding> {
    let (is, want) = (listener.certificate.as_ref()?, evidence.declared(address)?.listener()?.certificate.as_ref()?);
    if is == want || evidence.pending.contains(address) || super::cert_san_mismatch::speaks_of(evidence, address, want)
    {
        return None;
    }
    let (live, declared) = (known(evidence, is), known(evidence, want));
    let names = |certificate: &Certificate| certificate.names.clone().unwrap_or_default();
    let lost: Option<BTreeSet<String>> = live.zip(declared).map(|((_, live), (_, declared))| {
        let covers = |name: &String| live.covers(name) || names(live).contains(name);
        names(declared).into_iter().filter(|name| !covers(name)).collect()
    });
    let expired = is.address().is_some_and(|certificate| is_expired(evidence, certificate));
    let (severity, detail) = match lost {
        // that it has expired is a finding of its own
        Some(lost) if lost.is_empty() || expired => {
            (Severity::Low, "Clients see nothing of it: it covers the same names.".to_owned())
        }
        Some(lost) => {
            let lost = lost.into_iter().collect::<Vec<_>>().join(", ");
            (Severity::High, format!("Clients of {lost} get a certificate for other names, and give up."))
        }
        None => {
            (Severity::Medium, "Clients give up where the certificate does not cover the name they want.".to_owned())
        }
    };
    let name = |link: &Link| link.to_string();
    Some(
        RULE.finding(severity, address, DEFAULT)
            .titled(format!(
                "{} shows certificate {} by default, the file says {}",
                address.name,
                super::short(&name(is)),
                super::short(&name(want))
            ))
            .detailed(detail)
            .evident(address, DEFAULT, name(is))
            .mended_by(format!("give {} the certificate {}, as the file says", address.name, name(want)))
            .declaring(address, DEFAULT, name(want)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at, certificate, link, rule, to};
    use super::*;

    #[test]
    fn the_names_it_covers_decide() {
        for (names, severity) in [
            (Some(&["shop.example.com", "*.shop.example.com"][..]), Severity::Low),
            (Some(&["shop.example.com"]), Severity::High),
            (None, Severity::Medium),
        ] {
            let mut world = World::seed();
            if let Some(names) = names {
                world.live.insert(at("certificate/other"), certificate(names).into());
            }
            world.listener(443).certificate = Some(link("certificate/other"));
            world.expect(&[("E608", severity)]);
        }
    }

    #[test]
    fn a_host_without_certificate_is_the_other_rules_finding() {
        let mut world = World::seed();
        world.live.insert(at("certificate/other"), certificate(&["example.org"]).into());
        world.listener(443).certificate = Some(link("certificate/other"));
        world.with_rule("shop", rule("shop.example.com", "", to("django")));
        world.expect(&[("E605", Severity::Critical)]);
    }
}
