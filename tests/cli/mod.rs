//! The program without AWS: help, usage errors and their exit codes, bad files, and what it prints for other programs.

mod bench;
mod generated;
mod hostile;
mod usage;

pub use generated::readme;

use crate::support::program::Program;

/// The program in an empty folder, and the folder, which must live as long.
fn program() -> (Program, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Program::new(folder.path()), folder)
}

fn run(args: &[&str]) -> crate::support::program::Run {
    let (program, _folder) = program();
    program.args(args).run()
}
