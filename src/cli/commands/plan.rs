//! `no502 plan`: what differs, which differences make clients see 5xx, and the steps that would close them.

use super::super::args::{Format, Global, Part, Plan as Args};
use super::super::error::CliError;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use crate::cloud::Read as _;
use crate::plan::{Options, Selection, Unmatched};
use crate::report::{View, json, text};

/// The selection that the flags ask for.
pub fn selection(part: &Part) -> Selection {
    Selection { targets: part.targets.clone(), unmatched: Unmatched::Mistake, only_5xx: part.only_5xx }
}

/// Runs the command.
///
/// # Errors
/// Files that cannot be used; AWS that cannot be read at all.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let (desired, warnings) = session::load(&args.files, global)?;
    output::warnings(terminal, &warnings);
    session::need_secrets(&desired)?;
    let connection = session::connect(&desired, global, world).await?;
    let rotate = args.rotate.rotate.clone();
    let options = Options { selection: selection(&args.part), rotate, ..Options::default() };
    let plan = session::plan(&connection, &desired, &options, world.now).await?;
    let calls = connection.aws.api_calls();
    let paths = args.rotate.typed(args.files.typed());
    let view = View { command: "plan", plan: &plan, desired: &desired, api_calls: &calls, paths: &paths };
    match args.format {
        Format::Text => {
            output::data(terminal, &text::plan(&view, &output::look(terminal)))?;
            terminal.note(&text::api_calls(&calls));
        }
        Format::Json => output::data(terminal, &json::to_text(&json::plan(&view, None)))?,
    }
    Ok(exit::of_plan(&plan, args.detailed_exitcode))
}
