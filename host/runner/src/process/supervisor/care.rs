//! One task in the supervisor: started, its output written to the spool, ended when it is asked for or its time is over.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use taffrail_core::launch::Stream;
use taffrail_engine::failpoint;
use taffrail_engine::ports::{Launched, RunnerError, Step, Stop};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::Instant;

use super::serve::{News, Shared};
use super::spool::{Ended, Over, Record, Spool};
use super::wire::{Direct, Order, Tell};
use crate::process::launched::LaunchedProcess;
use crate::process::start::{self, Wanted};

/// How far the spool may run ahead of a host that follows, in bytes. Beyond that the program waits, as it would at a pipe.
const AHEAD: u64 = 64 * 1024 * 1024;

/// How often a write is tried again that found no room.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// What a host wants of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// Ask it to end, or end it.
    Stop { hard: bool },
    /// Ask it to end, and end it if it does not in its time.
    EndInTime,
    /// The host has taken the output that it was told directly.
    Taken,
    /// End what runs, and forget it.
    Release,
    /// The same, and nobody waits for it to be done.
    Forget,
}

/// A task as others see it.
pub(super) struct Care {
    /// The path of its spool, which names it for good.
    pub(super) spool: OsString,
    /// What the host that follows calls it.
    pub(super) number: AtomicU64,
    /// How long the spool is.
    pub(super) length: AtomicU64,
    /// Whether the host will be told that the spool has grown.
    pub(super) noticed: AtomicBool,
    /// How far the host has read the spool.
    pub(super) read: watch::Sender<u64>,
    commands: UnboundedSender<Command>,
}

impl Care {
    /// Starts a program and its care.
    pub(super) fn start(shared: &Arc<Shared>, number: u64, order: Order) -> Arc<Self> {
        let (commands, receiver) = unbounded_channel();
        let care = Arc::new(Care {
            spool: order.spool.clone().into(),
            number: AtomicU64::new(number),
            length: AtomicU64::new(0),
            noticed: AtomicBool::new(false),
            read: watch::Sender::new(0),
            commands,
        });
        shared.running.send_modify(|running| *running += 1);
        let task = Task {
            followed: shared.followed.subscribe(),
            read: care.read.subscribe(),
            shared: Arc::clone(shared),
            care: Arc::clone(&care),
            commands: receiver,
            missing: 0,
            awaits: false,
            unwritten: None,
        };
        tokio::spawn(task.run(order));
        care
    }

    /// Hands a command on. Says whether there is still somebody who takes it.
    pub(super) fn command(&self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }

    /// Another host reads the spool from its beginning. What the one before was told and did not take, it does not take either.
    pub(super) fn follow_anew(&self) {
        self.command(Command::Taken);
        self.read.send_replace(0);
        self.noticed.store(false, Ordering::SeqCst);
    }
}

/// One task from within.
struct Task {
    shared: Arc<Shared>,
    care: Arc<Care>,
    commands: UnboundedReceiver<Command>,
    followed: watch::Receiver<bool>,
    read: watch::Receiver<u64>,
    /// How many bytes of output that a host was told are missing in the spool.
    missing: u64,
    /// Whether a host was told output that it has not taken yet.
    awaits: bool,
    /// Output that is nowhere yet.
    unwritten: Option<(Stream, Vec<u8>)>,
}

/// Counts a task as running until it is dropped, whatever happens.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

/// When and how a program's time is over where no host follows it.
struct Limit {
    at: Option<Instant>,
    grace: Duration,
    /// Whether it was asked to end.
    asked: bool,
    /// Whether its time was over.
    timed_out: bool,
}

/// What comes next for a running program.
enum Next {
    Command(Option<Command>),
    Followed,
    Time,
    Room,
    Again,
    Step(Result<Step, RunnerError>),
}

impl Task {
    async fn run(mut self, order: Order) {
        let running = Running(Arc::clone(&self.shared));
        let opened = Spool::open(Path::new(&self.care.spool)).and_then(|mut spool| {
            spool.append(&Record::Begun)?;
            Ok(spool)
        });
        let mut spool = match opened {
            Ok(spool) => spool,
            Err(error) => {
                let message = format!("the file for its output cannot be written: {error}");
                return self.end(Tell::Refused(self.number(), message));
            }
        };
        failpoint::reach("ordered");
        let mut limit = Limit {
            at: order
                .time_left
                .and_then(|left| Instant::now().checked_add(Duration::from_millis(left))),
            grace: Duration::from_millis(order.grace),
            asked: false,
            timed_out: false,
        };
        let wanted = Wanted {
            task_run: order.task_run,
            argv: order.argv,
            environment: order
                .environment
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            directory: OsString::from(order.directory).into(),
            open_files: order.open_files,
        };
        let started = match start::start(wanted).await {
            Ok(started) => LaunchedProcess::new(started),
            Err(error) => Err(error),
        };
        let mut launched = match started {
            Ok(launched) => launched,
            Err(error) => {
                let message = error.to_string();
                // Where there is no room for it, the host is told all the same, and a later one takes it for interrupted.
                let _ = self.append_untold(&mut spool, &Record::Refused(&message));
                return self.end(Tell::Refused(self.number(), message));
            }
        };
        failpoint::reach("spawned");
        // Without it a later host only does not know how long it has run.
        let _ = self.append_untold(&mut spool, &Record::Started(super::clock()));
        self.shared.tell(News::Tell(Tell::Started(self.number())));
        let end = self.follow(&mut launched, &mut spool, &mut limit).await;
        let Some(end) = end else {
            // Nobody wants it any more.
            let problem = Box::new(launched).dispose().await.err();
            let problem = problem.map(|error| error.to_string());
            return self.end(Tell::Released(self.number(), problem));
        };
        let problem = Box::new(launched).dispose().await.err();
        let end = match (end, problem) {
            (Ok(_), Some(problem)) => Err(problem.to_string()),
            (end, _) => end,
        };
        // A host that follows has its own ways to bring what it made of it to the disk.
        let synced = !*self.followed.borrow() && spool.sync().is_ok();
        let over = Over { end, synced };
        if !self.write_end(&mut spool, &over).await {
            return self.end(Tell::Released(self.number(), None));
        }
        if synced {
            let _ = spool.sync();
        }
        failpoint::reach("recorded");
        drop(running);
        // All is in the file: a host that comes later needs nobody to read it, one that is here asks to forget it.
        while let Some(command) = self.commands.recv().await {
            match command {
                Command::Release => break,
                Command::Forget => return self.shared.forget(&self.care),
                Command::Stop { .. } => {
                    self.shared
                        .tell(News::Tell(Tell::Stopped(self.number(), None)));
                }
                Command::EndInTime | Command::Taken => {}
            }
        }
        self.end(Tell::Released(self.number(), None));
    }

    fn number(&self) -> u64 {
        self.care.number.load(Ordering::Relaxed)
    }

    fn end(&self, tell: Tell) {
        self.shared.forget(&self.care);
        self.shared.tell(News::Tell(tell));
    }

    /// Follows a program to its end; none if it is to be released before.
    async fn follow(
        &mut self,
        launched: &mut LaunchedProcess,
        spool: &mut Spool,
        limit: &mut Limit,
    ) -> Option<Result<Ended, String>> {
        let mut buffer = Vec::new();
        loop {
            match self
                .next(launched, spool.length(), limit, &mut buffer)
                .await
            {
                Next::Command(Some(Command::Release | Command::Forget) | None) => return None,
                Next::Command(Some(Command::Stop { hard })) => {
                    let how = if hard { Stop::Kill } else { Stop::Ask };
                    let problem = launched.stop(how).await.err();
                    let problem = problem.map(|error| error.to_string());
                    let tell = Tell::Stopped(self.number(), problem);
                    self.shared.tell(News::Tell(tell));
                }
                Next::Command(Some(Command::EndInTime)) => {
                    limit.asked = true;
                    limit.at = Instant::now().checked_add(limit.grace);
                    let _ = launched.stop(Stop::Ask).await;
                }
                Next::Command(Some(Command::Taken)) => self.awaits = false,
                // A child of this process has nothing to tell beside its output.
                Next::Followed | Next::Room | Next::Step(Ok(Step::Told(_))) => {}
                Next::Again => {
                    if let Some((stream, bytes)) = self.unwritten.take() {
                        self.write(spool, stream, &bytes);
                    }
                }
                Next::Time => {
                    let how = if limit.asked || limit.grace.is_zero() {
                        limit.at = None;
                        Stop::Kill
                    } else {
                        limit.at = Instant::now().checked_add(limit.grace);
                        Stop::Ask
                    };
                    limit.timed_out |= !limit.asked;
                    limit.asked = true;
                    if launched.stop(how).await.is_err() {
                        // Asked or not, it is not to go on.
                        let _ = launched.stop(Stop::Kill).await;
                    }
                }
                Next::Step(Ok(Step::Output(stream))) => self.write(spool, stream, &buffer),
                Next::Step(Ok(Step::Exited(exit))) => {
                    return Some(Ok(Ended {
                        status: exit.status,
                        left_behind: exit.left_behind,
                        timed_out: limit.timed_out,
                    }));
                }
                Next::Step(Err(error)) => return Some(Err(error.to_string())),
            }
        }
    }

    async fn next(
        &mut self,
        launched: &mut LaunchedProcess,
        length: u64,
        limit: &Limit,
        buffer: &mut Vec<u8>,
    ) -> Next {
        let followed = *self.followed.borrow_and_update();
        let ahead = length.saturating_sub(*self.read.borrow_and_update());
        let too_far = followed && ahead > AHEAD;
        let unwritten = self.unwritten.is_some();
        // A host that has died takes nothing any more.
        let waits = too_far || unwritten || (self.awaits && followed);
        // A host that follows measures the time itself; what it began, somebody has to bring to its end.
        let at = limit.at.filter(|_| !followed || limit.asked);
        tokio::select! {
            biased;
            command = self.commands.recv() => Next::Command(command),
            _ = self.followed.changed() => Next::Followed,
            () = reached(at) => Next::Time,
            _ = self.read.changed(), if too_far => Next::Room,
            () = tokio::time::sleep(TRY_AGAIN), if unwritten => Next::Again,
            step = launched.next(buffer), if !waits => Next::Step(step),
        }
    }

    /// Hands on what the program said: by the spool, or where there is no room for it directly to a host that follows, or else by the
    /// spool once there is. The program waits meanwhile.
    fn write(&mut self, spool: &mut Spool, stream: Stream, bytes: &[u8]) {
        if self.put(spool, &Record::Output(stream, bytes)).is_ok() {
            return;
        }
        if *self.followed.borrow() {
            self.missing += bytes.len() as u64;
            self.awaits = true;
            let direct = Direct::Output(stream, bytes.to_vec());
            self.shared.tell(News::Tell(Tell::Direct(
                self.number(),
                spool.length(),
                direct,
            )));
        } else {
            self.unwritten = Some((stream, bytes.to_vec()));
        }
    }

    /// The same for how it ended. Says whether that is in the spool: nobody wants it any more where it is not.
    async fn write_end(&mut self, spool: &mut Spool, over: &Over) -> bool {
        let mut told = false;
        loop {
            if self.put(spool, &Record::Over(over)).is_ok() {
                return true;
            }
            if *self.followed.borrow_and_update() && !told {
                told = true;
                let direct = Direct::Over(over.clone());
                self.shared.tell(News::Tell(Tell::Direct(
                    self.number(),
                    spool.length(),
                    direct,
                )));
            }
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(Command::Release | Command::Forget) | None => return false,
                    Some(Command::Stop { .. }) => {
                        self.shared.tell(News::Tell(Tell::Stopped(self.number(), None)));
                    }
                    Some(Command::EndInTime | Command::Taken) => {}
                },
                _ = self.followed.changed() => told = false,
                () = tokio::time::sleep(TRY_AGAIN) => {}
            }
        }
    }

    /// Writes a record to the spool, behind a word for what is missing there.
    fn put(&mut self, spool: &mut Spool, record: &Record<'_>) -> io::Result<()> {
        if self.missing > 0 {
            self.append(spool, &Record::Gap(self.missing))?;
            self.missing = 0;
        }
        self.append(spool, record)
    }

    fn append(&self, spool: &mut Spool, record: &Record<'_>) -> io::Result<()> {
        spool.append(record)?;
        self.wrote(spool.length());
        Ok(())
    }

    /// The same for what the host is told in its own message: nobody is woken for this one.
    fn append_untold(&self, spool: &mut Spool, record: &Record<'_>) -> io::Result<()> {
        spool.append(record)?;
        self.care.length.store(spool.length(), Ordering::SeqCst);
        Ok(())
    }

    /// The host hears of it, once for all that is written until it does.
    fn wrote(&self, length: u64) {
        self.care.length.store(length, Ordering::SeqCst);
        if !self.care.noticed.swap(true, Ordering::SeqCst) {
            self.shared.tell(News::Wrote(Arc::clone(&self.care)));
        }
    }
}

async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
