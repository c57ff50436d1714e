//! What goes wrong between the program and AWS, and what it says and does then.

use std::time::Duration;

use serde_json::Value;

use super::stack::Stack;
use crate::support::account::{Account, proxy};
use crate::support::eventually;
use crate::support::program::Program;
use crate::support::proxy::{Buckets, Fault};

const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];

#[test]
fn an_endpoint_that_cannot_be_reached() {
    let stack = Stack::prepared();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let plan = || stack.account.program().env("AWS_ENDPOINT_URL", &url).args(PLAN).run();
    plan().exits(1).says("not reachable").says(url.trim_start_matches("http://"));
    let name = "http://no-such-host.invalid:1";
    stack
        .account
        .program()
        .env("AWS_ENDPOINT_URL", name)
        .args(PLAN)
        .run()
        .exits(1)
        .says("not reachable")
        .says("no-such-host.invalid");
}

#[test]
fn an_endpoint_that_is_something_else() {
    let stack = Stack::prepared();
    let proxy = proxy();
    let tls = proxy.endpoint().replace("http://", "https://");
    stack.account.program().env("AWS_ENDPOINT_URL", tls).args(PLAN).run().exits(1).says("TLS");
    proxy.on("*").meets(Fault::Malformed);
    stack.account.behind(&proxy).args(PLAN).run().exits(1).says("not understood").says("GetCallerIdentity");
}

#[test]
fn the_region_of_the_caller_is_compared_with_the_files() {
    let stack = Stack::prepared();
    let refused = stack.account.program().args(["--region", "us-east-1", "plan"]).run().exits(6);
    assert!(refused.stderr.contains("us-east-1") && refused.stderr.contains("eu-west-1"), "{}", refused.all());
}

#[test]
fn credentials_that_are_missing_or_refused() {
    let stack = Stack::prepared();
    let proxy = proxy();
    let none =
        Program::new(stack.account.path()).env("AWS_ENDPOINT_URL", proxy.endpoint()).env("AWS_REGION", "eu-west-1");
    none.args(PLAN).run().exits(1).says("credentials");
    assert_eq!(proxy.calls(), [], "nothing is sent without credentials");
    for (code, hint) in [
        ("InvalidClientTokenId", "credentials"),
        ("ExpiredToken", "log in again"),
        ("SignatureDoesNotMatch", "credentials"),
    ] {
        proxy.calm();
        proxy.on("*").answer(403, code, "The security token included in the request is not good");
        stack.account.behind(&proxy).args(PLAN).run().exits(1).says(code).says(hint);
        assert!(proxy.counts().keys().all(|name| name == "GetCallerIdentity"), "{code}: {:?}", proxy.counts());
    }
}

#[test]
fn another_account_is_refused() {
    let stack = Stack::applied();
    let other = Account::new();
    let plan = other.program().args(["--chdir", stack.account.path().to_str().unwrap()]);
    let refused = plan.args(["apply", "--yes"]).run().exits(6);
    assert!(refused.stderr.contains(&stack.account.id) && refused.stderr.contains(&other.id), "{}", refused.all());
}

#[test]
fn throttling_is_waited_out() {
    let stack = Stack::applied();
    let proxy = proxy();
    proxy.on("DescribeRules").first(2).answer(400, "Throttling", "Rate exceeded");
    stack.account.behind(&proxy).args(PLAN).run().exits(0);
    assert_eq!(proxy.count("DescribeRules"), 3 + 2, "three listeners, two throttled calls");
    // buckets that do not fill are empty during the third plan
    proxy.calm();
    proxy.throttle(Buckets::of_aws().faster(0.0));
    let plan = || stack.account.behind(&proxy).args(PLAN);
    plan().run().exits(0);
    while proxy.throttled() == 0 {
        let mut running = plan().start();
        eventually("it ends or is throttled", Duration::from_secs(120), || {
            let is_refused = proxy.throttled() > 0;
            if is_refused {
                proxy.throttle(Buckets::of_aws());
            }
            (is_refused || running.is_over()).then_some(())
        });
        running.end().exits(0);
    }
}

#[test]
fn a_read_that_stays_throttled_or_slow_is_a_gap() {
    let stack = Stack::applied();
    let proxy = proxy();
    proxy.on("DescribeRules").answer(400, "Throttling", "Rate exceeded");
    let plan = stack.account.behind(&proxy).args(PLAN).args(["--format", "json"]).run().exits(4).json();
    assert_eq!(plan["complete"], false);
    assert!(plan["gaps"].to_string().contains("DescribeRules"), "{}", plan["gaps"]);
    assert!(proxy.count("DescribeRules") > 2, "it was not tried again");
}

#[test]
fn connections_that_break_are_tried_again() {
    let stack = Stack::applied();
    let proxy = proxy();
    proxy.on("DescribeTargetHealth").only(1).meets(Fault::Drop);
    proxy.on("DescribeListeners").only(1).meets(Fault::LoseAnswer);
    proxy.on("DescribeTags").only(1).answer(503, "ServiceUnavailable", "try again");
    stack.account.behind(&proxy).args(PLAN).run().exits(0);
    let counts = proxy.counts();
    assert_eq!((counts["DescribeTargetHealth"], counts["DescribeListeners"]), (3 + 1, 1 + 1), "{counts:?}");
}

#[test]
fn a_gap_does_not_hide_a_difference_that_was_seen() {
    let stack = Stack::applied();
    stack.edit("client_keep_alive: 1h", "client_keep_alive: 2h");
    let proxy = proxy();
    proxy.on("DescribeTargetHealth").deny();
    let plan = stack.account.behind(&proxy).args(PLAN).args(["--format", "json"]).run().exits(2).json();
    assert_eq!(plan["complete"], false);
    let changed: Vec<&Value> = plan["changes"].as_array().unwrap().iter().filter(|c| c["action"] != "none").collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!((&changed[0]["address"], &changed[0]["cause"]), (&"load_balancer/web".into(), &"pending".into()));
}
