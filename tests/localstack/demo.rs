//! The story of `localstack/demo`, on the suite's own LocalStack: what the README shows is what the program prints.

use std::process::Command;

use serde_json::json;

use super::calls::Size;
use crate::cli::readme;
use crate::support::account::{REGION, proxy};
use crate::support::localstack::{control, endpoint};
use crate::support::program::Program;

/// The account of the example's files; no other test uses it.
const ACCOUNT: &str = "000000000000";

/// A step of the demo's stack, by plain AWS calls.
fn stage(step: &str) {
    let root = env!("CARGO_MANIFEST_DIR");
    let done = Command::new(format!("{root}/target/localstack/venv/bin/python"))
        .args([&format!("{root}/localstack/demo_stack.py"), step])
        .env("AWS_ENDPOINT_URL", endpoint())
        .env("AWS_ACCESS_KEY_ID", ACCOUNT)
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .output()
        .expect("the Python of LocalStack's environment");
    assert!(done.status.success(), "{step}\n{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_demo_ends_clean_and_the_readme_shows_it() {
    let home = tempfile::tempdir().unwrap();
    let proxy = proxy();
    let no502 = |args: &[&str]| {
        let program = Program::new(home.path()).env("AWS_ENDPOINT_URL", proxy.endpoint());
        let program = program.env("AWS_ACCESS_KEY_ID", ACCOUNT).env("AWS_SECRET_ACCESS_KEY", "test");
        program.args(["--chdir", env!("CARGO_MANIFEST_DIR"), "--max-rps", "500"]).args(args).run()
    };
    stage("deploy");
    no502(&["adopt", "--yes"]).exits(0);
    no502(&["plan", "--detailed-exitcode"]).exits(0);
    stage("drift");
    proxy.calm();
    let plan = no502(&["plan"]).exits(0);
    let size = Size {
        load_balancers: 1,
        listeners: 2,
        https_listeners: 1,
        rules: 4,
        groups: 3,
        // somebody has attached another one
        certificates: 2,
        declared_certificates: 1,
        by_name: true,
    };
    assert_eq!(proxy.counts(), size.calls(), "the fewest calls");
    assert!(plan.stdout.lines().count() <= 50, "more than one screen\n{}", plan.stdout);
    let json = no502(&["plan", "--format", "json", "--detailed-exitcode"]).exits(3).json();
    let differing = json["changes"].as_array().unwrap().iter().filter(|c| c["action"] != "none").count();
    assert!(differing >= 10, "{differing} differences");
    readme::check("demo", &format!("```\n$ no502 plan\n{}```\n", plan.stdout));
    no502(&["apply", "--yes"]).exits(0);
    no502(&["plan", "--detailed-exitcode"]).exits(0);
    control("POST", "/_no502/reset", &json!({ "account": ACCOUNT, "region": REGION }));
}
