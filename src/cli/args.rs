//! The command line. Names and meanings are stable: scripts and CI jobs depend on them.

mod checking;
mod printing;
mod probe;
mod reading;
mod recorded;
mod running;
mod typed;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::Address;

pub use checking::{Check, FailOn, Validate, ValidateFailOn};
pub use printing::{Printing, ReportFormat};
pub use probe::{Probe, ProbeDepth, Probing};
pub use reading::{Diagnose, Explain, Export};
pub use recorded::{Rollback, Runs, Show, Unlock};
pub use running::{Liftable, Running};

/// Finds and closes the differences between AWS Application Load Balancers and the files that describe
/// them, and says which of them make clients see 502, 503 or 504.
#[derive(Debug, Parser)]
#[command(name = "no502", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// The exit codes, as `--help` and the README show them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done, or nothing to do; clean
  1    error: usage, invalid file, AWS failure, defect
  2    differences (check; plan --detailed-exitcode); apply left something open
  3    as 2, and clients can see 5xx; or a finding says that they do
  4    the live view is incomplete, and what was seen is clean
  5    apply stopped part-way; running it again continues
  6    refused: wrong account, stale plan, foreign owner, blast radius, locked, \"no\" at the prompt
  130  interrupted (143: terminated)";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Profile of the AWS configuration files
    #[arg(long, global = true, value_name = "NAME", help_heading = "AWS")]
    pub profile: Option<String>,
    /// Region; must agree with the files
    #[arg(long, global = true, value_name = "REGION", help_heading = "AWS")]
    pub region: Option<String>,
    /// Endpoint for every AWS service, such as an emulator's
    #[arg(long, global = true, value_name = "URL", value_parser = endpoint, help_heading = "AWS")]
    pub endpoint_url: Option<String>,
    /// Role to assume
    #[arg(long, global = true, value_name = "ARN", help_heading = "AWS")]
    pub assume_role: Option<String>,
    /// External id that the role asks for
    #[arg(long, global = true, value_name = "ID", requires = "assume_role", help_heading = "AWS")]
    pub external_id: Option<String>,
    /// ELB calls per second; the whole account shares AWS's limit of 10
    #[arg(long, global = true, value_name = "N", value_parser = rate, help_heading = "AWS")]
    pub max_rps: Option<f64>,
    /// A variable of the files; repeatable
    #[arg(long = "var", global = true, value_name = "NAME=VALUE", value_parser = variable)]
    pub vars: Vec<(String, String)>,
    /// A YAML or JSON file of variables; repeatable
    #[arg(long = "var-file", global = true, value_name = "FILE")]
    pub var_files: Vec<PathBuf>,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Print no notes and no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print more; twice: also log what is called
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Go to this folder first
    #[arg(long, global = true, value_name = "DIR")]
    pub chdir: Option<PathBuf>,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

fn stack(text: &str) -> Result<String, String> {
    let valid = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if valid { Ok(text.to_owned()) } else { Err("letters, digits, `.`, `_` and `-`, at most 64".to_owned()) }
}

/// A time for which CloudWatch keeps minutes.
fn lookback(text: &str) -> Result<Duration, String> {
    let asked = duration(text)?;
    let range = Duration::from_secs(60)..=Duration::from_secs(14 * 24 * 3600);
    if range.contains(&asked) { Ok(asked) } else { Err("1m to 336h, which is 14 days".to_owned()) }
}

fn endpoint(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() => Ok(text.to_owned()),
        _ => Err("write a URL that begins with http:// or https://, such as http://localhost:4566".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.01..=1000.0).contains(&rate) => Ok(rate),
        _ => Err("a number from 0.01 to 1000".to_owned()),
    }
}

/// A time that a run can wait.
fn patience(text: &str) -> Result<Duration, String> {
    let asked = duration(text)?;
    if asked <= Duration::from_secs(7 * 24 * 3600) {
        Ok(asked)
    } else {
        Err("at most 168h, which is 7 days".to_owned())
    }
}

/// A duration: `30s`, `5m`, `1h`, or seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        Some((at, _)) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("write 30s, 5m, 1h or a number of seconds".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "write 30s, 5m, 1h or a number of seconds".to_owned())?;
    number.checked_mul(factor).map(Duration::from_secs).ok_or_else(|| "too long".to_owned())
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check files without calling AWS: syntax, limits, cross-field rules, 5xx rules
    Validate(Validate),
    /// Show what differs, which differences make clients see 5xx, and the steps that would close them
    Plan(Plan),
    /// Show the plan, ask, run it, and verify that nothing is left
    Apply(Apply),
    /// The scheduled drift check: read-only, quiet, for CI
    Check(Check),
    /// Undo a recorded run through the same plan and gates
    Rollback(Rollback),
    /// List the recorded runs
    Runs(Runs),
    /// Remove a lock that nobody holds any more
    Unlock(Unlock),
    /// Show a saved plan
    Show(Show),
    /// Mark live resources that match the files as managed by this stack; change nothing else
    Adopt(Adopt),
    /// Write a desired file for load balancers that exist; it plans empty
    Export(Export),
    /// Ask real targets what a load balancer would ask them, and say which 5xx that leads to
    Probe(Probe),
    /// Say why load balancers answer with 5xx now, worst cause first; needs no file
    Diagnose(Diagnose),
    /// Explain a 5xx rule or a key of the desired-state language, or list all rules
    Explain(Explain),
    /// Print the JSON Schema of the desired-state language, or of the JSON reports
    Schema {
        /// Of what `--format json` prints
        #[arg(long)]
        reports: bool,
    },
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual: the program's page and one for each command
    Man,
    /// Print the smallest IAM policy for plan, check, diagnose and export, or for all commands
    IamPolicy {
        /// Also what apply, adopt, rollback and unlock need
        #[arg(long)]
        apply: bool,
    },
}

/// Which files, for every command that takes some.
#[derive(Clone, Debug, Args)]
pub struct Files {
    /// Files or folders (`*.yaml`, `*.yml`); `-` is standard input
    #[arg(value_name = "PATH", default_value = "desired")]
    pub paths: Vec<PathBuf>,
}

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Which part of a diff.
#[derive(Clone, Debug, Args)]
pub struct Part {
    /// Only these resources and what they need; `*` matches anything; repeatable
    #[arg(long = "target", value_name = "ADDRESS")]
    pub targets: Vec<String>,
    /// Only differences that can make clients see 5xx
    #[arg(long)]
    pub only_5xx: bool,
}

/// Which differences are accepted, for commands that show or close some.
#[derive(Clone, Debug, Args)]
pub struct Accepting {
    /// Differences that are accepted for a while, each with a reason, an owner and an end: they are said, do not count,
    /// and are left alone
    #[arg(long, value_name = "FILE")]
    pub ignore: Option<PathBuf>,
}

/// Which secrets are sent, for commands that may send some.
#[derive(Clone, Debug, Args)]
pub struct Rotate {
    /// Send this resource's secrets again, though their presence is all that can be compared; repeatable
    #[arg(long = "rotate", value_name = "ADDRESS")]
    pub rotate: Vec<Address>,
}

/// `no502 plan`
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    /// Which files.
    pub files: Files,
    #[command(flatten)]
    /// Which part.
    pub part: Part,
    #[command(flatten)]
    /// Which secrets.
    pub rotate: Rotate,
    #[command(flatten)]
    /// Whether targets are asked.
    pub probing: Probing,
    #[command(flatten)]
    /// What is accepted.
    pub accepting: Accepting,
    #[command(flatten)]
    /// How to print.
    pub printing: Printing,
    /// Exit with 2 or 3 where there are differences
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Save the plan, for `apply FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Lift one guard in the saved plan; repeatable
    #[arg(long = "dangerous-allow", value_name = "GUARD", value_enum, requires = "out")]
    pub allow: Vec<Liftable>,
}

/// `no502 apply`
#[derive(Clone, Debug, Args)]
pub struct Apply {
    #[command(flatten)]
    /// Which files, or what `plan --out` wrote: a saved plan is applied as it is, without asking.
    pub files: Files,
    #[command(flatten)]
    /// Which part.
    pub part: Part,
    #[command(flatten)]
    /// Which secrets.
    pub rotate: Rotate,
    #[command(flatten)]
    /// Whether targets are asked.
    pub probing: Probing,
    #[command(flatten)]
    /// What is accepted.
    pub accepting: Accepting,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    /// How it runs.
    pub running: Running,
    /// Undo the run at once if a step fails
    #[arg(long)]
    pub rollback_on_failure: bool,
}

/// `no502 adopt`
#[derive(Debug, Args)]
pub struct Adopt {
    #[command(flatten)]
    /// Which files.
    pub files: Files,
    /// Do not ask
    #[arg(long, visible_alias = "auto-approve")]
    pub yes: bool,
}
