//! What the scheduler itself looks up for a task run before that begins, or between two rounds. Where a web server is asked for it, the task
//! run sleeps until the answer is there.

use taffrail_core::flow::Task;

use super::{Happening, Scheduler};
use crate::aside::{asks, elsewhere};
use crate::execution::Execution;
use crate::scope::Scope;

/// What goes on with something that was looked up on another thread.
pub(super) type Looked<'a> = Box<dyn for<'t> FnOnce(&mut Scheduler<'a, 't>) + 'a>;

/// Looks something up that a task run needs.
type Look<T> = fn(&Execution, &Task, &Scope) -> T;

/// Goes on with it.
type Then<'a, T> = for<'t> fn(&mut Scheduler<'a, 't>, usize, T);

impl<'a> Scheduler<'a, '_> {
    pub(super) fn look<T: Send + 'static>(
        &mut self,
        id: usize,
        task: &'a Task,
        look: Look<T>,
        then: Then<'a, T>,
    ) {
        let scope = self.scope(id);
        let execution = self.context.execution;
        if !asks(execution, task) {
            let found = look(execution, task, &scope);
            return then(self, id, found);
        }
        let node = self.node(id);
        node.sleeps = true;
        let generation = node.generation;
        let (execution, task) = (execution.clone(), task.clone());
        self.pending.push(Box::pin(async move {
            let found = elsewhere(move || look(&execution, &task, &scope)).await;
            let looked: Looked<'a> = Box::new(move |scheduler| then(scheduler, id, found));
            (id, generation, Happening::Looked(looked))
        }));
    }
}
