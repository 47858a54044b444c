//! `taffrail rm`: removes executions, first from the store, then their logs and stored files.

use std::path::Path;

use taffrail_engine::scope::chain;
use taffrail_engine::storage::{Folder, Storage};
use taffrail_store::{ExecutionRow, Reader};

use crate::args::{Global, RmArgs};
use crate::executions::{self, Status, store_failed};
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::report::complain;

/// Runs the command.
///
/// # Errors
/// When one of them does not exist, runs, or could be gone on with.
pub fn rm(global: &Global, args: &RmArgs) -> Result<Exit, Failed> {
    let folders = Folders::choose(global)?;
    let reader = executions::reader(&folders.state)?;
    // All are looked at before one of them goes.
    let mut rows = Vec::new();
    for word in &args.executions {
        let row = executions::select(&reader, word)?;
        match Status::of(&folders.state, &row) {
            Status::Running => {
                return Err(
                    Failed::new(Exit::Usage, format!("the execution `{}` runs", row.id))
                        .hint(format!("`taffrail kill {}` ends it", row.id)),
                );
            }
            Status::Interrupted if !args.force => {
                return Err(Failed::new(
                    Exit::Usage,
                    format!(
                        "the execution `{}` was interrupted, and can be gone on with",
                        row.id
                    ),
                )
                .hint(format!(
                    "`taffrail resume {}` goes on with it; `--force` removes it all the same",
                    row.id
                )));
            }
            _ => rows.push(row),
        }
    }
    for row in &rows {
        let removed = remove(&reader, &folders.state, row)?;
        if !global.quiet {
            complain(&format!("removed {}{}", row.id, and_called(removed)));
        }
    }
    Ok(Exit::Ok)
}

fn and_called(removed: usize) -> String {
    match removed {
        0 | 1 => String::new(),
        more => format!(" and {} that it called for", more - 1),
    }
}

/// Removes an execution and those that it called for. Gives how many they were.
///
/// # Errors
/// When the store or the disk refuses.
pub fn remove(reader: &Reader, state: &Path, row: &ExecutionRow) -> Result<usize, Failed> {
    let mut removed = 1;
    for called in reader.called_by(&row.id).map_err(store_failed)? {
        if Status::of(state, &called) != Status::Running {
            removed += remove(reader, state, &called)?;
        }
    }
    // What is not in the store any more has no use for its files; the other way round something would be missing.
    reader.remove(&row.id).map_err(store_failed)?;
    let failed = |message: String| Failed::new(Exit::Internal, message);
    let storage = Storage::open(&state.join("storage")).map_err(|error| failed(chain(&error)))?;
    storage
        .delete_folder(&Folder::execution(&row.namespace, &row.flow, &row.id))
        .map_err(|error| failed(chain(&error)))?;
    let directory = executions::directory(state, &row.id);
    match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(format!(
            "cannot remove `{}`: {error}",
            directory.display()
        ))),
        _ => Ok(removed),
    }
}
