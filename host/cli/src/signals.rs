//! Ctrl-C and its relatives: the first asks the tasks to end, the second ends them, the third leaves.

use taffrail_engine::cancel::{Cancel, CancelLevel};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;
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

/// Listens until the program ends.
///
/// # Errors
/// When the system does not let us listen.
pub fn listen(cancel: Cancel, interruption: std::sync::Arc<Interruption>) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let mut presses = 0;
        loop {
            let exit = tokio::select! {
                _ = interrupt.recv() => Exit::Interrupted,
                _ = terminate.recv() => Exit::Terminated,
                _ = hangup.recv() => Exit::Terminated,
            };
            interruption.first.get_or_init(|| exit);
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
                    complain("leaving; processes of the running task may be left");
                    std::process::exit(i32::from(exit.code()));
                }
            }
        }
    });
    Ok(())
}
