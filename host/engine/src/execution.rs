//! What all task runs of one execution share.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use taffrail_core::diagnostic::Source;
use taffrail_core::output::Masker;
use taffrail_core::validate::Checker;
use tokio::sync::Semaphore;

use crate::cancel::Cancel;
use crate::flows::Flows;
use crate::ports::{People, Planner, Runners};
use crate::storage::{Folder, Storage};
use crate::workdir::Workdir;

/// The surroundings of an execution: ports, places, settings. Task runs get copies with a cancellation of their own.
#[derive(Clone)]
pub struct Execution {
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
    /// Ends everything when asked to.
    pub cancel: Cancel,
    /// The type name of the runner that every task gets, whatever the flow says.
    pub runner_override: Option<String>,
    /// Where what later executions may use again is kept; nothing is where there is none.
    pub cache: Option<PathBuf>,
    /// Whether an earlier host began it and did not see it to its end, so that programs of it may still run.
    pub resumed: bool,
    /// Whether working directories stay.
    pub keep: bool,
    /// How many task runs may work at once, in this execution and in those of its subflows.
    pub slots: Arc<Semaphore>,
    /// Asks people.
    pub people: Arc<dyn People>,
    /// The working directory of the tasks that share one.
    pub shared: Option<Arc<Workdir>>,
    /// The flows beside this one, and places for their executions.
    pub flows: Arc<dyn Flows>,
    /// What it follows from.
    pub origin: Origin,
}

/// What an execution follows from.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The first of the executions that were made for one another, and which of them this is, from 1.
    pub first: Option<String>,
    /// See above.
    pub attempt: u32,
    /// The flows whose tasks called for it, the outermost first: namespace and id.
    pub callers: Vec<(String, String)>,
    /// Labels beside those of the flow.
    pub labels: Map<String, Value>,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            first: None,
            attempt: 1,
            callers: Vec::new(),
            labels: Map::new(),
        }
    }
}

impl Execution {
    /// A copy for one task run: with a cancellation of its own, and the working directory that it shares.
    #[must_use]
    pub fn for_task(&self, cancel: Cancel, shared: Option<Arc<Workdir>>) -> Self {
        Self {
            cancel,
            shared,
            ..self.clone()
        }
    }
}
