//! Why the store cannot be used.

use std::path::PathBuf;

use taffrail_core::diagnostic::Code;

/// Why the store cannot be used. Nothing was written then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A later taffrail has written it.
    #[error(
        "the store `{path}` is of version {found}, and this taffrail knows versions up to {known}"
    )]
    Newer {
        /// Its file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// It is no store, or was damaged.
    #[error("the store `{path}` cannot be read: {reason}")]
    Damaged {
        /// Its file.
        path: PathBuf,
        /// What SQLite says of it.
        reason: String,
    },
    /// Somebody else could read or change it.
    #[error("the store `{path}` is not safe to use: {reason}")]
    Unsafe {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system refused: no space, no rights, a failed write. A store that failed so once is not written to any more.
    #[error("cannot {doing} the store `{path}`: {reason}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// Its file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl StoreError {
    /// The code whose page says what can be done about it.
    pub fn code(&self) -> Code {
        match self {
            StoreError::Newer { .. } => Code::NewerStore,
            StoreError::Damaged { .. } => Code::DamagedStore,
            StoreError::Unsafe { .. } => Code::UnsafeStore,
            StoreError::Failed { .. } => Code::FailedStore,
        }
    }

    /// What SQLite says, told of the store.
    pub(crate) fn of(doing: &'static str, path: &std::path::Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Damaged { path, reason }
            }
            _ => StoreError::Failed {
                doing,
                path,
                reason,
            },
        }
    }
}
