//! `no502 adopt`: marks live resources that match the files as managed by this stack. Changes nothing else.

use super::super::args::{Adopt as Args, Global};
use super::super::error::CliError;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::run;
use crate::apply::Settings;
use crate::plan::{Options, Plan, Step};
use crate::report::text::{Run, run as rendered};

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
    output::data(terminal, &summary(&plan, &steps))?;
    if !steps.is_empty() {
        run::consent(args.yes, terminal, "Mark these resources?")?;
        let recorded = run::execute(&connection, &plan, steps, &Settings::default(), None, (terminal, world)).await?;
        if let Some(ending) = run::unfinished(&recorded) {
            let done = recorded.run.done.len();
            let end = Run {
                id: recorded.id,
                done,
                total: recorded.total,
                took: recorded.took,
                end: ending.text,
                again: format!("no502 adopt {}", args.files.typed()).trim_end().to_owned(),
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
        (false, _) => exit::DIFFERENT,
        (true, false) => exit::INCOMPLETE,
        (true, true) => exit::CLEAN,
    })
}

fn summary(plan: &Plan, steps: &[Step]) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    match steps.len() {
        0 => line(format!("Nothing to adopt: what matches is marked as managed by stack {} already.", plan.stack)),
        n => line(format!("{n} resources match the files and will be marked as managed by stack {}:", plan.stack)),
    }
    for step in steps {
        line(format!("  {}", step.address));
    }
    let differing: Vec<String> = plan.differences().map(|c| format!("  {}", c.address)).collect();
    if !differing.is_empty() {
        line("These differ from the files and are not adopted; `no502 plan` says how:".to_owned());
        differing.into_iter().for_each(&mut line);
    }
    text
}
