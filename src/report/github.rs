//! For GitHub Actions: workflow commands, which become annotations, and the outputs of a step.
//!
//! GitHub shows ten annotations of each level from one step and drops the rest without a word, so the last of a level
//! that has more says how many there are. The worst come first.

use super::remark::{FILE, Loudness, Remark, Weight};
use super::whole::Report;

/// So many of a level are shown (GitHub: limits of annotations; the community's discussions 26680 and 68471).
const MOST: usize = 10;
/// The longest message; GitHub cuts beyond it.
const LONGEST: usize = 4_000;

/// The annotations, a line each. Without any, nothing.
pub fn annotations(report: &Report) -> String {
    let mut lines = String::new();
    for level in ["error", "warning", "notice"] {
        let all: Vec<&Remark> = report.remarks.iter().filter(|remark| command(remark) == level).collect();
        let shown = if all.len() > MOST { MOST - 1 } else { all.len() };
        lines.extend(all.iter().take(shown).map(|remark| line(level, remark)));
        if all.len() > shown {
            let more = all.len() - shown;
            let text = format!("{more} more of this level are not shown here; the summary of this job has them");
            lines.push_str(&format!("::{level} title=no502::{text}\n"));
        }
    }
    lines
}

/// What later steps of a job can ask for, a line each.
pub fn outputs(report: &Report, exit_code: u8) -> String {
    let verdict = match report.weight() {
        Weight::None => "clean",
        Weight::Incomplete => "incomplete",
        Weight::Differs => "differs",
        Weight::FiveXx => "5xx",
    };
    let counting = report.remarks.iter().filter(|remark| remark.weight > Weight::None).count();
    let mut lines = format!("exit-code={exit_code}\nverdict={verdict}\ncounting={counting}\n");
    if let Some(turn) = &report.turn {
        let (new, gone) = turn.counted(report);
        lines.push_str(&format!("new={new}\ngone={gone}\nchanged={}\n", turn.tells(report)));
    }
    lines
}

const fn command(remark: &Remark) -> &'static str {
    match (&remark.accepted, remark.loudness) {
        (Some(_), _) | (None, Loudness::Note) => "notice",
        (None, Loudness::Error) => "error",
        (None, Loudness::Warning) => "warning",
    }
}

fn line(command: &str, remark: &Remark) -> String {
    let mut properties = Vec::new();
    if let Some(at) = &remark.at {
        properties.push(format!("file={}", property(&at.from.file)));
        properties.push(format!("line={}", at.from.line));
        properties.push(format!("endLine={}", at.line));
        properties.push(format!("col={}", at.from.column));
        // the last column, not the one after it
        if at.line == at.from.line {
            properties.push(format!("endColumn={}", at.column.saturating_sub(1).max(at.from.column)));
        }
    }
    let name = if remark.code == FILE { "no502".to_owned() } else { format!("no502 {}", remark.code) };
    properties.push(format!("title={}", property(&name)));
    let mut message = remark.title.clone();
    if let Some((also, label)) = &remark.also {
        message.push_str(&format!(" ({label}: {})", also.from));
    }
    let accepted = remark.accepted.as_ref().map(|accepted| accepted.because.as_str()).unwrap_or_default();
    for more in [remark.rest().as_str(), accepted].into_iter().filter(|more| !more.is_empty()) {
        message.push_str(&format!("\n{more}"));
    }
    let message: String = message.chars().take(LONGEST).collect();
    format!("::{command} {}::{}\n", properties.join(","), escape(&message))
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
