//! The command lines of what works on saved plans and recorded runs.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Apply, Files, Format, Part, Rotate, duration};

/// Guards that can be lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Liftable {
    /// Change what another stack or tool owns.
    ForeignOwner,
    /// Register, deregister or delete where ECS or Auto Scaling fills a target group.
    FedGroup,
    /// Delete load balancers, and their DNS names for good.
    DeleteLoadBalancer,
    /// Apply although part of the live view is missing; nothing behind a gap is touched.
    Incomplete,
    /// Apply although the rehearsal found fault with the plan.
    Rehearsal,
    /// Work although another run has the stack's lock.
    Lock,
    /// Undo a run although something cannot come back as it was.
    Irreversible,
}

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
    /// Do not ask
    #[arg(long, visible_alias = "auto-approve")]
    pub yes: bool,
    /// How long one gate may wait
    #[arg(long, value_name = "DUR", value_parser = duration, default_value = "10m")]
    pub gate_timeout: Duration,
    /// How long to wait after requests were sent elsewhere, before the old side is taken away
    #[arg(long, value_name = "DUR", value_parser = duration, default_value = "30s")]
    pub settle: Duration,
    /// Do not wait between steps: requests may meet what is not ready yet
    #[arg(long)]
    pub no_gates: bool,
    /// Lift one guard; repeatable
    #[arg(long = "dangerous-allow", value_name = "GUARD", value_enum)]
    pub allow: Vec<Liftable>,
    /// Folder of the journals
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
}

impl Rollback {
    /// The same wishes as an apply's.
    pub fn as_apply(&self) -> Apply {
        Apply {
            files: Files { paths: Vec::new() },
            part: Part { targets: Vec::new(), only_5xx: false },
            rotate: Rotate { rotate: Vec::new() },
            format: self.format,
            yes: self.yes,
            gate_timeout: self.gate_timeout,
            settle: self.settle,
            no_gates: self.no_gates,
            allow: self.allow.clone(),
            journal: self.journal.clone(),
            rollback_on_failure: false,
        }
    }
}
