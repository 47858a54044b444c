//! The store and the log of an execution as one: what is said to be kept is on the disk in both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use taffrail_engine::ledger::{Entry, Ledger};
use taffrail_engine::ports::BoxFuture;

use crate::report::Log;

/// A ledger that brings the log to the disk where what the log was made of is about to go.
pub struct WithLog {
    ledger: Arc<dyn Ledger>,
    log: Arc<Mutex<Log>>,
    /// Whether something has ended whose output is nowhere else.
    due: AtomicBool,
}

impl WithLog {
    /// A ledger and the log that belongs to it.
    pub fn new(ledger: Arc<dyn Ledger>, log: Arc<Mutex<Log>>) -> Self {
        Self {
            ledger,
            log,
            due: AtomicBool::new(false),
        }
    }
}

impl Ledger for WithLog {
    fn enter(&self, entry: Entry) {
        if matches!(entry, Entry::Attempted { .. } | Entry::ExecutionEnded(_)) {
            self.due.store(true, Ordering::Relaxed);
        }
        self.ledger.enter(entry);
    }

    fn settling(&self) -> BoxFuture<'static, Result<(), String>> {
        self.ledger.settling()
    }

    fn settled(&self) -> BoxFuture<'static, Result<(), String>> {
        let settled = self.ledger.settled();
        let unsynced = match self.due.swap(false, Ordering::Relaxed) {
            true => {
                let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
                log.unsynced()
            }
            false => Ok(None),
        };
        Box::pin(async move {
            let failed = |error: std::io::Error| format!("the log is not on the disk: {error}");
            // Both at once: each waits for the same disk.
            let synced = unsynced
                .map_err(failed)?
                .map(|file| tokio::task::spawn_blocking(move || file.sync_data()));
            settled.await?;
            match synced {
                Some(synced) => match synced.await {
                    Ok(synced) => synced.map_err(failed),
                    Err(panic) => Err(failed(std::io::Error::other(panic))),
                },
                None => Ok(()),
            }
        })
    }
}
