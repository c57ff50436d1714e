//! ALB wildcards: `*` is any run of characters, `?` any one. Source: user guide "Condition types for listener rules".

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
}
