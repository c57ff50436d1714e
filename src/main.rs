//! The `no502` program: parses, runs, maps the result to an exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    no502::cli::main()
}
