//! All that a reporter can see of an execution: a closed enum, so that the compiler lists who must know of a new event.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use taffrail_core::diagnostic::{Diagnostic, Source};
use taffrail_core::flow::Task;
use taffrail_core::launch::TaskIdentity;
use taffrail_core::record::{ExecutionRecord, Failure, TaskRecord};

use crate::drive::TaskOutput;
use crate::ports::{BoxFuture, Preparation};

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
        /// The values of the loops that it runs for, the outermost first.
        values: &'a [Arc<str>],
    },
    /// A task run has failed and is tried again.
    Retrying {
        /// Whose run it is; the attempt is the one that failed.
        identity: &'a TaskIdentity,
        /// Why it failed; secrets are masked.
        failure: &'a Failure,
        /// The time until the next attempt.
        after: Duration,
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
    /// An attempt that an earlier host began is gone on with, or made anew: all that it says comes again, from its beginning.
    OutputAgain {
        /// Whose run it is.
        identity: &'a TaskIdentity,
    },
    /// A task run had ended before this host went on with the execution; it does not run again.
    Restored {
        /// What was kept of it.
        record: &'a TaskRecord,
        /// The values of the loops that it ran for, the outermost first.
        values: &'a [Arc<str>],
    },
    /// A task run has ended and left nothing behind.
    TaskEnded {
        /// What is kept of it.
        record: &'a TaskRecord,
        /// The task, for its place in the flow's file.
        task: &'a Task,
        /// The flow's file.
        source: &'a Source,
    },
    /// The execution has ended.
    ExecutionEnded {
        /// What is kept of it.
        record: &'a ExecutionRecord,
    },
    /// The execution waits, as so many others of its flow run already.
    Queued {
        /// The execution's id.
        execution: &'a str,
        /// The flow's id.
        flow: &'a str,
        /// How many may run at once.
        limit: u32,
    },
    /// An execution has failed, and another one will be made for it.
    Anew {
        /// What is kept of the one that failed.
        record: &'a ExecutionRecord,
        /// The time until the next one.
        after: Duration,
    },
    /// Something happened in an execution that a task of this one called for.
    Inside {
        /// The task run that called for it.
        identity: &'a TaskIdentity,
        /// The id of that execution.
        execution: &'a str,
        /// What happened there.
        event: &'a Event<'a>,
    },
    /// Something in the flow's file turned out wrong, or worth a look, once values were known.
    Diagnostics {
        /// The task run that it was found in.
        task_run: Option<&'a str>,
        /// The file.
        source: &'a Source,
        /// What it was.
        diagnostics: &'a [Diagnostic],
    },
}

/// Tells somebody what happens. Called in order, one event at a time; events of task runs that run at once come mixed.
pub trait Reporter: Send {
    /// Takes one event, and must not wait for anybody.
    fn event(&mut self, event: &Event<'_>);

    /// What to wait for before a task says more, as whoever looks on does not keep up; none where there is room. An event that comes all
    /// the same is taken.
    fn room(&self) -> Option<BoxFuture<'static, ()>> {
        None
    }
}

/// One reporter for all task runs that run at once: each holds a copy, and events go through one at a time.
#[derive(Clone, Copy)]
pub struct Shared<'a>(&'a (dyn Door + 'a));

/// A reporter behind a lock.
trait Door: Send + Sync {
    fn pass(&self, event: &Event<'_>);
    fn room(&self) -> Option<BoxFuture<'static, ()>>;
}

impl Door for Mutex<&mut dyn Reporter> {
    fn pass(&self, event: &Event<'_>) {
        self.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .event(event);
    }

    fn room(&self) -> Option<BoxFuture<'static, ()>> {
        self.lock().unwrap_or_else(PoisonError::into_inner).room()
    }
}

impl<'a> Shared<'a> {
    /// Shares a reporter.
    pub fn new(reporter: &'a Mutex<&mut dyn Reporter>) -> Self {
        Self(reporter)
    }

    /// Passes one event on.
    pub fn tell(self, event: &Event<'_>) {
        self.0.pass(event);
    }
}

impl Reporter for Shared<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.tell(event);
    }

    fn room(&self) -> Option<BoxFuture<'static, ()>> {
        self.0.room()
    }
}
