//! What a plugin says during one call: capped, made harmless, passed on to `tracing`, its last complaint kept for the report.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::TierLimits;
use crate::text::harmless;

/// Longest complaint that is quoted in a report, in bytes.
const LONGEST_COMPLAINT: usize = 2_000;

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Who speaks. Before a plugin has described itself, its file's name stands for its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Speaker {
    /// The plugin's id.
    pub(crate) plugin: String,
    /// The plugin's version; empty where it is not known yet.
    pub(crate) version: String,
}

/// The log of one call, shared by all that the guest can write to.
#[derive(Clone)]
pub(crate) struct CallLog(Arc<Mutex<Inner>>);

struct Inner {
    speaker: Arc<Speaker>,
    lines_left: usize,
    bytes_left: usize,
    lines_dropped: u64,
    bytes_dropped: u64,
    complaint: Option<String>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Lines that are passed on at the end, where it is not sure yet that the call counts.
    held: Option<Vec<(Level, String)>>,
}

/// A standard stream of a WASI guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Its lines are logged as information.
    Stdout,
    /// Its lines are logged as warnings, and the last one explains a trap.
    Stderr,
}

impl CallLog {
    pub(crate) fn new(speaker: Arc<Speaker>, limits: &TierLimits) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            speaker,
            lines_left: limits.log_lines,
            bytes_left: limits.log_bytes,
            lines_dropped: 0,
            bytes_dropped: 0,
            complaint: None,
            stdout: Vec::new(),
            stderr: Vec::new(),
            held: None,
        })))
    }

    /// Keeps all lines until it is [finished](Self::finish), or for nothing when it is not.
    pub(crate) fn hold(&self) {
        self.lock().held = Some(Vec::new());
    }

    /// One line through the logging interface.
    pub(crate) fn say(&self, level: Level, message: &str) {
        self.lock().say(level, message);
    }

    /// Bytes on a standard stream; never refused, so that a guest's print does not fail.
    pub(crate) fn write(&self, stream: Stream, bytes: &[u8]) {
        self.lock().write(stream, bytes);
    }

    /// Passes on lines that were kept and unfinished ones, and says how much was dropped. Nothing is written afterwards.
    pub(crate) fn finish(&self) {
        let mut inner = self.lock();
        for (level, message) in inner.held.take().into_iter().flatten() {
            inner.pass_on(level, &message);
        }
        for stream in [Stream::Stdout, Stream::Stderr] {
            inner.end_line(stream);
        }
        if inner.lines_dropped > 0 || inner.bytes_dropped > 0 {
            let speaker = &inner.speaker;
            tracing::warn!(
                target: "taffrail::plugin",
                plugin = %speaker.plugin,
                version = %speaker.version,
                "log limit of one call reached: {} more lines, {} bytes dropped",
                inner.lines_dropped,
                inner.bytes_dropped,
            );
        }
    }

    /// The last line at level `error`, or the last line on stderr, as it may stand in a message.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.lock().complaint.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn say(&mut self, level: Level, message: &str) {
        if level == Level::Error {
            self.complain(message);
        }
        if self.lines_left == 0 || message.len() > self.bytes_left {
            self.lines_dropped += 1;
            self.bytes_dropped += message.len() as u64;
            return;
        }
        self.lines_left -= 1;
        self.bytes_left -= message.len();
        match &mut self.held {
            Some(held) => held.push((level, message.to_owned())),
            None => self.pass_on(level, message),
        }
    }

    fn pass_on(&self, level: Level, message: &str) {
        // One call site per level: tracing wants the level to be a constant.
        macro_rules! line {
            ($level:ident) => {
                tracing::event!(
                    target: "taffrail::plugin",
                    tracing::Level::$level,
                    plugin = %self.speaker.plugin,
                    version = %self.speaker.version,
                    "{}",
                    harmless(message),
                )
            };
        }
        match level {
            Level::Trace => line!(TRACE),
            Level::Debug => line!(DEBUG),
            Level::Info => line!(INFO),
            Level::Warn => line!(WARN),
            Level::Error => line!(ERROR),
        }
    }

    fn complain(&mut self, message: &str) {
        let end = message.floor_char_boundary(LONGEST_COMPLAINT);
        self.complaint = Some(harmless(&message[..end]));
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        for (position, piece) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if position > 0 {
                self.end_line(stream);
            }
            let room = LONGEST_COMPLAINT.saturating_sub(self.line(stream).len());
            let (kept, rest) = piece.split_at(piece.len().min(room));
            self.line(stream).extend_from_slice(kept);
            self.bytes_dropped += rest.len() as u64;
        }
    }

    fn line(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn end_line(&mut self, stream: Stream) {
        let line = std::mem::take(self.line(stream));
        if line.is_empty() {
            return;
        }
        let line = String::from_utf8_lossy(&line);
        match stream {
            Stream::Stdout => self.say(Level::Info, &line),
            Stream::Stderr => {
                // The hint that Rust's own panic report ends with would hide the panic's text.
                if !line.trim().is_empty() && !line.starts_with("note: run with `RUST_BACKTRACE") {
                    self.complain(&line);
                }
                self.say(Level::Warn, &line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> CallLog {
        let limits = TierLimits {
            log_lines: 3,
            log_bytes: 100,
            ..TierLimits::standard()
        };
        CallLog::new(Arc::new(Speaker::default()), &limits)
    }

    #[test]
    fn the_last_complaint_is_kept_beyond_the_cap() {
        let log = log();
        for number in 0..10 {
            log.say(Level::Info, &format!("line {number}"));
        }
        log.say(Level::Error, "boom\x1b[0m");
        log.say(Level::Info, "after");
        assert_eq!(log.complaint().as_deref(), Some("boom\\u{1b}[0m"));
        assert_eq!(log.lock().lines_dropped, 9);
    }

    #[test]
    fn stderr_of_a_wasi_guest_explains_a_trap() {
        let log = log();
        log.write(Stream::Stdout, b"not this\n");
        log.write(
            Stream::Stderr,
            b"thread 'main' panicked at src/lib.rs:1:1:\nno su",
        );
        log.write(
            Stream::Stderr,
            b"ch thing\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n",
        );
        log.finish();
        assert_eq!(log.complaint().as_deref(), Some("no such thing"));
    }

    #[test]
    fn what_is_held_is_passed_on_at_the_end_and_not_before() {
        let log = log();
        log.hold();
        log.say(Level::Error, "first");
        log.write(Stream::Stdout, b"second\nthird");
        let held = |log: &CallLog| log.lock().held.clone();
        let expected = [(Level::Error, "first"), (Level::Info, "second")];
        let expected = expected.map(|(level, text)| (level, text.to_owned()));
        assert_eq!(held(&log), Some(expected.to_vec()));
        assert_eq!(log.complaint().as_deref(), Some("first"));
        log.finish();
        assert_eq!(held(&log), None);
    }

    #[test]
    fn a_flood_on_stdout_is_taken_and_dropped() {
        let log = log();
        for _ in 0..1_000 {
            log.write(Stream::Stdout, &[b'x'; 4096]);
        }
        assert!(log.lock().stdout.len() <= LONGEST_COMPLAINT);
        assert!(log.lock().bytes_dropped > 4_000_000);
    }
}
