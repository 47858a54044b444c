//! Makes nodes of the document that have no text of their own in the source.

use std::ops::Range;
use std::sync::Arc;

use taffrail_core::yaml::{Entry, Node, NodeKind, Scalar, ScalarStyle, ScalarValue, Span};

/// The place of something that was read.
pub(crate) fn place(of: &impl hcl_edit::Span) -> Span {
    of.span().map_or_else(Span::default, range)
}

pub(crate) fn range(range: Range<usize>) -> Span {
    let at = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    Span {
        start: at(range.start),
        end: at(range.end.max(range.start)),
    }
}

pub(crate) fn text(span: Span, text: impl Into<Arc<str>>) -> Node {
    scalar(span, text.into(), ScalarValue::Text)
}

pub(crate) fn int(span: Span, number: i64) -> Node {
    scalar(span, number.to_string().into(), ScalarValue::Int(number))
}

pub(crate) fn float(span: Span, number: f64) -> Node {
    scalar(span, number.to_string().into(), ScalarValue::Float(number))
}

pub(crate) fn bool(span: Span, flag: bool) -> Node {
    scalar(span, flag.to_string().into(), ScalarValue::Bool(flag))
}

pub(crate) fn null(span: Span) -> Node {
    scalar(span, "null".into(), ScalarValue::Null)
}

fn scalar(span: Span, text: Arc<str>, value: ScalarValue) -> Node {
    Node {
        span,
        kind: NodeKind::Scalar(Scalar {
            text,
            style: ScalarStyle::Made,
            value,
        }),
    }
}

pub(crate) fn list(span: Span, items: Vec<Node>) -> Node {
    Node {
        span,
        kind: NodeKind::List(items),
    }
}

/// A map. Of two entries of one key the later one stands, as in the language that it was written in.
pub(crate) fn map(span: Span, entries: Vec<Entry>) -> Node {
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match kept.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => *known = entry,
            None => kept.push(entry),
        }
    }
    Node {
        span,
        kind: NodeKind::Map(kept),
    }
}

pub(crate) fn entry(key: impl Into<Arc<str>>, key_span: Span, value: Node) -> Entry {
    Entry {
        key: key.into(),
        key_span,
        value,
    }
}

/// Moves every place of a node, for what was written in another file.
pub(crate) fn move_to(node: &mut Node, span: Span) {
    node.span = span;
    match &mut node.kind {
        NodeKind::Scalar(_) => {}
        NodeKind::List(items) => items.iter_mut().for_each(|item| move_to(item, span)),
        NodeKind::Map(entries) => {
            for entry in entries {
                entry.key_span = span;
                move_to(&mut entry.value, span);
            }
        }
    }
}
