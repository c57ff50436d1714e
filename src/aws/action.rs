//! Actions: the SDK's list of actions ⇄ our one [`Action`] and the login before it.
//!
//! AWS says a forward twice (top-level ARN and configuration), fills in every part of a redirect, and
//! adds an order; here that is undone, so that what was written equals what is read.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types as sdk;

use super::authenticate;
use super::execute::{Secrets, arn};
use crate::cloud::CloudError;
use crate::model::kind::{Action, Authenticate, FixedResponse, Forward, Redirect};
use crate::model::{Id, Link};

/// What a list of actions says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// The routing action.
    pub(super) action: Option<Action>,
    /// The login before it.
    pub(super) authenticate: Option<Authenticate>,
    /// What cannot be expressed.
    pub(super) beyond: BTreeSet<String>,
}

/// Reads a rule's or a listener's actions.
pub(super) fn from_sdk(actions: Vec<sdk::Action>) -> Read {
    let mut actions = actions;
    actions.sort_by_key(|action| action.order);
    let (mut routing, mut logins) = (Vec::new(), Vec::new());
    let mut beyond = BTreeSet::new();
    for action in actions {
        let kind = action.r#type.as_ref().map(|t| t.as_str().to_owned()).unwrap_or_default();
        let read = match kind.as_str() {
            "forward" => forward(action).map(Action::Forward).ok_or("forward"),
            "redirect" => action.redirect_config.and_then(redirect).map(Action::Redirect).ok_or("redirect"),
            "fixed-response" => {
                let read = action.fixed_response_config.and_then(fixed_response);
                read.map(Action::FixedResponse).ok_or("fixed_response")
            }
            "authenticate-oidc" | "authenticate-cognito" | "jwt-validation" => {
                match authenticate::from_sdk(action) {
                    Some(login) => logins.push(login),
                    None => drop(beyond.insert("authenticate".to_owned())),
                }
                continue;
            }
            other => Err(other),
        };
        match read {
            Ok(action) => routing.push(action),
            Err(key) => {
                beyond.insert(key.to_owned());
            }
        }
    }
    if routing.len() > 1 || logins.len() > 1 {
        beyond.insert("actions".to_owned());
    }
    Read { action: routing.pop(), authenticate: Some(logins.pop().unwrap_or(Authenticate::None)), beyond }
}

fn forward(action: sdk::Action) -> Option<Forward> {
    let config = action.forward_config;
    let stickiness = config.as_ref().and_then(|c| c.target_group_stickiness_config.clone());
    let mut to = BTreeMap::new();
    for group in config.and_then(|c| c.target_groups).unwrap_or_default() {
        let weight = u16::try_from(group.weight.unwrap_or(1)).ok()?;
        to.insert(Link::Id(Id(group.target_group_arn?)), weight);
    }
    if to.is_empty() {
        to.insert(Link::Id(Id(action.target_group_arn?)), 1);
    }
    if let (1, Some(weight)) = (to.len(), to.values_mut().next()) {
        *weight = 1;
    }
    let stickiness = stickiness.filter(|s| s.enabled == Some(true)).and_then(|s| s.duration_seconds);
    let stickiness = stickiness.and_then(|seconds| u32::try_from(seconds).ok());
    Some(Forward { to, stickiness, external: false })
}

fn redirect(config: sdk::RedirectActionConfig) -> Option<Redirect> {
    let status = config.status_code?.as_str().strip_prefix("HTTP_")?.parse().ok()?;
    let same = Redirect::identity(status);
    Some(Redirect {
        protocol: config.protocol.unwrap_or(same.protocol),
        host: config.host.unwrap_or(same.host),
        port: config.port.unwrap_or(same.port),
        path: config.path.unwrap_or(same.path),
        query: config.query.unwrap_or(same.query),
        status,
    })
}

fn fixed_response(config: sdk::FixedResponseActionConfig) -> Option<FixedResponse> {
    Some(FixedResponse {
        status: config.status_code?.parse().ok()?,
        content_type: config.content_type.filter(|text| !text.is_empty()),
        body: config.message_body.filter(|text| !text.is_empty()),
    })
}

/// The list of actions that says this login and this action. Secrets are resolved here and nowhere before.
pub(super) fn to_sdk(
    operation: &str,
    login: Option<&Authenticate>,
    action: &Action,
    secrets: &Secrets<'_>,
) -> Result<Vec<sdk::Action>, CloudError> {
    let login = login.map(|login| authenticate::to_sdk(operation, login, secrets)).transpose()?.flatten();
    let action = routing_to_sdk(operation, action)?;
    Ok((1..).zip(login.into_iter().chain([action])).map(|(order, action)| action.order(order).build()).collect())
}

fn routing_to_sdk(operation: &str, action: &Action) -> Result<sdk::builders::ActionBuilder, CloudError> {
    let builder = sdk::Action::builder();
    Ok(match action {
        Action::Forward(Forward { to, stickiness, external: _ }) => {
            let one = |(group, weight): (&Link, &u16)| {
                let arn = arn(operation, group)?;
                Ok(sdk::TargetGroupTuple::builder().target_group_arn(arn).weight(i32::from(*weight)).build())
            };
            let groups = to.iter().map(one).collect::<Result<_, CloudError>>()?;
            let sticky = sdk::TargetGroupStickinessConfig::builder()
                .enabled(stickiness.is_some())
                .set_duration_seconds(stickiness.and_then(|seconds| i32::try_from(seconds).ok()))
                .build();
            let config = sdk::ForwardActionConfig::builder()
                .set_target_groups(Some(groups))
                .target_group_stickiness_config(sticky)
                .build();
            builder.r#type(sdk::ActionTypeEnum::Forward).forward_config(config)
        }
        Action::Redirect(Redirect { protocol, host, port, path, query, status }) => {
            let config = sdk::RedirectActionConfig::builder()
                .protocol(protocol)
                .host(host)
                .port(port)
                .path(path)
                .query(query)
                .status_code(format!("HTTP_{status}").as_str().into())
                .build();
            builder.r#type(sdk::ActionTypeEnum::Redirect).redirect_config(config)
        }
        Action::FixedResponse(FixedResponse { status, content_type, body }) => {
            let config = sdk::FixedResponseActionConfig::builder()
                .status_code(status.to_string())
                .set_content_type(content_type.clone().filter(|text| !text.is_empty()))
                .set_message_body(body.clone().filter(|text| !text.is_empty()))
                .build();
            builder.r#type(sdk::ActionTypeEnum::FixedResponse).fixed_response_config(config)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(action: &Action) -> Vec<sdk::Action> {
        let resolver: crate::aws::Resolver = std::sync::Arc::new(|_| Err("none".to_owned()));
        to_sdk("CreateRule", None, action, &Secrets::new(&resolver)).unwrap()
    }
    fn arn_of(name: &str) -> Link {
        Link::Id(Id(format!("arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/{name}/1")))
    }
    fn forward(to: &[(&str, u16)], stickiness: Option<u32>) -> Action {
        Action::Forward(Forward { to: to.iter().map(|(n, w)| (arn_of(n), *w)).collect(), stickiness, external: false })
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let redirect = Redirect { protocol: "HTTPS".into(), port: "443".into(), ..Redirect::identity(301) };
        let fixed = FixedResponse { status: 404, content_type: Some("text/plain".into()), body: None };
        for action in [
            forward(&[("a", 1)], None),
            forward(&[("a", 90), ("b", 10)], Some(600)),
            Action::Redirect(redirect),
            Action::FixedResponse(fixed),
        ] {
            let read = from_sdk(written(&action));
            let authenticate = Some(Authenticate::None);
            assert_eq!(read, Read { action: Some(action), authenticate, beyond: BTreeSet::new() });
        }
    }

    #[test]
    fn echoes_are_undone() {
        let Link::Id(group) = arn_of("a") else { panic!() };
        let bare =
            sdk::Action::builder().r#type(sdk::ActionTypeEnum::Forward).target_group_arn(&group.0).order(1).build();
        assert_eq!(from_sdk(vec![bare]).action, Some(forward(&[("a", 1)], None)));
        let mut weighted = written(&forward(&[("a", 0)], None));
        weighted[0].target_group_arn = Some(group.0);
        assert_eq!(from_sdk(weighted).action, Some(forward(&[("a", 1)], None)), "a lone weight means nothing");
        let config = sdk::RedirectActionConfig::builder().status_code("HTTP_302".into()).protocol("HTTPS").build();
        let action = sdk::Action::builder().r#type(sdk::ActionTypeEnum::Redirect).redirect_config(config).build();
        let want = Redirect { protocol: "HTTPS".into(), ..Redirect::identity(302) };
        assert_eq!(from_sdk(vec![action]).action, Some(Action::Redirect(want)));
    }

    #[test]
    fn what_cannot_be_expressed_is_named() {
        let login = sdk::Action::builder().r#type(sdk::ActionTypeEnum::AuthenticateOidc).order(1).build();
        let mut actions = written(&forward(&[("a", 1)], None));
        actions[0].order = Some(2);
        actions.push(login);
        let read = from_sdk(actions);
        assert_eq!(read.action, Some(forward(&[("a", 1)], None)));
        assert_eq!(read.beyond, BTreeSet::from(["authenticate".to_owned()]));
        let new = sdk::Action::builder().r#type("teleport".into()).build();
        assert_eq!(from_sdk(vec![new]).beyond, BTreeSet::from(["teleport".to_owned()]));
    }

    #[test]
    fn an_unbound_link_is_refused() {
        let action = Action::Forward(Forward::to_one(Link::Address(crate::model::Address::target_group("a"))));
        assert!(routing_to_sdk("CreateRule", &action).map(|_| ()).unwrap_err().message.contains("not known"));
    }
}
