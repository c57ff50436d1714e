//! `no502 runs`: the runs that are recorded here. AWS is not called.

use super::super::args::{Format, Runs as Args};
use super::super::error::CliError;
use super::super::session;
use super::super::terminal::Terminal;
use super::super::{exit, output};
use crate::apply;
use crate::report::{json, text};

/// Runs the command.
///
/// # Errors
/// The folder cannot be read.
pub fn run(args: &Args, terminal: Terminal) -> Result<u8, CliError> {
    let folder = args.journal.clone().map_or_else(session::state_folder, Ok)?;
    let (runs, others) = apply::runs(&folder)
        .map_err(|e| CliError::new(format!("cannot read the journals in {}: {e}", folder.display())))?;
    let report = match args.format {
        Format::Text => text::runs(&runs, &output::look(terminal)),
        Format::Json => json::to_text(&json::runs(&runs)),
    };
    output::data(terminal, &report)?;
    for (path, error) in others {
        terminal.note(&format!("note: {} is no journal that can be used: {error}", path.display()));
    }
    Ok(exit::CLEAN)
}
