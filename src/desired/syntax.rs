//! Syntax errors in words a person can act on, at the place where the mistake is.
//!
//! The parser says where it gave up, which for a forgotten quote or a tab is some way after the mistake.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use super::parse::too_deep;
use super::problem::Problem;
use crate::model::Span;

/// A syntax error as a problem.
#[expect(clippy::wildcard_enum_match_arm, reason = "the parser's enum: what has no better words keeps its own")]
pub(super) fn problem(text: &str, error: &ScanError, span: impl Fn(Range<usize>) -> Span) -> Problem {
    let at = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let one = |at: usize| {
        let width = text.get(at..).and_then(|t| t.chars().next()).filter(|c| *c != '\n').map_or(0, char::len_utf8);
        span(at..at + width)
    };
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return too_deep(one(at));
    }
    let problem = |at: usize, message: &str| Problem::error(one(at), format!("this is not valid YAML: {message}"));
    let (message, hint) = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => {
            let tab = text.get(at..).and_then(|t| t.find('\t')).map_or(at, |n| at + n);
            return problem(tab, "a tab cannot indent").label("a tab").hint("indent with spaces");
        }
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => {
            return problem(opening_quote(text, at), "a quote is not closed")
                .label("opened here")
                .hint("add the closing quote");
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            return problem(at, &format!("`{open}` is not closed"))
                .label("opened here")
                .hint("add the closing bracket");
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            let right = if *open == '{' { '}' } else { ']' };
            return problem(at, &format!("`{open}` is closed by `{close}`"))
                .label("opened here")
                .hint(format!("close it with `{right}`"));
        }
        ErrorKind::ExpectedFlowMappingSeparator => ("`,` or `}` is missing here", "separate entries by commas"),
        ErrorKind::ExpectedFlowSequenceSeparator => ("`,` or `]` is missing here", "separate items by commas"),
        ErrorKind::SimpleKeyExpected => ("`:` is missing after a key", "write `key: value`"),
        ErrorKind::MappingValueNotAllowed => {
            ("a `:` cannot stand here", "align keys of one map in one column, and quote a text that has `: ` in it")
        }
        ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockMappingKey => {
            ("the indentation fits no level above", "align keys of one map in one column")
        }
        ErrorKind::UnexpectedCharacter { character } => {
            return problem(at, &format!("`{character}` cannot begin a value")).hint("quote the text");
        }
        kind => return problem(at, &kind.to_string()),
    };
    problem(at, message).hint(hint)
}

/// The quote that opened the text in which the parser gave up: the last one that stands where a
/// value begins.
fn opening_quote(text: &str, at: usize) -> usize {
    if text.get(at..).is_some_and(|t| t.starts_with(['"', '\''])) {
        return at;
    }
    let before = text.get(..at).unwrap_or(text);
    let opens = |(i, c): &(usize, char)| {
        let ahead = before[..*i].trim_end_matches([' ', '\t']);
        matches!(c, '"' | '\'') && (ahead.is_empty() || ahead.ends_with([':', ',', '[', '{', '-', '\n', '?']))
    };
    before.char_indices().rev().find(opens).map_or(at, |(i, _)| i)
}
