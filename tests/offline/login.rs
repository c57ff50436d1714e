//! Logins before actions: when their secret is sent, and when they are left alone.

use no502::apply::Outcome;
use no502::cloud::{Operation, Read as _};
use no502::desired::Problem;
use no502::diff::scope;
use no502::model::SecretRef;
use no502::model::kind::Authenticate;
use no502::plan::{Options, Plan, plan};

use super::fields::{deployed, differences, listener, mend, rules, stack};
use super::{applied, desired, planned};
use crate::support::fake::{Fake, identity};

const OIDC: &str = r#"oidc: { issuer: "https://id.example.com", authorization_endpoint: "https://id.example.com/a", token_endpoint: "https://id.example.com/t", user_info_endpoint: "https://id.example.com/m", client_id: shop, client_secret: { env: OIDC_SECRET }, session_timeout: 8h }"#;

fn with_login(login: &str) -> String {
    stack(&[("forward: django }", &format!("authenticate: {login}, forward: django }}"))])
}

/// The login of the first rule that was written last, and where its secret comes from.
fn written_login(fake: &Fake) -> Option<Authenticate> {
    fake.written().into_iter().rev().find_map(|operation| match operation {
        Operation::ModifyRule { authenticate, .. } => authenticate,
        Operation::CreateRule { spec } => spec.authenticate,
        _ => None,
    })
}

fn live_login(fake: &Fake) -> Authenticate {
    let snapshot = fake.snapshot();
    let found = snapshot.rules().find(|(_, rule)| rule.priority == Some(10)).and_then(|(_, r)| r.authenticate.clone());
    found.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_sent_with_a_new_or_changed_login_and_kept_with_any_other() {
    let body = with_login(&format!("{{ {OIDC} }}"));
    let fake = deployed(&body).await;
    let source = SecretRef::Env("OIDC_SECRET".into());
    assert_eq!(written_login(&fake).unwrap().secret(), Some(&source));
    assert!(live_login(&fake).secret().is_none(), "AWS does not give it back");

    let other = body.replace("session_timeout: 8h", "session_timeout: 9h");
    let (differences, calls) = mend(&fake, &other).await;
    assert_eq!(differences, ["rule/web:443/api authenticate.oidc.session_timeout"]);
    assert_eq!(calls, ["ModifyRule"]);
    assert_eq!(written_login(&fake).unwrap().secret(), Some(&source));

    // only the forward changes: the login goes back as it is, with the secret that AWS has
    let other = other.replace("forward: django }", "fixed_response: { status: 200 } }");
    mend(&fake, &other).await;
    let login = written_login(&fake).unwrap();
    assert!(login.secret().is_none() && login == live_login(&fake), "{login:?}");

    // another source of the same secret is no difference and no stamp
    let plan = planned(&fake, &desired(&other.replace("OIDC_SECRET", "OTHER"))).await;
    assert!(plan.is_clean() && plan.steps.is_empty(), "{:#?}", plan.steps);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_the_files_do_not_mention_is_left_alone_and_none_removes_it() {
    let fake = deployed(&with_login(&format!("{{ {OIDC} }}"))).await;
    let login = live_login(&fake);
    let silent = stack(&[]);
    let plan = planned(&fake, &desired(&silent)).await;
    assert!(plan.is_clean(), "{:#?}", differences(&plan));
    let undeclared = plan.diff.changes.iter().find(|c| c.address.to_string() == "rule/web:443/api").unwrap();
    assert_eq!(undeclared.undeclared.iter().map(|u| u.path.as_str()).collect::<Vec<_>>(), ["authenticate"]);
    // the list of actions is rewritten whole: the login goes back as it is
    mend(&fake, &silent.replacen("forward: django }", "fixed_response: { status: 200 } }", 1)).await;
    assert_eq!(live_login(&fake), login);

    let (differences, calls) = mend(&fake, &with_login("none")).await;
    let of_login: Vec<&String> = differences.iter().filter(|d| d.contains("authenticate")).collect();
    assert_eq!(of_login, ["rule/web:443/api authenticate"]);
    assert_eq!(calls, ["CreateRule", "ModifyRule", "DeleteRule"], "the group is staged, then forwarded to");
    assert_eq!(live_login(&fake), Authenticate::None);
}

#[tokio::test(start_paused = true)]
async fn a_default_action_has_a_login_too_and_keeps_it() {
    let body = stack(&[(
        "default: { fixed_response: { status: 404 } }",
        &format!("default: {{ authenticate: {{ {OIDC} }}, fixed_response: {{ status: 404 }} }}"),
    )]);
    let fake = deployed(&body).await;
    let live = |fake: &Fake| {
        let snapshot = fake.snapshot();
        let (_, https) = snapshot.listeners().find(|(_, l)| l.port == 443).unwrap();
        https.authenticate.clone().unwrap()
    };
    let login = live(&fake);
    assert_ne!(login, Authenticate::None);
    let (differences, calls) = mend(&fake, &body.replace("status: 404", "status: 403")).await;
    assert_eq!(differences, ["listener/web:443 default.fixed_response.status"]);
    assert_eq!(calls, ["ModifyListener"]);
    assert_eq!(live(&fake), login);
    fake.edit(|s| listener(s, 443, |l| l.authenticate = Some(Authenticate::None)));
    let (differences, _) = mend(&fake, &body.replace("status: 404", "status: 403")).await;
    assert_eq!(differences, ["listener/web:443 default.authenticate"]);
    assert_eq!(live(&fake), login);
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_sent_again_on_demand_alone() {
    let body = with_login(&format!("{{ {OIDC} }}"));
    let fake = deployed(&body).await;
    let rotated = |address: &str| Options { rotate: vec![address.parse().unwrap()], ..Options::default() };
    let plan = plan_with(&fake, &body, &rotated("rule/web:443/api")).await.unwrap();
    assert_eq!(differences(&plan), ["rule/web:443/api authenticate.oidc.client_secret"]);
    let before = fake.names().len();
    let (run, _) = applied(&fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{:#?}", run.outcome);
    assert_eq!(fake.names()[before..], ["ModifyRule"]);
    assert!(written_login(&fake).unwrap().secret().is_some());
    let again = planned(&fake, &desired(&body)).await;
    assert!(again.is_clean() && again.steps.is_empty(), "{:#?}", again.steps);

    let problems = plan_with(&fake, &body, &rotated("rule/web:443/old")).await.unwrap_err();
    assert!(problems[0].message.contains("rule/web:443/old has no secret"), "{problems:?}");
    assert!(problems[0].hint.as_ref().unwrap().contains("rule/web:443/api"), "{problems:?}");
    assert!(plan_with(&fake, &body, &rotated("rule/web:443/nobody")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_another_stack_keeps_its_secret() {
    let body = with_login(&format!("{{ {OIDC} }}"));
    let fake = deployed(&body).await;
    fake.edit(|s| {
        rules(s, |r| {
            r.tags.insert("no502:id".into(), "bank:rule/web:443/theirs".into());
        });
    });
    let options = Options { rotate: vec!["rule/web:443/api".parse().unwrap()], ..Options::default() };
    let plan = plan_with(&fake, &body, &options).await.unwrap();
    assert!(plan.steps.iter().all(|step| step.operation.name() != "ModifyRule"), "{:#?}", plan.steps);
}

async fn plan_with(fake: &Fake, body: &str, options: &Options) -> Result<Plan, Vec<Problem>> {
    let desired = desired(body);
    let snapshot = fake.fetch(&scope(&desired)).await.unwrap();
    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    plan(&desired, snapshot, identity(), now, options)
}

/// A listener that changes its protocol together with a rule's login.
#[tokio::test(start_paused = true)]
async fn a_login_comes_after_https_and_goes_before_it() {
    let plain = stack(&[
        (
            "        protocol: https\n        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06\n        certificate: app\n",
            "        protocol: http\n",
        ),
        ("redirect: { protocol: https, port: 443, status: 301 }", "fixed_response: { status: 404 }"),
    ]);
    let fake = deployed(&plain).await;
    let secure = with_login(&format!("{{ {OIDC} }}"));
    let waits = |plan: &Plan, later: &str, earlier: &str| {
        let step = plan.steps.iter().find(|s| s.id.0 == later).unwrap_or_else(|| panic!("no {later}"));
        step.after.iter().any(|after| after.step.0 == earlier)
    };
    let plan = planned(&fake, &desired(&secure)).await;
    assert!(plan.refused.is_empty(), "{:#?}", plan.refused);
    assert!(waits(&plan, "ModifyRule rule/web:443/api", "ModifyListener listener/web:443"));
    mend(&fake, &secure).await;
    let back = plain.replace("forward: django }", "authenticate: none, forward: django }");
    let plan = planned(&fake, &desired(&back)).await;
    assert!(plan.refused.is_empty(), "{:#?}", plan.refused);
    assert!(waits(&plan, "ModifyListener listener/web:443", "ModifyRule rule/web:443/api"));
    // a login that the files leave alone keeps the listener from plain HTTP
    let plan = planned(&fake, &desired(&plain)).await;
    assert!(plan.refused.is_empty(), "{:#?}", plan.refused);
    let because =
        plan.held.iter().find(|held| held.address.to_string() == "listener/web:443").map(|held| &held.because);
    assert!(because.is_some_and(|why| why.contains("rule/web:443/api asks users to log in")), "{:#?}", plan.held);
}
