//! The order of a listener's rules through the real program: what each change of the files costs in writes, with rules of
//! nobody between ours, up to the quota.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, LoadBalancerTypeEnum, RuleCondition,
};

use super::stack::named_network;
use crate::support::account::{Account, proxy};
use crate::support::proxy::Proxy;
use crate::support::wait_for;

/// A rule of the files: its key, its path, and its priority if it has one.
type Written<'r> = (&'r str, &'r str, Option<u32>);

/// A load balancer with one listener, and a proxy that counts what its rules cost.
struct Stage {
    account: Account,
    proxy: Proxy,
}

impl Stage {
    fn new() -> Self {
        let account = Account::new();
        named_network(&account);
        Self { account, proxy: proxy() }
    }

    fn write(&self, rules: &[Written<'_>]) {
        let one = |(key, path, priority): &Written<'_>| {
            let number = priority.map(|n| format!("priority: {n}, ")).unwrap_or_default();
            format!("          {key}: {{ {number}when: {{ path: {path} }}, fixed_response: {{ status: 200 }} }}\n")
        };
        let rules: String = rules.iter().map(one).collect();
        let text = format!(
            "version: 1\nstack: shop\naccount: \"{}\"\nregion: eu-west-1\nload_balancers:\n  web:\n    \
             vpc: main\n    subnets: [ {{ tags: {{ tier: public }} }} ]\n    listeners:\n      80:\n        protocol: http\n        \
             default: {{ fixed_response: {{ status: 404 }} }}\n        rules:\n{rules}",
            self.account.id
        );
        self.account.write("desired/shop.yaml", text);
    }

    /// Applies these rules: the writes by operation, marks aside. Then nothing is left, and nothing more is written.
    fn apply(&self, rules: &[Written<'_>]) -> BTreeMap<String, u64> {
        self.write(rules);
        let run = |args: &[&str]| self.account.behind(&self.proxy).args(args).run().exits(0);
        self.proxy.calm();
        run(&["apply", "--yes"]);
        let mut writes = BTreeMap::new();
        for write in self.proxy.writes().into_iter().filter(|write| write != "AddTags") {
            *writes.entry(write).or_default() += 1;
        }
        self.proxy.calm();
        let again = run(&["plan", "--detailed-exitcode", "--format", "json"]).json();
        assert_eq!(again["steps"], serde_json::json!([]), "an empty second plan");
        assert_eq!(self.proxy.writes(), Vec::<String>::new());
        writes
    }

    fn listener(&self) -> String {
        let elb = &self.account.elb;
        let balancers = wait_for(elb.describe_load_balancers().names("web").send()).unwrap();
        let balancer = &balancers.load_balancers()[0];
        assert_eq!(balancer.r#type(), Some(&LoadBalancerTypeEnum::Application));
        let listeners =
            wait_for(elb.describe_listeners().load_balancer_arn(balancer.load_balancer_arn().unwrap()).send());
        listeners.unwrap().listeners()[0].listener_arn().unwrap().to_owned()
    }

    /// A rule that nobody declared.
    fn stranger(&self, priority: i32) {
        let answer = FixedResponseActionConfig::builder().status_code("418").build();
        let action = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(answer).build();
        let path = RuleCondition::builder().field("path-pattern").values(format!("/theirs/{priority}")).build();
        let call = self.account.elb.create_rule().listener_arn(self.listener()).priority(priority);
        wait_for(call.conditions(path).actions(action).send()).unwrap();
    }

    /// Path and priority of every rule, in their order.
    fn live(&self) -> Vec<(i32, String)> {
        let mut all = Vec::new();
        let mut marker = None;
        loop {
            let call = self.account.elb.describe_rules().listener_arn(self.listener()).set_marker(marker);
            let page = wait_for(call.send()).unwrap();
            for rule in page.rules() {
                let Ok(priority) = rule.priority().unwrap().parse() else { continue };
                all.push((priority, rule.conditions()[0].values()[0].clone()));
            }
            marker = page.next_marker().map(str::to_owned);
            if marker.is_none() {
                break;
            }
        }
        all.sort();
        all
    }

    /// The paths of ours, in their order; those of others are where they were put.
    fn ours(&self, strangers: &[i32]) -> Vec<String> {
        let (theirs, ours): (Vec<_>, Vec<_>) =
            self.live().into_iter().partition(|(_, path)| path.starts_with("/theirs"));
        let expected: Vec<_> = strangers.iter().map(|n| (*n, format!("/theirs/{n}"))).collect();
        assert_eq!(theirs, expected, "the rules of others");
        ours.into_iter().map(|(_, path)| path).collect()
    }
}

fn writes(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
    list.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
}

const KEYS: [(&str, &str); 5] = [("a", "/a"), ("b", "/b"), ("c", "/c"), ("d", "/d"), ("e", "/e")];
const MOVED: [(&str, u64); 1] = [("SetRulePriorities", 1)];

/// These of the five, in this order, without priorities.
fn placed(order: &str) -> Vec<Written<'static>> {
    let find = |key: char| KEYS.into_iter().find(|(name, _)| name.starts_with(key)).unwrap();
    order.chars().map(find).map(|(key, path)| (key, path, None)).collect()
}

/// The same with the numbers that AWS has.
fn numbered(order: &str, numbers: &[u32]) -> Vec<Written<'static>> {
    placed(order).into_iter().zip(numbers).map(|((key, path, _), number)| (key, path, Some(*number))).collect()
}

#[test]
fn a_change_of_order_is_one_call_and_leaves_everybody_else_alone() {
    let stage = Stage::new();
    stage.apply(&placed("abcde"));
    let first: Vec<i32> = stage.live().into_iter().map(|(priority, _)| priority).collect();
    // one right before ours, one between them, one behind
    let strangers = [first[0] - 1, first[2] + 1, 50_000];
    strangers.iter().for_each(|priority| stage.stranger(*priority));
    // reversal, rotation, the swap of neighbours and of ends, single moves to either side, and two more
    for order in ["edcba", "dcbae", "dcabe", "ecabd", "ecbda", "bdaec", "abcde"] {
        assert_eq!(stage.apply(&placed(order)), writes(&MOVED), "{order}");
        let paths: Vec<String> = order.chars().map(|key| format!("/{key}")).collect();
        assert_eq!(stage.ours(&strangers), paths);
    }
    // nothing moves, nothing is written
    assert_eq!(stage.apply(&placed("abcde")), writes(&[]));

    // in front, in the middle, edited, away: the others are not written
    let mut rules = placed("abcde");
    rules.insert(0, ("front", "/front", None));
    assert_eq!(stage.apply(&rules), writes(&[("CreateRule", 1)]));
    rules.insert(3, ("middle", "/middle", None));
    assert_eq!(stage.apply(&rules), writes(&[("CreateRule", 1)]));
    rules[2].1 = "/edited";
    assert_eq!(stage.apply(&rules), writes(&[("ModifyRule", 1)]));
    rules.remove(3);
    assert_eq!(stage.apply(&rules), writes(&[("DeleteRule", 1)]));
    assert_eq!(stage.ours(&strangers), ["/front", "/a", "/edited", "/c", "/d", "/e"]);
    // all at once: one goes, one comes, one is edited, two change places
    rules.swap(0, 1);
    rules[2].1 = "/b";
    rules.remove(4);
    rules.push(("last", "/last", None));
    let expected = [("CreateRule", 1), ("DeleteRule", 1), ("ModifyRule", 1), ("SetRulePriorities", 1)];
    assert_eq!(stage.apply(&rules), writes(&expected));
    assert_eq!(stage.ours(&strangers), ["/a", "/front", "/b", "/c", "/e", "/last"]);
}

#[test]
fn numbers_are_permuted_in_one_call() {
    const NUMBERS: [u32; 5] = [1, 2, 10, 11, 49_999];
    let stage = Stage::new();
    stage.apply(&numbered("abcde", &NUMBERS));
    let strangers = [3, 12, 50_000];
    strangers.iter().for_each(|priority| stage.stranger(*priority));
    for order in ["edcba", "eabcd", "bacde", "ecdab"] {
        let rules = numbered(order, &NUMBERS);
        let before = stage.live();
        let counted = stage.apply(&rules);
        assert_eq!(counted.get("ModifyRule"), None, "{order}");
        assert_eq!(counted, writes(&MOVED), "{order}");
        let wanted: Vec<String> = order.chars().map(|key| format!("/{key}")).collect();
        assert_eq!(stage.ours(&strangers), wanted);
        assert_ne!(stage.live(), before);
    }
}

#[test]
fn a_full_listener_is_turned_around_in_one_call_and_exchanges_a_rule() {
    let stage = Stage::new();
    let keys: Vec<(String, String)> = (0..98).map(|n| (format!("rule-{n:02}"), format!("/{n:02}"))).collect();
    let rules: Vec<Written<'_>> = keys.iter().map(|(key, path)| (key.as_str(), path.as_str(), None)).collect();
    stage.apply(&rules);
    let first: Vec<i32> = stage.live().into_iter().map(|(priority, _)| priority).collect();
    let strangers = [first[40] + 1, 50_000];
    strangers.iter().for_each(|priority| stage.stranger(*priority));
    assert_eq!(stage.live().len(), 100, "the quota");
    let mut turned: Vec<Written<'_>> = rules.iter().rev().copied().collect();
    assert_eq!(stage.apply(&turned), writes(&MOVED));
    let paths = |rules: &[Written<'_>]| rules.iter().map(|(_, path, _)| (*path).to_owned()).collect::<Vec<_>>();
    assert_eq!(stage.ours(&strangers), paths(&turned));
    // no room: one goes before the other comes
    turned.remove(50);
    turned.insert(0, ("new", "/new", None));
    assert_eq!(stage.apply(&turned), writes(&[("CreateRule", 1), ("DeleteRule", 1)]));
    assert_eq!(stage.ours(&strangers), paths(&turned));
}
