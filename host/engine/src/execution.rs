//! What all task runs of one execution share.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use taffrail_core::diagnostic::Source;
use taffrail_core::launch::TaskIdentity;
use taffrail_core::output::Masker;
use taffrail_core::validate::Checker;
use tokio::sync::Semaphore;

use crate::cancel::Cancel;
use crate::flows::Flows;
use crate::leaving::Leaving;
use crate::ledger::{Entry, Kept, KeptRun, Ledger};
use crate::ports::{BoxFuture, People, Planner, Runners};
use crate::references::References;
use crate::storage::{Folder, Storage};
use crate::workdir::Workdir;

/// An execution as the whole of it or one of its task runs sees it. A copy of it costs next to nothing.
#[derive(Clone)]
pub struct Execution {
    surroundings: Arc<Surroundings>,
    /// Ends what this is for when asked to.
    pub cancel: Cancel,
    /// The working directory of the tasks that share one.
    pub shared: Option<Arc<Workdir>>,
    /// What an earlier host kept of the attempt of the task run that this is for.
    pub earlier: Option<Arc<KeptRun>>,
}

/// The surroundings of an execution: ports, places, settings. All its task runs have the same.
#[derive(Clone)]
pub struct Surroundings {
    /// The execution's id.
    pub id: String,
    /// The flow's file, for places in messages.
    pub source: Source,
    /// Knows the schemas.
    pub checker: Arc<Checker>,
    /// The plugins.
    pub planner: Arc<dyn Planner>,
    /// The backends.
    pub runners: Arc<dyn Runners>,
    /// Where stored files are.
    pub storage: Arc<Storage>,
    /// Where this execution's stored files go.
    pub folder: Folder,
    /// The execution's directory: working directories, log, record.
    pub directory: PathBuf,
    /// Hides secrets.
    pub masker: Masker,
    /// The type name of the runner that every task gets, whatever the flow says.
    pub runner_override: Option<String>,
    /// Where what later executions may use again is kept; nothing is where there is none.
    pub cache: Option<PathBuf>,
    /// Keeps what happens.
    pub ledger: Arc<dyn Ledger>,
    /// What an earlier host kept that began it and did not see it to its end: programs of it may still run.
    pub kept: Option<Arc<Kept>>,
    /// Stands for secrets in what is kept.
    pub references: References,
    /// Whether its id is told as soon as it begins, so that it must be on disk before.
    pub announced: bool,
    /// Whether working directories stay.
    pub keep: bool,
    /// How many task runs may work at once, in this execution and in those of its subflows.
    pub slots: Arc<Semaphore>,
    /// Asks people.
    pub people: Arc<dyn People>,
    /// Its directories that wait until nothing needs them.
    pub leaving: Leaving,
    /// The flows beside this one, and places for their executions.
    pub flows: Arc<dyn Flows>,
    /// What it follows from.
    pub origin: Origin,
}

/// What an execution follows from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The first of the executions that were made for one another, and which of them this is, from 1.
    pub first: Option<String>,
    /// See above.
    pub attempt: u32,
    /// The flows whose tasks called for it, the outermost first: namespace and id.
    pub callers: Vec<(String, String)>,
    /// Labels beside those of the flow.
    pub labels: Map<String, Value>,
    /// The call that it was made for.
    pub call: Option<Call>,
}

/// One call of a task run for an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The execution that calls.
    pub execution: String,
    /// Its task run.
    pub run: String,
    /// The attempt of that.
    pub attempt: u32,
    /// Which of the executions that it calls for, from 0.
    pub place: u32,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            first: None,
            attempt: 1,
            callers: Vec::new(),
            labels: Map::new(),
            call: None,
        }
    }
}

impl Deref for Execution {
    type Target = Surroundings;

    fn deref(&self) -> &Surroundings {
        &self.surroundings
    }
}

impl Execution {
    /// An execution in these surroundings, before anything of it has begun. `cancel` ends all of it.
    pub fn new(surroundings: Surroundings, cancel: Cancel) -> Self {
        Self {
            surroundings: Arc::new(surroundings),
            cancel,
            shared: None,
            earlier: None,
        }
    }

    /// Its surroundings, to be changed for it and for copies that are made later.
    pub(crate) fn surroundings_mut(&mut self) -> &mut Surroundings {
        Arc::make_mut(&mut self.surroundings)
    }

    /// Enters that something with an effect is about to begin. It must not begin before what this gives is done without an error:
    /// then that is on disk. Where an earlier host has begun it, it stands there already.
    pub(crate) fn launching(
        &self,
        identity: &TaskIdentity,
    ) -> BoxFuture<'static, Result<(), String>> {
        if self.has_begun() {
            return Box::pin(async { Ok(()) });
        }
        self.ledger.enter(Entry::Launching {
            run: identity.task_run.clone(),
            attempt: identity.attempt,
        });
        self.ledger.settled()
    }

    /// Whether an earlier host may have begun an effect of the attempt that this is for.
    pub(crate) fn has_begun(&self) -> bool {
        let earlier = self.earlier.as_ref();
        earlier.is_some_and(|earlier| earlier.launching)
    }

    /// Whether an earlier host began it.
    pub fn resumed(&self) -> bool {
        self.kept.is_some()
    }

    /// A copy for one task run: with a cancellation of its own, the working directory that it shares, and what was kept of it.
    #[must_use]
    pub fn for_task(
        &self,
        cancel: Cancel,
        shared: Option<Arc<Workdir>>,
        earlier: Option<Arc<KeptRun>>,
    ) -> Self {
        Self {
            surroundings: Arc::clone(&self.surroundings),
            cancel,
            shared,
            earlier,
        }
    }
}
