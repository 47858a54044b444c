//! YAML with places: the one reader that decides what a flow file means.

mod characters;
mod compose;
mod events;
mod keys;
mod layout;
mod limits;
mod lines;
mod node;
mod outline;
mod path;
mod place;
mod pointer;
mod read;
mod resolve;
mod source;
mod syntax;
#[cfg(test)]
mod tests;
mod unquoted;

pub use limits::Limits;
pub use node::{Entry, Node, NodeKind, Scalar, ScalarStyle, ScalarValue, Span};
pub use path::{push_index, push_key};
pub use place::{scalar_offset_to_source, scalar_span_to_source};
pub use read::{Parsed, parse};
