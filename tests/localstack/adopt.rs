//! `adopt` marks what already matches, and changes nothing else.

use aws_sdk_elasticloadbalancingv2::types::Tag;

use super::fields::live::Live;
use super::stack::Stack;
use crate::support::account::proxy;
use crate::support::wait_for;

const OURS: [&str; 2] = ["no502:id", "no502:applied"];

/// Takes our tags off everything that can be found by ELB, as if somebody else had made it.
fn strip(live: &Live) {
    let arns = all(live);
    let keys = OURS.map(str::to_owned).to_vec();
    for batch in arns.chunks(20) {
        let call = live.stack.account.elb.remove_tags().set_resource_arns(Some(batch.to_vec()));
        wait_for(call.set_tag_keys(Some(keys.clone())).send()).unwrap();
    }
}

fn all(live: &Live) -> Vec<String> {
    let rules = live.rules.iter().filter(|(priority, _)| *priority != "default").map(|(_, arn)| arn);
    let nested = live.listeners.values().chain(rules).chain(live.groups.values());
    std::iter::once(&live.load_balancer).chain(nested).cloned().collect()
}

fn tags(live: &Live, arn: &str) -> Vec<Tag> {
    let found = wait_for(live.stack.account.elb.describe_tags().resource_arns(arn).send()).unwrap();
    found.tag_descriptions()[0].tags().to_vec()
}

fn is_marked(live: &Live, arn: &str) -> bool {
    let tags = tags(live, arn);
    OURS.iter().all(|key| tags.iter().any(|tag| tag.key() == Some(key)))
}

#[test]
fn adopting_stamps_and_does_nothing_else() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    assert!(all(&live).iter().all(|arn| is_marked(&live, arn)));
    strip(&live);
    assert!(!all(&live).iter().any(|arn| is_marked(&live, arn)));
    stack.plan().exits(0);

    let proxy = proxy();
    stack.account.behind(&proxy).args(["adopt", "--yes"]).run().exits(0);
    let writes = proxy.writes();
    assert!(!writes.is_empty() && writes.iter().all(|name| name == "AddTags"), "{writes:?}");
    assert!(all(&live).iter().all(|arn| is_marked(&live, arn)));
    stack.plan().exits(0);
    // again, and there is nothing left to mark
    proxy.calm();
    stack.account.behind(&proxy).args(["adopt", "--yes"]).run().exits(0);
    assert_eq!(proxy.writes(), Vec::<String>::new());
}

#[test]
fn what_differs_is_not_adopted() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    strip(&live);
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    let cause = |address: &str| {
        let plan = stack.plan().exits(2).json();
        let changes = plan["changes"].as_array().unwrap().clone();
        changes.into_iter().find(|c| c["address"] == address).map(|c| c["cause"].clone()).unwrap()
    };
    assert_eq!(cause("load_balancer/web"), "unadopted");
    stack.account.run(&["adopt", "--yes"]);
    assert!(!is_marked(&live, &live.load_balancer));
    assert!(is_marked(&live, &live.groups["django"]) && is_marked(&live, &live.listeners[&443]));
    assert_eq!(cause("load_balancer/web"), "unadopted");
    live.group_attributes("django", &[("slow_start.duration_seconds", "90")]);
    assert_eq!(cause("target_group/django"), "drift");
    stack.apply();
    assert!(is_marked(&live, &live.load_balancer));
    stack.plan().exits(0);
}

#[test]
fn what_another_stack_owns_is_refused() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.tag(&live.groups["django"], "no502:id", "other:target_group/django");
    live.check("django", |m| m.health_check_path("/nowhere"));
    let proxy = proxy();
    let apply = stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(6);
    assert!(apply.all().contains("target_group/django") && apply.all().contains("other"), "{}", apply.all());
    assert_eq!(proxy.writes(), Vec::<String>::new());
}
