//! `no502 check`: the scheduled drift check. Read-only, quiet when clean.

use super::super::args::{Check as Args, FailOn, Format, Global};
use super::super::error::CliError;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::plan::selection;
use crate::cloud::Read as _;
use crate::plan::Options;
use crate::report::watch::Watch;
use crate::report::{View, json, text};

const fn watch(fail_on: FailOn) -> Watch {
    match fail_on {
        FailOn::Drift => Watch::Drift,
        FailOn::Any => Watch::Any,
        FailOn::FiveXx => Watch::FiveXx,
        FailOn::Never => Watch::Nothing,
    }
}

/// Runs the command.
///
/// # Errors
/// Files that cannot be used; AWS that cannot be read at all; a report that cannot be written.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let (desired, warnings) = session::load(&args.files, global)?;
    output::warnings(terminal, &warnings);
    session::need_secrets(&desired)?;
    let connection = session::connect(&desired, global, world).await?;
    let options = Options { selection: selection(&args.part), ..Options::default() };
    let plan = session::plan(&connection, &desired, &options, world.now).await?;
    let calls = connection.aws.api_calls();
    let watch = watch(args.fail_on);
    let code = exit::of_check(&plan, watch);
    let look = if args.out.is_some() { output::plain(terminal) } else { output::look(terminal) };
    let paths = args.files.typed();
    let view = View { command: "check", plan: &plan, desired: &desired, api_calls: &calls, paths: &paths };
    let report = match args.format {
        Format::Text => text::check(&view, watch, &look),
        Format::Json => json::to_text(&json::plan(&view, None)),
    };
    match &args.out {
        Some(path) => std::fs::write(path, report)
            .map_err(|e| CliError::new(format!("cannot write {}: {e}", path.display())).hint("choose another --out"))?,
        None => output::data(terminal, &report)?,
    }
    Ok(code)
}
