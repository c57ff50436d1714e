//! Logins before an action: SDK shape ⇄ spec.
//!
//! AWS fills in what was omitted and never gives the client secret back; the SDK prints it with `Debug`,
//! so that nothing here is ever printed. A secret is resolved just before it is sent.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_elasticloadbalancingv2::types as sdk;

use super::execute::Secrets;
use crate::cloud::CloudError;
use crate::model::WriteOnly;
use crate::model::kind::{Authenticate, Claim, ClaimFormat, Cognito, Jwt, Login, Oidc, OnUnauthenticated};

/// Reads an action that authenticates; `None` if it cannot be expressed.
pub(super) fn from_sdk(action: sdk::Action) -> Option<Authenticate> {
    match action.r#type.as_ref()?.as_str() {
        "authenticate-oidc" => action.authenticate_oidc_config.and_then(oidc).map(Authenticate::Oidc),
        "authenticate-cognito" => action.authenticate_cognito_config.and_then(cognito).map(Authenticate::Cognito),
        "jwt-validation" => action.jwt_validation_config.and_then(jwt).map(Authenticate::Jwt),
        _ => None,
    }
}

fn oidc(config: sdk::AuthenticateOidcActionConfig) -> Option<Oidc> {
    Some(Oidc {
        issuer: config.issuer?,
        authorization_endpoint: config.authorization_endpoint?,
        token_endpoint: config.token_endpoint?,
        user_info_endpoint: config.user_info_endpoint?,
        client_id: config.client_id?,
        client_secret: WriteOnly::Kept,
        login: login(
            (config.scope, config.session_cookie_name, config.session_timeout),
            config.on_unauthenticated_request.as_ref().map(|behaviour| behaviour.as_str()),
            config.authentication_request_extra_params,
        ),
    })
}

fn cognito(config: sdk::AuthenticateCognitoActionConfig) -> Option<Cognito> {
    Some(Cognito {
        user_pool_arn: config.user_pool_arn?,
        user_pool_client_id: config.user_pool_client_id?,
        user_pool_domain: config.user_pool_domain?,
        login: login(
            (config.scope, config.session_cookie_name, config.session_timeout),
            config.on_unauthenticated_request.as_ref().map(|behaviour| behaviour.as_str()),
            config.authentication_request_extra_params,
        ),
    })
}

/// What both kinds of login say alike, in types that the SDK has twice.
fn login(
    (scope, session_cookie_name, session_timeout): (Option<String>, Option<String>, Option<i64>),
    behaviour: Option<&str>,
    extra_params: Option<HashMap<String, String>>,
) -> Login {
    Login {
        scope,
        session_cookie_name,
        session_timeout: session_timeout.and_then(|seconds| u32::try_from(seconds).ok()),
        on_unauthenticated: behaviour.and_then(OnUnauthenticated::from_aws),
        extra_params: Some(extra_params.unwrap_or_default().into_iter().collect()),
    }
}

fn jwt(config: sdk::JwtValidationActionConfig) -> Option<Jwt> {
    let claim = |claim: sdk::JwtValidationActionAdditionalClaim| {
        Some(Claim {
            name: claim.name?,
            format: ClaimFormat::from_aws(claim.format?.as_str())?,
            values: claim.values.unwrap_or_default().into_iter().collect(),
        })
    };
    let claims = config.additional_claims.unwrap_or_default().into_iter().map(claim);
    Some(Jwt {
        jwks_endpoint: config.jwks_endpoint?,
        issuer: config.issuer?,
        additional_claims: Some(claims.collect::<Option<_>>()?),
    })
}

/// The action that says this; `None` for no login.
pub(super) fn to_sdk(
    operation: &str,
    login: &Authenticate,
    secrets: &Secrets<'_>,
) -> Result<Option<sdk::builders::ActionBuilder>, CloudError> {
    let action = sdk::Action::builder();
    Ok(match login {
        Authenticate::None => None,
        Authenticate::Oidc(oidc) => {
            let config = oidc_to_sdk(operation, oidc, secrets)?;
            Some(action.r#type(sdk::ActionTypeEnum::AuthenticateOidc).authenticate_oidc_config(config))
        }
        Authenticate::Cognito(cognito) => {
            let config = cognito_to_sdk(cognito);
            Some(action.r#type(sdk::ActionTypeEnum::AuthenticateCognito).authenticate_cognito_config(config))
        }
        Authenticate::Jwt(jwt) => {
            Some(action.r#type(sdk::ActionTypeEnum::JwtValidation).jwt_validation_config(jwt_to_sdk(jwt)))
        }
    })
}

fn oidc_to_sdk(
    operation: &str,
    oidc: &Oidc,
    secrets: &Secrets<'_>,
) -> Result<sdk::AuthenticateOidcActionConfig, CloudError> {
    let Oidc { issuer, authorization_endpoint, token_endpoint, user_info_endpoint, client_id, client_secret, login } =
        oidc;
    let Login { scope, session_cookie_name, session_timeout, on_unauthenticated, extra_params } = login;
    let (secret, existing) = match client_secret {
        WriteOnly::Sent(source) => (Some(secrets.value(operation, source)?), None),
        WriteOnly::Kept => (None, Some(true)),
    };
    Ok(sdk::AuthenticateOidcActionConfig::builder()
        .issuer(issuer)
        .authorization_endpoint(authorization_endpoint)
        .token_endpoint(token_endpoint)
        .user_info_endpoint(user_info_endpoint)
        .client_id(client_id)
        .set_client_secret(secret)
        .set_use_existing_client_secret(existing)
        .set_scope(scope.clone())
        .set_session_cookie_name(session_cookie_name.clone())
        .set_session_timeout(session_timeout.map(i64::from))
        .set_on_unauthenticated_request(on_unauthenticated.map(|o| o.aws().into()))
        .set_authentication_request_extra_params(sent(extra_params.as_ref()))
        .build())
}

fn cognito_to_sdk(cognito: &Cognito) -> sdk::AuthenticateCognitoActionConfig {
    let Cognito { user_pool_arn, user_pool_client_id, user_pool_domain, login } = cognito;
    let Login { scope, session_cookie_name, session_timeout, on_unauthenticated, extra_params } = login;
    sdk::AuthenticateCognitoActionConfig::builder()
        .user_pool_arn(user_pool_arn)
        .user_pool_client_id(user_pool_client_id)
        .user_pool_domain(user_pool_domain)
        .set_scope(scope.clone())
        .set_session_cookie_name(session_cookie_name.clone())
        .set_session_timeout(session_timeout.map(i64::from))
        .set_on_unauthenticated_request(on_unauthenticated.map(|o| o.aws().into()))
        .set_authentication_request_extra_params(sent(extra_params.as_ref()))
        .build()
}

/// The list of actions is replaced whole, so that leaving parameters out takes them away.
fn sent(params: Option<&BTreeMap<String, String>>) -> Option<HashMap<String, String>> {
    let params = params.filter(|params| !params.is_empty())?;
    Some(params.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn jwt_to_sdk(jwt: &Jwt) -> sdk::JwtValidationActionConfig {
    let Jwt { jwks_endpoint, issuer, additional_claims } = jwt;
    let one = |Claim { name, format, values }: &Claim| {
        sdk::JwtValidationActionAdditionalClaim::builder()
            .name(name)
            .format(format.aws().into())
            .set_values(Some(values.iter().cloned().collect()))
            .build()
    };
    let claims = additional_claims.as_ref().filter(|claims| !claims.is_empty());
    sdk::JwtValidationActionConfig::builder()
        .jwks_endpoint(jwks_endpoint)
        .issuer(issuer)
        .set_additional_claims(claims.map(|claims| claims.iter().map(one).collect()))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Resolver;
    use crate::model::SecretRef;
    use std::sync::Arc;

    fn resolver() -> Resolver {
        Arc::new(|_| Ok("s3cret".to_owned()))
    }
    fn oidc(client_secret: WriteOnly) -> Authenticate {
        let url = |path: &str| format!("https://login.example.com{path}");
        Authenticate::Oidc(Oidc {
            issuer: url(""),
            authorization_endpoint: url("/authorize"),
            token_endpoint: url("/token"),
            user_info_endpoint: url("/me"),
            client_id: "shop".into(),
            client_secret,
            login: Login { extra_params: Some([("prompt".into(), "login".into())].into()), ..Login::default() },
        })
    }
    fn sent(login: &Authenticate) -> sdk::Action {
        let resolver = resolver();
        to_sdk("CreateRule", login, &Secrets::new(&resolver)).unwrap().unwrap().build()
    }

    #[test]
    fn what_is_written_is_what_is_read_without_the_secret() {
        let secret = WriteOnly::Sent(SecretRef::Env("OIDC".into()));
        let action = sent(&oidc(secret));
        let config = action.authenticate_oidc_config.as_ref().unwrap();
        assert_eq!((config.client_secret.as_deref(), config.use_existing_client_secret), (Some("s3cret"), None));
        assert_eq!(from_sdk(action), Some(oidc(WriteOnly::Kept)));
        let kept = sent(&oidc(WriteOnly::Kept)).authenticate_oidc_config.unwrap();
        assert_eq!((kept.client_secret, kept.use_existing_client_secret), (None, Some(true)));
    }

    #[test]
    fn cognito_and_tokens_survive_the_round_trip() {
        let cognito = Cognito {
            user_pool_arn: "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_a".into(),
            user_pool_client_id: "c".into(),
            user_pool_domain: "shop".into(),
            login: Login { on_unauthenticated: Some(OnUnauthenticated::Deny), ..Login::of_aws() },
        };
        let claim =
            Claim { name: "aud".into(), format: ClaimFormat::StringArray, values: ["a".into(), "b".into()].into() };
        let jwt = Jwt {
            jwks_endpoint: "https://login.example.com/jwks".into(),
            issuer: "https://login.example.com".into(),
            additional_claims: Some([claim].into()),
        };
        for login in [Authenticate::Cognito(cognito), Authenticate::Jwt(jwt)] {
            assert_eq!(from_sdk(sent(&login)), Some(login));
        }
        let resolver = resolver();
        assert!(to_sdk("", &Authenticate::None, &Secrets::new(&resolver)).unwrap().is_none());
    }
}
