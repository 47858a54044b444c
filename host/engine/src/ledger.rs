//! What is entered of an execution so that another host can go on with it, and what that host finds. The engine says what happened;
//! how it is kept, and that it is on disk, is the affair of whoever implements [`Ledger`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use taffrail_core::launch::TaskIdentity;
use taffrail_core::record::{Attempt, ExecutionRecord, State, TaskRecord};

use crate::execution::Origin;
use crate::ports::BoxFuture;

/// Something that is to be kept. What it holds is masked, or has references in the place of secrets.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A task run begins. Nothing of it has been done.
    Started {
        /// Whose run it is.
        identity: TaskIdentity,
        /// Where it stands in the tree of task runs; the same in every host that goes on with the execution.
        path: String,
        /// The task's type as the flow names it.
        task_type: String,
        /// The value of the loop that it runs for.
        value: Option<String>,
        /// The task run that it is a part of.
        parent: Option<String>,
        /// When it started, ISO-8601 in UTC.
        started: String,
    },
    /// Something with an effect is about to begin: a program, a container, a request.
    Launching {
        /// The task run.
        run: String,
        /// Its attempt.
        attempt: u32,
    },
    /// It was seen to have begun.
    Launched {
        /// The task run.
        run: String,
        /// Its attempt.
        attempt: u32,
        /// The short name of the runner.
        runner: &'static str,
    },
    /// The program of an attempt has ended and all that it left is kept; what it ran on may go.
    Attempted {
        /// The task run.
        run: String,
        /// What is kept of the attempt.
        left: Left,
    },
    /// An attempt has failed, and another one follows.
    Retrying {
        /// The task run.
        run: String,
        /// The attempt that follows.
        attempt: u32,
        /// Those before it.
        attempts: Vec<Attempt>,
    },
    /// A task run has ended.
    Ended {
        /// The task run.
        run: String,
        /// The way to its outputs.
        way: Vec<Arc<str>>,
        /// What is kept of it.
        left: Left,
    },
    /// The execution has ended.
    ExecutionEnded(Box<ExecutionRecord>),
}

/// What a task run left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Left {
    /// Its record, masked.
    pub record: Box<TaskRecord>,
    /// Its outputs with references to secrets, as later tasks need the values.
    pub outputs: Map<String, Value>,
    /// What it made of variables of the whole flow, where it changes any; with references.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub live: Map<String, Value>,
    /// Whether the values can be had back: a secret in another form has no reference.
    pub whole: bool,
    /// The state that it wants the whole execution to end in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit: Option<State>,
}

/// Keeps what is entered of one execution.
pub trait Ledger: Send + Sync {
    /// Takes an entry. Does not wait, and keeps the order.
    fn enter(&self, entry: Entry);

    /// Waits until all that was entered before is on disk.
    ///
    /// # Errors
    /// Why it is not. Nothing that relies on it may be done then; later calls fail as well.
    fn settled(&self) -> BoxFuture<'static, Result<(), String>>;

    /// As [`Ledger::settled`], before what the execution was told by goes: what is to be on disk at its end besides may go there as well.
    ///
    /// # Errors
    /// As above.
    fn ending(&self) -> BoxFuture<'static, Result<(), String>> {
        self.settled()
    }

    /// As [`Ledger::settled`], for what can wait a moment: it hurries nothing.
    ///
    /// # Errors
    /// As above.
    fn settling(&self) -> BoxFuture<'static, Result<(), String>> {
        self.settled()
    }
}

/// Keeps nothing: for executions that nobody will go on with.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLedger;

impl Ledger for NoLedger {
    fn enter(&self, _: Entry) {}

    fn settled(&self) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// What an earlier host entered of an execution that is gone on with.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// What marks its references to secrets.
    pub nonce: String,
    /// When it started, ISO-8601 in UTC.
    pub started: String,
    /// Its inputs, with references.
    pub inputs: Map<String, Value>,
    /// What it followed from.
    pub origin: Origin,
    /// Its task runs by their paths.
    pub runs: BTreeMap<String, Arc<KeptRun>>,
}

/// What was entered of one task run.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRun {
    /// Its id.
    pub run: String,
    /// When it started.
    pub started: String,
    /// The attempt that was last.
    pub attempt: u32,
    /// Those before it.
    pub attempts: Vec<Attempt>,
    /// Whether an effect of that attempt may have begun.
    pub launching: bool,
    /// Whether it was seen to have begun.
    pub launched: bool,
    /// What that attempt left, where it has ended.
    pub attempted: Option<Left>,
    /// The end of the task run, where it has one.
    pub ended: Option<KeptEnd>,
}

/// The end of a task run.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptEnd {
    /// Its place among the ends of the execution.
    pub order: u32,
    /// The way to its outputs.
    pub way: Vec<Arc<str>>,
    /// What it left.
    pub left: Left,
}

impl Kept {
    /// The greatest number that a task run's id begins with.
    pub fn last_number(&self) -> usize {
        let numbers = self
            .runs
            .values()
            .filter_map(|run| run.run.split_once('-')?.0.parse().ok());
        numbers.max().unwrap_or(0)
    }

    /// The task runs inside one that have ended, in the order of their ends.
    pub fn ended_inside(&self, path: &str) -> Vec<Arc<KeptRun>> {
        let mut found: Vec<Arc<KeptRun>> = self
            .runs
            .range(path.to_owned()..)
            .take_while(|(other, _)| other.starts_with(path))
            .filter(|(other, run)| {
                let inside = other[path.len()..].starts_with(['/', '#']);
                inside && run.ended.is_some()
            })
            .map(|(_, run)| Arc::clone(run))
            .collect();
        found.sort_by_key(|run| run.ended.as_ref().map(|end| end.order));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_inside_a_task_run_is_found_in_order() {
        let run = |id: &str, order: Option<u32>| {
            let identity = TaskIdentity {
                namespace: "n".to_owned(),
                flow: "f".to_owned(),
                execution: "e".to_owned(),
                task: "t".to_owned(),
                task_run: id.to_owned(),
                attempt: 1,
            };
            let left = Left {
                record: Box::new(TaskRecord::new(identity, "T", String::new())),
                outputs: Map::new(),
                live: Map::new(),
                whole: true,
                exit: None,
            };
            Arc::new(KeptRun {
                run: id.to_owned(),
                started: String::new(),
                attempt: 1,
                attempts: Vec::new(),
                launching: false,
                launched: false,
                attempted: None,
                ended: order.map(|order| KeptEnd {
                    order,
                    way: Vec::new(),
                    left,
                }),
            })
        };
        let kept = Kept {
            nonce: String::new(),
            started: String::new(),
            inputs: Map::new(),
            origin: Origin::default(),
            runs: [
                ("a", run("0001-a", Some(9))),
                ("a/0/b", run("0004-b", Some(2))),
                ("a/1/b", run("0003-b", Some(1))),
                ("a/2/b", run("0012-b", None)),
                ("a#2/0/b", run("0005-b", Some(3))),
                ("ab/0/c", run("0006-c", Some(4))),
            ]
            .map(|(path, run)| (path.to_owned(), run))
            .into(),
        };
        let inside = kept.ended_inside("a");
        let ids: Vec<&str> = inside.iter().map(|run| run.run.as_str()).collect();
        assert_eq!(ids, ["0003-b", "0004-b", "0005-b"]);
        assert_eq!(kept.last_number(), 12);
    }
}
