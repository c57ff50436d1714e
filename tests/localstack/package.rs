//! The LocalStack package judged by its own conformance tests: the emulator that judges everything else.

use std::net::TcpListener;
use std::process::Command;

/// As many cases as the package promises; fewer means that some were not found.
const CASES: usize = 250;

/// The package's own tests take a server of their own; another checkout may have one on the first port.
fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (4580..4600).find(free).expect("a free port for LocalStack")
}

#[test]
fn the_package_conforms() {
    let root = env!("CARGO_MANIFEST_DIR");
    let port = free_port();
    let done = Command::new(format!("{root}/localstack/test"))
        .env_remove("AWS_ENDPOINT_URL")
        .env("NO502_LOCALSTACK_PORT", port.to_string())
        .env_remove("NO502_LS_TIME_SCALE")
        .output()
        .expect("localstack/test can be run");
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(done.status.success(), "{said}");
    let passed = said.lines().rev().find_map(|line| line.split(" passed").next()?.rsplit(' ').next()?.parse().ok());
    assert!(passed.is_some_and(|n: usize| n >= CASES), "too few cases ran:\n{said}");
    // what needs a program that is not at hand says so
    for line in said.lines().filter(|line| line.contains("NOT RUN")) {
        eprintln!("{line}");
    }
}
