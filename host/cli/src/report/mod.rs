//! What a run looks like: the same events as text, as JSON at the end, or as JSON lines.

mod journal;
mod lines;
mod ndjson;
mod pull;
mod text;

use taffrail_engine::event::{Event, Reporter};

pub use journal::Journal;
pub use lines::LinePrefix;
pub use ndjson::NdjsonReporter;
pub use text::{TextReporter, Where, complain};

/// Gives every event to several reporters, in order.
pub struct Several(pub Vec<Box<dyn Reporter>>);

impl Reporter for Several {
    fn event(&mut self, event: &Event<'_>) {
        for reporter in &mut self.0 {
            reporter.event(event);
        }
    }
}
