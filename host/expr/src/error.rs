//! What can be wrong with an expression: mistakes in its text, and failures while it runs. Places
//! are byte ranges of the text that was parsed, so that a caller can point into its own file.

use std::ops::Range;

use thiserror::Error;

/// A mistake in the text of a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What is wrong and what is allowed.
    pub message: String,
    /// A way out, if one is known.
    pub help: Option<String>,
}

impl SyntaxError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> SyntaxError {
        SyntaxError {
            span: span.range(),
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> SyntaxError {
        self.help = Some(help.into());
        self
    }
}

/// The sort of a failure while running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvalErrorKind {
    /// A name, key or index that is not there; `??`, `???`, `default` and `is defined` absorb it.
    Undefined,
    /// An operator or filter met a kind of value it cannot work on.
    Type,
    /// The right kind, but a value outside of what is allowed (a division by zero, a bad pattern).
    Value,
    /// A limit was reached: steps, depth, size.
    Limit,
    /// A function of the host failed or is not offered here.
    Function,
    /// A text given to `render()` is not a valid template.
    Syntax,
}

/// A failure while running a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct EvalError {
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What went wrong.
    pub message: String,
    /// A way out, if one is known.
    pub help: Option<String>,
    /// The sort of the failure.
    pub kind: EvalErrorKind,
    /// Whether `??` and its like may still absorb it: not once an arithmetic operator or a
    /// comparison has met it.
    pub(crate) absorbable: bool,
}

impl EvalError {
    pub(crate) fn new(kind: EvalErrorKind, span: Span, message: impl Into<String>) -> EvalError {
        EvalError {
            span: span.range(),
            message: message.into(),
            help: None,
            kind,
            absorbable: kind == EvalErrorKind::Undefined,
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> EvalError {
        self.help = Some(help.into());
        self
    }
}

/// A failure inside an operator, filter or test, before it is known where that stands.
#[derive(Debug)]
pub(crate) struct Fail {
    pub(crate) kind: EvalErrorKind,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Fail {
    pub(crate) fn kind(message: impl Into<String>) -> Fail {
        Fail {
            kind: EvalErrorKind::Type,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn value(message: impl Into<String>) -> Fail {
        Fail {
            kind: EvalErrorKind::Value,
            ..Fail::kind(message)
        }
    }

    pub(crate) fn limit(message: impl Into<String>) -> Fail {
        Fail {
            kind: EvalErrorKind::Limit,
            ..Fail::kind(message)
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Fail {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn at(self, span: Span) -> EvalError {
        EvalError {
            help: self.help,
            ..EvalError::new(self.kind, span, self.message)
        }
    }
}

/// A byte range, half the size of the standard one: the tree keeps many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Span {
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    pub(crate) fn to(self, other: Span) -> Span {
        Span {
            start: self.start,
            end: other.end.max(self.end),
        }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}
