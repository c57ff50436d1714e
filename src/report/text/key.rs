//! A key of the desired-state language for people.

use super::page::Page;
use crate::desired::Key;
use crate::report::Look;
use crate::report::layout::pad;
use crate::report::paint::{FAINT, HEADING};

/// A key's documentation.
pub fn key(key: &Key, look: &Look) -> String {
    let mut page = Page::new(look);
    let title = page.paint(HEADING, &key.path);
    page.line(&title);
    page.wrapped(2, &key.meaning);
    page.blank();
    let mut facts = vec![("takes", key.takes.clone())];
    if key.required {
        facts.push(("required", "yes".to_owned()));
    }
    facts.extend(key.default.iter().map(|text| ("without it", text.clone())));
    facts.extend(key.example.iter().map(|text| ("example", (*text).to_owned())));
    facts.extend(key.change.iter().map(|text| ("to change it", (*text).to_owned())));
    if !key.excludes.is_empty() {
        facts.push(("not with", key.excludes.join(", ")));
    }
    facts.extend(key.attribute.iter().map(|text| ("AWS's key", (*text).to_owned())));
    facts.extend(key.source.iter().map(|text| ("source", (*text).to_owned())));
    for (what, text) in facts.iter().filter(|(_, text)| !text.is_empty()) {
        let what = page.paint(FAINT, &pad(what, 13));
        page.line(&format!("  {what}{text}"));
    }
    if !key.keys.is_empty() {
        page.blank();
        page.line("Keys within it:");
        let width = key.keys.iter().map(|k| k.key.len()).max().unwrap_or(0);
        for sub in &key.keys {
            page.line(&format!("  {}  {}", pad(&sub.key, width), sub.meaning));
        }
    }
    page.text()
}
