//! Executions by the words that name them on the command line, and what state they are in.

use std::path::{Path, PathBuf};

use taffrail_core::record::State;
use taffrail_store::{ExecutionRow, Reader, Selection, StoreError};

use crate::exit::{Exit, Failed};
use crate::owner;

/// The directory of an execution.
pub fn directory(state: &Path, id: &str) -> PathBuf {
    state.join("executions").join(id)
}

/// What an execution is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It has ended.
    Ended(State),
    /// A taffrail runs it now.
    Running,
    /// Its taffrail ended without an end of the execution: it can be gone on with.
    Interrupted,
}

impl Status {
    /// What it is at now.
    pub fn of(state: &Path, row: &ExecutionRow) -> Self {
        match row.state {
            Some(ended) => Status::Ended(ended),
            None if owner::is_owned(&directory(state, &row.id)) => Status::Running,
            None => Status::Interrupted,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Status::Ended(state) => state.as_str(),
            Status::Running => "RUNNING",
            Status::Interrupted => "INTERRUPTED",
        }
    }
}

/// What is wrong with the store, with the code whose page says more.
pub fn store_failed(error: StoreError) -> Failed {
    let code = error.code();
    Failed::new(Exit::Internal, format!("{code}: {error}"))
        .hint(format!("`taffrail explain {code}` says what can be done"))
}

/// Opens the store to read it.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn reader(state: &Path) -> Result<Reader, Failed> {
    Reader::open(state).map_err(store_failed)?.ok_or_else(|| {
        Failed::new(
            Exit::NotFound,
            format!(
                "nothing was run with the state folder `{}`",
                state.display()
            ),
        )
    })
}

/// The execution that a word names.
///
/// # Errors
/// When there is none, or several begin so.
pub fn select(reader: &Reader, word: &str) -> Result<ExecutionRow, Failed> {
    match reader.select(word).map_err(store_failed)? {
        Selection::One(row) => Ok(*row),
        Selection::None => Err(Failed::new(
            Exit::NotFound,
            format!("there is no execution `{word}`"),
        )
        .hint("`taffrail ps` lists them; an id, its first letters (at least 4), `@last` and `@last-failed` name one")),
        Selection::Several(ids) => Err(Failed::new(
            Exit::Usage,
            format!("`{word}` begins several executions: {}", ids.join(", ")),
        )
        .hint("give more of the id")),
    }
}
