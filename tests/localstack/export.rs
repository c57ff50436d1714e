//! `export` writes down what is there: the file plans empty, and is written the same again.

use serde_json::json;

use super::stack::Stack;
use crate::support::account::proxy;

#[test]
fn a_deployed_stack_is_written_down_and_plans_empty() {
    let stack = Stack::applied();
    let proxy = proxy();
    let first = stack.account.behind(&proxy).args(["export", "web"]).run().exits(0);
    assert_eq!(proxy.writes(), Vec::<String>::new());
    for line in ["stack: shop", "  canary:", "    id: sg-", "          moved:", "certificate: arn:aws:acm:"] {
        assert!(first.stdout.contains(line), "{line}\n{}", first.stdout);
    }
    stack.account.write("exported/web.yaml", &first.stdout);
    let plan = ["plan", "exported", "--format", "json", "--detailed-exitcode"];
    let json = stack.account.run(&plan).exits(0).json();
    assert_eq!((&json["complete"], &json["unmanaged"]), (&json!(true), &json!([])), "{json:#}");
    stack.account.run(&["export", "--all", "--out", "again.yaml"]).exits(0);
    let again = std::fs::read_to_string(stack.account.path().join("again.yaml")).unwrap();
    assert_eq!(again, first.stdout);
    // marked as managed by these words, it is still the same
    stack.account.run(&["adopt", "exported", "--yes"]).exits(0);
    stack.account.run(&plan).exits(0);
    assert_eq!(stack.account.run(&["export", "web"]).exits(0).stdout, first.stdout);
}

#[test]
fn another_stack_can_describe_all_but_the_rules() {
    let stack = Stack::applied();
    let other = stack.account.run(&["export", "web", "--stack", "other"]).exits(0);
    assert_eq!(other.stdout.matches("it belongs to the stack shop").count(), 4, "{}", other.stdout);
    stack.account.write("exported/web.yaml", &other.stdout);
    stack.account.run(&["plan", "exported", "--detailed-exitcode"]).exits(0);
}

#[test]
fn an_unknown_load_balancer_is_no_load_balancer() {
    let stack = Stack::applied();
    let run = stack.account.run(&["export", "wep"]).exits(1).says("there is no Application Load Balancer `wep`");
    assert!(run.says("did you mean web?").stdout.is_empty());
}

#[test]
fn half_a_file_is_not_written() {
    let stack = Stack::applied();
    let proxy = proxy();
    for read in ["DescribeTargetHealth", "DescribeNetworkInterfaces", "DescribeSecurityGroups", "DescribeLoadBalancers"]
    {
        proxy.calm();
        proxy.on(read).deny();
        let run = stack.account.behind(&proxy).args(["export", "web", "--out", "web.yaml"]).run().exits(4).says(read);
        assert!(run.stdout.is_empty() && !stack.account.path().join("web.yaml").exists(), "{read}");
    }
}
