//! YAML text → [`Node`] trees, with exact places and limits.
//!
//! Iterative, so that no nesting overflows the stack. Aliases are copies; how many nodes they may
//! add is limited. A syntax error ends its file; everything else is collected.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use granit_parser::{Event, Parser, ScalarStyle};

use super::found::Found;
use super::node::{Entry, Node, Scalar, Style, Value};
use super::problem::Problem;
use super::syntax;
use crate::model::{Sources, Span};

/// How deep maps and lists may nest; the language itself needs less than half of it.
pub(super) const MAX_DEPTH: usize = 64;
/// How many values a file may have.
const MAX_NODES: usize = 1_000_000;
/// How many values anchors and aliases may copy.
const MAX_ALIASED: usize = 250_000;

/// More workers than this would wait for memory, not for work.
const MOST_WORKERS: usize = 4;

/// Parses files side by side; what is found in them is told in their order, whoever was first.
pub(super) fn all<'t>(files: &[u32], sources: &'t Sources, found: &Found) -> Vec<Option<Vec<Node<'t>>>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let text = sources.files.get(*file as usize).map_or("", |f| &*f.text);
            let found = Found::default();
            done.push((*file, parse(*file, text, &found), found));
        }
        done
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(files.len()).min(MOST_WORKERS);
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(file, ..)| *file);
    let told = done.into_iter().map(|(_, trees, theirs)| {
        found.absorb(theirs);
        trees
    });
    told.collect()
}

/// Parses a file into its documents; `None` after a syntax error.
fn parse<'t>(file: u32, text: &'t str, found: &Found) -> Option<Vec<Node<'t>>> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder::new(file, text, found);
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(0..0);
                let tag = span.tag_span().and_then(|t| t.byte_range());
                if let Err(problem) = builder.event(event, range, tag) {
                    found.push(*problem);
                    return None;
                }
            }
            Err(error) => {
                found.push(syntax::problem(text, &error, |range| builder.span(range)));
                return None;
            }
        }
    }
    Some(builder.documents)
}

/// A map or a list that is not closed yet.
struct Open<'t> {
    start: usize,
    anchor: usize,
    kind: Kind<'t>,
}
enum Kind<'t> {
    List(Vec<Node<'t>>),
    Map {
        entries: Vec<Entry<'t>>,
        /// The key whose value comes next; the inner `None` is a key that is no text.
        key: Option<Option<(Cow<'t, str>, Span)>>,
    },
}

struct Builder<'t, 'a> {
    file: u32,
    text: &'t str,
    found: &'a Found,
    documents: Vec<Node<'t>>,
    open: Vec<Open<'t>>,
    anchors: BTreeMap<usize, Node<'t>>,
    nodes: usize,
    aliased: usize,
    /// The last key that was said to be no text.
    bad_key: Option<Span>,
}

impl<'t, 'a> Builder<'t, 'a> {
    const fn new(file: u32, text: &'t str, found: &'a Found) -> Self {
        Self {
            file,
            text,
            found,
            documents: Vec::new(),
            open: Vec::new(),
            anchors: BTreeMap::new(),
            nodes: 0,
            aliased: 0,
            bad_key: None,
        }
    }

    fn span(&self, range: Range<usize>) -> Span {
        let at = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file: self.file, start: at(range.start), end: at(range.end.max(range.start)) }
    }

    /// The span of what may cover several lines: its first.
    fn first_line(&self, range: Range<usize>) -> Span {
        let text = self.text.get(range.clone()).unwrap_or_default();
        let line = text.find('\n').map_or(text, |end| &text[..end]).trim_end();
        self.span(range.start..range.start + line.len())
    }

    fn event(&mut self, event: Event<'t>, range: Range<usize>, tag: Option<Range<usize>>) -> Result<(), Box<Problem>> {
        if let Some(tag) = tag {
            self.tagged(tag);
        }
        match event {
            Event::Scalar(text, style, anchor, _) => self.scalar(text, style, anchor, range),
            Event::SequenceStart(_, anchor, _) => {
                self.open.push(Open { start: range.start, anchor, kind: Kind::List(Vec::new()) });
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                let kind = Kind::Map { entries: Vec::new(), key: None };
                self.open.push(Open { start: range.start, anchor, kind });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range.end),
            Event::Alias(id) => self.alias(id, range),
            Event::UnresolvedAlias(name) => self.unresolved(&name, range),
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Anchor(..) | Event::Comment(..) | _ => {
                Ok(())
            }
        }
    }

    fn tagged(&self, tag: Range<usize>) {
        let shown = self.text.get(tag.clone()).unwrap_or_default().to_owned();
        self.found.push(
            Problem::error(self.span(tag), format!("YAML tags such as `{shown}` are not part of this language"))
                .hint("remove it; to make a text of a number, quote it"),
        );
    }

    fn scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        anchor: usize,
        range: Range<usize>,
    ) -> Result<(), Box<Problem>> {
        let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
        let span = self.first_line(range);
        self.complete(Node { span, value: Value::Scalar(Scalar { text, style }) }, anchor)
    }

    fn close(&mut self, end: usize) -> Result<(), Box<Problem>> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let span = self.first_line(open.start..end);
        // most are small: what they do not need is given back
        let value = match open.kind {
            Kind::List(mut items) => {
                items.shrink_to_fit();
                Value::List(items)
            }
            Kind::Map { entries, .. } => {
                let mut entries = without_duplicates(with_merge_keys(entries, self.found), self.found);
                entries.shrink_to_fit();
                Value::Map(entries)
            }
        };
        self.complete(Node { span, value }, open.anchor)
    }

    fn alias(&mut self, id: usize, range: Range<usize>) -> Result<(), Box<Problem>> {
        let span = self.span(range);
        let Some(target) = self.anchors.get(&id) else {
            let problem = Problem::error(span, "an anchor cannot hold itself");
            return Err(Box::new(
                problem.label("this alias is inside its own anchor").hint("anchor only the part that is meant"),
            ));
        };
        let target = target.clone();
        self.copied(target.size(), span)?;
        if self.open.len() + target.height() > MAX_DEPTH {
            return Err(Box::new(too_deep(span)));
        }
        self.complete(target, 0)
    }

    /// Counts copies that anchors and aliases make.
    fn copied(&mut self, nodes: usize, span: Span) -> Result<(), Box<Problem>> {
        self.aliased += nodes;
        if self.aliased <= MAX_ALIASED {
            return Ok(());
        }
        Err(Box::new(
            Problem::error(span, "aliases make this file too large")
                .label(format!("more than {MAX_ALIASED} values"))
                .hint("write the values out, or split the file"),
        ))
    }

    fn unresolved(&mut self, name: &str, range: Range<usize>) -> Result<(), Box<Problem>> {
        let span = self.span(range);
        self.found.push(
            Problem::error(span, format!("unknown anchor `{name}`"))
                .label("no `&` with this name comes before it in this file")
                .hint("quote the text if it is no alias: a plain `*` begins one"),
        );
        let value = Value::Scalar(Scalar { text: "".into(), style: Style::Broken });
        self.complete(Node { span, value }, 0)
    }

    /// Puts a finished node where it belongs.
    fn complete(&mut self, node: Node<'t>, anchor: usize) -> Result<(), Box<Problem>> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let problem = Problem::error(node.span, "the file has too many values");
            return Err(Box::new(problem.label(format!("more than {MAX_NODES}")).hint("split it, files merge by key")));
        }
        if anchor > 0 {
            self.copied(node.size(), node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open { kind: Kind::List(items), .. }) => items.push(node),
            Some(Open { kind: Kind::Map { entries, key }, .. }) => match key.take() {
                Some(Some((key, key_span))) => entries.push(Entry { key, key_span, value: node }),
                Some(None) => {}
                None => {
                    // of keys within keys only the innermost is said
                    let inner = self.bad_key.is_some_and(|b| node.span.start <= b.start && b.end <= node.span.end);
                    let span = node.span;
                    let text = key_of(node, (!inner).then_some(self.found));
                    if text.is_none() {
                        self.bad_key = Some(span);
                    }
                    *key = Some(text);
                }
            },
        }
        Ok(())
    }
}

/// The key that a node is; `None` if it is no text.
fn key_of<'t>(node: Node<'t>, found: Option<&Found>) -> Option<(Cow<'t, str>, Span)> {
    match node.value {
        Value::Scalar(scalar) => Some((scalar.text, node.span)),
        Value::List(_) | Value::Map(_) => {
            if let Some(found) = found {
                found.push(
                    Problem::error(node.span, "a key must be a plain text")
                        .hint("quote it, or check the braces: `{{ x }}` is no template here, variables are `${x}`"),
                );
            }
            None
        }
    }
}

/// Resolves `<<: *anchor`: the entries of other maps, under the map's own.
fn with_merge_keys<'t>(entries: Vec<Entry<'t>>, found: &Found) -> Vec<Entry<'t>> {
    if entries.iter().all(|e| &*e.key != "<<") {
        return entries;
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|e| &*e.key == "<<");
    let mut keys: BTreeSet<Cow<'t, str>> = own.iter().map(|e| e.key.clone()).collect();
    for merge in &merges {
        for source in merge.value.items() {
            match source.map() {
                Some(theirs) => own.extend(theirs.iter().filter(|e| keys.insert(e.key.clone())).cloned()),
                None => found.push(
                    Problem::error(merge.key_span, "`<<` takes a map or a list of maps, by alias")
                        .label(format!("found {}", source.described())),
                ),
            }
        }
    }
    own
}

/// A map whose keys are unique; the first of each is kept, the others are problems.
pub(super) fn without_duplicates<'t>(entries: Vec<Entry<'t>>, found: &Found) -> Vec<Entry<'t>> {
    let twice = if entries.len() <= 8 {
        entries.iter().enumerate().any(|(i, e)| entries[..i].iter().any(|x| x.key == e.key))
    } else {
        let mut seen = BTreeSet::new();
        !entries.iter().all(|e| seen.insert(&*e.key))
    };
    if !twice {
        return entries;
    }
    let mut first: BTreeMap<Cow<'t, str>, Span> = BTreeMap::new();
    let mut out = Vec::with_capacity(entries.len());
    for entry in entries {
        match first.get(&entry.key) {
            Some(before) => found.push(
                Problem::error(entry.key_span, format!("the key `{}` is here twice", entry.key))
                    .label("said again")
                    .also(*before, "first said here")
                    .hint("keep one of the two"),
            ),
            None => {
                first.insert(entry.key.clone(), entry.key_span);
                out.push(entry);
            }
        }
    }
    out
}

pub(super) fn too_deep(span: Span) -> Problem {
    Problem::error(span, "the file nests too deeply").label(format!("more than {MAX_DEPTH} levels"))
}
