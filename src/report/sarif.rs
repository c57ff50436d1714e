//! SARIF 2.1.0, the part of it that code scanning reads: results with their rules and places.
//!
//! Code scanning shows only results that have a place: what concerns no line stands at the beginning of the first file. It
//! takes 5,000 results of a run; what is beyond is counted in a notification.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::json::TOOL_VERSION;
use super::remark::{FILE, Loudness, Region, Remark};
use super::whole::Report;
use crate::rules::explain::paragraphs;
use crate::rules::find;

/// More results than this are not shown (GitHub: "SARIF support for code scanning", limits).
const MOST: usize = 5_000;

/// What the codes that are no rule's mean.
const CODES: [(&str, &str); 9] = [
    (FILE, "a desired file cannot be used as it is, or is doubtful"),
    ("drift", "AWS was changed since the last apply"),
    ("pending", "the files were changed and not applied yet"),
    ("both", "the files and AWS were changed since the last apply"),
    ("unadopted", "a resource differs that this stack never applied or adopted"),
    ("orphaned", "this stack made it, and no file mentions it any more"),
    ("gap", "part of the live view could not be read"),
    ("undeclared", "a live setting that is not AWS's default stands in no file"),
    ("unmanaged", "a live resource under a declared one stands in no file"),
];

/// The document.
pub fn document(report: &Report) -> Value {
    let remarks: Vec<&Remark> = report.remarks.iter().take(MOST).collect();
    let mut codes: Vec<&str> = remarks.iter().map(|r| r.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let results: Vec<Value> = remarks
        .iter()
        .map(|remark| {
            let again = seen.entry(&remark.id).and_modify(|n| *n += 1).or_insert(0);
            result(report, remark, codes.iter().position(|code| *code == remark.code), *again)
        })
        .collect();
    let mut run = json!({
        "tool": { "driver": {
            "name": "no502",
            "version": TOOL_VERSION,
            "semanticVersion": TOOL_VERSION,
            "rules": codes.iter().map(|code| rule(code)).collect::<Vec<_>>(),
        } },
        // columns count characters, not UTF-16 units
        "columnKind": "unicodeCodePoints",
        "results": results,
    });
    if let Some(more) = report.remarks.len().checked_sub(MOST).filter(|more| *more > 0) {
        let text = format!("{more} more remarks, of less weight, are not among the results");
        let notification = json!({ "level": "note", "message": { "text": text } });
        run["invocations"] = json!([{ "executionSuccessful": true, "toolExecutionNotifications": [notification] }]);
    }
    json!({ "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run] })
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
                "defaultConfiguration": { "level": Loudness::of(rule.severity).as_str() },
            })
        }
        None => {
            let known = CODES.iter().find(|(name, _)| *name == code);
            let text = known.map_or("what no502 does not change, or says of a difference", |(_, text)| text);
            let level = if code == FILE { Loudness::Error } else { Loudness::Warning };
            json!({
                "id": code,
                "name": code,
                "shortDescription": { "text": text },
                "defaultConfiguration": { "level": level.as_str() },
            })
        }
    }
}

fn result(report: &Report, remark: &Remark, index: Option<usize>, again: usize) -> Value {
    let rest = remark.rest();
    let text = if rest.is_empty() { remark.title.clone() } else { format!("{}\n{rest}", remark.title) };
    let mut result = json!({
        "ruleId": remark.code,
        "level": remark.loudness.as_str(),
        "message": { "text": text },
        "partialFingerprints": { "no502/v1": format!("{}#{again}", remark.id) },
    });
    if let Some(index) = index {
        result["ruleIndex"] = json!(index);
    }
    if let Some(accepted) = &remark.accepted {
        let kind = if accepted.in_source { "inSource" } else { "external" };
        result["suppressions"] = json!([{ "kind": kind, "justification": accepted.because }]);
    }
    match (&remark.at, &report.first_file) {
        (Some(at), _) => result["locations"] = json!([{ "physicalLocation": place(at) }]),
        (None, Some(file)) => {
            let region = json!({ "startLine": 1 });
            let place = json!({ "artifactLocation": { "uri": uri(file) }, "region": region });
            result["locations"] = json!([{ "physicalLocation": place }]);
        }
        (None, None) => {}
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
