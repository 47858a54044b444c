//! One type for everything that is wrong with a file, whoever found it: reader, schema, expressions, plugins, semantic checks.
//!
//! Text with a caret, JSON, SARIF, the annotations of a CI service and, later, a language server are renderings of it.

mod code;
mod fix;
mod github;
mod json;
mod order;
mod render;
mod sarif;
mod source;
mod window;

pub use code::Code;
pub use fix::{Fixed, fix};
pub use github::to_github;
pub use json::to_json;
pub(crate) use order::limited_of;
pub use order::{limited, sorted, summary};
pub use render::{Style, render_text};
pub use sarif::to_sarif;
pub use source::{Position, Source};

use crate::yaml::Span;

/// How grave a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; the author should look.
    Warning,
    /// Good to know.
    Note,
}

/// One mistake at one place, with what was allowed and the nearest right thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// What is wrong, in the author's words: one sentence, lower case, literals in backticks, no full stop.
    pub message: String,
    /// Where; none where the whole file is meant.
    pub span: Option<Span>,
    /// What stands under the caret: what was allowed or what is known. May be empty.
    pub label: String,
    /// The property path, for example `tasks[1].taskRunner.memory`; may be empty.
    pub path: String,
    /// Further facts, at most one as a rule.
    pub notes: Vec<String>,
    /// The smallest change that helps.
    pub help: Option<Help>,
}

/// A way out.
#[derive(Debug, Clone, PartialEq)]
pub struct Help {
    /// One sentence.
    pub message: String,
    /// The text to put in place of a span, where the change is certain enough to draw.
    pub replacement: Option<(Span, String)>,
    /// Further changes that belong to it, elsewhere in the file.
    pub also: Vec<(Span, String)>,
    /// Whether `taffrail validate --fix` may make the change without asking.
    pub certain: bool,
}

impl Diagnostic {
    /// An error with a place.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, Some(span), message)
    }

    /// A warning with a place.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, Some(span), message)
    }

    /// A diagnostic of any kind.
    pub fn new(
        code: Code,
        severity: Severity,
        span: Option<Span>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            span,
            label: String::new(),
            path: String::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// With text under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With a property path.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// With one more fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// With a way out.
    #[must_use]
    pub fn help(mut self, message: impl Into<String>) -> Self {
        self.help = Some(Help {
            message: message.into(),
            replacement: None,
            also: Vec::new(),
            certain: false,
        });
        self
    }

    /// With a way out that can be drawn.
    #[must_use]
    pub fn fix(
        mut self,
        message: impl Into<String>,
        span: Span,
        replacement: impl Into<String>,
    ) -> Self {
        self.help = Some(Help {
            message: message.into(),
            replacement: Some((span, replacement.into())),
            also: Vec::new(),
            certain: false,
        });
        self
    }

    /// With one more change that belongs to the way out.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        if let Some(help) = &mut self.help {
            help.also.push((span, text.into()));
        }
        self
    }

    /// With a way out that may be taken without asking.
    #[must_use]
    pub fn certain(mut self) -> Self {
        if let Some(help) = &mut self.help {
            help.certain = help.replacement.is_some();
        }
        self
    }
}
