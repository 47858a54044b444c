//! Knows an expression that lacks its quotes: YAML reads `{{ x }}` as a map in a map.

use std::sync::Arc;

use super::{Node, NodeKind, Scalar, ScalarStyle, ScalarValue, Span};
use crate::diagnostic::{Code, Diagnostic};

/// Where the expression that begins at `start` ends; nothing where none begins there or it has no end.
pub(super) fn expression_end(text: &str, start: usize) -> Option<usize> {
    let rest = text[start..].strip_prefix("{{")?;
    let bytes = rest.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => {
                at += 1 + memchr::memchr(quote, &bytes[at + 1..])?;
            }
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(start + 2 + at + 2),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The diagnostic for an expression, with quotes drawn round it.
pub(super) fn diagnostic(text: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        Code::UnquotedExpression,
        span,
        "the expression is not quoted",
    )
    .label("YAML reads `{` as the start of a map")
    .fix("put quotes round it", span, quoted(text))
}

/// The value as it was meant.
pub(super) fn node(text: &str, span: Span) -> Node {
    Node {
        span,
        kind: NodeKind::Scalar(Scalar {
            text: Arc::from(text),
            style: ScalarStyle::Plain,
            value: ScalarValue::Text,
        }),
    }
}

/// The text in the quotes that need no escapes where there are such.
fn quoted(text: &str) -> String {
    if !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
