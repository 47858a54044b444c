//! The log of an execution: a file of frames that only grows. Each frame has its length and a checksum, so that what a crash left of
//! the last one is seen and cut, and never taken for something that was said.

mod frame;
mod reader;
mod writer;

pub use frame::{Frame, Kind};
pub use reader::{LogReader, Read};
pub use writer::LogWriter;

/// The log's file in an execution's directory.
pub const FILE: &str = "log";

/// What the file begins with: what it is, and the version of its form.
pub(crate) const HEAD: &[u8; 8] = b"TFLOG\x00\x01\n";
