//! Directories that outlive their task run until its end is on disk: should this host die before, another one finds in them what became
//! of the program.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use crate::confined::FileError;
use crate::failpoint;
use crate::ports::BoxFuture;
use crate::scope::chain;
use crate::workdir::Workdir;

/// Directories that nothing needs any more.
#[derive(Debug)]
pub enum Used {
    /// Those of a task run of which nothing runs any more.
    Whole(Workdir),
    /// Those of one of which something may run.
    InUse(Workdir),
    /// Those that several task runs shared.
    Shared(Arc<Workdir>),
}

impl Used {
    /// Removes them, or leaves them to the next task run.
    ///
    /// # Errors
    /// When something cannot be removed; names the path.
    pub fn remove(self) -> Result<(), FileError> {
        match self {
            Used::Whole(workdir) => workdir.retire(),
            Used::InUse(workdir) => workdir.remove(),
            Used::Shared(workdir) => workdir.remove_all(),
        }
    }
}

/// The directories of one execution that wait for the disk.
#[derive(Debug, Clone, Default)]
pub struct Leaving {
    waiting: Arc<Mutex<JoinSet<()>>>,
}

impl Leaving {
    /// Removes directories once `kept` says that what made them of use no more is on disk. If it never is, they stay.
    pub(crate) fn once(&self, kept: BoxFuture<'static, Result<(), String>>, used: Used) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.try_join_next().is_some() {}
        waiting.spawn(async move {
            match kept.await {
                Ok(()) => {
                    if let Err(error) = used.remove() {
                        tracing::warn!("{}", chain(&error));
                    }
                    failpoint::reach("removed");
                }
                Err(message) => tracing::debug!("directories stay: {message}"),
            }
        });
    }

    /// Whether any of them wait.
    pub(crate) fn any(&self) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.try_join_next().is_some() {}
        !waiting.is_empty()
    }

    /// Waits until there are none.
    pub(crate) async fn over(&self) {
        let waiting =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.join_all().await;
    }
}
