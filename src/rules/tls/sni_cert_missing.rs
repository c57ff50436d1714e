//! E607: a declared certificate is not in the listener's list.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{LIST, https, known, missing, stack};
use crate::model::kind::{Certificate, Listener};
use crate::model::{Address, Link};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E607",
    name: "sni-cert-missing",
    severity: Severity::High,
    needs: &[Need::Desired, Need::Live],
    also: &[Need::Certificates],
    summary: "a declared certificate is not in the listener's list",
    explain: EXPLAIN,
    bad: Situation {
        text: "the partner's certificate was taken out of the list",
        desired: stack!(
            "  app: { domain: shop.example.com, validation: dns }
  partner: { domain: partner.example.org, validation: dns }",
            "        certificate: app
        sni_certificates: [ partner ]"
        ),
        live: "
load_balancers:
  web:
    listeners:
      443:
        sni_certificates: []
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the list holds what the file says",
        desired: stack!(
            "  app: { domain: shop.example.com, validation: dns }
  partner: { domain: partner.example.org, validation: dns }",
            "        certificate: app
        sni_certificates: [ partner ]"
        ),
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
For each host name a listener looks in its list of certificates, and falls back to the default. When the certificate of
a name is not in the list, clients of that name get the default one, which is for other names.

What clients see: no HTTP answer; browsers say that the certificate is for another name. A CDN in front answers 502.
Where another certificate of the listener covers the names as well, nothing.

How to tell: DescribeListenerCertificates does not list what the file declares. By hand: `openssl s_client -connect
HOST:443 -servername HOST`.

How to mend it: one call adds it; adding twice does no harm. A listener takes 25 certificates beside the default unless
the quota was raised.

Sources: ELB user guide \"SSL certificates for your Application Load Balancer\", \"Quotas for your Application Load
Balancers\"; API AddListenerCertificates.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    https(evidence).filter_map(|(address, listener)| judge(evidence, address, listener)).collect()
}

fn judge(evidence: &Evidence, address: &Address, listener: &Listener) -> Option<Finding> {
    let missing = missing(evidence, address, listener);
    if missing.is_empty() || evidence.pending.contains(address) {
        return None;
    }
    let links = listener.certificate.iter().chain(listener.sni_certificates.iter().flatten());
    let attached: Option<Vec<&Certificate>> =
        links.map(|link: &Link| known(evidence, link).map(|(_, certificate)| certificate)).collect();
    let names = |certificate: &Address| {
        let live = evidence.certificate(certificate).and_then(|spec| spec.names.clone());
        live.or_else(|| evidence.declared(certificate)?.certificate()?.names.clone())
    };
    let is_covered = |name: &String| {
        let same = |one: &&Certificate| one.covers(name) || one.names.iter().flatten().any(|other| other == name);
        attached.as_ref().is_some_and(|attached| attached.iter().any(same))
    };
    let (mut bare, mut unknown) = (Vec::new(), attached.is_none());
    for certificate in &missing {
        match names(certificate) {
            Some(names) => bare.extend(names.into_iter().filter(|name| !is_covered(name))),
            None => unknown = true,
        }
    }
    let (severity, detail) = match (bare.is_empty(), unknown) {
        (false, false) => {
            (Severity::High, format!("Clients of {} get another certificate and give up.", bare.join(", ")))
        }
        (true, false) => (Severity::Low, "Clients see nothing: other certificates cover the same names.".to_owned()),
        (_, true) => (Severity::Medium, "Clients of its names may get another certificate and give up.".to_owned()),
    };
    let missing: Vec<&str> = missing.iter().map(|certificate| certificate.name.as_str()).collect();
    let live: Vec<String> = listener.sni_certificates.iter().flatten().map(Link::to_string).collect();
    let listed = missing.join(", ");
    Some(
        RULE.finding(severity, address, LIST)
            .titled(format!("certificate {} is not on {}, the file says so", super::short(&listed), address.name))
            .detailed(detail)
            .evident(address, LIST, live)
            .mended_by(format!("add {listed} to the certificates of {}", address.name))
            .declaring(address, LIST, missing),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at, certificate, link};
    use super::*;

    #[test]
    fn what_its_names_get_instead_decides() {
        for (names, severity) in [
            (Some(&["partner.example.org"][..]), Severity::High),
            (Some(&["*.shop.example.com"]), Severity::Low),
            (None, Severity::Medium),
        ] {
            let mut world = World::seed();
            let mut declared = world.listener(443).clone();
            declared.sni_certificates = Some(vec![link("certificate/partner")]);
            world.desired.specs.insert(at("listener/web:443"), declared.into());
            if let Some(names) = names {
                world.live.insert(at("certificate/partner"), certificate(names).into());
            }
            world.expect(&[("E607", severity)]);
            world.pending.insert(at("listener/web:443"));
            world.expect(&[]);
        }
    }
}
