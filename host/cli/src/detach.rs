//! `run --detach`: the run goes on in a process of its own, without a terminal, and its id is printed once it is on disk.

use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::process::{Command, Stdio};

use crate::exit::{Exit, Failed};
use crate::report::complain;
use crate::terminal;

/// Says to this program that it is the process that goes on.
const VARIABLE: &str = "TAFFRAIL_DETACHED";

/// Whether this is the process that goes on.
pub fn is_detached() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// In the process that goes on: begins a session of its own, so that the end of the terminal is not its end.
pub fn leave_terminal() {
    if is_detached() {
        // It fails where this process leads its group, and then it has no terminal to lose.
        let _ = rustix::process::setsid();
    }
}

/// Starts the same command line once more, and waits for the id of what it runs. `reads_stdin` says that the flow comes from there.
///
/// # Errors
/// When it cannot be started. What it refuses it says itself.
pub fn start(reads_stdin: bool) -> Result<Exit, Failed> {
    let failed = |error: std::io::Error| {
        Failed::new(
            Exit::Internal,
            format!("cannot start a process for the run: {error}"),
        )
    };
    let program = std::env::current_exe().map_err(failed)?;
    // A file that has no name: what is said later has somewhere to go, and goes with the process.
    let mut said = tempfile::tempfile().map_err(failed)?;
    let mut child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, "1")
        .stdin(if reads_stdin {
            Stdio::inherit()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(said.try_clone().map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let mut id = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut id).map_err(failed)?;
    }
    let status = if id.is_empty() {
        Some(child.wait().map_err(failed)?)
    } else {
        None
    };
    let mut text = String::new();
    if said.rewind().is_ok() && said.read_to_string(&mut text).is_ok() {
        let text = text.trim_end();
        if !text.is_empty() {
            complain(text);
        }
    }
    match status {
        None => {
            terminal::answer(&id)?;
            Ok(Exit::Ok)
        }
        Some(status) => {
            let exit = status.code().and_then(Exit::of_code);
            Err(Failed::silent(exit.unwrap_or(Exit::Internal)))
        }
    }
}

/// In the process that goes on: tells the id. Nobody reads what it prints after that.
///
/// # Errors
/// When nobody reads even that; the run has not begun then.
pub fn tell(id: &str) -> Result<(), Failed> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{id}")
        .and_then(|()| stdout.flush())
        .map_err(|error| {
            Failed::new(
                Exit::Internal,
                format!("nobody waits for the id of the run: {error}"),
            )
        })
}
