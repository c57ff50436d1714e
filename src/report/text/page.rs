//! A page of text: lines, sections with one blank line between them, colours if wanted.

use anstyle::Style;

use crate::report::layout::{pad, width, wrap};
use crate::report::paint::HEADING;
use crate::report::{Detail, Look};

/// A page in the making.
#[derive(Debug)]
pub(super) struct Page<'a> {
    look: &'a Look,
    /// Columns, never fewer than the indentations need.
    pub(super) width: usize,
    out: String,
}

/// The narrowest page.
const NARROW: usize = 60;

impl<'a> Page<'a> {
    pub(super) const fn new(look: &'a Look) -> Self {
        let width = if look.width < NARROW { NARROW } else { look.width };
        Self { look, width, out: String::new() }
    }
    pub(super) fn is_brief(&self) -> bool {
        self.look.detail == Detail::Brief
    }
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        self.look.colour.paint(style, text)
    }
    /// A text in a style, filled up to a column.
    pub(super) fn cell(&self, style: Style, text: &str, to: usize) -> String {
        format!("{}{}", self.paint(style, text), " ".repeat(to.saturating_sub(width(text))))
    }
    /// Adds a line.
    pub(super) fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }
    /// Adds wrapped text at an indentation.
    pub(super) fn wrapped(&mut self, indent: usize, text: &str) {
        for line in wrap(text, self.width.saturating_sub(indent)) {
            self.line(&format!("{}{line}", pad("", indent)));
        }
    }
    /// Adds an empty line, if there is not one already.
    pub(super) fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }
    /// Begins a section.
    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        let text = self.paint(HEADING, text);
        self.line(&text);
    }
    pub(super) fn text(self) -> String {
        self.out
    }
}
