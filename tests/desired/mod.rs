//! The desired-state language: what files mean, and what is wrong with them and where.

mod bench;
mod fuzz;
mod ignore;
mod limits;
mod malformed;
mod meaning;
pub mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use no502::desired::{Inputs, Level, Problem, Problems, Resolved, load};
use no502::model::SecretRef;

/// A secret is known if it is in this list.
fn secrets(secret: &SecretRef, _: &Path) -> Option<String> {
    (*secret == SecretRef::Env("ORIGIN_SECRET".to_owned())).then(|| "s3cret".to_owned())
}

/// Loads standard input.
fn stdin(text: &str) -> Result<(Resolved, Problems), Problems> {
    with(text, &[])
}

/// Loads standard input with variables.
fn with(text: &str, variables: &[(&str, &str)]) -> Result<(Resolved, Problems), Problems> {
    load(&Inputs {
        paths: vec![PathBuf::from("-")],
        stdin: Some(text.as_bytes().to_vec()),
        variables: variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        secrets: &secrets,
        now: None,
    })
}

/// Loads files of a folder.
fn files(folder: &Path, list: &[(&str, &str)]) -> Result<(Resolved, Problems), Problems> {
    for (name, text) in list {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let now = Some("2026-11-22T00:00:00Z".parse().unwrap());
    load(&Inputs { paths: vec![folder.to_owned()], stdin: None, variables: BTreeMap::new(), secrets: &secrets, now })
}

/// A problem in one line: `3:5 error: message | label | also 1:2 label | hint`.
fn line(problems: &Problems, problem: &Problem) -> String {
    let place = |span| problems.files.place(span).map_or("?".to_owned(), |p| format!("{}:{}", p.line, p.column));
    let level = if problem.level == Level::Error { "error" } else { "warning" };
    let at = problem.at.as_ref().map_or(String::new(), |(span, _)| format!("{} ", place(*span)));
    let mut out = format!("{at}{level}: {}", problem.message);
    if let Some((_, label)) = problem.at.as_ref().filter(|(_, label)| !label.is_empty()) {
        out.push_str(&format!(" | {label}"));
    }
    if let Some((span, label)) = &problem.also {
        out.push_str(&format!(" | also {} {label}", place(*span)));
    }
    if let Some(hint) = &problem.hint {
        out.push_str(&format!(" | hint: {hint}"));
    }
    out
}

fn lines(problems: &Problems) -> Vec<String> {
    problems.list.iter().map(|p| line(problems, p)).collect()
}

/// What is said about a text, warnings of a good one included.
fn said(text: &str) -> Vec<String> {
    match stdin(text) {
        Ok((_, warnings)) => lines(&warnings),
        Err(problems) => lines(&problems),
    }
}

fn good(text: &str) -> Resolved {
    match stdin(text) {
        Ok((resolved, _)) => resolved,
        Err(problems) => panic!("{:#?}", lines(&problems)),
    }
}

/// The head that every good text begins with: four lines.
const HEAD: &str = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\n";
