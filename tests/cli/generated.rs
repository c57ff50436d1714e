//! What is printed for other programs, and what the README repeats of it.
//!
//! `NO502_UPDATE=1 cargo test` writes the README's regions anew.

use serde_json::Value;

use super::{program, run};
use no502::rules::{ALL, explain, left_out};

#[test]
fn the_schema_is_json_and_describes_the_language() {
    let schema = run(&["schema"]).exits(0).json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for key in
        ["version", "stack", "account", "region", "certificates", "security_groups", "target_groups", "load_balancers"]
    {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
    let all = all_strings(&schema).join("\n");
    for word in ["idle_timeout", "deregistration_delay", "fixed_response"] {
        assert!(all.contains(word) || schema.to_string().contains(&format!("\"{word}\"")), "{word}");
    }
}

fn all_strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(all_strings).collect(),
        Value::Object(map) => map.iter().flat_map(|(k, v)| std::iter::once(k.clone()).chain(all_strings(v))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

#[test]
fn completions_and_the_manual_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).exits(0).stdout;
        assert!(script.contains("detailed-exitcode") && script.contains("adopt"), "{shell}");
    }
    let manual = run(&["man"]).exits(0).stdout;
    assert!(manual.starts_with(".ie") || manual.contains(".TH no502"), "{}", &manual[..200.min(manual.len())]);
    assert!(manual.contains("adopt"));
    // what a page names is printed as well, with its options
    let pages = manual.matches("\n.TH ").count();
    let named: Vec<&str> =
        manual.split("no502\\-").skip(1).filter_map(|rest| rest.split_once("(1)")).map(|n| n.0).collect();
    assert!(named.len() > 15 && pages > named.len(), "{pages} pages, {named:?}");
    for name in named {
        assert!(manual.contains(&format!(".TH no502-{} 1", name.replace('\\', ""))), "no page on {name}");
    }
    assert!(manual.contains("\\-\\-detailed\\-exitcode"));
}

#[test]
fn the_desired_files_of_the_readme_are_valid_as_they_stand() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let blocks = readme.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let whole: Vec<&str> = blocks.filter(|block| block.starts_with("version: 1\nstack: ")).collect();
    assert!(!whole.is_empty());
    for block in whole {
        let (program, _folder) = program();
        program.args(["validate", "-"]).input(block).run().exits(0);
    }
}

#[test]
fn every_rule_is_explained() {
    let list = run(&["explain"]).exits(0).stdout;
    for rule in ALL {
        assert!(list.contains(rule.code) && list.contains(rule.name), "{}\n{list}", rule.code);
        let by_code = run(&["explain", rule.code]).exits(0).stdout;
        assert!(by_code.contains(rule.name) && by_code.lines().count() > 10, "{by_code}");
        assert_eq!(run(&["explain", rule.name]).exits(0).stdout, by_code, "{}", rule.code);
        assert_eq!(run(&["explain", &rule.code.to_lowercase()]).exits(0).stdout, by_code, "{}", rule.code);
    }
    for cause in left_out::ALL {
        let why = run(&["explain", cause.code]).exits(0).stdout;
        assert!(why.contains(cause.name) && why.contains("no rule looks for"), "{why}");
    }
    let document = run(&["explain", "ecs-grace-missing", "--format", "json"]).exits(0).json();
    assert_eq!(document["left_out"]["code"], "E122");
    run(&["explain", "E999"]).exits(1).says("E999").says("no502 explain");
}

#[test]
fn rules_are_searched_by_words() {
    let list = run(&["explain", "timeout", "idle"]).exits(0).stdout;
    let first = list.lines().nth(1).unwrap();
    assert!(first.starts_with("E303") && list.contains("E301"), "{list}");
    assert!(list.lines().count() < ALL.len(), "{list}");
    let json = run(&["explain", "--format", "json", "timeout", "idle"]).exits(0).json();
    assert_eq!(json["rules"][0]["code"], "E303");
    let word = run(&["explain", "gunicorn"]).exits(0).stdout;
    assert!(word.contains("keepalive-lt-idle"), "{word}");
    run(&["explain", "zzzz", "qqqq"]).exits(1).says("zzzz qqqq").says("no502 explain");
}

#[test]
fn every_key_of_the_language_is_explained() {
    let interval = run(&["explain", "target_groups.health_check.interval"]).exits(0).stdout;
    for part in ["target_groups.NAME.health_check.interval", "5s to 5m", "without it", "30s", "HealthCheckInterval"] {
        assert!(interval.contains(part), "{part}\n{interval}");
    }
    for same in ["target_groups.django.health_check.interval", "health_check.interval", "interval"] {
        assert_eq!(run(&["explain", same]).exits(0).stdout, interval, "{same}");
    }
    let port = run(&["explain", "load_balancers.web.listeners.443.ssl_policy"]).exits(0).stdout;
    assert!(port.starts_with("load_balancers.NAME.listeners.PORT.ssl_policy\n"), "{port}");
    let attribute = run(&["explain", "target_groups.attributes.slow_start.duration_seconds"]).exits(0).stdout;
    assert!(attribute.contains("long form of `slow_start`") && attribute.contains("0, or 30 to 900"), "{attribute}");
    let map = run(&["explain", "target_groups.django"]).exits(0).stdout;
    assert!(map.contains("Keys within it:") && map.contains("deregistration_delay"), "{map}");
    // whatever a map lists is explained as well
    let all = run(&["explain", "load_balancers.listeners.rules", "--format", "json"]).exits(0).json();
    let keys: Vec<&str> = all["key"]["keys"].as_array().unwrap().iter().map(|k| k["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"NAME"), "{keys:?}");
    let rule = run(&["explain", "load_balancers.listeners.rules.api", "--format", "json"]).exits(0).json();
    for key in rule["key"]["keys"].as_array().unwrap() {
        let path = format!("load_balancers.listeners.rules.{}", key["key"].as_str().unwrap());
        assert!(run(&["explain", &path]).exits(0).stdout.contains("takes"), "{path}");
    }
}

#[test]
fn a_key_that_is_none_is_said_to_be_none() {
    run(&["explain", "target_groups.health_check.intervall"]).exits(1).says("target_groups.NAME.health_check.interval");
    run(&["explain", "target_groups.healthcheck.interval"]).exits(1).says("target_groups.NAME.health_check");
    run(&["explain", "intervall"]).exits(1).says("target_groups.NAME.health_check.interval");
    run(&["explain", "stickiness"]).exits(1).says("3 keys").says("target_groups.NAME.stickiness");
    run(&["explain", "target_groups.port.more"]).exits(1).says("single value");
    // a rule's name that begins alike is not meant by a key's own name
    run(&["explain", "targets"]).exits(1).says("target_groups.NAME.targets");
    run(&["explain", "listeners"]).exits(1).says("load_balancers.NAME.listeners");
    run(&["explain", "keepalive-lt-idel"]).exits(1).says("keepalive-lt-idle");
}

#[test]
fn the_readme_lists_the_rules() {
    readme::check("rules", &explain::table());
}

#[test]
fn the_readme_lists_the_iam_actions() {
    readme::check("iam", &no502::aws::permissions::table());
}

#[test]
fn the_readme_lists_the_exit_codes() {
    let help = run(&["--help"]).exits(0).stdout;
    let codes = help.split("Exit codes:\n").nth(1).expect("the help lists the exit codes");
    let rows = codes.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let (code, meaning) = line.split_once(' ').unwrap();
        format!("| {code} | {} |\n", meaning.trim())
    });
    readme::check("exit-codes", &format!("| code | meaning |\n|---|---|\n{}", rows.collect::<String>()));
}

/// Regions of the README that are generated.
pub mod readme {
    use std::path::PathBuf;
    use std::sync::Mutex;

    fn path() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")
    }

    /// Compares a region with what it shall hold; writes it if the user asks for that.
    #[track_caller]
    pub fn check(name: &str, expected: &str) {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME.lock();
        let text = std::fs::read_to_string(path()).unwrap();
        let (before, now, after) = region(&text, name).unwrap_or_else(|| panic!("the README has no region `{name}`"));
        if std::env::var_os("NO502_UPDATE").is_some() {
            std::fs::write(path(), format!("{before}{expected}{after}")).unwrap();
        } else {
            let differs = format!("the README's region `{name}` is stale; run NO502_UPDATE=1 cargo test");
            assert!(now == expected, "{differs}\n--- it says\n{now}\n--- it should say\n{expected}");
        }
    }

    /// The text before a region, in it, and after it; the marks belong to what is around.
    fn region<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
        let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
        let start = text.find(&begin)? + begin.len();
        let stop = start + text[start..].find(&end)?;
        Some((&text[..start], &text[start..stop], &text[stop..]))
    }

    #[test]
    fn regions_are_cut_out() {
        let text = "a\n<!-- x:begin -->\nb\nc\n<!-- x:end -->\nd";
        assert_eq!(region(text, "x"), Some(("a\n<!-- x:begin -->\n", "b\nc\n", "<!-- x:end -->\nd")));
        assert_eq!(region(text, "y"), None);
    }
}
