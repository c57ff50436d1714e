//! Rough weather between the program and AWS: whatever it is to do, it gets done in a few runs.

use std::time::Duration;

use super::crash::{APPLY, Swap, shape, side_by_side};
use super::scenarios;
use super::stack::Stack;
use super::state::difference;
use crate::support::account::{Account, proxy};
use crate::support::proxy::{Buckets, Fault, Proxy};

/// AWS's own buckets, one answer in ten a failure, one connection in twenty cut, and slow.
fn rough(round: u64) -> Proxy {
    let proxy = proxy();
    proxy.throttle(Buckets::of_aws());
    proxy.on("*").every(10, round).answer(500, "InternalFailure", "try again");
    proxy.on("*").every(20, round + 5).meets(Fault::Drop);
    proxy.on("*").every(3, round).meets(Fault::Delay(Duration::from_millis(60)));
    proxy
}

/// Applies until all is done: a write whose fate is not known stops a run, and the next one goes on.
fn weathered(account: &Account, round: u64) -> String {
    let proxy = rough(round);
    let mut runs = Vec::new();
    for _ in 0..8 {
        let run = account.behind(&proxy).args(APPLY).run();
        let code = run.code;
        runs.push(run.all());
        if code == 0 {
            break;
        }
    }
    runs.join("\n\n")
}

/// What is there in the end is what a calm apply leaves.
fn ends_as(stack: &Stack, expected: &[String], said: &str) -> Result<(), String> {
    let plan = stack.plan();
    let moved = difference(expected, &shape(stack));
    if plan.code == 0 && moved.is_empty() {
        Ok(())
    } else {
        Err(format!("{}\n{}\n{said}", moved.join("\n"), plan.all()))
    }
}

#[test]
fn an_apply_converges_in_rough_weather() {
    let whole = Stack::applied();
    let expected = shape(&whole);
    let failures = side_by_side(
        &[0_u64, 1, 2, 3],
        || (),
        |(), round| {
            let stack = Stack::prepared();
            let said = weathered(&stack.account, round);
            ends_as(&stack, &expected, &said)
        },
    );
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn a_swap_converges_in_rough_weather() {
    let mut whole = Swap::new();
    whole.turn();
    whole.stack.account.run(&APPLY).exits(0);
    let expected = shape(&whole.stack);
    let failures = side_by_side(&[0_u64, 1, 2], Swap::new, |swap, round| {
        // each in a stack of its own: the way back leaves another name
        *swap = Swap::new();
        swap.turn();
        let said = weathered(&swap.stack.account, round);
        ends_as(&swap.stack, &expected, &said)
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_scenario_converges_in_rough_weather() {
    let cases: Vec<usize> = (0..scenarios::ALL.len()).collect();
    let failures = side_by_side(
        &cases,
        || (),
        |(), at| {
            let (name, begin) = scenarios::ALL[at];
            let scene = begin();
            let said = weathered(&scene.stack.account, at as u64);
            let plan = scene.stack.plan();
            if plan.code == 0 { Ok(()) } else { Err(format!("{name}\n{}\n{said}", plan.all())) }
        },
    );
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    eprintln!("{} scenarios converged", cases.len());
}
