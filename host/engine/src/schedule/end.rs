//! Ends task runs: phases that are over, further attempts, records and outputs, and what a cancellation or a failure takes with it.

use std::sync::Arc;

use taffrail_core::flow::{FlowableKind, Task, TaskKind};
use taffrail_core::record::{Failure, FailureKind, State, TaskRecord};

use super::kinds::Sequence;
use super::node::{Phase, What};
use super::{Happening, Outcome, ROOT, Scheduler};
use crate::cancel::CancelLevel;
use crate::event::Event;
use crate::leaving::Used;
use crate::ledger::Entry;
use crate::perform::random;
use crate::scope::chain;
use crate::task::TaskEnd;

impl<'a> Scheduler<'a, '_> {
    pub(super) fn phase_over(&mut self, id: usize) {
        let node = self.node(id);
        let mut worst = node.sum.state();
        match node.phase {
            Phase::Main => {
                if let Some(inner) = &node.inner {
                    node.outputs = inner.outputs();
                    if let Some(failure) = inner.failure() {
                        node.failure.get_or_insert(failure);
                    }
                    if node.stopped && node.failure.is_none() {
                        worst = State::Killed;
                    } else if node.failure.is_some() {
                        worst = State::Failed;
                    }
                    node.state = inner.settle(worst);
                }
            }
            Phase::Errors => {}
            Phase::Finally => {
                if !worst.goes_on() && node.state.goes_on() {
                    node.state = worst;
                }
            }
        }
        self.next_phase(id, worst);
    }

    /// Begins what comes after a phase, where there is anything; otherwise the flowable has ended.
    fn next_phase(&mut self, id: usize, worst: State) {
        let cancelled = self.seen != CancelLevel::None || self.exit.is_some();
        let node = self.node(id);
        let next = match node.phase {
            Phase::Main if worst == State::Failed => &[Phase::Errors, Phase::Finally][..],
            Phase::Main | Phase::Errors => &[Phase::Finally],
            Phase::Finally => &[],
        };
        let next = next
            .iter()
            .map(|phase| (*phase, node.branch(*phase)))
            .find(|(_, tasks)| tasks.iter().any(|task| !task.common.disabled));
        let Some((phase, tasks)) = next.filter(|_| !cancelled) else {
            return self.flowable_ended(id);
        };
        // What ran too long has ended; what follows may take its time.
        node.stopped = false;
        node.phase = phase;
        if phase == Phase::Errors {
            let own = node.failure.as_ref().map(|failure| failure.message.clone());
            let (task, message) = match (&node.sum.failed, node.task()) {
                (Some((task, message)), _) => (task.to_string(), message.clone()),
                (None, Some(task)) => (task.id.value.to_string(), own.unwrap_or_default()),
                (None, None) => (String::new(), own.unwrap_or_default()),
            };
            node.place = node.place.after_failure(&task, &message);
        } else {
            node.sum.worst = None;
        }
        node.inner = Some(Box::new(Sequence::new(tasks)));
        self.open(id);
    }

    pub(super) fn leaf_ended(&mut self, id: usize, mut end: TaskEnd) {
        let used = end.used.take();
        self.settle_leaf(id, end);
        self.leave(used);
    }

    /// Has directories removed once all that was entered is on disk.
    fn leave(&self, used: Option<Used>) {
        let execution = self.context.execution;
        if let Some(used) = used {
            execution.leaving.once(execution.ledger.settling(), used);
        }
    }

    fn settle_leaf(&mut self, id: usize, end: TaskEnd) {
        let node = self.node(id);
        node.cancel = None;
        if !end.diagnostics.is_empty() {
            self.told(id, end.diagnostics);
        }
        if end.hopeless {
            self.give_up(id);
        }
        if self.tries_again(id, end.record.failure.as_ref(), end.record.exit) {
            return;
        }
        let Some(task) = self.node(id).task() else {
            return;
        };
        if !(task.branch("errors").is_empty() && task.branch("finally").is_empty()) {
            // It called for executions, and has tasks for what comes after.
            let node = self.node(id);
            node.state = end.record.state;
            node.failure = end.record.failure;
            node.outputs = end.record.outputs;
            node.warnings = end.record.warnings;
            let worst = node.state;
            return self.next_phase(id, worst);
        }
        let failure = end.record.failure.clone();
        self.node(id).exit = end.exit;
        let record = self.complete(id, task, end.record);
        self.task_ended(id, record, failure);
        // Once it has ended itself: all others end now.
        if let Some(state) = end.exit {
            self.exit(state);
        }
    }

    /// Ends a leaf, or a task run that never began, with a failure.
    pub(super) fn failed_at_once(&mut self, id: usize, failure: Failure) {
        let Some(task) = self.node(id).task() else {
            return;
        };
        let mut record = self.record(id, task);
        record.failure = Some(failure.clone());
        let record = self.complete(id, task, record);
        self.task_ended(id, record, Some(failure));
    }

    /// Notes that it would fail again, and with it what it is inside of, up to what may fail.
    fn give_up(&mut self, id: usize) {
        let mut at = Some(id);
        while let Some(id) = at {
            let node = self.node(id);
            node.hopeless = true;
            let may_fail = node.task().is_some_and(|task| task.common.allow_failure);
            at = node.parent.filter(|_| !may_fail);
        }
    }

    /// Plans the next attempt, where the policy has one.
    pub(super) fn tries_again(
        &mut self,
        id: usize,
        failure: Option<&Failure>,
        exit: Option<taffrail_core::launch::ExitStatus>,
    ) -> bool {
        let Some(failure) = failure.filter(|failure| failure.kind != FailureKind::Cancelled) else {
            return false;
        };
        let flow = self.context.flow;
        let node = self.node(id);
        let Some(task) = node.task().filter(|_| !node.stopped && !node.hopeless) else {
            return false;
        };
        let of_flow = flow.retry.as_ref().filter(|retry| {
            !retry.new_execution && !matches!(task.kind, TaskKind::Flowable { .. })
        });
        let Some(retry) = task.common.retry.as_ref().or(of_flow) else {
            return false;
        };
        if retry.new_execution {
            // The whole execution is made anew, unless the task may fail.
            if !task.common.allow_failure && self.again.is_none() {
                self.again = Some(retry);
            }
            return false;
        }
        let node = self.node(id);
        let Some(after) = retry.next(node.attempt, node.clock.elapsed(), random()) else {
            return false;
        };
        let identity = self.identity(id, task);
        let shown = self.context.hide(&failure.message);
        self.context.reporter.tell(&Event::Retrying {
            identity: &identity,
            failure: &Failure {
                kind: failure.kind,
                message: shown,
            },
            after,
        });
        self.generation += 1;
        let generation = self.generation;
        let masker = &self.context.execution.masker;
        let node = self.node(id);
        node.next_attempt(failure, exit, generation);
        let entry = Entry::Retrying {
            run: node.run.to_string(),
            attempt: node.attempt,
            attempts: crate::flow::masked(node.attempts.clone(), masker),
        };
        self.context.execution.ledger.enter(entry);
        self.later(id, after, Happening::Again);
        true
    }

    /// A flowable, a list or the flow has ended.
    pub(super) fn flowable_ended(&mut self, id: usize) {
        let node = self.node(id);
        node.inner = None;
        match node.what {
            What::Root(_) => {
                let mut failure = node.failure.take();
                let mut state = if failure.is_some() {
                    State::Failed
                } else {
                    node.state
                };
                if let Some(wanted) = self.exit {
                    state = wanted;
                    failure = (!wanted.goes_on()).then(|| Failure {
                        kind: FailureKind::Exit,
                        message: format!("a task ended the execution as {}", wanted.as_str()),
                    });
                }
                let hopeless = self.node(id).hopeless;
                self.over = Some(Outcome {
                    state,
                    failure,
                    hopeless,
                    again: self.again.take(),
                });
            }
            What::List => {
                let (state, failed) = (node.state, node.sum.failed.take());
                self.child_ended(id, state, failed);
            }
            What::Task(task) => self.tasks_of_task_ended(id, task),
        }
    }

    /// A task whose tasks have ended has another attempt or ends.
    fn tasks_of_task_ended(&mut self, id: usize, task: &'a Task) {
        let shared = self.node(id).shared.clone().filter(|_| is_shared(task));
        let used = shared.and_then(|directory| self.close_shared(id, task, directory));
        let node = self.node(id);
        let failure = node.failure.take().or_else(|| match node.state {
            State::Failed => {
                let failed = node.sum.failed.as_ref();
                Some(Failure {
                    kind: FailureKind::Child,
                    message: failed.map_or_else(
                        || "one of its tasks failed".to_owned(),
                        |(task, _)| format!("its task `{task}` failed"),
                    ),
                })
            }
            State::Killed => Some(cancelled()),
            _ => None,
        });
        if self.tries_again(id, failure.as_ref(), None) {
            // The next attempt makes them anew, at the same place.
            if let Some(Err(error)) = used.map(Used::remove) {
                tracing::warn!("{}", chain(&error));
            }
            return;
        }
        let mut record = self.record(id, task);
        let node = self.node(id);
        record.outputs = std::mem::take(&mut node.outputs);
        record.warnings = std::mem::take(&mut node.warnings);
        record.state = node.state;
        record.failure = failure.clone();
        let failed = node.sum.failed.take();
        let record = self.complete(id, task, record);
        match failure {
            // Whoever looks for the cause wants the task that failed, not those around it.
            Some(Failure {
                kind: FailureKind::Child,
                ..
            }) => self.task_ended_as(id, record, failed),
            other => self.task_ended(id, record, other),
        }
        self.leave(used);
    }

    pub(super) fn task_ended(&mut self, id: usize, record: TaskRecord, failure: Option<Failure>) {
        let failed = failure.and_then(|failure| {
            let task = self.node(id).task()?;
            Some((Arc::clone(&task.id.value), failure.message))
        });
        self.task_ended_as(id, record, failed);
    }

    /// Makes outputs visible, keeps the record, and tells the parent.
    pub(super) fn task_ended_as(
        &mut self,
        id: usize,
        record: TaskRecord,
        failed: Option<(Arc<str>, String)>,
    ) {
        let Some(task) = self.node(id).task() else {
            return;
        };
        let state = record.state;
        self.publish(id, task, &record);
        let masked = crate::flow::masked(record.clone(), &self.context.execution.masker);
        self.enter_end(id, task, &record, &masked);
        crate::failpoint::reach("ended");
        let record = masked;
        self.context.reporter.tell(&Event::TaskEnded {
            record: &record,
            task,
            source: &self.context.execution.source,
        });
        self.tally.records.push(record);
        self.child_ended(id, state, failed);
    }

    pub(super) fn child_ended(
        &mut self,
        id: usize,
        state: State,
        failed: Option<(Arc<str>, String)>,
    ) {
        let node = self.node(id);
        let (parent, key) = (node.parent, node.key);
        if node.open {
            self.open.retain(|open| *open != id);
        }
        self.nodes[id] = None;
        self.free.push(id);
        let Some(parent) = parent else { return };
        let above = self.node(parent);
        above.active -= 1;
        if above.phase != Phase::Errors {
            above.sum.add(state, failed);
        }
        if let Some(inner) = &mut above.inner {
            inner.ended(key, state);
        }
        self.open(parent);
    }

    /// Ends all below a node, and lets nothing of it start any more.
    pub(super) fn stop(&mut self, top: usize, level: CancelLevel) {
        let below: Vec<usize> = (0..self.nodes.len())
            .filter(|id| self.is_below(*id, top))
            .collect();
        let mut never_began = Vec::new();
        for id in below {
            let node = self.node(id);
            node.stopped = true;
            if let Some(cancel) = &node.cancel {
                cancel.raise(level);
            } else if node.inner.is_some() {
                node.sleeps = false;
                self.open(id);
            } else {
                // It waits for a slot, or for its next attempt.
                node.sleeps = false;
                never_began.push(id);
            }
        }
        for id in never_began {
            self.waiting.retain(|waiting| *waiting != id);
            self.failed_at_once(id, cancelled());
        }
    }

    pub(super) fn is_below(&self, id: usize, top: usize) -> bool {
        let mut at = Some(id);
        while let Some(id) = at {
            let Some(node) = &self.nodes[id] else {
                return false;
            };
            if id == top {
                return true;
            }
            at = node.parent;
        }
        false
    }

    pub(super) fn exit(&mut self, state: State) {
        if self.exit.is_none() {
            self.exit = Some(state);
            self.stop(ROOT, CancelLevel::Ask);
        }
    }
}

fn is_shared(task: &Task) -> bool {
    matches!(
        task.kind,
        TaskKind::Flowable {
            kind: FlowableKind::WorkingDirectory,
            ..
        }
    )
}

pub(super) fn cancelled() -> Failure {
    Failure {
        kind: FailureKind::Cancelled,
        message: "cancelled".to_owned(),
    }
}
