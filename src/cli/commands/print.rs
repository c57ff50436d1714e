//! Commands that print what the program knows of itself: schema, completions, manual page, IAM policy.

use clap::CommandFactory as _;

use super::super::args::Cli;
use super::super::error::CliError;
use super::super::output;
use super::super::terminal::Terminal;
use crate::aws::permissions::{For, policy};

/// `no502 schema`
///
/// # Errors
/// Standard output cannot be written.
pub fn schema(terminal: Terminal) -> Result<u8, CliError> {
    let schema = serde_json::to_string_pretty(&crate::desired::schema()).map_err(|e| CliError::new(e.to_string()))?;
    output::data(terminal, &format!("{schema}\n"))?;
    Ok(0)
}

/// `no502 completions`
///
/// # Errors
/// Standard output cannot be written.
pub fn completions(shell: clap_complete::Shell, terminal: Terminal) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "no502", &mut script);
    output::data(terminal, &String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// `no502 man`: the program's page, and after it that of each command.
///
/// # Errors
/// Standard output cannot be written.
pub fn man(terminal: Terminal) -> Result<u8, CliError> {
    // `help` says of each command what its page says
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    for command in std::iter::once(&program).chain(program.get_subcommands()) {
        clap_mangen::Man::new(command.clone()).render(&mut pages).map_err(|e| CliError::new(e.to_string()))?;
    }
    output::data(terminal, &String::from_utf8_lossy(&pages))?;
    Ok(0)
}

/// `no502 iam-policy`
///
/// # Errors
/// Standard output cannot be written.
pub fn iam_policy(what: For, terminal: Terminal) -> Result<u8, CliError> {
    let policy = serde_json::to_string_pretty(&policy(what)).map_err(|e| CliError::new(e.to_string()))?;
    output::data(terminal, &format!("{policy}\n"))?;
    Ok(0)
}
