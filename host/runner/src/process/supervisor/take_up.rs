//! Has a supervisor start a program, and finds the one that an earlier host had started.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use taffrail_engine::ports::{Launched, RunnerError};

use super::client::{Connection, Supervisors};
use super::followed::{ENDED, Followed, Link};
use super::spool::{Found, Head, Reader, Spool};
use super::wire::{Ask, Order, Tell};
use super::{boot, clock, spool_in};
use crate::process::GRACE;
use crate::process::left;
use crate::process::start::Wanted;

/// How long the supervisor of an earlier host may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Launches a program.
pub(in crate::process) async fn launch(
    supervisors: &Arc<Supervisors>,
    wanted: Wanted,
    private_dir: &Path,
    time_left: Option<Duration>,
) -> Result<Box<dyn Launched>, RunnerError> {
    let connection = supervisors.own().await?;
    let path = spool_in(private_dir);
    let head = Head {
        supervisor: connection.name.clone(),
        boot: boot().to_owned(),
    };
    let reader = Spool::create(&path, &head).map_err(|error| {
        RunnerError::Start(format!(
            "the file for its output `{}` cannot be made: {error}",
            path.display()
        ))
    })?;
    let link = Link::new(connection);
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let order = Order {
        spool: path.clone().into_os_string().into(),
        task_run: wanted.task_run.clone(),
        argv: wanted.argv,
        environment: wanted
            .environment
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        directory: wanted.directory.into_os_string().into(),
        open_files: wanted.open_files,
        time_left: time_left.map(milliseconds),
        grace: milliseconds(GRACE),
    };
    link.connection
        .ask(Ask::Launch(link.number, Box::new(order)));
    let known = Arc::clone(&link.known);
    let mut followed = Box::new(Followed {
        link: Some(link),
        reader,
        path,
        task_run: wanted.task_run,
        running_for: Duration::ZERO,
        said: 0,
        directly: 0,
        over: false,
    });
    match known.answer().await {
        Some(Tell::Started(_)) => Ok(followed),
        answer => {
            followed.over = true;
            let reason = match answer {
                Some(Tell::Refused(_, reason)) => RunnerError::Start(reason),
                _ => {
                    left::end(&followed.task_run).await?;
                    RunnerError::Interrupted(ENDED.to_owned())
                }
            };
            Err(reason)
        }
    }
}

/// What a spool says of its program.
struct Seen {
    begun: bool,
    /// When it was started, by the clock that only goes on.
    started: Option<u64>,
    /// Whether its end is there, and can be relied on.
    over: bool,
}

/// Takes a program up; see [`taffrail_engine::ports::Runner::take_up`].
pub(in crate::process) async fn take_up(
    supervisors: &Arc<Supervisors>,
    task_run: String,
    private_dir: &Path,
    launched: bool,
) -> Result<Option<Box<dyn Launched>>, RunnerError> {
    let path = spool_in(private_dir);
    let unreadable = |error: std::io::Error| {
        RunnerError::Lost(format!(
            "what an earlier run left cannot be read from `{}`: {error}",
            path.display()
        ))
    };
    let Some((reader, head)) = Reader::open(&path).map_err(unreadable)? else {
        if launched {
            left::end(&task_run).await?;
            return Err(RunnerError::Interrupted(format!(
                "the file `{}` is gone, and what became of the program is not known",
                path.display()
            )));
        }
        return Ok(None);
    };
    let link = match supervisors.of(&head).await? {
        Some(connection) => follow(connection, path.clone().into_os_string()).await?,
        None => None,
    };
    // Only now: what is there when nobody writes any more is all.
    let seen = look(&path, head.boot == boot()).map_err(unreadable)?;
    if link.is_none() {
        if !seen.begun {
            return Ok(None);
        }
        if !seen.over {
            left::end(&task_run).await?;
            return Err(RunnerError::Interrupted(ENDED.to_owned()));
        }
    }
    // One that has ended did so in its time, or its end says otherwise.
    let running_for = seen
        .started
        .filter(|_| !seen.over)
        .map(|started| Duration::from_nanos(clock().saturating_sub(started)));
    Ok(Some(Box::new(Followed {
        link,
        reader,
        path,
        task_run,
        running_for: running_for.unwrap_or_default(),
        said: 0,
        directly: 0,
        over: false,
    })))
}

/// Asks a supervisor to go on with a task; none where it has no such task.
async fn follow(connection: Arc<Connection>, spool: OsString) -> Result<Option<Link>, RunnerError> {
    let link = Link::new(connection);
    link.connection.ask(Ask::TakeUp(link.number, spool.into()));
    match tokio::time::timeout(ANSWER, link.known.answer()).await {
        Ok(Some(Tell::Known(_))) => Ok(Some(link)),
        Ok(_) => {
            link.connection.leave(link.number);
            Ok(None)
        }
        Err(_) => Err(RunnerError::Lost(
            "the supervisor of an earlier run does not answer; another taffrail may be served by it".to_owned(),
        )),
    }
}

/// Reads a spool from its beginning to what is there now.
fn look(path: &Path, same_boot: bool) -> std::io::Result<Seen> {
    let mut seen = Seen {
        begun: false,
        started: None,
        over: false,
    };
    let Some((mut reader, _)) = Reader::open(path)? else {
        return Ok(seen);
    };
    let limit = reader.length()?;
    let mut bytes = Vec::new();
    loop {
        match reader.next(limit, &mut bytes) {
            Ok(None) => return Ok(seen),
            Ok(Some(Found::Begun)) => seen.begun = true,
            Ok(Some(Found::Started(at))) => seen.started = Some(at).filter(|_| same_boot),
            Ok(Some(Found::Output(_) | Found::Gap(_))) => {}
            Ok(Some(Found::Refused(_))) => seen.over = true,
            // A machine that was started again may have lost a part of what stands before.
            Ok(Some(Found::Over(over))) => seen.over = over.synced || same_boot,
            // Nor is what it made of the file what was written.
            Err(_) if !same_boot => {
                seen.begun = true;
                return Ok(seen);
            }
            Err(error) => return Err(error),
        }
    }
}
