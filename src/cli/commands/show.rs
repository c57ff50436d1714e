//! `no502 show`: a saved plan, readable. AWS is not called.

use super::super::args::{Format, Show as Args};
use super::super::error::CliError;
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::saved;
use crate::cloud::ApiCalls;
use crate::model::shell::word;
use crate::report::{View, json, text};

/// Runs the command.
///
/// # Errors
/// The file is no plan that can be used.
pub fn run(args: &Args, terminal: Terminal) -> Result<u8, CliError> {
    let file = saved::read(&args.file)?;
    let (plan, desired, calls) = (file.shown.plan(&file.record), saved::files_of(&file.record), ApiCalls::default());
    let paths = word(&args.file.display().to_string());
    let view = View { command: "plan", plan: &plan, desired: &desired, api_calls: &calls, paths: &paths };
    let report = match args.format {
        Format::Text => text::plan(&view, &output::look(terminal)),
        Format::Json => json::to_text(&json::plan(&view, None)),
    };
    output::data(terminal, &report)?;
    terminal.note(&format!("made {} by stack {}; `no502 apply {paths}` runs it as it is", file.made, plan.stack));
    Ok(exit::CLEAN)
}
