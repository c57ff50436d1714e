//! ALB wildcards: `*` is any run of characters, `?` any one. Source: user guide "Condition types for listener rules".

use std::collections::BTreeSet;

/// Whether a pattern takes a text, letter case included.
pub(super) fn takes(pattern: &str, text: &str) -> bool {
    run(&plain(pattern), &text.chars().collect::<Vec<_>>())
}

/// Whether a pattern takes a text whatever its letter case.
pub(super) fn takes_any_case(pattern: &str, text: &str) -> bool {
    takes(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

/// The same for a pattern in which `\*` and `\?` are the characters themselves, as in query strings.
pub(super) fn takes_escaped(pattern: &str, text: &str) -> bool {
    run(&escaped(&pattern.to_ascii_lowercase()), &text.to_ascii_lowercase().chars().collect::<Vec<_>>())
}

/// A text that a pattern takes, with this in the place of each `*`.
pub(super) fn sample(pattern: &str, star: &str) -> String {
    write(plain(pattern), star)
}

/// The same for a pattern with escapes.
pub(super) fn sample_escaped(pattern: &str, star: &str) -> String {
    write(escaped(pattern), star)
}

/// Whether a pattern takes every text that another takes, letter case included.
pub(super) fn includes(wide: &str, narrow: &str) -> bool {
    wide == narrow || all_of(&plain(wide), &plain(narrow))
}

/// The same whatever the letter case.
pub(super) fn includes_any_case(wide: &str, narrow: &str) -> bool {
    includes(&wide.to_ascii_lowercase(), &narrow.to_ascii_lowercase())
}

/// The same for patterns with escapes.
pub(super) fn includes_escaped(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (wide.to_ascii_lowercase(), narrow.to_ascii_lowercase());
    wide == narrow || all_of(&escaped(&wide), &escaped(&narrow))
}

#[derive(Clone, Copy)]
enum Part {
    Run,
    One,
    This(char),
}

fn plain(pattern: &str) -> Vec<Part> {
    pattern.chars().map(part).collect()
}

const fn part(c: char) -> Part {
    match c {
        '*' => Part::Run,
        '?' => Part::One,
        other => Part::This(other),
    }
}

fn escaped(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        let literal = (c == '\\').then(|| rest.next_if(|next| matches!(next, '*' | '?' | '\\'))).flatten();
        parts.push(literal.map_or_else(|| part(c), Part::This));
    }
    parts
}

fn write(parts: Vec<Part>, star: &str) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Run => out.push_str(star),
            Part::One => out.push('x'),
            Part::This(c) => out.push(c),
        }
    }
    out
}

/// Goes on from the last `*` where the rest does not fit: linear for one `*`, never worse than the product of lengths.
fn run(parts: &[Part], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut last: Option<(usize, usize)> = None;
    while t < text.len() {
        match parts.get(p) {
            Some(Part::Run) => {
                last = Some((p, t));
                p += 1;
            }
            Some(Part::One) => (p, t) = (p + 1, t + 1),
            Some(Part::This(c)) if *c == text[t] => (p, t) = (p + 1, t + 1),
            Some(Part::This(_)) | None => match last {
                Some((star, from)) => {
                    last = Some((star, from + 1));
                    (p, t) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    parts[p..].iter().all(|part| matches!(part, Part::Run))
}

/// More states than this are given up: it is then not proven.
const MOST: usize = 5_000;

/// Whether `wide` takes every text that `narrow` takes. A wildcard of `narrow` is tried with a character that stands
/// nowhere in `wide`: where only wildcards take that one, they take any other as well.
fn all_of(wide: &[Part], narrow: &[Part]) -> bool {
    let mut seen: BTreeSet<(usize, BTreeSet<usize>)> = BTreeSet::new();
    let mut open = vec![(0, rested(wide, BTreeSet::from([0])))];
    while let Some((at, places)) = open.pop() {
        if places.is_empty() || seen.len() > MOST {
            return false;
        }
        if !seen.insert((at, places.clone())) {
            continue;
        }
        match narrow.get(at) {
            None if places.contains(&wide.len()) => {}
            None => return false,
            Some(Part::One) => open.push((at + 1, stepped(wide, &places, None))),
            Some(Part::This(c)) => open.push((at + 1, stepped(wide, &places, Some(*c)))),
            Some(Part::Run) => {
                open.push((at, stepped(wide, &places, None)));
                open.push((at + 1, places));
            }
        }
    }
    true
}

/// The places in a pattern after one more character: this one, or one that the pattern does not name.
fn stepped(parts: &[Part], places: &BTreeSet<usize>, character: Option<char>) -> BTreeSet<usize> {
    let next = places.iter().filter_map(|place| match parts.get(*place)? {
        Part::Run => Some(*place),
        Part::One => Some(place + 1),
        Part::This(c) => (Some(*c) == character).then_some(place + 1),
    });
    rested(parts, next.collect())
}

/// A `*` may be over at any time.
fn rested(parts: &[Part], places: BTreeSet<usize>) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    for mut place in places {
        all.insert(place);
        while matches!(parts.get(place), Some(Part::Run)) {
            place += 1;
            all.insert(place);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_take_what_aws_says() {
        for (pattern, text) in [
            ("*", ""),
            ("*.example.com", "a.b.example.com"),
            ("/a?c", "/abc"),
            ("*a*b", "xaybab"),
            ("/img/*/pics", "/img/a/b/pics"),
        ] {
            assert!(takes(pattern, text), "{pattern} {text}");
            assert!(takes(pattern, &sample(pattern, "x")), "{pattern}");
        }
        for (pattern, text) in [("", "x"), ("a?", "a"), ("*a", "ab"), ("*.example.com", "example.com"), ("/A", "/a")] {
            assert!(!takes(pattern, text), "{pattern} {text}");
        }
        assert!(takes_any_case("SHOP.*", "shop.EXAMPLE"));
        assert!(takes_escaped(r"a\*b?", "A*Bc") && !takes_escaped(r"a\*b", "axb") && takes_escaped(r"a\b", r"a\b"));
        assert_eq!(sample_escaped(r"\*?*", "y"), "*xy");
    }

    /// Every text of up to so many of these characters.
    fn words(characters: &[char], longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = 0;
        for _ in 0..longest {
            let from = last;
            last = all.len();
            for index in from..last {
                all.extend(characters.iter().map(|c| format!("{}{c}", all[index])).collect::<Vec<_>>());
            }
        }
        all
    }

    #[test]
    fn a_pattern_includes_another_exactly_if_it_takes_all_its_texts() {
        let mut patterns = words(&['a', 'b', '*'], 4);
        patterns.extend(words(&['a', '*', '?'], 4));
        let texts = words(&['a', 'b', 'c'], 6);
        let taken: Vec<Vec<bool>> = patterns.iter().map(|p| texts.iter().map(|t| takes(p, t)).collect()).collect();
        let mut both = [0, 0];
        for (wide, by_wide) in patterns.iter().zip(&taken) {
            for (narrow, by_narrow) in patterns.iter().zip(&taken) {
                let all = by_narrow.iter().zip(by_wide).all(|(narrow, wide)| !narrow || *wide);
                assert_eq!(includes(wide, narrow), all, "{wide} over {narrow}");
                both[usize::from(all)] += 1;
            }
        }
        assert!(both.iter().all(|count| *count > 1_000), "{both:?}");
    }

    #[test]
    fn patterns_that_make_many_states_are_given_up_in_time() {
        let wide = format!("*{}", "?*a".repeat(40));
        let narrow = "*a".repeat(60);
        let begun = std::time::Instant::now();
        let _ = includes(&wide, &narrow);
        assert!(begun.elapsed().as_secs() < 10);
        assert!(includes_any_case("*.SHOP.example.com", "a.*.shop.example.com") && includes_escaped(r"\**", r"\*a"));
    }
}
