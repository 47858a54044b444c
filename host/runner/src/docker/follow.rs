//! Follows a container from its start to its end: every byte of both streams once, also across lost connections, and no verdict that
//! the engine did not give.
//!
//! The stream of an attachment ends when the container ends, but also when the connection or the engine goes away. So its end means
//! nothing by itself: the engine is asked, and while the container runs its log is read from where the stream stopped. Bytes are
//! counted for each stream, since the log's time stamps are no cursor.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::ContainerState;
use bollard::query_parameters::{LogsOptionsBuilder, WaitContainerOptionsBuilder};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, Peekable};
use taffrail_core::launch::Stream;
use taffrail_engine::ports::{Exit, RunnerError, Stop};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::engine::{CallError, Engine, call};
use super::unseen::end_is_unseen;
use super::verdict::{self, Known};

/// What a container writes, as the client gives it.
pub(super) type Output = BoxStream<'static, Result<LogOutput, Error>>;

/// How long a question about a container may take.
const QUESTION: Duration = Duration::from_secs(10);

/// How long a stream may be silent before the engine is asked whether the container still runs.
const SILENCE: Duration = Duration::from_secs(15);

/// How long the engine may take, after a stream's end, to say that the container has ended.
const SETTLE: Duration = Duration::from_millis(1500);

/// How long Podman may take from the end of a container that it removes until the container is gone.
const REMOVAL: Duration = Duration::from_millis(500);

/// How long an engine may be away before the container is given up.
const AWAY: Duration = Duration::from_secs(10 * 60);

/// How long it is waited for before that is told: what is back by then was hardly away.
const UNTOLD: Duration = Duration::from_secs(2);

/// Pauses between two tries to reach an engine that is away: from the first, doubled, to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Up to so many bytes of output, all of it is compared with the engine's log at the end; beyond, only its end is.
const COMPARED: u64 = 256 * 1024;

/// How much of the end of each stream is kept for that.
const TAIL: usize = 4096;

/// What happened next.
#[derive(Debug)]
pub(super) enum Item {
    Output(Stream, Bytes),
    /// Why nothing comes.
    Told(String),
    /// The last item.
    Ended(Result<Exit, RunnerError>),
}

/// How the container was told to end; shared with whoever tells it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Arc<AtomicU8>);

impl Asked {
    pub(super) fn set(&self, how: Stop) {
        let level = match how {
            Stop::Ask => 1,
            Stop::Kill => 2,
        };
        self.0.fetch_max(level, Ordering::Relaxed);
    }

    fn get(&self) -> Option<Stop> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Stop::Ask),
            _ => Some(Stop::Kill),
        }
    }
}

/// Follows one container.
pub(super) struct Follower {
    pub(super) engine: Engine,
    pub(super) container: String,
    /// Whether the log driver keeps what was written, so that it can be read again.
    pub(super) readable: bool,
    /// Whether it keeps every byte as it was; some make text of it.
    pub(super) exact: bool,
    pub(super) memory_limit: Option<String>,
    pub(super) asked: Asked,
    pub(super) sender: mpsc::Sender<Item>,
    pub(super) seen: Seen,
}

/// What was given out of each stream.
#[derive(Debug, Default)]
pub(super) struct Seen {
    stdout: Side,
    stderr: Side,
    /// Whether a connection was lost on the way.
    trouble: bool,
    /// Whether the engine itself was away.
    engine_was_away: bool,
    /// Whether output may be missing.
    lost: bool,
}

#[derive(Debug, Default)]
struct Side {
    bytes: u64,
    tail: Vec<u8>,
}

impl Side {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if bytes.len() >= TAIL {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - TAIL..]);
        } else {
            let excess = (self.tail.len() + bytes.len()).saturating_sub(TAIL);
            self.tail.drain(..excess);
            self.tail.extend_from_slice(bytes);
        }
    }
}

impl Seen {
    fn side(&mut self, stream: Stream) -> &mut Side {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

/// Whoever wanted the items is gone.
struct Unwanted;

/// How a stream of output ended.
enum StreamEnd {
    Ended,
    Broken,
    /// The engine says, while the stream is silent, that the container does not run.
    NotRunning,
}

impl Follower {
    /// Follows the container to its end. `attached` is the output of an attachment made before the start; without it the log is read
    /// from its beginning.
    pub(super) async fn run(mut self, attached: Option<Output>) {
        if let Ok(end) = self.follow(attached).await {
            // That nobody listens any more is no error here.
            let _ = self.sender.send(Item::Ended(end)).await;
        }
    }

    async fn follow(
        &mut self,
        attached: Option<Output>,
    ) -> Result<Result<Exit, RunnerError>, Unwanted> {
        let mut just_ended = false;
        match attached {
            Some(output) => match self.pass_on(output, false).await? {
                StreamEnd::Ended => just_ended = true,
                StreamEnd::NotRunning => {}
                StreamEnd::Broken => self.seen.trouble = true,
            },
            None => {
                self.seen.trouble = true;
                // What it wrote before is nowhere.
                self.seen.lost = !self.readable;
            }
        }
        let mut log = None;
        loop {
            let state = match self.state_beside(&mut log).await {
                Ok(state) => state,
                Err(error) => return Ok(Err(error)),
            };
            if verdict::is_running(&state) {
                log = None;
                if std::mem::take(&mut just_ended) {
                    // The stream ends a moment before the engine has noted the end, unless it ended for another reason.
                    if self.wait(SETTLE).await && self.wants_whole_log() {
                        log = Some(self.log(false).peekable());
                    }
                    continue;
                }
                self.seen.trouble = true;
                self.go_on().await?;
                continue;
            }
            self.complete(log.take()).await?;
            if self.engine.facts.podman && verdict::was_ended_from_outside(&state, self.asked.get())
            {
                // There, one that is removed shows its end first.
                self.pause_once(REMOVAL).await?;
                if let Err(error) = self.state().await {
                    return Ok(Err(error));
                }
            }
            let known = Known {
                asked: self.asked.get(),
                engine_was_away: self.seen.engine_was_away,
                // A connection that was never lost has told the end itself.
                end_unseen: self.seen.trouble
                    && end_is_unseen(&self.engine, &self.container, &state).await,
                memory_limit: self.memory_limit.clone(),
            };
            let end = verdict::of(&state, &known).map(|mut exit| {
                if self.seen.lost {
                    let lost = "nobody listened to the container for a while, and its log driver cannot be read again: output may be missing";
                    exit.note = Some(exit.note.map_or(lost.to_owned(), |note| format!("{note}; {lost}")));
                }
                exit
            });
            return Ok(end);
        }
    }

    /// What the engine says of the container. Where there is a log to be read, the engine is asked for it at the same time.
    async fn state_beside(
        &mut self,
        log: &mut Option<Peekable<Output>>,
    ) -> Result<ContainerState, RunnerError> {
        let Some(log) = log else {
            return self.state().await;
        };
        let begin = tokio::time::timeout(QUESTION, Pin::new(log).peek());
        let (state, _) = tokio::join!(self.state(), begin);
        state
    }

    /// Waits until the engine says that the container does not run any more, or has not said so for this long; true where it said
    /// something. Only for one that was started: of one that was not, the answer comes at once.
    async fn wait(&self, patience: Duration) -> bool {
        let options = WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        let wait = self
            .engine
            .client
            .wait_container(&self.container, Some(options));
        let mut wait = std::pin::pin!(wait);
        // Whatever the answer is, the container's state is asked for next.
        let answer = tokio::time::timeout(patience, wait.next()).await;
        answer.is_ok_and(|item| item.is_some())
    }

    /// Gives out what a stream has, but for what was given out before where it starts at the beginning.
    async fn pass_on(
        &mut self,
        mut output: Output,
        from_the_beginning: bool,
    ) -> Result<StreamEnd, Unwanted> {
        let mut skip = if from_the_beginning {
            (self.seen.stdout.bytes, self.seen.stderr.bytes)
        } else {
            (0, 0)
        };
        loop {
            let frame = match tokio::time::timeout(SILENCE, output.next()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) => return Ok(StreamEnd::Broken),
                Ok(None) => return Ok(StreamEnd::Ended),
                Err(_) => {
                    let state = call(
                        QUESTION,
                        self.engine.client.inspect_container(&self.container, None),
                    )
                    .await;
                    let ended = state.is_ok_and(|answer| {
                        answer
                            .state
                            .as_ref()
                            .is_some_and(|state| !verdict::is_running(state))
                    });
                    if ended {
                        return Ok(StreamEnd::NotRunning);
                    }
                    continue;
                }
            };
            let (stream, mut bytes) = match frame {
                LogOutput::StdOut { message } => (Stream::Stdout, message),
                LogOutput::StdErr { message } => (Stream::Stderr, message),
                // A piece of a frame that was cut; all of it comes again from the log.
                LogOutput::Console { .. } => return Ok(StreamEnd::Broken),
                LogOutput::StdIn { .. } => continue,
            };
            let left = match stream {
                Stream::Stdout => &mut skip.0,
                Stream::Stderr => &mut skip.1,
            };
            let skipped = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
            *left -= skipped as u64;
            let bytes = bytes.split_off(skipped);
            if bytes.is_empty() {
                continue;
            }
            self.seen.side(stream).add(&bytes);
            self.sender
                .send(Item::Output(stream, bytes))
                .await
                .map_err(|_| Unwanted)?;
        }
    }

    /// Follows a running container by its log, or, where that cannot be read, waits until it ends.
    async fn go_on(&mut self) -> Result<(), Unwanted> {
        if self.readable {
            let end = self.pass_on(self.log(true), true).await?;
            if matches!(end, StreamEnd::Broken) {
                self.pause_once(PAUSES.0).await?;
            }
            return Ok(());
        }
        self.seen.lost = true;
        tokio::select! {
            _ = self.wait(SILENCE) => Ok(()),
            () = self.sender.closed() => Err(Unwanted),
        }
    }

    fn log(&self, follow: bool) -> Output {
        let options = log_options().follow(follow).build();
        self.engine
            .client
            .logs(&self.container, Some(options))
            .boxed()
    }

    /// Whether all of the log is to be compared with what came. A driver that makes text of bytes cannot be.
    fn wants_whole_log(&self) -> bool {
        let bytes = self.seen.stdout.bytes + self.seen.stderr.bytes;
        self.readable && self.exact && bytes <= COMPARED
    }

    /// Makes sure, once the container has ended, that all it wrote was given out. `log` is all of its log, where it was asked for.
    async fn complete(&mut self, log: Option<Peekable<Output>>) -> Result<(), Unwanted> {
        if !self.readable {
            return Ok(());
        }
        // One that was asked for before something went wrong may be cut short.
        let log = log.filter(|_| !self.seen.trouble);
        let again = self.seen.trouble
            || self.wants_whole_log()
            || self.exact && !self.ends_as_the_log().await;
        if again {
            let log = log.map_or_else(|| self.log(false), StreamExt::boxed);
            if matches!(self.pass_on(log, true).await?, StreamEnd::Broken) {
                tracing::debug!(
                    "the log of `{}` could not be read to its end",
                    self.container
                );
            }
        }
        Ok(())
    }

    /// Whether the last thing in the log is the last thing that came.
    async fn ends_as_the_log(&mut self) -> bool {
        let options = log_options().tail("1").build();
        let mut log = self
            .engine
            .client
            .logs(&self.container, Some(options))
            .boxed();
        let mut last: Option<(Stream, Vec<u8>)> = None;
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(QUESTION, log.next()).await {
            let (stream, bytes) = match frame {
                LogOutput::StdOut { message } => (Stream::Stdout, message),
                LogOutput::StdErr { message } => (Stream::Stderr, message),
                _ => continue,
            };
            match &mut last {
                Some((of, text)) if *of == stream => text.extend_from_slice(&bytes),
                _ => last = Some((stream, bytes.to_vec())),
            }
        }
        let Some((stream, text)) = last else {
            return self.seen.stdout.bytes + self.seen.stderr.bytes == 0;
        };
        let tail = &self.seen.side(stream).tail;
        // The log ends every line, also one that was never ended.
        let is_end = |text: &[u8]| tail.ends_with(&text[text.len().saturating_sub(TAIL)..]);
        is_end(&text) || text.strip_suffix(b"\n").is_some_and(is_end)
    }

    /// What the engine says of the container. An engine that is away is waited for.
    async fn state(&mut self) -> Result<ContainerState, RunnerError> {
        let begun = Instant::now();
        let mut pause = PAUSES.0;
        let mut told = false;
        loop {
            let answer = call(
                QUESTION,
                self.engine.client.inspect_container(&self.container, None),
            )
            .await;
            match answer {
                Ok(answer) => {
                    return answer.state.ok_or_else(|| {
                        RunnerError::Lost(
                            "the engine does not say what state the container is in".to_owned(),
                        )
                    });
                }
                Err(error) if error.status() == Some(404) => {
                    return Err(match self.asked.get() {
                        // Ended as it was wanted, and removed by somebody before we looked.
                        Some(_) => RunnerError::Lost(
                            "the container is gone, so how it ended is not known".to_owned(),
                        ),
                        None => RunnerError::Interrupted(
                            "the container is gone: somebody removed it while it ran".to_owned(),
                        ),
                    });
                }
                Err(CallError::Refused(status, text)) if status < 500 => {
                    return Err(RunnerError::Lost(format!(
                        "the engine does not say how the container is: {text}"
                    )));
                }
                Err(error) => {
                    self.seen.trouble = true;
                    // Podman's service ends no container when it goes or comes.
                    self.seen.engine_was_away |= error.is_gone() && !self.engine.facts.podman;
                    if begun.elapsed() > AWAY || self.sender.is_closed() {
                        return Err(RunnerError::Interrupted(format!(
                            "the engine has been away for {} s, so how the container ended is not known: {error}",
                            begun.elapsed().as_secs()
                        )));
                    }
                    if begun.elapsed() > UNTOLD && !told {
                        told = true;
                        let waiting = format!(
                            "the engine does not answer ({error}); it is waited for, {} minutes at most",
                            AWAY.as_secs() / 60
                        );
                        // Whether somebody listens is looked at above.
                        let _ = self.sender.send(Item::Told(waiting)).await;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    async fn pause_once(&self, pause: Duration) -> Result<(), Unwanted> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.sender.closed() => Err(Unwanted),
        }
    }
}

fn log_options() -> LogsOptionsBuilder {
    LogsOptionsBuilder::default().stdout(true).stderr(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_stream_is_kept_and_its_bytes_are_counted() {
        let mut side = Side::default();
        let mut all = Vec::new();
        for round in 0..300_usize {
            let piece: Vec<u8> = (0..round * 7).map(|index| (index % 251) as u8).collect();
            side.add(&piece);
            all.extend_from_slice(&piece);
            assert_eq!(side.bytes, all.len() as u64);
            assert_eq!(side.tail, all[all.len().saturating_sub(TAIL)..]);
        }
    }

    #[test]
    fn how_it_was_asked_only_grows() {
        let asked = Asked::default();
        assert_eq!(asked.get(), None);
        asked.set(Stop::Kill);
        asked.set(Stop::Ask);
        assert_eq!(asked.get(), Some(Stop::Kill));
    }
}
