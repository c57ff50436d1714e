//! Limits: what is too large, too deep or no text at all is refused quickly, with a place.

use std::collections::BTreeMap;
use std::time::Duration;

use no502::desired::{Inputs, load};

use super::{HEAD, files, lines, said};
use crate::support::computing;

/// What is said about bytes in a file, which must not take long, even in a debug build on a busy machine.
fn about(bytes: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), bytes).unwrap();
    let (problems, took) = computing(|| files(folder.path(), &[]).expect_err("refused"));
    assert!(took < Duration::from_secs(20), "{took:?}");
    lines(&problems)
}

#[test]
fn what_is_no_text_is_said_to_be_none() {
    let utf16: Vec<u8> = "\u{feff}version: 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        about(&utf16),
        ["1:1 error: the file is UTF-16, not UTF-8 | hint: convert it: iconv -f UTF-16 -t UTF-8"]
    );
    let bare: Vec<u8> = "version: 1\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert!(about(&bare)[0].contains("UTF-16"));
    assert_eq!(
        about(b"version: 1\nstack: a\xffb\n"),
        [
            "2:9 error: the file is not UTF-8 text | byte 0xff cannot stand here | hint: save it as UTF-8, or leave it out"
        ]
    );
    assert_eq!(
        about(b"version: 1\nstack: a\0b\n"),
        ["2:9 error: the file is binary | control character 0x00 | hint: desired files are YAML or JSON text"]
    );
    assert!(about(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0")[0].contains("binary"));
}

#[test]
fn a_file_over_eight_mebibytes_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("a.yaml")).unwrap();
    file.set_len(4 << 30).unwrap();
    let (problems, took) = computing(|| files(folder.path(), &[]).expect_err("refused"));
    assert!(took < Duration::from_secs(1), "{took:?}");
    let said = lines(&problems);
    assert!(said[0].contains("is too large: 4096.0 MiB"), "{said:?}");
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[".repeat(20_000), "{a: ".repeat(20_000), "- ".repeat(20_000)] {
        let said = about(text.as_bytes());
        assert!(said[0].contains("the file nests too deeply | more than 64 levels"), "{said:?}");
    }
    let mut block = String::new();
    for depth in 0..2_000 {
        block.push_str(&format!("{}k:\n", " ".repeat(depth)));
    }
    assert!(about(block.as_bytes())[0].contains("the file nests too deeply"));
}

#[test]
fn alias_bombs_are_refused() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (before, name) in "abcdefghijkl".chars().zip("bcdefghijklm".chars()) {
        bomb.push_str(&format!("{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n"));
    }
    let said = about(bomb.as_bytes());
    assert!(said[0].contains("aliases make this file too large"), "{said:?}");
    let nested = format!("a: {}[{}]", "&x [".repeat(20), "1,".repeat(50_000)) + &"]".repeat(20);
    assert!(about(nested.as_bytes())[0].contains("aliases make this file too large"));
    let mut tower = String::from("a0: &a0 [x]\n");
    for n in 1..200 {
        tower.push_str(&format!("a{n}: &a{n} [*a{}]\n", n - 1));
    }
    assert!(about(tower.as_bytes())[0].contains("the file nests too deeply"));
}

#[test]
fn long_lines_end_quickly() {
    let seven = 7 << 20;
    assert!(about("x".repeat(seven).as_bytes())[0].contains("a desired file is a map"));
    assert!(!about(format!("[{}", "1,".repeat(seven / 2)).as_bytes()).is_empty());
    assert!(!about(format!("{{{}", "a: {}, ".repeat(seven / 7)).as_bytes()).is_empty());
    assert!(!about("\"".repeat(seven).as_bytes()).is_empty());
    assert!(!about("${".repeat(seven / 2).as_bytes()).is_empty());
    assert!(!about(format!("a: \"{}\"", "${x}".repeat(100_000)).as_bytes()).is_empty());
}

#[test]
fn at_most_a_hundred_errors_are_shown_then_a_count() {
    let mut text = HEAD.to_owned();
    for n in 0..5_000 {
        text.push_str(&format!("unknown{n}: 1\n"));
    }
    let said = said(&text);
    assert_eq!(said.len(), 101);
    assert_eq!(said[100], "error: 4900 more errors not shown");
}

#[test]
fn thousands_of_dangling_names_end_quickly() {
    let mut text = format!("{HEAD}target_groups:\n");
    for n in 0..4_000 {
        text.push_str(&format!("  group-{n}: {{ existing: true }}\n"));
    }
    text.push_str("load_balancers:\n  web:\n    existing: true\n    listeners:\n      80:\n        existing: true\n        rules:\n");
    for n in 0..5_000 {
        text.push_str(&format!("          r{n}: {{ when: {{ path: /x }}, forward: grupo-{n} }}\n"));
    }
    let (said, took) = computing(|| said(&text));
    assert!(said.len() > 100);
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn variables_that_grow_beyond_what_a_file_may_have_are_refused() {
    let long = "x".repeat(100_000);
    let uses = "${long}".repeat(50_000);
    let (said, took) = computing(|| said(&format!("{HEAD}variables: {{ long: {long} }}\ntags: {{ a: \"{uses}\" }}\n")));
    assert!(said[0].contains("variables make these files too large | more than 8 MiB of values"), "{}", said[0]);
    assert!(said.iter().filter(|line| line.contains("too large")).count() == 1, "{said:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn thousands_of_variables_without_a_value_or_a_use_end_quickly() {
    let declared: Vec<String> = (0..3_000).map(|n| format!("declared-{n}: x")).collect();
    let used: Vec<String> = (0..3_000).map(|n| format!("t{n}: \"${{declered-{n}}}\"")).collect();
    let text = format!("{HEAD}variables: {{ {} }}\ntags: {{ {} }}\n", declared.join(", "), used.join(", "));
    let (first, took) = computing(|| said(&text));
    assert!(first.iter().any(|line| line.contains("`declered-0` has no value | did you mean `declared-0`?")));
    assert!(took < Duration::from_secs(30), "{took:?}");
    let names: Vec<String> = (0..3_000).map(|n| format!("declered-{n}")).collect();
    let given: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let text = format!("{HEAD}variables: {{ {} }}\n", declared.join(", "));
    let (unused, took) = computing(|| super::with(&text, &given));
    let unused = lines(&unused.unwrap().1);
    assert!(
        unused[0].contains("no file uses the variable `declered-0` | hint: did you mean `declared-0`?"),
        "{unused:?}"
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
#[cfg(unix)]
fn folders_that_link_in_circles_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let within = |name: &str| folder.path().join(name);
    std::fs::create_dir(within("sub")).unwrap();
    for link in ["a", "b", "sub/c"] {
        std::os::unix::fs::symlink(folder.path(), within(link)).unwrap();
    }
    let good = [("shop.yaml", HEAD), ("sub/tags.yaml", "tags: { a: x }\n")];
    let (resolved, took) = computing(|| files(folder.path(), &good).expect("read"));
    assert_eq!(resolved.0.files.files.len(), 2);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn standard_input_is_judged_as_a_file_is() {
    let about = |bytes: &[u8]| {
        let inputs = Inputs {
            paths: vec!["-".into()],
            stdin: Some(bytes.to_vec()),
            variables: BTreeMap::new(),
            secrets: &|_, _| None,
            now: None,
        };
        lines(&load(&inputs).expect_err("refused"))
    };
    assert_eq!(
        about(b"version: 1\nstack: a\xffb\n"),
        [
            "2:9 error: the file is not UTF-8 text | byte 0xff cannot stand here | hint: save it as UTF-8, or leave it out"
        ]
    );
    // cut within a character
    let cut = "#\u{fc}".repeat(8 * 1024 * 1024);
    assert!(about(&cut.as_bytes()[..8 * 1024 * 1024 + 3])[0].contains("`-` is too large"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// The example with pieces cut out, doubled or overwritten: no panic, and every place is in the file.
    #[test]
    fn no_text_makes_it_panic(edits in proptest::collection::vec((0.0..1.0f64, 0..12usize, "[ -~\n\t\u{e9}]{0,4}"), 1..6)) {
        let mut text = include_str!("../../desired/shop.yaml").to_owned();
        for (at, cut, put) in edits {
            let mut start = (at * text.len() as f64) as usize;
            let mut end = (start + cut).min(text.len());
            while !text.is_char_boundary(start) { start -= 1; }
            while !text.is_char_boundary(end) { end += 1; }
            text.replace_range(start..end, &put);
        }
        if let Err(problems) = super::stdin(&text) {
            proptest::prop_assert!(problems.has_errors());
            for problem in &problems.list {
                for span in problem.at.iter().chain(&problem.also).map(|(span, _)| *span) {
                    proptest::prop_assert!(span.start <= span.end && span.end as usize <= text.len());
                    proptest::prop_assert!(problems.files.place(span).is_some());
                    proptest::prop_assert!(!text[span.start as usize..span.end as usize].contains('\n'));
                }
            }
        }
    }
}
