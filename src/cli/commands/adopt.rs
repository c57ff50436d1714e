//! `no502 adopt`: marks live resources that match the files as managed by this stack. Changes nothing else.

use super::super::args::{Adopt as Args, Global};
use super::super::error::CliError;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::locked::Respect;
use super::run::{self, Work};
use crate::apply::Settings;
use crate::plan::Options;
use crate::plan::saved::Record;
use crate::report::text::{self, Run, run as rendered};

/// Runs the command.
///
/// # Errors
/// Files that cannot be used; AWS that cannot be read at all; a "no" at the prompt.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let (desired, warnings) = session::load(&args.files, global)?;
    output::warnings(terminal, &warnings);
    session::need_secrets(&desired)?;
    let connection = session::connect(&desired, global, world).await?;
    let plan = session::plan(&connection, &desired, &Options::default(), world.now).await?;
    let steps = plan.adoption();
    output::data(terminal, &text::adoption(&plan, &steps, &desired, &output::look(terminal)))?;
    if !steps.is_empty() {
        let releases = steps.iter().filter(|step| step.releases()).count();
        run::consent(args.yes, terminal, question(releases < steps.len(), releases > 0))?;
        let record = Record::of(&plan, &steps);
        let work = Work { plan: &plan, record: &record, command: "adopt", of: None };
        let how = (&Settings::default(), Respect::Others);
        let recorded = run::execute(&connection, &work, how, None, (terminal, world)).await?;
        if let Some(ending) = run::unfinished(&plan, &recorded) {
            let done = recorded.run.done.len();
            let end = Run {
                id: recorded.id,
                done,
                total: recorded.total,
                took: recorded.took,
                waits: Vec::new(),
                end: ending.text,
                again: format!("no502 adopt {}", args.files.typed(global)).trim_end().to_owned(),
            };
            output::data(terminal, &rendered(&end, &output::look(terminal)))?;
            return Ok(ending.code);
        }
        if let Some(why) = run::unmarked(&recorded.run) {
            terminal.error(&format!("error: {why}"));
            return Ok(exit::STOPPED);
        }
    }
    Ok(match (plan.is_clean(), plan.is_complete()) {
        _ if !text::foreign(&plan, &desired).is_empty() => exit::REFUSED,
        (false, _) => exit::DIFFERENT,
        (true, false) => exit::INCOMPLETE,
        (true, true) => exit::CLEAN,
    })
}

const fn question(marks: bool, releases: bool) -> &'static str {
    match (marks, releases) {
        (true, true) => "Mark and release these resources?",
        (false, true) => "Release these resources?",
        (_, false) => "Mark these resources?",
    }
}
