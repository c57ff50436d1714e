//! Desired files as text: a small tree and how it is written, in the order given or backwards.

use std::fmt::Write as _;

/// A value of a desired file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A map whose order means nothing.
    Map(Vec<(String, Self)>),
    /// A map whose order means something: rules without priorities.
    Ordered(Vec<(String, Self)>),
    List(Vec<Self>),
    /// A text, always in quotes.
    Text(String),
    /// A number, a word, a duration: as it is.
    Word(String),
}

pub fn text(text: impl Into<String>) -> Node {
    Node::Text(text.into())
}

pub fn word(word: impl ToString) -> Node {
    Node::Word(word.to_string())
}

pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Node)>) -> Node {
    Node::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

pub fn list(items: impl IntoIterator<Item = Node>) -> Node {
    Node::List(items.into_iter().collect())
}

impl Node {
    /// The same value with every map whose order means nothing turned around.
    pub fn backwards(self) -> Self {
        let inner = |entries: Vec<(String, Self)>| -> Vec<(String, Self)> {
            entries.into_iter().map(|(key, value)| (key, value.backwards())).collect()
        };
        match self {
            Self::Map(entries) => {
                let mut entries = inner(entries);
                entries.reverse();
                Self::Map(entries)
            }
            Self::Ordered(entries) => Self::Ordered(inner(entries)),
            Self::List(items) => Self::List(items.into_iter().map(Self::backwards).collect()),
            scalar @ (Self::Text(_) | Self::Word(_)) => scalar,
        }
    }

    /// The value as a document.
    pub fn written(&self) -> String {
        let mut out = String::new();
        self.block(0, &mut out);
        out
    }

    fn block(&self, depth: usize, out: &mut String) {
        let (Self::Map(entries) | Self::Ordered(entries)) = self else {
            return self.flow(out);
        };
        for (name, value) in entries {
            let _ = write!(out, "{:indent$}{}:", "", key(name), indent = depth * 2);
            match value {
                Self::Map(inner) | Self::Ordered(inner) if !inner.is_empty() => {
                    out.push('\n');
                    value.block(depth + 1, out);
                }
                _ => {
                    out.push(' ');
                    value.flow(out);
                    out.push('\n');
                }
            }
        }
    }

    fn flow(&self, out: &mut String) {
        match self {
            Self::Map(entries) | Self::Ordered(entries) => {
                out.push('{');
                for (index, (name, value)) in entries.iter().enumerate() {
                    let _ = write!(out, "{}{}: ", if index > 0 { ", " } else { "" }, key(name));
                    value.flow(out);
                }
                out.push('}');
            }
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    item.flow(out);
                }
                out.push(']');
            }
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::Word(word) => out.push_str(word),
        }
    }
}

fn key(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if plain { text.to_owned() } else { quoted(text) }
}

/// `${` would be a variable.
fn quoted(text: &str) -> String {
    serde_json::to_string(&text.replace("${", "$${")).unwrap()
}

#[test]
fn a_tree_is_written_as_a_person_would() {
    let rules = Node::Ordered(vec![("b".into(), map([("when", list([text("${x} \"y\"")]))])), ("a".into(), word(1))]);
    let tree = map([("one", word("10s")), ("rules", rules), ("no name", map::<&str>([]))]);
    let expected = "one: 10s\nrules:\n  b:\n    when: [\"$${x} \\\"y\\\"\"]\n  a: 1\n\"no name\": {}\n";
    assert_eq!(tree.written(), expected);
    let turned = tree.backwards().written();
    assert!(turned.starts_with("\"no name\"") && turned.contains("rules:\n  b:"), "{turned}");
}
