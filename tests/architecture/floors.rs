//! The floors of the crate: a module imports only from floors below its own, and neighbours on one floor never
//! import each other. This table is the rule; every other edge fails.

use std::collections::BTreeSet;

use super::source::{Source, rust};

/// Every part of the crate and its floor.
const FLOORS: [(&str, u8); 13] = [
    ("cli", 7),
    ("report", 6),
    ("apply", 5),
    ("diagnose", 5),
    ("aws", 5),
    ("plan", 4),
    ("diff", 3),
    ("rules", 3),
    ("export", 3),
    ("desired", 2),
    ("cloud", 2),
    ("probe", 2),
    ("model", 1),
];

/// Parts that only one part may name, although its floor would allow others to.
const ONLY: [(&str, &str); 1] = [("aws", "cli")];

/// Crates of the AWS SDK: their types are born and die in one part.
const SDK: [&str; 5] = ["aws_sdk_", "aws_config", "aws_runtime", "aws_smithy_", "aws_types"];

fn floor(part: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == part).map(|(_, floor)| *floor)
}

/// What is wrong with the imports of one file.
fn faults(source: &Source) -> Vec<String> {
    let Some(part) = source.part() else { return Vec::new() };
    let Some(own) = floor(part) else {
        return vec![format!("{}: `{part}` is on no floor; add it to the table", source.path)];
    };
    let mut faults = Vec::new();
    for other in imports(source) {
        let Some(theirs) = floor(&other) else { continue };
        let reserved = ONLY.iter().find(|(name, by)| *name == other && *by != part);
        if other == part {
            continue;
        }
        if theirs > own {
            faults.push(format!("{}: `{part}` (floor {own}) imports `{other}` of floor {theirs}", source.path));
        } else if theirs == own {
            faults.push(format!("{}: `{part}` imports its neighbour `{other}`", source.path));
        } else if let Some((_, by)) = reserved {
            faults.push(format!("{}: only `{by}` may import `{other}`", source.path));
        }
    }
    if part != "aws" {
        let named = SDK.iter().filter(|name| source.code.contains(*name));
        faults.extend(named.map(|name| format!("{}: `{name}…` belongs in `aws`", source.path)));
    }
    faults
}

/// The parts of the crate that a file names, by `crate::` or by climbing with `super::`.
fn imports(source: &Source) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in source.code.match_indices("crate::") {
        found.extend(heads(&source.code[at + "crate::".len()..]));
    }
    let climb = "super::".repeat(source.modules.len());
    for (at, _) in source.code.match_indices(&climb) {
        found.extend(heads(&source.code[at + climb.len()..]));
    }
    found
}

/// The first names of a path or of each path in a group: `a::b` gives `a`; `{a::{b, c}, d}` gives `a` and `d`.
fn heads(rest: &str) -> Vec<String> {
    let rest = rest.trim_start();
    let word = |text: &str| {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
    };
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let mut depth = 0_usize;
    let mut names = vec![word(group)];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(word(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

#[test]
fn modules_import_only_from_floors_below() {
    let faults: Vec<String> = rust().iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_sources_do_import_each_other() {
    let plan = rust().into_iter().find(|s| s.path == "src/plan/mod.rs").unwrap();
    let expected = ["cloud", "desired", "diff", "model", "rules"].map(str::to_owned);
    assert!(imports(&plan).is_superset(&BTreeSet::from(expected)), "{:?}", imports(&plan));
}

#[test]
fn a_wrong_edge_is_found() {
    let cases = [
        ("src/model/x.rs", "use crate::cloud::Snapshot;", "floor 2"),
        ("src/diff/mod.rs", "use crate::rules::Rule;", "neighbour `rules`"),
        ("src/apply/engine.rs", "fn f() { crate::aws::send() }", "neighbour `aws`"),
        ("src/report/json.rs", "use crate::{model::{A, B}, aws::Client};", "only `cli`"),
        ("src/plan/build.rs", "use super::super::report::Text;", "floor 6"),
        ("src/plan/mod.rs", "use super::cli;", "floor 7"),
        ("src/plan/build.rs", "use crate::{\n    model::A,\n    cli::B,\n};", "floor 7"),
        ("src/cli/mod.rs", "use aws_sdk_acm::Client;", "belongs in `aws`"),
        ("src/misc/mod.rs", "", "on no floor"),
    ];
    for (path, text, expected) in cases {
        let faults = faults(&Source::new(path, text));
        assert_eq!(faults.len(), 1, "{path}: {faults:?}");
        assert!(faults[0].contains(expected), "{path}: {faults:?}");
    }
}

#[test]
fn a_right_edge_is_not() {
    let cases = [
        ("src/cli/mod.rs", "use crate::{aws, report};"),
        ("src/plan/build.rs", "use super::update; use crate::diff::Diff;"),
        ("src/plan/mod.rs", "// crate::cli is above\nmod tests { use super::*; }"),
        ("src/main.rs", "use no502::cli;"),
        ("src/aws/fetch.rs", "use aws_sdk_ec2::Client; use crate::cloud::Read;"),
    ];
    for (path, text) in cases {
        assert_eq!(faults(&Source::new(path, text)), Vec::<String>::new());
    }
}
