//! Knows an expression that lacks its quotes: YAML reads `{{ x }}` as a map in a map.

use std::sync::Arc;

use super::source::make_span;
use super::{Node, NodeKind, Scalar, ScalarStyle, ScalarValue, Span};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::clip;

/// A value that was replaced in the text, byte for byte, by letters that YAML takes for text.
pub(super) struct Repair {
    pub(super) span: Span,
    /// What stood there.
    pub(super) text: String,
}

/// Whether an expression or a template tag begins here.
pub(super) fn begins(text: &str, at: usize) -> bool {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    rest.starts_with(b"{{") || rest.starts_with(b"{%")
}

/// The whole value that begins with an expression, or with a text before one: to the end of its line without a comment, or, inside a flow collection, to what
/// ends an entry. A value that is not closed reaches to the end of its line.
pub(super) fn value(text: &str, start: usize, in_flow: bool) -> Span {
    let bytes = text.as_bytes();
    let line_end = |from: usize| {
        memchr::memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |offset| from + offset)
    };
    let trimmed = |end: usize| start + text[start..end].trim_end().len();
    let mut at = start;
    let mut end = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' => break,
            b'#' if matches!(bytes[at - 1], b' ' | b'\t') => break,
            b',' | b']' | b'}' if in_flow => break,
            b':' if matches!(bytes.get(at + 1), None | Some(b' ' | b'\n' | b'\r' | b'\t')) => break,
            b'{' if begins(text, at) => {
                let Some(next) = expression_end(text, at) else {
                    return make_span(start, trimmed(line_end(at)));
                };
                at = next;
                end = at;
                continue;
            }
            b' ' | b'\t' | b'\r' => {}
            _ => end = at + 1,
        }
        at += 1;
    }
    make_span(start, end)
}

/// Where the expression that begins at `start` ends. It may go on in lines that are indented deeper than its own.
fn expression_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let closing = match bytes.get(start + 1)? {
        b'{' => b"}}",
        _ => b"%}",
    };
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let indentation = blanks(&bytes[line_start..]);
    let mut at = start + 2;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\'' | b'"' => {
                let rest = &bytes[at + 1..];
                let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
                // A quote without a partner in its line is an apostrophe.
                at += memchr::memchr(byte, line).map_or(0, |offset| offset + 1);
            }
            b'\n' if blanks(&bytes[at + 1..]) <= indentation => return None,
            b'{' if begins(text, at) => return None,
            _ if bytes[at..].starts_with(closing) => return Some(at + 2),
            _ => {}
        }
        at += 1;
    }
    None
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == b' ').count()
}

/// The diagnostic for an expression, with quotes drawn round it.
pub(super) fn diagnostic(text: &str, span: Span) -> Diagnostic {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = clip(&one_line, 60);
    let start = (0..text.len()).find(|at| begins(text, *at));
    let closed = start.is_some_and(|start| expression_end(text, start).is_some());
    let what = if start == Some(0) {
        "the expression"
    } else {
        "the value with an expression"
    };
    let message = if closed {
        format!("{what} `{shown}` is not quoted")
    } else {
        format!("{what} `{shown}` is neither closed nor quoted")
    };
    let diagnostic = Diagnostic::error(Code::UnquotedExpression, span, message)
        .label("YAML reads `{` as the start of a map");
    if closed {
        diagnostic.fix("put quotes round the value", span, quoted(text))
    } else {
        diagnostic.help("close it and put quotes round the value")
    }
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

/// The text in those quotes that need fewer escapes.
pub(super) fn quoted(text: &str) -> String {
    if !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_their_author_meant() {
        for (text, in_flow, expected) in [
            ("{{ x }}", false, "{{ x }}"),
            ("{{ x }} # why", false, "{{ x }}"),
            (
                "{{ x }}/é-{{ y }}.csv  \nb: 1",
                false,
                "{{ x }}/é-{{ y }}.csv",
            ),
            ("{{ x }}, b]", true, "{{ x }}"),
            ("{{ x }}, b", false, "{{ x }}, b"),
            ("{{ x }}: 1", false, "{{ x }}"),
            ("{{ x }}:8080", false, "{{ x }}:8080"),
            ("{{ '}}' }}a", false, "{{ '}}' }}a"),
            ("{{ it's }} b", false, "{{ it's }} b"),
            ("{{ x", false, "{{ x"),
            ("{{ x \r\nb: {{ y }}", false, "{{ x"),
            ("{{ x\n  | upper }}\nb: 1", false, "{{ x\n  | upper }}"),
            ("{% if x %}y{% endif %}", false, "{% if x %}y{% endif %}"),
            ("{{ x }}{{ y", false, "{{ x }}{{ y"),
            ("a b {{ x, 1 }} c, d]", true, "a b {{ x, 1 }} c"),
            ("a \"{{ x }}\"]", true, "a \"{{ x }}\""),
        ] {
            let span = value(text, 0, in_flow);
            assert_eq!(&text[..span.end as usize], expected, "{text}");
        }
    }

    #[test]
    fn quotes_are_those_that_fit() {
        for (text, expected) in [
            ("{{ x }}", "\"{{ x }}\""),
            ("{{ 'x' }}", "\"{{ 'x' }}\""),
            ("{{ \"x\" }}", "'{{ \"x\" }}'"),
            ("{{ \"x\" ~ 'y' }}", "'{{ \"x\" ~ ''y'' }}'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
