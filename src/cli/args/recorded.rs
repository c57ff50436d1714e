//! The command lines of what works on saved plans and recorded runs.

use std::path::PathBuf;

use clap::Args;

use super::Format;

/// `no502 show`
#[derive(Debug, Args)]
pub struct Show {
    /// What `plan --out` wrote
    #[arg(value_name = "PLANFILE")]
    pub file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
