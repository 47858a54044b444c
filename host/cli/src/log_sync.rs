//! The store and the log of an execution as one: what is said to be kept is on the disk in both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use taffrail_engine::ledger::{Entry, Ledger};
use taffrail_engine::ports::BoxFuture;
use tokio::task::spawn_blocking;

use crate::report::Log;

/// A ledger that brings the log to the disk where what the log was made of is about to go.
pub struct WithLog {
    ledger: Arc<dyn Ledger>,
    log: Arc<Mutex<Log>>,
    /// Whether something has ended whose output is nowhere else.
    due: AtomicBool,
    /// Why the log is not on the disk: nobody knows what of it is, from then on.
    failure: Arc<OnceLock<String>>,
}

impl WithLog {
    /// A ledger and the log that belongs to it.
    pub fn new(ledger: Arc<dyn Ledger>, log: Arc<Mutex<Log>>) -> Self {
        Self {
            ledger,
            log,
            due: AtomicBool::new(false),
            failure: Arc::default(),
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

    fn ending(&self) -> BoxFuture<'static, Result<(), String>> {
        self.due.store(true, Ordering::Relaxed);
        self.settled()
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
        let failure = Arc::clone(&self.failure);
        Box::pin(async move {
            // Both at once: each waits for the same disk.
            let syncing =
                unsynced.map(|file| file.map(|file| spawn_blocking(move || file.sync_data())));
            let settled = settled.await;
            let synced = match syncing {
                Ok(Some(syncing)) => syncing.await.unwrap_or_else(|panic| Err(panic.into())),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = synced {
                failure.get_or_init(|| format!("the log is not on the disk: {error}"));
            }
            settled?;
            failure.get().map_or(Ok(()), |failure| Err(failure.clone()))
        })
    }
}
