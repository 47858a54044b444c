//! A program that a supervisor started, as the host follows it: by its spool, with the supervisor's word for how long that is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use taffrail_engine::ports::{BoxFuture, Launched, RunnerError, Step, Stop};

use super::client::{Connection, Known};
use super::spool::{Found, Over, Reader};
use super::wire::{Ask, Direct, Tell};
use crate::process::left;

/// After so many bytes the supervisor hears how far its spool was read.
const SAY_EVERY: u64 = 8 * 1024 * 1024;

/// A supervisor that still has the task.
pub(super) struct Link {
    pub(super) connection: Arc<Connection>,
    pub(super) number: u64,
    pub(super) known: Arc<Known>,
}

impl Link {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        let (number, known) = connection.enter();
        Link {
            connection,
            number,
            known,
        }
    }
}

/// A launched program.
pub(super) struct Followed {
    /// None where all is in the spool already.
    pub(super) link: Option<Link>,
    pub(super) reader: Reader,
    pub(super) path: PathBuf,
    /// What its processes are known by.
    pub(super) task_run: String,
    /// How long it had run when it was taken up.
    pub(super) running_for: Duration,
    /// How far the supervisor knows that the spool was read.
    pub(super) said: u64,
    /// How many bytes came past the spool and are not yet accounted for there.
    pub(super) directly: u64,
    /// Whether its end was read.
    pub(super) over: bool,
}

impl Followed {
    async fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, RunnerError> {
        loop {
            let told = self.link.as_ref().map(|link| link.known.told());
            let (limit, ended) = match told {
                Some((length, false)) => (length, false),
                // Without a supervisor, what is there is all that there will be.
                _ => (
                    self.reader
                        .length()
                        .map_err(|error| self.unreadable(&error))?,
                    true,
                ),
            };
            let found = self.reader.next(limit, buffer);
            match found.map_err(|error| self.unreadable(&error))? {
                Some(Found::Output(stream)) => {
                    self.say_how_far();
                    return Ok(Step::Output(stream));
                }
                Some(Found::Over(over)) => return self.end(over),
                Some(Found::Refused(reason)) => {
                    self.over = true;
                    return Err(RunnerError::Start(reason));
                }
                Some(Found::Gap(missing)) => {
                    self.directly = self.directly.checked_sub(missing).ok_or_else(|| {
                        RunnerError::Lost(format!(
                            "there was no room on the disk for {missing} bytes that it said, so that what it gave is not known"
                        ))
                    })?;
                    continue;
                }
                Some(Found::Begun | Found::Started(_)) => continue,
                None => {}
            }
            if let Some(link) = &self.link
                && let Some(direct) = link.known.direct(self.reader.given())
            {
                match direct {
                    Direct::Output(stream, bytes) => {
                        self.directly += bytes.len() as u64;
                        *buffer = bytes;
                        link.connection.ask(Ask::Taken(link.number));
                        return Ok(Step::Output(stream));
                    }
                    Direct::Over(over) => return self.end(over),
                }
            }
            if ended {
                self.over = true;
                left::end(&self.task_run).await?;
                return Err(RunnerError::Interrupted(ENDED.to_owned()));
            }
            if let Some(link) = &self.link {
                link.known.change().await;
            }
        }
    }

    fn end(&mut self, over: Over) -> Result<Step, RunnerError> {
        self.over = true;
        match over.end {
            Ok(ended) => Ok(Step::Exited(ended.into())),
            Err(reason) => Err(RunnerError::Lost(reason)),
        }
    }

    fn say_how_far(&mut self) {
        let given = self.reader.given();
        if let Some(link) = &self.link
            && given - self.said >= SAY_EVERY
        {
            self.said = given;
            link.connection.ask(Ask::Read(link.number, given));
        }
    }

    fn unreadable(&self, error: &std::io::Error) -> RunnerError {
        RunnerError::Lost(format!(
            "the output of the program cannot be read from `{}`: {error}",
            self.path.display()
        ))
    }

    async fn release(mut self) -> Result<(), RunnerError> {
        let Some(link) = self.link.take() else {
            return Ok(());
        };
        if self.over {
            link.connection.ask(Ask::Forget(link.number));
            link.connection.leave(link.number);
            return Ok(());
        }
        link.connection.ask(Ask::Release(link.number));
        let answer = loop {
            match link.known.answer().await {
                Some(Tell::Released(_, problem)) => break Some(problem),
                Some(_) => {}
                None => break None,
            }
        };
        link.connection.leave(link.number);
        self.over = true;
        match answer {
            Some(None) => Ok(()),
            Some(Some(problem)) => Err(RunnerError::Lost(problem)),
            None => left::end(&self.task_run).await,
        }
    }

    async fn ask_to_stop(&mut self, hard: bool) -> Result<(), RunnerError> {
        let Some(link) = self.link.as_ref().filter(|_| !self.over) else {
            return Ok(());
        };
        link.connection.ask(Ask::Stop(link.number, hard));
        loop {
            match link.known.answer().await {
                Some(Tell::Stopped(_, None)) => return Ok(()),
                Some(Tell::Stopped(_, Some(problem))) => return Err(RunnerError::Lost(problem)),
                Some(_) => {}
                // The next step tells.
                None => return Ok(()),
            }
        }
    }
}

/// What is said of a program whose supervisor has ended before it.
pub(super) const ENDED: &str =
    "the supervisor of its processes was ended, and what became of the program is not known";

impl Launched for Followed {
    fn next<'a>(&'a mut self, buffer: &'a mut Vec<u8>) -> BoxFuture<'a, Result<Step, RunnerError>> {
        Box::pin(self.step(buffer))
    }

    fn stop<'a>(&'a mut self, how: Stop) -> BoxFuture<'a, Result<(), RunnerError>> {
        Box::pin(self.ask_to_stop(how == Stop::Kill))
    }

    fn running_for(&self) -> Duration {
        self.running_for
    }

    fn dispose(self: Box<Self>) -> BoxFuture<'static, Result<(), RunnerError>> {
        Box::pin(self.release())
    }
}

/// Whoever drops it without an end leaves nothing running.
impl Drop for Followed {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            link.connection.ask(Ask::Release(link.number));
            link.connection.leave(link.number);
        }
    }
}
