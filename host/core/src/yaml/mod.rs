//! YAML with places: the one reader that decides what a flow file means.
//!
//! Flows are read by a composer of our own over the events of `saphyr-parser`. What decided it: the events carry the start and the
//! end of every node and the style and source text of every scalar (`1.10` stays `1.10`, an error inside an expression can be
//! pointed at through quotes and folding); mistakes such as duplicate keys are ours to note, so one run tells all of them, where
//! serde-based readers stop at the first; merge keys, alias budgets and the refusal of tags are applied here, with places; and the
//! tree costs about what `serde_yaml` needs for a value without places (`benches/yaml.rs` measures both in one run). `serde_yaml`,
//! the maintained fork under that name, reads and writes what has no places to show. Never both on the same file: they differ on
//! duplicate keys, merge keys and `010` (`tests/second_reader.rs`).
//!
//! The parser counts places in characters; they are turned into bytes once, in `events.rs`, which alone knows the crate.

mod characters;
mod compose;
mod events;
mod keys;
mod layout;
mod limits;
mod lines;
mod maps;
mod node;
mod notes;
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
