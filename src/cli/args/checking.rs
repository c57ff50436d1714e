//! The command lines of `check` and `validate`: what makes them fail.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Accepting, Files, Part, Printing};

/// `no502 validate`
#[derive(Debug, Args)]
pub struct Validate {
    #[command(flatten)]
    /// Which files.
    pub files: Files,
    #[command(flatten)]
    /// How to print.
    pub printing: Printing,
    /// What makes the exit code 3
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = ValidateFailOn::FiveXx)]
    pub fail_on: ValidateFailOn,
}

/// What fails `validate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ValidateFailOn {
    /// A finding that says clients see 5xx.
    #[value(name = "5xx")]
    FiveXx,
    /// Any finding.
    Any,
    /// No finding.
    Never,
}

impl ValidateFailOn {
    /// Whether findings that hurt count, and whether all do.
    pub const fn counts(self) -> (bool, bool) {
        match self {
            Self::FiveXx => (true, false),
            Self::Any => (true, true),
            Self::Never => (false, false),
        }
    }
}

/// `no502 check`
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    /// Which files.
    pub files: Files,
    #[command(flatten)]
    /// Which part.
    pub part: Part,
    #[command(flatten)]
    /// What is accepted.
    pub accepting: Accepting,
    #[command(flatten)]
    /// How to print.
    pub printing: Printing,
    /// Write the report there instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What makes the exit code 2 or 3
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = FailOn::Drift)]
    pub fail_on: FailOn,
    /// Report only what is new or gone since an earlier `check --format json`; the exit code is what it would be without
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
}

/// What fails `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// What moved on AWS, was never adopted, or is orphaned (ours, in no file any more); pending is printed only.
    Drift,
    /// Also pending, undeclared and unmanaged things.
    Any,
    /// Only what makes clients see 5xx.
    #[value(name = "5xx")]
    FiveXx,
    /// Nothing but an incomplete view.
    Never,
}
