//! Reading one resource again, with the fewest calls: just before it is written, and while waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::error::refused;
use super::session::Session;
use super::{certificate, listener, load_balancer, network, rule, security_group, target_group};
use crate::cloud::{CloudError, CloudErrorKind, Facts, Snapshot};
use crate::model::value::Protocol;
use crate::model::{Id, Kind, Spec};

/// How long what was just created may be unknown to AWS.
const UNSEEN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);

/// Reads one resource; the snapshot is empty if it is gone.
pub(super) async fn reread(session: &Arc<Session>, kind: Kind, id: &Id) -> Result<Snapshot, CloudError> {
    let start = Instant::now();
    loop {
        let snapshot = match kind {
            Kind::LoadBalancer => load_balancer(session, id).await,
            Kind::TargetGroup => target_group(session, id).await,
            Kind::Target => target(session, id).await,
            Kind::Listener => listener(session, id).await,
            Kind::Rule => rule(session, id).await,
            Kind::Certificate => certificate(session, id).await,
            Kind::SecurityGroup => security_group(session, id).await,
        };
        let snapshot = match snapshot {
            // it went away between two calls
            Err(error) if error.kind == CloudErrorKind::NotFound => Snapshot::default(),
            other => other?,
        };
        if snapshot.found.is_empty() && session.is_fresh(id) && start.elapsed() < UNSEEN {
            session.wait(PAUSE, refused("read", format!("AWS does not show {} yet", id.short()))).await?;
        } else {
            return Ok(snapshot);
        }
    }
}

/// What has the name or the place of a new resource already, if its kind has one that AWS does not guard.
pub(super) async fn taken(session: &Session, spec: &Spec) -> Result<Option<Id>, CloudError> {
    match spec {
        Spec::LoadBalancer(spec) => session.load_balancer_named(&spec.name).await,
        Spec::TargetGroup(spec) => session.target_group_named(&spec.name).await,
        Spec::Listener(spec) => match spec.load_balancer.id() {
            Some(balancer) => session.listener_on(balancer, spec.port).await,
            None => Ok(None),
        },
        Spec::SecurityGroup(_) | Spec::Certificate(_) | Spec::Target(_) | Spec::Rule(_) => Ok(None),
    }
}

async fn load_balancer(session: &Session, id: &Id) -> Result<Snapshot, CloudError> {
    let mut snapshot = Snapshot::default();
    if let Some((id, mut spec, facts)) = session.load_balancer(id).await?.and_then(load_balancer::from_sdk) {
        (spec.attributes, spec.tags) =
            tokio::try_join!(session.load_balancer_attributes(&id), session.tags_of_one(&id))?;
        if session.watches_capacity(&id) {
            spec.minimum_capacity = Some(session.capacity(&id).await?.0);
        }
        snapshot.insert(id, spec, Facts::LoadBalancer(facts));
    } else {
        // gone, but its network interfaces keep its security groups in use for minutes
        snapshot.interfaces = Some(session.interfaces_of_balancer(id).await?);
    }
    Ok(snapshot)
}

async fn target_group(session: &Session, id: &Id) -> Result<Snapshot, CloudError> {
    let mut snapshot = Snapshot::default();
    if let Some((group, mut spec, load_balancers)) = session.target_group(id).await?.and_then(target_group::from_sdk) {
        let (attributes, tags, targets) = tokio::try_join!(
            session.target_group_attributes(&group),
            session.tags_of_one(&group),
            session.target_health(&group),
        )?;
        (spec.attributes, spec.tags) = (attributes, tags);
        snapshot.insert(group.clone(), spec, Facts::TargetGroup { load_balancers });
        for (target, spec, health) in targets.targets {
            snapshot.insert(target, spec, Facts::Target(health));
        }
        if !targets.leaving.is_empty() {
            snapshot.leaving.insert(group, targets.leaving);
        }
    }
    Ok(snapshot)
}

async fn target(session: &Session, id: &Id) -> Result<Snapshot, CloudError> {
    let mut snapshot = Snapshot::default();
    // registrations are written to a group: its id stands for all of its targets
    let Some((group, _)) = id.as_str().split_once('|') else { return target_group(session, id).await };
    let targets = session.target_health(&Id(group.to_owned())).await?;
    if let Some((id, spec, health)) = targets.targets.into_iter().find(|(found, _, _)| found == id) {
        snapshot.insert(id, spec, Facts::Target(health));
    }
    Ok(snapshot)
}

async fn listener(session: &Session, id: &Id) -> Result<Snapshot, CloudError> {
    let mut snapshot = Snapshot::default();
    let Some(parent) = listener::load_balancer_of(id) else { return Ok(snapshot) };
    let found = session.listener(id).await?;
    if let Some((id, mut spec, facts)) = found.and_then(|found| listener::from_sdk(&parent, found)) {
        (spec.attributes, spec.tags) = tokio::try_join!(session.listener_attributes(&id), session.tags_of_one(&id))?;
        if spec.protocol == Some(Protocol::Https) {
            spec.sni_certificates = match session.sni_certificates_of(&id).await {
                // the plan did not see them either
                Err(error) if error.kind == CloudErrorKind::Denied => None,
                read => Some(read?),
            };
        }
        snapshot.insert(id, spec, Facts::Listener(facts));
    }
    Ok(snapshot)
}

async fn rule(session: &Session, id: &Id) -> Result<Snapshot, CloudError> {
    let mut snapshot = Snapshot::default();
    let Some(parent) = rule::listener_of(id) else { return Ok(snapshot) };
    if let Some((id, mut spec)) = session.rule(id).await?.and_then(|found| rule::from_sdk(&parent, found)) {
        spec.tags = session.tags_of_one(&id).await?;
        snapshot.insert(id, spec, Facts::None);
    }
    Ok(snapshot)
}

async fn certificate(session: &Session, id: &Id) -> Result<Snapshot, CloudError> {
    let mut snapshot = Snapshot::default();
    if let Some((id, mut spec, facts)) = session.certificate(id).await?.and_then(certificate::from_sdk) {
        spec.tags = session.certificate_tags(&id).await?;
        snapshot.insert(id, spec, Facts::Certificate(facts));
    }
    Ok(snapshot)
}

async fn security_group(session: &Session, id: &Id) -> Result<Snapshot, CloudError> {
    let mut snapshot = Snapshot::default();
    let filter = network::filter("group-id", [id.0.clone()]);
    for found in session.security_groups(Some(filter)).await? {
        if let Some((id, spec)) = security_group::from_sdk(found) {
            snapshot.insert(id, spec, Facts::None);
        }
    }
    Ok(snapshot)
}
