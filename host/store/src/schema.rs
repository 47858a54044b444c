//! The tables, and the steps from one version of them to the next. A step that was published never changes.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;

/// Says that the database is a store of taffrail: `TAFF`.
const APPLICATION: i32 = 0x5441_4646;

/// The steps; the version of a store is how many of them it has taken.
const STEPS: &[&str] = &[
    // What is kept of executions and of their task runs. Texts are masked; `nonce` marks the references to secrets.
    "CREATE TABLE executions (
        id TEXT PRIMARY KEY,
        namespace TEXT NOT NULL,
        flow TEXT NOT NULL,
        started TEXT NOT NULL,
        ended TEXT,
        state TEXT,
        attempt INTEGER NOT NULL,
        original TEXT,
        caller TEXT,
        caller_run TEXT,
        caller_attempt INTEGER,
        caller_place INTEGER,
        nonce TEXT NOT NULL,
        file TEXT NOT NULL,
        source TEXT NOT NULL,
        given TEXT NOT NULL,
        inputs TEXT NOT NULL,
        origin TEXT NOT NULL,
        record TEXT
    ) STRICT;
    CREATE TABLE task_runs (
        number INTEGER PRIMARY KEY,
        execution TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
        run TEXT NOT NULL,
        path TEXT NOT NULL,
        task TEXT NOT NULL,
        type TEXT NOT NULL,
        value TEXT,
        parent TEXT,
        started TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        attempts TEXT NOT NULL,
        runner TEXT,
        launching INTEGER NOT NULL,
        launched INTEGER NOT NULL,
        attempted TEXT,
        ended INTEGER,
        state TEXT,
        way TEXT,
        kept TEXT,
        UNIQUE (execution, run)
    ) STRICT;",
    // How the executions that have no end, and those that a task called for, are found.
    "CREATE INDEX executions_open ON executions (id) WHERE state IS NULL;
    CREATE INDEX executions_called ON executions (caller, caller_run, caller_attempt, caller_place) WHERE caller IS NOT NULL;",
];

/// The newest version that is known here.
pub(crate) const VERSION: u32 = STEPS.len() as u32;

/// Looks whether this taffrail may use the database. Changes nothing.
///
/// # Errors
/// When it is no store, or of a later version.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of("open", path, &error);
    // All at one moment: another process may be making it.
    let moment = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Deferred)
        .map_err(failed)?;
    let found = version(&moment).map_err(failed)?;
    let application: i32 = moment
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(failed)?;
    let tables: i64 = moment
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    drop(moment);
    if application != APPLICATION && (found != 0 || tables != 0) {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: "it is a database of another program".to_owned(),
        });
    }
    if found > VERSION {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known: VERSION,
        });
    }
    Ok(())
}

/// Takes the steps that the store has not taken yet, all or none of them.
///
/// # Errors
/// When one fails, or another process has taken it further than this taffrail knows.
pub(crate) fn migrate(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    migrate_to(connection, path, STEPS)
}

fn migrate_to(connection: &Connection, path: &Path, steps: &[&str]) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| StoreError::of("bring up to date", path, &error);
    if version(connection).map_err(failed)? as usize >= steps.len() {
        return Ok(());
    }
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
            .map_err(failed)?;
    // Another process may have been faster.
    let taken = version(&transaction).map_err(failed)? as usize;
    for step in steps.iter().skip(taken) {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION)
        .and_then(|()| {
            transaction.pragma_update(None, "user_version", steps.len().max(taken) as i64)
        })
        .and_then(|()| transaction.commit())
        .map_err(failed)
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::open_or_make;
    use crate::{FILE, Reader};

    #[test]
    fn a_store_of_any_older_version_is_brought_up_to_date_with_what_is_in_it() {
        for old in 1..=STEPS.len() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(FILE);
            let made = std::os::unix::fs::OpenOptionsExt::mode(
                std::fs::File::options().create_new(true).write(true),
                0o600,
            )
            .open(&path);
            drop(made.unwrap());
            let connection = Connection::open(&path).unwrap();
            migrate_to(&connection, &path, &STEPS[..old]).unwrap();
            connection
                .execute(
                    "INSERT INTO executions (id, namespace, flow, started, attempt, nonce, file, source, given, inputs, origin)
                     VALUES ('01k', 'n', 'f', '2026-01-01T00:00:00Z', 1, 'x', 'f.yaml', 'id: f', '{}', '{}', '{}')",
                    [],
                )
                .unwrap();
            drop(connection);
            let (connection, _) = open_or_make(folder.path()).unwrap();
            assert_eq!(version(&connection).unwrap(), VERSION, "from {old}");
            let reader = Reader::open(folder.path()).unwrap().unwrap();
            let found = reader.unfinished().unwrap();
            assert_eq!(
                (found.len(), found[0].id.as_str()),
                (1, "01k"),
                "from {old}"
            );
        }
    }

    #[test]
    fn a_later_version_and_another_database_are_refused_and_left_as_they_are() {
        let check = |change: &dyn Fn(&Connection), code: &str| {
            let folder = tempfile::tempdir().unwrap();
            let (connection, path) = open_or_make(folder.path()).unwrap();
            change(&connection);
            connection.close().unwrap();
            let before = std::fs::read(&path).unwrap();
            let error = open_or_make(folder.path()).map(drop).unwrap_err();
            assert_eq!(error.code().as_str(), code, "{error}");
            assert!(std::fs::read(&path).unwrap() == before, "{error}");
        };
        let later = |connection: &Connection| {
            connection
                .pragma_update(None, "user_version", VERSION + 1)
                .unwrap();
        };
        check(&later, "TF1001");
        let foreign = |connection: &Connection| {
            connection.pragma_update(None, "application_id", 7).unwrap();
        };
        check(&foreign, "TF1002");
    }

    #[test]
    fn damage_is_told_as_damage() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, path) = open_or_make(folder.path()).unwrap();
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        connection.close().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut told = 0;
        // The head of the file, and pages after it.
        for position in [0, 5, 16, 100, 4096, 8192 + 3] {
            let mut damaged = whole.clone();
            let end = (position + 90).min(damaged.len());
            damaged[position..end].fill(0xa5);
            std::fs::write(&path, &damaged).unwrap();
            match open_or_make(folder.path()) {
                Ok(_) => {}
                Err(error) => {
                    assert!(
                        matches!(
                            error,
                            StoreError::Damaged { .. }
                                | StoreError::Newer { .. }
                                | StoreError::Failed { .. }
                        ),
                        "{position}: {error}"
                    );
                    told += usize::from(matches!(error, StoreError::Damaged { .. }));
                }
            }
        }
        assert!(told >= 3, "only {told} kinds of damage are told as such");
        std::fs::write(
            &path,
            "not a database, but longer than a hundred bytes: ".repeat(20),
        )
        .unwrap();
        let error = open_or_make(folder.path()).map(drop).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }

    #[test]
    fn several_processes_may_make_it_at_once() {
        // What may go wrong does so in one of some ten folders.
        for _ in 0..25 {
            let folder = tempfile::tempdir().unwrap();
            let start = std::sync::Barrier::new(8);
            std::thread::scope(|scope| {
                let all: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            start.wait();
                            open_or_make(folder.path()).map(drop)
                        })
                    })
                    .collect();
                for one in all {
                    one.join().unwrap().unwrap();
                }
            });
        }
    }
}
