//! Problems of desired files as rustc shows its own: message, place, source line, caret, hint.
//!
//! Only the line around a place is handed to the renderer: whole large files are slow.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level as Mark, Renderer, Snippet};

use super::layout::{clean, count};
use super::masked::masked;
use super::paint::{BAD, HINT};
use super::place::Places;
use super::{Colour, Look};
use crate::desired::{Level, Problem};
use crate::model::{Place, Sources, Span};

/// How many problems are shown; the rest is counted.
pub const SHOWN: usize = 100;

/// How far around a place secrets are looked for, in bytes.
const LOOKED_AT: usize = 8 * 1024;

/// The problems, each with its source line, and how many there are.
pub fn render(files: &Sources, problems: &[Problem], look: &Look) -> String {
    let places = Places::of(files);
    let mut out = String::new();
    let mut order: Vec<&Problem> = problems.iter().collect();
    if order.len() > SHOWN {
        // what is cut off shall not be what must be mended
        order.sort_by_key(|problem| problem.level);
    }
    for problem in order.iter().take(SHOWN) {
        out.push_str(&one(&places, problem, look));
        out.push('\n');
    }
    let more: usize = order.iter().skip(SHOWN).map(|p| p.counts).sum();
    if more > 0 {
        out.push_str(&format!("… and {more} more\n\n"));
    }
    out.push_str(&look.colour.paint(BAD, &tally(problems)));
    out.push('\n');
    out
}

/// `2 errors, 1 warning`.
pub fn tally(problems: &[Problem]) -> String {
    let of = |level: Level| problems.iter().filter(|p| p.level == level).map(|p| p.counts).sum::<usize>();
    match (of(Level::Error), of(Level::Warning)) {
        (errors, 0) => count(errors, "error"),
        (0, warnings) => count(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}

fn one(places: &Places<'_>, problem: &Problem, look: &Look) -> String {
    let level = match problem.level {
        Level::Error => Mark::ERROR,
        Level::Warning => Mark::WARNING,
    };
    let mut group = level.primary_title(clean(&problem.message)).elements(Vec::<Snippet<'_, Annotation<'_>>>::new());
    if let Some((span, label)) = &problem.at {
        group = source(group, places, (*span, problem.hides_rest), label, AnnotationKind::Primary);
    }
    let mut groups = vec![group];
    if let Some((span, label)) = &problem.also {
        let label = if label.is_empty() { "the other place" } else { label };
        groups.push(source(Group::with_level(Mark::NOTE), places, (*span, false), label, AnnotationKind::Context));
    }
    let renderer = match look.colour {
        Colour::Off => Renderer::plain(),
        Colour::On => Renderer::styled(),
    };
    let mut text = renderer.term_width(DEFAULT_TERM_WIDTH.min(look.width.max(60))).render(&groups);
    for span in [&problem.at, &problem.also].into_iter().flatten().map(|(span, _)| *span) {
        text = true_column(text, places, span);
    }
    text.push('\n');
    if let Some(hint) = &problem.hint {
        text.push_str(&format!("{}: {}\n", look.colour.paint(HINT, "hint"), clean(hint)));
    }
    text
}

/// Adds a place to a group: `--> file:line:column`, the line, the caret.
fn source<'a>(
    group: Group<'a>,
    places: &Places<'a>,
    (span, hides_rest): (Span, bool),
    label: &'a str,
    kind: AnnotationKind,
) -> Group<'a> {
    let (Some(place), Some((text, line, range))) = (places.place(span), excerpt(places, span)) else { return group };
    let text = match (hides_rest, text) {
        (false, text) => text,
        (true, Cow::Borrowed(text)) => Cow::Borrowed(text.get(..range.end).unwrap_or_default()),
        (true, Cow::Owned(text)) => Cow::Owned(text.get(..range.end).unwrap_or_default().to_owned()),
    };
    let mark = kind.span(range).label((!label.is_empty()).then(|| clean(label)));
    group.element(Snippet::source(text).path(shown(&place)).line_start(line).annotation(mark))
}

/// The line around a place, without the secrets in it.
fn excerpt<'a>(places: &Places<'a>, span: Span) -> Option<(Cow<'a, str>, usize, Range<usize>)> {
    let (part, line, mark) = places.excerpt(span)?;
    let (text, _, wide) = places.around(span, LOOKED_AT)?;
    let start = wide.start - mark.start;
    let (text, mark) = masked(text, start..start + part.len(), mark);
    Some((text, line, mark))
}

fn shown(place: &Place) -> String {
    clean(&place.file).into_owned()
}

/// The renderer counts columns from where the excerpt begins; in a long line that is not the line's start.
fn true_column(text: String, places: &Places<'_>, span: Span) -> String {
    let (Some(place), Some((excerpt, _, range))) = (places.place(span), excerpt(places, span)) else { return text };
    let counted = excerpt.get(..range.start).map_or(0, |before| before.chars().count()) + 1;
    if counted == place.column as usize {
        return text;
    }
    let at = |column: usize| format!("{}:{}:{column}", shown(&place), place.line);
    text.replacen(&at(counted), &at(place.column as usize), 1)
}

/// The level's word.
pub const fn level(problem: &Problem) -> &'static str {
    match problem.level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}
