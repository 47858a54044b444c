//! What a task prints, from raw bytes to what may be shown: lines, the `::{...}::` protocol, masking, records.
//!
//! Order matters and is the caller's duty: lines first, protocol markers from the raw line, then the mask, then the sink.

pub mod level;
pub mod line;
pub mod mask;
pub mod metric;
pub mod protocol;
pub mod record;
pub mod vars;

pub use level::LogLevel;
pub use line::{Block, LineSplitter, lines};
pub use mask::{MaskStream, Masker};
pub use metric::{Metric, MetricKind, Metrics};
pub use protocol::{Frame, LogEntry, MarkerScanner, Segment};
pub use record::{RecordHead, append_records};
pub use vars::Vars;
