//! Places in desired files, found fast: each file's lines are counted once.

use crate::desired::Resolved;
use crate::model::{Address, FieldPath, Place, Sources, Span};

/// The line starts of some files.
#[derive(Debug)]
pub struct Places<'a> {
    files: &'a Sources,
    starts: Vec<Vec<usize>>,
}

impl<'a> Places<'a> {
    /// Counts the lines.
    pub fn of(files: &'a Sources) -> Self {
        let starts = |text: &str| {
            std::iter::once(0)
                .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1))
                .collect()
        };
        Self { files, starts: files.files.iter().map(|file| starts(&file.text)).collect() }
    }

    /// Where a span begins.
    pub fn place(&self, span: Span) -> Option<Place> {
        let (file, starts) = (self.files.files.get(span.file as usize)?, self.starts.get(span.file as usize)?);
        let line = starts.partition_point(|start| *start <= span.start as usize);
        let before = file.text.get(*starts.get(line - 1)?..span.start as usize)?;
        let (line, column) = (u32::try_from(line).ok()?, u32::try_from(before.chars().count() + 1).ok()?);
        Some(Place { file: file.path.clone(), line, column })
    }

    /// Where a field is declared; the nearest enclosing key if it is not. A target that no file
    /// mentions stands at its group's `targets`.
    pub fn of_field(&self, desired: &Resolved, address: &Address, field: &FieldPath) -> Option<Place> {
        let own = desired.span(address, field);
        let span = own.or_else(|| desired.span(&address.parent()?, &"targets".into()))?;
        self.place(span)
    }

    /// A line of a file and what of it a span covers: the lines from the first to the last one the span
    /// touches, as (text, number of the first, byte range within). Long lines are cut around the span.
    pub fn excerpt(&self, span: Span) -> Option<(&'a str, usize, std::ops::Range<usize>)> {
        self.around(span, CONTEXT)
    }

    /// The same, with so many bytes of a long line on each side.
    pub fn around(&self, span: Span, context: usize) -> Option<(&'a str, usize, std::ops::Range<usize>)> {
        let (file, starts) = (self.files.files.get(span.file as usize)?, self.starts.get(span.file as usize)?);
        let text: &'a str = &file.text;
        let (from, to) = (span.start as usize, (span.end.max(span.start)) as usize);
        let line = starts.partition_point(|start| *start <= from);
        let line_start = *starts.get(line - 1)?;
        let line_end = text.get(from..)?.find('\n').map_or(text.len(), |i| from + i);
        let line_end = if text[..line_end].ends_with('\r') { (line_end - 1).max(from) } else { line_end };
        let to = to.clamp(from, line_end);
        let start = floor(text, line_start.max(from.saturating_sub(context)));
        let end = floor(text, line_end.min(to.min(from + CONTEXT) + context));
        let to = floor(text, to.min(end));
        Some((text.get(start..end)?, line, from - start..to.max(from) - start))
    }
}

/// How much of a long line is shown on each side, in bytes.
const CONTEXT: usize = 160;

/// The nearest character boundary at or before a byte.
fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SourceFile;

    fn files(text: &str) -> Sources {
        Sources { files: vec![SourceFile { path: "a.yaml".to_owned(), text: text.into() }] }
    }

    #[test]
    fn places_agree_with_the_slow_way() {
        let sources = files("a: 1\nüb: 2\n\n c: 3");
        let places = Places::of(&sources);
        for start in 0..=u32::try_from(sources.files[0].text.len()).unwrap() {
            let span = Span { file: 0, start, end: start };
            assert_eq!(places.place(span), sources.place(span), "{start}");
        }
    }

    #[test]
    fn excerpts_hold_one_line() {
        let sources = files("a: 1\nport: http\r\nc: 3");
        let places = Places::of(&sources);
        assert_eq!(places.excerpt(Span { file: 0, start: 11, end: 15 }), Some(("port: http", 2, 6..10)));
        assert_eq!(places.excerpt(Span { file: 0, start: 11, end: 19 }), Some(("port: http", 2, 6..10)));
        let long = files(&"ü".repeat(5000));
        let cut = Places::of(&long);
        let (text, line, range) = cut.excerpt(Span { file: 0, start: 5000, end: 5002 }).unwrap();
        assert!(text.len() < 400 && line == 1 && range.len() == 2);
    }
}
