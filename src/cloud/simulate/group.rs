//! What operations on target groups, certificates and security groups do.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{CertificateFacts, Facts, GroupRule, Live, Operation, Output, Snapshot};
use super::{Refusal, association, create, existing};
use crate::model::attribute::{Applies, TARGET_GROUP};
use crate::model::kind::{Certificate, Direction, HealthCheck, SecurityGroup, Target, TargetGroup, TrafficRule};
use crate::model::tag::ID_TAG;
use crate::model::value::{AddressFamily, CheckPort, Protocol, ProtocolVersion, TargetType};
use crate::model::{HealthState, Id, Link, Spec, TargetHealth};

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the other half of the operations elsewhere")]
pub(super) fn effect(snapshot: &mut Snapshot, operation: &Operation, output: &Output) -> Result<(), Refusal> {
    match operation {
        Operation::CreateSecurityGroup { spec } => create_security_group(snapshot, spec, output),
        Operation::Authorize { direction, group, rules, tags } => {
            authorize(snapshot, *direction, group, rules)?;
            let id = group.to_string();
            let facts = &mut existing(snapshot, group)?.facts;
            rules.iter().for_each(|rule| facts.has_rule(known(&id, *direction, rule, stack_of(tags))));
            Ok(())
        }
        Operation::TagRules { group, rules, tags } => {
            tag_rules(existing(snapshot, group)?, rules, stack_of(tags));
            Ok(())
        }
        Operation::Describe { direction, group, rules } => describe(snapshot, *direction, group, rules),
        Operation::Revoke { direction, group, rules } => revoke(snapshot, *direction, group, rules),
        Operation::ImportCertificate { certificate: Some(link), spec } => renew(snapshot, link, spec),
        Operation::ImportCertificate { certificate: None, spec } => {
            let facts =
                CertificateFacts { status: "ISSUED".into(), origin: Some("IMPORTED".into()), ..Default::default() };
            let spec = Certificate { origin: None, ..spec.clone() };
            create(snapshot, output, spec, Facts::Certificate(facts));
            Ok(())
        }
        Operation::RequestCertificate { spec, besides: _ } => {
            let status = "PENDING_VALIDATION".into();
            let facts = CertificateFacts { status, origin: Some("AMAZON_ISSUED".into()), ..Default::default() };
            let spec = Certificate { origin: None, ..spec.clone() };
            create(snapshot, output, spec, Facts::Certificate(facts));
            Ok(())
        }
        Operation::CreateTargetGroup { spec } => create_target_group(snapshot, spec, output),
        Operation::ModifyTargetGroup { target_group, health_check } => {
            let group = target_group_mut(snapshot, target_group)?;
            let changed = health_check.clone().over(&group.health_check);
            check_times(&changed, group.target_type)?;
            group.health_check = changed;
            Ok(())
        }
        Operation::ModifyTargetGroupAttributes { target_group, attributes } => {
            target_group_mut(snapshot, target_group)?.attributes.extend(attributes.clone());
            Ok(())
        }
        Operation::RegisterTargets { target_group, targets } => register(snapshot, target_group, targets),
        Operation::DeregisterTargets { target_group, targets } => {
            target_group_mut(snapshot, target_group)?;
            deregister(snapshot, target_group, targets);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn target_group_mut<'s>(snapshot: &'s mut Snapshot, link: &Link) -> Result<&'s mut TargetGroup, Refusal> {
    let Spec::TargetGroup(group) = &mut existing(snapshot, link)?.spec else { return Err(Refusal::not_found(link)) };
    Ok(group)
}

fn renew(snapshot: &mut Snapshot, link: &Link, spec: &Certificate) -> Result<(), Refusal> {
    let live = existing(snapshot, link)?;
    if !matches!(&live.facts, Facts::Certificate(facts) if facts.is_imported()) {
        let message = format!("{link} was not imported: its material cannot be replaced");
        return Err(Refusal::new("ValidationException", message, "API (ACM): ImportCertificate.CertificateArn"));
    }
    if let Spec::Certificate(certificate) = &mut live.spec {
        certificate.serial.clone_from(&spec.serial);
    }
    // one that had expired is valid again: AWS takes none that is not
    if let Facts::Certificate(facts) = &mut live.facts {
        facts.status = "ISSUED".into();
    }
    Ok(())
}

fn create_security_group(snapshot: &mut Snapshot, spec: &SecurityGroup, output: &Output) -> Result<(), Refusal> {
    let taken = snapshot.security_groups().any(|(_, g)| g.vpc == spec.vpc && g.name.eq_ignore_ascii_case(&spec.name));
    if taken {
        let message = format!("the VPC has a security group named {} already", spec.name);
        return Err(Refusal::new("InvalidGroup.Duplicate", message, "API (EC2): CreateSecurityGroup"));
    }
    let egress = snapshot.egress_of_new(spec.vpc.as_ref());
    let id = output.id.as_ref().map(ToString::to_string).unwrap_or_default();
    let rules = egress.iter().map(|rule| known(&id, Direction::Egress, rule, None)).collect();
    let spec = SecurityGroup { ingress: Some(Vec::new()), egress: Some(egress), ..spec.clone() };
    create(snapshot, output, spec, Facts::SecurityGroup { rules });
    Ok(())
}

fn authorize(
    snapshot: &mut Snapshot,
    direction: Direction,
    group: &Link,
    rules: &[TrafficRule],
) -> Result<(), Refusal> {
    let Spec::SecurityGroup(live) = &mut existing(snapshot, group)?.spec else {
        return Err(Refusal::not_found(group));
    };
    let have = live.rules_mut(direction).get_or_insert_with(Vec::new);
    for rule in rules {
        if have.iter().any(|have| have.same_traffic(rule)) {
            let message = format!("the rule {rule} exists already");
            return Err(Refusal::new(
                "InvalidPermission.Duplicate",
                message,
                "API (EC2): AuthorizeSecurityGroupIngress, AuthorizeSecurityGroupEgress",
            ));
        }
        have.push(rule.clone());
    }
    Ok(())
}

fn describe(snapshot: &mut Snapshot, direction: Direction, group: &Link, rules: &[TrafficRule]) -> Result<(), Refusal> {
    let Spec::SecurityGroup(live) = &mut existing(snapshot, group)?.spec else {
        return Err(Refusal::not_found(group));
    };
    for rule in rules {
        let found = live.rules_mut(direction).iter_mut().flatten().find(|have| have.same_traffic(rule));
        let Some(found) = found else {
            let page = "API (EC2): UpdateSecurityGroupRuleDescriptionsIngress";
            return Err(Refusal::new("InvalidPermission.NotFound", format!("there is no rule {rule}"), page));
        };
        found.description.clone_from(&rule.description);
    }
    Ok(())
}

/// The stack that tags name.
fn stack_of(tags: &BTreeMap<String, String>) -> Option<String> {
    Some(tags.get(ID_TAG)?.split_once(':')?.0.to_owned())
}

/// A rule as a thing of its own, under a made-up id.
fn known(group: &str, direction: Direction, rule: &TrafficRule, stack: Option<String>) -> GroupRule {
    let made_up = format!("{group}-{}-{rule}", direction.key());
    let made_up: String = made_up.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    GroupRule { id: Id(format!("sgr-{made_up}")), stack, direction, rule: rule.clone() }
}

/// Gives rules of a security group to a stack, or to nobody.
pub(super) fn tag_rules(live: &mut Live, ids: &BTreeSet<Id>, stack: Option<String>) {
    if let Facts::SecurityGroup { rules } = &mut live.facts {
        rules.iter_mut().filter(|rule| ids.contains(&rule.id)).for_each(|rule| rule.stack.clone_from(&stack));
    }
}

fn revoke(snapshot: &mut Snapshot, direction: Direction, group: &Link, rules: &[TrafficRule]) -> Result<(), Refusal> {
    let Spec::SecurityGroup(live) = &mut existing(snapshot, group)?.spec else {
        return Err(Refusal::not_found(group));
    };
    let have = live.rules_mut(direction).get_or_insert_with(Vec::new);
    for rule in rules {
        let Some(at) = have.iter().position(|have| have.same_traffic(rule)) else {
            let page = "API (EC2): RevokeSecurityGroupIngress, RevokeSecurityGroupEgress";
            return Err(Refusal::new("InvalidPermission.NotFound", format!("there is no rule {rule}"), page));
        };
        have.remove(at);
    }
    if let Facts::SecurityGroup { rules: known } = &mut existing(snapshot, group)?.facts {
        known.retain(|known| known.direction != direction || !rules.iter().any(|rule| rule.same_traffic(&known.rule)));
    }
    Ok(())
}

fn create_target_group(snapshot: &mut Snapshot, spec: &TargetGroup, output: &Output) -> Result<(), Refusal> {
    let spec = with_defaults(spec.clone());
    check_times(&spec.health_check, spec.target_type)?;
    if snapshot.target_groups().any(|(_, g)| g.name.eq_ignore_ascii_case(&spec.name)) {
        let message = format!("a target group named {} exists already", spec.name);
        return Err(Refusal::new("DuplicateTargetGroupName", message, "API: CreateTargetGroup"));
    }
    create(snapshot, output, spec, Facts::TargetGroup { load_balancers: Vec::new() });
    Ok(())
}

/// AWS refuses a check whose timeout is not shorter than its interval; that of a function may be as long.
fn check_times(check: &HealthCheck, target_type: Option<TargetType>) -> Result<(), Refusal> {
    let longest = u32::from(target_type == Some(TargetType::Lambda));
    match (check.timeout, check.interval) {
        (Some(timeout), Some(interval)) if timeout >= interval + longest => {
            let message = format!("health check timeout '{timeout}' must be smaller than the interval '{interval}'");
            Err(Refusal::new("ValidationError", message, "API: CreateTargetGroup, ModifyTargetGroup"))
        }
        _ => Ok(()),
    }
}

/// What AWS fills in (API: `CreateTargetGroup`; user guide "Target groups").
fn with_defaults(spec: TargetGroup) -> TargetGroup {
    let kind = spec.target_type.unwrap_or(TargetType::Instance);
    let lambda = kind == TargetType::Lambda;
    let grpc = spec.protocol_version == Some(ProtocolVersion::Grpc);
    let check = HealthCheck {
        enabled: Some(!lambda),
        protocol: (!lambda).then_some(Protocol::Http),
        port: (!lambda).then_some(CheckPort::Traffic),
        path: Some(if grpc { "/AWS.ALB/healthcheck" } else { "/" }.to_owned()),
        interval: Some(if lambda { 35 } else { 30 }),
        timeout: Some(if lambda { 30 } else { 5 }),
        healthy_threshold: Some(5),
        unhealthy_threshold: Some(2),
        success_codes: if grpc { "12" } else { "200" }.parse().ok(),
    };
    let applies = |applies: Applies| match applies {
        Applies::All => true,
        Applies::InstanceOrIp => !lambda,
        Applies::Lambda => lambda,
        Applies::HttpsListener | Applies::Fixed => false,
    };
    let defaults = TARGET_GROUP.iter().filter(|a| applies(a.applies));
    let mut attributes: BTreeMap<_, _> =
        defaults.filter_map(|a| a.default.map(|value| (a.key.to_owned(), value.to_owned()))).collect();
    attributes.extend(spec.attributes);
    TargetGroup {
        target_type: Some(kind),
        protocol_version: spec.protocol_version.or((!lambda).then_some(ProtocolVersion::Http1)),
        ip_address_type: spec.ip_address_type.or((!lambda).then_some(AddressFamily::Ipv4)),
        health_check: spec.health_check.over(&check),
        attributes,
        ..spec
    }
}

fn register(snapshot: &mut Snapshot, group: &Link, targets: &[Target]) -> Result<(), Refusal> {
    target_group_mut(snapshot, group)?;
    let Some(group_id) = group.id().cloned() else { return Err(Refusal::not_found(group)) };
    for target in targets {
        let id = Id::target(&group_id, &target.id, target.port);
        let health = TargetHealth {
            state: Some(HealthState::Initial),
            reason: Some("Elb.RegistrationInProgress".to_owned()),
            ..TargetHealth::default()
        };
        let spec = Target { target_group: Link::Id(group_id.clone()), ..target.clone() };
        // one that drains may come back
        snapshot.leaving.entry(group_id.clone()).or_default().retain(|label| *label != spec.label());
        snapshot.insert(id, spec, Facts::Target(health));
    }
    snapshot.leaving.retain(|_, labels| !labels.is_empty());
    Ok(())
}

/// Targets of a group that is in use drain for a while; those of others are gone at once (user guide "Target groups",
/// deregistration delay).
fn deregister(snapshot: &mut Snapshot, group: &Link, targets: &[Target]) {
    let Some(id) = group.id().cloned() else { return };
    let is_used = association::is_used(snapshot, group);
    for target in targets {
        let was = snapshot.found.remove(&Id::target(&id, &target.id, target.port));
        if was.is_some() && is_used {
            snapshot.leaving.entry(id.clone()).or_default().push(target.label());
        }
    }
}
