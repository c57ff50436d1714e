//! The story of `localstack/demo`, on the suite's own LocalStack: what the README shows is what the program prints.

use std::process::Command;
use std::time::Duration;

use super::calls::Size;
use crate::cli::readme;
use crate::support::account::{Account, proxy};
use crate::support::eventually;
use crate::support::localstack::endpoint;
use crate::support::wait_for;

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

/// Waits until AWS knows of every target whether it is healthy.
fn settled(account: &Account) {
    let groups = wait_for(account.elb.describe_target_groups().send()).unwrap();
    for group in groups.target_groups() {
        eventually("the targets' health is known", Duration::from_secs(60), || {
            let call = account.elb.describe_target_health().set_target_group_arn(group.target_group_arn.clone());
            let health = wait_for(call.send()).unwrap();
            let waits = |state: &str| matches!(state, "initial" | "draining");
            let mut states = health.target_health_descriptions().iter().filter_map(|t| t.target_health()?.state());
            (!states.any(|state| waits(state.as_str()))).then_some(())
        });
    }
}

/// The number in the load balancer's DNS name is new with each run.
fn without_chance(text: &str) -> String {
    let Some((before, rest)) = text.split_once("web-") else { return text.to_owned() };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}web-1234567890{rest}")
}

#[test]
fn the_demo_ends_clean_and_the_readme_shows_it() {
    let account = Account::named(ACCOUNT);
    let proxy = proxy();
    let no502 = |args: &[&str]| account.behind(&proxy).args(["--chdir", env!("CARGO_MANIFEST_DIR")]).args(args).run();
    stage("deploy");
    no502(&["adopt", "--yes"]).exits(0);
    no502(&["plan", "--detailed-exitcode"]).exits(0);
    stage("drift");
    settled(&account);
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
    assert!(plan.stdout.lines().count() <= 55, "more than one screen\n{}", plan.stdout);
    // a person who has never seen the stack finds what was done to it, the worst first, on one screen
    for (args, planted) in [
        (&["diagnose", "web"][..], &["E501", "E605", "E105", "E101"][..]),
        (&["diagnose", "--desired", "desired"], &["E501", "E605", "E105", "E101", "E303", "E301", "E401", "E805"]),
    ] {
        let found = no502(args).exits(3).stdout;
        assert!(found.lines().count() <= 50, "more than one screen\n{found}");
        planted.iter().for_each(|code| assert!(found.contains(code), "{code}\n{found}"));
        // the hint repeats the folder that was given
        let mends = found.lines().any(|line| line.starts_with("next: `no502 apply") && line.contains("mends all"));
        assert!(found.contains("no502 export") != mends, "{found}");
        if args.contains(&"web") {
            readme::check("diagnose", &format!("```\n$ no502 diagnose web\n{}```\n", without_chance(&found)));
        }
    }
    let json = no502(&["plan", "--format", "json", "--detailed-exitcode"]).exits(3).json();
    let differing = json["changes"].as_array().unwrap().iter().filter(|c| c["action"] != "none").count();
    assert!(differing >= 10, "{differing} differences");
    readme::check("demo", &format!("```\n$ no502 plan\n{}```\n", without_chance(&plan.stdout)));
    no502(&["apply", "--yes"]).exits(0);
    no502(&["plan", "--detailed-exitcode"]).exits(0);
}
