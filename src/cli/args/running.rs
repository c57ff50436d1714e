//! How a run that writes shall run: the options that `apply` and `rollback` share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::patience;

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
    /// Change or take away more in one run than the files' `limits` allow.
    BlastRadius,
    /// Apply although the rehearsal found fault with the plan.
    Rehearsal,
    /// Work although another run has the stack's lock.
    Lock,
    /// Undo a run although something cannot come back as it was.
    Irreversible,
}

/// How what writes shall run.
#[derive(Clone, Debug, Args)]
pub struct Running {
    /// Do not ask
    #[arg(long, visible_alias = "auto-approve")]
    pub yes: bool,
    /// How long one gate may wait
    #[arg(long, value_name = "DUR", value_parser = patience, default_value = "10m")]
    pub gate_timeout: Duration,
    /// How long to wait after requests were sent elsewhere, before the old side is taken away
    #[arg(long, value_name = "DUR", value_parser = patience, default_value = "30s")]
    pub settle: Duration,
    /// Do not wait between steps: requests may meet what is not ready yet
    #[arg(long)]
    pub no_gates: bool,
    /// Lift one guard; repeatable
    #[arg(long = "dangerous-allow", value_name = "GUARD", value_enum)]
    pub allow: Vec<Liftable>,
    /// Folder for the run's journal
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
}
