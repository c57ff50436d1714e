//! What operations on load balancers, listeners and rules do.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Facts, ListenerEdit, LoadBalancerFacts, Operation, Output, Snapshot};
use super::{Refusal, association, create, existing, login};
use crate::model::attribute::{Applies, Attribute, LISTENER, LOAD_BALANCER};
use crate::model::kind::{Action, Forward, IpamPool, Listener, LoadBalancer, MutualAuthentication, Rewrite, Rule};
use crate::model::value::{IpAddressType, Protocol, Scheme};
use crate::model::{Id, Link, Spec};

/// How many groups one action takes (API: `ForwardActionConfig`).
const MOST_GROUPS: usize = 5;

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the other half of the operations elsewhere")]
pub(super) fn effect(snapshot: &mut Snapshot, operation: &Operation, output: &Output) -> Result<(), Refusal> {
    match operation {
        Operation::CreateLoadBalancer { spec } => create_load_balancer(snapshot, spec, output),
        Operation::ModifyLoadBalancerAttributes { load_balancer, attributes } => {
            load_balancer_mut(snapshot, load_balancer)?.attributes.extend(attributes.clone());
            Ok(())
        }
        Operation::SetSecurityGroups { load_balancer, groups } => {
            load_balancer_mut(snapshot, load_balancer)?.security_groups = Some(groups.iter().cloned().collect());
            Ok(())
        }
        Operation::SetSubnets { load_balancer, subnets } => {
            load_balancer_mut(snapshot, load_balancer)?.subnets = Some(subnets.iter().cloned().collect());
            Ok(())
        }
        Operation::SetIpAddressType { load_balancer, ip_address_type } => {
            load_balancer_mut(snapshot, load_balancer)?.ip_address_type = Some(*ip_address_type);
            Ok(())
        }
        Operation::ModifyIpPools { load_balancer, ipam_pool } => {
            load_balancer_mut(snapshot, load_balancer)?.ipam_pool = Some(ipam_pool.clone());
            Ok(())
        }
        Operation::ModifyCapacityReservation { load_balancer, units } => {
            load_balancer_mut(snapshot, load_balancer)?.minimum_capacity = Some(*units);
            Ok(())
        }
        Operation::CreateListener { spec } => create_listener(snapshot, spec, output),
        Operation::ModifyListener { listener, edit } => modify_listener(snapshot, listener, edit),
        Operation::AddListenerCertificate { listener, certificate } => add_certificate(snapshot, listener, certificate),
        Operation::RemoveListenerCertificate { listener, certificate } => {
            remove_certificate(snapshot, listener, certificate)
        }
        Operation::ModifyListenerAttributes { listener, attributes } => {
            listener_mut(snapshot, listener)?.attributes.extend(attributes.clone());
            Ok(())
        }
        Operation::CreateRule { spec } => create_rule(snapshot, spec, output),
        Operation::ModifyRule { rule, .. } => modify_rule(snapshot, rule, operation),
        Operation::SetRulePriorities { listener, priorities } => set_priorities(snapshot, listener, priorities),
        _ => Ok(()),
    }
}

fn modify_listener(snapshot: &mut Snapshot, listener: &Link, edit: &ListenerEdit) -> Result<(), Refusal> {
    is_issued(snapshot, edit.certificate.as_ref())?;
    let logins = login::of_rules(snapshot, listener);
    let live = listener_mut(snapshot, listener)?;
    let mut next = live.clone();
    next.protocol = edit.protocol.or(next.protocol);
    next.ssl_policy = edit.ssl_policy.clone().or(next.ssl_policy);
    next.certificate = edit.certificate.clone().or(next.certificate);
    // it goes with HTTPS, unless it is asked for again
    let stays = next.mutual_authentication.take().filter(|_| next.protocol == Some(Protocol::Https));
    next.mutual_authentication = edit.mutual_authentication.clone().or(stays);
    if let Some(action) = edit.default.clone() {
        next.authenticate = Some(login::replaced(live.authenticate.as_ref(), edit.authenticate.clone())?);
        next.default = Some(read_back(action));
    }
    login::goes_with(next.protocol, logins.iter().chain(&next.authenticate))?;
    let was = live.protocol;
    *live = with_its_attributes(settle_tls(next)?, was);
    let (default, balancer) = (live.default.clone(), live.load_balancer.clone());
    groups_exist(snapshot, default.as_ref())?;
    association::check(snapshot, edit.default.as_ref(), Some(&balancer))
}

fn modify_rule(snapshot: &mut Snapshot, rule: &Link, operation: &Operation) -> Result<(), Refusal> {
    let Operation::ModifyRule { rule: _, when, action, authenticate, rewrite } = operation else { return Ok(()) };
    groups_exist(snapshot, action.as_ref())?;
    let over = rule.id().and_then(|id| snapshot.found.get(id)).and_then(|live| live.spec.rule());
    let balancer = over.and_then(|rule| association::of_listener(snapshot, &rule.listener));
    association::check(snapshot, action.as_ref(), balancer)?;
    let protocol = login::protocol_over(snapshot, rule);
    login::goes_with(protocol, authenticate)?;
    if let Spec::Rule(live) = &mut existing(snapshot, rule)?.spec {
        live.when = when.clone().or_else(|| live.when.clone());
        if let Some(action) = action.clone() {
            live.authenticate = Some(login::replaced(live.authenticate.as_ref(), authenticate.clone())?);
            live.action = Some(read_back(action));
        }
        live.rewrite = rewrite.clone().or_else(|| live.rewrite.clone());
    }
    Ok(())
}

fn load_balancer_mut<'s>(snapshot: &'s mut Snapshot, link: &Link) -> Result<&'s mut LoadBalancer, Refusal> {
    let Spec::LoadBalancer(lb) = &mut existing(snapshot, link)?.spec else { return Err(Refusal::not_found(link)) };
    Ok(lb)
}

fn listener_mut<'s>(snapshot: &'s mut Snapshot, link: &Link) -> Result<&'s mut Listener, Refusal> {
    let Spec::Listener(listener) = &mut existing(snapshot, link)?.spec else { return Err(Refusal::not_found(link)) };
    Ok(listener)
}

fn defaults(table: &'static [Attribute], wanted: impl Fn(Applies) -> bool) -> BTreeMap<String, String> {
    let mine = table.iter().filter(|a| wanted(a.applies));
    mine.filter_map(|a| a.default.map(|value| (a.key.to_owned(), value.to_owned()))).collect()
}

fn create_load_balancer(snapshot: &mut Snapshot, spec: &LoadBalancer, output: &Output) -> Result<(), Refusal> {
    if snapshot.load_balancers().any(|(_, lb)| lb.name.eq_ignore_ascii_case(&spec.name)) {
        let message = format!("a load balancer named {} exists already", spec.name);
        return Err(Refusal::new("DuplicateLoadBalancerName", message, "API: CreateLoadBalancer"));
    }
    let mut attributes = defaults(LOAD_BALANCER, |_| true);
    let scheme = spec.scheme.unwrap_or(Scheme::InternetFacing);
    // the one default that hangs on the scheme (API: LoadBalancerAttribute)
    let deny = (scheme == Scheme::Internal).to_string();
    attributes.insert("ipv6.deny_all_igw_traffic".to_owned(), deny);
    attributes.extend(spec.attributes.clone());
    let spec = LoadBalancer {
        scheme: Some(scheme),
        ip_address_type: spec.ip_address_type.or(Some(IpAddressType::Ipv4)),
        ipam_pool: spec.ipam_pool.clone().or(Some(IpamPool::None)),
        minimum_capacity: Some(0),
        attributes,
        ..spec.clone()
    };
    let facts = LoadBalancerFacts { state: "active".into(), ..Default::default() };
    create(snapshot, output, spec, Facts::LoadBalancer(facts));
    Ok(())
}

/// Attributes of HTTPS listeners come and go with the protocol.
fn with_its_attributes(mut listener: Listener, was: Option<Protocol>) -> Listener {
    if listener.protocol == was {
        return listener;
    }
    let of_https = LISTENER.iter().filter(|attribute| attribute.applies == Applies::HttpsListener);
    for attribute in of_https {
        match (listener.protocol, attribute.default) {
            (Some(Protocol::Https), Some(default)) => {
                listener.attributes.entry(attribute.key.to_owned()).or_insert_with(|| default.to_owned());
            }
            (Some(Protocol::Http), _) => {
                listener.attributes.remove(attribute.key);
            }
            (Some(Protocol::Https), None) | (None, _) => {}
        }
    }
    listener
}

/// HTTP listeners have neither policy nor certificate, and clients show none; HTTPS ones need a certificate.
fn settle_tls(listener: Listener) -> Result<Listener, Refusal> {
    let asks = |mutual: &MutualAuthentication| *mutual != MutualAuthentication::Disabled;
    match listener.protocol {
        Some(Protocol::Https) if listener.certificate.is_none() => Err(Refusal::new(
            "ValidationError",
            "a certificate must be specified for HTTPS listeners",
            "API: CreateListener, ModifyListener",
        )),
        Some(Protocol::Http) if listener.mutual_authentication.as_ref().is_some_and(asks) => Err(Refusal::new(
            "InvalidConfigurationRequest",
            "mutual authentication goes with HTTPS listeners only",
            "API: CreateListener.MutualAuthentication",
        )),
        Some(Protocol::Http) => {
            let bare = Listener { ssl_policy: None, certificate: None, sni_certificates: None, ..listener };
            Ok(Listener { mutual_authentication: None, ..bare })
        }
        Some(Protocol::Https) => {
            let mutual = listener.mutual_authentication.unwrap_or(MutualAuthentication::Disabled).with_defaults();
            let sni_certificates = Some(listener.sni_certificates.unwrap_or_default());
            Ok(Listener { mutual_authentication: Some(mutual), sni_certificates, ..listener })
        }
        None => Ok(listener),
    }
}

fn create_listener(snapshot: &mut Snapshot, spec: &Listener, output: &Output) -> Result<(), Refusal> {
    load_balancer_mut(snapshot, &spec.load_balancer)?;
    if snapshot.listeners().any(|(_, l)| l.load_balancer == spec.load_balancer && l.port == spec.port) {
        let message = format!("a listener on port {} exists already", spec.port);
        return Err(Refusal::new("DuplicateListener", message, "API: CreateListener"));
    }
    is_issued(snapshot, spec.certificate.as_ref())?;
    groups_exist(snapshot, spec.default.as_ref())?;
    association::check(snapshot, spec.default.as_ref(), Some(&spec.load_balancer))?;
    let https = spec.protocol == Some(Protocol::Https);
    let mut attributes = defaults(LISTENER, |a| https || a != Applies::HttpsListener);
    attributes.extend(spec.attributes.clone());
    let default = spec.default.clone().map(read_back);
    login::goes_with(spec.protocol, &spec.authenticate)?;
    let authenticate = Some(login::replaced(None, spec.authenticate.clone())?);
    let spec = settle_tls(Listener { attributes, default, authenticate, ..spec.clone() })?;
    create(snapshot, output, spec, Facts::None);
    Ok(())
}

fn remove_certificate(snapshot: &mut Snapshot, listener: &Link, certificate: &Link) -> Result<(), Refusal> {
    let page = "API: RemoveListenerCertificates";
    let listener = listener_mut(snapshot, listener)?;
    if listener.protocol != Some(Protocol::Https) {
        return Err(Refusal::new("InvalidConfigurationRequest", "the listener does not speak HTTPS", page));
    }
    // AWS says nothing of one that is not there
    if let Some(have) = &mut listener.sni_certificates {
        have.retain(|link| link != certificate);
    }
    Ok(())
}

fn add_certificate(snapshot: &mut Snapshot, listener: &Link, certificate: &Link) -> Result<(), Refusal> {
    let page = "API: AddListenerCertificates";
    is_issued(snapshot, Some(certificate))?;
    let listener = listener_mut(snapshot, listener)?;
    if listener.protocol != Some(Protocol::Https) {
        return Err(Refusal::new("InvalidConfigurationRequest", "the listener does not speak HTTPS", page));
    }
    let have = listener.sni_certificates.get_or_insert_default();
    if !have.contains(certificate) {
        have.push(certificate.clone());
    }
    Ok(())
}

/// An action as AWS tells it: who shifts the weights is not AWS's business, and a lone group has none.
fn read_back(action: Action) -> Action {
    match action {
        Action::Forward(Forward { mut to, stickiness, external: _ }) => {
            if to.len() == 1 {
                to.values_mut().for_each(|weight| *weight = 1);
            }
            Action::Forward(Forward { to, stickiness, external: false })
        }
        other @ (Action::Redirect(_) | Action::FixedResponse(_)) => other,
    }
}

/// A certificate that waits for the proof of its names is not taken (seen on AWS; `CreateListener` does not list the
/// code).
fn is_issued(snapshot: &Snapshot, certificate: Option<&Link>) -> Result<(), Refusal> {
    let live = certificate.and_then(Link::id).and_then(|id| snapshot.found.get(id));
    match live.map(|live| &live.facts) {
        Some(Facts::Certificate(facts)) if facts.status == "PENDING_VALIDATION" => {
            let message = "the certificate is not issued yet";
            Err(Refusal::new("UnsupportedCertificate", message, "API: CreateListener, AddListenerCertificates"))
        }
        Some(_) | None => Ok(()),
    }
}

fn groups_exist(snapshot: &Snapshot, action: Option<&Action>) -> Result<(), Refusal> {
    if action.is_some_and(|action| action.groups().count() > MOST_GROUPS) {
        let message = format!("an action takes {MOST_GROUPS} target groups at most");
        return Err(Refusal::new("TooManyTargetGroups", message, "API: ForwardActionConfig, CreateRule"));
    }
    for (group, _) in action.iter().flat_map(|a| a.groups()) {
        if group.id().is_none_or(|id| !snapshot.found.contains_key(id) && id.as_str().contains("simulated")) {
            return Err(Refusal::new(
                "TargetGroupNotFound",
                format!("there is no target group {group}"),
                "API: CreateRule",
            ));
        }
    }
    Ok(())
}

fn create_rule(snapshot: &mut Snapshot, spec: &Rule, output: &Output) -> Result<(), Refusal> {
    let protocol = listener_mut(snapshot, &spec.listener)?.protocol;
    login::goes_with(protocol, &spec.authenticate)?;
    groups_exist(snapshot, spec.action.as_ref())?;
    association::check(snapshot, spec.action.as_ref(), association::of_listener(snapshot, &spec.listener))?;
    if snapshot.rules().any(|(_, rule)| rule.listener == spec.listener && rule.priority == spec.priority) {
        let priority = spec.priority.unwrap_or_default();
        return Err(Refusal::new("PriorityInUse", format!("priority {priority} is in use"), "API: CreateRule"));
    }
    let action = spec.action.clone().map(read_back);
    let authenticate = Some(login::replaced(None, spec.authenticate.clone())?);
    // AWS always says how a rule rewrites: not at all is one answer
    let Rewrite { path, host } = spec.rewrite.clone().unwrap_or_default();
    let rewrite = Some(Rewrite { path: path.or(Some(Vec::new())), host: host.or(Some(Vec::new())) });
    create(snapshot, output, Rule { action, authenticate, rewrite, ..spec.clone() }, Facts::None);
    Ok(())
}

/// AWS judges conflicts on the resulting order, so that swaps fit one call.
fn set_priorities(snapshot: &mut Snapshot, listener: &Link, priorities: &BTreeMap<Id, u32>) -> Result<(), Refusal> {
    listener_mut(snapshot, listener)?;
    for (id, priority) in priorities {
        if let Spec::Rule(rule) = &mut existing(snapshot, &Link::Id(id.clone()))?.spec {
            rule.priority = Some(*priority);
        }
    }
    let mut seen = BTreeSet::new();
    for (_, rule) in snapshot.rules().filter(|(_, rule)| rule.listener == *listener) {
        if !seen.insert(rule.priority) {
            let priority = rule.priority.unwrap_or_default();
            return Err(Refusal::new(
                "PriorityInUse",
                format!("priority {priority} is in use"),
                "API: SetRulePriorities",
            ));
        }
    }
    Ok(())
}
