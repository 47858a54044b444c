//! YAML with places: the one reader that decides what a flow file means.

mod node;

pub use node::{Entry, Node, NodeKind, Scalar, ScalarStyle, ScalarValue, Span};
