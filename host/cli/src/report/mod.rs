//! What a run looks like: the same events as text, as JSON at the end, or as JSON lines.

mod journal;
mod lines;
mod ndjson;
mod pull;
mod text;

pub use journal::{Journal, Log, RunHead};
pub use lines::LinePrefix;
pub use ndjson::NdjsonReporter;
pub use text::{TextReporter, complain};
