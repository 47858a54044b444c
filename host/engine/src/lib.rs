//! The order of events: one task from its settings to its record, and a flow from its first task to its last.
//!
//! The engine knows ports, not adapters: it never names a backend, a language, a terminal or a file format.

pub mod cancel;
pub mod confined;
pub mod drive;
pub mod ports;
pub mod storage;
#[cfg(feature = "testing")]
pub mod testing;
