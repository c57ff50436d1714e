//! Live header values that the files do not spell out: they may be secret, and are shown and kept nowhere.

use no502::cloud::ApiCalls;
use no502::desired::Ignore;
use no502::diff::Cause;
use no502::model::Text;
use no502::model::kind::HeaderCondition;
use no502::plan::saved::{PlanFile, Record};
use no502::plan::{Options, Plan, plan};
use no502::report::watch::Watch;
use no502::report::{Colour, Detail, Look, Report, View, json, markdown, text};

use super::fields::stack;
use super::leaving::{deployed, rule_mut};
use super::{STACK, desired, planned};
use crate::support::fake::{Fake, identity};

const LIVE: &str = "m4rked-live-value";
const NOW: &str = "2026-11-22T00:00:00Z";

fn put(fake: &Fake, header: &str, value: &str) {
    let condition = HeaderCondition { name: header.to_owned(), values: [Text::Plain(value.to_owned())].into() };
    fake.edit(|snapshot| assert!(rule_mut(snapshot, 10).when.as_mut().unwrap().header.insert(condition)));
}

/// Everything that is printed or kept of a plan.
fn seen(plan: &Plan, body: &str) -> String {
    let (desired, api_calls) = (desired(body), ApiCalls::default());
    let view = View { command: "plan", plan, desired: &desired, api_calls: &api_calls, paths: "" };
    let report = Report::of_plan(&view, Watch::Any, NOW.parse().unwrap());
    let look = Look { colour: Colour::Off, detail: Detail::Full, width: 100 };
    [
        text::plan(&view, &look),
        text::check(&view, &report, 2, &look),
        json::to_text(&json::plan(&view, None)),
        json::to_text(&json::check(&view, &report, 2)),
        markdown::document(&report, 2, markdown::COMMENT),
        PlanFile::of(plan, NOW.parse().unwrap()).text(),
        serde_json::to_string(&Record::of(plan, &plan.steps)).unwrap(),
    ]
    .join("\n")
}

#[tokio::test(start_paused = true)]
async fn a_live_header_value_that_no_file_spells_out_is_shown_and_kept_nowhere() {
    let fake = deployed(STACK).await;
    put(&fake, "X-Origin-Verify", LIVE);
    let plan = planned(&fake, &desired(STACK)).await;
    let seen_of = seen(&plan, STACK);
    assert!(!seen_of.contains(LIVE), "{seen_of}");
    assert!(seen_of.contains("when.header  X-Origin-Verify (secret) → (none)"), "{seen_of}");
    // another header that the file spells out makes no difference
    let body = stack(&[("when: { path: [\"/api/*\"] }", "when: { path: [\"/api/*\"], header: { X-Version: \"2\" } }")]);
    let fake = deployed(&body).await;
    put(&fake, "X-Origin-Verify", LIVE);
    let seen_of = seen(&planned(&fake, &desired(&body)).await, &body);
    assert!(!seen_of.contains(LIVE) && seen_of.contains("X-Version 2"), "{seen_of}");
    // what the file spells out is no secret on either side
    let other = body.replace("\"2\"", "\"3\"");
    let fake = deployed(&body).await;
    let seen_of = seen(&planned(&fake, &desired(&other)).await, &other);
    assert!(seen_of.contains("X-Version 2 → X-Version 3"), "{seen_of}");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_left_the_files_is_pending_and_no_drift() {
    let body = stack(&[("when: { path: [\"/api/*\"] }", "when: { path: [\"/api/*\"], header: { X-Version: \"2\" } }")]);
    let fake = deployed(&body).await;
    let cause = |plan: &Plan| plan.differences().map(|change| change.cause).collect::<Vec<_>>();
    assert_eq!(cause(&planned(&fake, &desired(STACK)).await), [Some(Cause::Pending)]);
    put(&fake, "X-Other", "1");
    assert_eq!(cause(&planned(&fake, &desired(STACK)).await), [Some(Cause::Both)]);
}

#[tokio::test(start_paused = true)]
async fn a_hidden_value_is_never_sent_so_that_what_needs_it_is_held() {
    let fake = deployed(STACK).await;
    put(&fake, "X-Origin-Verify", LIVE);
    let ignore = Ignore {
        address: "rule/web:443/api".to_owned(),
        field: Some("when.header".to_owned()),
        reason: "known".to_owned(),
        owner: "team-shop".to_owned(),
        until: "2027-01-31".parse().unwrap(),
    };
    let options = Options { ignores: vec![ignore], ..Options::default() };
    let other = stack(&[("/api/*", "/v1/*")]);
    let plan = plan(&desired(&other), fake.snapshot(), identity(), NOW.parse().unwrap(), &options).unwrap();
    assert_eq!(plan.diff.ignored.len(), 1);
    let held: Vec<&str> = plan.held.iter().map(|held| held.because.as_str()).collect();
    assert!(matches!(held[..], [because] if because.contains("that no file names")), "{held:?}");
    assert!(plan.steps.iter().all(|step| step.operation.name() != "ModifyRule"), "{:#?}", plan.steps);
    assert!(!seen(&plan, &other).contains(LIVE));
}
