//! Malformed and doubtful texts, one idea each: exactly what is said about them, and where.
//!
//! The table is `malformed.txt`: a text, then what is said, each line behind `>> `. `H` is the head
//! that every good text begins with, `TG` a target group `a` to be continued, `LB` two existing
//! groups and a load balancer to be continued.

use super::{HEAD, said};

const GROUP: &str = "target_groups:\n  a:\n    protocol: http\n    port: 80\n    vpc: main\n    target_type: ip\n";
const BALANCER: &str = "target_groups: { a: { existing: true }, b: { existing: true } }\nload_balancers:\n  web:\n    \
                        subnets: [subnet-01234567, subnet-89abcdef]\n";

/// The text that a case stands for.
fn expanded(case: &str) -> String {
    let mut text = String::new();
    for line in case.lines().filter(|l| !l.starts_with(">> ")) {
        match line {
            "H" => text.push_str(HEAD),
            "TG" => text.push_str(GROUP),
            "LB" => text.push_str(BALANCER),
            line => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[test]
fn every_problem_is_said_at_its_place() {
    let table = include_str!("malformed.txt");
    let mut actual = String::new();
    let mut cases = 0;
    for case in table.split("-----\n").skip(1) {
        cases += 1;
        actual.push_str("-----\n");
        for line in case.lines().filter(|l| !l.starts_with(">> ")) {
            actual.push_str(&format!("{line}\n"));
        }
        for line in said(&expanded(case)) {
            actual.push_str(&format!(">> {line}\n"));
        }
    }
    assert!(cases >= 120, "{cases}");
    if actual != table {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/target/malformed.actual.txt");
        std::fs::write(path, &actual).unwrap();
        for (n, (want, have)) in table.lines().zip(actual.lines()).enumerate() {
            assert_eq!(want, have, "line {} of tests/desired/malformed.txt; all of it as it is now: {path}", n + 1);
        }
        panic!("tests/desired/malformed.txt has another length than what is said now: {path}");
    }
}
