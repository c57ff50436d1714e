//! Words for a POSIX shell, in commands that are shown to be copied. Nothing is run here.

/// A word as a shell takes it: quoted where it must be.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=,:+%@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        for (text, quoted) in
            [("a/b.yaml", "a/b.yaml"), ("my files", "'my files'"), ("it's", r"'it'\''s'"), ("", "''"), ("$X", "'$X'")]
        {
            assert_eq!(word(text), quoted);
        }
    }
}
