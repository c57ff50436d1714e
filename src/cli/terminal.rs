//! The terminal: where output goes, whether it is coloured, and the one question that is asked.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::ops::RangeInclusive;

use super::args::{Color, Global};

/// Columns of a report that goes to no terminal.
pub const WIDTH: usize = 100;
/// Columns that a report is made for: in fewer nothing fits, in more nobody reads well.
const WIDTHS: RangeInclusive<usize> = 60..=120;

/// Where a command prints.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether standard output is coloured.
    pub colored: bool,
    /// Whether standard error is coloured.
    pub colored_notes: bool,
    /// Whether notes are left out.
    pub quiet: bool,
    /// Columns of a report.
    pub width: usize,
    /// How much more to print.
    pub verbose: u8,
    /// Whether somebody looks at the notes as they come.
    pub live: bool,
}

impl Terminal {
    /// As the flags and the environment say. `no_color` is whether `NO_COLOR` is set and not empty, `columns` what
    /// `COLUMNS` says: it counts where standard output is no terminal that knows its own width.
    pub fn new(global: &Global, no_color: bool, columns: Option<&str>) -> Self {
        let own = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        let columns = own.or_else(|| columns?.parse().ok()).unwrap_or(WIDTH).clamp(*WIDTHS.start(), *WIDTHS.end());
        let on = |terminal: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !no_color,
        };
        Self {
            colored: on(io::stdout().is_terminal()),
            colored_notes: on(io::stderr().is_terminal()),
            quiet: global.quiet,
            width: columns,
            verbose: global.verbose,
            live: io::stderr().is_terminal() && !global.quiet,
        }
    }

    /// Data, to standard output. A reader that went away is no error.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn data(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// A note, to standard error, unless the user wants none.
    pub fn note(self, text: &str) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// Replaces the last lines of standard error.
    pub fn rewrite(self, lines: usize, text: &str) {
        let mut err = io::stderr().lock();
        if lines > 0 {
            // up so many lines, and everything from there on goes
            let _ = write!(err, "\u{1b}[{lines}A\u{1b}[J");
        }
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// An error, to standard error. There is nobody left to tell if that fails.
    pub fn error(self, text: &str) {
        let mut err = io::stderr().lock();
        let _ = err.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = err.write_all(b"\n");
        }
    }

    /// Whether somebody can be asked: there is a terminal on both ends.
    pub fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Asks, and takes only a whole `yes`.
    ///
    /// # Errors
    /// Standard input cannot be read.
    pub fn ask(self, question: &str) -> io::Result<bool> {
        let mut err = io::stderr().lock();
        write!(err, "{question} Only `yes` is taken: ")?;
        err.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim() == "yes")
    }
}
