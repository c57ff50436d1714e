//! `no502 validate`: everything that can be said of files without calling AWS.

use super::super::args::{Global, Validate as Args};
use super::super::delivery::{Delivery, is_text};
use super::super::error::CliError;
use super::super::exit;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use crate::desired::Problems;
use crate::report::{Report, Validation, json, text};

/// Runs the command.
///
/// # Errors
/// Files that cannot be used, unless they are reported in a format for programs.
pub fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let (desired, warnings) = match session::load(&args.files, global) {
        Ok(loaded) => loaded,
        Err(CliError::Files(problems)) => {
            let Problems { files, list } = &*problems;
            let broken = Validation { files, problems: list, desired: None, judgement: None };
            if !is_text(&args.printing) {
                return delivered(&broken, args, 1, world, |delivery| delivery.deliver(&args.printing, None, terminal));
            }
            // people read what is wrong on standard error, as of any command
            delivered(&broken, args, 1, world, |delivery| delivery.leave(&args.printing, terminal))?;
            return Err(CliError::Files(problems));
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
    let exit_code = exit::of_validate(&judged, args.fail_on);
    let deliver = |delivery: &Delivery<'_>| delivery.deliver(&args.printing, None, terminal);
    let code = delivered(&validation, args, exit_code, world, deliver)?;
    // the program ends: to give a large estate back piece by piece would take a sixth of its time
    std::mem::forget(desired);
    Ok(code)
}

fn delivered(
    validation: &Validation<'_>,
    args: &Args,
    exit_code: u8,
    world: &World,
    deliver: impl FnOnce(&Delivery<'_>) -> Result<(), CliError>,
) -> Result<u8, CliError> {
    let report = Report::of_validation(validation, args.fail_on.counts(), world.now);
    let delivery = Delivery {
        report: &report,
        exit_code,
        text: &|look| text::validate(validation, look),
        json: &|| json::to_text(&json::validate("validate", validation)),
        junit: None,
    };
    deliver(&delivery)?;
    Ok(exit_code)
}
