//! What the project takes from others: a cap on the number of crates, and one HTTP and one TLS stack.

use std::collections::BTreeMap;

use super::source::root;

/// The lock file may name so many packages.
const MOST: usize = 360;

/// Crates of which there may be exactly one version, because two are two stacks.
const ONE_VERSION: [&str; 5] = ["hyper", "rustls", "http", "h2", "tokio"];

/// Crates that bring a second HTTP or TLS stack, or that are no longer kept.
const NONE: [&str; 9] =
    ["openssl", "openssl-sys", "native-tls", "reqwest", "ureq", "curl", "isahc", "serde_yaml", "aws-smithy-mocks"];

/// The names and versions of a lock file.
fn packages(lock: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = package.lines().find(|line| line.starts_with(key));
            line.and_then(|line| line.split('"').nth(1)).unwrap_or_default()
        };
        found.entry(value("name = ")).or_default().push(value("version = "));
    }
    found
}

fn faults(lock: &str, most: usize) -> Vec<String> {
    let packages = packages(lock);
    let total: usize = packages.values().map(Vec::len).sum();
    let mut faults = Vec::new();
    if total > most {
        faults.push(format!("{total} packages, at most {most}"));
    }
    for name in ONE_VERSION {
        match packages.get(name).map(Vec::as_slice) {
            None => faults.push(format!("`{name}` is gone: this check looks at nothing")),
            Some([_]) => {}
            Some(versions) => faults.push(format!("`{name}` is there in versions {}", versions.join(", "))),
        }
    }
    faults.extend(NONE.iter().filter(|name| packages.contains_key(**name)).map(|name| format!("`{name}` is there")));
    faults
}

#[test]
fn dependencies_are_few_and_of_one_stack() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let faults = faults(&lock, MOST);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn too_many_or_doubled_dependencies_are_found() {
    let lock = |extra: &[(&str, &str)]| {
        let usual = ONE_VERSION.iter().map(|name| (*name, "1.0.0"));
        let all = usual.chain(extra.iter().copied());
        all.map(|(n, v)| format!("[[package]]\nname = \"{n}\"\nversion = \"{v}\"\n")).collect::<String>()
    };
    assert_eq!(faults(&lock(&[]), 5), Vec::<String>::new());
    assert_eq!(faults(&lock(&[]), 4), ["5 packages, at most 4"]);
    assert_eq!(faults(&lock(&[("hyper", "0.14.0")]), 9), ["`hyper` is there in versions 1.0.0, 0.14.0"]);
    assert_eq!(faults(&lock(&[("native-tls", "0.2.0")]), 9), ["`native-tls` is there"]);
    assert_eq!(faults("", 9).len(), ONE_VERSION.len());
}
