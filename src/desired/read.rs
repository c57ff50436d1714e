//! Finds and reads desired files. Says no to what cannot be one before it takes memory.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::found::Found;
use super::problem::Problem;
use crate::model::{SourceFile, Sources, Span};

/// The largest file that is read; estates use several.
pub(super) const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// Where files are looked for unless a path is given.
const DEFAULT: &str = "desired";
/// How deep folders are searched.
const MAX_FOLDERS: usize = 32;

/// The files of a run; one that could not be read is a problem and left out of `usable`.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub sources: Sources,
    /// Indexes of the files that hold text.
    pub usable: Vec<u32>,
}

/// Reads the files that the paths name; `-` is standard input.
pub(super) fn read(paths: &[PathBuf], stdin: Option<&[u8]>, found: &Found) -> Read {
    let mut out = Read::default();
    let mut seen = BTreeSet::new();
    for path in paths {
        if path.as_os_str() == "-" {
            match stdin {
                Some(bytes) => out.add("-".to_owned(), bytes, found),
                None => found.push(Problem::general("standard input was asked for, but there is none")),
            }
            continue;
        }
        for file in files_of(path, found) {
            let identity = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
            if seen.insert(identity) {
                out.read_file(&file, found);
            }
        }
    }
    out
}

fn files_of(path: &Path, found: &Found) -> Vec<PathBuf> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => {
            let mut files = Vec::new();
            search(path, 0, &mut files, &mut BTreeSet::new(), found);
            if files.is_empty() {
                found.push(
                    Problem::general(format!("no `*.yaml` or `*.yml` file in `{}`", path.display()))
                        .hint("name a file, or put one there"),
                );
            }
            files
        }
        Ok(_) => vec![path.to_owned()],
        Err(error) => {
            found.push(cannot_read(path, &error));
            Vec::new()
        }
    }
}

/// `seen` holds the folders that were searched: links may lead to one on many ways, and in circles.
fn search(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, seen: &mut BTreeSet<PathBuf>, found: &Found) {
    if !seen.insert(fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())) {
        return;
    }
    let mut entries = match fs::read_dir(folder).and_then(|dir| dir.collect::<io::Result<Vec<_>>>()) {
        Ok(entries) => entries.into_iter().map(|e| e.path()).collect::<Vec<_>>(),
        Err(error) => return found.push(cannot_read(folder, &error)),
    };
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if depth < MAX_FOLDERS {
                search(&path, depth + 1, files, seen, found);
            }
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(path);
        }
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> Problem {
    let problem = Problem::general(format!("cannot read `{}`: {}", path.display(), words(error)));
    if error.kind() == io::ErrorKind::NotFound && path == Path::new(DEFAULT) {
        return problem.hint("desired files are looked for in `desired/` unless a path is given");
    }
    problem
}

/// An I/O error in words, without the number that std adds.
#[expect(clippy::wildcard_enum_match_arm, reason = "std's enum: the rest keeps std's words")]
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

impl Read {
    fn read_file(&mut self, path: &Path, found: &Found) {
        let shown = path.display().to_string();
        let size = match fs::metadata(path) {
            Ok(meta) if !meta.is_file() => {
                return found.push(Problem::general(format!("`{shown}` is not a file")));
            }
            Ok(meta) => meta.len(),
            Err(error) => return found.push(cannot_read(path, &error)),
        };
        if size > MAX_BYTES {
            return found.push(too_large(&shown, size));
        }
        match fs::read(path) {
            Ok(bytes) => self.add(shown, &bytes, found),
            Err(error) => found.push(cannot_read(path, &error)),
        }
    }

    fn add(&mut self, path: String, bytes: &[u8], found: &Found) {
        if bytes.len() as u64 > MAX_BYTES {
            return found.push(too_large(&path, bytes.len() as u64));
        }
        let index = u32::try_from(self.sources.files.len()).unwrap_or(u32::MAX);
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match text_of(bytes) {
            Ok(text) => {
                self.sources.files.push(SourceFile { path, text: text.into() });
                self.usable.push(index);
            }
            Err(bad) => {
                let text = String::from_utf8_lossy(&bytes[..bad.at]).into_owned();
                let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
                self.sources.files.push(SourceFile { path, text: text.into() });
                let at = Span { file: index, start: end, end };
                found.push(Problem::error(at, bad.message).label(bad.label).hint(bad.hint));
            }
        }
    }
}

fn too_large(path: &str, size: u64) -> Problem {
    let mib = 1024 * 1024;
    Problem::general(format!("`{path}` is too large: {}.{} MiB", size / mib, size % mib * 10 / mib))
        .hint("a desired file has at most 8 MiB; split it, files merge by key")
}

struct Bad {
    at: usize,
    message: String,
    label: String,
    hint: &'static str,
}

/// The text of a file, or why it has none.
fn text_of(bytes: &[u8]) -> Result<&str, Bad> {
    let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || {
        let head = &bytes[..bytes.len().min(64)];
        head.len() >= 8 && head.chunks_exact(2).all(|c| (c[0] == 0) != (c[1] == 0))
    };
    if utf16 {
        return Err(Bad {
            at: 0,
            message: "the file is UTF-16, not UTF-8".to_owned(),
            label: String::new(),
            hint: "convert it: iconv -f UTF-16 -t UTF-8",
        });
    }
    let binary = "desired files are YAML or JSON text";
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Bad {
            at,
            message: "the file is not UTF-8 text".to_owned(),
            label: format!("byte 0x{:02x} cannot stand here", bytes.get(at).copied().unwrap_or(0)),
            hint: "save it as UTF-8, or leave it out",
        }
    })?;
    let control = |b: &u8| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r');
    match bytes.iter().position(control) {
        Some(at) => Err(Bad {
            at,
            message: "the file is binary".to_owned(),
            label: format!("control character 0x{:02x}", bytes[at]),
            hint: binary,
        }),
        None => Ok(text),
    }
}
