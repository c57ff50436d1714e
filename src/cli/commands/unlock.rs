//! `no502 unlock`: removes a lock that nobody holds any more.

use super::super::args::{Global, Unlock as Args};
use super::super::error::CliError;
use super::super::session::{self, World};
use super::super::terminal::Terminal;
use super::super::{exit, output};
use super::{locked, run};
use crate::apply::lock;
use crate::plan::Options;
use crate::plan::saved::Record;

/// Runs the command.
///
/// # Errors
/// Files that cannot be used; AWS that cannot be read; a "no" at the prompt.
pub async fn run(args: &Args, global: &Global, terminal: Terminal, world: &World) -> Result<u8, CliError> {
    let (desired, warnings) = session::load(&args.files, global)?;
    output::warnings(terminal, &warnings);
    let connection = session::connect(&desired, global, world).await?;
    let plan = session::plan(&connection, &desired, &Options::default(), world.now).await?;
    let record = Record::of(&plan, &[]);
    let folders = args.journal.clone().map_or_else(session::state_folder, Ok).into_iter().collect::<Vec<_>>();
    let mut removed = 0;
    for on in record.lock.iter().chain(&record.locks) {
        let Some(held) = lock::look(&*connection.aws, on).await? else { continue };
        let whose = locked::in_words(&held);
        if held.until > world.now && !locked::is_dead(&folders, &held) {
            terminal.note(&format!("stack {} is locked by {whose}, as far as can be known", plan.stack));
            run::consent(args.yes, terminal, "Remove the lock all the same?")?;
        }
        lock::remove(&*connection.aws, on).await?;
        output::data(terminal, &format!("Removed the lock of {whose}.\n"))?;
        removed += 1;
    }
    if removed == 0 {
        output::data(terminal, &format!("Stack {} is not locked.\n", plan.stack))?;
    }
    Ok(exit::CLEAN)
}
