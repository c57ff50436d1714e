//! E605: a listener serves a host that none of its certificates covers.

use std::collections::BTreeSet;

use super::super::pattern::{hosts_meet, is_wild};
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use crate::model::kind::{Certificate, Listener, Rule as ListenerRule};
use crate::model::value::Protocol;
use crate::model::{Address, Link};

const FIELD: &str = "certificate";
const HOSTS: &str = "when.host";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E605",
    name: "cert-san-mismatch",
    severity: Severity::Critical,
    needs: &[],
    also: &[Need::Certificates],
    summary: "a host that the rules serve is on none of the listener's certificates",
    explain: EXPLAIN,
    bad: Situation {
        text: "api.shop.example.org got a rule, the certificate only knows shop.example.com",
        desired: r#"
certificates:
  app: { domain: shop.example.com, alternative_names: ["*.shop.example.com"], validation: dns }
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: app
        default: { fixed_response: { status: 404 } }
        rules:
          shop:
            when: { host: [shop.example.com] }
            forward: django
          api:
            when: { host: [api.shop.example.org] }
            forward: django
"#,
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the certificate's names, one of them a wildcard, cover both hosts",
        desired: r#"
certificates:
  app: { domain: shop.example.com, alternative_names: ["*.shop.example.com"], validation: dns }
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: app
        default: { fixed_response: { status: 404 } }
        rules:
          shop:
            when: { host: [shop.example.com] }
            forward: django
          api:
            when: { host: [api.shop.example.com] }
            forward: django
"#,
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
An HTTPS listener answers each name with the certificate of its list that covers it, and with its default certificate
where none does. A rule for a host that no certificate covers can be reached only by clients that ignore the wrong
name. A wildcard covers one label: `*.shop.example.com` takes `api.shop.example.com`, neither `shop.example.com` nor
`a.b.shop.example.com`.

What clients see: no HTTP answer at all; browsers say that the certificate is for another name. A CDN in front of the
load balancer that checks the name answers its own clients with 502.

How to tell: `openssl s_client -connect HOST:443 -servername HOST` shows which names the answer covers. The rule compares
every host condition of a listener with the names of its default and SNI certificates; wildcard conditions are reported
only if no certificate name could match them, and a listener with a certificate whose names are unknown is left out.

How to mend it: attach a certificate that covers the host to the listener, or request one with all names. Take the old
one off only after the new one is attached. If the host is wrong, mend the rule's condition.

Sources: ELB user guide \"SSL certificates for your Application Load Balancer\", \"Troubleshoot your Application Load
Balancers\"; ACM user guide on wildcard names; RFC 6125.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let https = evidence.listeners().filter(|(_, listener)| listener.protocol == Some(Protocol::Https));
    https.filter_map(|(address, listener)| judge(evidence, address, listener)).collect()
}

fn judge(evidence: &Evidence, address: &Address, listener: &Listener) -> Option<Finding> {
    let certificates = certificates(evidence, address, listener)?;
    let rules = evidence.rules_of(address);
    let bare = bare(evidence, address, listener, &certificates);
    let served = rules.iter().flat_map(|(_, rule)| hosts(rule)).any(|host| covered(&certificates, &host));
    let severity = if served { Severity::High } else { Severity::Critical };
    (!bare.is_empty()).then(|| finding(evidence, (address, listener), &certificates, &bare, severity))
}

fn hosts(rule: &ListenerRule) -> BTreeSet<String> {
    rule.when.as_ref().map(|when| when.host.clone()).unwrap_or_default()
}

/// The rules with hosts that no certificate covers. That a declared one is not in the list is another rule's finding.
fn bare<'e>(
    evidence: &'e Evidence,
    address: &Address,
    listener: &Listener,
    certificates: &[&Certificate],
) -> Vec<(&'e Address, BTreeSet<String>)> {
    let missing = super::missing(evidence, address, listener).into_iter();
    let missing: Vec<&Certificate> = missing.filter_map(|certificate| evidence.certificate(certificate)).collect();
    let bare = |host: &String| !covered(certificates, host) && !covered(&missing, host);
    let rules = evidence.rules_of(address).into_iter();
    let rules = rules.map(|(rule, spec)| (rule, hosts(spec).into_iter().filter(bare).collect::<BTreeSet<_>>()));
    rules.filter(|(_, hosts)| !hosts.is_empty()).collect()
}

/// Whether this rule says that another default certificate than the declared one leaves hosts without any.
pub(super) fn speaks_of(evidence: &Evidence, address: &Address, declared: &Link) -> bool {
    let listener = evidence.listener(address);
    let Some(declared) = declared.address().and_then(|declared| evidence.certificate(declared)) else { return false };
    let found = listener.and_then(|listener| {
        let certificates = certificates(evidence, address, listener)?;
        Some(bare(evidence, address, listener, &certificates))
    });
    found.into_iter().flatten().any(|(_, hosts)| hosts.iter().any(|host| covered(&[declared], host)))
}

/// The certificates of a listener; `None` if the names of one are unknown.
fn certificates<'e>(evidence: &'e Evidence, address: &Address, listener: &Listener) -> Option<Vec<&'e Certificate>> {
    if listener.sni_certificates.is_none() && evidence.unread(address) {
        return None;
    }
    let links: Vec<&Link> = listener.certificate.iter().chain(listener.sni_certificates.iter().flatten()).collect();
    if links.is_empty() {
        return None;
    }
    let known = |link: &Link| evidence.certificate(link.address()?).filter(|c| c.names.is_some());
    links.into_iter().map(known).collect()
}

/// Whether some certificate covers a host condition, or might where it has wildcards.
fn covered(certificates: &[&Certificate], host: &str) -> bool {
    certificates.iter().any(|certificate| {
        let names = certificate.names.iter().flatten();
        certificate.covers(host) || (is_wild(host) && names.into_iter().any(|name| hosts_meet(host, name)))
    })
}

/// One finding for a listener: its certificate, and each rule with hosts that are not on it.
fn finding(
    evidence: &Evidence,
    (address, listener): (&Address, &Listener),
    certificates: &[&Certificate],
    bare: &[(&Address, BTreeSet<String>)],
    severity: Severity,
) -> Finding {
    let hosts: BTreeSet<&String> = bare.iter().flat_map(|(_, hosts)| hosts).collect();
    let shown = hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ");
    let names: BTreeSet<&String> = certificates.iter().flat_map(|c| c.names.iter().flatten()).collect();
    let mut finding = RULE
        .finding(severity, address, FIELD)
        .titled(format!("no certificate covers {shown}"))
        .detailed("Clients get a certificate for another name and give up; a CDN in front answers 502.")
        .evident(address, FIELD, listener.certificate.as_ref().map(Link::to_string))
        .evident(address, "certificate_names", names);
    for (rule, hosts) in bare {
        finding = finding.evident(rule, HOSTS, hosts);
    }
    let all = |certificate: &Certificate| hosts.iter().all(|host| covered(&[certificate], host));
    let declared = evidence.declared(address).and_then(|spec| spec.listener()?.certificate.as_ref()?.address());
    let declared = declared.filter(|a| evidence.certificate(a).is_some_and(all));
    match (declared, evidence.certificates().find(|(_, c)| all(c))) {
        (Some(want), _) => finding
            .mended_by(format!("give {} the certificate {}, as the file says", address.name, want.name))
            .declaring(address, FIELD, &want.name),
        (None, Some((other, _))) => {
            finding.mended_by(format!("add certificate {} to the SNI certificates of {}", other.name, address.name))
        }
        (None, None) => finding.mended_by(format!(
            "request a certificate for {shown}, and attach it to {} once it is issued",
            address.name
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at, rule, to};
    use super::*;

    #[test]
    fn hosts_are_compared_by_label() {
        for (host, found) in [
            ("shop.example.com", 0),
            ("API.shop.example.com", 0),
            ("a.b.shop.example.com", 1),
            ("example.com", 1),
            ("*.example.com", 0),
            ("*.shop.example.com", 0),
            ("*", 0),
            ("*.example.org", 1),
            ("shop?.example.com", 1),
        ] {
            let mut world = World::seed();
            world.with_rule("r", rule(host, "", to("django")));
            assert_eq!(world.judge().len(), found, "{host}");
        }
    }

    #[test]
    fn unknown_names_are_silence_and_another_certificate_is_named() {
        let mut world = World::seed();
        world.with_rule("r", rule("www.example.org", "", to("django")));
        let finding = world.only();
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(finding.title, "no certificate covers www.example.org");
        assert!(finding.cites(&at("listener/web:443"), &FIELD.into()));
        assert!(finding.cites(&at("rule/web:443/r"), &HOSTS.into()));
        let names = Some(BTreeSet::from(["www.example.org".to_owned()]));
        world.live.insert(at("certificate/org"), Certificate { names, ..Certificate::default() }.into());
        assert_eq!(world.only().fix.text, "add certificate org to the SNI certificates of web:443");
        world.listener(443).sni_certificates = Some(vec![Link::Address(at("certificate/org"))]);
        world.expect(&[]);
        world.listener(443).sni_certificates = Some(vec![Link::Address(at("certificate/unread"))]);
        world.expect(&[]);
    }
}
