//! Targets asked while AWS is: `probe --live`, `diagnose --probe`, and plans that rest on what targets answer.
//!
//! LocalStack's targets have scripted health; the program is led to real servers by `--connect-to`.

use serde_json::{Value, json};

use super::stack::Stack;
use crate::desired::schema::judged_by;
use crate::support::program::Run;
use crate::support::servers::servers;

/// Every target of the stack: none may be dialled where it says it is.
const TARGETS: [&str; 3] = ["10.0.1.10:8000", "10.0.2.10:8001", "10.0.1.30:8000"];

/// Runs a command with each target led to a server; a missing one is skipped, and said to be.
fn led(stack: &Stack, args: &[&str], to: [&str; 3]) -> Run {
    let lead = |(target, server): (&str, &str)| {
        let at = servers().at(server).expect("gunicorn runs everywhere");
        ["--connect-to".to_owned(), format!("{target}={at}")]
    };
    let leads: Vec<String> = TARGETS.into_iter().zip(to).flat_map(lead).collect();
    let args = args.iter().map(|arg| (*arg).to_owned()).chain(leads);
    stack.account.program().args(args).run()
}

fn rules(document: &Value) -> Vec<&str> {
    document["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[test]
fn live_targets_are_probed_and_what_aws_knows_better_is_left_to_it() {
    let stack = Stack::applied();
    let json = ["probe", "--live", "--quick", "--format", "json"];
    let run = led(&stack, &json, ["threads", "threads", "plain"]).exits(0);
    let targets = run.json()["targets"].as_array().unwrap().clone();
    assert_eq!(targets.len(), 3, "{}", run.all());
    assert!(targets.iter().all(|target| target["reported"] == "healthy"), "{targets:#?}");
    assert!(run.stderr.contains("probing 3 targets, 85 s at most"), "{}", run.stderr);
    // AWS's checks reach a target that refuses ours; another one fails both
    let mismatch = json!({ "state": "unhealthy", "reason": "Target.ResponseCodeMismatch", "description": "Health checks failed with these codes: [400]" });
    stack.account.script_health(&json!({ "10.0.1.30:8000": mismatch }));
    let run = led(&stack, &json, ["nobody", "threads", "hosts"]).exits(3);
    let document = run.json();
    assert_eq!(document["contradicted"][0]["target"], "target/django/10.0.1.10:8000", "{}", run.all());
    assert_eq!(document["contradicted"][0]["observed"], "connection refused");
    let schema = stack.account.run(&["schema", "--reports"]).exits(0).json();
    assert_eq!(
        judged_by(&schema, &[document.clone(), led(&stack, &json, ["threads", "threads", "plain"]).json()]),
        [None, None]
    );
    let of = |group: &str| {
        let targets = document["targets"].as_array().unwrap().clone();
        targets.into_iter().find(|target| target["target_group"] == group).unwrap()
    };
    assert_eq!(of("target_group/canary")["checks"][0]["rule"], "E109");
    assert_eq!(of("target_group/django")["checks"][0]["ok"], true);
    // AWS's checks do not get through, this one does
    stack.account.script_health(&json!({ "10.0.1.30:8000": { "state": "unhealthy", "reason": "Target.Timeout" } }));
    let text = led(&stack, &["probe", "--live", "--quick"], ["threads", "threads", "plain"]).exits(3).stdout;
    assert_eq!(text.matches("AWS's health checks fail where this one passes").count(), 1, "{text}");
    stack.account.script_health(&json!({ "10.0.1.30:8000": mismatch }));
    // parts of it
    let one = ["probe", "--live", "--quick", "--load-balancer", "web", "--target-group", "canary"];
    let text = led(&stack, &one, ["threads", "threads", "hosts"]).exits(3).stdout;
    assert!(text.contains("AWS: answers the health check with a code that is not a success code"), "{text}");
    assert!(!text.contains("django/"), "{text}");
    led(&stack, &["probe", "--live", "--load-balancer", "wab"], ["threads"; 3]).exits(1).says("did you mean web?");
    let files = ["probe", "desired", "--live", "--quick", "--target", "target_group/django"];
    led(&stack, &files, ["threads"; 3]).exits(0);
}

#[test]
fn a_diagnosis_measures_what_no_file_says() {
    let stack = Stack::applied();
    let quick = ["diagnose", "web", "--probe=quick", "--format", "json", "--fail-on", "never"];
    let document = led(&stack, &quick, ["short", "short", "plain"]).exits(0).json();
    assert!(!rules(&document).contains(&"E301"), "{document:#}");
    let full = ["diagnose", "web", "--probe", "--format", "json"];
    let document = led(&stack, &full, ["short", "short", "short"]).exits(3).json();
    assert!(rules(&document).contains(&"E301"), "{document:#}");
    let unprobed = ["diagnose", "web", "--connect-to", "10.0.1.10:8000=127.0.0.1:1"];
    stack.account.run(&unprobed).exits(1).says("--probe");
}

#[test]
fn a_health_check_that_targets_fail_is_held_and_one_that_they_pass_needs_no_copy() {
    let stack = Stack::applied();
    let calls = |run: &Run| -> Vec<String> {
        let steps = run.json()["steps"].as_array().unwrap().clone();
        let ids = steps.iter().map(|step| step["id"].as_str().unwrap().to_owned());
        ids.filter(|id| id.contains("TargetGroup")).collect()
    };
    let to = ["plain", "plain", "threads"];
    let plan = ["plan", "--format", "json", "--probe=quick"];
    stack.edit("path: /api/health/, port: traffic-port", "path: /api/health, port: traffic-port");
    let run = led(&stack, &plan, to).exits(0);
    assert_eq!(calls(&run), Vec::<String>::new(), "{}", run.all());
    let because = run.json()["held"][0]["because"].as_str().unwrap().to_owned();
    assert!(because.contains("a healthy target fails it") && because.contains("301 to"), "{because}");
    let field = &run.json()["changes"][0]["fields"][0];
    assert_eq!((&field["risk"], &field["rules"][0]), (&"5xx".into(), &"E108".into()), "{}", run.all());
    let applied = led(&stack, &["apply", "--yes", "--probe=quick"], to).exits(3).stdout;
    assert!(applied.contains("a healthy target fails it"), "{applied}");
    // another path that they have
    stack.edit("path: /api/health, port: traffic-port", "path: /, port: traffic-port");
    assert_eq!(calls(&led(&stack, &plan, to).exits(0)), ["ModifyTargetGroup target_group/django"]);
    let copied = stack.plan();
    assert!(calls(&copied).iter().any(|call| call.contains("@proof")), "{}", copied.all());
}
