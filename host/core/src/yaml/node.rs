//! The tree of a YAML document in which every node, keys included, keeps its place in the source.

use std::sync::Arc;

/// A range of bytes of the source text, on character borders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span that never ends before it starts, whatever a parser says of a damaged text.
    pub(super) fn between(start: u32, end: u32) -> Self {
        Self {
            start,
            end: end.max(start),
        }
    }
}

/// A node and its place. Aliases are resolved and merge keys applied; such nodes keep the place where they were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands. For scalars quotes and block headers are included; for collections it reaches from the first to the last entry.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// A single value.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the source, no key twice.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key's text.
    pub key: Arc<str>,
    /// The key's place.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A scalar with the text it was written as.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The text after quotes, escapes and folding; for a plain scalar exactly what was written (`1.10` stays `1.10`).
    pub text: Arc<str>,
    /// How it was written.
    pub style: ScalarStyle,
    /// What it means (YAML 1.2 core schema): only plain scalars are anything but text.
    pub value: ScalarValue,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
    /// Made from what was written in another language: no part of the text has a place of its own.
    Made,
}

/// What a scalar means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScalarValue {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number in 64 bits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text,
}

impl Node {
    /// The value of a key, where the node is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key, where the node is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// The entries of a mapping; nothing for other nodes.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; nothing for other nodes.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            NodeKind::List(items) => items,
            _ => &[],
        }
    }

    /// The scalar, where the node is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar that means text.
    pub fn text(&self) -> Option<&str> {
        self.scalar()
            .filter(|scalar| scalar.value == ScalarValue::Text)
            .map(|scalar| &*scalar.text)
    }

    /// Whether the node is a null scalar.
    pub fn is_null(&self) -> bool {
        self.scalar()
            .is_some_and(|scalar| scalar.value == ScalarValue::Null)
    }

    /// The word for what the node is, as messages use it.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
            NodeKind::Scalar(scalar) => match scalar.value {
                ScalarValue::Null => "nothing",
                ScalarValue::Bool(_) => "a boolean",
                ScalarValue::Int(_) => "a whole number",
                ScalarValue::Float(_) => "a number",
                ScalarValue::Text => "text",
            },
        }
    }

    /// The node as a JSON value. A whole number stays one; not-a-number and infinity become text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            NodeKind::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            NodeKind::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.to_string(), entry.value.to_json()))
                    .collect(),
            ),
            NodeKind::Scalar(scalar) => match scalar.value {
                ScalarValue::Null => Value::Null,
                ScalarValue::Bool(value) => Value::Bool(value),
                ScalarValue::Int(value) => Value::from(value),
                ScalarValue::Float(value) => serde_json::Number::from_f64(value)
                    .map_or_else(|| Value::from(&*scalar.text), Value::Number),
                ScalarValue::Text => Value::from(&*scalar.text),
            },
        }
    }
}
