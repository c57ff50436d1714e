//! `no502 explain`: the documentation of a rule or of a key of the language, or the list of all rules.

use super::super::args::{Explain as Args, Format};
use super::super::error::CliError;
use super::super::output;
use super::super::terminal::Terminal;
use crate::desired::{self, Key, UnknownKey};
use crate::report::{json, text};
use crate::rules;
use crate::rules::explain::explanation;

/// Runs the command.
///
/// # Errors
/// There is neither such a rule nor such a key.
pub fn run(args: &Args, terminal: Terminal) -> Result<u8, CliError> {
    let look = output::look(terminal);
    let printed = match &args.what {
        None => match args.format {
            Format::Text => text::rule_table(&look),
            Format::Json => json::to_text(&json::rules()),
        },
        Some(word) => match found(word)? {
            Found::Rule(rule) => {
                let rule = explanation(rule);
                match args.format {
                    Format::Text => text::explanation(&rule, &look),
                    Format::Json => json::to_text(&json::explanation(rule)),
                }
            }
            Found::Key(key) => match args.format {
                Format::Text => text::key(&key, &look),
                Format::Json => json::to_text(&json::key(*key)),
            },
        },
    };
    output::data(terminal, &printed)?;
    Ok(0)
}

enum Found {
    Rule(&'static rules::Rule),
    Key(Box<Key>),
}

fn found(word: &str) -> Result<Found, CliError> {
    if let Some(rule) = rules::find(word) {
        return Ok(Found::Rule(rule));
    }
    match desired::explain(word) {
        Ok(key) => Ok(Found::Key(Box::new(key))),
        Err(unknown) => Err(error(word, &unknown)),
    }
}

fn error(word: &str, unknown: &UnknownKey) -> CliError {
    let UnknownKey { word: key, within, meant, keys } = unknown;
    if let Some((likeness, rule)) = nearest_rule(word)
        && (meant.is_empty() || likeness > 0.9)
    {
        return CliError::new(format!("there is no rule and no key `{word}`"))
            .hint(format!("did you mean `{rule}`? `no502 explain` lists all rules"));
    }
    match &meant[..] {
        [] => CliError::new(format!("there is no rule and no key `{word}`"))
            .hint(format!("`no502 explain` lists all rules; keys of {within} are {}", keys.join(", "))),
        [only] => CliError::new(format!("there is no key `{key}` in {within}"))
            .hint(format!("did you mean `no502 explain {only}`?")),
        several => CliError::new(format!("`{word}` may be one of {} keys", several.len()))
            .hint(format!("say which: {}", several.join(", "))),
    }
}

fn nearest_rule(word: &str) -> Option<(f64, &'static str)> {
    let words = rules::ALL.iter().flat_map(|rule| [rule.code, rule.name]);
    words
        .map(|known| (strsim::jaro_winkler(&known.to_ascii_lowercase(), &word.to_ascii_lowercase()), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
}
