//! SARIF 2.1.0, the part of it that code scanning reads: results with their rules and places.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Validation;
use super::annotation::{Annotation, FILE, Loudness, Region, of};
use super::json::TOOL_VERSION;
use crate::rules::explain::paragraphs;
use crate::rules::{Severity, find};

/// The document of a validation.
pub fn validate(validation: &Validation<'_>) -> Value {
    let remarks = of(validation);
    let mut codes: Vec<&str> = remarks.iter().map(|r| r.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let results: Vec<Value> = remarks
        .iter()
        .map(|remark| {
            let again = seen.entry(&remark.id).and_modify(|n| *n += 1).or_insert(0);
            result(remark, codes.iter().position(|code| *code == remark.code), *again)
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "no502",
                "version": TOOL_VERSION,
                "semanticVersion": TOOL_VERSION,
                "rules": codes.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            } },
            // columns count characters, not UTF-16 units
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: &str) -> Value {
    match find(code) {
        Some(rule) => {
            let text = paragraphs(rule.explain);
            json!({
                "id": rule.code,
                "name": rule.name,
                "shortDescription": { "text": rule.summary },
                "fullDescription": { "text": text.first().map_or(rule.summary, String::as_str) },
                "help": { "text": text.join("\n\n") },
                "defaultConfiguration": { "level": level(loudness(rule.severity)) },
            })
        }
        None => json!({
            "id": FILE,
            "name": FILE,
            "shortDescription": { "text": "a desired file cannot be used as it is, or is doubtful" },
            "defaultConfiguration": { "level": level(Loudness::Error) },
        }),
    }
}

const fn loudness(severity: Severity) -> Loudness {
    match severity {
        Severity::Critical | Severity::High => Loudness::Error,
        Severity::Medium => Loudness::Warning,
        Severity::Low | Severity::Info => Loudness::Note,
    }
}

const fn level(loudness: Loudness) -> &'static str {
    match loudness {
        Loudness::Error => "error",
        Loudness::Warning => "warning",
        Loudness::Note => "note",
    }
}

fn result(remark: &Annotation, index: Option<usize>, again: usize) -> Value {
    let text =
        if remark.detail.is_empty() { remark.title.clone() } else { format!("{}\n{}", remark.title, remark.detail) };
    let mut result = json!({
        "ruleId": remark.code,
        "level": level(remark.loudness),
        "message": { "text": text },
        "partialFingerprints": { "no502/v1": format!("{}#{again}", remark.id) },
    });
    if let Some(index) = index {
        result["ruleIndex"] = json!(index);
    }
    if let Some(reason) = &remark.accepted {
        result["suppressions"] = json!([{ "kind": "inSource", "justification": reason }]);
    }
    if let Some(at) = &remark.at {
        result["locations"] = json!([{ "physicalLocation": place(at) }]);
    }
    if let Some((also, label)) = &remark.also {
        result["relatedLocations"] =
            json!([{ "id": 1, "physicalLocation": place(also), "message": { "text": label } }]);
    }
    result
}

fn place(at: &Region) -> Value {
    json!({
        "artifactLocation": { "uri": uri(&at.from.file) },
        "region": {
            "startLine": at.from.line,
            "startColumn": at.from.column,
            "endLine": at.line,
            "endColumn": at.column,
        },
    })
}

/// A path as a URI: what is not allowed in one is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.trim_start_matches("./").bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("desired/shop.yaml"), "desired/shop.yaml");
        assert_eq!(uri("./a b/ü.yaml"), "a%20b/%C3%BC.yaml");
        assert_eq!(uri("/etc/a.yaml"), "file:///etc/a.yaml");
    }
}
