//! What all task runs of one execution share.

use std::path::PathBuf;
use std::sync::Arc;

use taffrail_core::diagnostic::Source;
use taffrail_core::output::Masker;
use taffrail_core::validate::Checker;

use crate::cancel::Cancel;
use crate::ports::{Planner, Runners};
use crate::storage::{Folder, Storage};

/// The surroundings of an execution: ports, places, settings.
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
    /// Whether working directories stay.
    pub keep: bool,
}
