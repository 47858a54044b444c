//! Tasks again and again until a condition holds.

use std::time::Duration;

use serde_json::{Map, Value, json};
use taffrail_core::flow::Task;
use taffrail_core::native::LoopUntilKeys;
use taffrail_core::record::{Failure, FailureKind, State};

use super::{Flowable, Next, View, duration};

enum Stage {
    /// The next round may begin.
    Begin,
    /// A round runs.
    Round,
    /// A round has ended well, and the condition is to be looked at.
    Check,
    /// It does not hold.
    Decide,
    /// It is over.
    Over,
}

/// Rounds of tasks until a condition holds, or there were enough.
pub(super) struct LoopUntil<'a> {
    tasks: &'a [Task],
    stage: Stage,
    rounds: u32,
    interval: Duration,
    most_rounds: u32,
    longest: Duration,
    fails: bool,
    /// Why there is no further round although the condition does not hold.
    given_up: Option<String>,
}

impl<'a> LoopUntil<'a> {
    pub(super) fn new(task: &'a Task, keys: &LoopUntilKeys) -> Result<Self, Failure> {
        let frequency = keys.check_frequency.clone().unwrap_or_default();
        Ok(Self {
            tasks: task.branch("tasks"),
            stage: Stage::Begin,
            rounds: 0,
            interval: duration(frequency.interval.as_deref())?.unwrap_or(Duration::from_secs(1)),
            most_rounds: frequency.max_iterations.unwrap_or(100).max(1),
            longest: duration(frequency.max_duration.as_deref())?
                .unwrap_or(Duration::from_secs(3600)),
            fails: keys.fail_on_max_reached == Some(true),
            given_up: None,
        })
    }
}

impl<'a> Flowable<'a> for LoopUntil<'a> {
    fn next(&mut self, view: &dyn View) -> Result<Next<'a>, Failure> {
        match self.stage {
            Stage::Begin => {
                self.stage = Stage::Round;
                self.rounds += 1;
                Ok(Next::List(self.rounds as usize, self.tasks, None))
            }
            Stage::Round | Stage::Over => Ok(Next::Wait),
            Stage::Check => Ok(Next::Look),
            Stage::Decide => {
                if self.rounds >= self.most_rounds {
                    self.given_up = Some(format!("after {} rounds", self.rounds));
                } else if view.elapsed() + self.interval > self.longest {
                    self.given_up = Some(format!("after {:?}", self.longest));
                }
                if self.given_up.is_some() {
                    self.stage = Stage::Over;
                    return Ok(Next::Wait);
                }
                self.stage = Stage::Begin;
                Ok(Next::Later(self.interval))
            }
        }
    }

    fn ended(&mut self, _child: usize, state: State) {
        self.stage = if state.goes_on() {
            Stage::Check
        } else {
            Stage::Over
        };
    }

    fn looked(&mut self, value: &Value) {
        self.stage = match crate::task::holds(value) {
            true => Stage::Over,
            false => Stage::Decide,
        };
    }

    fn failure(&self) -> Option<Failure> {
        let given_up = self.given_up.as_ref().filter(|_| self.fails)?;
        Some(Failure {
            kind: FailureKind::Exit,
            message: format!("its condition does not hold {given_up}"),
        })
    }

    fn outputs(&self) -> Map<String, Value> {
        Map::from_iter([("iterationCount".to_owned(), json!(self.rounds))])
    }
}
