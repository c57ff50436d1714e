//! The links of an operation: what it works on and what it names.

use super::{ListenerEdit, Operation};
use crate::model::Link;

impl Operation {
    /// The same operation with every link replaced.
    #[must_use]
    pub fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        match self {
            Self::CreateSecurityGroup { spec } => Self::CreateSecurityGroup { spec: spec.map_links(f) },
            Self::Authorize { direction, group, rules, tags } => {
                let rules = rules.into_iter().map(|rule| rule.map_links(f)).collect();
                Self::Authorize { direction, group: f(group), rules, tags }
            }
            Self::Describe { direction, group, rules } => {
                let rules = rules.into_iter().map(|rule| rule.map_links(f)).collect();
                Self::Describe { direction, group: f(group), rules }
            }
            Self::Revoke { direction, group, rules } => {
                let rules = rules.into_iter().map(|rule| rule.map_links(f)).collect();
                Self::Revoke { direction, group: f(group), rules }
            }
            Self::ImportCertificate { certificate, spec } => {
                Self::ImportCertificate { certificate: certificate.map(f), spec }
            }
            Self::RequestCertificate { spec, besides } => Self::RequestCertificate { spec, besides },
            Self::TagRules { group, rules, tags } => Self::TagRules { group: f(group), rules, tags },
            Self::CreateTargetGroup { spec } => Self::CreateTargetGroup { spec: spec.map_links(f) },
            Self::ModifyTargetGroup { target_group, health_check } => {
                Self::ModifyTargetGroup { target_group: f(target_group), health_check }
            }
            Self::ModifyTargetGroupAttributes { target_group, attributes } => {
                Self::ModifyTargetGroupAttributes { target_group: f(target_group), attributes }
            }
            Self::RegisterTargets { target_group, targets } => {
                let targets = targets.into_iter().map(|t| t.map_links(f)).collect();
                Self::RegisterTargets { target_group: f(target_group), targets }
            }
            Self::DeregisterTargets { target_group, targets } => {
                let targets = targets.into_iter().map(|t| t.map_links(f)).collect();
                Self::DeregisterTargets { target_group: f(target_group), targets }
            }
            balancer @ (Self::CreateLoadBalancer { .. }
            | Self::ModifyLoadBalancerAttributes { .. }
            | Self::SetSecurityGroups { .. }
            | Self::SetSubnets { .. }
            | Self::SetIpAddressType { .. }
            | Self::ModifyIpPools { .. }
            | Self::ModifyCapacityReservation { .. }
            | Self::CreateListener { .. }
            | Self::ModifyListener { .. }
            | Self::AddListenerCertificate { .. }
            | Self::RemoveListenerCertificate { .. }
            | Self::ModifyListenerAttributes { .. }
            | Self::CreateRule { .. }
            | Self::ModifyRule { .. }
            | Self::SetRulePriorities { .. }
            | Self::AddTags { .. }
            | Self::RemoveTags { .. }
            | Self::Delete { .. }) => balancer.map_balancer_links(f),
        }
    }

    /// The half of [`map_links`](Self::map_links) for load balancers, listeners and rules.
    fn map_balancer_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        match self {
            Self::CreateLoadBalancer { spec } => Self::CreateLoadBalancer { spec: spec.map_links(f) },
            Self::ModifyLoadBalancerAttributes { load_balancer, attributes } => {
                Self::ModifyLoadBalancerAttributes { load_balancer: f(load_balancer), attributes }
            }
            Self::SetSecurityGroups { load_balancer, groups } => Self::SetSecurityGroups {
                load_balancer: f(load_balancer),
                groups: groups.into_iter().map(&mut *f).collect(),
            },
            Self::SetSubnets { load_balancer, subnets } => Self::SetSubnets {
                load_balancer: f(load_balancer),
                subnets: subnets.into_iter().map(&mut *f).collect(),
            },
            Self::SetIpAddressType { load_balancer, ip_address_type } => {
                Self::SetIpAddressType { load_balancer: f(load_balancer), ip_address_type }
            }
            Self::ModifyIpPools { load_balancer, ipam_pool } => {
                Self::ModifyIpPools { load_balancer: f(load_balancer), ipam_pool }
            }
            Self::ModifyCapacityReservation { load_balancer, units } => {
                Self::ModifyCapacityReservation { load_balancer: f(load_balancer), units }
            }
            Self::CreateListener { spec } => Self::CreateListener { spec: spec.map_links(f) },
            Self::ModifyListener { listener, edit } => {
                Self::ModifyListener { listener: f(listener), edit: edit.map_links(f) }
            }
            Self::AddListenerCertificate { listener, certificate } => {
                Self::AddListenerCertificate { listener: f(listener), certificate: f(certificate) }
            }
            Self::RemoveListenerCertificate { listener, certificate } => {
                Self::RemoveListenerCertificate { listener: f(listener), certificate: f(certificate) }
            }
            Self::ModifyListenerAttributes { listener, attributes } => {
                Self::ModifyListenerAttributes { listener: f(listener), attributes }
            }
            Self::CreateRule { spec } => Self::CreateRule { spec: spec.map_links(f) },
            Self::ModifyRule { rule, when, action, authenticate, rewrite } => {
                let action = action.map(|a| a.map_links(f));
                Self::ModifyRule { rule: f(rule), when, action, authenticate, rewrite }
            }
            Self::SetRulePriorities { listener, priorities } => {
                Self::SetRulePriorities { listener: f(listener), priorities }
            }
            Self::AddTags { resource, kind, tags } => Self::AddTags { resource: f(resource), kind, tags },
            Self::RemoveTags { resource, kind, keys } => Self::RemoveTags { resource: f(resource), kind, keys },
            Self::Delete { resource, kind } => Self::Delete { resource: f(resource), kind },
            other @ (Self::CreateSecurityGroup { .. }
            | Self::Authorize { .. }
            | Self::Describe { .. }
            | Self::Revoke { .. }
            | Self::TagRules { .. }
            | Self::ImportCertificate { .. }
            | Self::RequestCertificate { .. }
            | Self::CreateTargetGroup { .. }
            | Self::ModifyTargetGroup { .. }
            | Self::ModifyTargetGroupAttributes { .. }
            | Self::RegisterTargets { .. }
            | Self::DeregisterTargets { .. }) => other,
        }
    }
}

impl ListenerEdit {
    fn map_links(self, f: &mut dyn FnMut(Link) -> Link) -> Self {
        let Self { protocol, ssl_policy, certificate, mutual_authentication, default, authenticate } = self;
        Self {
            protocol,
            ssl_policy,
            certificate: certificate.map(&mut *f),
            mutual_authentication: mutual_authentication.map(|m| m.map_links(f)),
            default: default.map(|a| a.map_links(f)),
            authenticate,
        }
    }
}
