//! What a probe saw joins a plan: it proves a health check, has one held, or leaves the proof to a copy.

use std::collections::BTreeMap;

use jiff::Timestamp;
use no502::cloud::Read as _;
use no502::diff::scope;
use no502::plan::{Asked, Options, Plan, plan};
use no502::probe::Observations;

use super::swap::{edited, stack, steps};
use super::{STACK, desired};
use crate::support::fake::{Fake, identity};

const TARGETS: [&str; 2] = ["10.0.1.10", "10.0.2.10"];

/// What health checks met, the same at both targets unless two are said.
fn saw(outcomes: &[&str]) -> BTreeMap<no502::model::Address, Observations> {
    let of = |at: usize| outcomes.get(at).or(outcomes.first()).unwrap();
    let one = |at: usize| {
        let text = format!(r#"{{ "health_checks": [{{ "outcome": {} }}] }}"#, of(at));
        (no502::model::Address::target("django", TARGETS[at], Some(8000)), serde_json::from_str(&text).unwrap())
    };
    if outcomes.is_empty() { BTreeMap::new() } else { [one(0), one(1)].into() }
}

async fn probed(fake: &Fake, body: &str, now: &[&str], afterwards: &[&str]) -> Plan {
    let desired = desired(body);
    let snapshot = fake.fetch(&scope(&desired)).await.unwrap();
    let at: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    let options = Options { asked: Asked { now: saw(now), afterwards: saw(afterwards) }, ..Options::default() };
    plan(&desired, snapshot, identity(), at, &options).unwrap()
}

const OK: &str = r#"{ "answer": { "status": 200 } }"#;
const MISSING: &str = r#"{ "answer": { "status": 404 } }"#;
const REFUSED: &str = r#""refused""#;
const NOWHERE: &str = r#""unconnected""#;

/// How a plan goes about a risky health check.
async fn course(body: &str, now: &[&str], afterwards: &[&str]) -> String {
    let fake = stack().await;
    let plan = probed(&fake, body, now, afterwards).await;
    if let Some(held) = plan.held.first() {
        assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
        return format!("held: {}", held.because);
    }
    let copied = steps(&plan).iter().any(|step| step.contains("@proof"));
    let proven = plan.steps.iter().any(|step| step.why.contains("a probe saw every healthy target pass it"));
    match (copied, proven) {
        (true, false) => "copy".to_owned(),
        (false, true) => "proven".to_owned(),
        other => panic!("{other:?}: {:#?}", plan.steps),
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_decides_on_a_health_check_where_it_reaches_the_targets() {
    let body = edited("path: /api/health/", "path: /up");
    assert_eq!(course(&body, &[OK], &[OK]).await, "proven");
    let held = course(&body, &[OK], &[OK, MISSING]).await;
    assert!(held.starts_with("held: a probe made the new health check"), "{held}");
    assert!(held.contains("target/django/10.0.2.10:8000 (404)"), "{held}");
    assert!(course(&body, &[OK], &[REFUSED]).await.starts_with("held"), "it answers now");
    assert_eq!(course(&body, &[NOWHERE], &[NOWHERE]).await, "copy", "it stands elsewhere");
    assert_eq!(course(&body, &[OK], &[OK, NOWHERE]).await.split(':').next(), Some("held"));
    assert_eq!(course(&body, &[], &[]).await, "copy", "nobody was asked");
    // what lets the probe in need not let the load balancer in
    let port = edited("path: /api/health/,", "path: /api/health/, port: 9000,");
    assert_eq!(course(&port, &[OK], &[OK]).await, "copy");
}

#[tokio::test(start_paused = true)]
async fn what_a_probe_saw_is_found_and_is_a_risk_where_it_comes_with_a_change() {
    let fake = stack().await;
    let short = r#"{ "health_checks": [{ "outcome": { "answer": { "status": 200 } } }], "keep_alive": { "closed_after": 75000 } }"#;
    let saw: Observations = serde_json::from_str(short).unwrap();
    let of = |ip: &str| (no502::model::Address::target("django", ip, Some(8000)), saw.clone());
    let seen: BTreeMap<_, _> = TARGETS.map(of).into();
    let body = STACK.replace("idle_timeout: 60s", "idle_timeout: 120s");
    let desired = desired(&body);
    let snapshot = fake.fetch(&scope(&desired)).await.unwrap();
    let options = Options { asked: Asked { now: seen.clone(), afterwards: seen }, ..Options::default() };
    let plan = plan(&desired, snapshot, identity(), "2026-11-22T00:00:00Z".parse().unwrap(), &options).unwrap();
    let has = |judged: &no502::rules::Judgement| judged.findings.iter().any(|finding| finding.rule == "E301");
    assert!(!has(&plan.now) && has(&plan.afterwards), "{:#?}", plan.afterwards.findings);
    assert!(plan.has_risk());
}
