//! YAML with places: the one reader that decides what a flow file means.

mod compose;
mod events;
mod keys;
mod limits;
mod node;
mod path;
mod read;
mod resolve;
mod source;
mod unquoted;

pub use limits::Limits;
pub use node::{Entry, Node, NodeKind, Scalar, ScalarStyle, ScalarValue, Span};
pub use path::{push_index, push_key};
pub use read::{Parsed, parse};
