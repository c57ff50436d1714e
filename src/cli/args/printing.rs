//! How a command prints, and which reports it leaves in files besides.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// For comments, summaries and issues; 64 KiB at most.
    Markdown,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for CI systems that show tests.
    Junit,
    /// Annotations of GitHub Actions; also appends to `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT` where they are set.
    Github,
}

/// What a command leaves.
#[derive(Clone, Debug, Args)]
pub struct Printing {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
    /// Also write a report to a file, from the same run; repeatable
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = report)]
    pub reports: Vec<(ReportFormat, PathBuf)>,
}

fn report(text: &str) -> Result<(ReportFormat, PathBuf), String> {
    let formats = "text, json, markdown, sarif, junit or github";
    let (format, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or_else(|| format!("write FORMAT=FILE; FORMAT is {formats}"))?;
    let format = ReportFormat::from_str(format, false).map_err(|_| format!("`{format}` is none of {formats}"))?;
    Ok((format, PathBuf::from(file)))
}
