//! Async lives where there is something to wait for: the port to AWS, the network, and what drives them. The rest
//! is pure and is called, not awaited.

use super::source::{Source, rust};

const MAY_WAIT: [&str; 6] = ["cloud", "probe", "apply", "diagnose", "aws", "cli"];

fn faults(source: &Source) -> Vec<String> {
    match source.part() {
        Some(part) if !MAY_WAIT.contains(&part) => {}
        _ => return Vec::new(),
    }
    let waits = |line: &str| line.contains(".await") || words(line).any(|word| word == "async");
    let lines = source.code.lines().enumerate().filter(|(_, line)| waits(line));
    lines.map(|(at, line)| format!("{}:{}: {}", source.path, at + 1, line.trim())).collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

#[test]
fn only_some_parts_are_async() {
    let faults: Vec<String> = rust().iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "async in a part that must be pure:\n{}\n", faults.join("\n"));
}

#[test]
fn async_in_a_pure_part_is_found() {
    let found = |path, text| faults(&Source::new(path, text));
    assert_eq!(found("src/plan/build.rs", "\npub async fn f() {}"), ["src/plan/build.rs:2: pub async fn f() {}"]);
    assert_eq!(found("src/diff/mod.rs", "let a = b.await;").len(), 1);
    assert!(found("src/aws/fetch.rs", "async fn f() { g().await }").is_empty());
    assert!(found("src/plan/build.rs", "// async\nlet asynchronous = 1;").is_empty());
    assert!(found("src/main.rs", "async fn f() {}").is_empty());
}
