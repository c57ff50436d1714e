//! `no502 validate`: everything that can be said of files without calling AWS.

use super::super::args::{Format, Global, Validate as Args};
use super::super::error::CliError;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use crate::desired::Problems;
use crate::report::{Validation, json, text};

/// Runs the command.
///
/// # Errors
/// Files that cannot be used.
pub fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let loaded = session::load(&args.files, global);
    let (desired, warnings) = match (loaded, args.format) {
        (Ok(loaded), _) => loaded,
        (Err(CliError::Files(problems)), Format::Json) => {
            let Problems { files, list } = &*problems;
            let broken = Validation { files, problems: list, desired: None, judgement: None };
            output::data(terminal, &json::to_text(&json::validate("validate", &broken)))?;
            return Ok(1);
        }
        (Err(error), _) => return Err(error),
    };
    let judged = crate::rules::judge(&crate::plan::of_files(&desired, world.now));
    let validation = Validation {
        files: &desired.files,
        problems: &warnings.list,
        desired: Some(&desired),
        judgement: Some(&judged),
    };
    match args.format {
        Format::Text => output::data(terminal, &text::validate(&validation, &output::look(terminal)))?,
        Format::Json => output::data(terminal, &json::to_text(&json::validate("validate", &validation)))?,
    }
    Ok(exit::of_validate(&judged, args.fail_on))
}
