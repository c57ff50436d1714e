//! Operations → calls: each variant is one call with the values it carries.
//!
//! What this adds: secrets are resolved just before they are sent and masked in whatever AWS answers;
//! and a thing that was created moments ago, which AWS cannot find everywhere yet, is waited for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Resolver;
use super::delete;
use super::error::refused;
use super::session::Session;
use crate::cloud::{CloudError, CloudErrorKind, Operation, Output};
use crate::model::{Id, Kind, Link, SecretRef, Text};

/// How long what was just created may be unknown to AWS.
const NOT_FOUND: Duration = Duration::from_secs(10);
const NOT_FOUND_PAUSE: Duration = Duration::from_secs(1);
/// How long ELB may refuse a trust store that is being made.
const NOT_USABLE: Duration = Duration::from_secs(60);
const NOT_USABLE_PAUSE: Duration = Duration::from_secs(5);

/// The id behind a link. Links of an operation are known ids by the time it is executed.
pub(super) fn arn(operation: &str, link: &Link) -> Result<String, CloudError> {
    link.id().map(|id| id.0.clone()).ok_or_else(|| refused(operation, format!("the id of `{link}` is not known")))
}

/// The ids behind links.
pub(super) fn arns<'a>(operation: &str, links: impl IntoIterator<Item = &'a Link>) -> Result<Vec<String>, CloudError> {
    links.into_iter().map(|link| arn(operation, link)).collect()
}

/// Resolves secrets, and remembers their values for as long as the operation runs, to mask them.
pub(super) struct Secrets<'a> {
    resolver: &'a Resolver,
    sent: Mutex<Vec<String>>,
}

impl<'a> Secrets<'a> {
    pub(super) fn new(resolver: &'a Resolver) -> Self {
        Self { resolver, sent: Mutex::default() }
    }

    /// A secret's value.
    pub(super) fn value(&self, operation: &str, secret: &SecretRef) -> Result<String, CloudError> {
        let value = (self.resolver)(secret);
        let value = value.map_err(|why| refused(operation, format!("the secret from {secret} is missing: {why}")))?;
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(value.clone());
        Ok(value)
    }

    /// A text as it is sent.
    pub(super) fn text(&self, operation: &str, text: &Text) -> Result<String, CloudError> {
        match text {
            Text::Plain(value) => Ok(value.clone()),
            Text::Secret { source: Some(secret), .. } => self.value(operation, secret),
            Text::Secret { source: None, .. } => Err(refused(operation, "a secret value is not named by any file")),
        }
    }

    /// Takes sent values out of AWS's message, which may quote what it refuses.
    pub(super) fn mask(&self, error: &mut CloudError) {
        for value in self.sent.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|v| !v.is_empty()) {
            error.message = error.message.replace(value, "(secret)");
        }
    }
}

/// Makes the call.
pub(super) async fn execute(session: &Arc<Session>, operation: &Operation) -> Result<Output, CloudError> {
    let secrets = Secrets::new(&session.secrets);
    let start = Instant::now();
    loop {
        let mut error = match once(session, operation, &secrets).await {
            Ok(output) => {
                if let (Some(id), true) = (&output.id, operation.created().is_some()) {
                    session.remember(id);
                }
                return Ok(output);
            }
            Err(error) => error,
        };
        secrets.mask(&mut error);
        let pause = if start.elapsed() < NOT_FOUND && misses_something_fresh(session, operation, &error) {
            NOT_FOUND_PAUSE
        } else if start.elapsed() < delete::IN_USE && deletes(operation) && delete::is_in_use(&error) {
            delete::IN_USE_PAUSE
        } else if start.elapsed() < NOT_USABLE && error.code.as_deref() == Some("TrustStoreNotReady") {
            NOT_USABLE_PAUSE
        } else {
            return Err(error);
        };
        tracing::debug!(operation = operation.name(), error = %error, "waiting for AWS to see what exists");
        session.wait(pause, error).await?;
    }
}

/// Whether the call failed for want of something that this process created moments ago.
fn misses_something_fresh(session: &Session, operation: &Operation, error: &CloudError) -> bool {
    let fresh = || {
        let mut fresh = false;
        let _ = operation.clone().map_links(&mut |link| {
            fresh |= link.id().is_some_and(|id| session.is_fresh(id));
            link
        });
        fresh
    };
    // ELB's word for a security group that it does not find (API: `CreateLoadBalancer`, `SetSecurityGroups`)
    let missing = error.kind == CloudErrorKind::NotFound || error.code.as_deref() == Some("InvalidSecurityGroup");
    // a certificate that is too new is waited for by `apply`, which shows it
    missing && !error.refuses_certificate() && fresh()
}

const fn deletes(operation: &Operation) -> bool {
    matches!(operation, Operation::Delete { .. })
}

/// One attempt.
async fn once(session: &Session, operation: &Operation, secrets: &Secrets<'_>) -> Result<Output, CloudError> {
    match operation {
        Operation::CreateSecurityGroup { spec } => session.create_security_group(spec).await,
        Operation::ImportCertificate { certificate, spec } => {
            session.import_certificate(certificate.as_ref(), spec, secrets).await
        }
        Operation::RequestCertificate { spec, besides } => session.request_certificate(spec, besides).await,
        Operation::CreateTargetGroup { spec } => session.create_target_group(spec).await,
        Operation::CreateLoadBalancer { spec } => session.create_load_balancer(spec).await,
        Operation::CreateListener { spec } => session.create_listener(spec, secrets).await,
        Operation::CreateRule { spec } => session.create_rule(spec, secrets).await,
        Operation::Authorize { .. }
        | Operation::Describe { .. }
        | Operation::Revoke { .. }
        | Operation::ModifyTargetGroup { .. }
        | Operation::ModifyTargetGroupAttributes { .. }
        | Operation::RegisterTargets { .. }
        | Operation::DeregisterTargets { .. }
        | Operation::ModifyLoadBalancerAttributes { .. }
        | Operation::SetSecurityGroups { .. }
        | Operation::SetSubnets { .. }
        | Operation::SetIpAddressType { .. }
        | Operation::ModifyIpPools { .. }
        | Operation::ModifyCapacityReservation { .. }
        | Operation::ModifyListener { .. }
        | Operation::AddListenerCertificate { .. }
        | Operation::RemoveListenerCertificate { .. }
        | Operation::ModifyListenerAttributes { .. }
        | Operation::ModifyRule { .. }
        | Operation::SetRulePriorities { .. }
        | Operation::AddTags { .. }
        | Operation::TagRules { .. }
        | Operation::RemoveTags { .. }
        | Operation::Delete { .. } => modify(session, operation, secrets).await.map(|()| Output::default()),
    }
}

/// The operations that create nothing.
async fn modify(session: &Session, operation: &Operation, secrets: &Secrets<'_>) -> Result<(), CloudError> {
    match operation {
        Operation::Authorize { direction, group, rules, tags } => {
            session.authorize(*direction, group, rules, tags).await
        }
        Operation::Describe { direction, group, rules } => session.describe(*direction, group, rules).await,
        Operation::Revoke { direction, group, rules } => session.revoke(*direction, group, rules).await,
        Operation::ModifyTargetGroup { target_group, health_check } => {
            session.modify_target_group(target_group, health_check).await
        }
        Operation::ModifyTargetGroupAttributes { target_group, attributes } => {
            session.modify_target_group_attributes(target_group, attributes).await
        }
        Operation::RegisterTargets { target_group, targets } => session.register_targets(target_group, targets).await,
        Operation::DeregisterTargets { target_group, targets } => {
            session.deregister_targets(target_group, targets).await
        }
        Operation::ModifyLoadBalancerAttributes { load_balancer, attributes } => {
            session.modify_load_balancer_attributes(load_balancer, attributes).await
        }
        Operation::SetSecurityGroups { load_balancer, groups } => {
            session.set_security_groups(load_balancer, groups).await
        }
        Operation::SetSubnets { load_balancer, subnets } => session.set_subnets(load_balancer, subnets).await,
        Operation::SetIpAddressType { load_balancer, ip_address_type } => {
            session.set_ip_address_type(load_balancer, *ip_address_type).await
        }
        Operation::ModifyIpPools { load_balancer, ipam_pool } => {
            session.modify_ip_pools(load_balancer, ipam_pool).await
        }
        Operation::ModifyCapacityReservation { load_balancer, units } => {
            session.modify_capacity_reservation(load_balancer, *units).await
        }
        Operation::ModifyListener { listener, edit } => session.modify_listener(listener, edit, secrets).await,
        Operation::AddListenerCertificate { listener, certificate } => {
            session.add_listener_certificate(listener, certificate).await
        }
        Operation::RemoveListenerCertificate { listener, certificate } => {
            session.remove_listener_certificate(listener, certificate).await
        }
        Operation::ModifyListenerAttributes { listener, attributes } => {
            session.modify_listener_attributes(listener, attributes).await
        }
        Operation::ModifyRule { rule, when, action, authenticate, rewrite } => {
            let actions = (action.as_ref(), authenticate.as_ref());
            session.modify_rule(rule, when.as_ref(), actions, rewrite.as_ref(), secrets).await
        }
        Operation::SetRulePriorities { listener: _, priorities } => session.set_rule_priorities(priorities).await,
        Operation::AddTags { .. } | Operation::TagRules { .. } => add_tags(session, operation).await,
        Operation::RemoveTags { resource, kind, keys } => session.remove_tags(resource, *kind, keys).await,
        Operation::Delete { resource, kind } => session.delete(resource, *kind).await,
        Operation::CreateSecurityGroup { .. }
        | Operation::ImportCertificate { .. }
        | Operation::RequestCertificate { .. }
        | Operation::CreateTargetGroup { .. }
        | Operation::CreateLoadBalancer { .. }
        | Operation::CreateListener { .. }
        | Operation::CreateRule { .. } => Err(refused(operation.name(), "it creates something")),
    }
}

async fn add_tags(session: &Session, operation: &Operation) -> Result<(), CloudError> {
    if let Operation::TagRules { group: _, rules, tags } = operation {
        return session.create_tags(rules, tags).await;
    }
    let Operation::AddTags { resource, kind, tags } = operation else {
        return Err(refused(operation.name(), "it adds no tags"));
    };
    let id = arn("AddTags", resource)?;
    match *kind {
        Kind::Certificate => session.add_certificate_tags(&id, tags).await,
        Kind::SecurityGroup => session.create_tags(&[Id(id)].into(), tags).await,
        Kind::LoadBalancer | Kind::Listener | Kind::Rule | Kind::TargetGroup => session.add_tags(&id, tags).await,
        Kind::Target => Err(refused("AddTags", "targets have no tags")),
    }
}
