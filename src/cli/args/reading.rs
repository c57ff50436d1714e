//! The command lines of what only reads: live load balancers without a file, and what the program knows of itself.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Format, Printing, Probing, ValidateFailOn, lookback, stack};

/// `no502 diagnose`
#[derive(Debug, Args)]
pub struct Diagnose {
    /// Load balancers by name; every Application Load Balancer of the account and region, or of the files, without it
    #[arg(value_name = "LB")]
    pub load_balancers: Vec<String>,
    /// Files that say how it should be; repeatable
    #[arg(long, value_name = "PATH")]
    pub desired: Vec<PathBuf>,
    /// Access logs of these load balancers, plain or gzip, `-` for standard input: they say whose the 5xx are
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub access_logs: Vec<PathBuf>,
    /// CloudWatch metrics of the last so long, such as `1h`: they say whose the 5xx are
    #[arg(long, value_name = "DUR", value_parser = lookback)]
    pub metrics: Option<Duration>,
    #[command(flatten)]
    /// Whether targets are asked.
    pub probing: Probing,
    #[command(flatten)]
    /// How to print.
    pub printing: Printing,
    /// What makes the exit code 3
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = ValidateFailOn::FiveXx)]
    pub fail_on: ValidateFailOn,
}

/// `no502 export`
#[derive(Debug, Args)]
pub struct Export {
    /// Load balancers by name
    #[arg(value_name = "LB", required_unless_present = "all")]
    pub load_balancers: Vec<String>,
    /// Every Application Load Balancer of the account and region
    #[arg(long, conflicts_with = "load_balancers")]
    pub all: bool,
    /// Who shall own what is exported; the first load balancer's stack or name without it
    #[arg(long, value_name = "NAME", value_parser = stack)]
    pub stack: Option<String>,
    /// Write the file there instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `no502 explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// A rule (E101, hc-path-mismatch) or a key of the desired-state language
    /// (target_groups.health_check.interval), or words to search rules for; all rules without it
    #[arg(value_name = "RULE or KEY")]
    pub what: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
