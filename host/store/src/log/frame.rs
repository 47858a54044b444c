//! One frame: eight bytes of length and checksum, then the body.

use crc32fast::Hasher;

/// The longest body, in bytes. The engine hands out at most a quarter of it at once.
pub(crate) const MAX_BODY: usize = 4 * 1024 * 1024;

/// Length and checksum.
pub(crate) const FRAME_HEAD: usize = 8;

/// What stands before the payload: kind, task run, time.
pub(crate) const BODY_HEAD: usize = 13;

/// What a frame holds. The numbers are a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A task run begins; the payload is a JSON object that says what it is called. The number of the run holds from here on.
    Run = 1,
    /// Whole lines of standard output.
    Stdout = 2,
    /// Whole lines of standard error.
    Stderr = 3,
    /// A piece of an overlong line of standard output, which goes on in the next frame of the stream.
    StdoutPiece = 4,
    /// The same of standard error.
    StderrPiece = 5,
    /// A log line sent through the protocol: a level, a blank, the message.
    Said = 6,
    /// Something is wrong with what the task sent.
    Warning = 7,
    /// A metric: name, value, tags.
    Metric = 8,
    /// The attempt of a task run begins its output anew: what it said before comes again, and does not count.
    Again = 9,
    /// A task run has ended; the payload is its state.
    Ended = 10,
    /// Something could not be written; the payload says how many bytes of output are missing here.
    Gap = 11,
    /// The execution has ended; the payload is its state.
    Over = 12,
}

impl Kind {
    const ALL: [Kind; 12] = [
        Kind::Run,
        Kind::Stdout,
        Kind::Stderr,
        Kind::StdoutPiece,
        Kind::StderrPiece,
        Kind::Said,
        Kind::Warning,
        Kind::Metric,
        Kind::Again,
        Kind::Ended,
        Kind::Gap,
        Kind::Over,
    ];

    fn of(byte: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it holds.
    pub kind: Kind,
    /// The number of the task run in this log, from 1; 0 where it is of none.
    pub run: u32,
    /// When it was written, in microseconds since 1970.
    pub time: i64,
    /// The rest.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// All that stands before the payload. The payload must not be longer than [`MAX_BODY`] allows.
    pub(crate) fn head(&self) -> [u8; FRAME_HEAD + BODY_HEAD] {
        let length = u32::try_from(BODY_HEAD + self.payload.len()).unwrap_or(u32::MAX);
        let mut head = [0; FRAME_HEAD + BODY_HEAD];
        head[..4].copy_from_slice(&length.to_le_bytes());
        head[8] = self.kind as u8;
        head[9..13].copy_from_slice(&self.run.to_le_bytes());
        head[13..21].copy_from_slice(&self.time.to_le_bytes());
        let mut hasher = Hasher::new();
        // The length is guarded as well: one that is wrong would send the reader anywhere.
        hasher.update(&head[..4]);
        hasher.update(&head[8..]);
        hasher.update(self.payload);
        head[4..8].copy_from_slice(&hasher.finalize().to_le_bytes());
        head
    }

    /// The length of a body by the head of its frame; nothing where no frame begins so.
    pub(crate) fn body_length(head: &[u8; FRAME_HEAD]) -> Option<usize> {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        (BODY_HEAD..=MAX_BODY).contains(&length).then_some(length)
    }

    /// Reads a body; nothing where it is not what was written.
    pub(crate) fn parse(head: &[u8; FRAME_HEAD], body: &'a [u8]) -> Option<Self> {
        let mut hasher = Hasher::new();
        hasher.update(&head[..4]);
        hasher.update(body);
        let expected = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if hasher.finalize() != expected || body.len() < BODY_HEAD {
            return None;
        }
        let (start, payload) = body.split_at(BODY_HEAD);
        Some(Frame {
            kind: Kind::of(start[0])?,
            run: u32::from_le_bytes(start[1..5].try_into().ok()?),
            time: i64::from_le_bytes(start[5..13].try_into().ok()?),
            payload,
        })
    }
}
