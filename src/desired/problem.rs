//! Problems of desired files: what is wrong, where, and how to mend it. Rendered by `report`.

use crate::model::{Sources, Span};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The files cannot be used.
    Error,
    /// Doubtful: said, not refused.
    Warning,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Error or warning.
    pub level: Level,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// Where, and the few words under the caret.
    pub at: Option<(Span, String)>,
    /// A second place, for duplicates and conflicts.
    pub also: Option<(Span, String)>,
    /// How to mend it: names a value, a command or a place.
    pub hint: Option<String>,
    /// Whether what follows the place on its line may be a secret, which is shown nowhere.
    pub hides_rest: bool,
    /// How many problems it is: one, but for the last, which counts those that were not kept.
    pub counts: usize,
}

impl Problem {
    /// An error at a place.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self { at: Some((span, String::new())), ..Self::general(message) }
    }
    /// A warning at a place.
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(span, message) }
    }
    /// An error about a file as a whole, or about no file.
    pub fn general(message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            message: message.into(),
            at: None,
            also: None,
            hint: None,
            hides_rest: false,
            counts: 1,
        }
    }
    /// Adds the words under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        if let Some(at) = &mut self.at {
            at.1 = label.into();
        }
        self
    }
    /// Hides what follows the place on its line.
    #[must_use]
    pub fn hiding(self) -> Self {
        Self { hides_rest: true, ..self }
    }
    /// Adds a second place.
    #[must_use]
    pub fn also(self, span: Span, label: impl Into<String>) -> Self {
        Self { also: Some((span, label.into())), ..self }
    }
    /// Adds a hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// All problems of a run over some files.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    /// The files, for the source lines.
    pub files: Sources,
    /// The problems in the order of their places.
    pub list: Vec<Problem>,
}

impl Problems {
    /// Whether there is an error among them.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|p| p.level == Level::Error)
    }
}
