//! What stands in the tables, as types.

use serde_json::{Map, Value};
use taffrail_core::record::{ExecutionRecord, State, TaskRecord};
use taffrail_engine::execution::Call;

/// An execution that begins.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExecution {
    /// Its id.
    pub id: String,
    /// The flow's namespace.
    pub namespace: String,
    /// The flow's id.
    pub flow: String,
    /// When it started, ISO-8601 in UTC.
    pub started: String,
    /// Which of the executions that were made for one another it is, from 1.
    pub attempt: u32,
    /// The first of those, where it is not this one.
    pub original: Option<String>,
    /// Who called for it.
    pub caller: Option<Call>,
    /// What marks references to secrets.
    pub nonce: String,
    /// What the flow's file was called.
    pub file: String,
    /// The flow's text.
    pub source: String,
    /// How it was started: the program's own affair.
    pub given: Value,
    /// Its inputs, with references.
    pub inputs: Map<String, Value>,
    /// Labels beside those of the flow, and the flows that called for it: the engine's own affair.
    pub origin: Value,
}

/// An execution as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionRow {
    /// Its id.
    pub id: String,
    /// The flow's namespace.
    pub namespace: String,
    /// The flow's id.
    pub flow: String,
    /// When it started, ISO-8601 in UTC.
    pub started: String,
    /// When it ended; nothing where it has no end yet.
    pub ended: Option<String>,
    /// How it ended.
    pub state: Option<State>,
    /// See [`NewExecution`].
    pub attempt: u32,
    /// See [`NewExecution`].
    pub original: Option<String>,
    /// See [`NewExecution`].
    pub caller: Option<Call>,
    /// See [`NewExecution`].
    pub nonce: String,
    /// See [`NewExecution`].
    pub file: String,
    /// See [`NewExecution`].
    pub source: String,
    /// See [`NewExecution`].
    pub given: Value,
    /// See [`NewExecution`].
    pub inputs: Map<String, Value>,
    /// See [`NewExecution`].
    pub origin: Value,
    /// What is kept of its end, without its task runs.
    pub record: Option<ExecutionRecord>,
}

/// A task run as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRow {
    /// Its id.
    pub run: String,
    /// Where it stands in the tree of task runs.
    pub path: String,
    /// The task's id.
    pub task: String,
    /// The task's type.
    pub task_type: String,
    /// The value of the loop that it ran for.
    pub value: Option<String>,
    /// The task run that it is a part of.
    pub parent: Option<String>,
    /// When it started.
    pub started: String,
    /// The last attempt.
    pub attempt: u32,
    /// What runs it, where something was to be launched.
    pub runner: Option<String>,
    /// Whether an effect may have begun.
    pub launching: bool,
    /// What is kept of its end; nothing where it has none.
    pub record: Option<TaskRecord>,
}
