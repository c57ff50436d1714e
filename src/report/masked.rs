//! Source lines without the secrets that somebody wrote into them: whatever an error is about, a line that it shows may
//! hold one.
//!
//! What stands behind a key that bears a secret goes, unless it is a reference, `{ env: NAME }` or `{ file: PATH }`.
//! This knows lines, not YAML: it would rather hide too much.

use std::borrow::Cow;
use std::ops::Range;

/// Keys whose value is a secret.
const BEARING: [&str; 2] = ["client_secret", "private_key"];
/// Keys that a reference has, whose values are none.
const REFERRING: [&str; 2] = ["env", "file"];
/// What stands there instead. Its length says nothing.
const MASK: &str = "(hidden)";

/// A part of a text without secrets, and the range in it that was `mark` in the part. `text` is what is looked at: more
/// than the part, which may begin within a secret.
pub(super) fn masked<'t>(text: &'t str, part: Range<usize>, mark: Range<usize>) -> (Cow<'t, str>, Range<usize>) {
    let within = |range: &Range<usize>| range.start < part.end && part.start < range.end;
    let secrets: Vec<Range<usize>> = secrets(text).into_iter().filter(within).collect();
    let whole = text.get(part.clone()).unwrap_or_default();
    let absolute = part.start + mark.start..part.start + mark.end;
    if secrets.is_empty() {
        return (Cow::Borrowed(whole), mark);
    }
    let mut out = String::with_capacity(whole.len());
    let mut at = part.start;
    let (mut from, mut to) = (None, None);
    for secret in secrets {
        let before = text.get(at..secret.start.max(at)).unwrap_or_default();
        let place = |n: usize, out: &str| (at..=secret.start).contains(&n).then(|| out.len() + n - at);
        from = from.or_else(|| place(absolute.start, &out));
        to = to.or_else(|| place(absolute.end, &out));
        out.push_str(before);
        // what is marked within a secret is marked as a whole
        from = from.or_else(|| secret.contains(&absolute.start).then_some(out.len()));
        out.push_str(MASK);
        to = to.or_else(|| (secret.start < absolute.end && absolute.end <= secret.end).then_some(out.len()));
        at = secret.end.min(part.end);
    }
    let rest = text.get(at..part.end).unwrap_or_default();
    let from = from.unwrap_or_else(|| out.len() + absolute.start.saturating_sub(at));
    let to = to.unwrap_or_else(|| out.len() + absolute.end.saturating_sub(at));
    out.push_str(rest);
    let to = to.min(out.len());
    (Cow::Owned(out), from.min(to)..to)
}

/// Where secrets stand in a line.
fn secrets(line: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let places = BEARING.iter().flat_map(|key| line.match_indices(key).map(move |(at, _)| at + key.len()));
    let mut places: Vec<usize> = places.collect();
    places.sort_unstable();
    for after in places {
        let inside = found.last().is_some_and(|before| after < before.end);
        let Some(start) = value(line, after).filter(|_| !inside) else { continue };
        let flow = line[..after].contains('{');
        let end = start + extent(&line[start..], flow);
        let value = &line[start..end];
        match value.strip_prefix('{') {
            Some(inner) => found.extend(written_out(inner).into_iter().map(|r| r.start + start + 1..r.end + start + 1)),
            None if value.trim().is_empty() => {}
            None => found.push(start..start + value.trim_end().len()),
        }
    }
    // references to the values of headers stand behind any key
    for (at, _) in line.match_indices('{') {
        let end = at + extent(&line[at..], true);
        let inner = line.get(at + 1..end).unwrap_or_default();
        let refers = members(inner).iter().any(|(key, _)| REFERRING.contains(key));
        let literal = members(inner).into_iter().filter(|(key, _)| refers && *key == "value");
        found.extend(literal.map(|(_, r)| r.start + at + 1..r.end + at + 1));
    }
    found.sort_by_key(|range| range.start);
    found.dedup();
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// Where the value begins of a key that ends here.
fn value(line: &str, after: usize) -> Option<usize> {
    let rest = line.get(after..)?;
    let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest).trim_start();
    let rest = rest.strip_prefix(':')?.trim_start();
    Some(line.len() - rest.len())
}

/// How far a value reaches: to its closing quote or brace, else in a map of one line to its end, else to the line's.
fn extent(value: &str, flow: bool) -> usize {
    let closing = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].find(quote).map(|at| at + 2),
        Some('{') => value.find('}').map(|at| at + 1),
        Some(_) if flow => value.find([',', '}']),
        Some(_) | None => None,
    };
    closing.unwrap_or(value.len())
}

/// What of a map of one line is neither a reference nor the map's end.
fn written_out(inner: &str) -> Vec<Range<usize>> {
    let members = members(inner);
    if members.is_empty() {
        let text = inner.trim_end().trim_end_matches('}').trim_end();
        return std::iter::once(0..text.len()).filter(|range| !range.is_empty()).collect();
    }
    members.into_iter().filter(|(key, _)| !REFERRING.contains(key)).map(|(_, range)| range).collect()
}

/// The keys of a map of one line, and where their values are.
fn members(inner: &str) -> Vec<(&str, Range<usize>)> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(colon) = inner[at..].find(':').map(|n| at + n) {
        let key = inner[at..colon].trim_matches([' ', ',', '"', '\'', '{']);
        let start = colon + 1 + (inner[colon + 1..].len() - inner[colon + 1..].trim_start().len());
        let end = start + extent(&inner[start..], true);
        let text = inner[start..end].trim_end_matches([' ', '}']);
        all.push((key, start..start + text.len()));
        at = end.max(colon + 1);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        masked(line, 0..line.len(), 0..0).0.into_owned()
    }

    #[test]
    fn what_stands_behind_a_key_that_bears_a_secret_is_hidden() {
        for (line, expected) in [
            ("client_secret: hunter2", "client_secret: (hidden)"),
            ("client_secret: hunter2, and more", "client_secret: (hidden)"),
            ("{ client_secret: \"hunter2, x\", bogus: 1 }", "{ client_secret: (hidden), bogus: 1 }"),
            ("{ client_secret: hunter2, bogus: 1 }", "{ client_secret: (hidden), bogus: 1 }"),
            (r#"{"client_secret":"hunter2","bogus":1}"#, r#"{"client_secret":(hidden),"bogus":1}"#),
            ("client_secret: a, client_secret: b", "client_secret: (hidden)"),
            ("{ client_secret: a, client_secret: b }", "{ client_secret: (hidden), client_secret: (hidden) }"),
            ("private_key: \"not closed", "private_key: (hidden)"),
            ("client_secret: { env: A, value: hunter2 }", "client_secret: { env: A, value: (hidden) }"),
            ("client_secret: { hunter2 }", "client_secret: {(hidden) }"),
            ("X-Key: [ { env: A, value: hunter2 } ]", "X-Key: [ { env: A, value: (hidden) } ]"),
            ("client_secret: { env: A }, bogus: 1", "client_secret: { env: A }, bogus: 1"),
            ("import: { private_key: { file: k.pem } }", "import: { private_key: { file: k.pem } }"),
            ("client_secret:", "client_secret:"),
            ("the word client_secret alone", "the word client_secret alone"),
            ("variables: { env: dev, domain: x }", "variables: { env: dev, domain: x }"),
        ] {
            assert_eq!(shown(line), expected);
        }
    }

    #[test]
    fn a_place_keeps_its_words() {
        let line = "{ client_secret: \"hunter2\", bogus: 1 }";
        let marked = |words: &str| {
            let at = line.find(words).unwrap();
            let (text, range) = masked(line, 0..line.len(), at..at + words.len());
            text[range].to_owned()
        };
        for words in ["client_secret", "bogus", "1", "{"] {
            assert_eq!(marked(words), words);
        }
        assert_eq!(marked("hunter2"), MASK);
        assert_eq!(marked("secret: \"hunter2\", bo"), "secret: (hidden), bo");
        // the part that is shown begins within the secret
        let at = line.find("ter2").unwrap();
        let (text, range) = masked(line, at..line.len(), 7..12);
        assert_eq!((&*text, &text[range]), ("(hidden), bogus: 1 }", "bogus"));
    }
}
