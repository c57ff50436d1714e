//! Where reports go: standard output, the files of `--out` and `--report`, and what GitHub Actions offers a step.
//!
//! All of them are made from one run and one [`Report`]; nothing here decides what they say.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::args::{Printing, ReportFormat};
use super::error::CliError;
use super::terminal::Terminal;
use super::{output, session};
use crate::report::{Look, Report, github, json, junit, markdown, sarif};

/// A report, about to be written in some formats.
pub struct Delivery<'a> {
    /// The report.
    pub report: &'a Report,
    /// What the command ends with.
    pub exit_code: u8,
    /// The command's own text.
    pub text: &'a dyn Fn(&Look) -> String,
    /// The command's own JSON document.
    pub json: &'a dyn Fn() -> String,
    /// The command's own JUnit report, if it has one.
    pub junit: Option<&'a dyn Fn() -> String>,
}

impl Delivery<'_> {
    /// Writes everything that was asked for.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn deliver(&self, printing: &Printing, out: Option<&Path>, terminal: Terminal) -> Result<(), CliError> {
        self.leave(printing, terminal)?;
        let format = printing.format;
        match out {
            Some(path) => file(path, &self.written(format, &output::plain(terminal)), "--out"),
            None => output::data(terminal, &self.written(format, &output::look(terminal))),
        }
    }

    /// Writes what is left besides what is printed: the files of `--report`, and GitHub's where its format is asked for.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn leave(&self, printing: &Printing, terminal: Terminal) -> Result<(), CliError> {
        for (format, path) in &printing.reports {
            file(path, &self.written(*format, &output::plain(terminal)), "--report")?;
        }
        let format = printing.format;
        let all = printing.reports.iter().map(|(format, _)| *format).chain([format]);
        if all.into_iter().any(|format| format == ReportFormat::Github) {
            let summary = || markdown::document(self.report, self.exit_code, markdown::SUMMARY);
            append("GITHUB_STEP_SUMMARY", &summary)?;
            append("GITHUB_OUTPUT", &|| github::outputs(self.report, self.exit_code))?;
        }
        Ok(())
    }

    fn written(&self, format: ReportFormat, look: &Look) -> String {
        match format {
            ReportFormat::Text => (self.text)(look),
            ReportFormat::Json => (self.json)(),
            ReportFormat::Markdown => markdown::document(self.report, self.exit_code, markdown::COMMENT),
            ReportFormat::Sarif => json::to_text(&sarif::document(self.report)),
            ReportFormat::Junit => self.junit.map_or_else(|| junit::document(self.report), |junit| junit()),
            ReportFormat::Github => github::annotations(self.report),
        }
    }
}

/// Whether the format is one that people read as it comes.
pub const fn is_text(printing: &Printing) -> bool {
    matches!(printing.format, ReportFormat::Text)
}

fn file(path: &Path, text: &str, flag: &str) -> Result<(), CliError> {
    let cannot = |e: std::io::Error| CliError::new(format!("cannot write {}: {e}", path.display()));
    std::fs::write(path, text).map_err(|e| cannot(e).hint(format!("choose another {flag}")))
}

/// Adds to the file that an environment variable names, if it names one.
fn append(variable: &str, text: &dyn Fn() -> String) -> Result<(), CliError> {
    let Some(path) = session::variable(variable) else { return Ok(()) };
    let written = OpenOptions::new().create(true).append(true).open(&path);
    let written = written.and_then(|mut file| file.write_all(text().as_bytes()));
    written.map_err(|e| CliError::new(format!("cannot write {path}, which {variable} names: {e}")))
}
