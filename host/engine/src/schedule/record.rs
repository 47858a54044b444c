//! What is kept of task runs: records with all attempts, outputs at their places, diagnostics without secrets.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};
use taffrail_core::diagnostic::Diagnostic;
use taffrail_core::flow::Task;
use taffrail_core::launch::ExitStatus;
use taffrail_core::record::{
    Attempt, Failure, FailureKind, State, TaskRecord, settle, settle_state,
};
use taffrail_expr::Value;
use tokio::time::Instant;

use super::node::Node;
use super::{Context, Scheduler};
use crate::event::Event;

impl Context<'_> {
    /// A text without secrets.
    pub(super) fn hide(&self, text: &str) -> String {
        self.execution.masker.mask_text(text).into_owned()
    }

    /// Shows what is wrong with the flow's file. A message may quote a value, and a value may be a secret.
    pub(crate) fn show(&self, task_run: Option<&str>, mut diagnostics: Vec<Diagnostic>) {
        let hide = |text: &mut String| *text = self.hide(text);
        for diagnostic in &mut diagnostics {
            hide(&mut diagnostic.message);
            hide(&mut diagnostic.label);
            diagnostic.notes.iter_mut().for_each(hide);
            if let Some(help) = &mut diagnostic.help {
                hide(&mut help.message);
                for (_, text) in help.replacement.iter_mut().chain(&mut help.also) {
                    hide(text);
                }
            }
        }
        self.reporter.tell(&Event::Diagnostics {
            task_run,
            source: &self.execution.source,
            diagnostics: &diagnostics,
        });
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Node<'_> {
    /// Keeps the attempt that failed, and makes ready for the next one.
    pub(super) fn next_attempt(
        &mut self,
        failure: &Failure,
        exit: Option<ExitStatus>,
        generation: u64,
    ) {
        self.attempts.push(Attempt {
            number: self.attempt,
            started: self.attempt_started.to_string(),
            duration_ms: milliseconds(self.attempt_clock.elapsed()),
            failure: Some(failure.clone()),
            exit,
        });
        self.attempt += 1;
        self.attempt_started = jiff::Timestamp::now();
        self.attempt_clock = Instant::now();
        self.failure = None;
        self.sum = super::node::Sum::default();
        self.state = State::Success;
        self.sleeps = true;
        self.generation = generation;
    }
}

impl Scheduler<'_, '_> {
    /// The record of a task run that has left nothing.
    pub(super) fn record(&self, id: usize, task: &Task) -> TaskRecord {
        let started = self.nodes[id]
            .as_ref()
            .map_or_else(String::new, |node| node.started.to_string());
        let record = TaskRecord::new(self.identity(id, task), &task.type_name.value, started);
        self.placed(id, record)
    }

    /// Says in a record where in the tree the task run stands, and how long all of it took.
    fn placed(&self, id: usize, mut record: TaskRecord) -> TaskRecord {
        if let Some(node) = &self.nodes[id] {
            record.value = node.place.value().map(str::to_owned);
            record.parent = node.place.parent_run().map(str::to_owned);
            record.started = node.started.to_string();
            record.duration_ms = milliseconds(node.clock.elapsed());
            record.attempts.clone_from(&node.attempts);
        }
        record
    }

    /// Settles a task run's state, once there is no further attempt.
    pub(super) fn complete(&self, id: usize, task: &Task, record: TaskRecord) -> TaskRecord {
        let mut record = self.placed(id, record);
        let failed = record.failure.as_ref().map(|failure| failure.kind);
        let mut state = match failed {
            None => record.state,
            Some(kind) => settle(Some(kind), false, false),
        };
        let warns = task
            .common
            .retry
            .as_ref()
            .or(self.context.flow.retry.as_ref())
            .is_some_and(|retry| retry.warning_on_retry);
        if state == State::Success && !record.attempts.is_empty() && warns {
            state = State::Warning;
        }
        record.state = settle_state(state, task.common.allow_failure, task.common.allow_warning);
        record
    }

    /// Makes a task run's outputs and state visible to the tasks after it.
    pub(super) fn publish(&self, id: usize, task: &Task, record: &TaskRecord) {
        let Some(node) = &self.nodes[id] else { return };
        let way = node.place.way(task);
        self.context.publish(&way, record, record.outputs.clone());
    }
}

impl Context<'_> {
    /// Makes outputs and the state of a task run visible at the end of a way.
    pub(super) fn publish(
        &self,
        way: &[Arc<str>],
        record: &TaskRecord,
        outputs: Map<String, Json>,
    ) {
        let live = self.scope.live();
        if !outputs.is_empty() && record.state != State::Skipped {
            let outputs = Value::from_json(&Json::Object(outputs));
            live.insert("outputs", way, outputs);
        }
        if let Some(failure) = record
            .failure
            .as_ref()
            .filter(|failure| failure.kind != FailureKind::Child)
        {
            let messages = std::iter::once(&failure.message).chain(&record.stderr_tail);
            for message in messages {
                live.add_error(Value::from_json(&serde_json::json!({
                    "taskId": record.identity.task, "taskRunId": record.identity.task_run,
                    "attemptNumber": record.identity.attempt, "level": "ERROR", "message": message,
                })));
            }
        }
        let state = Map::from_iter([("state".to_owned(), Json::from(record.state.as_str()))]);
        live.insert("tasks", way, Value::from_json(&Json::Object(state)));
    }
}
