//! Plain layout: harmless text, columns, wrapping. Widths are counted in characters.

use std::borrow::Cow;

/// The text without anything that could move a terminal's cursor or turn its reading direction:
/// control characters are written as escapes.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_harmful(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.chars().count()
}

/// The text, filled up with spaces.
pub fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// The text, with its middle left out if it is too long.
pub fn shorten(text: &str, max: usize) -> String {
    let all = width(text);
    if all <= max || max < 3 {
        return text.to_owned();
    }
    let (head, tail) = (max / 2, max - max / 2 - 1);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(all - tail).collect();
    format!("{start}…{end}")
}

/// The text in lines of at most so many columns, broken between words; a longer word has a line of its own.
pub fn wrap(text: &str, max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= max => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The first lines of a wrapped text; an ellipsis where there was more.
pub fn wrap_at_most(text: &str, max: usize, lines: usize) -> Vec<String> {
    let mut all = wrap(text, max.saturating_sub(2));
    if all.len() > lines {
        all.truncate(lines);
        if let Some(last) = all.last_mut() {
            last.push_str(" …");
        }
    }
    all
}

/// `1 rule`, `2 rules`.
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_harmful_is_left() {
        assert_eq!(clean("a\u{1b}[31mb\n\u{202e}c"), "a\\u{1b}[31mb\\n\\u{202e}c");
        assert!(matches!(clean("plain → ü"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_texts_lose_their_middle() {
        assert_eq!(shorten("abcdefghij", 7), "abc…hij");
        assert_eq!(shorten("abc", 7), "abc");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two  three", 8), ["one two", "three"]);
        assert_eq!(wrap_at_most("one two three four", 9, 1), ["one two …"]);
        assert_eq!(count(1, "rule") + &count(2, " rule"), "1 rule2  rules");
    }
}
