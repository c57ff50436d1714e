//! A small YAML writer: maps, lists and scalars with comments, on one line where that reads well.

/// The widest line that is still written on one.
const WIDTH: usize = 110;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// A scalar, quoted where it needs to be.
    Scalar(String),
    /// A list; each item may have a comment beside it.
    List(Vec<(Self, Option<String>)>),
    /// A map.
    Map(Map),
}

/// A map that keeps its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    lines: Vec<Line>,
    /// Whether it goes on one line if it fits.
    flow: bool,
}

#[derive(Clone, Debug)]
enum Line {
    Remark(String),
    Entry { key: String, value: Node, beside: Option<String> },
    Blank,
}

impl Node {
    /// A text; quoted unless it can only be read as one.
    pub(super) fn text(text: &str) -> Self {
        Self::Scalar(scalar(text))
    }
    /// A number, a word of the language, a duration: never quoted.
    pub(super) fn plain(value: impl ToString) -> Self {
        Self::Scalar(value.to_string())
    }
    /// Seconds as people write them.
    pub(super) fn seconds(seconds: u32) -> Self {
        Self::Scalar(match seconds {
            s if s > 0 && s % 3600 == 0 => format!("{}h", s / 3600),
            s if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
            s => format!("{s}s"),
        })
    }
    /// A list without comments.
    pub(super) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().map(|item| (item, None)).collect())
    }
    /// A lone item as itself, several as a list.
    pub(super) fn one_or_many(items: impl IntoIterator<Item = Self>) -> Self {
        let mut items: Vec<Self> = items.into_iter().collect();
        match items.pop() {
            Some(only) if items.is_empty() => only,
            last => Self::list(items.into_iter().chain(last)),
        }
    }
    fn inline(&self) -> Option<String> {
        match self {
            Self::Scalar(text) => Some(text.clone()),
            Self::List(items) => {
                let items: Option<Vec<String>> =
                    items.iter().map(|(item, beside)| item.inline().filter(|_| beside.is_none())).collect();
                Some(format!("[{}]", items?.join(", ")))
            }
            Self::Map(map) if map.flow => map.inline(),
            Self::Map(_) => None,
        }
    }
}

impl Map {
    /// A map that goes on one line if it fits.
    pub(super) fn flow() -> Self {
        Self { flow: true, ..Self::default() }
    }
    /// Adds an entry.
    pub(super) fn put(&mut self, key: &str, value: Node) {
        self.noted(key, value, None);
    }
    /// Adds an entry if there is a value.
    pub(super) fn put_some(&mut self, key: &str, value: Option<Node>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }
    /// Adds an entry with a comment beside it.
    pub(super) fn noted(&mut self, key: &str, value: Node, beside: Option<String>) {
        self.lines.push(Line::Entry { key: scalar(key), value, beside });
    }
    /// Adds an entry whose key is a number.
    pub(super) fn numbered(&mut self, key: u16, value: Node) {
        self.lines.push(Line::Entry { key: key.to_string(), value, beside: None });
    }
    /// Adds a map, unless it says nothing.
    pub(super) fn put_map(&mut self, key: &str, map: Self) {
        if !map.is_empty() {
            self.put(key, Node::Map(map));
        }
    }
    /// Adds a section: a blank line, then a map unless it says nothing.
    pub(super) fn section(&mut self, key: &str, map: Self) {
        if !map.is_empty() {
            self.lines.push(Line::Blank);
            self.put(key, Node::Map(map));
        }
    }
    /// Adds a comment on a line of its own.
    pub(super) fn remark(&mut self, text: &str) {
        self.lines.push(Line::Remark(comment(text)));
    }
    /// Whether it has no entry; comments do not count.
    pub(super) fn is_empty(&self) -> bool {
        !self.lines.iter().any(|line| matches!(line, Line::Entry { .. }))
    }
    /// Moves the comments of a map without entries to this one, where they are read.
    pub(super) fn adopt_remarks(&mut self, other: Self) {
        self.lines.extend(other.lines.into_iter().filter(|line| matches!(line, Line::Remark(_))));
    }

    fn inline(&self) -> Option<String> {
        let one = |line: &Line| match line {
            Line::Entry { key, value, beside: None } => Some(format!("{key}: {}", value.inline()?)),
            Line::Entry { beside: Some(_), .. } | Line::Remark(_) | Line::Blank => None,
        };
        let entries: Vec<String> = self.lines.iter().map(one).collect::<Option<_>>()?;
        Some(if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) })
    }

    /// The whole document.
    pub(super) fn render(&self) -> String {
        let mut out = String::new();
        self.block(0, &mut out);
        out
    }

    fn block(&self, indent: usize, out: &mut String) {
        let margin = " ".repeat(indent);
        for line in &self.lines {
            match line {
                Line::Blank => out.push('\n'),
                Line::Remark(text) => out.push_str(&format!("{margin}# {text}\n")),
                Line::Entry { key, value, beside } => {
                    out.push_str(&format!("{margin}{key}:"));
                    entry(value, beside.as_deref(), indent, key.len(), out);
                }
            }
        }
    }
}

/// What follows `key:`.
fn entry(value: &Node, beside: Option<&str>, indent: usize, taken: usize, out: &mut String) {
    let beside = beside.map(|text| format!("  # {}", comment(text))).unwrap_or_default();
    let inline = value
        .inline()
        .filter(|text| matches!(value, Node::Scalar(_)) || indent + taken + 2 + text.chars().count() <= WIDTH);
    match (inline, value) {
        (Some(text), _) => out.push_str(&format!(" {text}{beside}\n")),
        (None, Node::Map(map)) => {
            out.push_str(&format!("{beside}\n"));
            map.block(indent + 2, out);
        }
        (None, Node::List(items)) => {
            out.push_str(&format!("{beside}\n"));
            for (item, beside) in items {
                let beside = beside.as_deref().map(|text| format!("  # {}", comment(text))).unwrap_or_default();
                let text = item.inline().unwrap_or_default();
                out.push_str(&format!("{}- {text}{beside}\n", " ".repeat(indent + 2)));
            }
        }
        (None, Node::Scalar(_)) => {}
    }
}

/// A comment: one line, whatever the text.
fn comment(text: &str) -> String {
    text.chars().map(|c| if is_odd(c) || c == '\n' { ' ' } else { c }).collect()
}

/// Characters that do not show or that YAML does not take as they are.
fn is_odd(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text as a scalar: plain where nothing else could be read, in double quotes otherwise. `${` is
/// written `$${`, because it begins a variable.
fn scalar(text: &str) -> String {
    let text = text.replace("${", "$${");
    if is_plain(&text) {
        return text;
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_odd(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/');
    // a network begins with a digit and is no number
    let network = text.parse::<ipnet::Ipv4Net>().is_ok();
    let inside = |c: char| c.is_ascii_alphanumeric() || "_./*:-=+@ ".contains(c);
    (first || network)
        && text.chars().all(inside)
        && !text.contains(": ")
        && !text.contains("  ")
        && !text.ends_with([':', ' '])
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_quoted_where_they_need_it() {
        for plain in ["web", "/api/*", "10.0.0.0/8", "arn:aws:acm:x", "from the ALB", "a.example.com"] {
            assert_eq!(scalar(plain), plain);
        }
        for (text, quoted) in [
            ("", "\"\""),
            ("200", "\"200\""),
            ("10.0.1.10", "\"10.0.1.10\""),
            ("on", "\"on\""),
            ("*.a", "\"*.a\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("a\"\\\n\u{7f}", "\"a\\\"\\\\\\n\\u007f\""),
            ("${x}", "\"$${x}\""),
            ("shop: front", "\"shop: front\""),
        ] {
            assert_eq!(scalar(text), quoted);
        }
    }

    #[test]
    fn maps_go_on_one_line_if_they_may_and_fit() {
        let mut inner = Map::flow();
        inner.put("a", Node::list([Node::plain(1), Node::text("x")]));
        let mut map = Map::default();
        map.put("short", Node::Map(inner));
        let mut long = Map::flow();
        long.put("text", Node::text(&"x".repeat(120)));
        map.put("long", Node::Map(long));
        map.remark("a\nb");
        map.put("items", Node::List(vec![(Node::text("s"), Some("why".into()))]));
        let text = format!("short: {{ a: [1, x] }}\nlong:\n  text: {}\n# a b\nitems:\n  - s  # why\n", "x".repeat(120));
        assert_eq!(map.render(), text);
    }
}
