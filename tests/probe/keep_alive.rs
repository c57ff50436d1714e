//! How long real servers keep idle connections open, as the probe measures it.
//!
//! A busy machine makes servers close late and the probe see it late. So a thread that only sleeps says how long the
//! machine kept a process waiting meanwhile: by so much a measurement may be off, and by 0.3 s.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::program::Program;
use crate::support::servers::servers;
use crate::support::wait_for;

/// Servers of `servers/cases.py`, and after how many milliseconds they close.
const KEPT: [(&str, u64); 5] = [
    ("keeps-1", 1000),
    // gunicorn's own default, which rules uvicorn's worker as well
    ("short-uvicorn-worker", 2000),
    ("keeps-5", 5000),
    // Node closes a second after what it was told
    ("keeps-5-node", 6000),
    ("keeps-20", 20_000),
];

/// What may be off, on a machine with nothing else to do.
const OFF: Duration = Duration::from_millis(300);

/// Watches how long the machine lets a sleeper oversleep.
struct Stall {
    done: Arc<AtomicBool>,
    watcher: JoinHandle<Duration>,
}

impl Stall {
    fn watch() -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&done);
        let watcher = spawn(move || {
            let nap = Duration::from_millis(10);
            let mut worst = Duration::ZERO;
            while !watched.load(Ordering::Relaxed) {
                let start = Instant::now();
                wait_for(async { tokio::time::sleep(nap).await });
                worst = worst.max(start.elapsed().saturating_sub(nap));
            }
            worst
        });
        Self { done, watcher }
    }
    fn worst(self) -> Duration {
        self.done.store(true, Ordering::Relaxed);
        self.watcher.join().unwrap()
    }
}

/// The servers' times as one run of the probe measures them, in milliseconds.
fn measured(kept: &BTreeMap<&str, u64>) -> BTreeMap<String, u64> {
    let (servers, folder) = (servers(), TempDir::new().unwrap());
    let at = |name: &str| servers.at(name).map(|at| format!("http://{at}/api/health/"));
    let urls: BTreeMap<String, &str> = kept.keys().filter_map(|name| Some((at(name)?, *name))).collect();
    let args = ["probe", "--format", "json", "--fail-on", "never"].into_iter().map(str::to_owned);
    let run = Program::new(folder.path()).args(args.chain(urls.keys().cloned())).run().exits(0);
    let json = run.json();
    let targets = json["targets"].as_array().unwrap().iter();
    let times = targets.map(|target| {
        let port = target["target"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        let name = urls.iter().find(|(url, _)| url.contains(&format!(":{port}/"))).unwrap().1;
        let closed = target["observations"]["keep_alive"]["closed_after"].as_u64();
        ((*name).to_owned(), closed.unwrap_or_else(|| panic!("{name}: {:#}", target["observations"]["keep_alive"])))
    });
    times.collect()
}

#[test]
fn the_keep_alive_of_real_servers_is_measured_within_a_third_of_a_second() {
    let kept: BTreeMap<&str, u64> = KEPT.into_iter().filter(|(name, _)| servers().at(name).is_some()).collect();
    let stall = Stall::watch();
    let times = measured(&kept);
    let may_be_off = u64::try_from((OFF + stall.worst()).as_millis()).unwrap();
    for (name, wanted) in &kept {
        assert!(
            times[*name].abs_diff(*wanted) <= may_be_off,
            "{kept:?} expected, {times:?} measured, {may_be_off} ms allowed"
        );
    }
}
