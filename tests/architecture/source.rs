//! Reads the sources that the checks look at. Comments and string literals are blanked, so that a word in a
//! sentence is not taken for code.

use std::path::{Path, PathBuf};

/// One Rust file: where it is in the module tree, and its code without comments and strings.
pub(super) struct Source {
    /// The path from the root of the repository.
    pub(super) path: String,
    /// The modules that lead to it: `src/plan/build.rs` is `["plan", "build"]`.
    pub(super) modules: Vec<String>,
    /// The code.
    pub(super) code: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let stem = path.trim_start_matches("src/").trim_end_matches(".rs");
        let modules = stem.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).map(str::to_owned);
        Self { path: path.to_owned(), modules: modules.collect(), code: without_text(text) }
    }
    /// The part of the crate that it belongs to; `None` for `lib.rs` and `main.rs`.
    pub(super) fn part(&self) -> Option<&str> {
        self.modules.first().map(String::as_str)
    }
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under a folder of the repository with this ending, as (path from the root, text).
pub(super) fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

pub(super) fn rust() -> Vec<Source> {
    files("src", "rs").into_iter().map(|(path, text)| Source::new(&path, &text)).collect()
}

/// The text with the contents of comments, strings and character literals replaced by spaces; lines stay.
pub(super) fn without_text(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'/')) => find(bytes, at, b"\n"),
            (b'/', Some(b'*')) => find(bytes, at + 2, b"*/") + 2,
            (b'r', Some(b'"' | b'#')) if !is_word(bytes, at) => raw_string(bytes, at),
            (b'"', _) => string(bytes, at),
            (b'\'', Some(b'\\')) => find(bytes, at + 3, b"'") + 1,
            (b'\'', Some(_)) if bytes.get(at + 2) == Some(&b'\'') => at + 3,
            _ => {
                at += 1;
                continue;
            }
        };
        let end = end.min(bytes.len());
        out[at..end].iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether the byte before continues a word, so that an `r` here starts no raw string.
fn is_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(what.len()).position(|w| w == what).map_or(bytes.len(), |i| from + i)
}

fn string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// The end of `r"…"` or `r#"…"#`; of `r#name` just what follows the mark.
fn raw_string(bytes: &[u8], start: usize) -> usize {
    let marks = bytes[start + 1..].iter().take_while(|b| **b == b'#').count();
    let open = start + 1 + marks;
    if bytes.get(open) != Some(&b'"') {
        return open;
    }
    let mut close = vec![b'"'];
    close.extend(std::iter::repeat_n(b'#', marks));
    find(bytes, open + 1, &close) + close.len()
}

#[test]
fn text_is_no_code() {
    let code = without_text("a // crate::x\nb \"crate::y\" 'c' '\\n' r#\"crate::\"z\"# /* crate::w\n */ 'life d\n");
    assert!(!code.contains("crate"), "{code}");
    assert!(code.starts_with('a') && code.contains("\nb") && code.ends_with(" 'life d\n"), "{code}");
    assert_eq!(code.lines().count(), 3);
}

#[test]
fn the_sources_are_found() {
    let sources = rust();
    assert!(sources.len() > 40, "only {} files under src", sources.len());
    let action = sources.iter().find(|s| s.path == "src/model/kind/action.rs").unwrap();
    assert_eq!(action.modules, ["model", "kind", "action"]);
    assert_eq!(sources.iter().find(|s| s.path == "src/lib.rs").unwrap().part(), None);
}
