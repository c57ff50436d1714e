//! Listeners: SDK shape ⇄ spec, and the calls for one.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{self as sdk, ListenerAttribute};

use super::action;
use super::call::Call;
use super::error::{incomplete, present, refused};
use super::execute::{Secrets, arn};
use super::mutual_authentication;
use super::session::Session;
use super::tags;
use crate::cloud::{CloudError, CloudErrorKind, ListenerEdit, ListenerFacts, Output};
use crate::model::kind::Listener;
use crate::model::value::Protocol;
use crate::model::{Id, Link};

const PAGE: i32 = 400;

/// The spec and the facts; attributes, certificates by server name and tags are read apart. `None` for an answer
/// without ARN or port.
pub(super) fn from_sdk(load_balancer: &Id, listener: sdk::Listener) -> Option<(Id, Listener, ListenerFacts)> {
    let id = Id(listener.listener_arn?);
    let action::Read { action: default, authenticate, beyond } =
        action::from_sdk(listener.default_actions.unwrap_or_default());
    let certificate = listener.certificates.into_iter().flatten().find_map(|c| c.certificate_arn);
    let protocol = listener.protocol.and_then(|p| Protocol::from_aws(p.as_str()));
    let association = listener.mutual_authentication.as_ref().and_then(|m| m.trust_store_association_status.as_ref());
    let facts = ListenerFacts { trust_store: association.map(|status| status.as_str().to_owned()) };
    let spec = Listener {
        load_balancer: Link::Id(load_balancer.clone()),
        port: u16::try_from(listener.port?).ok()?,
        protocol,
        ssl_policy: listener.ssl_policy.filter(|policy| !policy.is_empty()),
        certificate: certificate.map(|arn| Link::Id(Id(arn))),
        sni_certificates: None,
        mutual_authentication: mutual_authentication::from_sdk(protocol, listener.mutual_authentication),
        default,
        authenticate,
        beyond,
        attributes: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    Some((id, spec, facts))
}

/// The load balancer that a listener's ARN names.
pub(super) fn load_balancer_of(listener: &Id) -> Option<Id> {
    let (parent, _) = listener.as_str().rsplit_once('/')?;
    Some(Id(parent.replacen(":listener/", ":loadbalancer/", 1)))
}

pub(super) fn certificate(operation: &str, link: &Link) -> Result<sdk::Certificate, CloudError> {
    Ok(sdk::Certificate::builder().certificate_arn(arn(operation, link)?).build())
}

impl Session {
    /// The listeners of a load balancer.
    pub(super) async fn listeners_of(&self, load_balancer: &Id) -> Result<Vec<sdk::Listener>, CloudError> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let request = self
                .elb
                .describe_listeners()
                .load_balancer_arn(load_balancer.as_str())
                .page_size(PAGE)
                .set_marker(marker.take());
            let page = self.calls.run(Call::elb("DescribeListeners"), || request.clone().send()).await?;
            found.extend(present("DescribeListeners", page.listeners)?);
            marker = page.next_marker.filter(|next| !next.is_empty());
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    /// The listener on this port of a load balancer, if it is there.
    pub(super) async fn listener_on(&self, load_balancer: &Id, port: u16) -> Result<Option<Id>, CloudError> {
        let found = match self.listeners_of(load_balancer).await {
            Err(error) if error.kind == CloudErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        let mut there = found.into_iter().filter(|listener| listener.port == Some(i32::from(port)));
        Ok(there.find_map(|listener| listener.listener_arn).map(Id))
    }

    /// One listener, if it is there.
    pub(super) async fn listener(&self, id: &Id) -> Result<Option<sdk::Listener>, CloudError> {
        let request = self.elb.describe_listeners().listener_arns(id.as_str());
        match self.calls.run(Call::elb("DescribeListeners"), || request.clone().send()).await {
            Ok(answer) => {
                let mut found = present("DescribeListeners", answer.listeners)?.into_iter();
                Ok(found.find(|listener| listener.listener_arn.as_deref() == Some(id.as_str())))
            }
            Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Its attributes; unset ones are empty texts.
    pub(super) async fn listener_attributes(&self, id: &Id) -> Result<BTreeMap<String, String>, CloudError> {
        let request = self.elb.describe_listener_attributes().listener_arn(id.as_str());
        let answer = self.calls.run(Call::elb("DescribeListenerAttributes"), || request.clone().send()).await?;
        let entry = |a: ListenerAttribute| Some((a.key?, a.value.unwrap_or_default()));
        Ok(present("DescribeListenerAttributes", answer.attributes)?.into_iter().filter_map(entry).collect())
    }

    /// The certificates it chooses by server name; the default one is left out.
    pub(super) async fn sni_certificates_of(&self, id: &Id) -> Result<Vec<Link>, CloudError> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let request = self
                .elb
                .describe_listener_certificates()
                .listener_arn(id.as_str())
                .page_size(PAGE)
                .set_marker(marker.take());
            let page = self.calls.run(Call::elb("DescribeListenerCertificates"), || request.clone().send()).await?;
            let all = present("DescribeListenerCertificates", page.certificates)?;
            let by_name = all.into_iter().filter(|c| c.is_default != Some(true));
            found.extend(by_name.filter_map(|c| c.certificate_arn).map(|arn| Link::Id(Id(arn))));
            marker = page.next_marker.filter(|next| !next.is_empty());
            if marker.is_none() {
                found.sort();
                return Ok(found);
            }
        }
    }

    /// `CreateListener`.
    pub(super) async fn create_listener(&self, spec: &Listener, secrets: &Secrets<'_>) -> Result<Output, CloudError> {
        const CALL: Call = Call::elb_write("CreateListener");
        let Listener {
            load_balancer,
            port,
            protocol,
            ssl_policy,
            certificate: default_certificate,
            sni_certificates: _,
            mutual_authentication: mutual,
            default,
            authenticate,
            beyond: _,
            attributes: _,
            tags,
        } = spec;
        let default = default.as_ref().ok_or_else(|| refused(CALL.name, "the listener has no default action"))?;
        let certificates = default_certificate.as_ref().map(|link| certificate(CALL.name, link)).transpose()?;
        let actions = action::to_sdk(CALL.name, authenticate.as_ref(), default, secrets)?;
        let mutual = mutual.as_ref().map(|mutual| mutual_authentication::to_sdk(CALL.name, mutual)).transpose()?;
        let request = self
            .elb
            .create_listener()
            .load_balancer_arn(arn(CALL.name, load_balancer)?)
            .port(i32::from(*port))
            .set_protocol(protocol.map(|p| p.aws().into()))
            .set_ssl_policy(ssl_policy.clone())
            .set_certificates(certificates.map(|one| vec![one]))
            .set_mutual_authentication(mutual)
            .set_default_actions(Some(actions))
            .set_tags(tags::elb(tags));
        let answer = self.calls.run(CALL, || request.clone().send()).await?;
        let id = answer.listeners.into_iter().flatten().find_map(|listener| listener.listener_arn);
        Ok(Output { id: Some(Id(id.ok_or_else(|| incomplete(CALL.name, "listener"))?)), dns_name: None })
    }

    /// `ModifyListener`: one call, so that protocol, policy and certificate change together.
    pub(super) async fn modify_listener(
        &self,
        listener: &Link,
        edit: &ListenerEdit,
        secrets: &Secrets<'_>,
    ) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("ModifyListener");
        let ListenerEdit {
            protocol,
            ssl_policy,
            certificate: default_certificate,
            mutual_authentication: mutual,
            default,
            authenticate,
        } = edit;
        let mutual = mutual.as_ref().map(|mutual| mutual_authentication::to_sdk(CALL.name, mutual)).transpose()?;
        let certificates = default_certificate.as_ref().map(|link| certificate(CALL.name, link)).transpose()?;
        let actions = default.as_ref();
        let actions = actions.map(|default| action::to_sdk(CALL.name, authenticate.as_ref(), default, secrets));
        let actions = actions.transpose()?;
        let request = self
            .elb
            .modify_listener()
            .listener_arn(arn(CALL.name, listener)?)
            .set_protocol(protocol.map(|p| p.aws().into()))
            .set_ssl_policy(ssl_policy.clone())
            .set_certificates(certificates.map(|one| vec![one]))
            .set_mutual_authentication(mutual)
            .set_default_actions(actions);
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `AddListenerCertificates`: one in a call; one that is there already is fine.
    pub(super) async fn add_listener_certificate(&self, listener: &Link, link: &Link) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("AddListenerCertificates");
        let request = self
            .elb
            .add_listener_certificates()
            .listener_arn(arn(CALL.name, listener)?)
            .certificates(certificate(CALL.name, link)?);
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }

    /// `ModifyListenerAttributes`.
    pub(super) async fn modify_listener_attributes(
        &self,
        listener: &Link,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), CloudError> {
        const CALL: Call = Call::elb_write("ModifyListenerAttributes");
        let one = |(key, value): (&String, &String)| ListenerAttribute::builder().key(key).value(value).build();
        let request = self
            .elb
            .modify_listener_attributes()
            .listener_arn(arn(CALL.name, listener)?)
            .set_attributes(Some(attributes.iter().map(one).collect()));
        self.calls.run(CALL, || request.clone().send()).await.map(drop)
    }
}
