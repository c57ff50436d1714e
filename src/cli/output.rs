//! Printing: data to standard output, everything else to standard error.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use super::error::CliError;
use super::terminal::{Terminal, WIDTH};
use crate::desired::Problems;
use crate::report::problem::render;
use crate::report::{Colour, Detail, Look};

/// How reports on standard output look.
pub const fn look(terminal: Terminal) -> Look {
    with(terminal, terminal.colored)
}

/// How reports in files look.
pub const fn plain(terminal: Terminal) -> Look {
    Look { width: WIDTH, ..with(terminal, false) }
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

/// Writes a file that only its owner may read: the whole of it, or none.
///
/// # Errors
/// It cannot be written; what was there before is still there then.
pub fn private_file(path: &Path, text: &str) -> Result<(), CliError> {
    let cannot =
        |e: io::Error| CliError::new(format!("cannot write {}: {e}", path.display())).hint("choose another --out");
    let name = path.file_name().ok_or_else(|| cannot(io::ErrorKind::IsADirectory.into()))?;
    let beside = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = private(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|e| {
        let _ = std::fs::remove_file(&beside);
        cannot(e)
    })
}

fn private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
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
