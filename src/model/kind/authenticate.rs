//! Who must prove who they are before a rule or a listener's default acts: users of OpenID Connect or
//! Cognito, or bearers of a signed token.
//!
//! Optional fields are `None` where they are undeclared. AWS never gives a client secret back: that there
//! is one is all that can be compared. Source: API `AuthenticateOidcActionConfig`,
//! `AuthenticateCognitoActionConfig`, `JwtValidationActionConfig`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::or;
use crate::model::value::words;
use crate::model::{Comparer, Mutability, SecretRef, UndeclaredFields, WriteOnly};

/// What stands before an action. AWS keeps it in the same list as the action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authenticate {
    /// Nothing: everybody may pass.
    None,
    /// Users log in with an OpenID Connect provider.
    Oidc(Oidc),
    /// Users log in with Amazon Cognito.
    Cognito(Cognito),
    /// Requests bear a signed token (JWT).
    Jwt(Jwt),
}

/// OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oidc {
    /// Who issues tokens, a URL.
    pub issuer: String,
    /// Where users log in, a URL.
    pub authorization_endpoint: String,
    /// Where tokens are had, a URL.
    pub token_endpoint: String,
    /// Where claims are had, a URL.
    pub user_info_endpoint: String,
    /// Who we are to the provider.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: WriteOnly,
    /// What is the same for every provider.
    #[serde(flatten)]
    pub login: Login,
}

/// Amazon Cognito.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cognito {
    /// The user pool.
    pub user_pool_arn: String,
    /// Who we are to the pool.
    pub user_pool_client_id: String,
    /// Prefix or whole name of the pool's domain.
    pub user_pool_domain: String,
    /// What is the same for every provider.
    #[serde(flatten)]
    pub login: Login,
}

/// The session of a user who logs in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Which claims are asked for.
    pub scope: Option<String>,
    /// The name of the session's cookie.
    pub session_cookie_name: Option<String>,
    /// How long a session lasts, in seconds.
    pub session_timeout: Option<u32>,
    /// What happens to those who are not logged in.
    pub on_unauthenticated: Option<OnUnauthenticated>,
    /// Parameters added to the redirect to the provider.
    pub extra_params: Option<BTreeMap<String, String>>,
}

/// A signed token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwt {
    /// Where the keys are published, a URL.
    pub jwks_endpoint: String,
    /// Who issues the tokens.
    pub issuer: String,
    /// What a token must say besides; `exp`, `iss`, `nbf` and `iat` are always checked.
    pub additional_claims: Option<BTreeSet<Claim>>,
}

/// A claim that a token must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// How its value is written.
    pub format: ClaimFormat,
    /// The values that are accepted.
    pub values: BTreeSet<String>,
}

words! {
    /// What happens to a request whose sender is not logged in (API: `OnUnauthenticatedRequest`).
    OnUnauthenticated {
        /// 401.
        Deny = "deny" / "deny",
        /// It passes all the same.
        Allow = "allow" / "allow",
        /// It is redirected to the provider; AWS's default.
        Authenticate = "authenticate" / "authenticate",
    }
}

words! {
    /// How the value of a claim is written (API: `JwtValidationActionAdditionalClaim.Format`).
    ClaimFormat {
        /// One text.
        SingleString = "single-string" / "single-string",
        /// A list of texts.
        StringArray = "string-array" / "string-array",
        /// Words in one text.
        SpaceSeparatedValues = "space-separated-values" / "space-separated-values",
    }
}

impl Authenticate {
    /// The path of a rule's client secret; a listener's stands under `default`.
    pub const SECRET: &'static str = "authenticate.oidc.client_secret";

    /// The key in the desired-state language, or its word.
    const fn key(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Oidc(_) => "oidc",
            Self::Cognito(_) => "cognito",
            Self::Jwt(_) => "jwt",
        }
    }

    /// Where its secret comes from, if it is to be sent.
    pub const fn secret(&self) -> Option<&SecretRef> {
        match self {
            Self::Oidc(Oidc { client_secret: WriteOnly::Sent(source), .. }) => Some(source),
            Self::Oidc(_) | Self::None | Self::Cognito(_) | Self::Jwt(_) => None,
        }
    }

    /// The same without a secret to send: as AWS tells it.
    #[must_use]
    pub fn kept(self) -> Self {
        match self {
            Self::Oidc(oidc) => Self::Oidc(Oidc { client_secret: WriteOnly::Kept, ..oidc }),
            other @ (Self::None | Self::Cognito(_) | Self::Jwt(_)) => other,
        }
    }

    /// The same with the secret of another, which is sent again.
    #[must_use]
    pub fn with_secret_of(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Oidc(oidc), Self::Oidc(Oidc { client_secret, .. })) => {
                Self::Oidc(Oidc { client_secret: client_secret.clone(), ..oidc })
            }
            (this, _) => this,
        }
    }

    /// Whether a live one is as declared.
    pub fn fits(self, live: Option<&Self>) -> bool {
        let live = live.unwrap_or(&Self::None);
        self.over(live) == *live
    }

    /// Declared over live. A secret is sent with what is new or changed; else AWS keeps the one it has.
    #[must_use]
    pub fn over(self, live: &Self) -> Self {
        let merged = match (self, live) {
            (Self::Oidc(want), Self::Oidc(live)) => Self::Oidc(Oidc { login: want.login.over(&live.login), ..want }),
            (Self::Cognito(want), Self::Cognito(live)) => {
                Self::Cognito(Cognito { login: want.login.over(&live.login), ..want })
            }
            (Self::Jwt(want), Self::Jwt(live)) => {
                let additional_claims = or(want.additional_claims, &live.additional_claims);
                Self::Jwt(Jwt { additional_claims, ..want })
            }
            (want, _) => want,
        };
        if merged.clone().kept() == *live { live.clone() } else { merged }
    }

    /// With what AWS fills in where nothing is said.
    #[must_use]
    pub fn with_defaults(self) -> Self {
        match self {
            Self::Oidc(oidc) => Self::Oidc(Oidc { login: oidc.login.over(&Login::of_aws()), ..oidc }),
            Self::Cognito(cognito) => Self::Cognito(Cognito { login: cognito.login.over(&Login::of_aws()), ..cognito }),
            Self::Jwt(jwt) => {
                Self::Jwt(Jwt { additional_claims: Some(jwt.additional_claims.unwrap_or_default()), ..jwt })
            }
            Self::None => Self::None,
        }
    }

    /// As reports show it, in the shape of the desired-state language.
    pub fn shown(&self) -> Value {
        let under = |value: Value| json!({ self.key(): value });
        match self {
            Self::None => json!("none"),
            Self::Oidc(oidc) => under(oidc.shown()),
            Self::Cognito(cognito) => under(said(cognito)),
            Self::Jwt(jwt) => under(said(jwt)),
        }
    }

    /// Adds the differences at `at`: the path of `authenticate`.
    pub(super) fn compare(live: Option<&Self>, want: Option<&Self>, at: &str, c: &mut Comparer) {
        let Some(want) = want else { return };
        match (live.unwrap_or(&Self::None), want) {
            (Self::None, Self::None) => {}
            (Self::Oidc(live), Self::Oidc(want)) => live.compare(want, &format!("{at}.oidc"), c),
            (Self::Cognito(live), Self::Cognito(want)) => live.compare(want, &format!("{at}.cognito"), c),
            (Self::Jwt(live), Self::Jwt(want)) => live.compare(want, &format!("{at}.jwt"), c),
            (live, want) => c.push(at, live.shown(), want.shown(), Mutability::InPlace),
        }
    }

    /// Adds the live settings that the files do not mention.
    pub(super) fn undeclared(live: Option<&Self>, want: Option<&Self>, at: &str, u: &mut UndeclaredFields) {
        match (live.unwrap_or(&Self::None), want) {
            (live, None) => u.field(at, &Some(live.shown()), &None, Some(Self::None.shown())),
            (Self::Oidc(live), Some(Self::Oidc(want))) => live.login.undeclared(&want.login, &format!("{at}.oidc"), u),
            (Self::Cognito(live), Some(Self::Cognito(want))) => {
                live.login.undeclared(&want.login, &format!("{at}.cognito"), u);
            }
            (Self::Jwt(live), Some(Self::Jwt(want))) => {
                let none = Some(BTreeSet::new());
                u.field(&format!("{at}.jwt.additional_claims"), &live.additional_claims, &want.additional_claims, none);
            }
            (_, Some(_)) => {}
        }
    }
}

/// A serialised struct without what is not said.
fn said(value: &impl Serialize) -> Value {
    let Ok(Value::Object(map)) = serde_json::to_value(value) else { return Value::Null };
    Value::Object(map.into_iter().filter(|(_, v)| !v.is_null()).collect::<Map<_, _>>())
}

impl Oidc {
    fn shown(&self) -> Value {
        let mut shown = said(self);
        shown["client_secret"] = json!(self.client_secret.to_string());
        shown
    }

    fn compare(&self, want: &Self, at: &str, c: &mut Comparer) {
        let Self {
            issuer,
            authorization_endpoint,
            token_endpoint,
            user_info_endpoint,
            client_id,
            client_secret: _,
            login,
        } = want;
        let mut text = |key: &str, live: &String, want: &String| {
            c.in_place(&format!("{at}.{key}"), &Some(live), &Some(want));
        };
        text("issuer", &self.issuer, issuer);
        text("authorization_endpoint", &self.authorization_endpoint, authorization_endpoint);
        text("token_endpoint", &self.token_endpoint, token_endpoint);
        text("user_info_endpoint", &self.user_info_endpoint, user_info_endpoint);
        text("client_id", &self.client_id, client_id);
        self.login.compare(login, at, c);
    }
}

impl Cognito {
    fn compare(&self, want: &Self, at: &str, c: &mut Comparer) {
        let Self { user_pool_arn, user_pool_client_id, user_pool_domain, login } = want;
        let mut text = |key: &str, live: &String, want: &String| {
            c.in_place(&format!("{at}.{key}"), &Some(live), &Some(want));
        };
        text("user_pool_arn", &self.user_pool_arn, user_pool_arn);
        text("user_pool_client_id", &self.user_pool_client_id, user_pool_client_id);
        text("user_pool_domain", &self.user_pool_domain, user_pool_domain);
        self.login.compare(login, at, c);
    }
}

impl Jwt {
    fn compare(&self, want: &Self, at: &str, c: &mut Comparer) {
        let Self { jwks_endpoint, issuer, additional_claims } = want;
        c.in_place(&format!("{at}.jwks_endpoint"), &Some(&self.jwks_endpoint), &Some(jwks_endpoint));
        c.in_place(&format!("{at}.issuer"), &Some(&self.issuer), &Some(issuer));
        c.in_place(&format!("{at}.additional_claims"), &self.additional_claims, additional_claims);
    }
}

impl Login {
    /// What AWS takes where nothing is said (API: `AuthenticateOidcActionConfig`).
    pub fn of_aws() -> Self {
        Self {
            scope: Some("openid".to_owned()),
            session_cookie_name: Some("AWSELBAuthSessionCookie".to_owned()),
            session_timeout: Some(604_800),
            on_unauthenticated: Some(OnUnauthenticated::Authenticate),
            extra_params: Some(BTreeMap::new()),
        }
    }

    fn over(self, live: &Self) -> Self {
        let Self { scope, session_cookie_name, session_timeout, on_unauthenticated, extra_params } = self;
        Self {
            scope: or(scope, &live.scope),
            session_cookie_name: or(session_cookie_name, &live.session_cookie_name),
            session_timeout: or(session_timeout, &live.session_timeout),
            on_unauthenticated: or(on_unauthenticated, &live.on_unauthenticated),
            extra_params: or(extra_params, &live.extra_params),
        }
    }

    fn compare(&self, want: &Self, at: &str, c: &mut Comparer) {
        let Self { scope, session_cookie_name, session_timeout, on_unauthenticated, extra_params } = want;
        c.in_place(&format!("{at}.scope"), &self.scope, scope);
        c.in_place(&format!("{at}.session_cookie_name"), &self.session_cookie_name, session_cookie_name);
        c.in_place(&format!("{at}.session_timeout"), &self.session_timeout, session_timeout);
        c.in_place(&format!("{at}.on_unauthenticated"), &self.on_unauthenticated, on_unauthenticated);
        c.in_place(&format!("{at}.extra_params"), &self.extra_params, extra_params);
    }

    fn undeclared(&self, want: &Self, at: &str, u: &mut UndeclaredFields) {
        let Self { scope, session_cookie_name, session_timeout, on_unauthenticated, extra_params } = want;
        let usual = Self::of_aws();
        let key = |key: &str| format!("{at}.{key}");
        u.field(&key("scope"), &self.scope, scope, usual.scope);
        let cookie = usual.session_cookie_name;
        u.field(&key("session_cookie_name"), &self.session_cookie_name, session_cookie_name, cookie);
        u.field(&key("session_timeout"), &self.session_timeout, session_timeout, usual.session_timeout);
        u.field(&key("on_unauthenticated"), &self.on_unauthenticated, on_unauthenticated, usual.on_unauthenticated);
        u.field(&key("extra_params"), &self.extra_params, extra_params, usual.extra_params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oidc(client_id: &str, timeout: Option<u32>, client_secret: WriteOnly) -> Authenticate {
        let url = |path: &str| format!("https://login.example.com{path}");
        Authenticate::Oidc(Oidc {
            issuer: url(""),
            authorization_endpoint: url("/authorize"),
            token_endpoint: url("/token"),
            user_info_endpoint: url("/me"),
            client_id: client_id.to_owned(),
            client_secret,
            login: Login { session_timeout: timeout, ..Login::default() },
        })
    }

    #[test]
    fn a_secret_is_sent_only_with_what_differs() {
        let secret = || WriteOnly::Sent(SecretRef::Env("SECRET".into()));
        let live = oidc("a", Some(60), WriteOnly::Kept).with_defaults();
        assert_eq!(oidc("a", None, secret()).over(&live), live, "what is undeclared stays, the secret is kept");
        assert!(oidc("b", None, secret()).over(&live).secret().is_some());
        assert!(oidc("a", Some(61), secret()).over(&live).secret().is_some());
        assert!(oidc("a", None, secret()).over(&Authenticate::None).secret().is_some());
    }

    #[test]
    fn a_secret_is_no_difference_and_its_value_is_nowhere() {
        let secret = WriteOnly::Sent(SecretRef::Env("SECRET".into()));
        let (live, want) = (oidc("a", Some(60), WriteOnly::Kept), oidc("b", Some(60), secret));
        let mut c = Comparer::default();
        Authenticate::compare(Some(&live), Some(&want), "authenticate", &mut c);
        let paths: Vec<String> = c.finish().into_iter().map(|f| f.path.to_string()).collect();
        assert_eq!(paths, ["authenticate.oidc.client_id"]);
        assert_eq!(want.shown()["oidc"]["client_secret"], "(secret from env SECRET)");
        assert_eq!(live.shown()["oidc"]["client_secret"], "(secret)");
    }
}
