//! Variables: `${name}` in a scalar, `$${` for a literal `${`. No logic beyond that.

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Found, nearest};
use super::node::{Entry, Node, Scalar, Style, Value, find};
use super::parse::without_duplicates;
use super::problem::Problem;
use super::read;
use crate::model::{Sources, Span};

/// How many bytes of values may be put into the files of a run: as many as a file may have.
const MOST_GROWN: usize = read::MAX_BYTES as usize;
/// For so many names it is thought about what was meant.
const EXPLAINED: usize = 100;

/// The values of variables: those given by the caller over the files' defaults.
pub(super) struct Variables<'a> {
    values: BTreeMap<String, String>,
    given: &'a BTreeMap<String, String>,
    used: BTreeSet<String>,
    /// Names without a value, which was said.
    missing: BTreeSet<String>,
    /// How many bytes of values were put in.
    grown: usize,
    sources: &'a Sources,
    found: &'a Found,
}

impl<'a> Variables<'a> {
    /// Collects defaults from the files' `variables:`.
    pub fn collect(
        trees: &[Node],
        given: &'a BTreeMap<String, String>,
        sources: &'a Sources,
        found: &'a Found,
    ) -> Self {
        let mut values = BTreeMap::new();
        let (mut used, mut missing) = (BTreeSet::new(), BTreeSet::new());
        for tree in trees {
            let defaults = tree.map().and_then(|entries| find(entries, "variables")).and_then(|e| e.value.map());
            for entry in defaults.into_iter().flatten() {
                used.insert(entry.key.to_string());
                let text = entry.value.text().filter(|_| !entry.value.is_null());
                let value = text.and_then(|text| literal(entry, text, found));
                // what is wrong with a value is said at its own place
                if value.is_none() {
                    missing.insert(entry.key.to_string());
                }
                values.extend(value.map(|value| (entry.key.to_string(), value)));
            }
        }
        values.extend(given.iter().map(|(k, v)| (k.clone(), v.clone())));
        Self { values, given, used, missing, grown: 0, sources, found }
    }

    /// Puts values in place of names everywhere but in `variables:` itself.
    pub fn substitute(&mut self, tree: &mut Node) {
        if let Value::Map(entries) = &mut tree.value {
            self.entries(entries, true);
        }
    }

    /// Says which given variables no file uses or declares.
    pub fn report_unused(&self) {
        for (at, name) in self.given.keys().filter(|name| !self.used.contains(*name)).enumerate() {
            let known = self.used.iter().map(String::as_str);
            let problem = Problem::general(format!("no file uses the variable `{name}`"));
            let problem = match if at < EXPLAINED { nearest(name, known) } else { None } {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            };
            self.found.push(Problem { level: super::Level::Warning, ..problem });
        }
    }

    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Scalar(scalar) => self.scalar(scalar, node.span),
            Value::List(items) => items.iter_mut().for_each(|item| self.node(item)),
            Value::Map(entries) => self.entries(entries, false),
        }
    }

    fn entries(&mut self, entries: &mut Vec<Entry<'_>>, top: bool) {
        let mut renamed = false;
        for entry in entries.iter_mut() {
            if holds_one(&entry.key) {
                let mut key = Scalar { text: entry.key.clone(), style: Style::Plain };
                self.scalar(&mut key, entry.key_span);
                entry.key = key.text;
                renamed = true;
            }
            if !(top && &*entry.key == "variables") {
                self.node(&mut entry.value);
            }
        }
        if renamed {
            *entries = without_duplicates(std::mem::take(entries), self.found);
        }
    }

    fn scalar(&mut self, scalar: &mut Scalar, span: Span) {
        if !holds_one(&scalar.text) {
            return;
        }
        let text = std::mem::take(&mut scalar.text);
        let mut out = String::with_capacity(text.len());
        let mut rest: &str = &text;
        let (mut substituted, mut broken) = (false, false);
        while let Some(at) = rest.find("${") {
            if let Some(before) = rest[..at].strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            out.push_str(&rest[..at]);
            let Some(end) = rest[at..].find('}') else {
                self.found.push(
                    Problem::error(self.within(span, &rest[at..]), "a variable is not closed")
                        .label("`}` is missing")
                        .hint("write `$${` for a literal `${`"),
                );
                rest = "";
                broken = true;
                break;
            };
            let whole = &rest[at..=at + end];
            substituted = true;
            match self.value(whole, span) {
                Some(value) => out.push_str(value),
                None => broken = true,
            }
            rest = &rest[at + end + 1..];
        }
        out.push_str(rest);
        scalar.text = if broken { "".into() } else { out.into() };
        scalar.style = match (broken, substituted) {
            (true, _) => Style::Broken,
            (false, true) => Style::Variable,
            (false, false) => scalar.style,
        };
    }

    fn value(&mut self, whole: &str, span: Span) -> Option<&str> {
        let name = &whole[2..whole.len() - 1];
        if !self.used.contains(name) {
            self.used.insert(name.to_owned());
        }
        let Some(value) = self.values.get(name) else {
            // once is enough: they are mended together
            if self.missing.insert(name.to_owned()) {
                self.found.push(self.unknown(whole, name, self.within(span, whole)));
            }
            return None;
        };
        let fitted = self.grown <= MOST_GROWN;
        self.grown = self.grown.saturating_add(value.len());
        if self.grown > MOST_GROWN {
            if fitted {
                let problem = Problem::error(self.within(span, whole), "variables make these files too large");
                let problem = problem.label(format!("more than {} MiB of values", MOST_GROWN >> 20));
                self.found.push(problem.hint("use long values in fewer places"));
            }
            return None;
        }
        Some(value)
    }

    fn unknown(&self, whole: &str, name: &str, at: Span) -> Problem {
        let valid = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if !valid {
            return Problem::error(at, format!("`{whole}` is not a variable"))
                .label("a name has letters, digits, `_` and `-`")
                .hint("there is no logic in variables; write `$${` for a literal `${`");
        }
        let known = self.values.keys().map(String::as_str);
        let near = if self.missing.len() <= EXPLAINED { nearest(name, known) } else { None };
        let problem = Problem::error(at, format!("the variable `{name}` has no value"));
        let problem = match near {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem,
        };
        problem.hint(format!("give it one: `--var {name}=VALUE`, or a default under `variables:`"))
    }

    /// The part of a scalar's place that this text stands at, if the file spells it the same way.
    fn within(&self, span: Span, part: &str) -> Span {
        let text = self.sources.files.get(span.file as usize).map(|f| &f.text);
        let raw = text.and_then(|t| t.get(span.start as usize..span.end as usize));
        match raw.and_then(|raw| raw.find(part)).and_then(|at| u32::try_from(at).ok()) {
            Some(at) => {
                let start = span.start + at;
                Span { start, end: start + u32::try_from(part.len()).unwrap_or(0), ..span }
            }
            None => span,
        }
    }
}

/// What a value says: `$${` is a literal `${`, and there are no variables in it.
fn literal(entry: &Entry<'_>, text: &str, found: &Found) -> Option<String> {
    let is_variable = |(at, _): (usize, &str)| !text[..at].ends_with('$');
    if text.match_indices("${").any(is_variable) {
        let message = format!("the value of the variable `{}` holds a variable", entry.key);
        found.push(
            Problem::error(entry.value.span, message)
                .label("it would be taken literally")
                .hint("write the value out where it is given, or `$${` for a literal `${`"),
        );
        return None;
    }
    Some(text.replace("$${", "${"))
}

/// Whether a text may hold a variable: next to none has even a `$`, and one byte is found faster than two.
fn holds_one(text: &str) -> bool {
    text.as_bytes().contains(&b'$') && text.contains("${")
}

/// The values of a tree that is a map of names to plain values.
pub(super) fn plain(tree: &Node, found: &Found) -> BTreeMap<String, String> {
    let Some(entries) = tree.map() else {
        found.push(
            Problem::error(tree.span, "a variable file is a map of names to plain values").hint("write `name: value`"),
        );
        return BTreeMap::new();
    };
    let mut values = BTreeMap::new();
    for entry in entries {
        match entry.value.text().filter(|_| !entry.value.is_null()) {
            Some(text) => values.extend(literal(entry, text, found).map(|value| (entry.key.to_string(), value))),
            None => found
                .push(Problem::error(entry.value.span, format!("the variable `{}` is not a plain value", entry.key))),
        }
    }
    values
}
