//! The runtime that a command's futures run in: one thread, as the work is done by other programs.

use tokio::runtime::{Builder, Runtime};

use crate::exit::{Exit, Failed};

/// Starts one.
///
/// # Errors
/// When the system has no more descriptors or memory for it.
pub fn start() -> Result<Runtime, Failed> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failed::new(
                Exit::Internal,
                format!("cannot start the scheduler: {error}"),
            )
        })
}
