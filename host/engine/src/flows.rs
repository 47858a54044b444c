//! The flows beside the one that runs, and the places that executions need: what an execution asks of the program around it.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use taffrail_core::diagnostic::Source;
use taffrail_core::flow::{Concurrency, Flow};

use crate::event::Reporter;
use crate::execution::{Call, Execution};
use crate::ledger::{Kept, Ledger};

/// A flow that was read and checked.
#[derive(Debug)]
pub struct Loaded {
    /// Its file, for places in messages.
    pub source: Source,
    /// The flow.
    pub flow: Arc<Flow>,
    /// The folder of its namespace's files, where there is one.
    pub namespace_files: Option<PathBuf>,
}

/// The place of one execution. It belongs to the execution until this is dropped.
pub struct Opened {
    /// Its directory.
    pub directory: PathBuf,
    /// Writes its log and its record.
    pub journal: Box<dyn Reporter>,
    /// Keeps what happens, so that another host can go on with it.
    pub ledger: Arc<dyn Ledger>,
    /// Shows other processes that the execution is somebody's.
    pub owner: Box<dyn Send>,
}

/// What an execution asks of the program around it. The fake in the tests counts as the second implementation.
pub trait Flows: Send + Sync {
    /// The flow of this name, checked; the same flow is the same `Arc`.
    ///
    /// # Errors
    /// Why there is none, in words.
    fn find(&self, namespace: &str, id: &str) -> Result<Arc<Loaded>, String>;

    /// Makes the place of an execution, or takes that of one which an earlier host began. `inputs` are its inputs, with references in
    /// the place of secrets. Called once for each.
    ///
    /// # Errors
    /// Why it cannot be made, with the path.
    fn open(
        &self,
        flow: &Flow,
        execution: &Execution,
        inputs: &Map<String, Value>,
    ) -> Result<Opened, String>;

    /// The execution that an earlier host made for a call, with what is kept of it.
    ///
    /// # Errors
    /// Why that cannot be known.
    fn called(&self, _call: &Call) -> Result<Option<(String, Arc<Kept>)>, String> {
        Ok(None)
    }

    /// Lines up for one of the places of a flow whose executions are limited.
    ///
    /// # Errors
    /// Why nobody can line up, with the path.
    fn line_up(
        &self,
        flow: &Flow,
        limit: Concurrency,
        execution: &str,
    ) -> Result<Box<dyn Line>, String>;
}

/// A stand in the line for a place; whoever drops it leaves the line.
pub trait Line: Send {
    /// Takes a place, where one is free and nobody has stood in the line for longer. The place is free again when what is given is
    /// dropped, or its process ends.
    ///
    /// # Errors
    /// Why it cannot be known.
    fn try_enter(&mut self) -> Result<Option<Box<dyn Send>>, String>;
}
