//! Tasks in the order of what they need.

use std::collections::VecDeque;

use taffrail_core::flow::{Task, TaskKind};
use taffrail_core::record::{Failure, State};

use super::{Flowable, Next, View};

/// Each task once all that it needs has ended well.
pub(super) struct Dag<'a> {
    tasks: &'a [Task],
    /// For each task how many of those that it needs have not ended well yet.
    missing: Vec<usize>,
    /// For each task those that need it.
    needed_by: Vec<Vec<usize>>,
    ready: VecDeque<usize>,
    running: usize,
    limit: usize,
}

impl<'a> Dag<'a> {
    pub(super) fn new(task: &'a Task, limit: u32) -> Self {
        let branch = match &task.kind {
            TaskKind::Flowable { branches, .. } => {
                branches.iter().find(|branch| &*branch.name == "tasks")
            }
            _ => None,
        };
        let tasks = branch.map_or(&[][..], |branch| &branch.tasks);
        let mut needed_by = vec![Vec::new(); tasks.len()];
        let mut missing = vec![0; tasks.len()];
        for (place, needs) in branch
            .iter()
            .flat_map(|branch| branch.needs.iter().enumerate())
        {
            missing[place] = needs.len();
            for needed in needs {
                needed_by[*needed].push(place);
            }
        }
        let ready = (0..tasks.len())
            .filter(|place| missing[*place] == 0)
            .collect();
        Self {
            tasks,
            missing,
            needed_by,
            ready,
            running: 0,
            limit: super::each::at_once(limit),
        }
    }

    fn release(&mut self, place: usize) {
        for needing in &self.needed_by[place] {
            self.missing[*needing] -= 1;
            if self.missing[*needing] == 0 {
                self.ready.push_back(*needing);
            }
        }
    }
}

impl<'a> Flowable<'a> for Dag<'a> {
    fn next(&mut self, _view: &dyn View) -> Result<Next<'a>, Failure> {
        while self.running < self.limit {
            let Some(place) = self.ready.pop_front() else {
                break;
            };
            if self.tasks[place].common.disabled {
                self.release(place);
                continue;
            }
            self.running += 1;
            return Ok(Next::Task(place, &self.tasks[place]));
        }
        Ok(Next::Wait)
    }

    fn ended(&mut self, child: usize, state: State) {
        self.running -= 1;
        if state.goes_on() {
            self.release(child);
        }
    }
}
