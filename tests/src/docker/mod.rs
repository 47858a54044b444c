//! Container engines, images, a registry and a faulty connection for tests: real parts, each of which ends with whoever holds it.
//!
//! It knows nothing of the host's crates, so that what the host's own client gets wrong does not go unseen here.

pub mod api;
pub mod engine;
pub mod images;
pub mod proxy;
pub mod registry;
pub mod tar;

use std::io::Write;

/// Says that a test was left out, in the line that `tests/run.sh` looks for.
pub fn skipped(what: &str, why: &str) {
    // Not by a macro, whose output the test harness keeps to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}: {why}");
}
