//! `rollback` and `runs`: an account is as it was recorded, read by plain calls and compared line by line.

use std::time::Duration;

use super::crash::{APPLY, Swap, side_by_side};
use super::fields::live::Live;
use super::stack::Stack;
use super::state::{difference, state};
use crate::support::account::proxy;
use crate::support::program::Run;
use crate::support::proxy::{Fault, Hold};
use crate::support::{eventually, wait_for};

const ROLLBACK: [&str; 6] = ["rollback", "--yes", "--settle", "0s", "--gate-timeout", "20s"];
const BACK: [&str; 4] = ["rollback", "--yes", "--dangerous-allow", "delete-load-balancer"];

#[track_caller]
fn is_as(stack: &Stack, before: &[String], said: &Run) {
    let difference = difference(before, &state(&stack.account));
    assert!(difference.is_empty(), "{}\n{}", difference.join("\n"), said.all());
}

#[test]
fn a_stack_made_from_nothing_goes_again() {
    let stack = Stack::prepared();
    let before = state(&stack.account);
    stack.apply();
    let refused = stack.account.run(&["rollback", "--yes"]).exits(6);
    assert!(refused.stderr.contains("delete-load-balancer"), "{}", refused.all());
    stack.account.run(&["rollback"]).exits(6);
    let back = stack.account.run(&BACK).exits(0);
    assert!(back.stdout.contains("AWS now is what it was before run"), "{}", back.all());
    assert!(back.stderr.contains("certificate/app") && back.stderr.contains("stays in ACM"), "{}", back.all());
    is_as(&stack, &before, &back);
    // once is enough; and what is undone can be done again
    stack.account.run(&BACK).exits(1).says("nothing to undo");
    let runs = stack.account.run(&["runs", "--format", "json"]).exits(0).json();
    let runs = runs["runs"].as_array().unwrap();
    assert_eq!((&runs[0]["command"], &runs[0]["of"]), (&"rollback".into(), &runs[1]["run"]));
    assert_eq!((&runs[1]["undone_by"], &runs[1]["outcome"]), (&runs[0]["run"], &"completed".into()));
    stack.apply();
    stack.plan().exits(0);
}

/// Every kind differs, and one resource bears no mark.
fn drift(stack: &Stack) {
    let live = Live::of(stack);
    // else the one that comes may be the only healthy one, which does not leave again
    eventually("the target that stays is healthy", Duration::from_secs(60), || {
        let call = stack.account.elb.describe_target_health().target_group_arn(&live.groups["django"]);
        let health = wait_for(call.send()).unwrap();
        let is = |t: &&aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription| {
            t.target().and_then(|t| t.port()) == Some(8001)
                && t.target_health().and_then(|h| h.state()).is_some_and(|state| state.as_str() == "healthy")
        };
        health.target_health_descriptions().iter().find(is).map(drop)
    });
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200"), ("idle_timeout.timeout_seconds", "90")]);
    live.listener(8080, |l| l.default_actions(live.forward([50, 50], None)));
    live.listener_attribute(443, "routing.http.response.x_frame_options.header_value", "SAMEORIGIN");
    live.rule("10", |r| r.actions(live.forward([10, 90], Some(600))));
    live.check("django", |m| m.healthy_threshold_count(7).health_check_interval_seconds(20));
    live.group_attributes("django", &[("deregistration_delay.timeout_seconds", "99")]);
    live.deregister("django", "10.0.1.10", 8000);
    live.close(8000);
    live.untag(&live.groups["canary"], "no502:id");
    live.untag(&live.groups["canary"], "no502:applied");
    live.untag(&live.rules["10"], "tier");
    let priority = |rule: &str, number| {
        aws_sdk_elasticloadbalancingv2::types::RulePriorityPair::builder().rule_arn(rule).priority(number).build()
    };
    let call = stack.account.elb.set_rule_priorities();
    let call = call.rule_priorities(priority(&live.rules["30"], 40)).rule_priorities(priority(&live.rules["40"], 30));
    wait_for(call.send()).unwrap();
}

#[test]
fn what_was_mended_is_as_it_was_found() {
    let stack = Stack::applied();
    drift(&stack);
    let before = state(&stack.account);
    stack.apply();
    let back = stack.account.run(&["rollback", "--yes"]).exits(0);
    is_as(&stack, &before, &back);
    // what others did meanwhile to other things stays
    stack.apply();
    Live::of(&stack).check("picky", |m| m.health_check_path("/others"));
    stack.account.run(&["rollback", "--yes"]).exits(0);
    let found = state(&stack.account);
    assert!(found.iter().any(|line| line.contains("group:picky") && line.contains("/others")));
}

#[test]
fn what_was_deleted_comes_back_under_a_new_identity() {
    let stack = Stack::applied();
    let before = state(&stack.account);
    let file = stack.file();
    let start = file.find("      8080:\n").unwrap();
    let end = file.find("      443:\n").unwrap();
    let fewer = format!("{}{}", &file[..start], &file[end..]);
    let fewer = fewer.split("          closed:").next().unwrap().to_owned();
    stack.account.write("desired/shop.yaml", fewer);
    stack.apply();
    let back = stack.account.run(&["rollback", "--yes", "-v"]).exits(0);
    assert!(back.stdout.contains("comes back under a new identity"), "{}", back.all());
    is_as(&stack, &before, &back);
}

#[test]
fn a_load_balancer_comes_back_with_consent() {
    let stack = Stack::applied();
    let before = state(&stack.account);
    let file = stack.file();
    stack.account.write("desired/shop.yaml", file.split("load_balancers:").next().unwrap());
    stack.account.run(&["apply", "--yes", "--dangerous-allow", "delete-load-balancer"]).exits(0);
    let refused = stack.account.run(&["rollback", "--yes"]).exits(6);
    assert!(refused.all().contains("another DNS name") && refused.stderr.contains("irreversible"), "{}", refused.all());
    // a rule with a header value that no file spelled out any more is not recorded
    assert!(refused.all().contains("rule/web:443/api"), "{}", refused.all());
    let back = stack.account.run(&["rollback", "--yes", "--dangerous-allow", "irreversible"]);
    assert_eq!(back.code, 0, "{}", back.all());
    let left = difference(&before, &state(&stack.account));
    assert!(left.iter().all(|line| line.starts_with("- ") && line.contains("listener:443/10")), "{}", left.join("\n"));
}

/// After a failure at each write, and after a death at each write whose call then takes effect. What was undone is as it
/// was, so that the next case begins there.
fn broken_off_anywhere<P: Sync>(writes: u64, begin: impl Fn() -> P + Sync, stack: fn(&P) -> &Stack) {
    let cases: Vec<(u64, bool)> = (1..=writes).flat_map(|n| [(n, true), (n, false)]).collect();
    let begin = || {
        let place = begin();
        let before = state(&stack(&place).account);
        (place, before)
    };
    let failures = side_by_side(&cases, begin, |(place, before), (nth, dies)| {
        broken_off(stack(place), before, nth, dies);
        Ok(())
    });
    assert!(failures.is_empty());
    eprintln!("{} runs broken off at {writes} writes, and undone", cases.len());
}

fn writes(stack: &Stack) -> u64 {
    let proxy = proxy();
    stack.account.behind(&proxy).args(APPLY).run().exits(0);
    proxy.writes().len() as u64
}

#[test]
fn a_run_that_broke_off_anywhere_is_undone() {
    let begin = || {
        let stack = Stack::applied();
        drift(&stack);
        stack
    };
    let writes = writes(&begin());
    assert!(writes > 10, "{writes}");
    broken_off_anywhere(writes, begin, |stack| stack);
}

/// A target group is replaced, and the old one comes back: under a new identity, once the new one had taken its place.
#[test]
fn a_swap_that_broke_off_anywhere_is_undone() {
    let begin = || {
        let mut swap = Swap::new();
        swap.change();
        swap
    };
    let swap = begin();
    let before = state(&swap.stack.account);
    let writes = writes(&swap.stack);
    assert!(writes > 8, "{writes}");
    let back = swap.stack.account.run(&ROLLBACK).exits(0);
    is_as(&swap.stack, &before, &back);
    broken_off_anywhere(writes, begin, |swap| &swap.stack);
}

fn broken_off(stack: &Stack, before: &[String], nth: u64, dies: bool) {
    let proxy = proxy();
    if dies {
        let hold = Hold::new();
        proxy.on_write(nth).meets(Fault::Hold(hold.clone()));
        let running = stack.account.behind(&proxy).args(APPLY).start();
        assert!(hold.arrived(Duration::from_secs(120)), "there is no write {nth}");
        running.kill();
        hold.release();
        proxy.settles();
        let runs = stack.account.run(&["runs"]).exits(0);
        assert!(runs.stdout.contains("died") && runs.stdout.contains("no recorded end"), "{}", runs.all());
    } else {
        proxy.on_write(nth).answer(400, "ValidationError", "no");
        let failed = stack.account.behind(&proxy).args(APPLY).run();
        assert!(matches!(failed.code, 0 | 5), "{}", failed.all());
    }
    let back = stack.account.run(&ROLLBACK);
    assert_eq!(back.code, 0, "write {nth}, dies: {dies}\n{}", back.all());
    is_as(stack, before, &back);
}

/// The tags of the rules that let others into a group.
fn marks(stack: &Stack, group: &str) -> Vec<(String, usize)> {
    let call = stack.account.ec2.describe_security_group_rules();
    let rules = wait_for(call.send()).unwrap().security_group_rules.unwrap_or_default();
    let of_group = rules.into_iter().filter(|r| r.group_id() == Some(group) && r.is_egress() == Some(false));
    let mut marks: Vec<_> = of_group
        .map(|rule| {
            let ours = rule.tags().iter().filter(|tag| tag.key().is_some_and(|key| key.starts_with("no502:")));
            (rule.security_group_rule_id().unwrap().to_owned(), ours.count())
        })
        .collect();
    marks.sort();
    marks
}

/// Rules of a managed security group that bore no mark got one, beside other changes; it goes again, and no other.
#[test]
fn rules_that_were_marked_lose_their_marks() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    let all = marks(&stack, &live.alb_group);
    let [first, second, ..] = all.as_slice() else { panic!("{all:?}") };
    assert!(all.iter().all(|(_, marks)| *marks == 1), "{all:?}");
    let key = aws_sdk_ec2::types::Tag::builder().key("no502:id").build();
    let call = stack.account.ec2.delete_tags().resources(&first.0).resources(&second.0).tags(key);
    wait_for(call.send()).unwrap();
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    let before = state(&stack.account);
    let apply = stack.account.run(&APPLY).exits(0);
    assert_eq!(marks(&stack, &live.alb_group), all, "they are marked\n{}", apply.all());
    let back = stack.account.run(&ROLLBACK).exits(0);
    is_as(&stack, &before, &back);
    stack.account.run(&APPLY).exits(0);
    stack.plan().exits(0);
}

#[test]
fn a_failed_apply_can_undo_itself() {
    let stack = Stack::prepared();
    let before = state(&stack.account);
    let proxy = proxy();
    proxy.on("CreateRule").only(2).answer(400, "TooManyRules", "The maximum number of rules has been reached");
    let apply = stack.account.behind(&proxy).args(["apply", "--yes", "--rollback-on-failure"]).run().exits(5);
    assert!(apply.stdout.contains("TooManyRules") && apply.stdout.contains("before run"), "{}", apply.all());
    is_as(&stack, &before, &apply);
}

#[test]
fn damaged_and_foreign_journals_are_said_to_be_so() {
    let stack = Stack::prepared();
    let other = Stack::prepared();
    stack.apply();
    stack.account.run(&["runs", "--journal", "nowhere"]).exits(0);
    let folder = stack.account.path().join(".local/state/no502/runs");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read_to_string(&file).unwrap();
    // a power cut in the middle of a line
    std::fs::write(&file, &whole[..whole.len() - 30]).unwrap();
    let runs = stack.account.run(&["runs"]).exits(0);
    assert!(runs.stdout.contains("1 line of the journal is damaged") && runs.stdout.contains("died"), "{}", runs.all());
    std::fs::write(folder.join("x.jsonl"), "nonsense").unwrap();
    assert!(stack.account.run(&["runs"]).exits(0).stderr.contains("x.jsonl"));
    stack.account.run(&["rollback", "nothing"]).exits(1).says("no run is named nothing");
    let name = file.display().to_string();
    let refused = other.account.run(&["rollback", &name, "--yes"]).exits(6);
    assert!(refused.stderr.contains(&stack.account.id), "{}", refused.all());
    // by its file, damaged as it is
    let back = stack.account.run(&["rollback", &name, "--yes", "--dangerous-allow", "delete-load-balancer"]).exits(0);
    assert!(back.stdout.contains("cannot be read"), "{}", back.all());
    // without what was there before nothing can be undone
    let lines: Vec<&str> = whole.lines().collect();
    std::fs::write(&file, [&lines[..1], &lines[2..]].concat().join("\n")).unwrap();
    stack.account.run(&["rollback", &name]).exits(1).says("second line is damaged");
}
