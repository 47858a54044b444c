//! All that a reporter can see of an execution: a closed enum, so that the compiler lists who must know of a new event.

use taffrail_core::diagnostic::{Diagnostic, Source};
use taffrail_core::flow::Task;
use taffrail_core::launch::TaskIdentity;
use taffrail_core::record::{ExecutionRecord, TaskRecord};

use crate::drive::TaskOutput;
use crate::ports::Preparation;

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The execution has an id and its directory; nothing has started.
    ExecutionStarted {
        /// The execution's id.
        execution: &'a str,
        /// The flow's namespace.
        namespace: &'a str,
        /// The flow's id.
        flow: &'a str,
        /// How many tasks the flow lists at its top.
        tasks: usize,
    },
    /// A task run begins; its properties have not been rendered yet.
    TaskStarted {
        /// Whose run it is.
        identity: &'a TaskIdentity,
        /// The task's type as the flow names it.
        task_type: &'a str,
    },
    /// A backend makes a task run ready, and has something to tell of it. Secrets are masked.
    Preparing {
        /// Whose run it is.
        identity: &'a TaskIdentity,
        /// What it tells.
        what: Preparation<'a>,
    },
    /// The program of a task run was started.
    Launched {
        /// Whose run it is.
        identity: &'a TaskIdentity,
        /// The runner's short name.
        runner: &'a str,
    },
    /// The program wrote something, or said something by the output protocol.
    Output {
        /// Whose run it is.
        identity: &'a TaskIdentity,
        /// What it was; secrets are masked.
        output: TaskOutput<'a>,
    },
    /// A task run has ended and left nothing behind.
    TaskEnded {
        /// What is kept of it.
        record: &'a TaskRecord,
        /// The task, for its place in the flow's file.
        task: &'a Task,
    },
    /// The execution has ended.
    ExecutionEnded {
        /// What is kept of it.
        record: &'a ExecutionRecord,
    },
    /// Something in the flow's file turned out wrong, or worth a look, once values were known.
    Diagnostics {
        /// The file.
        source: &'a Source,
        /// What it was.
        diagnostics: &'a [Diagnostic],
    },
}

/// Tells somebody what happens. Called in order, from one task at a time.
pub trait Reporter: Send {
    /// Takes one event. Must not block for longer than it takes to write.
    fn event(&mut self, event: &Event<'_>);
}
