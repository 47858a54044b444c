//! What each flowable decides: which child may start now, and what it makes of their states. Nothing here runs anything.

mod dag;
mod each;
mod loop_until;
mod parallel;
mod pause;
mod sequence;

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use taffrail_core::flow::{FlowableKind, Task, TaskKind};
use taffrail_core::native;
use taffrail_core::record::{Failure, FailureKind, State};

pub(crate) use sequence::Sequence;

/// One value of a loop.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The value as tasks read it.
    pub value: Arc<str>,
    /// From 0.
    pub iteration: usize,
}

/// What a flowable wants to happen next.
pub(crate) enum Next<'a> {
    /// A child starts. The number names it when it has ended.
    Task(usize, &'a Task),
    /// A list of tasks starts, one after the other, for a value of a loop where there is one.
    List(usize, &'a [Task], Option<Item>),
    /// Some time passes; then the flowable is asked again.
    Later(Duration),
    /// Somebody is asked whether the flow may go on; `answered` gets what is said.
    Ask,
    /// Its `condition` is looked at as it is now; `looked` gets what it is.
    Look,
    /// The whole execution ends in this state.
    Exit(State),
    /// Nothing, until a child has ended. Where none runs, the flowable is done.
    Wait,
}

/// What a flowable can look up.
pub(crate) trait View {
    /// The time since it began.
    fn elapsed(&self) -> Duration;
}

/// A flowable that runs.
pub(crate) trait Flowable<'a>: Send {
    /// What may happen now. Asked again until it says to wait, and after each end of a child.
    ///
    /// # Errors
    /// What was wrong with the flowable itself.
    fn next(&mut self, view: &dyn View) -> Result<Next<'a>, Failure>;

    /// A child has ended.
    fn ended(&mut self, _child: usize, _state: State) {}

    /// Somebody said that the flow may go on, with the values that were asked for; nothing where nobody can be asked.
    fn answered(&mut self, _answer: Option<Map<String, Value>>) {}

    /// Its condition was looked at.
    fn looked(&mut self, _value: &Value) {}

    /// What it is, given the worst of its children's states.
    fn settle(&self, worst: State) -> State {
        worst
    }

    /// Why it did not end well although its children did.
    fn failure(&self) -> Option<Failure> {
        None
    }

    /// What it hands out.
    fn outputs(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// A failure of the flowable itself.
pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure {
        kind: FailureKind::Invalid,
        message: message.into(),
    }
}

/// Begins a flowable with its rendered keys.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn begin<'a>(
    kind: FlowableKind,
    task: &'a Task,
    keys: Value,
) -> Result<Box<dyn Flowable<'a> + 'a>, Failure> {
    let tasks = task.branch("tasks");
    Ok(match kind {
        FlowableKind::Sequential | FlowableKind::WorkingDirectory => Box::new(Sequence::new(tasks)),
        FlowableKind::AllowFailure => Box::new(sequence::AllowFailure(Sequence::new(tasks))),
        FlowableKind::If => {
            let keys: native::IfKeys = read(keys)?;
            let holds = crate::task::holds(&keys.condition);
            let branch = if holds { "then" } else { "else" };
            Box::new(sequence::Chosen::new(
                task.branch(branch),
                [("evaluationResult".to_owned(), Value::Bool(holds))],
            ))
        }
        FlowableKind::Switch => {
            let keys: native::SwitchKeys = read(keys)?;
            let value = text(&keys.value);
            let case = format!("cases.{value}");
            let known = match &task.kind {
                TaskKind::Flowable { branches, .. } => {
                    branches.iter().any(|branch| *branch.name == *case)
                }
                _ => false,
            };
            let branch = if known { case.as_str() } else { "defaults" };
            Box::new(sequence::Chosen::new(
                task.branch(branch),
                [
                    ("value".to_owned(), Value::String(value)),
                    ("defaults".to_owned(), Value::Bool(!known)),
                ],
            ))
        }
        FlowableKind::Parallel => {
            let keys: native::ParallelKeys = read(keys)?;
            Box::new(parallel::Parallel::new(tasks, keys.concurrent.unwrap_or(0)))
        }
        FlowableKind::ForEach => {
            let keys: native::ForEachKeys = read(keys)?;
            let limit = keys.concurrency_limit.unwrap_or(1);
            Box::new(each::Each::new(&keys.values, "values", tasks, limit)?)
        }
        FlowableKind::EachSequential => {
            let keys: native::EachSequentialKeys = read(keys)?;
            Box::new(each::Each::new(&keys.value, "value", tasks, 1)?)
        }
        FlowableKind::EachParallel => {
            let keys: native::EachParallelKeys = read(keys)?;
            let limit = keys.concurrent.unwrap_or(0);
            Box::new(each::Each::new(&keys.value, "value", tasks, limit)?)
        }
        FlowableKind::Dag => {
            let keys: native::DagKeys = read(keys)?;
            Box::new(dag::Dag::new(task, keys.concurrent.unwrap_or(0)))
        }
        FlowableKind::LoopUntil => {
            let keys: native::LoopUntilKeys = read(keys)?;
            Box::new(loop_until::LoopUntil::new(task, &keys)?)
        }
        FlowableKind::Pause => {
            let keys: native::PauseKeys = read(keys)?;
            Box::new(pause::Pause::new(task, &keys)?)
        }
        FlowableKind::Subflow | FlowableKind::ForEachItem => {
            return Err(invalid("it holds no tasks of this flow"));
        }
    })
}

fn read<T: DeserializeOwned>(keys: Value) -> Result<T, Failure> {
    serde_json::from_value(keys)
        .map_err(|error| invalid(format!("its keys cannot be read: {error}")))
}

/// A rendered value as text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn duration(text: Option<&str>) -> Result<Option<Duration>, Failure> {
    text.map(taffrail_core::duration::parse)
        .transpose()
        .map_err(|error| invalid(error.to_string()))
}
