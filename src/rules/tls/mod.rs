//! E6xx: certificates and TLS. Which certificate a listener shows for which name is told here for all of them.

pub(super) mod cert_expired;
pub(super) mod cert_expiring_not_renewing;
pub(super) mod cert_key_unsupported;
pub(super) mod cert_not_issued;
pub(super) mod cert_san_mismatch;
pub(super) mod cert_wrong_region;
pub(super) mod default_cert_drift;
pub(super) mod expired_sni_shadows_default;
pub(super) mod listener_protocol_drift;
pub(super) mod listener_self_signed;
pub(super) mod mtls_verify_broken;
pub(super) mod renewal_stuck;
pub(super) mod sni_cert_missing;
pub(super) mod ssl_policy_drift;

use std::collections::{BTreeMap, BTreeSet};

use super::Evidence;
use crate::cloud::{CertificateFacts, Facts};
use crate::model::kind::{Certificate, Listener};
use crate::model::value::Protocol;
use crate::model::{Address, Link};

/// A stack with one HTTPS listener; `$certificates` is a YAML line each, `$listener` the lines of the listener that
/// name them.
macro_rules! stack {
    ($certificates:literal, $listener:literal) => {
        concat!(
            "
certificates:
",
            $certificates,
            "
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
",
            $listener,
            "
        default: { forward: django }
"
        )
    };
    () => {
        stack!("  app: { domain: shop.example.com, validation: dns }", "        certificate: app")
    };
}
use stack;

/// The field of a listener that holds its default certificate.
const DEFAULT: &str = "certificate";
/// The field that holds those chosen by server name.
const LIST: &str = "sni_certificates";

/// What ACM says of a certificate, as far as it was asked.
fn facts<'e>(evidence: &'e Evidence, certificate: &Address) -> Option<&'e CertificateFacts> {
    match evidence.facts.get(certificate)? {
        Facts::Certificate(facts) => Some(facts),
        Facts::None
        | Facts::LoadBalancer(_)
        | Facts::Listener(_)
        | Facts::TargetGroup { .. }
        | Facts::Target(_)
        | Facts::SecurityGroup { .. } => None,
    }
}

/// Whether clients refuse a certificate for its dates.
fn is_expired(evidence: &Evidence, certificate: &Address) -> bool {
    facts(evidence, certificate).is_some_and(|facts| {
        let over = facts.not_after.zip(evidence.now).is_some_and(|(end, now)| end <= now);
        over || facts.status == "EXPIRED"
    })
}

/// Whole days until the end of a certificate; negative where it is over.
fn days_left(evidence: &Evidence, facts: &CertificateFacts) -> Option<i64> {
    let (end, now) = facts.not_after.zip(evidence.now)?;
    Some((end.as_second() - now.as_second()).div_euclid(86_400))
}

/// The listeners that speak HTTPS.
fn https<'e>(evidence: &'e Evidence) -> impl Iterator<Item = (&'e Address, &'e Listener)> {
    evidence.listeners().filter(|(_, listener)| listener.protocol == Some(Protocol::Https))
}

/// The certificates of listeners, each with the places that use it: a listener and the field.
fn in_use<'e>(evidence: &'e Evidence) -> BTreeMap<&'e Address, Vec<(&'e Address, &'static str)>> {
    let mut used: BTreeMap<&Address, Vec<(&Address, &'static str)>> = BTreeMap::new();
    for (address, listener) in https(evidence) {
        let default = listener.certificate.iter().map(|link| (link, DEFAULT));
        let list = listener.sni_certificates.iter().flatten().map(|link| (link, LIST));
        for (link, field) in default.chain(list) {
            if let Some(certificate) = link.address() {
                used.entry(certificate).or_default().push((address, field));
            }
        }
    }
    used
}

/// The certificate that a listener shows for a name; `None` where that cannot be told.
///
/// Those of the list that cover the name come first: of several one with an ECDSA key, then one that is not expired, then
/// the longer key. The default is shown only where none covers it (user guide "SSL certificates for your Application
/// Load Balancer"), so an expired one in the list hides a good default.
fn shown<'e>(evidence: &'e Evidence, listener: &'e Listener, name: &str) -> Option<&'e Address> {
    let list: Option<Vec<(&Address, &Certificate)>> =
        listener.sni_certificates.as_ref()?.iter().map(|link| known(evidence, link)).collect();
    let covering = list?.into_iter().filter(|(_, certificate)| certificate.covers(name));
    let best = covering.max_by_key(|(address, certificate)| certificate.preference(!is_expired(evidence, address)));
    best.map(|(address, _)| address).or_else(|| listener.certificate.as_ref().and_then(Link::address))
}

/// A certificate whose names are known.
fn known<'e>(evidence: &'e Evidence, link: &'e Link) -> Option<(&'e Address, &'e Certificate)> {
    let address = link.address()?;
    evidence.certificate(address).filter(|certificate| certificate.names.is_some()).map(|found| (address, found))
}

/// The names of an expired certificate in the list, the good default certificate covering every one of them: its being
/// there is the fault.
fn shadowed<'e>(evidence: &'e Evidence, listener: &'e Listener, expired: &Address) -> Option<BTreeSet<&'e str>> {
    let default = listener.certificate.as_ref()?.address().filter(|default| !is_expired(evidence, default))?;
    let (default, own) = (evidence.certificate(default)?, evidence.certificate(expired)?);
    let names: BTreeSet<&str> = own.names.iter().flatten().map(String::as_str).collect();
    names.iter().all(|name| default.covers(name) || default.names.iter().flatten().any(|n| n == name)).then_some(names)
}

/// Declared certificates of a listener's list that are not in it.
fn missing<'e>(evidence: &'e Evidence, address: &Address, listener: &Listener) -> Vec<&'e Address> {
    let declared = evidence.declared(address).and_then(|spec| spec.listener());
    let Some((declared, live)) = declared.zip(listener.sni_certificates.as_ref()) else { return Vec::new() };
    let lacks = |link: &&Link| !live.contains(link) && listener.certificate.as_ref() != Some(link);
    declared.sni_certificates.iter().flatten().filter(lacks).filter_map(Link::address).collect()
}

/// A name as titles have room for it: of an ARN its last part, of a long text its beginning.
fn short(name: &str) -> String {
    let name = if name.starts_with("arn:") { name.rsplit(['/', ':']).next().unwrap_or(name) } else { name };
    match name.char_indices().nth(24) {
        Some((at, _)) => format!("{}…", name.get(..at).unwrap_or(name)),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{World, at, link};
    use super::*;
    use crate::model::value::KeyAlgorithm;

    /// Which certificate of a list of (name, names, key, expired) is shown for a host.
    fn chosen(list: &[(&str, &str, KeyAlgorithm, bool)], host: &str) -> String {
        let mut world = World::seed();
        let mut links = Vec::new();
        for (name, names, key, expired) in list {
            let address = Address::certificate(name);
            let names = Some(names.split(' ').map(str::to_owned).collect());
            let spec = Certificate { names, key_algorithm: Some(*key), ..Certificate::default() };
            world.live.insert(address.clone(), spec.into());
            let status = if *expired { "EXPIRED" } else { "ISSUED" }.to_owned();
            world.facts.insert(address, Facts::Certificate(CertificateFacts { status, ..Default::default() }));
            links.push(link(&format!("certificate/{name}")));
        }
        world.listener(443).sni_certificates = Some(links);
        let listener = world.listener(443).clone();
        let shown = world.with(|evidence| shown(evidence, &listener, host).cloned());
        shown.map(|address| address.name).unwrap_or_default()
    }

    #[test]
    fn the_list_comes_before_the_default_and_the_best_of_it_first() {
        use KeyAlgorithm::{EcPrime256v1 as Ec, Rsa2048, Rsa4096};
        let host = "shop.example.com";
        for (list, shown) in [
            (&[][..], "app"),
            (&[("a", host, Rsa2048, false)], "a"),
            (&[("a", "*.example.com", Rsa2048, false)], "a"),
            (&[("a", "example.com *.shop.example.com", Rsa2048, false)], "app"),
            (&[("a", host, Rsa2048, true)], "a"),
            (&[("a", host, Rsa2048, true), ("b", host, Rsa2048, false)], "b"),
            (&[("a", host, Rsa4096, false), ("b", host, Rsa2048, false)], "a"),
            (&[("a", host, Rsa4096, false), ("b", host, Ec, false)], "b"),
            (&[("a", host, Rsa4096, false), ("b", host, Ec, true)], "b"),
        ] {
            assert_eq!(chosen(list, host), shown, "{list:?}");
        }
        assert_eq!(chosen(&[("a", host, Rsa2048, false)], "other.example.org"), "app");
    }

    #[test]
    fn unknown_names_and_lists_are_not_guessed() {
        let mut world = World::seed();
        world.listener(443).sni_certificates = Some(vec![link("certificate/unread")]);
        let listener = world.listener(443).clone();
        assert_eq!(world.with(|evidence| shown(evidence, &listener, "shop.example.com").cloned()), None);
        world.listener(443).sni_certificates = None;
        let listener = world.listener(443).clone();
        assert_eq!(world.with(|evidence| shown(evidence, &listener, "shop.example.com").cloned()), None);
        assert!(world.with(|evidence| in_use(evidence).contains_key(&at("certificate/app"))));
    }
}
