//! The one writer of this process: a thread that takes what comes, in order, and makes as much of it durable at once as is there.
//!
//! A commit waits for the disk; what comes meanwhile goes into the next one. So task runs that run at once share their commits. What nobody
//! waits for waits a moment for something that somebody does: the end of one task run and the begin of the next are one commit.

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use rusqlite::{Connection, Params, TransactionBehavior, params};
use serde::Serialize;
use serde_json::Value;
use taffrail_engine::ledger::{Entry, Ledger};
use tokio::sync::oneshot;

use crate::check;
use crate::error::StoreError;
use crate::ledger::ExecutionLedger;
use crate::queue::Queue;
use crate::rows::NewExecution;

/// What goes to the thread.
pub(crate) enum Message {
    Begin(Box<NewExecution>),
    Entry(String, Box<Entry>),
    Settle(oneshot::Sender<Result<(), StoreError>>, Haste),
}

/// Whether somebody waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Something else goes on only then.
    Now,
    /// It can wait for something that somebody waits for, or a moment.
    Soon,
}

/// The store as a process writes to it. Dropped, it waits until all that was entered is on disk.
pub struct Store {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
    unfinished: Mutex<Option<oneshot::Receiver<Unfinished>>>,
}

/// Executions without an end that no other called for, the newest first: id and flow.
type Unfinished = Vec<(String, String)>;

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Store")
    }
}

impl Store {
    /// Opens the store of a state folder, in the background. Where there is none, one is made once something is entered. What is wrong
    /// with it is told by the first receipt.
    pub fn open(state: &Path) -> Arc<Self> {
        let queue = Arc::new(Queue::default());
        let state = state.to_owned();
        let (sender, unfinished) = oneshot::channel();
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn({
            let served = Served(Arc::clone(&queue));
            move || work(&state, &served.0, sender)
        });
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                tracing::error!("the thread of the store cannot be started: {error}");
                None
            }
        };
        Arc::new(Self {
            queue,
            thread: Mutex::new(thread),
            unfinished: Mutex::new(Some(unfinished)),
        })
    }

    /// Enters an execution that begins, and gives what takes the rest of it.
    pub fn begin(self: &Arc<Self>, execution: NewExecution) -> Arc<dyn Ledger> {
        let ledger = self.ledger(&execution.id);
        self.send(Message::Begin(Box::new(execution)));
        ledger
    }

    /// What takes the entries of an execution that is there.
    pub fn ledger(self: &Arc<Self>, execution: &str) -> Arc<dyn Ledger> {
        Arc::new(ExecutionLedger {
            store: Arc::clone(self),
            execution: execution.to_owned(),
        })
    }

    /// A receipt for all that was entered before.
    pub fn settled(&self) -> Receipt {
        self.receipt(Haste::Now)
    }

    pub(crate) fn receipt(&self, haste: Haste) -> Receipt {
        let (sender, receiver) = oneshot::channel();
        self.send(Message::Settle(sender, haste));
        Receipt { receiver }
    }

    /// The executions that had no end when the store was opened, the newest first: id and flow. Those that run are among them. Told once.
    pub fn unfinished(&self) -> Vec<(String, String)> {
        let mut unfinished = self
            .unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let receiver = unfinished.take();
        receiver
            .and_then(|receiver| receiver.blocking_recv().ok())
            .unwrap_or_default()
    }

    pub(crate) fn send(&self, message: Message) {
        self.queue.send(message);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.queue.close();
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            let _ = thread.join();
        }
    }
}

/// Tells when what was entered is on disk.
#[derive(Debug)]
pub struct Receipt {
    receiver: oneshot::Receiver<Result<(), StoreError>>,
}

impl Receipt {
    /// Waits, the thread with it.
    ///
    /// # Errors
    /// Why it is not on disk.
    pub fn wait(self) -> Result<(), StoreError> {
        self.receiver
            .blocking_recv()
            .unwrap_or_else(|_| Err(gone()))
    }
}

impl Future for Receipt {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(gone())))
    }
}

fn gone() -> StoreError {
    StoreError::Failed {
        doing: "write to",
        path: PathBuf::from(crate::FILE),
        reason: "its thread has ended".to_owned(),
    }
}

/// A queue that a thread takes from. However that ends, receipts say so.
struct Served(Arc<Queue>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// After so many changes it is asked how long the log has become. Most make one or two pages of it.
const ASK_AFTER: usize = 32;

/// The life of the thread.
fn work(state: &Path, queue: &Queue, unfinished: oneshot::Sender<Unfinished>) {
    // One that is there is opened, its log read, before anything is to be entered.
    let there = check::open(state).transpose();
    let found = match &there {
        Some(Ok((connection, _))) => find_unfinished(connection).unwrap_or_default(),
        _ => Vec::new(),
    };
    // Whoever opened it may not ask.
    let _ = unfinished.send(found);
    let Some(mut messages) = queue.next() else {
        return;
    };
    let opened = there.unwrap_or_else(|| check::open_or_make(state));
    let (connection, path) = match opened {
        Ok(opened) => opened,
        Err(error) => return refuse(queue, messages, &error),
    };
    let mut waiting = Vec::new();
    let mut ends = Ends::default();
    let mut changes = 0;
    loop {
        let written = write(&connection, messages, &mut waiting, &mut ends);
        if let Err(error) = &written {
            // Nobody knows what reached the disk: nothing more goes through this connection.
            let error = StoreError::of("write to", &path, error);
            for receipt in waiting.drain(..) {
                let _ = receipt.send(Err(error.clone()));
            }
            drop(connection);
            return refuse(queue, Vec::new(), &error);
        }
        for receipt in waiting.drain(..) {
            // Whoever asked may have gone.
            let _ = receipt.send(Ok(()));
        }
        changes += written.unwrap_or_default();
        if changes >= ASK_AFTER {
            changes = 0;
            log_errors(check::move_long_log(&connection));
        }
        let Some(next) = queue.next() else {
            return log_errors(check::leave_short_log(&connection));
        };
        messages = next;
    }
}

/// A log that is not moved is only longer for the next one.
fn log_errors(moved: rusqlite::Result<()>) {
    if let Err(error) = moved {
        tracing::debug!("the write-ahead log grows: {error}");
    }
}

fn find_unfinished(connection: &Connection) -> rusqlite::Result<Unfinished> {
    let mut statement = connection.prepare(
        "SELECT id, flow FROM executions WHERE state IS NULL AND caller IS NULL ORDER BY id DESC",
    )?;
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Answers everybody alike, until nobody asks.
fn refuse(queue: &Queue, first: Vec<Message>, error: &StoreError) {
    let mut messages = Some(first);
    while let Some(some) = messages {
        for message in some {
            if let Message::Settle(receipt, _) = message {
                let _ = receipt.send(Err(error.clone()));
            }
        }
        messages = queue.next();
    }
}

/// How many task runs of an execution have ended so far: the order of their ends.
type Ends = HashMap<String, u32>;

type Waiting = Vec<oneshot::Sender<Result<(), StoreError>>>;

/// Writes messages in one transaction. Gives how many changed anything.
fn write(
    connection: &Connection,
    messages: Vec<Message>,
    waiting: &mut Waiting,
    ends: &mut Ends,
) -> rusqlite::Result<usize> {
    let mut changes = Vec::new();
    for message in messages {
        match message {
            Message::Settle(receipt, _) => waiting.push(receipt),
            change => changes.push(change),
        }
    }
    if changes.is_empty() {
        return Ok(0);
    }
    let count = changes.len();
    // Immediate, so that another process is waited for here and not in the middle.
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    for change in changes {
        apply(connection, change, ends)?;
    }
    transaction.commit()?;
    Ok(count)
}

fn apply(connection: &Connection, change: Message, ends: &mut Ends) -> rusqlite::Result<()> {
    match change {
        Message::Begin(execution) => begin(connection, &execution),
        Message::Entry(execution, entry) => enter(connection, &execution, *entry, ends),
        Message::Settle(..) => Ok(()),
    }
}

fn begin(connection: &Connection, execution: &NewExecution) -> rusqlite::Result<()> {
    let caller = execution.caller.as_ref();
    execute(
        connection,
        "INSERT INTO executions (id, namespace, flow, started, attempt, original, caller, caller_run, caller_attempt, caller_place,
            nonce, file, source, given, inputs, origin)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            execution.id,
            execution.namespace,
            execution.flow,
            execution.started,
            execution.attempt,
            execution.original,
            caller.map(|caller| &caller.execution),
            caller.map(|caller| &caller.run),
            caller.map(|caller| caller.attempt),
            caller.map(|caller| caller.place),
            execution.nonce,
            execution.file,
            execution.source,
            execution.given.to_string(),
            json(&execution.inputs),
            execution.origin.to_string(),
        ],
    )?;
    Ok(())
}

fn enter(
    connection: &Connection,
    execution: &str,
    entry: Entry,
    ends: &mut Ends,
) -> rusqlite::Result<()> {
    match entry {
        Entry::Started {
            identity,
            path,
            task_type,
            value,
            parent,
            started,
        } => execute(
            connection,
            "INSERT INTO task_runs (execution, run, path, task, type, value, parent, started, attempt, attempts, launching, launched)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, '[]', 0, 0)
             ON CONFLICT (execution, run) DO NOTHING",
            params![
                execution,
                identity.task_run,
                path,
                identity.task,
                task_type,
                value,
                parent,
                started,
                identity.attempt
            ],
        ),
        Entry::Launching { run, attempt } => execute(
            connection,
            "UPDATE task_runs SET launching = 1, launched = 0, attempt = ?3 WHERE execution = ?1 AND run = ?2",
            params![execution, run, attempt],
        ),
        Entry::Launched {
            run,
            attempt,
            runner,
        } => execute(
            connection,
            "UPDATE task_runs SET launched = 1, runner = ?4 WHERE execution = ?1 AND run = ?2 AND attempt = ?3",
            params![execution, run, attempt, runner],
        ),
        Entry::Attempted { run, left } => execute(
            connection,
            "UPDATE task_runs SET attempted = ?3 WHERE execution = ?1 AND run = ?2",
            params![execution, run, json(&left)],
        ),
        Entry::Retrying {
            run,
            attempt,
            attempts,
        } => execute(
            connection,
            "UPDATE task_runs SET attempt = ?3, attempts = ?4, launching = 0, launched = 0, attempted = NULL
             WHERE execution = ?1 AND run = ?2",
            params![execution, run, attempt, json(&attempts)],
        ),
        Entry::Ended { run, way, left } => execute(
            connection,
            "UPDATE task_runs SET state = ?3, kept = ?4, way = ?5, attempted = NULL, ended = ?6
             WHERE execution = ?1 AND run = ?2",
            params![
                execution,
                run,
                left.record.state.as_str(),
                json(&left),
                json(&way),
                next_end(connection, execution, ends)?
            ],
        ),
        Entry::ExecutionEnded(record) => {
            ends.remove(execution);
            let ended = jiff::Timestamp::now().to_string();
            execute(
                connection,
                "UPDATE executions SET state = ?2, ended = ?3, record = ?4 WHERE id = ?1",
                params![execution, record.state.as_str(), ended, json(&record)],
            )
        }
    }?;
    Ok(())
}

/// Executes a statement that is parsed once for all task runs.
fn execute(connection: &Connection, text: &str, values: impl Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(text)?.execute(values)
}

/// The number of the next end of an execution.
fn next_end(connection: &Connection, execution: &str, ends: &mut Ends) -> rusqlite::Result<u32> {
    if let Some(last) = ends.get_mut(execution) {
        *last += 1;
        return Ok(*last);
    }
    let last: u32 = connection.query_row(
        "SELECT coalesce(max(ended), 0) FROM task_runs WHERE execution = ?1",
        [execution],
        |row| row.get(0),
    )?;
    ends.insert(execution.to_owned(), last + 1);
    Ok(last + 1)
}

/// Types of ours have a form in JSON; that one has not is our bug, and then there is nothing to keep.
pub(crate) fn json(value: &impl Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(text) => text,
        Err(error) => {
            tracing::error!("what is kept has no form in JSON: {error}");
            Value::Null.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::Reader;

    fn execution(id: &str) -> NewExecution {
        NewExecution {
            id: id.to_owned(),
            namespace: "company.team".to_owned(),
            flow: "f".to_owned(),
            started: "2026-01-01T00:00:00Z".to_owned(),
            attempt: 1,
            original: None,
            caller: None,
            nonce: "n".to_owned(),
            file: "f.yaml".to_owned(),
            source: "id: f".to_owned(),
            given: Value::Null,
            inputs: Map::new(),
            origin: Value::Null,
        }
    }

    #[test]
    fn what_has_come_goes_into_one_commit() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, _) = check::open_or_make(folder.path()).unwrap();
        let watcher = Connection::open(folder.path().join(crate::FILE)).unwrap();
        let version = || -> i64 {
            watcher
                .pragma_query_value(None, "data_version", |row| row.get(0))
                .unwrap()
        };
        let settle = || Message::Settle(oneshot::channel().0, Haste::Now);
        let messages = (0..50).flat_map(|number| {
            let begin = Message::Begin(Box::new(execution(&format!("{number:04}"))));
            [begin, settle()]
        });
        let before = version();
        let (mut waiting, mut ends) = (Vec::new(), Ends::default());
        write(&connection, messages.collect(), &mut waiting, &mut ends).unwrap();
        assert_eq!(waiting.len(), 50, "all of them wait for this commit");
        assert_ne!(version(), before);
        let count: i64 = watcher
            .query_row("SELECT count(*) FROM executions", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 50);
        // A receipt alone commits nothing.
        let before = version();
        write(&connection, vec![settle()], &mut waiting, &mut ends).unwrap();
        assert_eq!(version(), before);
    }

    #[test]
    fn several_writers_and_a_reader_share_a_store() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let folder = folder.path();
                scope.spawn(move || {
                    let store = Store::open(folder);
                    for number in 0..10 {
                        store.begin(execution(&format!("{writer}{number:04}")));
                        store.settled().wait().unwrap();
                    }
                });
            }
        });
        let reader = Reader::open(folder.path()).unwrap().unwrap();
        assert_eq!(reader.newest(100).unwrap().len(), 40);
    }

    #[test]
    fn a_dropped_store_has_written_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path());
        for number in 0..100 {
            store.begin(execution(&format!("{number:04}")));
        }
        drop(store);
        let reader = Reader::open(folder.path()).unwrap().unwrap();
        assert_eq!(reader.unfinished().unwrap().len(), 100);
    }

    /// Whoever opens the store reads the whole log, and cannot know how much of it was moved by those before.
    #[test]
    fn the_log_stays_short_however_many_come_and_go() {
        let large = |id: String| NewExecution {
            source: "x".repeat(50_000),
            ..execution(&id)
        };
        let log = |folder: &Path| {
            let path = folder.join(format!("{}-wal", crate::FILE));
            std::fs::metadata(path).unwrap().len()
        };
        // Each with one commit.
        let folder = tempfile::tempdir().unwrap();
        for number in 0..100 {
            let store = Store::open(folder.path());
            store.begin(large(format!("{number:04}")));
            drop(store);
            assert!(log(folder.path()) < 300 * 4120, "{number}");
        }
        // One with many.
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path());
        for number in 0..300 {
            store.begin(large(format!("{number:04}")));
            store.settled().wait().unwrap();
            assert!(log(folder.path()) < 1500 * 4120, "{number}");
        }
        drop(store);
        assert!(log(folder.path()) < 300 * 4120);
        let reader = Reader::open(folder.path()).unwrap().unwrap();
        assert_eq!(reader.newest(1000).unwrap().len(), 300);
    }

    #[test]
    fn a_store_that_cannot_be_written_says_so_and_goes_on_saying_so() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(crate::FILE), "x".repeat(4096)).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(folder.path().join(crate::FILE), mode).unwrap();
        let store = Store::open(folder.path());
        for _ in 0..2 {
            store.begin(execution("0001"));
            let error = store.settled().wait().unwrap_err();
            assert_eq!(error.code().as_str(), "TF1002", "{error}");
        }
        // One that fails in the middle is not written to any more.
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path());
        store.begin(execution("0001"));
        store.begin(execution("0001"));
        let first = store.settled().wait().unwrap_err();
        store.begin(execution("0002"));
        assert_eq!(store.settled().wait().unwrap_err(), first);
        drop(store);
        let reader = Reader::open(folder.path()).unwrap().unwrap();
        assert!(reader.newest(9).unwrap().is_empty(), "all or nothing");
    }
}
