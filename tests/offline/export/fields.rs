//! Fields that few estates have: logins, mutual authentication, pools, capacity.

use no502::model::kind::{
    Authenticate, Claim, ClaimFormat, Cognito, Conditions, HeaderCondition, IpamPool, Jwt, Login, MutualAuthentication,
    Oidc, OnUnauthenticated, Verify,
};
use no502::model::value::TargetType;
use no502::model::{Id, Spec, Text, WriteOnly};

use super::estate::{Estate, answer, link, path, tags, texts, to};
use super::{of, silent};
use crate::support::fake::Fake;

#[tokio::test]
async fn logins_are_written_with_a_variable_for_each_client() {
    let oidc = |client: &str| {
        let url = |path: &str| format!("https://id.example.com{path}");
        let login = Login { session_timeout: Some(3600), ..Login::of_aws() };
        Authenticate::Oidc(Oidc {
            issuer: url(""),
            authorization_endpoint: url("/a"),
            token_endpoint: url("/t"),
            user_info_endpoint: url("/m"),
            client_id: client.into(),
            client_secret: WriteOnly::Kept,
            login,
        })
    };
    let claim = Claim { name: "aud".into(), format: ClaimFormat::StringArray, values: texts(&["shop", "till"]) };
    let jwt = Jwt {
        jwks_endpoint: "https://id.example.com/keys".into(),
        issuer: "me".into(),
        additional_claims: Some([claim].into()),
    };
    let pool = "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_abc";
    let mut params = Login::of_aws();
    params.extra_params = Some(tags(&[("prompt", "login")]));
    let cognito = Cognito {
        user_pool_arn: pool.into(),
        user_pool_client_id: "c".into(),
        user_pool_domain: "shop".into(),
        login: Login { on_unauthenticated: Some(OnUnauthenticated::Deny), scope: Some("email".into()), ..params },
    };
    let mut estate = Estate::new();
    estate.https(answer(404));
    let Spec::Listener(listener) = &mut estate.0.found.get_mut(&Estate::listener()).unwrap().spec else { panic!() };
    listener.authenticate = Some(oidc("a"));
    let logins = [oidc("a"), oidc("b"), Authenticate::Jwt(jwt), Authenticate::Cognito(cognito), Authenticate::None];
    for (at, login) in (1..).zip(logins) {
        estate.rule(&format!("r{at}"), at, path(&format!("/{at}/*")), answer(200)).authenticate = Some(login);
    }
    let (exported, plan) = silent(&Fake::with(estate.0), &of("web")).await;
    let text = &exported.text;
    let variables = |name: &str| text.matches(&format!("client_secret: {{ env: {name} }}")).count();
    assert_eq!((variables("OIDC_CLIENT_SECRET"), variables("OIDC_CLIENT_SECRET_2")), (2, 1), "{text}");
    assert!(text.contains("# AWS does not give the client secret back: OIDC_CLIENT_SECRET_2 is sent"), "{text}");
    assert!(!text.contains("authenticate: none"), "{text}");
    assert!(exported.left_out.is_empty() && exported.secrets.is_empty(), "{:?}", exported.left_out);
    assert!(plan.diff.changes.iter().all(|c| c.undeclared.is_empty()), "{:#?}", plan.diff.changes);
}

#[tokio::test]
async fn what_few_load_balancers_have_is_written_too() {
    let mut estate = Estate::new();
    estate.https(answer(404));
    let Spec::Listener(listener) = &mut estate.0.found.get_mut(&Estate::listener()).unwrap().spec else { panic!() };
    let store = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:truststore/partners/1";
    let verify = Verify { trust_store: link(store), ignore_expiry: Some(true), advertise_ca_names: Some(false) };
    listener.mutual_authentication = Some(MutualAuthentication::Verify(verify));
    let Spec::LoadBalancer(balancer) = &mut estate.0.found.get_mut(&Estate::balancer()).unwrap().spec else { panic!() };
    balancer.ipam_pool = Some(IpamPool::Pool(Id("ipam-pool-0123456789abcdef0".into())));
    balancer.minimum_capacity = Some(200);
    let agent = HeaderCondition { name: "User-Agent".into(), values: [Text::Plain("^curl".into())].into() };
    estate.rule("r1", 10, Conditions { header_regex: [agent].into(), ..Conditions::default() }, to("django"));
    estate.group("django", TargetType::Ip, &[]).target_control_port = Some(3000);
    let (exported, plan) = silent(&Fake::with(estate.0), &of("web")).await;
    for line in [
        "ipam_pool: ipam-pool-0123456789abcdef0",
        "minimum_capacity: 200",
        &format!("verify: {store}"),
        "ignore_expiry: true",
        "header_regex: { User-Agent: ",
        "target_control_port: 3000",
    ] {
        assert!(exported.text.contains(line), "{line}\n{}", exported.text);
    }
    let undeclared: Vec<_> = plan.diff.changes.iter().flat_map(|c| &c.undeclared).map(|u| u.path.as_str()).collect();
    assert_eq!(undeclared, Vec::<&str>::new());
}
