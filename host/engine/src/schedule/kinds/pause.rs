//! A pause: some time, or until somebody says go on.

use std::time::Duration;

use serde_json::{Map, Value};
use taffrail_core::flow::Task;
use taffrail_core::native::{PauseBehavior, PauseKeys};
use taffrail_core::record::{Failure, FailureKind, State};

use super::{Flowable, Next, Sequence, View, duration};

enum Stage {
    /// The task that runs when the pause begins is next.
    Begin,
    /// That task runs.
    Told,
    /// The pause itself is next.
    Pause,
    /// It is asked.
    Asked,
    /// The time is over.
    Over,
    /// The tasks after the pause.
    After,
}

/// A pause with what runs when it begins and, in old flows, after it.
pub(super) struct Pause<'a> {
    first: Option<&'a Task>,
    time: Option<Duration>,
    behavior: PauseBehavior,
    stage: Stage,
    after: Sequence<'a>,
    answer: Option<Map<String, Value>>,
    failure: Option<Failure>,
}

impl<'a> Pause<'a> {
    pub(super) fn new(task: &'a Task, keys: &PauseKeys) -> Result<Self, Failure> {
        let time = keys.pause_duration.as_deref().or(keys.delay.as_deref());
        Ok(Self {
            first: task.branch("onPause").first(),
            time: duration(time)?,
            behavior: keys.behavior.unwrap_or_default(),
            stage: Stage::Begin,
            after: Sequence::new(task.branch("tasks")),
            answer: None,
            failure: None,
        })
    }
}

impl<'a> Flowable<'a> for Pause<'a> {
    fn next(&mut self, view: &dyn View) -> Result<Next<'a>, Failure> {
        match self.stage {
            Stage::Begin => match self.first.take().filter(|task| !task.common.disabled) {
                Some(task) => {
                    self.stage = Stage::Told;
                    Ok(Next::Task(usize::MAX, task))
                }
                None => {
                    self.stage = Stage::Pause;
                    self.next(view)
                }
            },
            Stage::Told | Stage::Asked => Ok(Next::Wait),
            Stage::Pause => match self.time {
                Some(time) => {
                    self.stage = Stage::Over;
                    Ok(Next::Later(time))
                }
                None => {
                    self.stage = Stage::Asked;
                    Ok(Next::Ask)
                }
            },
            Stage::Over => {
                self.stage = Stage::After;
                match self.behavior {
                    PauseBehavior::Cancel => return Ok(Next::Exit(State::Killed)),
                    PauseBehavior::Fail => {
                        self.failure = Some(Failure {
                            kind: FailureKind::Timeout,
                            message: "nobody said go on in time".to_owned(),
                        });
                        return Ok(Next::Wait);
                    }
                    PauseBehavior::Resume | PauseBehavior::Warn => {}
                }
                self.after.next(view)
            }
            Stage::After if self.failure.is_some() => Ok(Next::Wait),
            Stage::After => self.after.next(view),
        }
    }

    fn ended(&mut self, child: usize, state: State) {
        match self.stage {
            Stage::Told if state.goes_on() => self.stage = Stage::Pause,
            Stage::Told => {}
            _ => self.after.ended(child, state),
        }
    }

    fn answered(&mut self, answer: Option<Map<String, Value>>) {
        self.stage = Stage::After;
        match answer {
            Some(answer) => self.answer = Some(answer),
            None => {
                self.failure = Some(Failure {
                    kind: FailureKind::Exit,
                    message: "it waits for somebody to say go on, and there is no answer: standard input is no terminal, has ended, or gave wrong values only".to_owned(),
                });
            }
        }
    }

    fn settle(&self, worst: State) -> State {
        match (worst, self.behavior) {
            (State::Success, PauseBehavior::Warn) => State::Warning,
            (other, _) => other,
        }
    }

    fn failure(&self) -> Option<Failure> {
        self.failure.clone()
    }

    fn outputs(&self) -> Map<String, Value> {
        let mut outputs = Map::new();
        if let Some(answer) = &self.answer {
            outputs.insert("onResume".to_owned(), Value::Object(answer.clone()));
        }
        outputs
    }
}
