//! Export: what is written is accepted, plans empty, and is written the same again.

mod estate;
mod fields;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use no502::apply::Outcome;
use no502::desired::{Inputs, Resolved, load};
use no502::export::{Exported, Request, export};
use no502::model::kind::{Action, Conditions, FixedResponse, Forward, HeaderCondition, Peer, QueryMatch, Redirect};
use no502::model::value::{ProtocolVersion, TargetType};
use no502::model::{SecretRef, Spec, Text};
use no502::plan::Plan;

use super::{STACK, applied, desired, empty_account, planned};
use crate::support::fake::Fake;
use estate::{Estate, answer, group_id, link, path, tags, texts, to};

fn of(name: &str) -> Request {
    Request {
        load_balancers: BTreeSet::from([name.to_owned()]),
        account: "000000000000".into(),
        region: "eu-west-1".into(),
        stack: None,
    }
}

fn read(exported: &Exported) -> Resolved {
    let secrets = |source: &SecretRef, _: &std::path::Path| match source {
        SecretRef::Env(name) => exported.secrets.get(name).cloned(),
        SecretRef::File(_) => None,
    };
    let inputs = Inputs {
        paths: vec![PathBuf::from("-")],
        stdin: Some(exported.text.clone().into_bytes()),
        variables: BTreeMap::new(),
        secrets: &secrets,
        now: None,
    };
    match load(&inputs) {
        Ok((resolved, _)) => resolved,
        Err(problems) => panic!("{}\n{:#?}", exported.text, problems.list),
    }
}

/// Exports, plans what was written, and exports again.
async fn silent(fake: &Fake, request: &Request) -> (Exported, Plan) {
    let exported = export(&fake.snapshot(), request);
    let plan = planned(fake, &read(&exported)).await;
    assert!(plan.is_clean(), "{}\n{:#?}", exported.text, plan.differences().collect::<Vec<_>>());
    assert_eq!(export(&fake.snapshot(), request).text, exported.text);
    (exported, plan)
}

#[tokio::test(start_paused = true)]
async fn a_stack_of_ours_keeps_its_keys() {
    let fake = Arc::new(Fake::with(empty_account()));
    let body = STACK.replace("app: { domain: shop.example.com }", "").replace("certificates:", "");
    let body = body.replace("certificate: app", "certificate: arn:aws:acm:eu-west-1:000000000000:certificate/1");
    let plan = planned(&fake, &desired(&body)).await;
    let (run, _) = applied(&fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{:#?}", run.outcome);
    let (exported, plan) = silent(&fake, &of("web")).await;
    assert!(exported.left_out.is_empty(), "{:?}", exported.left_out);
    let resolved = read(&exported);
    assert_eq!(resolved.stack, "shop");
    let ours: Vec<String> = desired(&body).specs.keys().map(ToString::to_string).collect();
    let mine: Vec<String> = resolved.specs.keys().map(ToString::to_string).collect();
    // the group `app` is on no path that is to be seen, but a file without it would have it deleted
    assert_eq!(mine, ours, "{}", exported.text);
    assert!(plan.diff.unmanaged.is_empty(), "{:#?}", plan.diff.unmanaged);
}

#[tokio::test]
async fn an_estate_is_written_as_people_would() {
    let mut estate = Estate::new();
    estate.https(to("django"));
    estate.group("django", TargetType::Ip, &[("10.0.1.10", Some(8000)), ("10.0.1.9", Some(8001))]);
    estate.door("sg-0aaaaaaaaaaaaaaa1", "tasks", 8000, Peer::Group(link("sg-0123456789abcdef0")));
    estate.interface("10.0.1.10", &["sg-0aaaaaaaaaaaaaaa1"], None, None);
    let shop = Conditions { host: texts(&["shop.example.com"]), ..path("/api/*") };
    estate.rule("r1", 10, shop, to("django")).tags = tags(&[("owner", "api")]);
    let weights = BTreeMap::from([(link(&group_id("blue")), 95), (link(&group_id("green")), 5)]);
    estate.rule(
        "r2",
        20,
        path("/pay/*"),
        Action::Forward(Forward { to: weights, stickiness: Some(600), external: false }),
    );
    estate.group("blue", TargetType::Instance, &[("i-0123456789abcdef0", Some(8000))]);
    estate.group("green", TargetType::Ip, &[]);
    let moved = Redirect { protocol: "HTTPS".into(), path: "/new/#{path}".into(), ..Redirect::identity(302) };
    estate.rule("r3", 30, path("/old/*"), Action::Redirect(moved));
    let (exported, plan) = silent(&Fake::with(estate.0), &of("web")).await;
    let text = r#"# The load balancer web as AWS has it, written by `no502 export`. AWS's defaults are left out, and
# what is not written is left alone: `no502 plan` on this file shows no difference.
# `no502 adopt` marks what it describes as managed by the stack.
version: 1
stack: web
account: "000000000000"
region: eu-west-1

certificates:
  # *.shop.example.com, issued, valid until 2027-02-03
  wildcard.shop.example.com: { arn: arn:aws:acm:eu-west-1:000000000000:certificate/1 }
  # old.example.com, issued, valid until 2027-02-03
  old.example.com: { arn: arn:aws:acm:eu-west-1:000000000000:certificate/2 }

security_groups:
  front-door-web:
    existing: true
    id: sg-0123456789abcdef0  # front door: web: who comes in
    ingress: [{ from: 0.0.0.0/0, ports: 443, description: as it is }]
  tasks:
    existing: true
    id: sg-0aaaaaaaaaaaaaaa1  # tasks: who comes in
    ingress: [{ from: front-door-web, ports: 8000, description: as it is }]

target_groups:
  blue:
    target_type: instance
    protocol: http
    port: 8000
    vpc: vpc-0a1b2c3d
    health_check: { path: /health, timeout: 5s }
    # remove `targets` if an Auto Scaling group registers them
    targets: [i-0123456789abcdef0]
  django:
    target_type: ip
    protocol: http
    port: 8000
    vpc: vpc-0a1b2c3d
    health_check: { path: /health, timeout: 5s }
    targets: ["10.0.1.9:8001", "10.0.1.10"]
  green:
    target_type: ip
    protocol: http
    port: 8000
    vpc: vpc-0a1b2c3d
    health_check: { path: /health, timeout: 5s }
    # `targets` is not declared: nothing is registered, so somebody else may fill it

load_balancers:
  web:
    scheme: internet-facing
    subnets:
      - subnet-0a1b2c31  # public a, eu-west-1a
      - subnet-0a1b2c32  # eu-west-1b
    security_groups: [front-door-web]
    idle_timeout: 2m
    attributes:
      routing.http2.enabled: false
    tags: { cost center: "42", team: shop }
    listeners:
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: wildcard.shop.example.com
        sni_certificates: [old.example.com]
        attributes:
          routing.http.response.server.enabled: false
        default: { forward: django }
        rules:
          api:
            priority: 10
            when: { host: shop.example.com, path: /api/* }
            forward: django
            tags: { owner: api }
          pay:
            priority: 20
            when: { path: /pay/* }
            forward: { to: { blue: 95, green: 5 }, stickiness: 10m }
          old:
            priority: 30
            when: { path: /old/* }
            redirect: { protocol: https, path: "/new/#{path}", status: 302 }
"#;
    assert_eq!(exported.text, text);
    assert!(exported.left_out.is_empty(), "{:?}", exported.left_out);
    assert!(plan.diff.changes.iter().all(|c| c.undeclared.is_empty()), "{:#?}", plan.diff.changes);
}

#[tokio::test]
async fn secrets_are_references() {
    let mut estate = Estate::new();
    estate.https(answer(404));
    let header = |name: &str, values: &[&str]| HeaderCondition {
        name: name.into(),
        values: values.iter().map(|v| Text::Plain((*v).into())).collect(),
    };
    let both = BTreeSet::from([header("X-Origin-Verify", &["hunter2", "hunter3"]), header("User-Agent", &["curl*"])]);
    let when = Conditions { header: both, ..Conditions::default() };
    estate.rule("r1", 10, when, answer(200));
    let (exported, _) = silent(&Fake::with(estate.0), &of("web")).await;
    assert!(!exported.text.contains("hunter"), "{}", exported.text);
    let line = "X-Origin-Verify: [{ env: X_ORIGIN_VERIFY }, { env: X_ORIGIN_VERIFY_2 }]\n";
    assert!(exported.text.contains(line), "{}", exported.text);
    assert!(exported.text.contains("          rule-10:\n"), "{}", exported.text);
    assert_eq!(exported.secrets["X_ORIGIN_VERIFY"], "hunter2");
}

#[tokio::test]
async fn what_cannot_be_said_is_left_alone() {
    let mut estate = Estate::new();
    estate.https(answer(404));
    let Spec::Listener(listener) = &mut estate.0.found.get_mut(&Estate::listener()).unwrap().spec else { panic!() };
    listener.beyond = texts(&["teleport"]);
    estate.rule("r1", 10, path("/login/*"), answer(200)).beyond = texts(&["teleport", "when.path_regex"]);
    estate.rule("r2", 20, path("/k8s/*"), answer(200)).tags = tags(&[("elbv2.k8s.aws/cluster", "c")]);
    estate.rule("r3", 30, path("/bank/*"), answer(200)).tags = tags(&[("no502:id", "bank:rule/web:443/bank")]);
    estate.rule("r4", 40, Conditions { host: texts(&["localhost"]), ..Conditions::default() }, answer(200));
    let (exported, plan) = silent(&Fake::with(estate.0), &of("web")).await;
    let why: Vec<&str> = exported.left_out.iter().map(|what| what.rsplit(": ").next().unwrap()).collect();
    assert_eq!(why[0], "the default action of listener/web:443 (teleport)");
    assert_eq!(why[1], "this version cannot say teleport, when.path_regex");
    assert_eq!(why[2], "the AWS Load Balancer Controller reconciles it");
    assert_eq!(why[3], "it belongs to the stack bank");
    assert!(why[4].contains("must hold at least one dot"), "{}", why[4]);
    assert_eq!(plan.diff.unmanaged.len(), 4);
    assert!(!exported.text.contains("rules:"), "{}", exported.text);
}

#[tokio::test]
async fn groups_that_somebody_fills_have_no_targets() {
    let mut estate = Estate::new();
    estate.https(answer(404));
    for (index, name) in ["pods", "tasks"].into_iter().enumerate() {
        let address = format!("10.0.1.{index}");
        estate.group(name, TargetType::Ip, &[(&address, Some(8000))]);
        estate.rule(name, 10 + u32::try_from(index).unwrap(), path(&format!("/{name}/*")), to(name));
    }
    estate.group("pods", TargetType::Ip, &[]).tags = tags(&[("elbv2.k8s.aws/resource", "x")]);
    estate.interface("10.0.1.1", &[], None, Some("arn:aws:ecs:eu-west-1:000000000000:attachment/1"));
    let (exported, plan) = silent(&Fake::with(estate.0), &of("web")).await;
    assert!(!exported.text.contains("targets:"), "{}", exported.text);
    assert!(exported.text.contains("# `targets` is not declared: ECS registers them"));
    assert!(plan.steps.iter().all(|step| step.stamp), "{:#?}", plan.steps);
}

#[tokio::test]
async fn an_instance_is_behind_the_interface_that_it_is_reached_at() {
    let mut estate = Estate::new();
    estate.https(to("workers"));
    estate.group("workers", TargetType::Instance, &[("i-0123456789abcdef0", Some(8000))]);
    let balancer = || Peer::Group(link("sg-0123456789abcdef0"));
    estate.door("sg-0aaaaaaaaaaaaaaa1", "side", 8000, balancer());
    estate.door("sg-0aaaaaaaaaaaaaaa2", "app", 8000, balancer());
    let instance = Some("i-0123456789abcdef0");
    estate.interface("10.0.1.5", &["sg-0aaaaaaaaaaaaaaa1"], instance, None);
    estate.interface("10.0.1.9", &["sg-0aaaaaaaaaaaaaaa2"], instance, None);
    let interfaces = estate.0.interfaces.as_mut().unwrap();
    interfaces.get_mut(&"10.0.1.9".parse().unwrap()).unwrap().reached_as = instance.map(str::to_owned);
    let (exported, _) = silent(&Fake::with(estate.0), &of("web")).await;
    let named = |group: &str| exported.text.contains(group);
    assert!(named("sg-0aaaaaaaaaaaaaaa2") && !named("sg-0aaaaaaaaaaaaaaa1"), "{}", exported.text);
}

#[tokio::test]
async fn odd_names_and_values_survive() {
    let mut estate = Estate::new();
    let body = Some("a \"quoted\"\n${body}: #1 \u{7f}".to_owned());
    estate.https(Action::FixedResponse(FixedResponse { status: 503, content_type: Some("text/plain".into()), body }));
    for name in ["true", "123", "a--b", "null"] {
        estate.group(name, TargetType::Ip, &[("10.0.1.10", Some(8000))]).tags =
            tags(&[("", ""), ("no", "yes"), ("a: b", "${x} # c"), ("no502:applied", "v1:a:b")]);
        estate.0.found.values_mut().for_each(|live| {
            if let Some(tags) = live.spec.tags_mut() {
                tags.remove("");
            }
        });
    }
    let all = ["true", "123", "a--b", "null"].map(|name| (link(&group_id(name)), 1));
    let weights = Action::Forward(Forward { to: all.into_iter().collect(), stickiness: None, external: false });
    estate.rule("r1", 1, path("/*"), weights);
    // two rules that say the same, and one whose conditions need every form
    estate.rule("a", 3, path("/twice"), answer(200));
    estate.rule("b", 2, path("/twice"), answer(201));
    let one = |key: Option<&str>, value: &str| QueryMatch { key: key.map(str::to_owned), value: value.into() };
    let when = Conditions {
        method: texts(&["GET"]),
        query: [BTreeSet::from([one(Some("v"), "2")]), BTreeSet::from([one(None, "beta"), one(Some("on"), "true")])]
            .into(),
        source_ip: texts(&["2001:db8::/32"]),
        ..Conditions::default()
    };
    estate.rule(
        "r4",
        50,
        when,
        Action::Redirect(Redirect { port: "8443".into(), query: String::new(), ..Redirect::identity(301) }),
    );
    let request = Request { stack: Some("mine".into()), ..of("web") };
    let (exported, plan) = silent(&Fake::with(estate.0), &request).await;
    assert!(exported.left_out.is_empty(), "{:?}", exported.left_out);
    assert!(plan.diff.unmanaged.is_empty());
    assert_eq!(read(&exported).stack, "mine");
}

#[tokio::test]
async fn functions_grpc_and_cookies_are_said_in_full() {
    let mut estate = Estate::new();
    estate.https(to("thumbs"));
    estate.group("thumbs", TargetType::Lambda, &[("arn:aws:lambda:eu-west-1:000000000000:function:thumbs:live", None)]);
    let lambda = estate.group("thumbs2", TargetType::Lambda, &[]);
    lambda.health_check.enabled = Some(true);
    lambda.attributes = tags(&[("lambda.multi_value_headers.enabled", "true")]);
    estate.rule("r0", 1, path("/t2"), to("thumbs2"));
    let grpc = estate.group("grpc", TargetType::Ip, &[("10.0.1.10", Some(8000))]);
    grpc.protocol_version = Some(ProtocolVersion::Grpc);
    grpc.health_check.path = Some("/AWS.ALB/healthcheck".into());
    grpc.health_check.success_codes = "12".parse().ok();
    grpc.attributes = tags(&[
        ("stickiness.enabled", "true"),
        ("stickiness.type", "app_cookie"),
        ("stickiness.app_cookie.cookie_name", "SESSION"),
        ("stickiness.app_cookie.duration_seconds", "86400"),
        ("stickiness.lb_cookie.duration_seconds", "60"),
        ("slow_start.duration_seconds", "30"),
        ("deregistration_delay.timeout_seconds", "0"),
        ("target_group_health.dns_failover.minimum_healthy_targets.count", "off"),
        ("load_balancing.cross_zone.enabled", "true"),
        ("made_up.by_aws", "1"),
    ]);
    estate.rule("r1", 2, path("/grpc/*"), to("grpc"));
    let (exported, plan) = silent(&Fake::with(estate.0), &of("web")).await;
    for line in [
        "health_check: { path: /AWS.ALB/healthcheck, success_codes: \"12\", timeout: 5s }",
        "stickiness: { type: app_cookie, duration: 24h, cookie_name: SESSION }",
        "deregistration_delay: 0s",
        "slow_start: 30s",
        "# left alone: attributes that this version does not know: made_up.by_aws",
    ] {
        assert!(exported.text.contains(line), "{line}\n{}", exported.text);
    }
    assert!(plan.diff.changes.iter().all(|c| c.undeclared.is_empty()), "{:#?}", plan.diff.changes);
}

#[tokio::test(start_paused = true)]
async fn an_adopted_export_is_exported_the_same() {
    let mut estate = Estate::new();
    estate.https(to("django"));
    estate.group("django", TargetType::Ip, &[("10.0.1.10", Some(8000))]);
    estate.rule("r1", 10, path("/api/*"), answer(200));
    let fake = Arc::new(Fake::with(estate.0));
    let (first, plan) = silent(&fake, &of("web")).await;
    let (run, _) = applied(&fake, &plan).await;
    assert_eq!(run.outcome, Outcome::Completed, "{:#?}", run.outcome);
    let (second, _) = silent(&fake, &of("web")).await;
    assert_eq!(second.text, first.text);
}
