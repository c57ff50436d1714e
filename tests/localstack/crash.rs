//! The program dies at every write, in each of three ways: before the write takes effect, after, and with the answer
//! lost. Then it runs again: everything converges, nothing is doubled, nothing is orphaned.
//!
//! Two applies are broken off like that: one that makes a stack of every kind from nothing, and one that replaces a
//! target group while all else has drifted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::fields::live::Live;
use super::stack::{NAMES, Stack};
use super::state::{difference, state};
use crate::support::account::{Account, proxy};
use crate::support::proxy::{Fault, Hold};
use crate::support::{eventually, wait_for};

/// Gates look once a second; no wait of these stacks is longer than a few on a LocalStack whose clock runs faster.
pub const APPLY: [&str; 6] = ["apply", "--yes", "--settle", "0s", "--gate-timeout", "20s"];

/// How a run breaks off at a write.
#[derive(Clone, Copy, Debug)]
enum Break {
    /// It dies, and the call never reaches AWS.
    Before,
    /// It dies, and the call takes its effect.
    After,
    /// It lives, and the answer is lost.
    AnswerLost,
}

/// Every write in each of the ways.
fn every(writes: u64) -> Vec<(u64, Break)> {
    let ways = [Break::Before, Break::After, Break::AnswerLost];
    (1..=writes).flat_map(|nth| ways.map(|how| (nth, how))).collect()
}

/// Runs cases side by side, each worker in a place of its own, which it leaves once a case has failed there. What is
/// said of failures comes back.
pub fn side_by_side<T: Copy + Sync, P>(
    cases: &[T],
    place: impl Fn() -> P + Sync,
    one: impl Fn(&mut P, T) -> Result<(), String> + Sync,
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            let mut here = None;
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                if let Err(said) = one(here.get_or_insert_with(&place), *case) {
                    failures.push(said);
                    here = None;
                }
            }
            failures
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// The state of the stack, without what is new in every account.
pub fn shape(stack: &Stack) -> Vec<String> {
    let names = [(stack.vpc.as_str(), "VPC"), (stack.account.id.as_str(), "ACCOUNT")];
    let subnets = stack.subnets.iter().enumerate().map(|(at, id)| (id.clone(), format!("SUBNET-{at}")));
    let subnets: Vec<_> = subnets.collect();
    let mut lines: Vec<String> = state(&stack.account)
        .into_iter()
        .map(|line| {
            let line = names.iter().fold(line, |line, (id, name)| line.replace(id, name));
            let line = subnets.iter().fold(line, |line, (id, name)| line.replace(id.as_str(), name));
            // a rule that comes with its group bears the group's tags, one that is added later only ours
            let line = match line.split_once(", Tag { key: Some(\"team\")") {
                Some((ours, _)) if line.starts_with("lets ") => format!("{ours}])"),
                Some(_) | None => line,
            };
            without_hash(&without_marks(&without_certificate(&line)))
        })
        .collect();
    lines.extend(certificates(&stack.account));
    lines.sort();
    lines
}

/// The stack's certificates in ACM; those that tests import besides are for other names.
fn certificates(account: &Account) -> Vec<String> {
    let list = account.acm.list_certificates().includes(super::fields::live::every_key());
    let all = wait_for(list.send()).unwrap().certificate_summary_list.unwrap_or_default();
    let ours = all.into_iter().filter(|one| one.domain_name.as_deref() == Some(NAMES[0]));
    ours.map(|one| format!("certificate {:?} {:?}", one.domain_name, one.status)).collect()
}

/// What was applied is a hash over ids too.
fn without_marks(line: &str) -> String {
    match line.split_once("Some(\"v1:") {
        Some((before, rest)) => format!("{before}MARK{}", rest.split_once('"').map_or("", |(_, rest)| rest)),
        None => line.to_owned(),
    }
}

/// A certificate's ARN ends in a number of its own.
fn without_certificate(line: &str) -> String {
    without(line, ":certificate/", |c| c.is_ascii_hexdigit() || c == '-')
}

/// The name of a group that took another's place ends in a hash over ids.
fn without_hash(line: &str) -> String {
    without(line, "django-", |c| c.is_ascii_hexdigit())
}

/// A line without what follows a beginning.
fn without(line: &str, beginning: &str, is_chance: fn(char) -> bool) -> String {
    let mut parts = line.split(beginning);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(beginning);
        text.push_str("ID");
        text.push_str(part.trim_start_matches(is_chance));
    }
    text
}

/// Lets a run break off at its n-th write.
fn broken_off(stack: &Stack, nth: u64, how: Break) {
    let proxy = proxy();
    let hold = Hold::new();
    match how {
        Break::Before | Break::After => proxy.on_write(nth).meets(Fault::Hold(hold.clone())),
        Break::AnswerLost => {
            proxy.on_write(nth).meets(Fault::LoseAnswer);
            let run = stack.account.behind(&proxy).args(APPLY).run();
            assert!(matches!(run.code, 0 | 5), "write {nth}\n{}", run.all());
            return;
        }
    }
    let running = stack.account.behind(&proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "there is no write {nth}");
    running.kill();
    if matches!(how, Break::After) {
        hold.release();
        proxy.settles();
    } else {
        // it goes with the proxy, and those beside it have arrived
        proxy.settles_to(1);
    }
}

/// Runs again, and expects what an apply that was not broken off leaves.
fn continued(stack: &Stack, expected: &[String], what: &str) -> Result<(), String> {
    let second = stack.account.run(&APPLY);
    let plan = stack.plan();
    let moved = difference(expected, &shape(stack));
    if second.code == 0 && plan.code == 0 && moved.is_empty() {
        return Ok(());
    }
    Err(format!("{what}\n{}\n{}\n{}", moved.join("\n"), second.all(), plan.all()))
}

fn survivors(cases: usize, failures: &[String], writes: u64) {
    eprintln!("{cases} runs broken off at {writes} writes: {} converged", cases - failures.len());
    assert!(failures.is_empty(), "{} of {cases}:\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn a_run_that_dies_at_any_write_is_continued_by_the_next() {
    let whole = Stack::prepared();
    let counting = proxy();
    whole.account.behind(&counting).args(APPLY).run().exits(0);
    let writes = counting.writes().len() as u64;
    let expected = shape(&whole);
    assert!(writes > 30 && expected.len() > 30, "{writes} writes, {} lines", expected.len());
    let cases = every(writes);
    let failures = side_by_side(
        &cases,
        || (),
        |(), (nth, how)| {
            let stack = Stack::prepared();
            broken_off(&stack, nth, how);
            continued(&stack, &expected, &format!("write {nth}, {how:?}"))
        },
    );
    survivors(cases.len(), &failures, writes);
}

/// A stack whose group `django` moves from one port to another and back, while all else drifts.
pub struct Swap {
    pub stack: Stack,
    is_moved: bool,
}

impl Swap {
    pub fn new() -> Self {
        let swap = Self { stack: Stack::prepared(), is_moved: false };
        swap.write();
        swap.stack.apply();
        swap
    }

    fn write(&self) {
        let (port, last) = if self.is_moved { (8001, 8003) } else { (8000, 8002) };
        // a run waits as long as clients stick to a group that goes
        let mut text = self.stack.file();
        for (from, to) in [
            ("stickiness: 10m }", "stickiness: 1s }"),
            ("stickiness: 5m }", "stickiness: 1s }"),
            ("    health_check: { path: /api/health/ }\n    stickiness: { type: app_cookie", CANARY),
            ("protocol_version: http1\n    port: 8000", &format!("protocol_version: http1\n    port: {port}")),
            ("8001-8002", &format!("8001-{last}")),
        ] {
            assert_eq!(text.matches(from).count(), 1, "`{from}` is not there once");
            text = text.replace(from, to);
        }
        self.stack.account.write("desired/shop.yaml", text);
    }

    /// The files want the other port.
    pub fn change(&mut self) {
        self.is_moved = !self.is_moved;
        self.write();
    }

    /// And somebody has been at everything.
    pub fn turn(&mut self) {
        self.change();
        let live = Live::of(&self.stack);
        live.load_balancer_attributes(&[("client_keep_alive.seconds", "7200")]);
        live.listener_attribute(443, "routing.http.response.x_frame_options.header_value", "SAMEORIGIN");
        live.listener(443, |l| l.ssl_policy("ELBSecurityPolicy-2016-08"));
        live.check("canary", |m| m.matcher(matcher("200-299")));
        live.group_attributes("canary", &[("deregistration_delay.timeout_seconds", "99")]);
        live.register("canary", "10.0.1.31", 8000);
        let priority = |rule: &str, number| {
            aws_sdk_elasticloadbalancingv2::types::RulePriorityPair::builder().rule_arn(rule).priority(number).build()
        };
        let call = self.stack.account.elb.set_rule_priorities();
        let call =
            call.rule_priorities(priority(&live.rules["30"], 40)).rule_priorities(priority(&live.rules["40"], 30));
        wait_for(call.send()).unwrap();
        // the copy of a group gets those that are healthy
        for group in live.groups.iter().filter(|(name, _)| *name != "picky").map(|(_, arn)| arn) {
            eventually("the targets are healthy", Duration::from_secs(60), || {
                let health = wait_for(self.stack.account.elb.describe_target_health().target_group_arn(group).send());
                let health = health.unwrap();
                let mut states = health.target_health_descriptions().iter().filter_map(|t| t.target_health()?.state());
                states.all(|state| state.as_str() == "healthy").then_some(())
            });
        }
    }
}

const CANARY: &str = "    health_check: { path: /api/health/, success_codes: \"200\" }\n    deregistration_delay: 6s\n    stickiness: { type: app_cookie";

fn matcher(codes: &str) -> aws_sdk_elasticloadbalancingv2::types::Matcher {
    aws_sdk_elasticloadbalancingv2::types::Matcher::builder().http_code(codes).build()
}

#[test]
fn a_swap_that_dies_at_any_write_is_continued_by_the_next() {
    let mut whole = Swap::new();
    let mut uninterrupted = || {
        whole.turn();
        let counting = proxy();
        let run = whole.stack.account.behind(&counting).args(APPLY).run().exits(0);
        (counting.writes(), shape(&whole.stack), run.all())
    };
    let (there, back) = (uninterrupted(), uninterrupted());
    for (writes, _, said) in [&there, &back] {
        for call in ["CreateTargetGroup", "RegisterTargets", "CreateRule", "ModifyRule", "DeleteTargetGroup"] {
            assert!(writes.iter().any(|write| write == call), "no {call}\n{said}");
        }
    }
    let sorted = |writes: &[String]| {
        let mut writes = writes.to_vec();
        writes.sort();
        writes
    };
    assert_eq!(sorted(&there.0), sorted(&back.0));
    let writes = there.0.len() as u64;
    let cases = every(writes);
    let failures = side_by_side(&cases, Swap::new, |swap, (nth, how)| {
        swap.turn();
        broken_off(&swap.stack, nth, how);
        let expected = if swap.is_moved { &there.1 } else { &back.1 };
        continued(
            &swap.stack,
            expected,
            &format!("write {nth}, {how:?}, to port {}", if swap.is_moved { 8001 } else { 8000 }),
        )
    });
    survivors(cases.len(), &failures, writes);
}
