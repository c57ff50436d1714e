//! Logins before an action: OpenID Connect, Cognito, signed tokens.
//!
//! Source: API `AuthenticateOidcActionConfig`, `AuthenticateCognitoActionConfig`,
//! `JwtValidationActionConfig`; user guide "Authenticate users using an Application Load Balancer"

use std::collections::{BTreeMap, BTreeSet};

use super::super::node::Node;
use super::super::problem::Problem;
use super::super::reader::{Reader, secret, text_of};
use super::super::shape::{Complaint, Field, MapRule, NamedRule, Shape, TextRule, field};
use super::certificate::SECRET;
use crate::model::kind::{Authenticate, Claim, ClaimFormat, Cognito, Jwt, Login, Oidc, OnUnauthenticated};
use crate::model::value::Protocol;
use crate::model::{Address, FieldPath, Span, Spec, WriteOnly};

const URL: TextRule = TextRule { noun: "a whole https URL", min: 1, max: 2048, pattern: "^https://[^/]", check: https };
const JWKS_URL: TextRule = TextRule { max: 256, ..URL };
const ISSUER: TextRule = TextRule::any("the issuer of the tokens", 1, 256);
const CLIENT: TextRule = TextRule::any("the client's id", 1, 2048);
const POOL: TextRule = TextRule {
    noun: "the ARN of a user pool",
    min: 1,
    max: 2048,
    pattern: "^arn:aws[a-z-]*:cognito-idp:.*:userpool/",
    check: |text| match text.split(':').collect::<Vec<_>>()[..] {
        ["arn", partition, "cognito-idp", _, _, pool]
            if partition.starts_with("aws") && pool.starts_with("userpool/") =>
        {
            Ok(())
        }
        _ => Err(Complaint::must("must be the ARN of a user pool")
            .hint("arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID; `aws cognito-idp list-user-pools` lists the ids")),
    },
};
const DOMAIN: TextRule = TextRule::any("the prefix or the whole name of the user pool's domain", 1, 256);
const SCOPE: TextRule = TextRule::any("scopes, with blanks between them", 1, 2048);
const COOKIE: TextRule = TextRule {
    noun: "a cookie's name",
    min: 1,
    max: 256,
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
    check: |text| {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        match text.chars().find(|c| !token(*c)) {
            None => Ok(()),
            Some(bad) => Err(Complaint::must(format!("must not hold `{bad}`"))
                .hint("a cookie's name is a token of RFC 7230: letters, digits, `-`, `_`, `.`")),
        }
    },
};
const PARAM: TextRule = TextRule::any("the name of a parameter", 1, 256);
const PARAM_VALUE: TextRule = TextRule::any("a text", 0, 2048);
const PARAMS: NamedRule = NamedRule { noun: "a map of parameters", key: &PARAM, value: Shape::Text(&PARAM_VALUE) };

const SCOPE_FIELD: Field =
    field("scope", "Which claims are asked for; AWS's default is `openid`.", Shape::Text(&SCOPE));
const COOKIE_FIELD: Field = field(
    "session_cookie_name",
    "The session's cookie; AWS's default is `AWSELBAuthSessionCookie`.",
    Shape::Text(&COOKIE),
);
const TIMEOUT_FIELD: Field =
    field("session_timeout", "How long a session lasts; AWS's default is seven days.", Shape::Seconds(1, 604_800))
        .source("user guide: the session timeout is at most seven days");
const UNAUTHENTICATED_FIELD: Field = field(
    "on_unauthenticated",
    "Who is not logged in gets 401, passes all the same, or is sent to log in (AWS's default).",
    Shape::Words(OnUnauthenticated::WORDS),
);
const PARAMS_FIELD: Field =
    field("extra_params", "Parameters added to the redirect to the provider, at most ten.", Shape::Named(&PARAMS))
        .size(0, 10);

const OIDC_FIELDS: &[Field] = &[
    field("issuer", "Who issues the tokens.", Shape::Text(&URL)).required(),
    field("authorization_endpoint", "Where users log in.", Shape::Text(&URL)).required(),
    field("token_endpoint", "Where tokens are had.", Shape::Text(&URL)).required(),
    field("user_info_endpoint", "Where claims are had.", Shape::Text(&URL)).required(),
    field("client_id", "The client's id at the provider.", Shape::Text(&CLIENT)).required(),
    field(
        "client_secret",
        "Where the client's secret is. Only its presence is compared, because AWS never gives it back.",
        Shape::Map(&SECRET),
    )
    .required(),
    SCOPE_FIELD,
    COOKIE_FIELD,
    TIMEOUT_FIELD,
    UNAUTHENTICATED_FIELD,
    PARAMS_FIELD,
];
const OIDC: MapRule = MapRule { noun: "a login with OpenID Connect", fields: OIDC_FIELDS };

const COGNITO_FIELDS: &[Field] = &[
    field("user_pool_arn", "The user pool.", Shape::Text(&POOL)).required(),
    field("user_pool_client_id", "The client's id at the pool.", Shape::Text(&CLIENT)).required(),
    field("user_pool_domain", "Prefix or whole name of the pool's domain.", Shape::Text(&DOMAIN)).required(),
    SCOPE_FIELD,
    COOKIE_FIELD,
    TIMEOUT_FIELD,
    UNAUTHENTICATED_FIELD,
    PARAMS_FIELD,
];
const COGNITO: MapRule = MapRule { noun: "a login with Cognito", fields: COGNITO_FIELDS };

const CLAIM_NAME: TextRule = TextRule {
    noun: "the name of a claim",
    min: 1,
    max: 256,
    pattern: "^(?!(exp|iss|nbf|iat)$)",
    check: |text| {
        if ["exp", "iss", "nbf", "iat"].iter().any(|reserved| text.eq_ignore_ascii_case(reserved)) {
            return Err(Complaint::must(format!("must not be `{text}`"))
                .hint("exp, iss, nbf and iat are always checked: API JwtValidationActionAdditionalClaim.Name"));
        }
        Ok(())
    },
};
const CLAIM_VALUE: TextRule = TextRule::any("a text", 1, 256);
const CLAIM_FIELDS: &[Field] = &[
    field("name", "Its name.", Shape::Text(&CLAIM_NAME)).required(),
    field("format", "How its value is written.", Shape::Words(ClaimFormat::WORDS)).required(),
    field("values", "The values that are accepted, at most ten.", Shape::OneOrMany(&Shape::Text(&CLAIM_VALUE)))
        .size(1, 10)
        .required(),
];
const CLAIM: MapRule = MapRule { noun: "a claim", fields: CLAIM_FIELDS };
const JWT_FIELDS: &[Field] = &[
    field("jwks_endpoint", "Where the keys are published.", Shape::Text(&JWKS_URL)).required(),
    field("issuer", "Who issues the tokens.", Shape::Text(&ISSUER)).required(),
    field(
        "additional_claims",
        "What a token must say besides, at most ten claims; `[]` for none.",
        Shape::OneOrMany(&Shape::Map(&CLAIM)),
    )
    .size(0, 10),
];
const JWT: MapRule = MapRule { noun: "a check of signed tokens", fields: JWT_FIELDS };

const FIELDS: &[Field] = &[
    field("oidc", "Users log in with an OpenID Connect provider.", Shape::Map(&OIDC)).excludes(&["cognito", "jwt"]),
    field("cognito", "Users log in with Amazon Cognito.", Shape::Map(&COGNITO)).excludes(&["jwt", "oidc"]),
    field("jwt", "Requests bear a signed token (JWT).", Shape::Map(&JWT)).excludes(&["cognito", "oidc"]),
];
const RULE: MapRule = MapRule { noun: "a login", fields: FIELDS };
/// `authenticate:`.
pub(super) const AUTHENTICATE: Field = field(
    "authenticate",
    "Who must log in or bear a token first, on HTTPS listeners only; `none` for nobody. Not mentioned, it is left alone.",
    Shape::AnyOf(&[Shape::Words(&["none"]), Shape::Map(&RULE)]),
);

fn https(text: &str) -> Result<(), Complaint> {
    match text.strip_prefix("https://") {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') => Ok(()),
        _ => Err(Complaint::must("must be a whole https URL").hint("e.g. https://login.example.com/oauth2/token")),
    }
}

/// Reads the login of a rule or of a default action.
pub(super) fn read(r: &Reader<'_, '_>, listener: Option<Protocol>) -> Option<Authenticate> {
    let node = r.node("authenticate")?;
    if let Some(word) = text_of(node) {
        return (word == "none").then_some(Authenticate::None);
    }
    if listener == Some(Protocol::Http) {
        let at = r.has("authenticate").unwrap_or(node.span);
        r.error(
            Problem::error(at, "`authenticate` goes with `protocol: https`")
                .label("the listener speaks plain HTTP")
                .hint("AWS authenticates on HTTPS listeners only; redirect plain HTTP there"),
        );
    }
    let a = r.sub("authenticate")?;
    let keys = ["oidc", "cognito", "jwt"];
    let said: Vec<_> = keys.into_iter().filter_map(|key| a.has(key).map(|at| (key, at))).collect();
    match said[..] {
        [("oidc", _)] => oidc(&a.sub("oidc")?),
        [("cognito", _)] => cognito(&a.sub("cognito")?),
        [_] => jwt(&a.sub("jwt")?),
        [] => {
            let problem =
                Problem::error(a.at, "`authenticate` says nothing").label("one of oidc, cognito, jwt is needed");
            a.error(problem.hint("`authenticate: none` lets everybody pass"));
            None
        }
        [(first, at), (second, again), ..] => {
            a.error(
                Problem::error(again, format!("`{second}` and `{first}` exclude each other"))
                    .label("a second login")
                    .also(at, "the first login")
                    .hint("an action has one login before it; keep one of them"),
            );
            None
        }
    }
}

fn oidc(o: &Reader<'_, '_>) -> Option<Authenticate> {
    let login = login(o);
    let source = o.node("client_secret").and_then(|node| {
        let source = secret(o.cx, node);
        if source.is_none() && node.map().is_some() {
            o.error(
                Problem::error(node.span, "`client_secret` names no secret")
                    .hint("write { env: NAME } or { file: PATH }"),
            );
        }
        source
    });
    Some(Authenticate::Oidc(Oidc {
        issuer: o.text("issuer")?,
        authorization_endpoint: o.text("authorization_endpoint")?,
        token_endpoint: o.text("token_endpoint")?,
        user_info_endpoint: o.text("user_info_endpoint")?,
        client_id: o.text("client_id")?,
        client_secret: WriteOnly::Sent(source?),
        login,
    }))
}

fn cognito(c: &Reader<'_, '_>) -> Option<Authenticate> {
    Some(Authenticate::Cognito(Cognito {
        login: login(c),
        user_pool_arn: c.text("user_pool_arn")?,
        user_pool_client_id: c.text("user_pool_client_id")?,
        user_pool_domain: c.text("user_pool_domain")?,
    }))
}

fn login(l: &Reader<'_, '_>) -> Login {
    let extra_params = l.sub("extra_params").map(|params| {
        let entries = params.entries();
        at_most_ten(l, "extra_params", entries.len(), "parameters");
        let pairs = entries.iter().filter_map(|e| Some((e.key.to_string(), text_of(&e.value)?.to_owned())));
        pairs.collect::<BTreeMap<_, _>>()
    });
    Login {
        scope: l.text("scope"),
        session_cookie_name: l.text("session_cookie_name"),
        session_timeout: l.seconds("session_timeout"),
        on_unauthenticated: l.word("on_unauthenticated"),
        extra_params,
    }
}

fn jwt(j: &Reader<'_, '_>) -> Option<Authenticate> {
    let additional_claims = j.items("additional_claims").map(|items| {
        at_most_ten(j, "additional_claims", items.len(), "claims");
        items.iter().filter_map(|node| claim(j, node)).collect::<BTreeSet<_>>()
    });
    Some(Authenticate::Jwt(Jwt {
        jwks_endpoint: j.text("jwks_endpoint")?,
        issuer: j.text("issuer")?,
        additional_claims,
    }))
}

fn claim(j: &Reader<'_, '_>, node: &Node) -> Option<Claim> {
    let c = j.item(node);
    let values = c.items("values")?;
    at_most_ten(&c, "values", values.len(), "values");
    if values.is_empty() {
        c.error(Problem::error(c.value_span("values"), "a claim needs at least one value"));
    }
    let values = values.iter().filter_map(text_of).map(str::to_owned).collect();
    Some(Claim { name: c.text("name")?, format: c.word("format")?, values })
}

fn at_most_ten(r: &Reader<'_, '_>, key: &str, n: usize, noun: &str) {
    if n > 10 {
        r.error(
            Problem::error(r.value_span(key), format!("`{key}` has at most 10 {noun}, this has {n}"))
                .hint("AWS's limit: user guide \"Authenticate users\", \"Verify JWTs\""),
        );
    }
}

/// Warns of logins on a load balancer whose nodes cannot reach the provider (API: `SetIpAddressType`, which names
/// OpenID Connect and Cognito only).
pub(super) fn reachable(balancer: &Reader<'_, '_>) {
    let problems: Vec<Problem> = {
        let out = balancer.cx.out.borrow();
        let provider =
            |login: &Option<Authenticate>| matches!(login, Some(Authenticate::Oidc(_) | Authenticate::Cognito(_)));
        let logs_in = |address: &Address, spec: &Spec| {
            let rule = spec.rule().filter(|rule| provider(&rule.authenticate)).map(|_| "authenticate");
            let listener = spec.listener().filter(|listener| provider(&listener.authenticate));
            let path = rule.or(listener.map(|_| "default.authenticate"))?;
            let mut above = std::iter::successors(Some(address.clone()), Address::parent);
            above.any(|a| a == *balancer.address).then(|| out.span(address, &FieldPath::from(path))).flatten()
        };
        let message = "a load balancer without public IPv4 addresses cannot reach the provider of a login";
        let at = balancer.value_span("ip_address_type");
        let one = |span: Span| {
            Problem::warning(span, message)
                .label("clients would see 500")
                .also(at, "AWS asks providers over IPv4 only")
                .hint("use ip_address_type: dualstack: API SetIpAddressType")
        };
        out.specs.iter().filter_map(|(address, spec)| logs_in(address, spec)).map(one).collect()
    };
    problems.into_iter().for_each(|problem| balancer.error(problem));
}
