//! Logins before actions: every field of each kind, on rules and on listeners' defaults.

use aws_sdk_elasticloadbalancingv2::types::builders::{
    AuthenticateCognitoActionConfigBuilder as CognitoBuilder, AuthenticateOidcActionConfigBuilder as OidcBuilder,
    JwtValidationActionConfigBuilder as JwtBuilder,
};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, AuthenticateCognitoActionConditionalBehaviorEnum as CognitoElse,
    AuthenticateCognitoActionConfig, AuthenticateOidcActionConditionalBehaviorEnum as OidcElse,
    AuthenticateOidcActionConfig, FixedResponseActionConfig, JwtValidationActionAdditionalClaim as Claim,
    JwtValidationActionAdditionalClaimFormatEnum as Format, JwtValidationActionConfig,
};

use super::live::Live;
use super::{Case, field, run_on};
use crate::localstack::stack::Stack;

const OIDC: &str = r#"oidc: { issuer: "https://id.example.com", authorization_endpoint: "https://id.example.com/authorize", token_endpoint: "https://id.example.com/token", user_info_endpoint: "https://id.example.com/me", client_id: shop, client_secret: { file: ../oidc.secret }, scope: "openid email", session_cookie_name: Shop, session_timeout: 8h, on_unauthenticated: deny, extra_params: { prompt: login } }"#;
const COGNITO: &str = r#"cognito: { user_pool_arn: "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_abc", user_pool_client_id: shop, user_pool_domain: shop-login, scope: openid, session_cookie_name: Shop, session_timeout: 8h, on_unauthenticated: allow, extra_params: {} }"#;
const JWT: &str = r#"jwt: { jwks_endpoint: "https://id.example.com/keys", issuer: "https://id.example.com", additional_claims: [{ name: aud, format: string-array, values: [shop, till] }] }"#;

/// What says of a setting that no user can log in with another one.
const FAILS: &[&str] = &["E807"];
/// The secret of the client, and another one that somebody sets by hand.
pub(in crate::localstack) const SECRET: &str = "m4rked-client-secret";

/// Where a login stands: its address, its path there, and how it is changed.
#[derive(Clone, Copy)]
enum Place {
    Rule(&'static str, &'static str),
    Listener(u16),
}

impl Place {
    fn path(self, path: &str) -> (String, String) {
        let path = if path.is_empty() { "authenticate".to_owned() } else { format!("authenticate.{path}") };
        match self {
            Self::Rule(_, address) => (address.to_owned(), path),
            Self::Listener(port) => (format!("listener/web:{port}"), format!("default.{path}")),
        }
    }

    /// Replaces the list of actions: a login, and what was declared after it.
    fn write(self, live: &Live, login: Option<Action>) {
        let answer = FixedResponseActionConfig::builder().status_code("403").content_type("text/plain");
        let answer = answer.message_body("closed").build();
        let answer = Action::builder().r#type(ActionTypeEnum::FixedResponse).order(2).fixed_response_config(answer);
        let actions: Vec<Action> = login.into_iter().chain([answer.build()]).collect();
        match self {
            Self::Rule(priority, _) => live.rule(priority, |r| r.set_actions(Some(actions))),
            Self::Listener(port) => live.listener(port, |l| l.set_default_actions(Some(actions))),
        }
    }
}

fn case(place: Place, path: &str, login: impl Fn() -> Action + 'static) -> Case {
    let (address, path) = place.path(path);
    field(&address, &path, move |live| place.write(live, Some(login())))
}

fn oidc(place: Place, path: &str, with: fn(OidcBuilder) -> OidcBuilder) -> Case {
    case(place, &format!("oidc.{path}"), move || {
        let url = |path: &str| format!("https://id.example.com{path}");
        let config = AuthenticateOidcActionConfig::builder()
            .issuer(url(""))
            .authorization_endpoint(url("/authorize"))
            .token_endpoint(url("/token"))
            .user_info_endpoint(url("/me"))
            .client_id("shop")
            .use_existing_client_secret(true)
            .scope("openid email")
            .session_cookie_name("Shop")
            .session_timeout(8 * 3600)
            .on_unauthenticated_request(OidcElse::Deny)
            .authentication_request_extra_params("prompt", "login");
        let action = Action::builder().r#type(ActionTypeEnum::AuthenticateOidc).order(1);
        action.authenticate_oidc_config(with(config).build()).build()
    })
}

fn oidc_cases(place: Place) -> Vec<Case> {
    vec![
        oidc(place, "issuer", |c| c.issuer("https://other.example.com")).risky(FAILS),
        oidc(place, "authorization_endpoint", |c| c.authorization_endpoint("https://other.example.com/authorize"))
            .risky(FAILS),
        oidc(place, "token_endpoint", |c| c.token_endpoint("https://other.example.com/token")).risky(FAILS),
        oidc(place, "user_info_endpoint", |c| c.user_info_endpoint("https://other.example.com/me")).risky(FAILS),
        oidc(place, "client_id", |c| c.client_id("other")).risky(FAILS),
        oidc(place, "scope", |c| c.scope("openid")),
        oidc(place, "session_cookie_name", |c| c.session_cookie_name("Other")),
        oidc(place, "session_timeout", |c| c.session_timeout(60)),
        oidc(place, "on_unauthenticated", |c| c.on_unauthenticated_request(OidcElse::Allow)),
        oidc(place, "extra_params", |c| c.authentication_request_extra_params("prompt", "none")),
        nobody(place),
    ]
}

/// Everybody may pass: the whole login differs.
fn nobody(place: Place) -> Case {
    let (address, path) = place.path("");
    field(&address, &path, move |live| place.write(live, None))
}

fn cognito(place: Place, path: &str, with: fn(CognitoBuilder) -> CognitoBuilder) -> Case {
    case(place, &format!("cognito.{path}"), move || {
        let config = AuthenticateCognitoActionConfig::builder()
            .user_pool_arn("arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_abc")
            .user_pool_client_id("shop")
            .user_pool_domain("shop-login")
            .scope("openid")
            .session_cookie_name("Shop")
            .session_timeout(8 * 3600)
            .on_unauthenticated_request(CognitoElse::Allow);
        let action = Action::builder().r#type(ActionTypeEnum::AuthenticateCognito).order(1);
        action.authenticate_cognito_config(with(config).build()).build()
    })
}

fn cognito_cases(place: Place) -> Vec<Case> {
    vec![
        cognito(place, "user_pool_arn", |c| {
            c.user_pool_arn("arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_other")
        })
        .risky(FAILS),
        cognito(place, "user_pool_client_id", |c| c.user_pool_client_id("other")).risky(FAILS),
        cognito(place, "user_pool_domain", |c| c.user_pool_domain("other")).risky(FAILS),
        cognito(place, "scope", |c| c.scope("openid email")),
        cognito(place, "session_cookie_name", |c| c.session_cookie_name("Other")),
        cognito(place, "session_timeout", |c| c.session_timeout(60)),
        cognito(place, "on_unauthenticated", |c| c.on_unauthenticated_request(CognitoElse::Deny)),
        cognito(place, "extra_params", |c| c.authentication_request_extra_params("prompt", "none")),
        nobody(place),
    ]
}

fn jwt(place: Place, path: &str, with: fn(JwtBuilder) -> JwtBuilder) -> Case {
    case(place, &format!("jwt.{path}"), move || {
        let claim = Claim::builder().name("aud").format(Format::StringArray).values("shop").values("till").build();
        let config = JwtValidationActionConfig::builder()
            .jwks_endpoint("https://id.example.com/keys")
            .issuer("https://id.example.com")
            .additional_claims(claim);
        let action = Action::builder().r#type(ActionTypeEnum::JwtValidation).order(1);
        action.jwt_validation_config(with(config).build()).build()
    })
}

fn jwt_cases(place: Place) -> Vec<Case> {
    vec![
        jwt(place, "jwks_endpoint", |c| c.jwks_endpoint("https://other.example.com/keys")),
        jwt(place, "issuer", |c| c.issuer("https://other.example.com")),
        jwt(place, "additional_claims", |c| {
            let claim = Claim::builder().name("aud").format(Format::StringArray).values("shop").build();
            c.set_additional_claims(Some(vec![claim]))
        }),
        jwt(place, "additional_claims", |c| {
            let claim = Claim::builder().name("aud").format(Format::SingleString).values("shop").values("till").build();
            c.set_additional_claims(Some(vec![claim]))
        }),
        nobody(place),
    ]
}

/// The stack with a login of each kind before a rule's action and before a listener's default.
fn stack() -> Stack {
    let stack = Stack::prepared();
    stack.account.write("oidc.secret", SECRET);
    let answer = r#"fixed_response: { status: 403, content_type: text/plain, body: "closed" }"#;
    let (mut rules, mut listeners) = (String::new(), String::new());
    for (at, (kind, login)) in [("oidc", OIDC), ("cognito", COGNITO), ("jwt", JWT)].into_iter().enumerate() {
        let (priority, port) = (50 + at, 8443 + at);
        rules.push_str(&format!(
            "\n          {kind}:\n            priority: {priority}\n            when: {{ path: [\"/{kind}/*\"] }}\n            authenticate: {{ {login} }}\n            {answer}"
        ));
        listeners.push_str(&format!(
            "\n      {port}:\n        protocol: https\n        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06\n        certificate: app\n        default: {{ authenticate: {{ {login} }}, {answer} }}"
        ));
    }
    stack.edit("body: \"closed\" }", &format!("body: \"closed\" }}{rules}{listeners}"));
    stack.apply();
    stack
}

/// Every case of this file.
pub(super) fn cases() -> Vec<Case> {
    let rules = [
        oidc_cases(Place::Rule("50", "rule/web:443/oidc")),
        cognito_cases(Place::Rule("51", "rule/web:443/cognito")),
        jwt_cases(Place::Rule("52", "rule/web:443/jwt")),
    ];
    let listeners =
        [oidc_cases(Place::Listener(8443)), cognito_cases(Place::Listener(8444)), jwt_cases(Place::Listener(8445))];
    rules.into_iter().chain(listeners).flatten().collect()
}

#[test]
fn logins() {
    run_on(&stack(), cases());
}

#[test]
fn a_login_that_no_file_mentions_survives_a_change_of_the_action() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    let config = AuthenticateOidcActionConfig::builder()
        .issuer("https://id.example.com")
        .authorization_endpoint("https://id.example.com/authorize")
        .token_endpoint("https://id.example.com/token")
        .user_info_endpoint("https://id.example.com/me")
        .client_id("by-hand")
        .client_secret("s3cret");
    let login = Action::builder().r#type(ActionTypeEnum::AuthenticateOidc).order(1);
    Place::Rule("40", "").write(&live, Some(login.authenticate_oidc_config(config.build()).build()));
    let plan = stack.plan();
    let json = plan.json();
    let fields: Vec<&str> = json["changes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|c| c["fields"].as_array().unwrap())
        .map(|f| f["path"].as_str().unwrap())
        .collect();
    // only the answer that was written with it
    assert_eq!(fields, ["fixed_response.status"], "{}", plan.all());
    let undeclared = json["undeclared"].as_array().unwrap();
    assert!(undeclared.iter().any(|u| u["address"] == "rule/web:443/closed" && u["path"] == "authenticate"), "{json}");
    stack.apply();
    super::clean(&stack).unwrap();
    let call = stack.account.elb.describe_rules().rule_arns(&live.rules["40"]);
    let rules = crate::support::wait_for(call.send()).unwrap();
    let actions = rules.rules()[0].actions();
    let client = actions[0].authenticate_oidc_config().and_then(|c| c.client_id());
    assert_eq!((actions.len(), client), (2, Some("by-hand")), "the login was lost");
    assert_eq!(actions[1].fixed_response_config().and_then(|c| c.status_code()), Some("503"));
}
