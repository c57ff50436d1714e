//! The secrets that an operation sends, by where they come from.

use super::Operation;
use crate::model::kind::{Authenticate, Conditions, Origin};
use crate::model::{SecretRef, Text};

impl Operation {
    /// Where the secrets come from that the call sends.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Self::CreateListener { spec } => of_login(&spec.authenticate).into_iter().collect(),
            Self::ModifyListener { edit, .. } => of_login(&edit.authenticate).into_iter().collect(),
            Self::CreateRule { spec } => {
                of_conditions(spec.when.as_ref()).chain(of_login(&spec.authenticate)).collect()
            }
            Self::ModifyRule { when, authenticate, .. } => {
                of_conditions(when.as_ref()).chain(of_login(authenticate)).collect()
            }
            Self::ImportCertificate { spec, .. } => match &spec.origin {
                Some(Origin::Import { private_key, .. }) => vec![private_key],
                Some(Origin::Arn(_) | Origin::Request) | None => Vec::new(),
            },
            Self::CreateSecurityGroup { .. }
            | Self::Authorize { .. }
            | Self::Describe { .. }
            | Self::Revoke { .. }
            | Self::RequestCertificate { .. }
            | Self::CreateTargetGroup { .. }
            | Self::ModifyTargetGroup { .. }
            | Self::ModifyTargetGroupAttributes { .. }
            | Self::RegisterTargets { .. }
            | Self::DeregisterTargets { .. }
            | Self::CreateLoadBalancer { .. }
            | Self::ModifyLoadBalancerAttributes { .. }
            | Self::SetSecurityGroups { .. }
            | Self::SetSubnets { .. }
            | Self::SetIpAddressType { .. }
            | Self::ModifyIpPools { .. }
            | Self::ModifyCapacityReservation { .. }
            | Self::AddListenerCertificate { .. }
            | Self::RemoveListenerCertificate { .. }
            | Self::ModifyListenerAttributes { .. }
            | Self::SetRulePriorities { .. }
            | Self::AddTags { .. }
            | Self::TagRules { .. }
            | Self::RemoveTags { .. }
            | Self::Delete { .. } => Vec::new(),
        }
    }
}

fn of_conditions(when: Option<&Conditions>) -> impl Iterator<Item = &SecretRef> {
    let values = when.into_iter().flat_map(|when| &when.header).flat_map(|header| &header.values);
    values.filter_map(Text::source)
}

fn of_login(login: &Option<Authenticate>) -> Option<&SecretRef> {
    login.as_ref().and_then(Authenticate::secret)
}
