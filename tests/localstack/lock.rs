//! The lock: of two runs at once one works and the other says who does, also where tags are read two seconds late.

use std::time::Duration;

use super::fields::live::Live;
use super::stack::Stack;
use crate::support::account::proxy;
use crate::support::proxy::{Fault, Hold, Proxy};
use crate::support::wait_for;

const APPLY: [&str; 2] = ["apply", "--yes"];
const LOCK: &str = "no502:lock";

/// The tag on the load balancer, if it is there.
fn tag(stack: &Stack) -> Option<String> {
    let live = Live::of(stack);
    let tags = wait_for(stack.account.elb.describe_tags().resource_arns(&live.load_balancer).send()).unwrap();
    let tags = tags.tag_descriptions()[0].tags().to_vec();
    tags.into_iter().find(|tag| tag.key() == Some(LOCK)).and_then(|tag| tag.value)
}

/// Two runs with different files, started together; returns what both said.
fn race(proxy: &Proxy) -> String {
    let stack = Stack::applied();
    let mine = [("idle_timeout: 60s", "idle_timeout: 61s"), ("healthy_threshold: 2,", "healthy_threshold: 3,")];
    let theirs = [("idle_timeout: 60s", "idle_timeout: 62s"), ("healthy_threshold: 2,", "healthy_threshold: 4,")];
    let file = |changes: [(&str, &str); 2]| changes.iter().fold(stack.file(), |text, (a, b)| text.replacen(a, b, 1));
    stack.account.write("mine/shop.yaml", file(mine));
    stack.account.write("theirs/shop.yaml", file(theirs));
    let start = |folder: &str| stack.account.behind(proxy).args(APPLY).args([folder]).start();
    let (a, b) = (start("mine"), start("theirs"));
    let (a, b) = (a.end(), b.end());
    let said = format!("mine {}\n{}\ntheirs {}\n{}", a.code, a.all(), b.code, b.all());
    let mut codes = [a.code, b.code];
    codes.sort_unstable();
    assert_eq!(codes, [0, 6], "{said}");
    let (winner, loser) = if a.code == 0 { ("mine", b) } else { ("theirs", a) };
    let why = ["is locked by", "another run was faster", "AWS changed since the plan was made"];
    assert!(why.iter().any(|why| loser.stderr.contains(why)), "{said}");
    // all of it is the winner's
    proxy.settles();
    stack.account.run(&["plan", "--detailed-exitcode", winner]).exits(0);
    said
}

#[test]
fn of_two_runs_at_once_one_works() {
    for _ in 0..3 {
        race(&proxy());
    }
}

#[test]
fn of_two_runs_at_once_one_works_where_tags_lag() {
    for _ in 0..2 {
        let proxy = proxy();
        proxy.on("AddTags").holding("no502%3Alock").meets(Fault::Late(Duration::from_secs(2)));
        proxy.on("RemoveTags").holding("no502%3Alock").meets(Fault::Late(Duration::from_secs(2)));
        race(&proxy);
    }
}

#[test]
fn the_lock_of_another_run_is_respected_until_it_ends() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    assert_eq!(tag(&stack), None, "it is given back");
    live.tag(&live.load_balancer, LOCK, "ann@far 20990101T000000Z-00000001 until 2099-01-01T00:00:00Z");
    let refused = stack.account.run(&["apply", "--yes", "--format", "json"]).exits(6);
    let who = "ann@far (run 20990101T000000Z-00000001) until 2099-01-01T00:00:00Z";
    assert!(refused.stderr.contains(who) && refused.stderr.contains("unlock"), "{}", refused.all());
    assert_eq!(refused.json()["outcome"], "refused");
    // a lock is no difference, and is not exported
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "3600")]);
    stack.plan().exits(0);
    assert!(!stack.account.run(&["export", "web"]).stdout.contains("lock"));
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    let lifted = stack.account.run(&["apply", "--yes", "--dangerous-allow", "lock"]).exits(0);
    assert!(lifted.stderr.contains("took over the lock"), "{}", lifted.all());
    assert_eq!(tag(&stack), None);
    // one that has expired is nobody's
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    live.tag(&live.load_balancer, LOCK, "ann@far 20200101T000000Z-00000001 until 2020-01-01T00:00:00Z");
    assert!(stack.apply().stderr.contains("took over the lock of ann@far"));
    // and one can be removed by hand
    live.tag(&live.load_balancer, LOCK, "ann@far 20990101T000000Z-00000001 until 2099-01-01T00:00:00Z");
    stack.account.run(&["unlock"]).exits(6);
    let removed = stack.account.run(&["unlock", "--yes"]).exits(0);
    assert!(removed.stdout.contains(who), "{}", removed.all());
    assert_eq!(tag(&stack), None);
    assert!(stack.account.run(&["unlock"]).exits(0).stdout.contains("not locked"));
}

#[test]
fn the_lock_of_a_dead_run_is_taken_over_and_that_of_a_stopped_one_is_given_back() {
    let stack = Stack::applied();
    let live = Live::of(&stack);
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    let proxy = proxy();
    let hold = Hold::new();
    proxy.on_write(1).meets(Fault::Hold(hold.clone()));
    let running = stack.account.behind(&proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it writes nothing");
    let held = tag(&stack).expect("it works under a lock");
    assert!(held.contains(" until "), "{held}");
    stack.account.run(&APPLY).exits(6).says("is locked by");
    running.kill();
    hold.release();
    proxy.settles();
    assert_eq!(tag(&stack), Some(held));
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7300")]);
    assert!(stack.apply().stderr.contains("took over the lock"));
    // after a failure too
    live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    proxy.calm();
    proxy.on("ModifyLoadBalancerAttributes").deny();
    stack.account.behind(&proxy).args(APPLY).run().exits(5);
    assert_eq!(tag(&stack), None);
    // who may not tag works without one
    proxy.calm();
    proxy.on("AddTags").deny();
    let apply = stack.account.behind(&proxy).args(APPLY).run().exits(0);
    assert!(apply.stderr.contains("without a lock") && apply.stderr.contains("AddTags"), "{}", apply.all());
}

/// The second interrupt does not wait for the call in flight: its outcome is not known, and said to be so.
#[test]
fn the_second_interrupt_ends_the_program_at_once() {
    let stack = Stack::applied();
    Live::of(&stack).load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
    let proxy = proxy();
    let hold = Hold::new();
    proxy.on_write(1).meets(Fault::Hold(hold.clone()));
    let mut running = stack.account.behind(&proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "it writes nothing");
    let interrupt = |id: u32| {
        let sent = std::process::Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap();
        assert!(sent.success());
    };
    interrupt(running.id());
    wait_for(async { tokio::time::sleep(Duration::from_millis(500)).await });
    assert!(!running.is_over(), "the first one lets the call end");
    interrupt(running.id());
    let end = running.end().exits(130);
    assert!(end.stderr.contains("interrupt again"), "{}", end.all());
    hold.release();
    proxy.settles();
    let runs = stack.account.run(&["runs", "--format", "json"]).exits(0).json();
    assert_eq!((&runs["runs"][0]["outcome"], &runs["runs"][0]["steps"][0]["end"]), (&"died".into(), &"unknown".into()));
    let back = stack.account.run(&["rollback", "--yes"]).exits(0);
    assert!(back.stdout.contains("AWS says that it took effect"), "{}", back.all());
    stack.apply();
    stack.plan().exits(0);
}
