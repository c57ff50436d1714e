//! Workflow commands of GitHub Actions, a line each: they become annotations of a pull request.

use super::Validation;
use super::annotation::{Annotation, FILE, Loudness, of};

/// The remarks of a validation. Without any, nothing.
pub fn validate(validation: &Validation<'_>) -> String {
    of(validation).iter().map(line).collect()
}

fn line(remark: &Annotation) -> String {
    let command = match (&remark.accepted, remark.loudness) {
        (Some(_), _) | (None, Loudness::Note) => "notice",
        (None, Loudness::Error) => "error",
        (None, Loudness::Warning) => "warning",
    };
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
    for more in [&remark.detail, remark.accepted.as_deref().unwrap_or_default()].into_iter().filter(|m| !m.is_empty()) {
        message.push_str(&format!("\n{more}"));
    }
    format!("::{command} {}::{}\n", properties.join(","), escape(&message))
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
