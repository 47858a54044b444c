//! What is kept of a task run and of an execution: states, outputs, reasons. Printed as JSON, so the field names are a promise.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::launch::{ExitStatus, TaskIdentity};
use crate::output::Metric;

/// How a task run or an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// All is well.
    Success,
    /// It failed, and the flow allows that.
    Warning,
    /// It failed.
    Failed,
    /// The user or the host ended it.
    Killed,
    /// It was not run, as its `runIf` said.
    Skipped,
}

impl State {
    /// The word as records and expressions spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Success => "SUCCESS",
            State::Warning => "WARNING",
            State::Failed => "FAILED",
            State::Killed => "KILLED",
            State::Skipped => "SKIPPED",
        }
    }

    /// Whether the flow goes on after a task run that ended so.
    pub fn goes_on(self) -> bool {
        matches!(self, State::Success | State::Warning | State::Skipped)
    }
}

/// Why a task run did not end well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What kind of failure it was; decides the exit code of the program.
    pub kind: FailureKind,
    /// One sentence for people, with what was run or which place was wrong.
    pub message: String,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// The program said so by its exit code, or a signal ended it.
    Exit,
    /// It took longer than its `timeout`.
    Timeout,
    /// The user cancelled.
    Cancelled,
    /// An expression, a property or a plugin's answer was wrong once it was known.
    Invalid,
    /// It asked for a power over the machine that the host does not give.
    Refused,
    /// The program could not be started.
    Start,
    /// The engine behind the runner does not answer, or an image cannot be had.
    Unreachable,
    /// What the program ran on went away while it ran: the engine restarted, or somebody removed the container.
    Interrupted,
    /// One of its own tasks did not end well.
    Child,
    /// A file could not be read or written, or what became of the program is not known.
    Host,
}

/// What task runs leave for later tasks, the user and the report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskOutputs {
    /// What the program said by the output protocol.
    pub vars: Map<String, Value>,
    /// The program's exit code; absent where it never ran or a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Relative path to storage URI.
    pub output_files: IndexMap<String, String>,
    /// What the task's own type adds, as its descriptor's `outputsSchema` says.
    #[serde(flatten)]
    pub own: Map<String, Value>,
}

impl TaskOutputs {
    /// The outputs by name, as expressions see them.
    pub fn into_map(self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }
}

/// One attempt that was not the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it started, ISO-8601 in UTC.
    pub started: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Why it did not end well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How the program ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<ExitStatus>,
}

/// What is kept of a task run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskRecord {
    /// Whose run it was.
    #[serde(flatten)]
    pub identity: TaskIdentity,
    /// The value of the loop that it ran for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
    /// The task run that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<String>,
    /// The task's type as the flow names it.
    pub task_type: String,
    /// The plugin that planned it, `id version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The runner that ran it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
    /// How it ended.
    pub state: State,
    /// Why it did not end well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How the program ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<ExitStatus>,
    /// What it left, by name.
    pub outputs: Map<String, Value>,
    /// What it measured.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub metrics: Vec<Metric>,
    /// The attempts before the last one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub attempts: Vec<Attempt>,
    /// When it started, ISO-8601 in UTC.
    pub started: String,
    /// How long it took, in milliseconds, all attempts and the time between them included.
    pub duration_ms: u64,
    /// How many lines it wrote to standard output.
    pub stdout_lines: u64,
    /// How many lines it wrote to standard error.
    pub stderr_lines: u64,
    /// The last lines of standard error of a failed run.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub stderr_tail: Vec<String>,
    /// What went wrong beside the run itself: processes left behind, a clean-up that failed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
    /// The file that its log went to instead of the log view.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log_file: Option<String>,
    /// Whether an earlier run of the same inputs stands for this one.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub cached: bool,
}

impl TaskRecord {
    /// The record of a task run that has left nothing yet, started at this moment.
    pub fn new(identity: TaskIdentity, task_type: &str, started: String) -> Self {
        Self {
            identity,
            value: None,
            parent: None,
            task_type: task_type.to_owned(),
            plugin: None,
            runner: None,
            state: State::Success,
            failure: None,
            exit: None,
            outputs: Map::new(),
            metrics: Vec::new(),
            attempts: Vec::new(),
            started,
            duration_ms: 0,
            stdout_lines: 0,
            stderr_lines: 0,
            stderr_tail: Vec::new(),
            warnings: Vec::new(),
            log_file: None,
            cached: false,
        }
    }
}

/// What is kept of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRecord {
    /// Version of this document's shape; 1.
    pub v: u32,
    /// The execution's id.
    pub id: String,
    /// The flow's namespace.
    pub namespace: String,
    /// The flow's id.
    pub flow: String,
    /// How it ended.
    pub state: State,
    /// When it started, ISO-8601 in UTC.
    pub started: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The flow's own outputs, rendered at the end.
    pub outputs: Map<String, Value>,
    /// Its task runs, in the order of their ends.
    pub tasks: Vec<TaskRecord>,
    /// Where logs and this record are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Why it did not end well, where no task run says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Which of the executions that were made for one another it is, from 1.
    #[serde(skip_serializing_if = "is_first", default = "first")]
    pub attempt: u32,
    /// The first of those, where it is not this one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub original_id: Option<String>,
}

fn first() -> u32 {
    1
}

fn is_first(attempt: &u32) -> bool {
    *attempt == 1
}

impl ExecutionRecord {
    /// Why it did not end well: the failure of the first task run that was not allowed and is not only that of a task inside, with its
    /// task; otherwise its own. That a task run was ended with something else is no cause where there is another.
    pub fn cause(&self) -> Option<(Option<&TaskRecord>, &Failure)> {
        let runs = self.tasks.iter();
        let runs: HashMap<&str, &TaskRecord> = runs
            .map(|task| (task.identity.task_run.as_str(), task))
            .collect();
        // What a task around it made good is no cause.
        let made_good = |task: &TaskRecord| {
            let above = |task: &TaskRecord| runs.get(task.parent.as_deref()?).copied();
            std::iter::successors(above(task), |task| above(task)).any(|task| task.state.goes_on())
        };
        let of_tasks = || {
            self.tasks
                .iter()
                .filter(|task| matches!(task.state, State::Failed | State::Killed))
                .filter(|task| !made_good(task))
                .filter_map(|task| Some((Some(task), task.failure.as_ref()?)))
                .filter(|(_, failure)| failure.kind != FailureKind::Child)
        };
        let own = self.failure.as_ref().map(|failure| (None, failure));
        of_tasks()
            .find(|(_, failure)| failure.kind != FailureKind::Cancelled)
            .or(own.filter(|(_, failure)| failure.kind != FailureKind::Cancelled))
            .or_else(|| of_tasks().next())
            .or(own)
    }
}

/// Makes the state of a task run from what happened and what the flow allows, in the order of the flow language: failure, then
/// `allowFailure`, then `allowWarning`.
pub fn settle(failure: Option<FailureKind>, allow_failure: bool, allow_warning: bool) -> State {
    match failure {
        Some(FailureKind::Cancelled) => State::Killed,
        Some(_) => settle_state(State::Failed, allow_failure, allow_warning),
        None => State::Success,
    }
}

/// Applies `allowFailure`, then `allowWarning`, to a state.
pub fn settle_state(state: State, allow_failure: bool, allow_warning: bool) -> State {
    let state = match state {
        State::Failed if allow_failure => State::Warning,
        state => state,
    };
    match state {
        State::Warning if allow_warning => State::Success,
        state => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_settle_in_order() {
        let exit = Some(FailureKind::Exit);
        let cases = [
            (None, false, false, State::Success),
            (None, true, true, State::Success),
            (exit, false, false, State::Failed),
            (exit, false, true, State::Failed),
            (exit, true, false, State::Warning),
            (exit, true, true, State::Success),
            (Some(FailureKind::Timeout), true, false, State::Warning),
            (Some(FailureKind::Cancelled), true, true, State::Killed),
        ];
        for (failure, allow_failure, allow_warning, expected) in cases {
            assert_eq!(
                settle(failure, allow_failure, allow_warning),
                expected,
                "{failure:?} {allow_failure} {allow_warning}"
            );
        }
    }
}
