//! `taffrail kill`: ends an execution that another taffrail runs, or what is left of one whose taffrail died.

use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};
use taffrail_core::record::State;

use crate::args::{Global, KillArgs};
use crate::executions::{self, Status, store_failed};
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::owner::{self, Process};
use crate::report::complain;

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// How long a taffrail may take to end once all its tasks were killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long an execution may stay owned by a process that is not there, until that is no end which is about to be seen.
const UNSEEN: Duration = Duration::from_secs(1);

/// Runs the command.
///
/// # Errors
/// When there is no such execution, or it does not end.
pub fn kill(global: &Global, args: &KillArgs) -> Result<Exit, Failed> {
    let folders = Folders::choose(global)?;
    let grace = args
        .grace
        .as_deref()
        .map(taffrail_core::duration::parse)
        .transpose()
        .map_err(|error| Failed::new(Exit::Usage, format!("`--grace`: {error}")))?;
    let reader = executions::reader(&folders.state)?;
    let row = executions::select(&reader, &args.execution)?;
    let directory = executions::directory(&folders.state, &row.id);
    match Status::of(&folders.state, &row) {
        Status::Ended(_) => {
            return Err(Failed::new(
                Exit::Usage,
                format!("the execution `{}` has ended", row.id),
            ));
        }
        Status::Running => {
            let process = owner::of(&directory).ok_or_else(|| {
                Failed::new(
                    Exit::Internal,
                    format!(
                        "the execution `{}` runs, and its process does not say who it is",
                        row.id
                    ),
                )
            })?;
            end(&process, &directory, grace, &row.id)?;
        }
        Status::Interrupted => {
            super::prune::end_what_runs(&folders.state, &row.id)?;
            reader.end(&row.id, State::Killed).map_err(store_failed)?;
        }
    }
    if !global.quiet {
        let row = reader.execution(&row.id).map_err(store_failed)?;
        let state = row.and_then(|row| row.state).map_or("ended", State::as_str);
        complain(&format!("{}: {}", args.execution, state.to_lowercase()));
    }
    Ok(Exit::Ok)
}

/// Asks a taffrail to end, and waits until it has let go of the execution.
fn end(
    process: &Process,
    directory: &std::path::Path,
    grace: Option<Duration>,
    id: &str,
) -> Result<(), Failed> {
    let is_here = signal(process)?;
    let begun = Instant::now();
    let mut harder = grace;
    while owner::is_owned(directory) {
        if !is_here && begun.elapsed() > UNSEEN {
            let failed = Failed::new(
                Exit::Unreachable,
                format!(
                    "the process {} that runs the execution `{id}` cannot be seen from here",
                    process.pid
                ),
            );
            return Err(
                failed.hint("it runs in another container, or outside of this one; end it there")
            );
        }
        if let Some(grace) = harder
            && begun.elapsed() >= grace
        {
            // The second one ends tasks without grace.
            harder = None;
            signal(process)?;
        }
        if begun.elapsed() > PATIENCE + grace.unwrap_or_default() {
            return Err(Failed::new(
                Exit::Internal,
                format!(
                    "the process {} was asked to end and still runs the execution `{id}`",
                    process.pid
                ),
            ));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Signals the very process that was looked at: its number is held fast and then compared. Whether it was there.
fn signal(process: &Process) -> Result<bool, Failed> {
    let failed = |reason: String| {
        Failed::new(
            Exit::Internal,
            format!("cannot signal the process {}: {reason}", process.pid),
        )
    };
    let Some(pid) = Pid::from_raw(process.pid) else {
        return Err(failed("it is no process".to_owned()));
    };
    let held = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Ok(held) => held,
        // It has ended, which is what was wanted.
        Err(rustix::io::Errno::SRCH) => return Ok(false),
        Err(error) => return Err(failed(error.to_string())),
    };
    if !process.is_still_there() {
        return Ok(false);
    }
    match rustix::process::pidfd_send_signal(&held, Signal::TERM) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(failed(error.to_string())),
    }
}
