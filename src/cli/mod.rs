//! The command line: the only place that prints, prompts, exits, and reads the environment and the clock.

pub mod args;
mod commands;
mod delivery;
mod error;
mod exit;
mod interrupt;
mod output;
mod progress;
mod session;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use crate::aws::permissions::For;
use crate::report::json::SCHEMA;
use args::{Cli, Command, Global};
use commands::{
    adopt, apply, check, diagnose, explain, export, plan, print, probe, rollback, runs, show, unlock, validate,
};
use error::CliError;
use session::World;
use terminal::Terminal;

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // help and version are no errors; wrong usage is 1 by contract, not clap's 2
            let code = u8::from(error.use_stderr());
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let columns = session::variable("COLUMNS");
    let terminal = Terminal::new(&cli.global, session::variable("NO_COLOR").is_some(), columns.as_deref());
    let result = prepare(&cli.global).and_then(|()| run(&cli, terminal));
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::error(terminal, &error);
            ExitCode::from(error.code())
        }
    }
}

fn prepare(global: &Global) -> Result<(), CliError> {
    log(global);
    if let Some(folder) = &global.chdir {
        std::env::set_current_dir(folder)
            .map_err(|e| CliError::new(format!("cannot go to {}: {e}", folder.display())).hint("check --chdir"))?;
    }
    Ok(())
}

/// Logs our own doings. The AWS crates log requests whole at `trace`: they never get below `info`.
fn log(global: &Global) {
    use tracing_subscriber::filter::{EnvFilter, LevelFilter};
    let ours = session::variable("NO502_LOG").unwrap_or_else(|| match global.verbose {
        0 | 1 => "warn".to_owned(),
        2 => "debug".to_owned(),
        _ => "trace".to_owned(),
    });
    let level = ours.parse::<LevelFilter>().unwrap_or(LevelFilter::WARN);
    let filter = EnvFilter::new(format!("error,no502={level}"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().try_init();
}

fn run(cli: &Cli, terminal: Terminal) -> Result<u8, CliError> {
    let global = &cli.global;
    let world = World { now: session::clock(), seed: session::seed() };
    match &cli.command {
        Command::Validate(args) => validate::run(args, global, terminal, &world),
        Command::Explain(args) => explain::run(args, terminal),
        Command::Schema { reports: false } => print::schema(terminal),
        Command::Schema { reports: true } => output::data(terminal, SCHEMA).map(|()| 0),
        Command::Completions { shell } => print::completions(*shell, terminal),
        Command::Man => print::man(terminal),
        Command::IamPolicy { apply } => print::iam_policy(if *apply { For::Writing } else { For::Reading }, terminal),
        Command::Show(args) => show::run(args, terminal),
        Command::Runs(args) => runs::run(args, terminal),
        Command::Unlock(args) => wait(unlock::run(args, global, terminal, &world)),
        Command::Rollback(args) => wait(rollback::run(args, global, terminal, &world)),
        Command::Plan(args) => wait(plan::run(args, global, terminal, &world)),
        Command::Apply(args) => wait(apply::run(args, global, terminal, &world)),
        Command::Check(args) => wait(check::run(args, global, terminal, &world)),
        Command::Probe(args) => wait(probe::run(args, global, terminal, &world)),
        Command::Diagnose(args) => wait(diagnose::run(args, global, terminal, &world)),
        Command::Export(args) => wait(export::run(args, global, terminal, &world)),
        Command::Adopt(args) => wait(adopt::run(args, global, terminal, &world)),
    }
}

fn wait(work: impl Future<Output = Result<u8, CliError>>) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::new(format!("cannot start: {e}")))?;
    runtime.block_on(work)
}
