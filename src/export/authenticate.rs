//! Logins before actions. AWS never gives a client secret back: the file names a variable for it.

use std::collections::BTreeMap;

use super::condition::{Secrets, reference};
use super::yaml::{Map, Node};
use crate::model::kind::{Authenticate, Claim, Cognito, Jwt, Login, Oidc};

impl Secrets {
    /// What stands under `authenticate:`, and a comment on its secret; `None` if everybody may pass.
    pub(super) fn login(&mut self, login: Option<&Authenticate>) -> Option<(Node, Option<String>)> {
        let mut map = Map::flow();
        let mut remark = None;
        match login {
            None | Some(Authenticate::None) => return None,
            Some(Authenticate::Oidc(oidc)) => {
                let variable = self.client_secret(&oidc.issuer, &oidc.client_id);
                map.put("oidc", Node::Map(oidc_map(oidc, &variable)));
                remark = Some(format!(
                    "AWS does not give the client secret back: {variable} is sent if the login changes, or with --rotate"
                ));
            }
            Some(Authenticate::Cognito(cognito)) => map.put("cognito", Node::Map(cognito_map(cognito))),
            Some(Authenticate::Jwt(jwt)) => map.put("jwt", Node::Map(jwt_map(jwt))),
        }
        Some((Node::Map(map), remark))
    }

    /// The variable for a client's secret: one for each client.
    fn client_secret(&mut self, issuer: &str, client: &str) -> String {
        let whose = (issuer.to_owned(), client.to_owned());
        let mut names = std::iter::once("OIDC_CLIENT_SECRET".to_owned())
            .chain((2_u32..).map(|number| format!("OIDC_CLIENT_SECRET_{number}")));
        let usable = |name: &String| {
            !self.values.contains_key(name) && self.clients.get(name).is_none_or(|known| *known == whose)
        };
        let name = names.find(usable).unwrap_or_default();
        self.clients.insert(name.clone(), whose);
        name
    }
}

fn oidc_map(oidc: &Oidc, variable: &str) -> Map {
    let Oidc { issuer, authorization_endpoint, token_endpoint, user_info_endpoint, client_id, client_secret: _, login } =
        oidc;
    let mut map = Map::flow();
    map.put("issuer", Node::text(issuer));
    map.put("authorization_endpoint", Node::text(authorization_endpoint));
    map.put("token_endpoint", Node::text(token_endpoint));
    map.put("user_info_endpoint", Node::text(user_info_endpoint));
    map.put("client_id", Node::text(client_id));
    map.put("client_secret", reference(variable));
    put_session(&mut map, login);
    map
}

fn cognito_map(cognito: &Cognito) -> Map {
    let Cognito { user_pool_arn, user_pool_client_id, user_pool_domain, login } = cognito;
    let mut map = Map::flow();
    map.put("user_pool_arn", Node::text(user_pool_arn));
    map.put("user_pool_client_id", Node::text(user_pool_client_id));
    map.put("user_pool_domain", Node::text(user_pool_domain));
    put_session(&mut map, login);
    map
}

fn jwt_map(jwt: &Jwt) -> Map {
    let Jwt { jwks_endpoint, issuer, additional_claims } = jwt;
    let mut map = Map::flow();
    map.put("jwks_endpoint", Node::text(jwks_endpoint));
    map.put("issuer", Node::text(issuer));
    let one = |Claim { name, format, values }: &Claim| {
        let mut map = Map::flow();
        map.put("name", Node::text(name));
        map.put("format", Node::plain(format));
        map.put("values", Node::one_or_many(values.iter().map(|value| Node::text(value))));
        Node::Map(map)
    };
    if let Some(claims) = additional_claims.as_ref().filter(|claims| !claims.is_empty()) {
        map.put("additional_claims", Node::list(claims.iter().map(one)));
    }
    map
}

/// The parts of a session that are not AWS's default.
fn put_session(map: &mut Map, login: &Login) {
    let Login { scope, session_cookie_name, session_timeout, on_unauthenticated, extra_params } = login;
    let usual = Login::of_aws();
    if *scope != usual.scope {
        map.put_some("scope", scope.as_deref().map(Node::text));
    }
    if *session_cookie_name != usual.session_cookie_name {
        map.put_some("session_cookie_name", session_cookie_name.as_deref().map(Node::text));
    }
    if *session_timeout != usual.session_timeout {
        map.put_some("session_timeout", session_timeout.map(Node::seconds));
    }
    if *on_unauthenticated != usual.on_unauthenticated {
        map.put_some("on_unauthenticated", on_unauthenticated.map(Node::plain));
    }
    let mut params = Map::flow();
    for (key, value) in extra_params.iter().flat_map(BTreeMap::iter) {
        params.put(key, Node::text(value));
    }
    map.put_map("extra_params", params);
}
