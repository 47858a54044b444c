//! Opens the database, after it has been looked at: whose it is, who may read it, which version it has.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::StoreError;
use crate::{FILE, schema};

/// How long another process may hold the database. Commits take milliseconds; a disk that hangs takes longer.
const BUSY: Duration = Duration::from_secs(30);
/// After so long a step that SQLite does not wait for is tried again.
const AGAIN: Duration = Duration::from_millis(2);
/// With so many pages (of 4 KiB) the write-ahead log is moved into the database at the end: the next to open it reads all that is in it.
const LOG_PAGES_AT_END: u32 = 256;
/// With so many it is moved before. Most pages of a log are younger forms of the same few.
const LOG_PAGES: u32 = 1024;

/// Opens the database of a state folder, and makes it where it is not there.
///
/// # Errors
/// See [`StoreError`].
pub(crate) fn open_or_make(state: &Path) -> Result<(Connection, PathBuf), StoreError> {
    taffrail_engine::confined::create_private_dir(state).map_err(|error| StoreError::Failed {
        doing: "make the folder of",
        path: state.join(FILE),
        reason: taffrail_engine::scope::chain(&error),
    })?;
    let path = state.join(FILE);
    if !is_there(state)? {
        // SQLite gives its other files the permissions of this one.
        let made = File::options()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path);
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StoreError::Failed {
                    doing: "make",
                    path,
                    reason: error.to_string(),
                });
            }
            _ => {}
        }
    }
    let connection = connect(&path)?;
    schema::migrate(&connection, &path)?;
    Ok((connection, path))
}

/// Opens the database of a state folder where there is one; nothing is made.
///
/// # Errors
/// See [`StoreError`].
pub(crate) fn open(state: &Path) -> Result<Option<(Connection, PathBuf)>, StoreError> {
    if !is_there(state)? {
        return Ok(None);
    }
    let path = state.join(FILE);
    let connection = connect(&path)?;
    schema::migrate(&connection, &path)?;
    Ok(Some((connection, path)))
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of("open", path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    // The last to close it would move the log and remove it, and the next one make it anew: four waits for the disk for each run. A file
    // of somebody else it would change.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(failed)?;
    // Read before anything is written: a file of somebody else stays as it is.
    schema::check(&connection, path)?;
    use_write_ahead_log(&connection)
        .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
        .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
        // Not within a commit, which is waited for.
        .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", 0))
        .map_err(failed)?;
    Ok(connection)
}

/// Moves the write-ahead log into the database where it has become long. The next commit begins it anew.
///
/// # Errors
/// When SQLite does not take it.
pub(crate) fn move_long_log(connection: &Connection) -> rusqlite::Result<()> {
    match log_pages(connection)? {
        ..LOG_PAGES => Ok(()),
        _ => connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())),
    }
}

/// The same at the end of this process, after which nobody knows what was moved: so nothing is left in it, unless somebody else is at work.
///
/// # Errors
/// When SQLite does not take it.
pub(crate) fn leave_short_log(connection: &Connection) -> rusqlite::Result<()> {
    if log_pages(connection)? < LOG_PAGES_AT_END {
        return Ok(());
    }
    connection.busy_timeout(Duration::ZERO)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// How many pages are in the write-ahead log.
fn log_pages(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))
}

/// Brings the database to its write-ahead log, where it has none yet.
///
/// That takes the whole file from all others, and is the one step where SQLite does not wait by itself: of several that make the store at
/// once, all but the first would be told that it is locked. The first to get through does it for all, so they come again.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + BUSY;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(AGAIN);
            }
            outcome => return outcome,
        }
    }
}

/// Whether the database is there, and safe: nobody else's, and for nobody else's eyes.
fn is_there(state: &Path) -> Result<bool, StoreError> {
    for (path, is_folder) in [(state.to_owned(), true), (state.join(FILE), false)] {
        match std::fs::symlink_metadata(&path) {
            Ok(found) => {
                if let Some(reason) = unsafe_reason(&found, is_folder) {
                    return Err(StoreError::Unsafe { path, reason });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => {
                return Err(StoreError::Failed {
                    doing: "look at",
                    path,
                    reason: error.to_string(),
                });
            }
        }
    }
    Ok(true)
}

fn unsafe_reason(found: &Metadata, is_folder: bool) -> Option<String> {
    if is_folder {
        // A folder behind a link is looked at when the file in it is.
        return None;
    }
    if !found.is_file() {
        return Some("it is no regular file".to_owned());
    }
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Some(format!(
            "others may read or write it (mode {mode:04o}); `chmod 600` takes that from them"
        ));
    }
    let own = rustix::process::geteuid().as_raw();
    (own != found.uid()).then(|| {
        format!(
            "it belongs to the user {}, and this is the user {own}",
            found.uid()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(state: &Path) -> StoreError {
        open_or_make(state).map(drop).unwrap_err()
    }

    #[test]
    fn it_is_made_for_its_owner_alone_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert!(open(&state).unwrap().is_none());
        assert!(!state.exists(), "looking makes nothing");
        drop(open_or_make(&state).unwrap());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state), 0o700);
        let (connection, path) = open(&state).unwrap().unwrap();
        assert_eq!(mode(&path), 0o600);
        // The files beside it are as private.
        connection.execute("DELETE FROM executions", []).unwrap();
        for entry in std::fs::read_dir(&state).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
        let level: i64 = connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap();
        assert_eq!(level, 2, "synchronous is FULL");
    }

    #[test]
    fn what_others_could_read_or_swap_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        drop(open_or_make(&state).unwrap());
        let path = state.join(FILE);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let error = refused(&state);
        assert!(error.to_string().contains("mode 0644"), "{error}");
        assert_eq!(error.code().as_str(), "TF1003");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(refused(&state).to_string().contains("no regular file"));
    }
}
