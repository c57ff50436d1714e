//! ALB wildcard patterns: `*` is any run of characters, `?` any one.

/// Whether some text fits both patterns. With a plain text on one side: whether the pattern takes it.
pub fn meet(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // fits[j]: the rest of `a` from i and the rest of `b` from j have a text in common
    let mut fits: Vec<bool> = Vec::new();
    for i in (0..=a.len()).rev() {
        let mut row = vec![false; b.len() + 1];
        for j in (0..=b.len()).rev() {
            let below = |j: usize| fits.get(j).copied().unwrap_or(false);
            row[j] = match (a.get(i), b.get(j)) {
                (None, None) => true,
                (Some('*'), Some(_)) => below(j) || row[j + 1],
                (Some('*'), None) => below(j),
                (Some(_), Some('*')) => row[j + 1] || below(j),
                (None, Some('*')) => row[j + 1],
                (Some(x), Some(y)) => (x == y || *x == '?' || *y == '?') && below(j + 1),
                (Some(_), None) | (None, Some(_)) => false,
            };
        }
        fits = row;
    }
    fits.first().copied().unwrap_or(false)
}

/// [`meet`] without regard to case, for host names.
pub fn hosts_meet(a: &str, b: &str) -> bool {
    meet(&a.to_ascii_lowercase(), &b.to_ascii_lowercase())
}

/// Whether a pattern has wildcards.
pub fn is_wild(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_where_a_text_fits_both() {
        for (a, b) in [
            ("/api/*", "/api/health/"),
            ("*", ""),
            ("a?c", "abc"),
            ("*.example.com", "api-*.example.com"),
            ("a*", "*b"),
            ("**", "x"),
        ] {
            assert!(meet(a, b) && meet(b, a), "{a} {b}");
        }
        for (a, b) in [("/api/*", "/apix"), ("a?", "a"), ("*.example.com", "*.example.org"), ("", "x")] {
            assert!(!meet(a, b) && !meet(b, a), "{a} {b}");
        }
        assert!(hosts_meet("WWW.Example.com", "www.example.COM") && !is_wild("www.example.com"));
    }
}
