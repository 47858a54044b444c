//! What commands and a host that goes on with an execution find in the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use serde::de::DeserializeOwned;
use serde_json::Value;
use taffrail_core::record::{Attempt, State};
use taffrail_engine::execution::Call;
use taffrail_engine::ledger::{Kept, KeptEnd, KeptRun, Left};

use crate::check;
use crate::error::StoreError;
use crate::rows::{ExecutionRow, TaskRow};

/// The shortest beginning of an id that names an execution.
const SHORTEST: usize = 4;

/// Reads the store. Several may read while others write.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

/// What a word on the command line names.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// One execution.
    One(Box<ExecutionRow>),
    /// None.
    None,
    /// Several ids begin so; the newest of them first.
    Several(Vec<String>),
}

const COLUMNS: &str = "id, namespace, flow, started, ended, state, attempt, original, caller, caller_run, caller_attempt, caller_place,
    nonce, file, source, given, inputs, origin, record";

impl Reader {
    /// Opens the store of a state folder, where there is one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(state: &Path) -> Result<Option<Self>, StoreError> {
        let opened = check::open(state)?;
        Ok(opened.map(|(connection, path)| Self { connection, path }))
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::of("read", &self.path, error)
    }

    fn executions(
        &self,
        rest: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<ExecutionRow>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM executions {rest}");
        let read = || -> rusqlite::Result<Vec<ExecutionRow>> {
            let mut statement = self.connection.prepare(&text)?;
            statement.query_map(parameters, execution)?.collect()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// The executions, the newest first. Ids sort by their time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn newest(&self, limit: usize) -> Result<Vec<ExecutionRow>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.executions("ORDER BY id DESC LIMIT ?1", [limit])
    }

    /// The executions without an end, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unfinished(&self) -> Result<Vec<ExecutionRow>, StoreError> {
        self.executions("WHERE state IS NULL ORDER BY id", [])
    }

    /// The executions that a task of this one called for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn called_by(&self, execution: &str) -> Result<Vec<ExecutionRow>, StoreError> {
        self.executions("WHERE caller = ?1 ORDER BY id", [execution])
    }

    /// The execution of this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn execution(&self, id: &str) -> Result<Option<ExecutionRow>, StoreError> {
        Ok(self.executions("WHERE id = ?1", [id])?.pop())
    }

    /// The execution that a word names: an id or the beginning of one, `@last`, `@last-failed`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn select(&self, word: &str) -> Result<Selection, StoreError> {
        let mut found = match word {
            "@last" => self.executions("WHERE caller IS NULL ORDER BY id DESC LIMIT 1", [])?,
            "@last-failed" => self.executions(
                "WHERE caller IS NULL AND state IN ('FAILED', 'KILLED') ORDER BY id DESC LIMIT 1",
                [],
            )?,
            word => {
                let id = word.to_lowercase();
                let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if !is_id || id.len() < SHORTEST {
                    return Ok(Selection::None);
                }
                // An id in full names its execution, whatever else begins so.
                let exact = self.executions("WHERE id = ?1", [&id])?;
                if exact.is_empty() {
                    let pattern = format!("{id}*");
                    self.executions("WHERE id GLOB ?1 ORDER BY id DESC LIMIT 6", [&pattern])?
                } else {
                    exact
                }
            }
        };
        Ok(match found.len() {
            0 => Selection::None,
            1 => Selection::One(Box::new(found.remove(0))),
            _ => Selection::Several(found.into_iter().map(|row| row.id).collect()),
        })
    }

    /// The task runs of an execution, in the order in which they started.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn task_runs(&self, execution: &str) -> Result<Vec<TaskRow>, StoreError> {
        let read = || -> rusqlite::Result<Vec<TaskRow>> {
            let mut statement = self.connection.prepare(
                "SELECT run, path, task, type, value, parent, started, attempt, runner, launching, kept
                 FROM task_runs WHERE execution = ?1 ORDER BY number",
            )?;
            statement
                .query_map([execution], |row| {
                    Ok(TaskRow {
                        run: row.get(0)?,
                        path: row.get(1)?,
                        task: row.get(2)?,
                        task_type: row.get(3)?,
                        value: row.get(4)?,
                        parent: row.get(5)?,
                        started: row.get(6)?,
                        attempt: row.get(7)?,
                        runner: row.get(8)?,
                        launching: row.get(9)?,
                        record: row
                            .get::<_, Option<String>>(10)?
                            .map(|text| parsed::<Left>(10, &text))
                            .transpose()?
                            .map(|left| *left.record),
                    })
                })?
                .collect()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// The execution that a task run called for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn called(
        &self,
        execution: &str,
        run: &str,
        attempt: u32,
        place: u32,
    ) -> Result<Option<ExecutionRow>, StoreError> {
        // A called execution that failed may have been made anew, under the same caller: the last one counts.
        let found = self.executions(
            "WHERE caller = ?1 AND caller_run = ?2 AND caller_attempt = ?3 AND caller_place = ?4 ORDER BY id DESC LIMIT 1",
            params![execution, run, attempt, place],
        );
        Ok(found?.pop())
    }

    /// All that a host needs to go on with an execution.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept(&self, row: &ExecutionRow) -> Result<Kept, StoreError> {
        let read = || -> rusqlite::Result<Kept> {
            let mut statement = self.connection.prepare(
                "SELECT path, run, started, attempt, attempts, launching, launched, attempted, ended, way, kept
                 FROM task_runs WHERE execution = ?1",
            )?;
            let runs = statement
                .query_map([&row.id], kept_run)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Kept {
                nonce: row.nonce.clone(),
                started: row.started.clone(),
                inputs: row.inputs.clone(),
                origin: serde_json::from_value(row.origin.clone())
                    .map_err(|error| wrong(17, error))?,
                runs,
            })
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Takes an execution out of the store. On disk when this returns.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remove(&self, execution: &str) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM executions WHERE id = ?1", [execution])
            .map(drop)
            .map_err(|error| StoreError::of("write to", &self.path, &error))
    }

    /// Says that an execution has ended, for one whose host died and that nobody will go on with. On disk when this returns.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn end(&self, execution: &str, state: State) -> Result<(), StoreError> {
        let ended = jiff::Timestamp::now().to_string();
        self.connection
            .execute(
                "UPDATE executions SET state = ?2, ended = ?3 WHERE id = ?1 AND state IS NULL",
                params![execution, state.as_str(), ended],
            )
            .map(drop)
            .map_err(|error| StoreError::of("write to", &self.path, &error))
    }

    /// What SQLite finds wrong with the file; nothing where all is well.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    pub fn faults(&self) -> Result<Vec<String>, StoreError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare("PRAGMA quick_check")?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        let found = read().map_err(|error| self.failed(&error))?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }
}

fn wrong(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

fn parsed<T: DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| wrong(column, error))
}

fn state(column: usize, text: String) -> rusqlite::Result<State> {
    serde_json::from_value(Value::String(text)).map_err(|error| wrong(column, error))
}

fn execution(row: &Row<'_>) -> rusqlite::Result<ExecutionRow> {
    let caller = match (row.get(8)?, row.get(9)?, row.get(10)?, row.get(11)?) {
        (Some(execution), Some(run), Some(attempt), Some(place)) => Some(Call {
            execution,
            run,
            attempt,
            place,
        }),
        _ => None,
    };
    let text = |column: usize| row.get::<_, String>(column);
    Ok(ExecutionRow {
        id: text(0)?,
        namespace: text(1)?,
        flow: text(2)?,
        started: text(3)?,
        ended: row.get(4)?,
        state: row
            .get::<_, Option<String>>(5)?
            .map(|text| state(5, text))
            .transpose()?,
        attempt: row.get(6)?,
        original: row.get(7)?,
        caller,
        nonce: text(12)?,
        file: text(13)?,
        source: text(14)?,
        given: parsed(15, &text(15)?)?,
        inputs: parsed(16, &text(16)?)?,
        origin: parsed(17, &text(17)?)?,
        record: row
            .get::<_, Option<String>>(18)?
            .map(|text| parsed(18, &text))
            .transpose()?,
    })
}

fn kept_run(row: &Row<'_>) -> rusqlite::Result<(String, Arc<KeptRun>)> {
    let optional = |column: usize| row.get::<_, Option<String>>(column);
    let left = |column: usize| -> rusqlite::Result<Option<Left>> {
        optional(column)?
            .map(|text| parsed(column, &text))
            .transpose()
    };
    let attempts: Vec<Attempt> = parsed(4, &row.get::<_, String>(4)?)?;
    let ended = match (row.get(8)?, left(10)?) {
        (Some(order), Some(left)) => Some(KeptEnd {
            order,
            way: optional(9)?
                .map(|text| parsed(9, &text))
                .transpose()?
                .unwrap_or_default(),
            left,
        }),
        _ => None,
    };
    let run = KeptRun {
        run: row.get(1)?,
        started: row.get(2)?,
        attempt: row.get(3)?,
        attempts,
        launching: row.get(5)?,
        launched: row.get(6)?,
        attempted: left(7)?,
        ended,
    };
    Ok((row.get(0)?, Arc::new(run)))
}
