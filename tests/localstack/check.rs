//! `check`: read-only, and it tells drift (AWS moved) from pending (the file moved).

use std::collections::BTreeMap;

use super::fields::live::Live;
use super::stack::Stack;
use crate::desired::schema::judged_by;
use crate::support::account::proxy;
use crate::support::proxy::Fault;
use crate::support::wait_for;

/// The cause of each difference.
fn causes(stack: &Stack, code: i32, args: &[&str]) -> BTreeMap<String, String> {
    let check = stack.account.program().args(["check", "--format", "json"]).args(args).run().exits(code).json();
    let changes = check["changes"].as_array().unwrap().iter().filter(|c| c["action"] != "none");
    changes.map(|c| (c["address"].as_str().unwrap().to_owned(), c["cause"].as_str().unwrap().to_owned())).collect()
}

/// The stack, with a target that somebody registered in the group whose members no file names.
fn served() -> Stack {
    let stack = Stack::applied();
    Live::of(&stack).register("picky", "10.0.1.40", 8000);
    stack
}

fn one(address: &str, cause: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(address.to_owned(), cause.to_owned())])
}

#[test]
fn nothing_differs_and_nothing_is_written() {
    let stack = served();
    let proxy = proxy();
    stack.account.behind(&proxy).args(["check"]).run().exits(0);
    assert!(proxy.counts().len() > 10);
    assert_eq!(proxy.writes(), Vec::<String>::new());
}

#[test]
fn drift_pending_and_both_are_told_apart() {
    let stack = served();
    let live = Live::of(&stack);
    let (lb, group) = ("load_balancer/web", "target_group/django");
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    assert_eq!(causes(&stack, 2, &[]), one(lb, "drift"));
    assert_eq!(causes(&stack, 0, &["--fail-on", "never"]), one(lb, "drift"));
    assert_eq!(causes(&stack, 0, &["--fail-on", "5xx"]), one(lb, "drift"));
    stack.apply();

    stack.edit("deregistration_delay: 30s", "deregistration_delay: 45s");
    assert_eq!(causes(&stack, 0, &[]), one(group, "pending"));
    assert_eq!(causes(&stack, 2, &["--fail-on", "any"]), one(group, "pending"));
    live.group_attributes("django", &[("slow_start.duration_seconds", "90")]);
    assert_eq!(causes(&stack, 2, &[]), one(group, "both"));
    stack.apply();
    assert_eq!(causes(&stack, 0, &["--fail-on", "drift"]), BTreeMap::new());
}

/// The closing line and the exit code are made of the same values.
#[test]
fn what_nobody_declared_fails_only_a_check_for_anything() {
    let stack = served();
    let live = Live::of(&stack);
    live.group_attributes("picky", &[("deregistration_delay.timeout_seconds", "120")]);
    let quiet = stack.account.run(&["check"]).exits(0).stdout;
    assert!(
        quiet.lines().count() == 1 && quiet.contains("target_group/picky: deregistration_delay is 120s"),
        "{quiet}"
    );
    let any = stack.account.run(&["check", "--fail-on", "any"]).exits(2);
    let first = any.stdout.lines().next().unwrap();
    assert!(
        first.starts_with("Check fails (--fail-on any, exit code 2): ") && first.contains("undeclared"),
        "{}",
        any.all()
    );
    assert!(!any.stdout.contains("ok:"), "{}", any.all());
}

#[test]
fn a_target_that_names_nothing_is_an_error() {
    let stack = Stack::applied();
    for command in ["plan", "check", "apply"] {
        let args = [command, "--target", "target_group/djnago"];
        let run = stack.account.run(&args).exits(1);
        assert!(
            run.stderr.contains("target_group/djnago") && run.stderr.contains("target_group/django"),
            "{}",
            run.all()
        );
    }
    // what a run deletes has no address any more, and that is no mistake
    stack.edit("          closed:\n            priority: 40\n            when: { path: [\"/closed/*\"] }\n            fixed_response: { status: 503, content_type: text/plain, body: \"closed\" }\n", "");
    let args = ["apply", "--yes", "--target", "rule/web:443/closed"];
    stack.account.run(&args).exits(0);
    stack.account.run(&args).exits(1);
}

#[test]
fn a_risk_is_worse_than_a_drift() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.check("django", |m| m.health_check_path("/nowhere"));
    assert_eq!(causes(&stack, 3, &[]), one("target_group/django", "drift"));
    assert_eq!(causes(&stack, 3, &["--fail-on", "5xx"]), one("target_group/django", "drift"));
    assert_eq!(causes(&stack, 0, &["--fail-on", "never"]), one("target_group/django", "drift"));
}

#[test]
fn what_the_files_do_not_mention_is_shown_and_left_alone() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.tag(&live.load_balancer, "stranger", "1");
    live.check("canary", |m| m.health_check_interval_seconds(60));
    let plan = stack.plan().exits(0).json();
    let undeclared = plan["undeclared"].as_array().unwrap();
    let found =
        undeclared.iter().find(|u| u["path"] == "health_check.interval" && u["address"] == "target_group/canary");
    let found = found.unwrap_or_else(|| panic!("{undeclared:?}"));
    assert_eq!((&found["live"], &found["default"]), (&60.into(), &30.into()));
    stack.apply();
    assert_eq!(stack.plan().exits(0).json()["undeclared"], plan["undeclared"]);
}

/// Settings that no file mentions, changed by hand one after another: none fails a check, each is listed, in the text too.
#[test]
fn console_edits_of_undeclared_settings_are_listed_and_do_not_fail() {
    let stack = served();
    let live = Live::of(&stack);
    let edits: [(&str, &str, &dyn Fn()); 5] = [
        ("target_group/canary", "slow_start", &|| {
            live.group_attributes("canary", &[("slow_start.duration_seconds", "60")])
        }),
        ("target_group/canary", "health_check.interval", &|| {
            live.check("canary", |m| m.health_check_interval_seconds(60))
        }),
        ("target_group/canary", "health_check.healthy_threshold", &|| {
            live.check("canary", |m| m.healthy_threshold_count(7))
        }),
        ("target_group/picky", "deregistration_delay", &|| {
            live.group_attributes("picky", &[("deregistration_delay.timeout_seconds", "120")]);
        }),
        ("target_group/canary", "attributes.load_balancing.cross_zone.enabled", &|| {
            live.group_attributes("canary", &[("load_balancing.cross_zone.enabled", "true")]);
        }),
    ];
    for (address, path, edit) in edits {
        edit();
        let json = stack.account.run(&["check", "--format", "json"]).json();
        let undeclared = json["undeclared"].as_array().unwrap();
        assert!(undeclared.iter().any(|u| u["path"] == path && u["address"] == address), "{path}: {undeclared:#?}");
        let remarks = json["remarks"].as_array().unwrap();
        assert!(remarks.iter().any(|r| r["topic"] == "undeclared" && r["weight"] == "none"), "{remarks:#?}");
        let fired =
            json["findings"].as_array().unwrap().iter().any(|f| f["severity"] == "high" || f["severity"] == "critical");
        assert_eq!(json["exit_code"], if fired { 3 } else { 0 }, "{path}: {:#}", json["findings"]);
        stack.account.run(&["check", "--fail-on", "any"]).exits(if fired { 3 } else { 2 });
        let text = stack.account.run(&["-v", "check"]).stdout;
        assert!(text.contains(path) && text.contains(address.split('/').next().unwrap()), "{text}");
    }
}

/// AWS promises no order of its lists: whatever it is, the check says the same.
#[test]
fn the_order_of_awss_answers_changes_nothing() {
    let stack = Stack::applied();
    let clean = stack.account.run(&["check", "--format", "json"]).exits(0).json();
    for seed in 0..12 {
        let proxy = proxy();
        proxy.on("*").meets(Fault::Shuffle(seed));
        let mut json = stack.account.behind(&proxy).args(["check", "--format", "json"]).run().exits(0).json();
        json["checked_at"] = clean["checked_at"].clone();
        assert_eq!(json["changes"], serde_json::json!([]), "seed {seed}");
        let without = |json: &serde_json::Value| {
            let mut json = json.clone();
            // since when things are known is the time of the check
            for remark in json["remarks"].as_array_mut().unwrap() {
                remark["first_seen"] = serde_json::Value::Null;
            }
            json.to_string()
        };
        assert_eq!(without(&json), without(&clean), "seed {seed}");
    }
}

const IGNORE: &str = "version: 1
ignore:
  - { address: \"target_group/*\", field: deregistration_delay, reason: raised for the sale, owner: team-shop, until: 2999-01-31 }
  - { address: rule/web:443/closed, reason: never mind, owner: team-shop, until: 2999-01-31 }
";

#[test]
fn what_is_ignored_is_said_does_not_count_and_is_left_alone() {
    let stack = served();
    let live = Live::of(&stack);
    live.group_attributes("django", &[("deregistration_delay.timeout_seconds", "40")]);
    stack.account.run(&["check"]).exits(2);
    stack.account.write("ignore.yaml", IGNORE);
    let check = |code: i32| stack.account.run(&["check", "--ignore", "ignore.yaml"]).exits(code);
    assert!(check(0).stdout.contains("1 ignored difference"), "{}", check(0).all());

    // a rule that is gone is no difference any more; that clients notice is said all the same
    wait_for(stack.account.elb.delete_rule().rule_arn(&live.rules["40"]).send()).unwrap();
    assert_eq!(check(0).stderr, "");
    let json = stack.account.run(&["check", "--ignore", "ignore.yaml", "--format", "json"]).json();
    assert!(json["findings"].as_array().unwrap().iter().any(|found| found["rule"] == "E811"), "{}", json["findings"]);
    let ignored = json["ignored"].as_array().unwrap();
    assert_eq!((ignored.len(), &ignored[0]["owner"]), (2, &"team-shop".into()), "{ignored:#?}");
    assert_eq!(json["changes"], serde_json::json!([]));

    // the texts show them as well
    let plan = stack.account.run(&["plan", "--ignore", "ignore.yaml"]).exits(0);
    for said in [
        "in sync, 2 ignored.",
        "Ignored until 2999-01-31 by team-shop: target_group/django deregistration_delay 40s \u{2192} 30s",
        "Ignored until 2999-01-31 by team-shop: rule/web:443/closed is in the files and not on AWS (never mind)",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&plan.stdout).contains(said), "{said}\n{}", plan.stdout);
    }

    // another field of the same resource is drift all the same, and apply mends it alone
    live.group_attributes("django", &[("slow_start.duration_seconds", "90")]);
    let hinted = check(2).stdout;
    assert!(hinted.contains("`no502 apply --ignore ignore.yaml` runs them"), "{hinted}");
    assert_eq!(causes(&stack, 2, &["--ignore", "ignore.yaml"]), one("target_group/django", "drift"));
    let proxy = proxy();
    stack.account.behind(&proxy).args(["apply", "--yes", "--ignore", "ignore.yaml"]).run().exits(0);
    assert_eq!(proxy.count("ModifyTargetGroupAttributes"), 1);
    assert_eq!(proxy.count("CreateRule"), 0);
    check(0);
    // without the file both are there as they were, and the stamp was not renewed for what is not in sync
    let left: Vec<String> = causes(&stack, 3, &[]).into_keys().collect();
    assert_eq!(left, ["rule/web:443/closed", "target_group/django"]);
}

#[test]
fn entries_that_have_run_out_count_again_and_idle_ones_are_said() {
    let stack = served();
    let live = Live::of(&stack);
    live.group_attributes("django", &[("deregistration_delay.timeout_seconds", "40")]);
    stack.account.write("ignore.yaml", IGNORE.replacen("2999-01-31", "2026-01-31", 1));
    let run = stack.account.run(&["check", "--ignore", "ignore.yaml"]).exits(2);
    let run = run.says("what team-shop ignores has run out on 2026-01-31").says("ignore.yaml:3:").says("counts again");
    run.says("an entry of team-shop matches no difference").says("ignore.yaml:4:");
    stack.account.write("ignore.yaml", "version: 1\nignore:\n  - { address: x, reson: y, until: soon }\n");
    let run = stack.account.run(&["check", "--ignore", "ignore.yaml"]).exits(1);
    run.says("reason").says("owner").says("must be a date").says("ignore.yaml:3:");
}

/// One run leaves every report, and all of them say the same; a later one tells only what turned.
#[test]
fn one_run_leaves_every_report() {
    let stack = served();
    let folder = stack.account.path();
    let reports = ["json=now.json", "markdown=comment.md", "sarif=no502.sarif", "junit=no502.xml", "text=no502.txt"];
    let args: Vec<&str> = ["check"].into_iter().chain(reports.iter().flat_map(|one| ["--report", one])).collect();
    let in_actions = || {
        let program = stack.account.program().args(&args).args(["--format", "github"]);
        program.env("GITHUB_STEP_SUMMARY", folder.join("summary.md")).env("GITHUB_OUTPUT", folder.join("output"))
    };
    let quiet = in_actions().run().exits(0);
    assert!(quiet.stdout.lines().all(|line| line.starts_with("::notice ")), "{}", quiet.stdout);
    std::fs::rename(folder.join("now.json"), folder.join("before.json")).unwrap();
    let live = Live::of(&stack);
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    let run = in_actions().args(["--since", "before.json"]).run().exits(2);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(run.stdout.starts_with("::warning file=desired/shop.yaml,line="), "{}", run.all());
    for name in ["comment.md", "no502.sarif", "no502.xml", "no502.txt", "summary.md"] {
        let text = read(name);
        assert!(text.contains("load_balancer/web") && text.contains("client_keep_alive"), "{name}: {text}");
    }
    let outputs = read("output");
    assert!(outputs.ends_with("exit-code=2\nverdict=differs\ncounting=1\nnew=1\ngone=0\nchanged=true\n"), "{outputs}");
    // a finding of no weight came with it
    assert!(read("no502.txt").contains("2 new, 0 gone"), "{}", read("no502.txt"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&read("now.json")).unwrap()["since"]["changed"], true);
    stack.account.run(&["check", "--since", "nowhere.json"]).exits(1).says("nowhere.json").says("leave --since out");
    stack.account.run(&["check", "--since", "comment.md"]).exits(1).says("no JSON report");
}

/// Each JSON report is what the published schema says, and no key of it is unknown to the schema.
#[test]
fn json_reports_keep_to_their_schema() {
    let stack = Stack::prepared();
    let account = &stack.account;
    let schema = account.run(&["schema", "--reports"]).exits(0).json();
    let json = |args: &[&str]| account.program().args(args).args(["--format", "json"]).run().json();
    let mut documents =
        vec![json(&["plan"]), json(&["apply", "--yes"]), json(&["validate"]), json(&["diagnose", "web"])];
    let live = Live::of(&stack);
    live.check("django", |m| m.health_check_path("/nowhere"));
    live.open_ssh();
    account.write("ignore.yaml", IGNORE);
    account.write("before.json", json(&["check"]).to_string());
    live.group_attributes("django", &[("deregistration_delay.timeout_seconds", "5")]);
    live.group_attributes("picky", &[("deregistration_delay.timeout_seconds", "120")]);
    documents.push(json(&["check", "--since", "before.json", "--ignore", "ignore.yaml"]));
    documents.push(json(&["plan"]));
    let proxy = proxy();
    proxy.on("DescribeRules").deny();
    proxy.on("DescribeRouteTables").deny();
    documents.push(account.behind(&proxy).args(["check", "--format", "json"]).run().exits(3).json());
    documents.push(json(&["diagnose", "web", "--desired", "desired"]));
    account.write("bad.yaml", "version: 1\nstack: a\nstack: b\n");
    documents.push(json(&["validate", "bad.yaml"]));
    let wrong = judged_by(&schema, &documents);
    assert!(wrong.iter().all(Option::is_none), "{wrong:#?}");
    let mut spoiled = documents[0].clone();
    spoiled["surprise"] = 1.into();
    assert!(judged_by(&schema, &[spoiled])[0].is_some(), "the schema takes anything");
}
