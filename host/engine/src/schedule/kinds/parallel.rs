//! Tasks at the same time. The failure of one does not keep the others from running.

use taffrail_core::flow::Task;
use taffrail_core::record::{Failure, State};

use super::{Flowable, Next, View};

/// Tasks at the same time, as many as are allowed.
pub(super) struct Parallel<'a> {
    tasks: &'a [Task],
    next: usize,
    running: usize,
    limit: usize,
}

impl<'a> Parallel<'a> {
    pub(super) fn new(tasks: &'a [Task], limit: u32) -> Self {
        Self {
            tasks,
            next: 0,
            running: 0,
            limit: super::each::at_once(limit),
        }
    }
}

impl<'a> Flowable<'a> for Parallel<'a> {
    fn next(&mut self, _view: &dyn View) -> Result<Next<'a>, Failure> {
        while self.running < self.limit {
            let Some(task) = self.tasks.get(self.next) else {
                break;
            };
            self.next += 1;
            if !task.common.disabled {
                self.running += 1;
                return Ok(Next::Task(self.next - 1, task));
            }
        }
        Ok(Next::Wait)
    }

    fn ended(&mut self, _child: usize, _state: State) {
        self.running -= 1;
    }
}
