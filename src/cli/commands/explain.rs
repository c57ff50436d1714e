//! `no502 explain`: the documentation of a rule or of a key of the language, or a list of rules: all, or by words.

use super::super::args::{Explain as Args, Format};
use super::super::error::CliError;
use super::super::output;
use super::super::terminal::Terminal;
use crate::desired::{self, Key, UnknownKey};
use crate::report::{json, text};
use crate::rules;
use crate::rules::explain::{explanation, search};
use crate::rules::left_out::LeftOut;

/// Runs the command.
///
/// # Errors
/// There is neither such a rule nor such a key.
pub fn run(args: &Args, terminal: Terminal) -> Result<u8, CliError> {
    let look = output::look(terminal);
    let printed = match found(&args.what)? {
        Found::Rules(list) => match args.format {
            Format::Text => text::rule_table(&list, &look),
            Format::Json => json::to_text(&json::rules(&list)),
        },
        Found::Rule(rule) => {
            let rule = explanation(rule);
            match args.format {
                Format::Text => text::explanation(&rule, &look),
                Format::Json => json::to_text(&json::explanation(rule)),
            }
        }
        Found::LeftOut(cause) => match args.format {
            Format::Text => text::left_out(cause, &look),
            Format::Json => json::to_text(&json::left_out(*cause)),
        },
        Found::Key(key) => match args.format {
            Format::Text => text::key(&key, &look),
            Format::Json => json::to_text(&json::key(*key)),
        },
    };
    output::data(terminal, &printed)?;
    Ok(0)
}

enum Found {
    Rules(Vec<&'static rules::Rule>),
    Rule(&'static rules::Rule),
    LeftOut(&'static LeftOut),
    Key(Box<Key>),
}

fn found(words: &[String]) -> Result<Found, CliError> {
    let word = match words {
        [] => return Ok(Found::Rules(rules::ALL.to_vec())),
        [word] => word,
        several => return searched(&several.join(" ")),
    };
    if let Some(rule) = rules::find(word) {
        return Ok(Found::Rule(rule));
    }
    if let Some(cause) = rules::left_out::find(word) {
        return Ok(Found::LeftOut(cause));
    }
    match desired::explain(word) {
        Ok(key) => Ok(Found::Key(Box::new(key))),
        // a word that resembles nothing may stand in a text
        Err(unknown) if unknown.meant.is_empty() && nearest_rule(word).is_none() => {
            searched(word).map_err(|_| error(word, &unknown))
        }
        Err(unknown) => Err(error(word, &unknown)),
    }
}

fn searched(words: &str) -> Result<Found, CliError> {
    match search(words) {
        none if none.is_empty() => {
            Err(CliError::new(format!("no rule is about `{words}`")).hint("`no502 explain` lists all rules"))
        }
        list => Ok(Found::Rules(list)),
    }
}

fn error(word: &str, unknown: &UnknownKey) -> CliError {
    let UnknownKey { word: key, within, meant, keys } = unknown;
    // a key by its own name is meant, however much a rule's name begins alike
    let is_key = meant.iter().any(|path| path.rsplit('.').next() == Some(word));
    if let Some((likeness, rule)) = nearest_rule(word)
        && (meant.is_empty() || likeness > 0.9 && !is_key)
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
