//! Printing: data to standard output, everything else to standard error.

use super::error::CliError;
use super::terminal::Terminal;
use crate::desired::Problems;
use crate::report::problem::render;
use crate::report::{Colour, Detail, Look};

/// How reports on standard output look.
pub const fn look(terminal: Terminal) -> Look {
    with(terminal, terminal.colored)
}

/// How reports in files look.
pub const fn plain(terminal: Terminal) -> Look {
    with(terminal, false)
}

const fn with(terminal: Terminal, colored: bool) -> Look {
    Look {
        colour: if colored { Colour::On } else { Colour::Off },
        detail: if terminal.verbose > 0 { Detail::Full } else { Detail::Brief },
        width: terminal.width,
    }
}

fn problems(terminal: Terminal, problems: &Problems) {
    terminal.error(&render(&problems.files, &problems.list, &with(terminal, terminal.colored_notes)));
}

/// Prints data.
///
/// # Errors
/// Standard output cannot be written.
pub fn data(terminal: Terminal, text: &str) -> Result<(), CliError> {
    terminal.data(text).map_err(|e| CliError::new(format!("cannot write to standard output: {e}")))
}

/// Prints warnings about the files.
pub fn warnings(terminal: Terminal, list: &Problems) {
    if !list.list.is_empty() && !terminal.quiet {
        problems(terminal, list);
    }
}

/// Prints how a command failed.
pub fn error(terminal: Terminal, error: &CliError) {
    match error {
        CliError::Files(list) => problems(terminal, list),
        CliError::Plain { message, hint, .. } => {
            terminal.error(&format!("error: {message}"));
            if let Some(hint) = hint {
                terminal.error(&format!("hint: {hint}"));
            }
        }
    }
}
