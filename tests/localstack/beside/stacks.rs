//! Two stacks of no502 in one account, and one load balancer that both have rules on.

use aws_sdk_elasticloadbalancingv2::types::RuleCondition;

use super::unmanaged;
use crate::localstack::fields::live::Live;
use crate::localstack::stack::Stack;
use crate::support::account::proxy;
use crate::support::program::Run;
use crate::support::wait_for;

const BANK: &str = r#"version: 1
stack: bank
account: "ACCOUNT"
region: eu-west-1
target_groups:
  ledger: { protocol: http, port: 9000, target_type: ip, vpc: VPC, health_check: { path: / }, targets: [] }
load_balancers:
  web:
    existing: true
    listeners:
      443:
        existing: true
        rules:
          RULES
security_groups:
  app: { existing: true, id: APP_GROUP, ingress: [ { from: 10.0.0.0/16, ports: [9000] } ] }
"#;

const RULES: [&str; 2] = [
    r#"ledger: { when: { path: ["/ledger/*"] }, forward: ledger }"#,
    r#"closed: { when: { path: ["/bank/*"] }, fixed_response: { status: 503 } }"#,
];

/// The other stack's file, in a folder of its own.
fn write(stack: &Stack, rules: &[&str]) {
    let body = BANK
        .replace("ACCOUNT", &stack.account.id)
        .replace("APP_GROUP", &stack.app_group)
        .replace("VPC", &stack.vpc)
        .replace("RULES", &rules.join("\n          "));
    stack.account.write("bank/bank.yaml", body);
}

fn bank(stack: &Stack, args: &[&str]) -> Run {
    let (command, rest) = args.split_first().unwrap();
    stack.account.run(&[&[*command, "bank"], rest].concat())
}

fn priorities(stack: &Stack) -> Vec<String> {
    let mut all: Vec<String> = Live::of(stack).rules.into_keys().collect();
    all.sort_by_key(|p| p.parse().unwrap_or(0));
    all
}

#[test]
fn two_stacks_share_a_load_balancer() {
    let stack = Stack::applied();
    write(&stack, &RULES);
    bank(&stack, &["apply", "--yes"]).exits(0);
    assert_eq!(priorities(&stack), ["default", "10", "11", "20", "21", "30", "40"], "between those that are taken");

    // each sees the other's rules, knows whose they are, and has nothing to do
    let shop = stack.plan().exits(0);
    assert!(shop.json()["steps"].as_array().unwrap().is_empty());
    let theirs = unmanaged(&shop);
    assert!(theirs.len() == 2 && theirs.iter().all(|u| u.ends_with("of the stack `bank`")), "{theirs:?}");
    let other = bank(&stack, &["plan", "--format", "json", "--detailed-exitcode"]).exits(0);
    assert!(other.json()["steps"].as_array().unwrap().is_empty());
    let ours = unmanaged(&other);
    let of_shop = ours.iter().filter(|u| u.ends_with("of the stack `shop`")).count();
    assert_eq!((of_shop, ours.len()), (6, 6), "four rules and two listeners: {ours:?}");

    // both drift; each mends its own and nothing else
    let live = Live::of(&stack);
    let condition = |path: &str| RuleCondition::builder().field("path-pattern").values(path).build();
    let [shops, banks] = ["40", "11"];
    live.rule(shops, |r| r.conditions(condition("/moved/shop")));
    live.rule(banks, |r| r.conditions(condition("/moved/bank")));
    let drifted = |run: &Run| -> Vec<String> {
        let json = run.json();
        let changes = json["changes"].as_array().unwrap().iter().filter(|c| c["action"] != "none");
        changes.map(|c| format!("{} {}", c["address"].as_str().unwrap(), c["cause"].as_str().unwrap())).collect()
    };
    assert_eq!(drifted(&stack.plan()), ["rule/web:443/closed drift"]);
    let plan = bank(&stack, &["plan", "--format", "json"]);
    assert_eq!(drifted(&plan), ["rule/web:443/ledger drift"]);
    let proxy = proxy();
    let path = ["apply", "bank", "--yes"];
    stack.account.behind(&proxy).args(path).run().exits(0);
    assert_eq!(proxy.writes(), ["ModifyRule"]);
    proxy.calm();
    stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(0);
    assert_eq!(proxy.writes(), ["ModifyRule"]);

    // one key goes: its rule goes; everything goes: the load balancer and the shop's rules stay
    write(&stack, &RULES[..1]);
    bank(&stack, &["apply", "--yes"]).exits(0);
    assert_eq!(priorities(&stack), ["default", "10", "11", "20", "30", "40"]);
    let head: Vec<&str> = BANK.lines().take(4).collect();
    stack.account.write("bank/bank.yaml", head.join("\n").replace("ACCOUNT", &stack.account.id) + "\n");
    bank(&stack, &["apply", "--yes"]).exits(0);
    bank(&stack, &["plan", "--detailed-exitcode"]).exits(0);
    assert_eq!(priorities(&stack), ["default", "10", "20", "30", "40"]);
    let shop = stack.plan().exits(0);
    assert!(unmanaged(&shop).is_empty());
    let groups = wait_for(stack.account.ec2.describe_security_groups().group_ids(&stack.app_group).send()).unwrap();
    assert_eq!(groups.security_groups()[0].ip_permissions().len(), 2, "the shop's own two rules are still there");
}

#[test]
fn what_another_stack_owns_is_refused_though_these_files_declare_it() {
    let stack = Stack::applied();
    let stolen = stack.file().replace("stack: shop", "stack: bank").replace("idle_timeout: 60s", "idle_timeout: 61s");
    stack.account.write("desired/shop.yaml", stolen);
    let apply = stack.account.run(&["apply", "--yes"]).exits(6);
    assert!(apply.all().contains("belongs to the stack `shop`"), "{}", apply.all());
    // nor is it marked where nothing differs
    let adopt = stack.account.run(&["adopt", "--yes"]).exits(6);
    assert!(adopt.stdout.contains("Refused, because somebody else owns it:"), "{}", adopt.all());
    assert!(adopt.stdout.contains("target_group/django: it belongs to the stack `shop`"), "{}", adopt.all());
    stack.account.write("desired/shop.yaml", stack.file());
    assert!(stack.plan().exits(0).json()["steps"].as_array().unwrap().is_empty(), "our marks are still there");
}
