//! The file of `--ignore`: read before AWS is asked, and judged once it is known what it matched.

use std::collections::BTreeSet;

use super::super::args::Accepting;
use super::super::error::CliError;
use super::super::session::World;
use crate::desired::ignore::View;
use crate::desired::{Ignores, Problems, ignore_file};
use crate::plan::{Plan, day};

/// What is accepted; nothing without the flag.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn load(accepting: &Accepting) -> Result<Ignores, CliError> {
    let read = |path: &std::path::PathBuf| ignore_file(path).map_err(|list| CliError::Files(Box::new(list)));
    accepting.ignore.as_ref().map(read).transpose().map(Option::unwrap_or_default)
}

/// What is doubtful about the file: entries that have run out, and entries that match nothing where all was seen.
pub fn doubts(ignores: &Ignores, plan: &Plan, partial: bool, world: &World) -> Problems {
    let used: BTreeSet<usize> = plan.diff.ignored.iter().map(|one| one.by).collect();
    let view = if partial || !plan.is_complete() { View::Part } else { View::Whole };
    Problems { files: ignores.files.clone(), list: ignores.doubts(&used, day(world.now), view) }
}
