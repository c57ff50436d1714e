//! Target groups and targets: SDK shape ⇄ spec, and the calls for them.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{self as sdk, TargetGroupAttribute};

use super::budget::Category;
use super::call::Call;
use super::error::{incomplete, present};
use super::execute::arn;
use super::session::Session;
use super::tags;
use crate::cloud::{CloudError, CloudErrorKind, Output};
use crate::model::kind::{HealthCheck, Target, TargetGroup};
use crate::model::link::one_spelling;
use crate::model::value::{AddressFamily, CodeMatcher, Protocol, ProtocolVersion, TargetType};
use crate::model::{Anomaly, HealthState, Id, Link, TargetHealth};

const PAGE: i32 = 400;
/// gRPC codes end here; HTTP matchers begin at 200.
const LAST_GRPC_CODE: u16 = 99;

/// The spec, attributes and tags aside, and the load balancers that use the group; `None` without ARN or name.
pub(super) fn from_sdk(group: sdk::TargetGroup) -> Option<(Id, TargetGroup, Vec<Id>)> {
    let id = Id(group.target_group_arn?);
    let protocol = |p: sdk::ProtocolEnum| Protocol::from_aws(p.as_str());
    let number = |n: i32| u32::try_from(n).ok();
    let matcher = group.matcher.and_then(|m| m.http_code.or(m.grpc_code));
    let health_check = HealthCheck {
        enabled: group.health_check_enabled,
        protocol: group.health_check_protocol.and_then(protocol),
        port: group.health_check_port.and_then(|port| port.parse().ok()),
        path: group.health_check_path,
        interval: group.health_check_interval_seconds.and_then(number),
        timeout: group.health_check_timeout_seconds.and_then(number),
        healthy_threshold: group.healthy_threshold_count.and_then(number),
        unhealthy_threshold: group.unhealthy_threshold_count.and_then(number),
        success_codes: matcher.and_then(|codes| codes.parse::<CodeMatcher>().ok()),
    };
    let spec = TargetGroup {
        name: group.target_group_name?,
        target_type: group.target_type.and_then(|t| TargetType::from_aws(t.as_str())),
        protocol: group.protocol.and_then(protocol),
        protocol_version: group.protocol_version.and_then(|v| ProtocolVersion::from_aws(&v)),
        port: group.port.and_then(|port| u16::try_from(port).ok()),
        vpc: group.vpc_id.map(|vpc| Link::Id(Id(vpc))),
        ip_address_type: group.ip_address_type.and_then(|t| AddressFamily::from_aws(t.as_str())),
        target_control_port: group
            .target_control_port
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port > 0),
        health_check,
        attributes: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    Some((id, spec, group.load_balancer_arns.unwrap_or_default().into_iter().map(Id).collect()))
}

/// A registered target and its health; `None` for one that is leaving or not registered.
pub(super) fn target(group: &Id, found: sdk::TargetHealthDescription) -> Option<(Id, Target, TargetHealth)> {
    let health = found.target_health;
    let state = health.as_ref().and_then(|h| h.state.as_ref()).map(|s| s.as_str().to_owned());
    let reason = health.as_ref().and_then(|h| h.reason.as_ref()).map(|r| r.as_str().to_owned());
    if state.as_deref() == Some("draining") || reason.as_deref() == Some("Target.NotRegistered") {
        return None;
    }
    let registered = found.target?;
    let id = registered.id?;
    let is_function = id.starts_with("arn:");
    let port = registered.port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0 && !is_function);
    let key = Id::target(group, &id, port);
    let zone = registered.availability_zone.filter(|zone| !zone.is_empty());
    let spec = Target { target_group: Link::Id(group.clone()), id, port, zone };
    let state = state.and_then(|s| HealthState::from_aws(&s));
    let description = health.and_then(|h| h.description).filter(|text| !text.is_empty());
    let overridden = found.administrative_override.and_then(|o| o.state).map(|state| state.as_str().to_owned());
    let overridden = overridden.filter(|state| !matches!(state.as_str(), "no_override" | "unknown"));
    let anomaly = found.anomaly_detection.filter(|a| a.result == Some(sdk::AnomalyResultEnum::Anomalous));
    let anomaly = anomaly.map(|a| match a.mitigation_in_effect {
        Some(sdk::MitigationInEffectEnum::Yes) => Anomaly::Mitigated,
        _ => Anomaly::Found,
    });
    Some((key, spec, TargetHealth { state, reason, description, overridden, anomaly }))
}

/// The label of a target that is being deregistered.
fn leaving(found: &sdk::TargetHealthDescription) -> Option<String> {
    let state = found.target_health.as_ref()?.state.as_ref()?;
    let target = found.target.as_ref().filter(|_| state.as_str() == "draining")?;
    let port = target.port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    let id = one_spelling(target.id.as_deref()?);
    Some(port.map_or(id.to_string(), |port| format!("{id}:{port}")))
}

/// What a group says of its targets.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// The registered ones with their health.
    pub(super) targets: Vec<(Id, Target, TargetHealth)>,
    /// The labels of those that are being deregistered.
    pub(super) leaving: Vec<String>,
}

fn description(target: &Target) -> sdk::TargetDescription {
    let Target { target_group: _, id, port, zone } = target;
    sdk::TargetDescription::builder().id(id).set_port(port.map(i32::from)).set_availability_zone(zone.clone()).build()
}

/// Success codes; gRPC's are told by their range.
fn matcher(codes: &CodeMatcher) -> sdk::Matcher {
    let text = codes.to_string();
    let builder = sdk::Matcher::builder();
    let (_, highest) = codes.bounds();
    if highest <= LAST_GRPC_CODE { builder.grpc_code(text).build() } else { builder.http_code(text).build() }
}

fn int(value: Option<u32>) -> Option<i32> {
    value.and_then(|value| i32::try_from(value).ok())
}

impl Session {
    /// Every target group of the account.
    pub(super) async fn list_target_groups(&self) -> Result<Vec<sdk::TargetGroup>, CloudError> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let request = self.elb.describe_target_groups().page_size(PAGE).set_marker(marker.take());
            let page = self.calls.run(Call::elb("DescribeTargetGroups"), || request.clone().send()).await?;
            found.extend(present("DescribeTargetGroups", page.target_groups)?);
            marker = page.next_marker.filter(|next| !next.is_empty());
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    /// One target group, if it is there.
    pub(super) async fn target_group(&self, id: &Id) -> Result<Option<sdk::TargetGroup>, CloudError> {
        let request = self.elb.describe_target_groups().target_group_arns(id.as_str());
        match self.calls.run(Call::elb("DescribeTargetGroups"), || request.clone().send()).await {
            Ok(answer) => {
                let mut found = present("DescribeTargetGroups", answer.target_groups)?.into_iter();
                Ok(found.find(|group| group.target_group_arn.as_deref() == Some(id.as_str())))
            }
            Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The target group of this name, if it is there.
    pub(super) async fn target_group_named(&self, name: &str) -> Result<Option<Id>, CloudError> {
        let request = self.elb.describe_target_groups().names(name);
        let answer = match self.calls.run(Call::elb("DescribeTargetGroups"), || request.clone().send()).await {
            Err(error) if error.kind == CloudErrorKind::NotFound => return Ok(None),
            answer => answer?,
        };
        let found = present("DescribeTargetGroups", answer.target_groups)?;
        Ok(found.into_iter().find_map(|found| found.target_group_arn).map(Id))
    }

    /// Its attributes; unset ones are empty texts.
    pub(super) async fn target_group_attributes(&self, id: &Id) -> Result<BTreeMap<String, String>, CloudError> {
        let request = self.elb.describe_target_group_attributes().target_group_arn(id.as_str());
        let answer = self.calls.run(Call::elb("DescribeTargetGroupAttributes"), || request.clone().send()).await?;
        let entry = |a: TargetGroupAttribute| Some((a.key?, a.value.unwrap_or_default()));
        Ok(present("DescribeTargetGroupAttributes", answer.attributes)?.into_iter().filter_map(entry).collect())
    }

    /// Its registered targets and their health: the only list of registrations there is.
    pub(super) async fn target_health(&self, id: &Id) -> Result<Members, CloudError> {
        let anomalies = sdk::DescribeTargetHealthInputIncludeEnum::Anomaly;
        let request = self.elb.describe_target_health().target_group_arn(id.as_str()).include(anomalies);
        let answer = self.calls.run(Call::elb("DescribeTargetHealth"), || request.clone().send()).await?;
        let found = present("DescribeTargetHealth", answer.target_health_descriptions)?;
        let leaving = found.iter().filter_map(leaving).collect();
        Ok(Members { targets: found.into_iter().filter_map(|one| target(id, one)).collect(), leaving })
    }

    /// `CreateTargetGroup`.
    pub(super) async fn create_target_group(&self, spec: &TargetGroup) -> Result<Output, CloudError> {
        const CALL: Call = Call::elb_write("CreateTargetGroup");
        let TargetGroup {
            name,
            target_type,
            protocol,
            protocol_version,
            port,
            vpc,
            ip_address_type,
            target_control_port,
            health_check,
            attributes: _,
            tags,
        } = spec;
        // AWS refuses these for functions
        let is_function = *target_type == Some(TargetType::Lambda);
        let vpc = vpc.as_ref().filter(|_| !is_function).map(|vpc| arn(CALL.name, vpc)).transpose()?;
        let HealthCheck {
            enabled,
            protocol: check_protocol,
            port: check_port,
            path,
            interval,
            timeout,
            healthy_threshold,
            unhealthy_threshold,
            success_codes,
        } = health_check;
        let request = self
            .elb
            .create_target_group()
            .name(name)
            .set_target_type(target_type.map(|t| t.aws().into()))
            .set_protocol(protocol.filter(|_| !is_function).map(|p| p.aws().into()))
            .set_protocol_version(protocol_version.filter(|_| !is_function).map(|v| v.aws().to_owned()))
            .set_port(port.filter(|_| !is_function).map(i32::from))
            .set_vpc_id(vpc)
            .set_ip_address_type(ip_address_type.filter(|_| !is_function).map(|t| t.aws().into()))
            .set_target_control_port(target_control_port.filter(|_| !is_function).map(i32::from))
            .set_health_check_enabled(*enabled)
            .set_health_check_protocol(check_protocol.filter(|_| !is_function).map(|p| p.aws().into()))
            .set_health_check_port(check_port.filter(|_| !is_function).map(|p| p.to_string()))
            .set_health_check_path(path.clone())
            .set_health_check_interval_seconds(int(*interval))
            .set_health_check_timeout_seconds(int(*timeout))
            .set_healthy_threshold_count(int(*healthy_threshold))
            .set_unhealthy_threshold_count(int(*unhealthy_threshold))
            .set_matcher(success_codes.as_ref().map(matcher))
            .set_tags(tags::elb(tags));
        let answer = self.calls.run(CALL, || request.clone().send()).await?;
        let id = answer.target_groups.into_iter().flatten().find_map(|group| group.target_group_arn);
        Ok(Output { id: Some(Id(id.ok_or_else(|| incomplete(CALL.name, "target group"))?)), dns_name: None })
    }

    /// `ModifyTargetGroup`: the health check is all that can be modified.
    pub(super) async fn modify_target_group(&self, group: &Link, check: &HealthCheck) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("ModifyTargetGroup");
        let HealthCheck {
            enabled,
            protocol,
            port,
            path,
            interval,
            timeout,
            healthy_threshold,
            unhealthy_threshold,
            success_codes,
        } = check;
        let request = self
            .elb
            .modify_target_group()
            .target_group_arn(arn(CALL.name, group)?)
            .set_health_check_enabled(*enabled)
            .set_health_check_protocol(protocol.map(|p| p.aws().into()))
            .set_health_check_port(port.map(|p| p.to_string()))
            .set_health_check_path(path.clone())
            .set_health_check_interval_seconds(int(*interval))
            .set_health_check_timeout_seconds(int(*timeout))
            .set_healthy_threshold_count(int(*healthy_threshold))
            .set_unhealthy_threshold_count(int(*unhealthy_threshold))
            .set_matcher(success_codes.as_ref().map(matcher));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `ModifyTargetGroupAttributes`.
    pub(super) async fn modify_target_group_attributes(
        &self,
        group: &Link,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("ModifyTargetGroupAttributes");
        let one = |(key, value): (&String, &String)| TargetGroupAttribute::builder().key(key).value(value).build();
        let request = self
            .elb
            .modify_target_group_attributes()
            .target_group_arn(arn(CALL.name, group)?)
            .set_attributes(Some(attributes.iter().map(one).collect()));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `RegisterTargets`.
    pub(super) async fn register_targets(&self, group: &Link, targets: &[Target]) -> Result<(), CloudError> {
        const CALL: Call = Call::new("RegisterTargets", Category::ElbRegister);
        let request = self
            .elb
            .register_targets()
            .target_group_arn(arn(CALL.name, group)?)
            .set_targets(Some(targets.iter().map(description).collect()));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `DeregisterTargets`: id, port and zone as AWS has them, else it answers 200 and does nothing.
    /// AWS takes targets that are not registered; of those whose instance is gone it may say `InvalidTarget`, and then
    /// deregisters none of the call: each goes by itself.
    pub(super) async fn deregister_targets(&self, group: &Link, targets: &[Target]) -> Result<(), CloudError> {
        let is_gone = |error: &CloudError| error.code.as_deref() == Some("InvalidTarget");
        let mut result = self.deregister_together(group, targets).await;
        if targets.len() > 1 && result.as_ref().is_err_and(is_gone) {
            for target in targets {
                match self.deregister_together(group, std::slice::from_ref(target)).await {
                    Err(error) if !is_gone(&error) => return Err(error),
                    Ok(()) => result = Ok(()),
                    Err(_) => {}
                }
            }
        }
        result.map_err(|error| match is_gone(&error) {
            true => CloudError { kind: CloudErrorKind::NotFound, ..error },
            false => error,
        })
    }

    async fn deregister_together(&self, group: &Link, targets: &[Target]) -> Result<(), CloudError> {
        const CALL: Call = Call::new("DeregisterTargets", Category::ElbRegister);
        let request = self
            .elb
            .deregister_targets()
            .target_group_arn(arn(CALL.name, group)?)
            .set_targets(Some(targets.iter().map(description).collect()));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::value::CheckPort;

    #[test]
    fn a_group_is_read_with_every_field_that_aws_says() {
        let group = sdk::TargetGroup::builder()
            .target_group_arn("arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/django/1")
            .target_group_name("django")
            .protocol(sdk::ProtocolEnum::Http)
            .protocol_version("HTTP1")
            .port(8000)
            .vpc_id("vpc-1")
            .target_type(sdk::TargetTypeEnum::Ip)
            .ip_address_type(sdk::TargetGroupIpAddressTypeEnum::Ipv4)
            .health_check_enabled(true)
            .health_check_protocol(sdk::ProtocolEnum::Http)
            .health_check_port("traffic-port")
            .health_check_path("/health")
            .health_check_interval_seconds(15)
            .health_check_timeout_seconds(5)
            .healthy_threshold_count(2)
            .unhealthy_threshold_count(3)
            .matcher(matcher(&"200,204".parse().unwrap()))
            .build();
        let (_, spec, users) = from_sdk(group).unwrap();
        assert_eq!((spec.protocol, spec.port), (Some(Protocol::Http), Some(8000)));
        assert_eq!(spec.health_check.port, Some(CheckPort::Traffic));
        assert_eq!(spec.health_check.success_codes, "204,200".parse().ok());
        assert_eq!((spec.health_check.interval, spec.health_check.timeout), (Some(15), Some(5)));
        assert!(users.is_empty());
    }

    #[test]
    fn grpc_codes_are_told_from_http_codes() {
        assert_eq!(matcher(&"12".parse().unwrap()).grpc_code.as_deref(), Some("12"));
        assert_eq!(matcher(&"200-299".parse().unwrap()).http_code.as_deref(), Some("200-299"));
    }

    #[test]
    fn one_address_is_one_target_however_it_is_spelled() {
        let group = Id("g".into());
        let spelled = |id: &str| {
            let registered = sdk::TargetDescription::builder().id(id).port(80).build();
            let health = |state: &str| sdk::TargetHealth::builder().state(state.into()).build();
            let found = |state: &str| {
                let found = sdk::TargetHealthDescription::builder().target(registered.clone());
                found.target_health(health(state)).build()
            };
            let (key, spec, _) = target(&group, found("healthy")).unwrap();
            (key, spec.label(), leaving(&found("draining")), description(&spec).id)
        };
        let (long, short) = (spelled("2001:0DB8:0::10"), spelled("2001:db8::10"));
        assert_eq!((&long.0, &long.1, &long.2), (&short.0, &short.1, &short.2));
        assert_eq!(long.1, "2001:db8::10:80");
        assert_eq!(long.3.as_deref(), Some("2001:0DB8:0::10"), "AWS gets its own spelling back");
    }

    #[test]
    fn leaving_targets_are_no_targets() {
        let group = Id("g".into());
        let found = |state: &str, reason: Option<&str>| {
            let health = sdk::TargetHealth::builder().state(state.into()).set_reason(reason.map(Into::into)).build();
            let one =
                Target { target_group: Link::Id(group.clone()), id: "10.0.0.1".into(), port: Some(80), zone: None };
            let one = sdk::TargetHealthDescription::builder().target(description(&one)).target_health(health).build();
            target(&group, one)
        };
        assert!(found("draining", Some("Target.DeregistrationInProgress")).is_none());
        assert!(found("unused", Some("Target.NotRegistered")).is_none());
        let (id, spec, health) = found("unused", Some("Target.NotInUse")).unwrap();
        assert_eq!((id.as_str(), spec.port), ("g|10.0.0.1:80", Some(80)));
        assert_eq!(health.state, Some(HealthState::Unused));
    }
}
