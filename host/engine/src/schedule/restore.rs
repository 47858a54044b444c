//! Enters what happens to task runs, and puts back those that had ended before this host went on with the execution.

use std::sync::Arc;

use serde_json::Map;
use taffrail_core::flow::{Task, TaskKind};
use taffrail_core::native::CoreKind;
use taffrail_core::record::{Failure, FailureKind, TaskRecord};
use taffrail_expr::Value;

use super::Scheduler;
use crate::event::Event;
use crate::ledger::{Entry, KeptEnd, KeptRun, Left};

/// The variables of the whole flow that its tasks may change.
const LIVE: [&str; 2] = ["vars", "labels"];

impl<'a> Scheduler<'a, '_> {
    /// Enters that a task run begins.
    pub(super) fn enter_start(&self, id: usize, task: &Task) {
        let Some(node) = &self.nodes[id] else { return };
        self.context.execution.ledger.enter(Entry::Started {
            identity: self.identity(id, task),
            path: node.path.to_string(),
            task_type: task.type_name.value.to_string(),
            value: node.place.value().map(str::to_owned),
            parent: node.place.parent_run().map(str::to_owned),
            started: node.started.to_string(),
        });
    }

    /// Enters that a task run has ended. `record` is not masked.
    pub(super) fn enter_end(
        &self,
        id: usize,
        task: &Task,
        record: &TaskRecord,
        masked: &TaskRecord,
    ) {
        let Some(node) = &self.nodes[id] else { return };
        let execution = self.context.execution;
        let mut left = execution.left(record, masked);
        if matches!(
            &task.kind,
            TaskKind::Core(CoreKind::Labels | CoreKind::SetVariables | CoreKind::UnsetVariables)
        ) {
            let live = self.context.scope.live();
            let found = LIVE
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), live.get(name)?.to_json())))
                .collect();
            let (hidden, whole) = execution.references.hide(&found, &execution.masker);
            left.live = hidden;
            left.whole &= whole;
        }
        left.exit = node.exit;
        execution.ledger.enter(Entry::Ended {
            run: record.identity.task_run.clone(),
            way: node.place.way(task),
            left,
        });
    }

    /// Whether an earlier host has begun something inside a task run, in this attempt of it.
    pub(super) fn has_begun_inside(&self, id: usize) -> bool {
        let (Some(kept), Some(node)) = (&self.context.execution.kept, &self.nodes[id]) else {
            return false;
        };
        let inside = node.inside();
        let next = kept.runs.range(inside.clone()..).next();
        next.is_some_and(|(path, _)| path.starts_with(&inside))
    }

    /// Ends a task run as it had ended, with all that is inside it.
    pub(super) fn restore(&mut self, id: usize, task: &'a Task, kept: &Arc<KeptRun>) {
        let execution = self.context.execution;
        let mut runs = match &execution.kept {
            Some(all) if matches!(task.kind, TaskKind::Flowable { .. }) => {
                all.ended_inside(&self.node(id).path)
            }
            _ => Vec::new(),
        };
        runs.push(Arc::clone(kept));
        let mut failed = None;
        let (mut state, mut exit) = (None, None);
        for end in runs.iter().filter_map(|run| run.ended.as_ref()) {
            if let Err(failure) = self.put_back(end) {
                return self.failed_at_once(id, failure);
            }
            let record = &end.left.record;
            let cause = record
                .failure
                .as_ref()
                .filter(|failure| failure.kind != FailureKind::Child && !record.state.goes_on());
            if let (Some(failure), None) = (cause, &failed) {
                let task: Arc<str> = record.identity.task.as_str().into();
                failed = Some((task, failure.message.clone()));
            }
            // Behind the task's id stand the values of the loops.
            let values = end.way.get(1..).unwrap_or_default();
            self.context
                .reporter
                .tell(&Event::Restored { record, values });
            self.tally.records.push(TaskRecord::clone(record));
            (state, exit) = (Some(record.state), end.left.exit);
        }
        let Some(state) = state else { return };
        self.child_ended(id, state, failed);
        if let Some(exit) = exit {
            self.exit(exit);
        }
    }

    /// Makes what a task run left visible again.
    fn put_back(&self, end: &KeptEnd) -> Result<(), Failure> {
        let execution = self.context.execution;
        let record = &end.left.record;
        let task = &record.identity.task;
        let failure = |message: String| Failure {
            kind: FailureKind::Host,
            message,
        };
        if !end.left.whole {
            return Err(failure(format!(
                "what `{task}` gave holds a secret in a form that is not kept; `taffrail retry {} --from {task}` runs it again",
                execution.id,
            )));
        }
        let reveal = |values| {
            execution.references.reveal(values).map_err(|name| {
                failure(format!(
                    "what `{task}` gave needs the secret `{name}`, which was not given again"
                ))
            })
        };
        let outputs = reveal(&end.left.outputs)?;
        let live = self.context.scope.live();
        for (name, value) in reveal(&end.left.live)? {
            live.set(&name, Value::from_json(&value));
        }
        self.context.publish(&end.way, record, outputs);
        Ok(())
    }
}

impl crate::execution::Execution {
    /// What is kept of what a task run left. `masked` is the record without secrets.
    pub(crate) fn left(&self, record: &TaskRecord, masked: &TaskRecord) -> Left {
        let (outputs, whole) = self.references.hide(&record.outputs, &self.masker);
        Left {
            record: Box::new(masked.clone()),
            outputs,
            live: Map::new(),
            whole,
            exit: None,
        }
    }
}
