//! Files that are no desired files, or that would cost too much: refused quickly and in little memory.
//!
//! What is promised of a release build is one second and 200 MB; the time that these tests allow is for a debug build on
//! a busy machine, the memory is the promise.

use std::time::Duration;

use super::program;

const MOST_MEMORY: u64 = 200_000;
const MOST_TIME: Duration = Duration::from_secs(30);

/// Validates a file of these bytes: exit 1 with one place or one reason, and nothing on standard output.
#[track_caller]
fn refused(what: &str, bytes: &[u8], says: &str) {
    let (program, folder) = program();
    std::fs::write(folder.path().join("a.yaml"), bytes).unwrap();
    let (run, cost) = program.args(["validate", "a.yaml"]).measured();
    let run = run.exits(1);
    assert!(run.stderr.contains(says), "{what}: {}", &run.stderr[..run.stderr.len().min(2000)]);
    assert!(run.stdout.is_empty(), "{what}: {}", run.stdout);
    assert!(run.stderr.len() < 200_000, "{what}: {} bytes of errors", run.stderr.len());
    assert!(run.stderr.lines().all(|line| line.chars().count() < 400), "{what}: a line of the file is printed whole");
    assert!(cost.memory < MOST_MEMORY && cost.processor < MOST_TIME, "{what}: {cost:?}");
    // for the figures: cargo test -- hostile --nocapture
    eprintln!("{what}: {:?}, {} MB", cost.processor, cost.memory / 1000);
}

const MIB: usize = 1 << 20;

#[test]
fn too_large_a_file() {
    refused("9 MiB", &vec![b'#'; 9 * MIB], "is too large: 9.0 MiB");
    let (program, folder) = program();
    std::fs::File::create(folder.path().join("a.yaml")).unwrap().set_len(64 << 30).unwrap();
    let (run, cost) = program.args(["validate", "a.yaml"]).measured();
    run.exits(1).says("is too large: 65536.0 MiB");
    assert!(cost.memory < MOST_MEMORY, "{cost:?}");
    let (program, _folder) = self::program();
    let (run, cost) = program.args(["validate", "-"]).input("#".repeat(9 * MIB)).measured();
    run.exits(1).says("is too large");
    assert!(cost.memory < MOST_MEMORY, "{cost:?}");
}

#[test]
fn bombs_of_aliases() {
    let mut laughs = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (before, name) in "abcdefghijklmnop".chars().zip("bcdefghijklmnopq".chars()) {
        laughs.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(", ")));
    }
    refused("a billion laughs", laughs.as_bytes(), "aliases make this file too large");
    let mut tower = String::from("a0: &a0 { k: x }\n");
    for n in 1..5_000 {
        tower.push_str(&format!("a{n}: &a{n} {{ k: *a{} }}\n", n - 1));
    }
    refused("a tower of aliases", tower.as_bytes(), "nests too deeply");
    let merges = (1..40).fold(String::from("a0: &a0 { k0: x }\n"), |text, n| {
        text + &format!("a{n}: &a{n} {{ <<: [*a{0}, *a{0}], x: *a{0}, y: *a{0} }}\n", n - 1)
    });
    refused("merge keys of merge keys", merges.as_bytes(), "aliases make this file too large");
}

#[test]
fn deep_nesting() {
    const DEEP: usize = 20_000;
    for (what, text) in [
        ("lists", "[".repeat(DEEP)),
        ("closed lists", "[".repeat(DEEP) + &"]".repeat(DEEP)),
        ("maps", "{a: ".repeat(DEEP)),
        ("lists in a line", "- ".repeat(DEEP)),
        ("keys that are maps", "? ".repeat(DEEP)),
        ("keys within keys", "{".repeat(DEEP)),
    ] {
        refused(what, text.as_bytes(), "nests too deeply");
    }
    let block: String = (0..2_500).map(|depth| format!("{}k:\n", " ".repeat(depth))).collect();
    refused("indentation", block.as_bytes(), "nests too deeply");
}

#[test]
fn what_is_no_text() {
    let utf16 = |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    refused("UTF-16", &utf16("\u{feff}version: 1\n", u16::to_le_bytes), "the file is UTF-16, not UTF-8");
    refused("UTF-16, the other way", &utf16("\u{feff}version: 1\n", u16::to_be_bytes), "the file is UTF-16, not UTF-8");
    let noise: Vec<u8> = (0..4 * MIB).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    refused("binary", &noise, "error: the file is");
    refused("a program", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0", "the file is binary");
    refused("NUL bytes", b"version: 1\nstack: a\0b\n", "control character 0x00");
    refused("only NUL bytes", &vec![0; 7 * MIB], "the file is binary");
}

#[test]
fn a_single_line_of_seven_mebibytes() {
    const LONG: usize = 7 * MIB;
    for (what, text, says) in [
        ("a word", "x".repeat(LONG), "a desired file is a map"),
        ("a list", format!("[{}1]", "1,".repeat(LONG / 2)), "error"),
        ("a list without an end", format!("[{}", "1,".repeat(LONG / 2)), "error"),
        ("a map", format!("{{{}b: {{}}}}", "a: {}, ".repeat(LONG / 7)), "too many values"),
        ("quotes", "\"".repeat(LONG), "error"),
        ("a quote", format!("\"{}", "x".repeat(LONG)), "a quote is not closed"),
        ("a key", format!("{}: 1", "k".repeat(LONG)), "error"),
        ("variables", "${".repeat(LONG / 2), "error"),
        ("a value", format!("stack: {}", "s".repeat(LONG)), "at most 64 characters"),
        ("a comment", format!("#{}", "#".repeat(LONG)), "the files say nothing"),
        ("brackets", "[]".repeat(LONG / 2), "error"),
        ("dashes", "-".repeat(LONG), "error"),
        ("colons", ":".repeat(LONG), "error"),
        ("anchors", "&a ".repeat(LONG / 3), "error"),
    ] {
        refused(what, text.as_bytes(), says);
    }
}

/// Many resources, each wrong: what is only counted is not kept.
#[test]
fn a_file_of_nothing_but_mistakes() {
    const HEAD: &str = "version: 1\nstack: s\naccount: \"000000000000\"\nregion: eu-west-1\n";
    let many = |n: usize, one: &str| (0..n).map(|i| format!("k{i}: {one}, ")).collect::<String>();
    let rules =
        format!("load_balancers: {{ web: {{ listeners: {{ 80: {{ rules: {{ {} }} }} }} }} }}", many(240_000, "{}"));
    let targets: String = (0..500_000).map(|i| format!("10.{}.{}.{}, ", i >> 16, i >> 8 & 255, i & 255)).collect();
    let group = "protocol: http, port: 80, target_type: ip, vpc: main";
    let crowd = format!("target_groups: {{ g: {{ {group}, targets: [{targets}] }} }}");
    for (what, text, says) in [
        ("targets of one group", crowd, "more than any target group takes"),
        ("target groups that are texts", format!("target_groups: {{ {} }}", many(330_000, "v")), "\n330000 errors\n"),
        ("empty load balancers", format!("load_balancers: {{ {} }}", many(300_000, "{}")), "more\n\n"),
        ("empty rules", rules, "more\n\n"),
    ] {
        refused(what, format!("{HEAD}{text}\n").as_bytes(), says);
    }
}
