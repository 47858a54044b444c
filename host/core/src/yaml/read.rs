//! Reads a text into a tree and everything that is wrong with it as YAML.

use super::compose::compose;
use super::limits::Limits;
use super::source::make_span;
use super::{Node, Span};
use crate::diagnostic::{Code, Diagnostic};

/// What a text holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The tree; none where the text is empty, not YAML or beyond a limit. With errors beside it the tree is still good to look for
    /// more mistakes in: it has the first of two equal keys, no key that is not text, and unquoted expressions as text.
    pub root: Option<Node>,
    /// What is wrong, in the order of the text; without an error the tree means what the author wrote.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a flow file. Costs time and memory in proportion to the text, never more than the limits allow, and does not panic.
pub fn parse(text: &str, limits: &Limits) -> Parsed {
    if text.len() > limits.bytes {
        let message = format!(
            "the file is larger than {} bytes; it has {}",
            limits.bytes,
            text.len()
        );
        return refused(Diagnostic::error(Code::YamlLimit, Span::default(), message));
    }
    let composed = compose(text, limits);
    let mut diagnostics = composed.diagnostics;
    if let Some(at) = composed.syntax_error {
        let offset = at.error.offset.min(text.len());
        let end = text.ceil_char_boundary((offset + 1).min(text.len()));
        diagnostics.push(
            Diagnostic::error(Code::YamlSyntax, make_span(offset, end), at.error.reason)
                .path(at.path),
        );
    } else if composed.root.as_ref().is_none_or(Node::is_null) && diagnostics.is_empty() {
        return refused(
            Diagnostic::error(Code::YamlSyntax, Span::default(), "the file is empty")
                .label("a flow has `id`, `namespace` and `tasks`"),
        );
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.span);
    Parsed {
        root: composed.root,
        diagnostics,
    }
}

fn refused(diagnostic: Diagnostic) -> Parsed {
    Parsed {
        root: None,
        diagnostics: vec![diagnostic],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn trees() {
        for (text, expected) in [
            ("a: 1", json!({"a": 1})),
            ("a:\n- 1\n- b: c\n", json!({"a": [1, {"b": "c"}]})),
            (
                "--- \na: {b: [x, 1.5], c: }\n...\n",
                json!({"a": {"b": ["x", 1.5], "c": null}}),
            ),
            (
                "a: &x {b: 1}\nc: *x\nd: {<<: *x, b: 2, e: 3}",
                json!({"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 2, "e": 3}}),
            ),
            (
                "\u{feff}a: é\r\nb: |\r\n  x\r\n  y\r\n",
                json!({"a": "é", "b": "x\ny\n"}),
            ),
            ("1: a\ntrue: b", json!({"1": "a", "true": "b"})),
        ] {
            let parsed = parse(text, &Limits::default());
            assert_eq!(parsed.diagnostics, [], "{text}");
            assert_eq!(
                parsed.root.map(|root| root.to_json()),
                Some(expected),
                "{text}"
            );
        }
    }
}
