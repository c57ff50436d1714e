//! The LocalStack package judged by its own conformance tests: the emulator that judges everything else.

use std::process::Command;

/// As many cases as the package promises; fewer means that some were not found.
const CASES: usize = 250;

#[test]
fn the_package_conforms() {
    let root = env!("CARGO_MANIFEST_DIR");
    let done = Command::new(format!("{root}/localstack/test"))
        .env_remove("AWS_ENDPOINT_URL")
        .env_remove("NO502_LOCALSTACK_PORT")
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
