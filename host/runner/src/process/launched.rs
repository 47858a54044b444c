//! One running task: its output, its end, and the end of all that descends from it.

use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use taffrail_core::launch::{ExitStatus, Stream};
use taffrail_engine::ports::{BoxFuture, Exit, Launched, RunnerError, Step, Stop};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::Receiver;
use tokio::time::Instant;

use super::descendants::{Descendants, reap_orphans};
use super::start::Started;

/// How long processes that the leader left behind may go on writing after its end. Whoever holds the output then is ended.
pub const DRAIN: Duration = Duration::from_secs(2);

/// How long the end of killed processes is waited for.
const ENDING: Duration = Duration::from_secs(2);

/// How long the end of a killed leader is waited for when nobody reads its output any more.
const LEADER_ENDING: Duration = Duration::from_secs(5);

/// When a task that still runs goes into its control group, so that a later host finds all of it.
const ENCLOSE_AFTER: Duration = Duration::from_millis(100);

/// How often ended orphans of a long task are looked for.
const REAP_EVERY: Duration = Duration::from_secs(30);

/// How much is read at once.
const CHUNK: usize = 256 * 1024;

/// A pipe holds this much at first; a task that fills it gets a larger one.
const PIPE: usize = 64 * 1024;

/// The largest pipe that may be had without privileges. Not from the start: such memory is short per user.
const LARGE_PIPE: usize = 1024 * 1024;

pub(super) struct LaunchedProcess {
    pid: Pid,
    end: AsyncFd<OwnedFd>,
    stdout: Output,
    stderr: Output,
    /// Which stream is tried first; they take turns.
    stderr_first: bool,
    descendants: Descendants,
    stage: Stage,
    status: Option<ExitStatus>,
    /// When something is to be done besides, as long as the leader runs.
    due: Due,
    left_behind: Vec<String>,
    /// Number and start of those that were named.
    named: Vec<(i32, u64)>,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The leader runs.
    Running,
    /// The leader has ended, but its output is still held; its entry in the table is kept, so that its group is surely its own.
    Draining { until: Instant },
    /// What was left behind is being ended.
    Ending { until: Instant, pause: Duration },
    /// What is still in the pipes is given out.
    Emptying,
    /// The end was told.
    Over,
}

/// What there is to be done besides, and when.
#[derive(Debug, Clone, Copy)]
enum Due {
    Enclose(Instant),
    Reap(Instant),
}

impl Due {
    fn at(self) -> Instant {
        match self {
            Due::Enclose(at) | Due::Reap(at) => at,
        }
    }
}

enum Happened {
    Read(Stream),
    LeaderEnded,
    Time,
}

impl LaunchedProcess {
    pub(super) fn new(started: Started) -> Result<Self, RunnerError> {
        let Started {
            pid,
            end,
            stdout,
            stderr,
            descendants,
        } = started;
        let watched = watch(end).and_then(|end| {
            Ok((
                end,
                Receiver::from_owned_fd(stdout)?,
                Receiver::from_owned_fd(stderr)?,
            ))
        });
        let (end, stdout, stderr) = match watched {
            Ok(watched) => watched,
            Err(error) => {
                return Err(RunnerError::Start(format!(
                    "the program was started but cannot be watched: {error}"
                )));
            }
        };
        Ok(LaunchedProcess {
            pid,
            end,
            stdout: Output::new(stdout),
            stderr: Output::new(stderr),
            stderr_first: false,
            descendants,
            stage: Stage::Running,
            status: None,
            due: Due::Enclose(Instant::now() + ENCLOSE_AFTER),
            left_behind: Vec::new(),
            named: Vec::new(),
        })
    }

    async fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, RunnerError> {
        loop {
            match self.stage {
                Stage::Running => match self.happening(buffer, self.due.at()).await? {
                    Happened::Read(stream) => return Ok(Step::Output(stream)),
                    Happened::LeaderEnded => {
                        self.stage = Stage::Draining {
                            until: Instant::now() + DRAIN,
                        }
                    }
                    Happened::Time => self.do_what_is_due(),
                },
                Stage::Draining { until } => {
                    let ended = self.stdout.ended() && self.stderr.ended();
                    // Looked at here as well, because a flood leaves the timer no turn.
                    if ended || Instant::now() >= until {
                        self.reap_leader()?;
                        self.stage = Stage::Ending {
                            until: Instant::now() + ENDING,
                            pause: Duration::from_millis(1),
                        };
                    } else if let Happened::Read(stream) = self.happening(buffer, until).await? {
                        return Ok(Step::Output(stream));
                    }
                }
                Stage::Ending { until, pause } => {
                    if self.descendants.none_left() || !self.end_left_behind(until) {
                        self.stage = Stage::Emptying;
                    } else {
                        tokio::time::sleep(pause).await;
                        let pause = (pause * 2).min(Duration::from_millis(50));
                        self.stage = Stage::Ending { until, pause };
                    }
                }
                Stage::Emptying => {
                    for (stream, output) in [
                        (Stream::Stdout, &mut self.stdout),
                        (Stream::Stderr, &mut self.stderr),
                    ] {
                        if output.read_now(buffer).map_err(unreadable)? {
                            return Ok(Step::Output(stream));
                        }
                    }
                    self.stage = Stage::Over;
                }
                Stage::Over => {
                    let status = self.status.ok_or_else(|| {
                        RunnerError::Lost("the program was disposed of".to_owned())
                    })?;
                    return Ok(Step::Exited(Exit {
                        status,
                        left_behind: std::mem::take(&mut self.left_behind),
                        note: None,
                        timed_out: false,
                    }));
                }
            }
        }
    }

    fn do_what_is_due(&mut self) {
        match self.due {
            Due::Enclose(_) => {
                let enclosure = Arc::clone(self.descendants.enclosure());
                // The kernel may take its time, and nobody waits for it.
                drop(tokio::task::spawn_blocking(move || enclosure.enter()));
            }
            Due::Reap(_) => reap_orphans(),
        }
        self.due = Due::Reap(Instant::now() + REAP_EVERY);
    }

    /// The next output, the leader's end (told once), or the given time.
    async fn happening(
        &mut self,
        buffer: &mut Vec<u8>,
        time: Instant,
    ) -> Result<Happened, RunnerError> {
        let running = matches!(self.stage, Stage::Running);
        let LaunchedProcess {
            end,
            stdout,
            stderr,
            stderr_first,
            ..
        } = self;
        let next = poll_fn(|context| {
            if running && let Poll::Ready(ready) = end.poll_read_ready(context) {
                return Poll::Ready(ready.map(|_| Happened::LeaderEnded));
            }
            let mut outputs = [
                (Stream::Stdout, &mut *stdout),
                (Stream::Stderr, &mut *stderr),
            ];
            if *stderr_first {
                outputs.reverse();
            }
            for (stream, output) in outputs {
                match output.poll_read(context, buffer) {
                    Poll::Ready(Ok(true)) => {
                        *stderr_first = stream == Stream::Stdout;
                        return Poll::Ready(Ok(Happened::Read(stream)));
                    }
                    Poll::Ready(Ok(false)) if !running => return Poll::Ready(Ok(Happened::Time)),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Ready(Ok(false)) | Poll::Pending => {}
                }
            }
            Poll::Pending
        });
        match tokio::time::timeout_at(time, next).await {
            Ok(happened) => happened.map_err(unreadable),
            Err(_) => Ok(Happened::Time),
        }
    }

    /// Takes the ended leader out of the table. Until then its number belongs to it.
    fn reap_leader(&mut self) -> Result<(), RunnerError> {
        self.descendants.leader_goes();
        let reaped = rustix::process::waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED);
        self.descendants.leader_is_gone();
        let lost = |reason: String| {
            RunnerError::Lost(format!("how the program ended is unknown: {reason}"))
        };
        let status = reaped.map_err(|error| lost(error.to_string()))?;
        let status = status.ok_or_else(|| lost("the system did not say".to_owned()))?;
        self.status = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Some(ExitStatus::Code(code)),
            (None, Some(signal)) => Some(ExitStatus::Signal(signal)),
            (None, None) => return Err(lost("neither code nor signal".to_owned())),
        };
        Ok(())
    }

    /// Ends and names what the leader left. Says whether there was anything, and false once the time is over.
    fn end_left_behind(&mut self, until: Instant) -> bool {
        let alive = self.descendants.kill();
        for entry in alive.iter().filter(|entry| !entry.exiting) {
            if !self.named.contains(&(entry.pid, entry.started)) {
                self.named.push((entry.pid, entry.started));
                self.left_behind
                    .push(format!("{} (pid {})", entry.name, entry.pid));
            }
        }
        if alive.is_empty() {
            return false;
        }
        if Instant::now() >= until {
            let names: Vec<String> = alive
                .iter()
                .map(|entry| format!("{} (pid {})", entry.name, entry.pid))
                .collect();
            for name in &mut self.left_behind {
                if names.contains(name) {
                    name.push_str(", which does not end");
                }
            }
            return false;
        }
        true
    }

    /// Kills everything, and waits until all but the leader's entry in the table is gone.
    async fn kill_all(&mut self) -> Result<(), RunnerError> {
        let until = Instant::now() + ENDING;
        let mut pause = Duration::from_millis(1);
        loop {
            let alive: Vec<_> = self.descendants.kill();
            if alive.is_empty() {
                return Ok(());
            }
            if Instant::now() >= until {
                let names: Vec<String> = alive
                    .iter()
                    .map(|entry| format!("{} (pid {})", entry.name, entry.pid))
                    .collect();
                return Err(RunnerError::Lost(format!(
                    "these processes were killed and do not end: {}",
                    names.join(", ")
                )));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    async fn release(mut self) -> Result<(), RunnerError> {
        if matches!(self.stage, Stage::Over) {
            return Ok(());
        }
        let killed = self.kill_all().await;
        if self.status.is_none() {
            if tokio::time::timeout(LEADER_ENDING, self.end.readable())
                .await
                .is_err()
            {
                return Err(RunnerError::Lost(format!(
                    "process {} was killed and does not end",
                    self.pid.as_raw_pid()
                )));
            }
            self.reap_leader()?;
        }
        self.stage = Stage::Over;
        killed?;
        // What forked while it was killed has lost its parent by now.
        self.kill_all().await
    }
}

impl Launched for LaunchedProcess {
    fn next<'a>(&'a mut self, buffer: &'a mut Vec<u8>) -> BoxFuture<'a, Result<Step, RunnerError>> {
        Box::pin(self.step(buffer))
    }

    fn stop<'a>(&'a mut self, how: Stop) -> BoxFuture<'a, Result<(), RunnerError>> {
        Box::pin(async move {
            match (self.stage, how) {
                (Stage::Emptying | Stage::Over, _) => Ok(()),
                // What is stopped can only heed a signal once it goes on.
                (_, Stop::Ask) => {
                    self.descendants.signal(&[Signal::TERM, Signal::CONT]);
                    Ok(())
                }
                (_, Stop::Kill) => self.kill_all().await,
            }
        })
    }

    fn dispose(self: Box<Self>) -> BoxFuture<'static, Result<(), RunnerError>> {
        Box::pin(self.release())
    }
}

fn unreadable(error: std::io::Error) -> RunnerError {
    RunnerError::Lost(format!("the output cannot be read: {error}"))
}

#[expect(
    deprecated,
    reason = "its successor is unsafe because of types that lie about their descriptor; an `OwnedFd` does not"
)]
fn watch(end: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(end, Interest::READABLE)
}

/// The reading end of one pipe.
struct Output {
    /// None once it has ended.
    pipe: Option<Receiver>,
    enlarged: bool,
}

impl Output {
    fn new(pipe: Receiver) -> Self {
        Output {
            pipe: Some(pipe),
            enlarged: false,
        }
    }

    fn ended(&self) -> bool {
        self.pipe.is_none()
    }

    /// Reads what is there; false when the output has just ended. Never ready again after that.
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
    ) -> Poll<std::io::Result<bool>> {
        loop {
            match &self.pipe {
                Some(pipe) => std::task::ready!(pipe.poll_read_ready(context))?,
                None => return Poll::Pending,
            }
            match self.read(buffer) {
                Ok(more) => return Poll::Ready(Ok(more)),
                // The news was old; asking again registers for the next.
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Reads what is there without waiting; false when there is nothing.
    fn read_now(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<bool> {
        match self.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
            other => other,
        }
    }

    fn read(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<bool> {
        let Some(pipe) = &self.pipe else {
            return Ok(false);
        };
        buffer.clear();
        buffer.reserve(CHUNK);
        let length = pipe.try_read_buf(buffer)?;
        if length == 0 {
            self.pipe = None;
            return Ok(false);
        }
        if length >= PIPE && !self.enlarged {
            self.enlarged = true;
            // Without it the flood only goes on in smaller pieces.
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, LARGE_PIPE);
        }
        Ok(true)
    }
}
