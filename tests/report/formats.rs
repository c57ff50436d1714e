//! The formats that are made of remarks: an example of each, the limits that their readers set, and that none of them
//! leaves anything out that another one says.

use std::collections::BTreeSet;

use no502::plan::Plan;
use no502::report::remark::{Remark, Topic, Weight};
use no502::report::watch::Watch;
use no502::report::{Look, Report, github, json, junit, markdown, sarif, text};
use serde_json::Value;

use super::{calls, deployed, drifted, shop, view};
use crate::desired::schema::judged_by;
use crate::offline::planned;

fn at() -> jiff::Timestamp {
    "2026-11-22T02:00:00Z".parse().unwrap()
}

fn report(plan: &Plan, watch: Watch) -> Report {
    let (desired, calls) = (shop(), calls());
    Report::of_plan(&view("check", plan, &desired, &calls), watch, at())
}

/// A small drift, whose reports can be read as a whole.
async fn small() -> Plan {
    let fake = deployed().await;
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let no502::model::Spec::TargetGroup(group) = &mut live.spec
                && group.name == "django"
            {
                group.attributes.insert("deregistration_delay.timeout_seconds".into(), "5".into());
                group.health_check.interval = Some(60);
            }
        }
    });
    planned(&fake, &shop()).await
}

/// Keeps an example that people can read in one sitting.
fn golden(name: &str, text: &str) {
    assert!(text.lines().count() < 100, "{name} has {} lines", text.lines().count());
    insta::assert_snapshot!(name, text);
}

#[tokio::test(start_paused = true)]
async fn an_example_of_each_format() {
    let plan = small().await;
    let report = report(&plan, Watch::Drift);
    let (desired, calls) = (shop(), calls());
    let view = view("check", &plan, &desired, &calls);
    golden("check_text", &text::check(&view, &report, 3, &Look::default()));
    let json = serde_json::to_string(&json::check(&view, &report, 3)).unwrap();
    golden("check_json", &json.replace("},{", "},\n{"));
    golden("check_markdown", &markdown::document(&report, 3, markdown::COMMENT));
    let mut sarif = sarif::document(&report);
    for rule in sarif["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap() {
        // explanations are long, and shown elsewhere
        rule["help"]["text"] = "…".into();
        rule["fullDescription"]["text"] = "…".into();
    }
    golden("check_sarif", &serde_json::to_string(&sarif).unwrap().replace("},{", "},\n{"));
    golden("check_junit", &junit::document(&report));
    golden("check_github", &github::annotations(&report));
    golden("check_outputs", &github::outputs(&report, 3));
}

/// What the exit code rests on adds up to what every format says.
#[tokio::test(start_paused = true)]
async fn the_weight_is_one_in_all_formats() {
    let plan = drifted().await;
    for (watch, weight, code) in
        [(Watch::Drift, Weight::FiveXx, 3), (Watch::FiveXx, Weight::FiveXx, 3), (Watch::Nothing, Weight::None, 0)]
    {
        let report = report(&plan, watch);
        assert_eq!(report.weight(), weight);
        let failing = report.remarks.iter().filter(|remark| remark.weight > Weight::None).count();
        let (junit, markdown) = (junit::document(&report), markdown::document(&report, code, markdown::COMMENT));
        assert_eq!(junit.contains("failures=\"0\""), failing == 0, "{junit}");
        assert_eq!(markdown.contains("Check passes"), failing == 0, "{markdown}");
        assert!(github::outputs(&report, code).contains(&format!("counting={failing}\n")));
    }
}

#[tokio::test(start_paused = true)]
async fn every_remark_is_in_every_format() {
    let report = report(&drifted().await, Watch::Any);
    let sarif = sarif::document(&report);
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), report.remarks.len());
    let (junit, markdown) = (junit::document(&report), markdown::document(&report, 3, markdown::SUMMARY));
    for Remark { address, title, code, topic, .. } in &report.remarks {
        let address = address.as_deref().unwrap();
        assert!(markdown.contains(&format!("`{address}`")), "{address}\n{markdown}");
        assert!(junit.contains(&format!("name=\"{address}\"")), "{address}\n{junit}");
        assert!(results.iter().any(|result| result["message"]["text"].as_str().unwrap().starts_with(title)), "{title}");
        assert!(results.iter().any(|result| result["ruleId"] == *code));
        assert!(*topic != Topic::Gap, "the view is whole");
    }
    let places: BTreeSet<String> = results.iter().map(|result| result["locations"][0].to_string()).collect();
    assert!(places.len() > 10 && !places.contains("null"), "{places:#?}");
}

/// Many remarks: the limits of comments, summaries, annotations and code scanning hold, and what is left out is counted.
#[tokio::test(start_paused = true)]
async fn limits_are_kept_and_what_is_left_out_is_counted() {
    let mut report = report(&drifted().await, Watch::Drift);
    let some = report.remarks.clone();
    report.remarks = (0..600).flat_map(|_| some.clone()).collect();
    report.remarks.sort_by_key(|remark| std::cmp::Reverse(remark.weight));
    let comment = markdown::document(&report, 3, markdown::COMMENT);
    assert!(comment.len() <= 65_536 && comment.len() > 60_000, "{}", comment.len());
    assert!(comment.trim_end().ends_with("more are left out for their length; `--format json` has them all."));
    // tables are not torn: every line of one has its cells
    assert!(comment.lines().filter(|line| line.starts_with("| ")).all(|line| line.ends_with(" |")));
    assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
    let summary = markdown::document(&report, 3, markdown::SUMMARY);
    assert!(summary.len() <= 1024 * 1024 && summary.len() > 900_000, "{}", summary.len());
    let annotations = github::annotations(&report);
    for level in ["error", "warning", "notice"] {
        let lines: Vec<&str> = annotations.lines().filter(|line| line.starts_with(&format!("::{level} "))).collect();
        assert!(lines.len() <= 10, "{level}: {}", lines.len());
        assert!(lines.last().is_none_or(|last| last.contains("more of this level")), "{lines:#?}");
    }
    let sarif = sarif::document(&report);
    let run = &sarif["runs"][0];
    assert_eq!(run["results"].as_array().unwrap().len(), 5_000);
    let left_out = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert!(left_out.as_str().unwrap().starts_with(&(report.remarks.len() - 5_000).to_string()), "{left_out}");
}

/// What somebody writes on AWS does not become markup anywhere.
#[tokio::test(start_paused = true)]
async fn nothing_from_aws_is_markup() {
    let fake = deployed().await;
    fake.edit(|snapshot| {
        for live in snapshot.found.values_mut() {
            if let no502::model::Spec::TargetGroup(group) = &mut live.spec {
                group.health_check.path = Some("/<b>|@all\n::error::`x`%0A]]>".into());
            }
        }
    });
    let report = report(&planned(&fake, &shop()).await, Watch::Drift);
    let markdown = markdown::document(&report, 3, markdown::COMMENT);
    assert!(!markdown.contains("<b>") && !markdown.contains("@all") && !markdown.contains("`x`"), "{markdown}");
    let annotations = github::annotations(&report);
    assert!(annotations.lines().all(|line| line.starts_with("::")) && !annotations.contains("\n::error::"));
    assert!(!junit::document(&report).contains("<b>"));
    serde_json::from_str::<Value>(&json::to_text(&sarif::document(&report))).unwrap();
}

/// What SARIF 2.1.0 (OASIS, its JSON schema) says of the objects that are used here: which properties there are and of what
/// form; and what GitHub's code scanning needs besides: a place for each result.
fn sarif_schema() -> Value {
    let object = |required: &[&str], properties: Value| {
        serde_json::json!({
            "type": "object", "required": required, "properties": properties, "additionalProperties": false
        })
    };
    let text = serde_json::json!({ "type": "string", "minLength": 1 });
    let number = serde_json::json!({ "type": "integer", "minimum": 1 });
    let level = serde_json::json!({ "enum": ["none", "note", "warning", "error"] });
    let list = |items: &Value| serde_json::json!({ "type": "array", "items": items });
    let message = object(&["text"], serde_json::json!({ "text": text }));
    let region = object(
        &["startLine"],
        serde_json::json!({ "startLine": number, "startColumn": number, "endLine": number, "endColumn": number }),
    );
    let artifact = object(&["uri"], serde_json::json!({ "uri": { "type": "string", "pattern": "^[^ ]+$" } }));
    let place = object(&["artifactLocation"], serde_json::json!({ "artifactLocation": artifact, "region": region }));
    let location =
        object(&[], serde_json::json!({ "id": { "type": "integer" }, "physicalLocation": place, "message": message }));
    let suppression =
        object(&["kind"], serde_json::json!({ "kind": { "enum": ["inSource", "external"] }, "justification": text }));
    let result = object(
        &["message", "ruleId", "level", "locations"],
        serde_json::json!({
            "ruleId": text, "ruleIndex": { "type": "integer", "minimum": 0 }, "level": level, "message": message,
            "locations": { "type": "array", "minItems": 1, "items": location }, "relatedLocations": list(&location),
            "partialFingerprints": { "type": "object", "additionalProperties": { "type": "string" } },
            "suppressions": list(&suppression),
        }),
    );
    let rule = object(
        &["id"],
        serde_json::json!({
            "id": text, "name": text, "shortDescription": message, "fullDescription": message, "help": message,
            "defaultConfiguration": object(&[], serde_json::json!({ "level": level })),
        }),
    );
    let driver = object(
        &["name"],
        serde_json::json!({ "name": text, "version": text, "semanticVersion": text, "rules": list(&rule) }),
    );
    let notification = object(&["message"], serde_json::json!({ "level": level, "message": message }));
    let invocation = object(
        &["executionSuccessful"],
        serde_json::json!({ "executionSuccessful": { "type": "boolean" }, "toolExecutionNotifications": list(&notification) }),
    );
    let run = object(
        &["tool", "results"],
        serde_json::json!({
            "tool": object(&["driver"], serde_json::json!({ "driver": driver })), "results": list(&result),
            "columnKind": { "enum": ["utf16CodeUnits", "unicodeCodePoints"] }, "invocations": list(&invocation),
        }),
    );
    object(
        &["version", "runs"],
        serde_json::json!({ "$schema": text, "version": { "const": "2.1.0" }, "runs": list(&run) }),
    )
}

#[tokio::test(start_paused = true)]
async fn sarif_is_sarif() {
    let few = report(&small().await, Watch::Drift);
    let report = report(&drifted().await, Watch::Any);
    let mut many = report.clone();
    many.remarks = (0..300).flat_map(|_| report.remarks.clone()).collect();
    let mut documents = vec![sarif::document(&report), sarif::document(&few), sarif::document(&many)];
    let none = judged_by(&sarif_schema(), &documents);
    assert!(none.iter().all(Option::is_none), "{none:#?}");
    documents[0]["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(judged_by(&sarif_schema(), &documents)[0].is_some());
}
