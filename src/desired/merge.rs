//! Deep merge of files by map key. Lists and scalars are leaves; the same leaf twice is an error.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::found::Found;
use super::node::{Entry, Node, Value};
use super::problem::Problem;
use crate::model::Span;

/// Merges the trees of all files into one map.
pub(super) fn merge<'t>(trees: Vec<Node<'t>>, found: &Found) -> Vec<Entry<'t>> {
    let mut all = Vec::new();
    for tree in trees {
        match tree.value {
            Value::Map(entries) => into(&mut all, entries, true, found),
            Value::Scalar(_) if tree.is_null() => {}
            Value::Scalar(_) | Value::List(_) => found.push(
                Problem::error(tree.span, format!("a desired file is a map, this is {}", tree.described()))
                    .label("a map is wanted")
                    .hint("begin with `version: 1`"),
            ),
        }
    }
    all
}

fn into<'t>(all: &mut Vec<Entry<'t>>, more: Vec<Entry<'t>>, top: bool, found: &Found) {
    if all.is_empty() {
        *all = more;
        return;
    }
    let index: BTreeMap<Cow<'t, str>, usize> = all.iter().enumerate().map(|(i, e)| (e.key.clone(), i)).collect();
    for entry in more {
        let Some(&at) = index.get(&entry.key) else {
            all.push(entry);
            continue;
        };
        let Some(have) = all.get_mut(at) else { continue };
        // each file may say which version of the language it is written in
        if top && &*entry.key == "version" && have.value.text() == entry.value.text() {
            continue;
        }
        one(have, entry, found);
    }
}

fn one<'t>(have: &mut Entry<'t>, entry: Entry<'t>, found: &Found) {
    let (first, again) = (have.key_span, entry.key_span);
    // an empty section says nothing
    if have.value.is_null() && (entry.value.map().is_some() || entry.value.is_null()) {
        *have = entry;
        return;
    }
    match (&mut have.value.value, entry.value.value) {
        (Value::Map(all), Value::Map(more)) => into(all, more, false, found),
        (Value::Map(_), Value::Scalar(s)) if s.core() == super::node::Core::Null => {}
        (Value::Map(_), Value::Scalar(_) | Value::List(_)) | (Value::Scalar(_) | Value::List(_), Value::Map(_)) => {
            found.push(
                Problem::error(again, format!("`{}` is a map in one place and none in another", entry.key))
                    .label("said again here")
                    .also(first, "first said here")
                    .hint("files merge map by map; write both in the same form"),
            );
        }
        (Value::Scalar(_) | Value::List(_), _) => found.push(twice(&entry.key, first, again)),
    }
}

fn twice(key: &str, first: Span, again: Span) -> Problem {
    Problem::error(again, format!("`{key}` is said in two places"))
        .label("said again here")
        .also(first, "first said here")
        .hint("files merge by key, but each value has one place; keep one of the two")
}
