//! Ctrl-C and its relatives: the first asks the tasks to end, the second ends them, the third leaves.

use taffrail_engine::cancel::{Cancel, CancelLevel};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;
use crate::outlet;
use crate::report::complain;

/// Which signal asked for the end first.
#[derive(Debug, Default)]
pub struct Interruption {
    first: std::sync::OnceLock<Exit>,
}

impl Interruption {
    /// The exit code that tells of the signal, where there was one.
    pub fn exit(&self) -> Option<Exit> {
        self.first.get().copied()
    }
}

/// The number of SIGHUP.
const HANGUP: u32 = 1;

/// Whether this program was started with a signal ignored.
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (number - 1)) != 0)
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Listens until the program ends.
///
/// # Errors
/// When the system does not let us listen.
pub fn listen(cancel: Cancel, interruption: std::sync::Arc<Interruption>) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Under `nohup` the end of the terminal is to be ignored.
    let mut hangup = match is_ignored(HANGUP) {
        true => None,
        false => Some(signal(SignalKind::hangup())?),
    };
    tokio::spawn(async move {
        let mut presses = 0;
        loop {
            let exit = tokio::select! {
                _ = interrupt.recv() => Exit::Interrupted,
                _ = terminate.recv() => Exit::Terminated,
                () = received(hangup.as_mut()) => Exit::Terminated,
            };
            interruption.first.get_or_init(|| exit);
            outlet::hurry();
            presses += 1;
            match presses {
                1 => {
                    complain(
                        "cancelling: running tasks are asked to end; once more ends them at once",
                    );
                    cancel.raise(CancelLevel::Ask);
                }
                2 => {
                    complain("ending running tasks now; once more leaves without waiting");
                    cancel.raise(CancelLevel::Kill);
                }
                _ => {
                    complain(
                        "leaving; what still runs is left to itself, and `taffrail ps --open` names what `taffrail resume` goes on with",
                    );
                    std::process::exit(i32::from(exit.code()));
                }
            }
        }
    });
    Ok(())
}
