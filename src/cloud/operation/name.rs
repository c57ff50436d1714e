//! What AWS calls an operation.

use super::Operation;
use crate::model::Kind;
use crate::model::kind::Direction;

impl Operation {
    /// The API operation's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreateSecurityGroup { .. } => "CreateSecurityGroup",
            Self::Authorize { direction: Direction::Ingress, .. } => "AuthorizeSecurityGroupIngress",
            Self::Authorize { direction: Direction::Egress, .. } => "AuthorizeSecurityGroupEgress",
            Self::Describe { direction: Direction::Ingress, .. } => "UpdateSecurityGroupRuleDescriptionsIngress",
            Self::Describe { direction: Direction::Egress, .. } => "UpdateSecurityGroupRuleDescriptionsEgress",
            Self::Revoke { direction: Direction::Ingress, .. } => "RevokeSecurityGroupIngress",
            Self::Revoke { direction: Direction::Egress, .. } => "RevokeSecurityGroupEgress",
            Self::ImportCertificate { .. } => "ImportCertificate",
            Self::RequestCertificate { .. } => "RequestCertificate",
            Self::CreateTargetGroup { .. } => "CreateTargetGroup",
            Self::ModifyTargetGroup { .. } => "ModifyTargetGroup",
            Self::ModifyTargetGroupAttributes { .. } => "ModifyTargetGroupAttributes",
            Self::RegisterTargets { .. } => "RegisterTargets",
            Self::DeregisterTargets { .. } => "DeregisterTargets",
            Self::CreateLoadBalancer { .. } => "CreateLoadBalancer",
            Self::ModifyLoadBalancerAttributes { .. } => "ModifyLoadBalancerAttributes",
            Self::SetSecurityGroups { .. } => "SetSecurityGroups",
            Self::SetSubnets { .. } => "SetSubnets",
            Self::SetIpAddressType { .. } => "SetIpAddressType",
            Self::ModifyIpPools { .. } => "ModifyIpPools",
            Self::ModifyCapacityReservation { .. } => "ModifyCapacityReservation",
            Self::CreateListener { .. } => "CreateListener",
            Self::ModifyListener { .. } => "ModifyListener",
            Self::AddListenerCertificate { .. } => "AddListenerCertificates",
            Self::RemoveListenerCertificate { .. } => "RemoveListenerCertificates",
            Self::ModifyListenerAttributes { .. } => "ModifyListenerAttributes",
            Self::CreateRule { .. } => "CreateRule",
            Self::ModifyRule { .. } => "ModifyRule",
            Self::SetRulePriorities { .. } => "SetRulePriorities",
            Self::AddTags { kind: Kind::Certificate, .. } => "AddTagsToCertificate",
            Self::AddTags { kind: Kind::SecurityGroup, .. } => "CreateTags",
            Self::AddTags { .. } => "AddTags",
            Self::TagRules { .. } => "CreateTags",
            Self::RemoveTags { kind: Kind::Certificate, .. } => "RemoveTagsFromCertificate",
            Self::RemoveTags { kind: Kind::SecurityGroup, .. } => "DeleteTags",
            Self::RemoveTags { .. } => "RemoveTags",
            Self::Delete { kind, .. } => match kind {
                Kind::SecurityGroup => "DeleteSecurityGroup",
                Kind::Certificate => "DeleteCertificate",
                Kind::TargetGroup => "DeleteTargetGroup",
                Kind::Target => "DeregisterTargets",
                Kind::LoadBalancer => "DeleteLoadBalancer",
                Kind::Listener => "DeleteListener",
                Kind::Rule => "DeleteRule",
            },
        }
    }
}
