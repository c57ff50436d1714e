//! `no502 check`: the scheduled drift check. It only ever reads: what it asks AWS for is [`Read`](crate::cloud::Read).

use std::path::Path;

use super::super::args::{Check as Args, FailOn, Global};
use super::super::delivery::Delivery;
use super::super::error::CliError;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::accepted;
use super::plan::selection;
use crate::cloud::Read as _;
use crate::plan::Options;
use crate::report::since::{Earlier, compare};
use crate::report::watch::Watch;
use crate::report::{Report, View, json, text};

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
/// Files that cannot be used; AWS that cannot be read at all; an earlier report that is none.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let (desired, warnings) = session::load(&args.files, global)?;
    output::warnings(terminal, &warnings);
    let ignores = accepted::load(&args.accepting)?;
    let earlier = args.since.as_deref().map(read).transpose()?;
    session::need_secrets(&desired)?;
    let connection = session::connect(&desired, global, world).await?;
    let selection = selection(&args.part);
    let options = Options { selection, ignores: ignores.list.clone(), ..Options::default() };
    let plan = session::plan(&connection, &desired, &options, world.now).await?;
    let calls = connection.aws.api_calls();
    let paths = args.accepting.typed(args.files.typed(global));
    let view = View { command: "check", plan: &plan, desired: &desired, api_calls: &calls, paths: &paths };
    let mut report = Report::of_plan(&view, watch(args.fail_on), world.now);
    report.partial |= !options.selection.is_all();
    let doubts = accepted::doubts(&ignores, &plan, report.partial, world);
    output::warnings(terminal, &doubts);
    report.doubt(&doubts);
    if let (Some(earlier), Some(path)) = (earlier, &args.since) {
        let none = |why| CliError::new(format!("--since {}: {why}", path.display()));
        let earlier = Earlier::read(&earlier, &report).map_err(none)?;
        compare(&mut report, earlier);
    }
    let exit_code = exit::of_check(&report);
    let delivery = Delivery {
        report: &report,
        exit_code,
        text: &|look| text::check(&view, &report, exit_code, look),
        json: &|| json::to_text(&json::check(&view, &report, exit_code)),
        junit: None,
    };
    delivery.deliver(&args.printing, args.out.as_deref(), terminal)?;
    Ok(exit_code)
}

/// The text of an earlier report, read before it may be written over.
fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|e| {
        let error = CliError::new(format!("--since: cannot read {}: {e}", path.display()));
        error.hint("give a report of an earlier `no502 check --format json`, or leave --since out the first time")
    })
}
