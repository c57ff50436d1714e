//! Places: where in the desired files something is said, and which field it says.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A place in a desired file: the file's index in [`Sources`], and the half-open byte range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Which file, as an index into [`Sources`].
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// One desired file as it was read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as the user gave it (`-` for standard input).
    pub path: String,
    /// The text; many hold the same.
    pub text: Arc<str>,
}

/// All desired files of a run.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The files; [`Span::file`] indexes this list.
    pub files: Vec<SourceFile>,
}

/// A place as people and editors write it: `file:line:column`, counted from one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file's path as the user gave it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Sources {
    /// The line and column where a span begins.
    pub fn place(&self, span: Span) -> Option<Place> {
        let file = self.files.get(span.file as usize)?;
        let before = file.text.get(..span.start as usize)?;
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        Some(Place { file: file.path.clone(), line: u32::try_from(line).ok()?, column: u32::try_from(column).ok()? })
    }
}

/// The key path of a field within its resource, in the words of the desired-state language:
/// `health_check.path`. The empty path is the resource itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldPath(pub String);

impl FieldPath {
    /// The path of the resource itself.
    pub const fn root() -> Self {
        Self(String::new())
    }
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether this path is `other` or lies within it.
    pub fn within(&self, other: &Self) -> bool {
        other.0.is_empty()
            || self.0 == other.0
            || self.0.strip_prefix(&other.0).is_some_and(|rest| rest.starts_with('.'))
    }
}

impl From<&str> for FieldPath {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for FieldPath {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
