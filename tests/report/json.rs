use std::collections::BTreeSet;

use no502::report::{Validation, json};
use no502::rules;
use serde_json::Value;

use super::{calls, drifted, shop, view};

fn parsed(text: &str) -> Value {
    assert!(text.ends_with("}\n"));
    serde_json::from_str(text).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn set(list: &'static [&'static str]) -> BTreeSet<&'static str> {
    list.iter().copied().collect()
}

#[tokio::test(start_paused = true)]
async fn the_plan_document_has_the_contracts_keys() {
    let (plan, desired, calls) = (drifted().await, shop(), calls());
    let text = json::to_text(&json::plan(&view("plan", &plan, &desired, &calls), None));
    let document = parsed(&text);
    for part in ["summary", "changes"] {
        insta::assert_snapshot!(format!("plan_json_{part}"), serde_json::to_string_pretty(&document[part]).unwrap());
    }
    let contract: BTreeSet<&str> = set(&[
        "format_version",
        "tool_version",
        "command",
        "account",
        "region",
        "stack",
        "complete",
        "summary",
        "changes",
        "steps",
        "findings",
        "not_checked",
        "unmanaged",
        "undeclared",
        "held",
        "gaps",
        "api_calls",
    ]);
    let added = set(&["accepted", "refused", "unselected", "ignored"]);
    assert_eq!(keys(&document), contract.union(&added).copied().collect());
    let summary =
        set(&["in_sync", "create", "update", "replace", "delete", "unmanaged", "undeclared", "held", "risk_5xx"]);
    assert_eq!(keys(&document["summary"]), summary);
    let change = &document["changes"][0];
    let wanted = set(&["address", "kind", "action", "cause", "fields", "risk", "rules", "because", "source"]);
    assert_eq!(keys(change), wanted);
    assert_eq!(keys(&change["fields"][0]), set(&["path", "live", "desired", "risk", "rules"]));
    assert_eq!(keys(&change["source"]), set(&["file", "line", "column"]));
    let step = set(&["id", "operation", "address", "after", "before", "gate", "compensation", "reversible", "why"]);
    assert_eq!(keys(&document["steps"][0]), step);
    let finding = set(&[
        "id",
        "rule",
        "severity",
        "address",
        "title",
        "detail",
        "evidence",
        "fix",
        "automatic",
        "source",
        "after_plan",
    ]);
    assert_eq!(keys(&document["findings"][0]), finding);
    assert_eq!(document["undeclared"], serde_json::json!([]));
    assert_eq!(keys(&document["api_calls"]), set(&["total", "by_operation"]));
}

#[tokio::test(start_paused = true)]
async fn text_and_document_agree() {
    let (plan, desired, calls) = (drifted().await, shop(), calls());
    let document = json::plan(&view("plan", &plan, &desired, &calls), None);
    assert_eq!(document.changes.len(), plan.differences().count());
    let risky = document.changes.iter().flat_map(|c| &c.fields).filter(|f| f.risk == "5xx").count();
    let whole = document.changes.iter().filter(|c| c.fields.is_empty() && c.risk == "5xx").count();
    assert_eq!(document.summary.risk_5xx, risky + whole);
    assert!(document.changes.iter().all(|c| !c.because.is_empty()), "{:#?}", document.changes);
    assert!(document.changes.windows(2).all(|pair| pair[0].kind <= pair[1].kind));
}

#[tokio::test(start_paused = true)]
async fn only_apply_says_how_it_ended() {
    let (plan, desired, calls) = (drifted().await, shop(), calls());
    let end = json::End { run: "r1".into(), outcome: json::Outcome::Done, resources: json::resources(&plan) };
    let document = parsed(&json::to_text(&json::plan(&view("apply", &plan, &desired, &calls), Some(end))));
    assert_eq!(document["outcome"], "done");
    assert_eq!(document["run"], "r1");
    let resources = document["resources"].as_object().unwrap();
    assert!(resources.contains_key("load_balancer/web") && resources.contains_key("rule/web:443/api"));
    assert!(resources.values().all(|r| r["arn"].is_string()));
    assert!(!resources.keys().any(|address| address.starts_with("target/")));
}

#[test]
fn validation_has_its_document() {
    let desired = shop();
    let judged = rules::judge(&no502::plan::of_files(&desired, "2026-11-22T00:00:00Z".parse().unwrap()));
    let validation =
        Validation { files: &desired.files, problems: &[], desired: Some(&desired), judgement: Some(&judged) };
    let document = parsed(&json::to_text(&json::validate("validate", &validation)));
    let wanted =
        set(&["format_version", "tool_version", "command", "valid", "problems", "findings", "accepted", "not_checked"]);
    assert_eq!(keys(&document), wanted);
    assert_eq!(document["valid"], true);
}

#[test]
fn rules_have_their_documents() {
    let all = parsed(&json::to_text(&json::rules(rules::ALL)));
    assert_eq!(all["rules"].as_array().unwrap().len(), rules::ALL.len());
    let one = rules::explain::explanation(rules::find("E101").unwrap());
    let one = parsed(&json::to_text(&json::explanation(one)));
    assert_eq!(one["rule"]["name"], "hc-path-mismatch");
    assert_eq!(one["format_version"], "1.0");
}
