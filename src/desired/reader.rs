//! Typed reading of a checked map: values come out, their places are written down.
//!
//! The structural check has already said what is malformed, so that a reader is silent about it:
//! a malformed value reads as `None`. Whether a key is there at all is [`Reader::has`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;

use super::found::Found;
use super::names::{Names, odd_tag};
use super::node::{Core, Entry, Node, Style, find};
use super::problem::Problem;
use super::resolved::Resolved;
use super::shape::{parse_bool, parse_seconds};
use crate::model::attribute::Attribute;
use crate::model::{Address, Fingerprint, Kind, SecretRef, Span, Spec, Text};

/// What all kinds share while a document is read.
pub(super) struct Context<'a> {
    pub found: &'a Found,
    pub names: Names,
    /// Tags that go on everything managed, with their places.
    pub tags: BTreeMap<String, (String, Span)>,
    pub secrets: &'a dyn Fn(&SecretRef, &Path) -> Option<String>,
    pub now: Option<Timestamp>,
    pub out: RefCell<Resolved>,
}

impl Context<'_> {
    /// Adds a resource under its key. Once errors are only counted nothing is kept: the files will be refused,
    /// and what is wrong with each of many thousand resources shall not cost the memory of them all.
    pub fn add(&self, address: &Address, at: Span, spec: impl Into<Spec>) {
        if self.found.full() {
            return;
        }
        self.source(address, "", at);
        self.out.borrow_mut().specs.insert(address.clone(), spec.into());
    }
    /// Writes down where a field stands.
    pub fn source(&self, address: &Address, path: &str, at: Span) {
        if self.found.full() {
            return;
        }
        self.out.borrow_mut().sources.insert(address, path, at);
    }
    /// The folder of the file that a place is in.
    pub fn folder(&self, at: Span) -> PathBuf {
        let out = self.out.borrow();
        let path = out.files.files.get(at.file as usize).map_or("", |f| f.path.as_str());
        Path::new(path).parent().map(Path::to_owned).unwrap_or_default()
    }
    /// A path of a desired file, joined to the file's folder.
    pub fn beside(&self, at: Span, path: &str) -> PathBuf {
        normal(&self.folder(at).join(path))
    }
}

/// A path without `.` and `x/..`, which need no file system to go.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                Some(Component::RootDir) => {}
                _ => out.push(".."),
            },
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => out.push(part),
        }
    }
    out
}

/// A map that is being read for a resource.
#[derive(Clone)]
pub(super) struct Reader<'n, 'c> {
    pub cx: &'c Context<'c>,
    pub address: &'n Address,
    /// The key that the map stands under.
    pub at: Span,
    entries: &'n [Entry<'n>],
    prefix: String,
    /// The value is no map, which was already said: nothing is missing in it.
    broken: bool,
}

impl<'n, 'c> Reader<'n, 'c> {
    /// Reads a resource's map; a value that is no map reads as an empty one.
    pub fn new(cx: &'c Context<'c>, address: &'n Address, entry: &'n Entry<'n>) -> Self {
        let broken = entry.value.map().is_none() && !entry.value.is_null();
        let entries = entry.value.map().unwrap_or_default();
        Self { cx, address, at: entry.key_span, entries, prefix: String::new(), broken }
    }
    /// The same, for a map that stands in a list.
    pub fn item(&self, node: &'n Node<'n>) -> Self {
        let entries = node.map().unwrap_or_default();
        Self { at: node.span, entries, prefix: self.prefix.clone(), broken: node.map().is_none(), ..*self }
    }
    /// The path of a key within the resource.
    pub fn path(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}.{key}", self.prefix) }
    }
    /// The place of a key, if it is there.
    pub fn has(&self, key: &str) -> Option<Span> {
        find(self.entries, key).map(|e| e.key_span)
    }
    /// A key and its value; writes down its place.
    pub fn entry(&self, key: &str) -> Option<&'n Entry<'n>> {
        let entry = find(self.entries, key)?;
        self.cx.source(self.address, &self.path(key), entry.key_span);
        Some(entry)
    }
    /// A value.
    pub fn node(&self, key: &str) -> Option<&'n Node<'n>> {
        self.entry(key).map(|e| &e.value)
    }
    /// Whether the value is no map, which was already said.
    pub const fn broken(&self) -> bool {
        self.broken
    }
    /// All entries.
    pub const fn entries(&self) -> &'n [Entry<'n>] {
        self.entries
    }
    /// The reader of a map under a key.
    pub fn sub(&self, key: &str) -> Option<Reader<'n, 'c>> {
        let entry = self.entry(key)?;
        let entries = entry.value.map()?;
        Some(Self { at: entry.key_span, entries, prefix: self.path(key), broken: false, ..*self })
    }
    /// A text.
    pub fn text(&self, key: &str) -> Option<String> {
        self.node(key).and_then(text_of).map(str::to_owned)
    }
    /// A closed word.
    pub fn word<T: FromStr>(&self, key: &str) -> Option<T> {
        self.node(key).and_then(Node::text).and_then(|t| t.parse().ok())
    }
    /// A number.
    pub fn number(&self, key: &str) -> Option<u32> {
        self.word(key)
    }
    /// A bool.
    pub fn bool(&self, key: &str) -> Option<bool> {
        self.node(key).and_then(Node::text).and_then(parse_bool)
    }
    /// A duration in seconds.
    pub fn seconds(&self, key: &str) -> Option<u32> {
        self.node(key).and_then(Node::text).and_then(|t| parse_seconds(t).ok())
    }
    /// The items of a list or of a single value; `None` if the key is not there.
    pub fn items(&self, key: &str) -> Option<&'n [Node<'n>]> {
        self.node(key).map(Node::items)
    }
    /// Whether `existing: true` is said.
    pub fn existing(&self) -> bool {
        let existing = find(self.entries, "existing").and_then(|e| e.value.text()).and_then(parse_bool);
        if existing == Some(true) {
            self.cx.out.borrow_mut().existing.insert(self.address.clone());
        }
        existing == Some(true)
    }
    /// The tags, with the stack's own unless the resource is somebody else's.
    pub fn tags(&self, existing: bool) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        for entry in self.sub("tags").iter().flat_map(|r| r.entries) {
            if let Some(value) = text_of(&entry.value) {
                self.cx.source(self.address, &format!("tags.{}", entry.key), entry.key_span);
                if self.address.kind != Kind::SecurityGroup
                    && let Some(problem) = odd_tag(entry)
                {
                    self.error(problem);
                }
                tags.insert(entry.key.to_string(), value.to_owned());
            }
        }
        if !existing {
            let all = tags.len() + self.cx.tags.keys().filter(|key| !tags.contains_key(*key)).count();
            // two are our own
            if all > 48 {
                let message = format!("{all} tags and no502's own two are more than AWS's 50 for each resource");
                self.error(Problem::warning(self.at, message).hint("the stack's tags count as well"));
            }
            for (key, (value, at)) in &self.cx.tags {
                if !tags.contains_key(key) {
                    self.cx.source(self.address, &format!("tags.{key}"), *at);
                    tags.insert(key.clone(), value.clone());
                }
            }
        }
        tags
    }
    /// Adds an error.
    pub fn error(&self, problem: Problem) {
        self.cx.found.push(problem);
    }
    /// The place of a key's value; of the key or the map if there is none.
    pub fn value_span(&self, key: &str) -> Span {
        find(self.entries, key).map_or(self.at, |e| e.value.span)
    }
    /// Says that a resource that may have to be created lacks a key.
    pub fn needs(&self, key: &str, noun: &str, why: &str) {
        if self.has(key).is_none() && !self.broken {
            self.error(
                Problem::error(self.at, format!("{noun} `{}` needs `{key}`", self.address.leaf()))
                    .label(format!("`{key}` is missing"))
                    .hint(why.to_owned()),
            );
        }
    }
}

/// The text of a scalar that may stand for text.
pub(super) fn text_of<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    node.scalar().filter(|s| s.core() == Core::Text && s.style != Style::Broken).map(|s| &*s.text)
}

/// A text, plain or `{ env: NAME }` or `{ file: PATH }`.
pub(super) fn maybe_secret(cx: &Context<'_>, node: &Node) -> Option<Text> {
    match secret(cx, node) {
        Some(source) => {
            let value = (cx.secrets)(&source, &cx.folder(node.span));
            let fingerprint = value.map_or_else(Fingerprint::default, |v| Fingerprint::of(&v));
            Some(Text::Secret { source: Some(source), fingerprint })
        }
        None => text_of(node).map(|t| Text::Plain(t.to_owned())),
    }
}

/// A reference to a secret.
pub(super) fn secret(cx: &Context<'_>, node: &Node) -> Option<SecretRef> {
    let entries = node.map()?;
    if let Some(env) = find(entries, "env").and_then(|e| text_of(&e.value)) {
        return Some(SecretRef::Env(env.to_owned()));
    }
    let file = find(entries, "file").and_then(|e| text_of(&e.value))?;
    Some(SecretRef::File(cx.beside(node.span, file).display().to_string()))
}

/// Attributes by AWS's key, from shorthands and from `attributes:`, each said once.
#[derive(Default)]
pub(super) struct Attributes {
    pub values: BTreeMap<String, String>,
    spans: BTreeMap<String, (Span, String)>,
}

impl Attributes {
    /// Sets what a shorthand means.
    pub fn set(&mut self, key: &str, value: Option<impl ToString>, shorthand: &str, at: Option<Span>) {
        if let (Some(value), Some(at)) = (value, at) {
            self.values.insert(key.to_owned(), value.to_string());
            self.spans.insert(key.to_owned(), (at, shorthand.to_owned()));
        }
    }
    /// Where a key was said.
    pub fn span(&self, key: &str) -> Option<Span> {
        self.spans.get(key).map(|s| s.0)
    }
    /// Adds `attributes:`.
    pub fn verbatim(&mut self, reader: &Reader<'_, '_>, table: &'static [Attribute]) {
        for entry in reader.sub("attributes").iter().flat_map(|r| r.entries) {
            if let Some((before, shorthand)) = self.spans.get(&*entry.key) {
                reader.error(
                    Problem::error(entry.key_span, format!("`{}` is said in two places", entry.key))
                        .label("said again here")
                        .also(*before, format!("`{shorthand}` is its shorthand"))
                        .hint("keep one of the two"),
                );
                continue;
            }
            let Some(text) = entry.value.text() else { continue };
            reader.cx.source(reader.address, &Attribute::path_of(table, &entry.key), entry.key_span);
            let known = Attribute::find(table, &entry.key);
            let value = known.map_or_else(|| text.to_owned(), |known| super::attribute::canonical(known.values, text));
            self.values.insert(entry.key.to_string(), value);
            self.spans.insert(entry.key.to_string(), (entry.key_span, entry.key.to_string()));
        }
    }
}
