//! Target groups and their targets: the specs, their differences, what cannot be edited.
//!
//! Source: API `CreateTargetGroup`, `ModifyTargetGroup` (which takes health-check fields only),
//! `ModifyTargetGroupAttributes`, `RegisterTargets`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::or;
use crate::model::attribute::TARGET_GROUP;
use crate::model::link::one_spelling;
use crate::model::value::{AddressFamily, CheckPort, CodeMatcher, Protocol, ProtocolVersion, TargetType};
use crate::model::{Comparer, FieldChange, Link, Undeclared, UndeclaredFields};

/// A target group, desired or live. A `None` field is undeclared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// The name on AWS: its identity.
    pub name: String,
    /// What the targets are; cannot be edited.
    pub target_type: Option<TargetType>,
    /// What the load balancer speaks to the targets; cannot be edited.
    pub protocol: Option<Protocol>,
    /// Which HTTP version it speaks; cannot be edited.
    pub protocol_version: Option<ProtocolVersion>,
    /// The port of targets that name none; cannot be edited.
    pub port: Option<u16>,
    /// The VPC; cannot be edited.
    pub vpc: Option<Link>,
    /// The targets' address family; cannot be edited.
    pub ip_address_type: Option<AddressFamily>,
    /// The port at which agents beside the targets say how much they take (target optimizer); cannot be edited.
    #[serde(default)]
    pub target_control_port: Option<u16>,
    /// The health check.
    pub health_check: HealthCheck,
    /// Attributes by AWS's key; shorthands were turned into keys.
    pub attributes: BTreeMap<String, String>,
    /// Tags; ours are added when written.
    pub tags: BTreeMap<String, String>,
}

/// A target group's health check. A `None` field is undeclared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Whether targets are checked; only Lambda groups can turn it off.
    pub enabled: Option<bool>,
    /// The check's protocol; unlike the group's own it can be edited.
    pub protocol: Option<Protocol>,
    /// The check's port.
    pub port: Option<CheckPort>,
    /// The path that is asked for.
    pub path: Option<String>,
    /// Seconds between checks, 5–300.
    pub interval: Option<u32>,
    /// Seconds until a check has failed, 2–120.
    pub timeout: Option<u32>,
    /// Passes in a row after which an unhealthy target is healthy, 2–10.
    pub healthy_threshold: Option<u32>,
    /// Failures in a row after which a healthy target is unhealthy, 2–10.
    pub unhealthy_threshold: Option<u32>,
    /// The codes that count as success.
    pub success_codes: Option<CodeMatcher>,
}

/// What a change of a health check may do to healthy targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckChange {
    /// Who passes now, passes then.
    Harmless,
    /// Who passes now, may fail then.
    Risky,
}

impl HealthCheck {
    fn compare(live: &Self, want: &Self, c: &mut Comparer) {
        let Self {
            enabled,
            protocol,
            port,
            path,
            interval,
            timeout,
            healthy_threshold,
            unhealthy_threshold,
            success_codes,
        } = want;
        c.in_place("health_check.enabled", &live.enabled, enabled);
        c.in_place("health_check.protocol", &live.protocol, protocol);
        c.in_place("health_check.port", &live.port, port);
        c.in_place("health_check.path", &live.path, path);
        c.in_place("health_check.interval", &live.interval, interval);
        c.in_place("health_check.timeout", &live.timeout, timeout);
        c.in_place("health_check.healthy_threshold", &live.healthy_threshold, healthy_threshold);
        c.in_place("health_check.unhealthy_threshold", &live.unhealthy_threshold, unhealthy_threshold);
        c.in_place("health_check.success_codes", &live.success_codes, success_codes);
    }

    /// Defaults of ALB target groups of instances or addresses; the timeout is left out, because
    /// AWS's own pages disagree on it (5, 6 or 10 s).
    fn undeclared(live: &Self, want: &Self, u: &mut UndeclaredFields) {
        let Self {
            enabled,
            protocol,
            port,
            path,
            interval,
            timeout: _,
            healthy_threshold,
            unhealthy_threshold,
            success_codes,
        } = want;
        u.field("health_check.enabled", &live.enabled, enabled, Some(true));
        u.field("health_check.protocol", &live.protocol, protocol, Some(Protocol::Http));
        u.field("health_check.port", &live.port, port, Some(CheckPort::Traffic));
        u.field("health_check.path", &live.path, path, Some("/".to_owned()));
        u.field("health_check.interval", &live.interval, interval, Some(30));
        u.field("health_check.healthy_threshold", &live.healthy_threshold, healthy_threshold, Some(5));
        u.field("health_check.unhealthy_threshold", &live.unhealthy_threshold, unhealthy_threshold, Some(2));
        u.field("health_check.success_codes", &live.success_codes, success_codes, "200".parse().ok());
    }

    /// Whether targets that pass this check may fail the next one.
    pub fn change_to(&self, next: &Self) -> CheckChange {
        let Self {
            enabled,
            protocol,
            port,
            path,
            timeout,
            success_codes,
            interval: _,
            healthy_threshold: _,
            unhealthy_threshold: _,
        } = next;
        let wider = match (&self.success_codes, success_codes) {
            (Some(now), Some(next)) => next.covers(now),
            (_, None) => true,
            (None, Some(_)) => false,
        };
        let asks_the_same =
            self.protocol == *protocol && self.port == *port && self.path == *path && self.enabled == *enabled;
        let as_patient = self.timeout.is_none_or(|now| timeout.is_none_or(|next| next >= now));
        if asks_the_same && as_patient && wider { CheckChange::Harmless } else { CheckChange::Risky }
    }

    /// Declared over live.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        let Self {
            enabled,
            protocol,
            port,
            path,
            interval,
            timeout,
            healthy_threshold,
            unhealthy_threshold,
            success_codes,
        } = self;
        Self {
            enabled: enabled.or(live.enabled),
            protocol: protocol.or(live.protocol),
            port: port.or(live.port),
            path: or(path, &live.path),
            interval: interval.or(live.interval),
            timeout: timeout.or(live.timeout),
            healthy_threshold: healthy_threshold.or(live.healthy_threshold),
            unhealthy_threshold: unhealthy_threshold.or(live.unhealthy_threshold),
            success_codes: or(success_codes, &live.success_codes),
        }
    }
}

/// How many hexadecimal digits follow the name of a group that replaced another one.
const SUCCESSOR_DIGITS: usize = 8;
/// The longest name of a target group (API: `CreateTargetGroup.Name`).
const LONGEST_NAME: usize = 32;

/// What a successor's name keeps of a name.
fn stem(name: &str) -> &str {
    let end = name.char_indices().nth(LONGEST_NAME - SUCCESSOR_DIGITS - 1).map_or(name.len(), |(at, _)| at);
    name[..end].trim_end_matches('-')
}

impl TargetGroup {
    /// The name on AWS of a group that takes the place of the one of this name; `digits` tell what is different.
    pub fn successor_name(name: &str, digits: &str) -> String {
        let digits: String = digits.chars().take(SUCCESSOR_DIGITS).collect();
        format!("{}-{digits}", stem(name))
    }
    /// Whether a group of this name may be a successor of the one that is declared as `name`.
    pub fn may_succeed(name: &str, candidate: &str) -> bool {
        let digits = candidate.strip_prefix(stem(name)).and_then(|rest| rest.strip_prefix('-'));
        digits.is_some_and(|d| d.len() == SUCCESSOR_DIGITS && d.bytes().all(|b| b.is_ascii_hexdigit()))
    }
    /// The fields that differ.
    pub fn compare(live: &Self, want: &Self) -> Vec<FieldChange> {
        let Self {
            name: _,
            target_type,
            protocol,
            protocol_version,
            port,
            vpc,
            ip_address_type,
            target_control_port,
            health_check,
            attributes,
            tags,
        } = want;
        let mut c = Comparer::default();
        c.replace("target_type", &live.target_type, target_type);
        c.replace("protocol", &live.protocol, protocol);
        c.replace("protocol_version", &live.protocol_version, protocol_version);
        c.replace("port", &live.port, port);
        c.replace("vpc", &live.vpc.as_ref().map(Link::to_string), &vpc.as_ref().map(Link::to_string));
        c.replace("ip_address_type", &live.ip_address_type, ip_address_type);
        c.replace("target_control_port", &live.target_control_port, target_control_port);
        HealthCheck::compare(&live.health_check, health_check, &mut c);
        c.attributes(TARGET_GROUP, &live.attributes, attributes);
        c.tags(&live.tags, tags);
        c.finish()
    }

    /// Live settings that the files do not mention and that are not AWS's default.
    pub fn undeclared(live: &Self, want: &Self) -> Vec<Undeclared> {
        let Self {
            name: _,
            target_type: _,
            protocol: _,
            protocol_version,
            port: _,
            vpc: _,
            ip_address_type,
            target_control_port,
            health_check,
            attributes,
            tags: _,
        } = want;
        let mut u = UndeclaredFields::default();
        u.field("protocol_version", &live.protocol_version, protocol_version, Some(ProtocolVersion::Http1));
        u.field("ip_address_type", &live.ip_address_type, ip_address_type, Some(AddressFamily::Ipv4));
        u.field("target_control_port", &live.target_control_port, target_control_port, None);
        if live.target_type != Some(TargetType::Lambda) {
            HealthCheck::undeclared(&live.health_check, health_check, &mut u);
        }
        u.attributes(TARGET_GROUP, &live.attributes, attributes);
        u.finish()
    }

    /// Declared over live: what is in effect once the declared fields are applied.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        let Self {
            name,
            target_type,
            protocol,
            protocol_version,
            port,
            vpc,
            ip_address_type,
            target_control_port,
            health_check,
            attributes,
            tags,
        } = self;
        Self {
            name,
            target_type: target_type.or(live.target_type),
            protocol: protocol.or(live.protocol),
            protocol_version: protocol_version.or(live.protocol_version),
            port: port.or(live.port),
            vpc: or(vpc, &live.vpc),
            ip_address_type: ip_address_type.or(live.ip_address_type),
            target_control_port: target_control_port.or(live.target_control_port),
            health_check: health_check.over(&live.health_check),
            attributes: super::merged(&live.attributes, attributes),
            tags: super::merged(&live.tags, tags),
        }
    }

    /// The same spec with every link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        Self { vpc: self.vpc.map(f), ..self }
    }
}

/// One registered target of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The group it is registered with.
    pub target_group: Link,
    /// Instance id, address, or function ARN.
    pub id: String,
    /// The port that receives traffic; `None` for Lambda functions only.
    pub port: Option<u16>,
    /// Zone, or `all` for addresses outside the VPC; `None` is undeclared.
    pub zone: Option<String>,
}

impl Target {
    /// The target as its address ends: `id:port`, or the id alone.
    pub fn label(&self) -> String {
        let id = one_spelling(&self.id);
        match self.port {
            Some(port) => format!("{id}:{port}"),
            None => id.into_owned(),
        }
    }
    /// The fields that differ; a target's group, id and port are its identity.
    pub fn compare(live: &Self, want: &Self) -> Vec<FieldChange> {
        let Self { target_group: _, id: _, port: _, zone } = want;
        let mut c = Comparer::default();
        c.in_place("zone", &live.zone, zone);
        c.finish()
    }
    /// Declared over live.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        Self { zone: or(self.zone, &live.zone), ..self }
    }
    /// The same spec with every link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        Self { target_group: f(self.target_group), ..self }
    }
}
