//! `no502 validate`: everything that can be said of files without calling AWS.

use super::super::args::{Global, Validate as Args, ValidateFormat};
use super::super::error::CliError;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use crate::desired::Problems;
use crate::report::{Validation, github, json, sarif, text};

/// Runs the command.
///
/// # Errors
/// Files that cannot be used, unless they are reported in a format for programs.
pub fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let (desired, warnings) = match session::load(&args.files, global) {
        Ok(loaded) => loaded,
        Err(CliError::Files(problems)) if args.format != ValidateFormat::Text => {
            let Problems { files, list } = &*problems;
            let broken = Validation { files, problems: list, desired: None, judgement: None };
            output::data(terminal, &printed(&broken, args.format, terminal))?;
            return Ok(1);
        }
        Err(error) => return Err(error),
    };
    let judged = crate::rules::judge(&crate::plan::of_files(&desired, world.now));
    let validation = Validation {
        files: &desired.files,
        problems: &warnings.list,
        desired: Some(&desired),
        judgement: Some(&judged),
    };
    output::data(terminal, &printed(&validation, args.format, terminal))?;
    // the program ends: to give a large estate back piece by piece would take a sixth of its time
    std::mem::forget(desired);
    Ok(exit::of_validate(&judged, args.fail_on))
}

fn printed(validation: &Validation<'_>, format: ValidateFormat, terminal: Terminal) -> String {
    match format {
        ValidateFormat::Text => text::validate(validation, &output::look(terminal)),
        ValidateFormat::Json => json::to_text(&json::validate("validate", validation)),
        ValidateFormat::Sarif => json::to_text(&sarif::validate(validation)),
        ValidateFormat::Github => github::validate(validation),
    }
}
