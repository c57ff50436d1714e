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

/// `no502 man`
///
/// # Errors
/// Standard output cannot be written.
pub fn man(terminal: Terminal) -> Result<u8, CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(|e| CliError::new(e.to_string()))?;
    output::data(terminal, &String::from_utf8_lossy(&page))?;
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
