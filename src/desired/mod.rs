//! The desired-state language: YAML files in, [`Resolved`] out, with every problem of a run and its place.
//!
//! Files are read (`read`), parsed into trees with places (`parse`), given their variables
//! (`variables`), merged by key (`merge`), checked against the description of the language
//! (`shape`, `check`; the tables are in `kind`), and read into specs (`reader`, `kind`). No stage
//! stops at the first error. Nothing here prints, reads the environment or calls AWS.

mod attribute;
mod check;
mod cross;
mod found;
pub mod ignore;
mod key;
mod kind;
mod merge;
mod names;
mod node;
mod origins;
mod parse;
mod paths;
mod pattern;
pub mod problem;
mod quota;
mod read;
mod reader;
pub mod resolved;
mod schema;
mod shape;
mod syntax;
mod variables;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub use ignore::{Ignore, Ignores, ignore_file};
pub use key::{Key, SubKey, UnknownKey, explain};
pub use origins::Origins;
pub use problem::{Level, Problem, Problems};
pub use resolved::{Acceptance, Backend, Limit, Limits, Part, Resolved};
pub use schema::schema;

use crate::model::{SecretRef, Sources};
use found::Found;
use reader::Context;

/// What a run is given.
pub struct Inputs<'a> {
    /// Files, folders, or `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// What standard input held, if a path is `-`.
    pub stdin: Option<Vec<u8>>,
    /// Values of variables, over the files' defaults.
    pub variables: BTreeMap<String, String>,
    /// A secret's value, if it is known: used for fingerprints only. File references are already
    /// joined to the folder of the desired file that names them, which is the second argument.
    pub secrets: &'a dyn Fn(&SecretRef, &Path) -> Option<String>,
    /// The present moment; without it nothing is judged by the clock.
    pub now: Option<Timestamp>,
}

/// Reads a variable file (`--var-file`): a map of names to plain values.
///
/// # Errors
/// Everything that is wrong with it.
pub fn variable_file(path: &Path) -> Result<BTreeMap<String, String>, Problems> {
    let found = Found::default();
    let read = read::read(&[path.to_owned()], None, &found);
    let mut values = BTreeMap::new();
    for tree in parse::all(&read.usable, &read.sources, &found).into_iter().flatten().flatten() {
        values.extend(variables::plain(&tree, &found));
    }
    let failed = found.errors() > 0;
    if failed { Err(Problems { files: read.sources, list: found.finish() }) } else { Ok(values) }
}

/// Reads desired files: what they mean and what is doubtful about them, or everything that is
/// wrong with them.
pub fn load(inputs: &Inputs<'_>) -> Result<(Resolved, Problems), Problems> {
    let found = Found::default();
    let read = read::read(&inputs.paths, inputs.stdin.as_deref(), &found);
    let files = read.sources;
    let mut trees = Vec::new();
    let mut broken = found.errors() > 0;
    for documents in parse::all(&read.usable, &files, &found) {
        broken |= documents.is_none();
        trees.extend(documents.into_iter().flatten());
    }
    let resolved = resolve(inputs, trees, &files, broken, &found);
    let failed = found.errors() > 0;
    let problems = Problems { files, list: found.finish() };
    if failed { Err(problems) } else { Ok((resolved, problems)) }
}

fn resolve(
    inputs: &Inputs<'_>,
    mut trees: Vec<node::Node<'_>>,
    files: &Sources,
    broken: bool,
    found: &Found,
) -> Resolved {
    let mut variables = variables::Variables::collect(&trees, &inputs.variables, files, found);
    trees.iter_mut().for_each(|tree| variables.substitute(tree));
    variables.report_unused();
    let before = found.errors();
    let entries = merge::merge(trees, found);
    // what a file that cannot be read would have said is not known: no guesses about what is missing
    if broken {
        check::check(&entries, &kind::top::DOCUMENT, found);
        return Resolved::default();
    }
    if found.errors() > before && entries.is_empty() {
        return Resolved::default();
    }
    check::check(&entries, &kind::top::DOCUMENT, found);
    let out = Resolved { files: files.clone(), ..Resolved::default() };
    let names = names::Names::of(&entries);
    let tags = kind::top::tags(&entries);
    let cx = Context { found, names, tags, secrets: inputs.secrets, now: inputs.now, out: RefCell::new(out) };
    kind::top::read(&cx, entries);
    cross::check(&cx);
    cx.out.into_inner()
}
