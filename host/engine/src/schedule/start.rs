//! Starts task runs: whether they run at all, what a flowable begins with, the slot that a leaf takes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use taffrail_core::diagnostic::Diagnostic;
use taffrail_core::flow::{FlowableKind, Task, TaskKind};
use taffrail_core::native::CoreKind;
use taffrail_core::record::{Failure, State};

use super::end::cancelled;
use super::node::{self, Phase, What};
use super::{Happening, Scheduler, kinds, leaf, shared_dir};
use crate::cancel::Cancel;
use crate::event::Event;

impl<'a> Scheduler<'a, '_> {
    /// Starts a task below a node.
    pub(super) fn start(&mut self, parent: usize, key: usize, task: &'a Task) {
        let above = self.node(parent);
        above.active += 1;
        let path: Arc<str> = format!("{}{}", above.inside(), task.id.value).into();
        let place = match above.task() {
            Some(holder) => above.place.inside(holder, &above.run),
            None => above.place.clone(),
        };
        let shared = above.shared.clone();
        let execution = self.context.execution;
        let kept = execution.kept.as_ref();
        let kept = kept.and_then(|kept| kept.runs.get(&*path)).cloned();
        let run: Arc<str> = match &kept {
            Some(kept) => kept.run.as_str().into(),
            None => {
                self.tally.started += 1;
                format!("{:04}-{}", self.tally.started, task.id.value).into()
            }
        };
        let names = (run, path);
        let id = self.insert(What::Task(task), Some(parent), key, place, names, shared);
        match &kept {
            Some(kept) => {
                self.node(id).go_on(kept);
                if kept.ended.is_some() {
                    return self.restore(id, task, kept);
                }
            }
            None => self.enter_start(id, task),
        }
        let identity = self.identity(id, task);
        self.context.reporter.tell(&Event::TaskStarted {
            identity: &identity,
            task_type: &task.type_name.value,
            values: self.nodes[id]
                .as_ref()
                .map_or(&[], |node| node.place.values()),
        });
        if task.common.run_if.is_none() {
            return self.begin(id);
        }
        self.look(id, task, crate::task::is_skipped, |scheduler, id, found| {
            scheduler.begin_unless(id, found);
        });
    }

    /// Begins a task run unless it is to be skipped.
    fn begin_unless(&mut self, id: usize, skipped: Result<bool, Box<Diagnostic>>) {
        match skipped {
            Ok(false) => self.begin(id),
            Ok(true) => {
                let Some(task) = self.node(id).task() else {
                    return;
                };
                let mut record = self.record(id, task);
                record.state = State::Skipped;
                self.task_ended(id, record, None);
            }
            Err(diagnostic) => {
                let failure = self.told(id, vec![*diagnostic]);
                self.failed_at_once(id, failure);
            }
        }
    }

    /// Begins the next attempt of a task run.
    pub(super) fn begin(&mut self, id: usize) {
        let node = self.node(id);
        if node.stopped {
            let failure = cancelled();
            return self.failed_at_once(id, failure);
        }
        let Some(task) = node.task() else { return };
        match &task.kind {
            TaskKind::Flowable { kind, .. }
                if !matches!(kind, FlowableKind::Subflow | FlowableKind::ForEachItem) =>
            {
                self.look(id, task, leaf::limit_and_keys, |scheduler, id, found| {
                    if let Err(failure) = scheduler.begin_flowable(id, found) {
                        scheduler.node(id).failure.get_or_insert(failure);
                        scheduler.node(id).state = State::Failed;
                        scheduler.flowable_ended(id);
                    }
                });
            }
            // What only waits, for time or for other tasks, must not keep those from working.
            TaskKind::Flowable { .. } | TaskKind::Core(CoreKind::Sleep) => self.launch(id),
            TaskKind::Script(_) | TaskKind::Core(_) => self.waiting.push(id),
        }
    }

    pub(super) fn begin_flowable(
        &mut self,
        id: usize,
        found: Result<(Option<Duration>, Value), Vec<Diagnostic>>,
    ) -> Result<(), Failure> {
        let (limit, keys) = found.map_err(|diagnostics| self.told(id, diagnostics))?;
        let node = self.node(id);
        if node.stopped {
            return Err(cancelled());
        }
        let Some(task) = node.task() else {
            return Ok(());
        };
        let TaskKind::Flowable { kind, .. } = task.kind else {
            return Ok(());
        };
        if kind == FlowableKind::WorkingDirectory {
            let execution = self.context.execution;
            let filled = self.has_begun_inside(id);
            let run = Arc::clone(&self.node(id).run);
            let (directory, warnings) =
                shared_dir::open(execution, task, &self.scope(id), &run, &keys, filled)?;
            let node = self.node(id);
            node.warnings.extend(warnings);
            node.shared = Some(Arc::new(directory));
        }
        let inner = kinds::begin(kind, task, keys)?;
        let node = self.node(id);
        node.inner = Some(inner);
        node.phase = Phase::Main;
        node.sum = node::Sum::default();
        // What was chosen is seen inside of it.
        if matches!(kind, FlowableKind::If | FlowableKind::Switch) {
            self.show_outputs(id, task);
        }
        if let Some(limit) = limit {
            self.later(id, limit, Happening::Late(limit));
        }
        self.open(id);
        Ok(())
    }

    /// Starts a leaf. The slot that it needs is there.
    pub(super) fn launch(&mut self, id: usize) {
        let Some(task) = self.node(id).task() else {
            return;
        };
        let needs_slot = !matches!(
            &task.kind,
            TaskKind::Flowable { .. } | TaskKind::Core(CoreKind::Sleep)
        );
        let slot = if needs_slot { self.slot.take() } else { None };
        let cancel = Cancel::new();
        let scope = self.scope(id);
        let identity = self.identity(id, task);
        let node = self.node(id);
        node.cancel = Some(cancel.clone());
        let (generation, shared) = (node.generation, node.shared.clone());
        let earlier = node.kept.take();
        let context = self.context;
        let execution = context.execution.for_task(cancel, shared, earlier);
        self.pending.push(Box::pin(async move {
            let (end, background) = leaf::run(context, execution, task, scope, identity).await;
            drop(slot);
            (id, generation, Happening::Ended(Box::new(end), background))
        }));
    }
}
