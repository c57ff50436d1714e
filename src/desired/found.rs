//! The collector of problems: keeps what people can read, counts the rest.

use std::cell::{Cell, RefCell};

use super::problem::{Level, Problem};

/// How many errors a run shows.
const SHOWN: usize = 100;
/// How many are kept until they are sorted by place.
const KEPT: usize = 200;

/// Collects problems.
#[derive(Debug, Default)]
pub(super) struct Found {
    list: RefCell<Vec<Problem>>,
    errors: Cell<usize>,
    warnings: Cell<usize>,
}

impl Found {
    /// Adds a problem, once: an alias can bring one mistake to many places.
    pub fn push(&self, problem: Problem) {
        let problem = in_one_line(problem);
        if self.list.borrow().contains(&problem) {
            return;
        }
        let count = match problem.level {
            Level::Error => &self.errors,
            Level::Warning => &self.warnings,
        };
        count.set(count.get() + 1);
        if count.get() <= KEPT {
            self.list.borrow_mut().push(problem);
        }
    }
    /// Adds what was found elsewhere, as if it had been found here.
    pub fn absorb(&self, other: Self) {
        let counts = [(&self.errors, &other.errors), (&self.warnings, &other.warnings)];
        let all = counts.map(|(here, there)| here.get() + there.get());
        other.list.into_inner().into_iter().for_each(|problem| self.push(problem));
        // what the other one had only counted
        self.errors.set(all[0]);
        self.warnings.set(all[1]);
    }
    /// Whether more errors would only be counted: no need to think about their hints.
    pub const fn full(&self) -> bool {
        self.errors.get() >= KEPT
    }
    /// How many errors there are so far.
    pub const fn errors(&self) -> usize {
        self.errors.get()
    }
    /// The problems by place, at most 100 errors and 100 warnings, then counts.
    pub fn finish(self) -> Vec<Problem> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|p| p.at.as_ref().map(|(span, _)| (span.file, span.start)));
        let mut seen = (0, 0);
        list.retain(|problem| {
            let seen = match problem.level {
                Level::Error => &mut seen.0,
                Level::Warning => &mut seen.1,
            };
            *seen += 1;
            *seen <= SHOWN
        });
        for (all, level, noun) in
            [(self.errors.get(), Level::Error, "error"), (self.warnings.get(), Level::Warning, "warning")]
        {
            if let Some(more) = all.checked_sub(SHOWN).filter(|n| *n > 0) {
                let s = if more == 1 { "" } else { "s" };
                let message = format!("{more} more {noun}{s} not shown");
                list.push(Problem { level, counts: more, ..Problem::general(message) });
            }
        }
        list
    }
}

/// A problem whose words have no line break, which a key or a value that they repeat may have.
fn in_one_line(mut problem: Problem) -> Problem {
    let labels = [&mut problem.at, &mut problem.also].into_iter().flatten().map(|(_, label)| label);
    for text in labels.chain(&mut problem.hint).chain([&mut problem.message]).filter(|text| text.contains(['\n', '\r']))
    {
        *text = text.replace('\r', "\\r").replace('\n', "\\n");
    }
    problem
}

/// The candidate that a misspelt word most likely means.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> Option<&'a str> {
    let candidates = candidates.into_iter();
    let wanted = plain(word);
    if wanted.is_empty() || wanted.len() > 200 {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates.clone() {
        let text = plain(candidate);
        let allowed = match wanted.len().max(text.len()) {
            0..=2 => 0,
            3..=4 => 1,
            5..=8 => 2,
            n => n / 4 + 1,
        };
        if wanted.len().abs_diff(text.len()) > allowed {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&wanted, &text);
        if distance <= allowed && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate).or_else(|| containing(&wanted, candidates))
}

/// The one candidate that holds the word, or that the word holds.
fn containing<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let long = |t: &str| t.len() >= 4;
    let mut fitting = candidates.into_iter().filter(|candidate| {
        let text = plain(candidate);
        long(wanted) && text.contains(wanted) || long(&text) && wanted.contains(&text)
    });
    fitting.next().filter(|_| fitting.next().is_none())
}

/// A word without what people write in one way or another.
fn plain(text: &str) -> String {
    text.to_ascii_lowercase().replace(['-', '_', ' '], "")
}

/// Words as a list in prose: `` `a`, `b` or `c` ``.
pub(super) fn either(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [head @ .., last] => {
            let head: Vec<String> = head.iter().map(|w| format!("`{w}`")).collect();
            format!("{} or `{last}`", head.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_words_are_near() {
        let keys = ["interval", "timeout", "path", "healthy_threshold", "unhealthy_threshold"];
        assert_eq!(nearest("intervall", keys), Some("interval"));
        assert_eq!(nearest("Path", keys), Some("path"));
        assert_eq!(nearest("healthy-threshold", keys), Some("healthy_threshold"));
        assert_eq!(nearest("matcher", keys), None);
        assert_eq!(nearest("HTTP", ["http", "https"]), Some("http"));
        assert_eq!(nearest("traffic", ["traffic-port"]), Some("traffic-port"));
        assert_eq!(nearest("port_path", ["port", "path"]), None);
    }
}
