//! Operations: the closed set of effects on AWS, as data. One API call each.
//!
//! An operation carries full values from planning time. The only late value is [`Link::Step`]: the id
//! of something that an earlier step of the same plan creates. Secrets are references.

mod links;
mod name;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::kind::{
    Action, Authenticate, Certificate, Conditions, Direction, HealthCheck, IpamPool, Listener, LoadBalancer,
    MutualAuthentication, Rewrite, Rule, SecurityGroup, Target, TargetGroup, TrafficRule,
};
use crate::model::value::{IpAddressType, Protocol};
use crate::model::{Id, Kind, Link, Spec};

/// One call to AWS that changes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// EC2 `CreateSecurityGroup`; rules are granted by later steps.
    CreateSecurityGroup {
        /// Name, VPC, description and tags.
        spec: SecurityGroup,
    },
    /// EC2 `AuthorizeSecurityGroupIngress` or `…Egress`: adds rules, removes none.
    Authorize {
        /// Which way.
        direction: Direction,
        /// The group that is opened.
        group: Link,
        /// What may pass.
        rules: Vec<TrafficRule>,
        /// Tags of the new rules.
        tags: BTreeMap<String, String>,
    },
    /// EC2 `UpdateSecurityGroupRuleDescriptionsIngress` or `…Egress`: only descriptions change.
    Describe {
        /// Which way.
        direction: Direction,
        /// The group.
        group: Link,
        /// The rules as they are, with the descriptions they shall have.
        rules: Vec<TrafficRule>,
    },
    /// EC2 `RevokeSecurityGroupIngress` or `…Egress`: takes rules away.
    Revoke {
        /// Which way.
        direction: Direction,
        /// The group.
        group: Link,
        /// What may no longer pass.
        rules: Vec<TrafficRule>,
    },
    /// ACM `ImportCertificate`.
    ImportCertificate {
        /// The certificate whose material is replaced; `None` imports a new one.
        certificate: Option<Link>,
        /// The material and, for a new one, the tags.
        spec: Certificate,
    },
    /// ACM `RequestCertificate`, validated by DNS.
    RequestCertificate {
        /// Names, key algorithm and tags.
        spec: Certificate,
        /// The certificates of these names that never will serve: they tell the request from the ones that made them,
        /// which ACM would answer with the same certificate again.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        besides: BTreeSet<Id>,
    },
    /// `CreateTargetGroup` with its whole health check; attributes follow in a step of their own.
    CreateTargetGroup {
        /// The group.
        spec: TargetGroup,
    },
    /// `ModifyTargetGroup`: the fields that are `Some` change.
    ModifyTargetGroup {
        /// The group.
        target_group: Link,
        /// The whole health check, so that AWS fills in nothing.
        health_check: HealthCheck,
    },
    /// `ModifyTargetGroupAttributes`: only the keys named change.
    ModifyTargetGroupAttributes {
        /// The group.
        target_group: Link,
        /// Keys and values.
        attributes: BTreeMap<String, String>,
    },
    /// `RegisterTargets`, at most 100.
    RegisterTargets {
        /// The group.
        target_group: Link,
        /// The targets.
        targets: Vec<Target>,
    },
    /// `DeregisterTargets`, at most 100; each names id and port, else AWS does nothing.
    DeregisterTargets {
        /// The group.
        target_group: Link,
        /// The targets.
        targets: Vec<Target>,
    },
    /// `CreateLoadBalancer`; attributes follow in a step of their own.
    CreateLoadBalancer {
        /// The load balancer.
        spec: LoadBalancer,
    },
    /// `ModifyLoadBalancerAttributes`, at most 20 keys: only the keys named change.
    ModifyLoadBalancerAttributes {
        /// The load balancer.
        load_balancer: Link,
        /// Keys and values.
        attributes: BTreeMap<String, String>,
    },
    /// `SetSecurityGroups`: replaces the whole set.
    SetSecurityGroups {
        /// The load balancer.
        load_balancer: Link,
        /// The whole set.
        groups: Vec<Link>,
    },
    /// `SetSubnets`: replaces the whole set.
    SetSubnets {
        /// The load balancer.
        load_balancer: Link,
        /// The whole set.
        subnets: Vec<Link>,
    },
    /// `SetIpAddressType`.
    SetIpAddressType {
        /// The load balancer.
        load_balancer: Link,
        /// The address families.
        ip_address_type: IpAddressType,
    },
    /// `ModifyIpPools`: sets the IPv4 pool, or takes it away.
    ModifyIpPools {
        /// The load balancer.
        load_balancer: Link,
        /// Where its public addresses come from.
        ipam_pool: IpamPool,
    },
    /// `ModifyCapacityReservation`: AWS provides what is asked for later.
    ModifyCapacityReservation {
        /// The load balancer.
        load_balancer: Link,
        /// Capacity units; 0 takes the reservation back.
        units: u32,
    },
    /// `CreateListener`; attributes follow in a step of their own.
    CreateListener {
        /// The listener.
        spec: Listener,
    },
    /// `ModifyListener`: what is `Some` changes; protocol, policy and certificate go together in one call.
    ModifyListener {
        /// The listener.
        listener: Link,
        /// What changes.
        edit: ListenerEdit,
    },
    /// `AddListenerCertificates`, which takes one certificate in a call; one that is there already is fine.
    AddListenerCertificate {
        /// The listener.
        listener: Link,
        /// A certificate chosen by server name.
        certificate: Link,
    },
    /// `RemoveListenerCertificates`: the certificate itself stays in ACM.
    RemoveListenerCertificate {
        /// The listener.
        listener: Link,
        /// A certificate chosen by server name.
        certificate: Link,
    },
    /// `ModifyListenerAttributes`: only the keys named change.
    ModifyListenerAttributes {
        /// The listener.
        listener: Link,
        /// Keys and values.
        attributes: BTreeMap<String, String>,
    },
    /// `CreateRule`.
    CreateRule {
        /// The rule.
        spec: Rule,
    },
    /// `ModifyRule`: conditions and actions are replaced whole; the priority cannot change here.
    ModifyRule {
        /// The rule.
        rule: Link,
        /// The conditions, if they change.
        when: Option<Conditions>,
        /// The action, if it or the login before it changes.
        action: Option<Action>,
        /// The login before the action, in the same list on AWS: it goes with `action`, and none is none.
        #[serde(default)]
        authenticate: Option<Authenticate>,
        /// The rewrites, if they change; empty ones are taken away.
        rewrite: Option<Rewrite>,
    },
    /// `SetRulePriorities` for rules of one listener, judged by AWS on the resulting order.
    SetRulePriorities {
        /// The listener.
        listener: Link,
        /// The new priorities.
        priorities: BTreeMap<Id, u32>,
    },
    /// `AddTags`, acm `AddTagsToCertificate` or EC2 `CreateTags`: adds and overwrites, removes none.
    AddTags {
        /// The resource.
        resource: Link,
        /// Its kind, which decides the call.
        kind: Kind,
        /// Keys and values.
        tags: BTreeMap<String, String>,
    },
    /// EC2 `CreateTags` on rules of one security group.
    TagRules {
        /// The group.
        group: Link,
        /// Its rules.
        rules: BTreeSet<Id>,
        /// Keys and values.
        tags: BTreeMap<String, String>,
    },
    /// `RemoveTags`, acm `RemoveTagsFromCertificate` or EC2 `DeleteTags`.
    RemoveTags {
        /// The resource.
        resource: Link,
        /// Its kind, which decides the call.
        kind: Kind,
        /// The keys.
        keys: Vec<String>,
    },
    /// `DeleteLoadBalancer`, `DeleteListener`, `DeleteRule`, `DeleteTargetGroup` or EC2
    /// `DeleteSecurityGroup`. What lives in the resource goes with it. There is none for certificates,
    /// which are only ever detached, nor for targets, which are deregistered.
    Delete {
        /// The resource.
        resource: Link,
        /// Its kind, which decides the call.
        kind: Kind,
    },
}

/// What `ModifyListener` changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerEdit {
    /// HTTP or HTTPS.
    pub protocol: Option<Protocol>,
    /// The TLS policy.
    pub ssl_policy: Option<String>,
    /// The default certificate.
    pub certificate: Option<Link>,
    /// Mutual authentication, whole.
    #[serde(default)]
    pub mutual_authentication: Option<MutualAuthentication>,
    /// The default action, if it or the login before it changes.
    pub default: Option<Action>,
    /// The login before the default action, in the same list on AWS: it goes with `default`, and none is none.
    #[serde(default)]
    pub authenticate: Option<Authenticate>,
}

/// What a call returns that later steps may need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The id of what was created.
    pub id: Option<Id>,
    /// The DNS name of a created load balancer.
    pub dns_name: Option<String>,
}

impl Operation {
    /// The existing resource that the call changes; `None` for a create.
    pub const fn subject(&self) -> Option<&Link> {
        match self {
            Self::CreateSecurityGroup { .. }
            | Self::RequestCertificate { .. }
            | Self::CreateTargetGroup { .. }
            | Self::CreateLoadBalancer { .. }
            | Self::CreateListener { .. }
            | Self::CreateRule { .. } => None,
            Self::ImportCertificate { certificate, .. } => certificate.as_ref(),
            Self::Authorize { group, .. }
            | Self::Describe { group, .. }
            | Self::Revoke { group, .. }
            | Self::TagRules { group, .. } => Some(group),
            Self::ModifyTargetGroup { target_group, .. }
            | Self::ModifyTargetGroupAttributes { target_group, .. }
            | Self::RegisterTargets { target_group, .. }
            | Self::DeregisterTargets { target_group, .. } => Some(target_group),
            Self::ModifyLoadBalancerAttributes { load_balancer, .. }
            | Self::SetSecurityGroups { load_balancer, .. }
            | Self::SetSubnets { load_balancer, .. }
            | Self::SetIpAddressType { load_balancer, .. }
            | Self::ModifyIpPools { load_balancer, .. }
            | Self::ModifyCapacityReservation { load_balancer, .. } => Some(load_balancer),
            Self::ModifyListener { listener, .. }
            | Self::AddListenerCertificate { listener, .. }
            | Self::RemoveListenerCertificate { listener, .. }
            | Self::ModifyListenerAttributes { listener, .. }
            | Self::SetRulePriorities { listener, .. } => Some(listener),
            Self::ModifyRule { rule, .. } => Some(rule),
            Self::AddTags { resource, .. } | Self::RemoveTags { resource, .. } | Self::Delete { resource, .. } => {
                Some(resource)
            }
        }
    }

    /// What a create makes.
    pub fn created(&self) -> Option<Spec> {
        match self {
            Self::CreateSecurityGroup { spec } => Some(spec.clone().into()),
            Self::ImportCertificate { certificate: None, spec } | Self::RequestCertificate { spec, .. } => {
                Some(spec.clone().into())
            }
            Self::CreateTargetGroup { spec } => Some(spec.clone().into()),
            Self::CreateLoadBalancer { spec } => Some(spec.clone().into()),
            Self::CreateListener { spec } => Some(spec.clone().into()),
            Self::CreateRule { spec } => Some(spec.clone().into()),
            Self::ImportCertificate { certificate: Some(_), .. }
            | Self::Authorize { .. }
            | Self::Describe { .. }
            | Self::Revoke { .. }
            | Self::ModifyTargetGroup { .. }
            | Self::ModifyTargetGroupAttributes { .. }
            | Self::RegisterTargets { .. }
            | Self::DeregisterTargets { .. }
            | Self::ModifyLoadBalancerAttributes { .. }
            | Self::SetSecurityGroups { .. }
            | Self::SetSubnets { .. }
            | Self::SetIpAddressType { .. }
            | Self::ModifyIpPools { .. }
            | Self::ModifyCapacityReservation { .. }
            | Self::ModifyListener { .. }
            | Self::AddListenerCertificate { .. }
            | Self::RemoveListenerCertificate { .. }
            | Self::ModifyListenerAttributes { .. }
            | Self::ModifyRule { .. }
            | Self::SetRulePriorities { .. }
            | Self::AddTags { .. }
            | Self::TagRules { .. }
            | Self::RemoveTags { .. }
            | Self::Delete { .. } => None,
        }
    }
}
