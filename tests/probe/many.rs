//! Many targets at once: in bounded time and with few descriptors. The benchmark prints figures; see the README of the
//! tests.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::program::{Cost, Program, Run};

/// A server for any number of connections.
fn answering() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for _ in 0..8 {
        let listener = listener.try_clone().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // one that asks nothing more is let go
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
            }
        });
    }
    address
}

/// Probes so many targets, every tenth of which says nothing if `silent`, with so many descriptors.
fn probe(targets: usize, silent: bool, descriptors: u32, binary: &Path) -> (Run, Cost) {
    let (folder, good) = (TempDir::new().unwrap(), answering());
    // connected by the system, and never taken
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let ip = |at: usize| format!("10.2.{}.{}", at / 250, at % 250 + 1);
    let names: Vec<String> = (0..targets).map(|at| format!("\"{}\"", ip(at))).collect();
    let text = format!(
        "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\ntarget_groups:\n  django:\n    protocol: http\n    \
         port: 8000\n    target_type: ip\n    vpc: main\n    health_check: {{ path: /health/, success_codes: \"200\", timeout: 2s, \
         interval: 5s }}\n    targets: [{}]\n",
        names.join(", ")
    );
    std::fs::write(folder.path().join("shop.yaml"), text).unwrap();
    let mut args = vec!["-c".to_owned(), format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")];
    args.push(binary.display().to_string());
    args.extend(["probe", "shop.yaml", "--quick", "--fail-on", "never"].map(str::to_owned));
    for at in 0..targets {
        let to = if silent && at % 10 == 0 { mute.local_addr().unwrap() } else { good };
        args.extend(["--connect-to".to_owned(), format!("{}:8000={to}", ip(at))]);
    }
    Program::of(Path::new("/bin/sh"), folder.path()).args(args).measured()
}

#[test]
fn many_targets_need_few_descriptors() {
    let (run, _) = probe(150, false, 160, Path::new(env!("CARGO_BIN_EXE_no502")));
    assert!(run.stdout.contains("ok: 150 targets, 300 checks"), "{}", run.all());
}

#[test]
#[ignore = "a benchmark: prints figures"]
fn bench_five_hundred_targets() {
    let named = std::env::var_os("NO502_BENCH").unwrap_or_else(|| env!("CARGO_BIN_EXE_no502").into());
    let binary = std::fs::canonicalize(named).unwrap();
    for silent in [false, true] {
        let (run, cost) = probe(500, silent, 160, &binary);
        let said = run.stderr.lines().find(|line| line.starts_with("probing")).unwrap_or_default().to_owned();
        let what = if silent { "500 targets, every tenth silent" } else { "500 targets" };
        eprintln!(
            "{what}, 160 descriptors: {:.1} s, {:.1} s of processor, {} MB; {said}; exit {}",
            cost.elapsed.as_secs_f64(),
            cost.processor.as_secs_f64(),
            cost.memory / 1000,
            run.code
        );
    }
}
