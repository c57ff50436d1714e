//! Regular expressions of conditions and rewrites: what AWS does not take.
//!
//! Source: user guide "Regex matching". Whether the rest is a good expression AWS says itself.

use super::super::shape::Complaint;

const HINT: &str = "AWS takes no lookaround, backreferences, atomic groups, possessive quantifiers, recursion or `\\p`";

/// The same for a JSON Schema, roughly: visible ASCII without what begins a lookaround or an atomic group.
pub(super) const PATTERN: &str = r"^(?![ -~]*(\(\?(=|!|<=|<!|>|R)|[*+?}]\+|\\[1-9pP]))[ -~]+$";

/// Says what is not supported in an expression.
pub(super) fn check(text: &str) -> Result<(), Complaint> {
    if let Some(bad) = text.chars().find(|c| !c.is_ascii() || c.is_ascii_control()) {
        return Err(Complaint::must(format!("must not hold {bad:?}")).hint("AWS matches visible ASCII only"));
    }
    let mut rest = text;
    let mut class = false;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let mut length = next.len_utf8();
        let bad = match next {
            '\\' => {
                let escaped = rest[length..].chars().next();
                length += escaped.map_or(0, char::len_utf8);
                escaped.is_some_and(|c| matches!(c, '1'..='9' | 'k' | 'g' | 'p' | 'P')) && !class
            }
            '[' | ']' => {
                class = next == '[' || class && before == '[';
                false
            }
            '(' if !class => {
                let named = |t: &str| t.strip_prefix('<').is_some_and(|n| !n.starts_with(['=', '!']));
                let kind = rest[length..].strip_prefix('?');
                kind.is_some_and(|t| !named(t) && t.starts_with(['=', '!', '<', '>', '&', 'R', '|', '(']))
            }
            '+' if !class => matches!(before, '*' | '+' | '?' | '}'),
            _ => false,
        };
        if bad {
            let part: String = rest.chars().take(3).collect();
            return Err(Complaint::must(format!("must not hold `{part}`")).hint(HINT));
        }
        // an escaped character is no quantifier
        before = if next == '\\' { ' ' } else { next };
        rest = &rest[length..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_aws_does_not_take_is_told_from_what_it_takes() {
        for good in ["^/api/[0-9]+$", "(?:a|b)", "(?<id>[^/]+)", r"\++", r"\d+\.html", "[+*+]", "(?i)a", "^/a/(.*)"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in
            ["(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", "(?R)", r"(a)\1", "a++", "a*+", "a{2}+", r"\p{L}", "ä"]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
