//! Values in a few words: as a difference shows them.

use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};

use super::layout::{clean, shorten, width};
use crate::model::FieldPath;

/// Last words of field paths whose numbers are seconds.
const SECONDS: [&str; 9] = [
    "idle_timeout",
    "client_keep_alive",
    "deregistration_delay",
    "slow_start",
    "interval",
    "timeout",
    "session_timeout",
    "duration",
    "stickiness",
];

/// A value of a field in one line.
pub fn in_words(path: &FieldPath, value: &Value) -> String {
    seconds(path, value).map_or_else(|| words(value), spoken)
}

/// The seconds in a value of a field that is a duration. Attributes are texts.
fn seconds(path: &FieldPath, value: &Value) -> Option<u64> {
    let last = path.as_str().rsplit('.').next().unwrap_or_default();
    if path.as_str().starts_with("tags.") || !SECONDS.contains(&last) {
        return None;
    }
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn spoken(seconds: u64) -> String {
    match seconds {
        s if s >= 3600 && s % 3600 == 0 => format!("{}h", s / 3600),
        s if s >= 600 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(text) => text_in_words(text),
        Value::Array(items) if items.is_empty() => "(none)".to_owned(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(map) => object(map),
    }
}

fn object(map: &Map<String, Value>) -> String {
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    if let Some(state) = text("state") {
        // a target's health
        let more = ["reason", "description"].into_iter().filter_map(text);
        return std::iter::once(state).chain(more).map(|part| clean(part).into_owned()).collect::<Vec<_>>().join(" ");
    }
    match (map.len(), map.iter().next()) {
        (0, _) | (_, None) => "(none)".to_owned(),
        (1, Some((key, Value::Object(redirect)))) if key == "redirect" => self::redirect(redirect),
        (1, Some((key, Value::Object(response)))) if key == "fixed_response" => {
            let part = |key: &str| response.get(key).filter(|v| !v.is_null()).map(|v| format!(" {}", words(v)));
            format!("fixed response{}{}", part("status").unwrap_or_default(), part("body").unwrap_or_default())
        }
        (1, Some((key, value))) => format!("{} {}", clean(key), words(value)),
        _ => map.iter().map(|(key, value)| format!("{} {}", clean(key), words(value))).collect::<Vec<_>>().join(", "),
    }
}

/// `redirect 301 to https://shop.example.com:443/new`, of which only what is declared.
fn redirect(parts: &Map<String, Value>) -> String {
    let part = |key: &str| parts.get(key).map(|v| clean(v.as_str().unwrap_or_default()).into_owned());
    let status = parts.get("status").map(words).unwrap_or_default();
    let mut to = part("protocol").map(|p| p.to_lowercase()).unwrap_or_default();
    if let Some(host) = part("host") {
        to = if to.is_empty() { host } else { format!("{to}://{host}") };
    }
    to.extend(part("port").map(|port| format!(":{port}")));
    to.extend(part("path"));
    to.extend(part("query").map(|query| format!("?{query}")));
    if to.is_empty() { format!("redirect {status}") } else { format!("redirect {status} to {to}") }
}

/// A text as it is, in quotes where one could not see its ends.
fn text_in_words(text: &str) -> String {
    let odd = |c: char| c.is_control() || c == '"';
    if text.is_empty() || text.trim() != text || text.contains(odd) || text.contains("  ") {
        format!("\"{}\"", clean(&text.replace('\\', "\\\\").replace('"', "\\\"")))
    } else {
        clean(text).into_owned()
    }
}

/// `live → desired` in at most so many columns; of lists only what comes and goes if the whole is too long.
pub fn change_in_words(path: &FieldPath, live: &Value, desired: &Value, room: usize) -> String {
    let (was, will) = (in_words(path, live), in_words(path, desired));
    if matches!(path.as_str(), "ingress" | "egress") {
        return shorten(&traffic(live, desired), room);
    }
    let whole = format!("{was} → {will}");
    if width(&whole) <= room {
        return whole;
    }
    if let (Value::Array(old), Value::Array(new)) = (live, desired) {
        let missing = |from: &[Value], list: &[Value], sign: &str| -> Vec<String> {
            from.iter().filter(|item| !list.contains(item)).map(|item| format!("{sign}{}", words(item))).collect()
        };
        let moved = [missing(new, old, "+"), missing(old, new, "-")].concat().join(", ");
        return shorten(&moved, room);
    }
    let half = room.saturating_sub(3) / 2;
    let (was_room, will_room) = match (width(&was), width(&will)) {
        (short, _) if short <= half => (short, room.saturating_sub(3 + short)),
        (_, short) if short <= half => (room.saturating_sub(3 + short), short),
        _ => (half, half),
    };
    format!("{} → {}", shorten(&was, was_room), shorten(&will, will_room))
}

/// Of the rules of a security group what comes and what goes; the many that stay are not shown. One that is only
/// described anew is no loss.
fn traffic(live: &Value, desired: &Value) -> String {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (old, new) = (list(live), list(desired));
    let bare = |rule: &Value| words(rule).split(" (").next().unwrap_or_default().to_owned();
    let kept: Vec<String> = new.iter().map(&bare).collect();
    let comes = new.iter().filter(|rule| !old.contains(rule)).map(|rule| format!("+ {}", words(rule)));
    let goes = old.iter().filter(|rule| !kept.contains(&bare(rule))).map(|rule| format!("- {}", words(rule)));
    comes.chain(goes).collect::<Vec<_>>().join(", ")
}

/// One line of a comparison of two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextLine {
    /// Only live.
    Gone(String),
    /// Only desired.
    New(String),
    /// On both sides.
    Same(String),
}

/// Two texts of several lines, compared line by line; `None` unless one of them has several lines.
pub fn line_diff(live: &Value, desired: &Value) -> Option<Vec<TextLine>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some(String::new()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let (old, new) = (text(live)?, text(desired)?);
    if old.trim_end().lines().count().max(new.trim_end().lines().count()) < 2 {
        return None;
    }
    let diff = TextDiff::from_lines(old.as_str(), new.as_str());
    let line = |value: &str| clean(value.trim_end_matches(['\n', '\r'])).into_owned();
    let lines = diff.iter_all_changes().map(|change| match change.tag() {
        ChangeTag::Delete => TextLine::Gone(line(change.value())),
        ChangeTag::Insert => TextLine::New(line(change.value())),
        ChangeTag::Equal => TextLine::Same(line(change.value())),
    });
    Some(lines.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_short_and_harmless() {
        let at = |path: &str, value: Value| in_words(&path.into(), &value);
        assert_eq!(at("health_check.path", json!("/health")), "/health");
        assert_eq!(at("idle_timeout", json!("60")), "60s");
        assert_eq!(at("client_keep_alive", json!("3600")), "1h");
        assert_eq!(at("stickiness", json!("true")), "true");
        assert_eq!(at("tags.timeout", json!("60")), "60");
        assert_eq!(at("forward", json!({"blue": 90, "green": 10})), "blue 90, green 10");
        assert_eq!(at("default", json!({"redirect": {"protocol": "HTTPS", "status": 301}})), "redirect 301 to https");
        assert_eq!(at("x", Value::Null), "(none)");
        assert_eq!(at("x", json!("")), "\"\"");
        assert_eq!(at("x", json!("no such site")), "no such site");
        assert_eq!(at("x", json!(" a\u{1b}[2J")), "\" a\\u{1b}[2J\"");
        assert_eq!(at("when.header", json!([{"X-Origin": ["(secret from env S)"]}])), "X-Origin (secret from env S)");
    }

    #[test]
    fn changes_fit_their_room() {
        let path = "x".into();
        let (a, b) = (json!("a".repeat(80)), json!("b"));
        assert_eq!(width(&change_in_words(&path, &a, &b, 30)), 30);
        let (old, new) =
            (json!(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]), json!(["10.0.0.0/8", "172.16.0.0/12"]));
        assert_eq!(change_in_words(&path, &old, &new, 40), "-192.168.0.0/16");
    }

    #[test]
    fn of_traffic_only_what_moves_is_shown() {
        let path = "ingress".into();
        let said = |old: &[&str], new: &[&str]| change_in_words(&path, &json!(old), &json!(new), 200);
        let (http, https) = ("tcp 80 0.0.0.0/0", "tcp 443 0.0.0.0/0");
        assert_eq!(said(&[http], &[http, https]), format!("+ {https}"));
        assert_eq!(said(&[http, https], &[https]), format!("- {http}"), "what is revoked");
        assert_eq!(said(&[http], &[https]), format!("+ {https}, - {http}"));
        let described = "tcp 80 0.0.0.0/0 (the internet)";
        assert_eq!(said(&[http], &[described]), format!("+ {described}"), "described anew, nothing is lost");
        assert_eq!(said(&[described], &[]), format!("- {described}"));
        assert_eq!(said(&[http], &[http]), "");
        let one = change_in_words(&"egress".into(), &json!(["all traffic 0.0.0.0/0"]), &json!([]), 200);
        assert_eq!(one, "- all traffic 0.0.0.0/0");
        assert_eq!(width(&change_in_words(&path, &json!([http, https]), &json!([]), 24)), 24);
    }

    #[test]
    fn long_texts_are_compared_by_line() {
        let lines = line_diff(&json!("a\nb\n"), &json!("a\nc\n")).unwrap();
        assert_eq!(lines, [TextLine::Same("a".into()), TextLine::Gone("b".into()), TextLine::New("c".into())]);
        assert_eq!(line_diff(&json!("a"), &json!("b")), None);
    }
}
