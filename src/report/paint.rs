//! Colours: what each style means, and how a text gets one.

use anstyle::{AnsiColor, Effects, Style};

use crate::rules::Severity;

/// Whether ANSI colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Off,
    /// ANSI escapes.
    On,
}

/// Headings.
pub const HEADING: Style = Style::new().effects(Effects::BOLD);
/// What is less important.
pub const FAINT: Style = Style::new().effects(Effects::DIMMED);
/// What is created, and good news.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What changes, and doubtful news.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// What goes, and bad news.
pub const BAD: Style = AnsiColor::Red.on_default();
/// What clients suffer from.
pub const WORST: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
/// What to do.
pub const HINT: Style = AnsiColor::Cyan.on_default().effects(Effects::BOLD);

impl Colour {
    /// The text in a style.
    pub fn paint(self, style: Style, text: &str) -> String {
        match self {
            Self::Off => text.to_owned(),
            Self::On if text.is_empty() => String::new(),
            Self::On => format!("{style}{text}{style:#}"),
        }
    }
}

/// The style of a severity.
pub const fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Critical => WORST,
        Severity::High => BAD,
        Severity::Medium => WARN,
        Severity::Low | Severity::Info => FAINT,
    }
}
