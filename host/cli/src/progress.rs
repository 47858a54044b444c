//! One line on standard error that says how far a long step has come; on a terminal it moves, elsewhere it speaks up now and then.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::args::Global;
use crate::outlet::{self, To};

/// How often the line of a terminal changes.
const FRAME: Duration = Duration::from_millis(100);
/// How often a line is written where lines stay.
const LINE: Duration = Duration::from_secs(10);

/// The progress of one step.
pub struct Progress {
    quiet: bool,
    terminal: bool,
    began: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// A step that begins now. Nothing is shown with `--quiet`.
    pub fn new(global: &Global) -> Self {
        Self {
            quiet: global.quiet,
            terminal: std::io::stderr().is_terminal(),
            began: Instant::now(),
            shown: None,
        }
    }

    /// How long the step has been going on.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Says how far it is; most calls show nothing.
    pub fn say(&mut self, text: &str) {
        let pause = if self.terminal { FRAME } else { LINE };
        // A step that is done at once has no progress to show.
        let waited = self.shown.unwrap_or(self.began).elapsed();
        if self.quiet || waited < pause {
            return;
        }
        self.shown = Some(Instant::now());
        let text = taffrail_core::text::printable(text);
        let shown = if self.terminal {
            format!("\r\x1b[K{text}")
        } else {
            format!("{text}\n")
        };
        outlet::write(To::Stderr, shown.as_bytes());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal && self.shown.is_some() {
            outlet::write(To::Stderr, b"\r\x1b[K");
        }
    }
}

/// A size as people say it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
