//! `no502 explain`: a rule's documentation, or the list of all rules.

use super::super::args::{Explain as Args, Format};
use super::super::error::CliError;
use super::super::output;
use super::super::terminal::Terminal;
use crate::report::{json, text};
use crate::rules;
use crate::rules::explain::explanation;

/// Runs the command.
///
/// # Errors
/// There is no such rule.
pub fn run(args: &Args, terminal: Terminal) -> Result<u8, CliError> {
    let printed = match &args.rule {
        None => match args.format {
            Format::Text => text::rule_table(&output::look(terminal)),
            Format::Json => json::to_text(&json::rules()),
        },
        Some(word) => {
            let rule = explanation(rules::find(word).ok_or_else(|| unknown(word))?);
            match args.format {
                Format::Text => text::explanation(&rule, &output::look(terminal)),
                Format::Json => json::to_text(&json::explanation(rule)),
            }
        }
    };
    output::data(terminal, &printed)?;
    Ok(0)
}

fn unknown(word: &str) -> CliError {
    let words = rules::ALL.iter().flat_map(|rule| [rule.code, rule.name]);
    let nearest = words
        .map(|known| (strsim::jaro_winkler(&known.to_ascii_lowercase(), &word.to_ascii_lowercase()), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let error = CliError::new(format!("there is no rule `{word}`"));
    match nearest {
        Some((_, known)) => error.hint(format!("did you mean `{known}`? `no502 explain` lists all rules")),
        None => error.hint("`no502 explain` lists all rules"),
    }
}
