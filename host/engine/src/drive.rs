//! One launched program from its first output to its disposal: the only place where output, exit, cancel and deadline meet.
//!
//! Stopping is a phase of its own: ask, wait for the grace period, kill. Knows neither backends nor what a task is.

mod output;

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use taffrail_core::launch::Stream;
use taffrail_core::name::RelPath;
use taffrail_core::output::{LogLevel, Masker, Metric};
use tokio::time::Instant;

use crate::cancel::{Cancel, CancelLevel};
use crate::ports::{BoxFuture, Exit, Launched, RunnerError, Step, Stop};
use output::Pipeline;

/// How long a program that was killed may take to be seen as ended. A backend that needs longer has lost it.
pub const KILL_PATIENCE: Duration = Duration::from_secs(60);

/// After so many steps that were ready at once, others get a turn: a flood must not keep timers and signals waiting.
const STEPS_PER_TURN: u32 = 16;

/// Something that a running task said. Secrets are masked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TaskOutput<'a> {
    /// Plain output.
    Lines {
        /// Where it was written.
        stream: Stream,
        /// One or more whole lines, each ending in `\n`; where `continued`, a piece of one line without its end. The blocks of a
        /// stream, joined, are what the task wrote, but for the markers and for an end after the last line.
        bytes: &'a [u8],
        /// Whether this is a piece of an overlong line that goes on in the next block of the stream.
        continued: bool,
    },
    /// A log line sent through the protocol.
    Log {
        /// Its level.
        level: LogLevel,
        /// What it says.
        message: &'a str,
    },
    /// Something is wrong with what the task sent.
    Warning(&'a str),
    /// A metric sent through the protocol.
    Metric(&'a Metric),
}

/// Takes what a task says, in order.
pub trait OutputSink: Send {
    /// Takes one item, and does not wait for anybody.
    fn output(&mut self, item: TaskOutput<'_>);

    /// What is waited for before more is read, while the program waits; none where there is room.
    fn room(&self) -> Option<BoxFuture<'static, ()>> {
        None
    }
}

/// What ended a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// It ended by itself.
    Itself,
    /// Its time was over.
    Timeout,
    /// It was cancelled.
    Cancel,
}

/// How a program is to be driven.
#[derive(Debug, Clone)]
pub struct DriveSettings<'a> {
    /// How long it may run from now on; monotonic.
    pub deadline: Option<Duration>,
    /// How long it may take to end after it was asked to; zero kills at once.
    pub grace: Duration,
    /// The wish to end it.
    pub cancel: Cancel,
    /// The secrets to hide.
    pub masker: Masker,
    /// Whether what it prints is kept, up to [`CAPTURE_BYTES`] of each stream.
    pub capture: bool,
    /// What to bring back after it ended and before it is disposed of, however it ended.
    pub fetch: Option<FetchRequest<'a>>,
}

/// Files to bring back from a program that does not share this host's disk.
#[derive(Debug, Clone, Copy)]
pub enum FetchRequest<'a> {
    /// What matches; see [`Launched::fetch`].
    Matching {
        /// Which files and directories of the working directory.
        patterns: &'a [String],
        /// Into which directory of this host.
        into: &'a Path,
    },
    /// What the program changed; see [`Launched::fetch_changes`].
    Changes {
        /// The directory of this host that others share.
        into: &'a Path,
    },
}

/// What became of a program.
#[derive(Debug)]
pub struct Driven {
    /// How it ended; none where that is unknown, and then `failure` says why.
    pub exit: Option<Exit>,
    /// What ended it.
    pub ended_by: EndedBy,
    /// Why the backend could not go on.
    pub failure: Option<RunnerError>,
    /// Why the backend could not clean up. The result stands all the same.
    pub dispose_failure: Option<RunnerError>,
    /// What was brought back, where that was asked for and the program ended.
    pub fetched: Option<Result<Vec<RelPath>, RunnerError>>,
    /// The outputs that it sent, as they are: not masked.
    pub vars: Map<String, Value>,
    /// The metrics that it sent, summed up.
    pub metrics: Vec<Metric>,
    /// Lines on standard output, markers among them.
    pub stdout_lines: u64,
    /// Lines on standard error, markers among them.
    pub stderr_lines: u64,
    /// What it printed, not masked, where that was to be kept.
    pub captured: Option<Captured>,
    /// The last lines of standard output, masked; at most [`TAIL_LINES`] and [`TAIL_BYTES`].
    pub stdout_tail: Vec<String>,
    /// The last lines of standard error, as above.
    pub stderr_tail: Vec<String>,
}

pub use output::{CAPTURE_BYTES, Captured, TAIL_BYTES, TAIL_LINES};

enum Phase {
    Running,
    Asked,
    Killed,
}

enum Event {
    Cancel(CancelLevel),
    Timer,
    Step(Result<Step, RunnerError>),
}

/// Reads a program's output to the end, ends it when its time is over or it is cancelled, and disposes of it, whatever happens.
///
/// Must be awaited to its end: a dropped future leaves the ending to the backend's own `Drop`.
pub async fn drive(
    mut launched: Box<dyn Launched>,
    settings: DriveSettings<'_>,
    sink: &mut dyn OutputSink,
) -> Driven {
    let driven = follow(launched.as_mut(), settings, sink).await;
    let dispose_failure = launched.dispose().await.err();
    Driven {
        dispose_failure,
        ..driven
    }
}

/// The same without the disposal, for a program whose end is to be kept before anything of it goes.
pub async fn follow(
    launched: &mut dyn Launched,
    settings: DriveSettings<'_>,
    sink: &mut dyn OutputSink,
) -> Driven {
    let mut pipeline = Pipeline::new(settings.masker, settings.capture, sink);
    let mut buffer = Vec::new();
    let mut phase = Phase::Running;
    let mut timer = settings
        .deadline
        .and_then(|deadline| Instant::now().checked_add(deadline));
    let mut seen = CancelLevel::None;
    let mut ended_by = EndedBy::Itself;
    let mut exit = None;
    let mut failure = None;
    let mut steps = 0;

    loop {
        // What was killed says little more, and its end must be seen.
        let room = match phase {
            Phase::Running | Phase::Asked => pipeline.room(),
            Phase::Killed => None,
        };
        let next = async {
            if let Some(room) = room {
                room.await;
            }
            launched.next(&mut buffer).await
        };
        let event = tokio::select! {
            biased;
            level = settings.cancel.beyond(seen) => Event::Cancel(level),
            () = reached(timer) => Event::Timer,
            step = next => Event::Step(step),
        };
        let stop = match event {
            Event::Step(Ok(Step::Output(stream))) => {
                pipeline.output(stream, &buffer);
                steps += 1;
                if steps % STEPS_PER_TURN == 0 {
                    tokio::task::yield_now().await;
                }
                continue;
            }
            Event::Step(Ok(Step::Told(what))) => {
                pipeline.warn(&what);
                continue;
            }
            Event::Step(Ok(Step::Exited(how))) => {
                if how.timed_out && ended_by == EndedBy::Itself {
                    ended_by = EndedBy::Timeout;
                }
                exit = Some(how);
                break;
            }
            Event::Step(Err(error)) => {
                failure = Some(error);
                break;
            }
            Event::Cancel(level) => {
                seen = level;
                if let Phase::Running = phase {
                    ended_by = EndedBy::Cancel;
                }
                match (&phase, level) {
                    (Phase::Killed, _) => continue,
                    (Phase::Asked, CancelLevel::Ask) => continue,
                    (_, CancelLevel::Kill) => Stop::Kill,
                    _ => Stop::Ask,
                }
            }
            Event::Timer => match phase {
                Phase::Running => {
                    ended_by = EndedBy::Timeout;
                    Stop::Ask
                }
                Phase::Asked => Stop::Kill,
                Phase::Killed => {
                    failure = Some(RunnerError::Lost(format!(
                        "the program was killed, but its end was not seen within {} s",
                        KILL_PATIENCE.as_secs()
                    )));
                    break;
                }
            },
        };
        let mut stop = if settings.grace.is_zero() {
            Stop::Kill
        } else {
            stop
        };
        if stop == Stop::Ask
            && let Err(error) = launched.stop(Stop::Ask).await
        {
            pipeline.warn(&format!(
                "the program could not be asked to end, so it is killed: {error}"
            ));
            stop = Stop::Kill;
        }
        match stop {
            Stop::Ask => {
                phase = Phase::Asked;
                timer = Instant::now().checked_add(settings.grace);
            }
            Stop::Kill => {
                if let Err(error) = launched.stop(Stop::Kill).await {
                    failure = Some(error);
                    break;
                }
                phase = Phase::Killed;
                timer = Some(Instant::now() + KILL_PATIENCE);
            }
        }
    }

    let finished = pipeline.finish();
    let fetched = match (&settings.fetch, &exit) {
        (Some(FetchRequest::Matching { patterns, into }), Some(_)) => {
            Some(launched.fetch(patterns, into).await)
        }
        (Some(FetchRequest::Changes { into }), Some(_)) => Some(launched.fetch_changes(into).await),
        _ => None,
    };
    Driven {
        exit,
        ended_by,
        failure,
        dispose_failure: None,
        fetched,
        vars: finished.vars,
        captured: finished.captured,
        metrics: finished.metrics,
        stdout_lines: finished.stdout.lines,
        stderr_lines: finished.stderr.lines,
        stdout_tail: finished.stdout.tail,
        stderr_tail: finished.stderr.tail,
    }
}

async fn reached(timer: Option<Instant>) {
    match timer {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
