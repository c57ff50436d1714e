//! Mutual authentication: SDK shape ⇄ spec, and trust stores by name.
//!
//! AWS refuses the parts of `verify` with any other mode, and takes mode `off` where nothing is said.
//! Whether a shared trust store is still shared is no setting and left out.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types as sdk;

use super::call::Call;
use super::error::present;
use super::execute::arn;
use super::session::Session;
use crate::cloud::CloudError;
use crate::model::kind::{MutualAuthentication, Verify};
use crate::model::value::Protocol;
use crate::model::{Id, Link};

const PAGE: i32 = 400;

/// Reads it; plain HTTP has none, and what cannot be expressed is unknown.
pub(super) fn from_sdk(
    protocol: Option<Protocol>,
    found: Option<sdk::MutualAuthenticationAttributes>,
) -> Option<MutualAuthentication> {
    if protocol != Some(Protocol::Https) {
        return None;
    }
    let Some(found) = found else { return Some(MutualAuthentication::Disabled) };
    match found.mode.as_deref() {
        None | Some("off") => Some(MutualAuthentication::Disabled),
        Some("passthrough") => Some(MutualAuthentication::Passthrough),
        Some("verify") => Some(MutualAuthentication::Verify(Verify {
            trust_store: Link::Id(Id(found.trust_store_arn?)),
            ignore_expiry: Some(found.ignore_client_certificate_expiry == Some(true)),
            advertise_ca_names: Some(
                found.advertise_trust_store_ca_names == Some(sdk::AdvertiseTrustStoreCaNamesEnum::On),
            ),
        })),
        Some(_) => None,
    }
}

/// The attributes that say this.
pub(super) fn to_sdk(
    operation: &str,
    mutual: &MutualAuthentication,
) -> Result<sdk::MutualAuthenticationAttributes, CloudError> {
    let builder = sdk::MutualAuthenticationAttributes::builder();
    Ok(match mutual {
        MutualAuthentication::Disabled => builder.mode("off"),
        MutualAuthentication::Passthrough => builder.mode("passthrough"),
        MutualAuthentication::Verify(Verify { trust_store, ignore_expiry, advertise_ca_names }) => {
            let on = |yes: bool| match yes {
                true => sdk::AdvertiseTrustStoreCaNamesEnum::On,
                false => sdk::AdvertiseTrustStoreCaNamesEnum::Off,
            };
            builder
                .mode("verify")
                .trust_store_arn(arn(operation, trust_store)?)
                .set_ignore_client_certificate_expiry(*ignore_expiry)
                .set_advertise_trust_store_ca_names(advertise_ca_names.map(on))
        }
    }
    .build())
}

impl Session {
    /// Every trust store of the account, by name.
    pub(super) async fn trust_stores(&self) -> Result<BTreeMap<Id, String>, CloudError> {
        let mut found = BTreeMap::new();
        let mut marker = None;
        loop {
            let request = self.elb.describe_trust_stores().page_size(PAGE).set_marker(marker.take());
            let page = self.calls.run(Call::elb("DescribeTrustStores"), || request.clone().send()).await?;
            let stores = present("DescribeTrustStores", page.trust_stores)?;
            found.extend(stores.into_iter().filter_map(|store| Some((Id(store.trust_store_arn?), store.name?))));
            marker = page.next_marker.filter(|next| !next.is_empty());
            if marker.is_none() {
                return Ok(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let https = Some(Protocol::Https);
        let verify = Verify {
            trust_store: Link::Id(Id("arn:aws:elasticloadbalancing:eu-west-1:0:truststore/partners/1".into())),
            ignore_expiry: Some(true),
            advertise_ca_names: Some(false),
        };
        for mutual in [
            MutualAuthentication::Disabled,
            MutualAuthentication::Passthrough,
            MutualAuthentication::Verify(verify.clone()),
        ] {
            let sent = to_sdk("ModifyListener", &mutual).unwrap();
            let bare = sent.trust_store_arn.is_none() && sent.ignore_client_certificate_expiry.is_none();
            assert_eq!(bare, !matches!(mutual, MutualAuthentication::Verify(_)), "AWS refuses them with other modes");
            assert_eq!(from_sdk(https, Some(sent)), Some(mutual));
        }
        assert_eq!(from_sdk(https, None), Some(MutualAuthentication::Disabled));
        assert_eq!(from_sdk(Some(Protocol::Http), None), None);
    }
}
