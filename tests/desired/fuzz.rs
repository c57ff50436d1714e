//! Mutated files: whatever the text, no panic, no run-away, and every place that is named is in the file.
//!
//! Seeded, so that a failure comes again: the text is left in `target/fuzz.yaml`. A test run takes a bounded number of
//! texts; `NO502_FUZZ_SECONDS=600 cargo test --test suite -- desired::fuzz --nocapture` takes as many as fit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use no502::desired::Problems;
use no502::report::{Look, problem};

use super::{malformed, stdin};
use crate::support::computing;

/// How many texts a test run takes.
const BOUND: usize = 2_000;
/// What no text may cost, even in a debug build.
const MOST: Duration = Duration::from_secs(10);

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { usize::try_from(self.roll() % n as u64).unwrap() }
    }
    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Values that are good somewhere and bad elsewhere.
const VALUES: [&str; 40] = [
    "",
    "~",
    "null",
    "true",
    "no",
    "0",
    "-1",
    "1e9",
    "65535",
    "65536",
    "4294967296",
    "99999999999999999999",
    "0x1F",
    ".inf",
    "30s",
    "5m",
    "1h",
    "\"\"",
    "\"5\"",
    "'x'",
    "[]",
    "{}",
    "[a, b]",
    "{ a: 1 }",
    "*a",
    "&a x",
    "!!str 5",
    "${x}",
    "$${x}",
    "${",
    "10.0.0.1",
    "10.0.0.0/8",
    "::1",
    "arn:aws:acm:eu-west-1:000000000000:certificate/1",
    "|",
    ">-",
    "<<",
    "?",
    "#",
    "é",
];

/// A text changed in a few places, as bytes and as lines.
fn mutated(dice: &mut Dice, corpus: &[String]) -> String {
    let mut text = dice.one(corpus).clone();
    for _ in 0..=dice.below(5) {
        text = match dice.below(10) {
            0..=3 => bytes(dice, text, corpus),
            _ => lines(dice, &text, corpus),
        };
        if text.len() > 200_000 {
            break;
        }
    }
    text
}

fn bytes(dice: &mut Dice, text: String, corpus: &[String]) -> String {
    let mut all = text.into_bytes();
    let at = dice.below(all.len() + 1);
    let end = (at + dice.below(12)).min(all.len());
    match dice.below(5) {
        0 => drop(all.drain(at..end)),
        1 if at < all.len() => all[at] = u8::try_from(dice.below(256)).unwrap(),
        2 => {
            let again = all[at..end].to_vec();
            all.splice(at..at, again);
        }
        3 => {
            let other = dice.one(corpus).as_bytes();
            let from = dice.below(other.len());
            let to = (from + dice.below(80)).min(other.len());
            all.splice(at..end, other[from..to].iter().copied());
        }
        _ => {
            let put = b"{}[]:,-#&*!|>'\"%@`?\\ \n\t$<=".get(dice.below(27)).copied().unwrap_or(b' ');
            all.insert(at, put);
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// The lines of a block: a line and what is indented below it.
fn block(lines: &[&str], at: usize) -> usize {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let own = lines.get(at).map_or(0, |line| depth(line));
    at + 1 + lines.iter().skip(at + 1).take_while(|line| depth(line) > own).count()
}

fn lines(dice: &mut Dice, text: &str, corpus: &[String]) -> String {
    let mut all: Vec<&str> = text.lines().collect();
    let at = dice.below(all.len());
    let end = block(&all, at).min(all.len());
    let other: Vec<&str> = dice.one(corpus).lines().collect();
    let from = dice.below(other.len());
    let changed;
    match dice.below(8) {
        // a block goes, comes twice, or takes another place
        0 => drop(all.drain(at..end)),
        1 => {
            let again = all[at..end].to_vec();
            all.splice(at..at, again);
        }
        2 => {
            let moved: Vec<&str> = all.drain(at..end).collect();
            let to = dice.below(all.len() + 1);
            all.splice(to..to, moved);
        }
        // a block of another file, at this depth or at its own
        3 => drop(all.splice(at..end, other[from..block(&other, from).min(other.len())].iter().copied())),
        4 => drop(all.splice(at..at, other[from..block(&other, from).min(other.len())].iter().copied())),
        // another value, another key, another depth
        5 => {
            let line = all.get(at).copied().unwrap_or_default();
            let key = line.split_once(": ").map_or(line, |(key, _)| key);
            changed = format!("{key}: {}", dice.one(&VALUES));
            all.splice(at..(at + 1).min(all.len()), [changed.as_str()]);
        }
        6 => {
            let line = all.get(at).copied().unwrap_or_default();
            let value = line.split_once(':').map_or("", |(_, value)| value);
            let word = dice.one(&other).trim().split(':').next().unwrap_or_default().to_owned();
            let indent = " ".repeat(line.len() - line.trim_start().len());
            changed = format!("{indent}{word}:{value}");
            all.splice(at..(at + 1).min(all.len()), [changed.as_str()]);
        }
        _ => {
            let line = all.get(at).copied().unwrap_or_default();
            changed = format!("{}{}", " ".repeat(dice.below(9)), line.trim_start());
            all.splice(at..(at + 1).min(all.len()), [changed.as_str()]);
        }
    }
    all.join("\n") + "\n"
}

/// Loads, judges and renders a text as `validate` does, and looks at every place that is named.
fn tried(text: &str) {
    let (problems, wrong) = match stdin(text) {
        Ok((desired, warnings)) => {
            let now = "2026-11-22T00:00:00Z".parse().unwrap();
            let judged = no502::rules::judge(&no502::plan::of_files(&desired, now));
            assert!(judged.findings.iter().all(|finding| !finding.title.is_empty()));
            (warnings, false)
        }
        Err(problems) => (problems, true),
    };
    assert_eq!(problems.has_errors(), wrong);
    let Problems { files, list } = &problems;
    for problem in list {
        assert!(!problem.message.is_empty() && !problem.message.contains('\n'), "{:?}", problem.message);
        for span in problem.at.iter().chain(&problem.also).map(|(span, _)| *span) {
            let file = &files.files[span.file as usize].text;
            let part = file.get(span.start as usize..span.end as usize).expect("a place within the file");
            assert!(!part.contains('\n') && files.place(span).is_some(), "{problem:?}");
        }
    }
    let shown = problem::render(files, list, &Look::default());
    assert!(shown.lines().all(|line| line.chars().count() < 1_000), "{shown}");
}

/// A number that whoever runs the test chose.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var_os(variable)?;
    Some(text.to_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{variable} is a number")))
}

#[test]
fn no_text_makes_it_panic_or_run_away() {
    let seconds = number("NO502_FUZZ_SECONDS");
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = number("NO502_FUZZ_SEED").unwrap_or(502);
    let mut corpus: Vec<String> =
        malformed::cases().into_iter().flat_map(|case| case.files).map(|(_, text)| text).collect();
    corpus.push(include_str!("../../desired/shop.yaml").to_owned());
    corpus.push(include_str!("../localstack/stack.yaml").replace("ACCOUNT", "000000000000"));
    corpus.retain(|text| !text.trim().is_empty());
    let mut dice = Dice(seed);
    let (mut texts, mut worst) = (0, Duration::ZERO);
    while end.map_or(texts < BOUND, |end| Instant::now() < end) {
        let text = mutated(&mut dice, &corpus);
        let (outcome, took) = computing(|| catch_unwind(AssertUnwindSafe(|| tried(&text))));
        texts += 1;
        worst = worst.max(took);
        if outcome.is_err() || took > MOST {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/target/fuzz.yaml");
            std::fs::write(path, &text).unwrap();
            panic!("text {texts} of seed {seed} panics, or takes too long ({took:?}): {path}");
        }
    }
    eprintln!("{texts} texts of seed {seed}, the worst took {worst:?}");
}
