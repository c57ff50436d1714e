//! The program dies at every write of an apply: before it takes effect, after, and with the answer lost. Then it runs
//! again: everything converges, nothing is doubled, nothing is orphaned. And it converges in rough weather.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::stack::Stack;
use super::state::{difference, state};
use crate::support::account::proxy;
use crate::support::proxy::{Buckets, Fault, Hold};

const APPLY: [&str; 2] = ["apply", "--yes"];

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

/// Runs cases side by side; what they say of failures comes back.
fn side_by_side<T: Copy + Sync>(cases: &[T], one: impl Fn(T) -> Option<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                failures.extend(one(*case));
            }
            failures
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// The state of the stack, without what is new in every account.
fn shape(stack: &Stack) -> Vec<String> {
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
            without_marks(&without_certificate(&line))
        })
        .collect();
    lines.sort();
    lines
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
    let mut parts = line.split(":certificate/");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(":certificate/ID");
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit() || c == '-'));
    }
    text
}

#[test]
fn a_run_that_dies_at_any_write_is_continued_by_the_next() {
    let whole = Stack::prepared();
    let counting = proxy();
    whole.account.behind(&counting).args(APPLY).run().exits(0);
    let writes = counting.writes().len() as u64;
    let expected = shape(&whole);
    assert!(writes > 30 && expected.len() > 30, "{writes} writes, {} lines", expected.len());
    // before the n-th write is after the one before it, but for the calls beside it: every other one will do
    let breaks = [Break::Before, Break::After, Break::AnswerLost];
    let cases: Vec<(u64, Break)> = (1..=writes).map(|n| (n, breaks[n as usize % 3])).collect();
    let failures = side_by_side(&cases, |(nth, how)| {
        let stack = Stack::prepared();
        broken_off(&stack, nth, how);
        let second = stack.account.run(&APPLY);
        let plan = stack.plan();
        let moved = difference(&expected, &shape(&stack));
        let said = format!("write {nth}, {how:?}\n{}\n{}\n{}", moved.join("\n"), second.all(), plan.all());
        (second.code != 0 || plan.code != 0 || !moved.is_empty()).then_some(said)
    });
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n\n"));
    eprintln!("{} runs broken off at a write of {writes}, and continued", cases.len());
}

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
    }
    // else the call goes with the proxy
}

/// The same in rough weather: AWS's own buckets, one answer in ten a failure, one connection in twenty cut, and slow.
#[test]
fn an_apply_converges_in_rough_weather() {
    let whole = Stack::applied();
    let expected = shape(&whole);
    let failures = side_by_side(&[0_u64, 1, 2, 3], |round| {
        let stack = Stack::prepared();
        let proxy = proxy();
        proxy.throttle(Buckets::of_aws());
        proxy.on("*").every(10, round).answer(500, "InternalFailure", "try again");
        proxy.on("*").every(20, round + 5).meets(Fault::Drop);
        proxy.on("*").every(3, round).meets(Fault::Delay(Duration::from_millis(60)));
        let mut runs = Vec::new();
        // a write whose fate is not known stops a run; the next one goes on
        for _ in 0..6 {
            let run = stack.account.behind(&proxy).args(APPLY).run();
            let code = run.code;
            runs.push(run.all());
            if code == 0 {
                break;
            }
        }
        let plan = stack.plan();
        let moved = difference(&expected, &shape(&stack));
        (plan.code != 0 || !moved.is_empty()).then(|| format!("{}\n{}", moved.join("\n"), runs.join("\n\n")))
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
