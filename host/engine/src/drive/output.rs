//! What a program wrote, from chunks to sink: lines, then the protocol from the raw line, then the mask.

use memchr::memchr_iter;
use serde_json::{Map, Value};
use taffrail_core::launch::Stream;
use taffrail_core::output::{
    Block, Frame, LineSplitter, LogLevel, MarkerScanner, MaskStream, Masker, Metric, Metrics,
    Segment, Vars, lines,
};

use super::{OutputSink, TaskOutput};
use crate::ports::BoxFuture;

/// How many of the last lines are kept.
pub const TAIL_LINES: usize = 20;

/// How many of the last bytes are kept at most.
pub const TAIL_BYTES: usize = 16 * 1024;

/// How many bytes of each stream are kept where they are to become outputs.
pub const CAPTURE_BYTES: usize = 4 * 1024 * 1024;

/// How much of a bad marker a warning shows, in characters.
const SHOWN_OF_A_MARKER: usize = 200;

pub(super) struct Pipeline<'s> {
    stdout: Channel,
    stderr: Channel,
    common: Common<'s>,
    captured: Option<Captured>,
}

/// What a program printed, markers and secrets included: later tasks get it as it is.
#[derive(Debug, Default)]
pub struct Captured {
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
    /// Whether one of them was longer than what is kept.
    pub cut: bool,
}

impl Captured {
    fn push(&mut self, stream: Stream, chunk: &[u8]) {
        let kept = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let room = CAPTURE_BYTES - kept.len();
        self.cut |= chunk.len() > room;
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
}

/// What both streams share.
struct Common<'s> {
    masker: Masker,
    sink: &'s mut dyn OutputSink,
    vars: Vars,
    metrics: Metrics,
    metrics_overflowed: bool,
}

/// One stream.
struct Channel {
    splitter: LineSplitter,
    markers: MarkerScanner,
    text: Text,
    lines: u64,
}

/// The text of one stream: masked, cut into lines again, counted among the last.
struct Text {
    stream: Stream,
    mask: MaskStream,
    realigned: LineSplitter,
    tail: Tail,
}

/// What is known at the end.
pub(super) struct Finished {
    pub(super) vars: Map<String, Value>,
    pub(super) metrics: Vec<Metric>,
    pub(super) captured: Option<Captured>,
    pub(super) stdout: FinishedStream,
    pub(super) stderr: FinishedStream,
}

pub(super) struct FinishedStream {
    pub(super) lines: u64,
    pub(super) tail: Vec<String>,
}

impl<'s> Pipeline<'s> {
    pub(super) fn new(masker: Masker, capture: bool, sink: &'s mut dyn OutputSink) -> Self {
        Pipeline {
            captured: capture.then(Captured::default),
            stdout: Channel::new(Stream::Stdout, &masker),
            stderr: Channel::new(Stream::Stderr, &masker),
            common: Common {
                masker,
                sink,
                vars: Vars::default(),
                metrics: Metrics::default(),
                metrics_overflowed: false,
            },
        }
    }

    /// Takes what was read next from a stream.
    pub(super) fn output(&mut self, stream: Stream, chunk: &[u8]) {
        if let Some(captured) = &mut self.captured {
            captured.push(stream, chunk);
        }
        let channel = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let Channel {
            splitter,
            markers,
            text,
            lines,
            ..
        } = channel;
        let common = &mut self.common;
        splitter.push(chunk, |block| {
            take_block(block, markers, text, lines, common)
        });
    }

    /// What is waited for before more is read.
    pub(super) fn room(&self) -> Option<BoxFuture<'static, ()>> {
        self.common.sink.room()
    }

    pub(super) fn warn(&mut self, message: &str) {
        self.common.warn(message);
    }

    /// Both streams have ended.
    pub(super) fn finish(mut self) -> Finished {
        let stdout = self.stdout.finish(&mut self.common);
        let stderr = self.stderr.finish(&mut self.common);
        Finished {
            vars: self.common.vars.into_map(),
            metrics: self.common.metrics.into_list(),
            captured: self.captured,
            stdout,
            stderr,
        }
    }
}

impl Channel {
    fn new(stream: Stream, masker: &Masker) -> Self {
        Channel {
            splitter: LineSplitter::default(),
            markers: MarkerScanner::default(),
            text: Text {
                stream,
                mask: masker.stream(),
                realigned: LineSplitter::default(),
                tail: Tail::default(),
            },
            lines: 0,
        }
    }

    fn finish(self, common: &mut Common<'_>) -> FinishedStream {
        let Channel {
            mut splitter,
            mut markers,
            mut text,
            mut lines,
            ..
        } = self;
        splitter.finish(|block| take_block(block, &mut markers, &mut text, &mut lines, common));
        text.finish(common);
        FinishedStream {
            lines,
            tail: text.tail.into_lines(),
        }
    }
}

fn take_block(
    block: Block<'_>,
    markers: &mut MarkerScanner,
    text: &mut Text,
    lines: &mut u64,
    common: &mut Common<'_>,
) {
    *lines += memchr_iter(b'\n', block.bytes).count() as u64;
    let continued = block.continued;
    markers.scan(block, |segment| match segment {
        Segment::Text(bytes) => text.take(bytes, continued, common),
        Segment::Marker { line, json } => match Frame::parse(json) {
            Ok(frame) => common.frame(frame),
            Err(reason) => {
                common.bad_marker(line, &reason);
                text.take(line, false, common);
            }
        },
        Segment::OversizedMarker => {
            common.warn("a `::{...}::` line longer than 1 MiB is not read; it is kept as text");
        }
    });
}

impl Text {
    fn take(&mut self, bytes: &[u8], continued: bool, common: &mut Common<'_>) {
        let Text {
            stream,
            mask,
            realigned,
            tail,
        } = self;
        if mask.is_passing() {
            show(*stream, Block { bytes, continued }, tail, common);
        } else {
            mask.push(bytes, |masked| {
                realigned.push(masked, |block| show(*stream, block, tail, common))
            });
        }
    }

    fn finish(&mut self, common: &mut Common<'_>) {
        let Text {
            stream,
            mask,
            realigned,
            tail,
        } = self;
        mask.finish(|masked| realigned.push(masked, |block| show(*stream, block, tail, common)));
        realigned.finish(|block| show(*stream, block, tail, common));
    }
}

fn show(stream: Stream, block: Block<'_>, tail: &mut Tail, common: &mut Common<'_>) {
    tail.push(block.bytes);
    common.sink.output(TaskOutput::Lines {
        stream,
        bytes: block.bytes,
        continued: block.continued,
    });
}

impl Common<'_> {
    fn warn(&mut self, message: &str) {
        self.sink
            .output(TaskOutput::Warning(&self.masker.mask_text(message)));
    }

    fn bad_marker(&mut self, line: &[u8], reason: &str) {
        // Masked as a whole before it is cut, so that no half of a secret is left at the cut.
        let line = String::from_utf8_lossy(line);
        let line = self.masker.mask_text(line.trim_end());
        let mut shown: String = line.chars().take(SHOWN_OF_A_MARKER).collect();
        if shown.len() < line.len() {
            shown.push('…');
        }
        let reason = self.masker.mask_text(reason);
        self.sink.output(TaskOutput::Warning(&format!(
            "this `::{{...}}::` line is not read, because {reason}: {shown}"
        )));
    }

    fn frame(&mut self, frame: Frame) {
        for warning in &frame.warnings {
            self.warn(&format!("in a `::{{...}}::` line: {warning}"));
        }
        if let Err(reason) = self.vars.merge(frame.outputs) {
            self.warn(&reason);
        }
        for metric in frame.metrics {
            self.metric(metric);
        }
        for entry in &frame.logs {
            let message = self.masker.mask_text(&entry.message);
            self.sink.output(TaskOutput::Log {
                level: entry.level,
                message: &message,
            });
        }
        for note in &frame.notes {
            self.sink.output(TaskOutput::Log {
                level: LogLevel::Debug,
                message: note,
            });
        }
    }

    fn metric(&mut self, mut metric: Metric) {
        if !self.masker.is_empty() {
            metric.name = self.masker.mask_text(&metric.name).into_owned();
            metric.tags = metric
                .tags
                .iter()
                .map(|(name, value)| {
                    (
                        self.masker.mask_text(name).into_owned(),
                        self.masker.mask_text(value).into_owned(),
                    )
                })
                .collect();
        }
        if self.metrics.add(&metric) {
            self.sink.output(TaskOutput::Metric(&metric));
        } else if !std::mem::replace(&mut self.metrics_overflowed, true) {
            self.warn(
                "the task sent too many different metrics; from here on, new ones are left out",
            );
        }
    }
}

/// The last bytes of a stream, cheap to keep however much passes.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    cut: bool,
}

impl Tail {
    fn push(&mut self, block: &[u8]) {
        if block.len() >= TAIL_BYTES {
            self.cut |= block.len() > TAIL_BYTES || !self.bytes.is_empty();
            self.bytes.clear();
            self.bytes
                .extend_from_slice(&block[block.len() - TAIL_BYTES..]);
            return;
        }
        // Twice the size before anything moves, so that each byte moves at most once.
        if self.bytes.len() + block.len() > 2 * TAIL_BYTES {
            self.shrink(TAIL_BYTES - block.len());
        }
        self.bytes.extend_from_slice(block);
    }

    fn shrink(&mut self, to: usize) {
        if self.bytes.len() > to {
            self.bytes.drain(..self.bytes.len() - to);
            self.cut = true;
        }
    }

    fn into_lines(mut self) -> Vec<String> {
        self.shrink(TAIL_BYTES);
        if self.bytes.is_empty() {
            return Vec::new();
        }
        let all: Vec<&[u8]> = lines(&self.bytes).collect();
        // Of a line that was cut, the end alone would mislead, unless it is all there is.
        let first =
            usize::from(self.cut && all.len() > 1).max(all.len().saturating_sub(TAIL_LINES));
        all[first..]
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    }
}
