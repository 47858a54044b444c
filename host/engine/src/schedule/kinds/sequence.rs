//! Tasks one after the other, until one does not let the flow go on.

use serde_json::{Map, Value};
use taffrail_core::flow::Task;
use taffrail_core::record::{Failure, State};

use super::{Flowable, Next, View};

/// One task after the other.
pub(crate) struct Sequence<'a> {
    tasks: &'a [Task],
    next: usize,
    waits: bool,
}

impl<'a> Sequence<'a> {
    pub(crate) fn new(tasks: &'a [Task]) -> Self {
        Self {
            tasks,
            next: 0,
            waits: false,
        }
    }

    fn next_task(&mut self) -> Next<'a> {
        if self.waits {
            return Next::Wait;
        }
        let rest = &self.tasks[self.next..];
        match rest.iter().position(|task| !task.common.disabled) {
            Some(skipped) => {
                let index = self.next + skipped;
                self.next = index + 1;
                self.waits = true;
                Next::Task(index, &self.tasks[index])
            }
            None => {
                self.next = self.tasks.len();
                Next::Wait
            }
        }
    }

    fn child_ended(&mut self, state: State) {
        // After a failure the wait has no end.
        self.waits = !state.goes_on();
    }
}

impl<'a> Flowable<'a> for Sequence<'a> {
    fn next(&mut self, _view: &dyn View) -> Result<Next<'a>, Failure> {
        Ok(self.next_task())
    }

    fn ended(&mut self, _child: usize, state: State) {
        self.child_ended(state);
    }
}

/// The same, and a failure is a warning.
pub(crate) struct AllowFailure<'a>(pub Sequence<'a>);

impl<'a> Flowable<'a> for AllowFailure<'a> {
    fn next(&mut self, _view: &dyn View) -> Result<Next<'a>, Failure> {
        Ok(self.0.next_task())
    }

    fn ended(&mut self, _child: usize, state: State) {
        self.0.child_ended(state);
    }

    fn settle(&self, worst: State) -> State {
        match worst {
            State::Failed => State::Warning,
            other => other,
        }
    }
}

/// The tasks of the branch that a value chose, and what it chose as outputs.
pub(crate) struct Chosen<'a> {
    tasks: Sequence<'a>,
    outputs: Map<String, Value>,
}

impl<'a> Chosen<'a> {
    pub(crate) fn new(
        tasks: &'a [Task],
        outputs: impl IntoIterator<Item = (String, Value)>,
    ) -> Self {
        Self {
            tasks: Sequence::new(tasks),
            outputs: outputs.into_iter().collect(),
        }
    }
}

impl<'a> Flowable<'a> for Chosen<'a> {
    fn next(&mut self, _view: &dyn View) -> Result<Next<'a>, Failure> {
        Ok(self.tasks.next_task())
    }

    fn ended(&mut self, _child: usize, state: State) {
        self.tasks.child_ended(state);
    }

    fn outputs(&self) -> Map<String, Value> {
        self.outputs.clone()
    }
}
