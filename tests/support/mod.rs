//! What the tests share: a fault proxy in front of any endpoint, a LocalStack of the suite's own with an account for
//! each test, the program with its output, and a way to wait for a condition.

pub mod account;
pub mod fake;
pub mod http;
pub mod localstack;
pub mod program;
pub mod proxy;
pub mod servers;
pub mod yaml;

use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// The runtime of the suite: proxies and SDK clients live on it, whichever test started them.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

/// Runs a future to its end from a plain test.
pub fn wait_for<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

/// Waits until a condition holds and returns what it found.
///
/// Panics with `what` if it does not hold within the time.
pub fn eventually<T>(what: &str, within: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < within, "not within {within:?}: {what}");
        wait_for(async { tokio::time::sleep(Duration::from_millis(20)).await });
    }
}

/// Runs something and says how long this thread computed for it, so that a busy machine does not count; elsewhere than
/// on Linux, how long it took.
pub fn computing<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    // nanoseconds on the processor, nanoseconds waiting for it, time slices
    let spent = || {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        stat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    };
    let (before, start) = (spent(), Instant::now());
    let done = work();
    let took = spent().zip(before).map_or_else(|| start.elapsed(), |(after, before)| after.saturating_sub(before));
    (done, took)
}
