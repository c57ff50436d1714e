//! The command lines of what works on saved plans and recorded runs.

use std::path::PathBuf;

use clap::Args;

use super::{Accepting, Apply, Files, Format, Part, Probing, Rotate, Running};

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

/// `no502 unlock`
#[derive(Debug, Args)]
pub struct Unlock {
    #[command(flatten)]
    /// Which files.
    pub files: Files,
    /// Do not ask
    #[arg(long, visible_alias = "auto-approve")]
    pub yes: bool,
    /// Folder of the journals
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
}

/// `no502 runs`
#[derive(Debug, Args)]
pub struct Runs {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Folder of the journals
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
}

/// `no502 rollback`
#[derive(Debug, Args)]
pub struct Rollback {
    /// A run's id or the beginning of it, or its journal; the latest run in this account without it
    #[arg(value_name = "RUN or FILE")]
    pub run: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    /// How it runs.
    pub running: Running,
}

impl Rollback {
    /// The same wishes as an apply's.
    pub fn as_apply(&self) -> Apply {
        Apply {
            files: Files { paths: Vec::new() },
            part: Part { targets: Vec::new(), only_5xx: false },
            rotate: Rotate { rotate: Vec::new() },
            probing: Probing::default(),
            accepting: Accepting { ignore: None },
            format: self.format,
            running: self.running.clone(),
            rollback_on_failure: false,
        }
    }
}
