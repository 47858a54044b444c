//! A flow from its first task to its last: tasks in order, outputs passed on, what runs after a failure and at the end.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use taffrail_core::diagnostic::Diagnostic;
use taffrail_core::flow::{Flow, Task};
use taffrail_core::launch::TaskIdentity;
use taffrail_core::output::Masker;
use taffrail_core::record::{ExecutionRecord, Failure, FailureKind, State, TaskRecord};
use taffrail_expr::Value;

use crate::cancel::CancelLevel;
use crate::event::{Event, Reporter};
use crate::execution::Execution;
use crate::prepare::task_root;
use crate::render::Renderer;
use crate::scope::{Scope, chain};
use crate::task::run_task;
use crate::workdir::Workdir;

/// Runs a flow that was checked. `scope` has its inputs already.
pub async fn run_flow(
    execution: &Execution,
    flow: &Flow,
    mut scope: Scope,
    reporter: &mut dyn Reporter,
) -> ExecutionRecord {
    let started = jiff::Timestamp::now();
    let clock = tokio::time::Instant::now();
    set_flow(&mut scope, execution, flow, started);
    reporter.event(&Event::ExecutionStarted {
        execution: &execution.id,
        namespace: &flow.namespace.value,
        flow: &flow.id.value,
        tasks: flow.tasks.len(),
    });
    let mut run = Run {
        execution,
        flow,
        scope,
        reporter,
        records: Vec::new(),
        state: State::Success,
    };
    let failure = match run.set_variables_and_labels() {
        Ok(()) => {
            run.all().await;
            None
        }
        Err(failure) => Some(failure),
    };
    let (outputs, failure) = match failure {
        Some(failure) => (Map::new(), Some(failure)),
        None => run.outputs(),
    };
    // Where it lies depends on no task run, so any name will do.
    if let Err(error) = Workdir::remove_spare(&task_root(&execution.directory, "any")) {
        tracing::warn!("{}", chain(&error));
    }
    let record = ExecutionRecord {
        v: 1,
        id: execution.id.clone(),
        namespace: flow.namespace.value.to_string(),
        flow: flow.id.value.to_string(),
        state: if failure.is_some() {
            State::Failed
        } else {
            run.state
        },
        started: started.to_string(),
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        outputs: masked(outputs, &execution.masker),
        tasks: run.records,
        directory: execution.directory.to_str().map(str::to_owned),
        failure: masked(failure, &execution.masker),
    };
    reporter.event(&Event::ExecutionEnded { record: &record });
    record
}

/// Sets `flow`, `execution` and an empty `outputs`.
pub fn set_flow(scope: &mut Scope, execution: &Execution, flow: &Flow, started: jiff::Timestamp) {
    scope.set(
        "flow",
        map([
            ("id", Value::text(&*flow.id.value)),
            ("namespace", Value::text(&*flow.namespace.value)),
            (
                "revision",
                Value::int(
                    flow.revision
                        .and_then(|revision| i64::try_from(revision).ok())
                        .unwrap_or(1),
                ),
            ),
        ]),
    );
    scope.set(
        "execution",
        map([
            ("id", Value::text(execution.id.as_str())),
            (
                "startDate",
                Value::datetime(started.to_zoned(scope.services().zone.clone())),
            ),
            ("state", Value::text("RUNNING")),
        ]),
    );
    scope.set("outputs", map([]));
}

/// Sets `vars`, as they were written: an expression inside waits for `render`.
pub fn set_variables(scope: &mut Scope, flow: &Flow) {
    let variables = flow.variables.as_ref().map_or_else(
        || Json::Object(Map::new()),
        taffrail_core::yaml::Node::to_json,
    );
    scope.set("vars", Value::from_json(&variables));
}

/// Sets `labels`, rendered.
///
/// # Errors
/// The diagnostic of the first label that cannot be rendered.
pub fn set_labels(scope: &mut Scope, flow: &Flow, source: &str) -> Result<(), Box<Diagnostic>> {
    scope.set("labels", map([]));
    let mut labels = Map::new();
    for label in &flow.labels {
        let value = Renderer::new(scope)
            .node(&label.value)
            .map_err(|error| Box::new(error.diagnostic(source, &label.value)))?;
        labels.insert(label.key.to_string(), value);
    }
    scope.set("labels", Value::from_json(&Json::Object(labels)));
    Ok(())
}

/// Sets `task` and `taskrun` for one task run.
pub fn set_task(
    scope: &mut Scope,
    task: &Task,
    task_run: &str,
    attempt: u32,
    started: jiff::Timestamp,
) {
    scope.set(
        "task",
        map([
            ("id", Value::text(&*task.id.value)),
            ("type", Value::text(&*task.type_name.value)),
        ]),
    );
    scope.set(
        "taskrun",
        map([
            ("id", Value::text(task_run)),
            (
                "startDate",
                Value::datetime(started.to_zoned(scope.services().zone.clone())),
            ),
            ("attemptsCount", Value::int(i64::from(attempt) - 1)),
        ]),
    );
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::map(
        entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
}

/// What is kept and shown holds no secret; what later tasks see does.
fn masked<T: Serialize + DeserializeOwned>(value: T, masker: &Masker) -> T {
    if masker.is_empty() {
        return value;
    }
    let hidden = serde_json::to_value(&value).map(|json| mask(json, masker));
    match hidden.and_then(serde_json::from_value) {
        Ok(masked) => masked,
        Err(error) => {
            tracing::error!(%error, "what is kept of a run does not survive masking");
            value
        }
    }
}

/// Masks every text of a document, keys included.
fn mask(value: Json, masker: &Masker) -> Json {
    match value {
        Json::String(text) => Json::String(masker.mask_text(&text).into_owned()),
        Json::Array(items) => items.into_iter().map(|item| mask(item, masker)).collect(),
        Json::Object(map) => map
            .into_iter()
            .map(|(key, value)| (masker.mask_text(&key).into_owned(), mask(value, masker)))
            .collect(),
        other => other,
    }
}

struct Run<'a> {
    execution: &'a Execution,
    flow: &'a Flow,
    scope: Scope,
    reporter: &'a mut dyn Reporter,
    records: Vec<TaskRecord>,
    state: State,
}

impl Run<'_> {
    fn set_variables_and_labels(&mut self) -> Result<(), Failure> {
        set_variables(&mut self.scope, self.flow);
        set_labels(&mut self.scope, self.flow, self.execution.source.text())
            .map_err(|diagnostic| self.invalid(*diagnostic))
    }

    fn invalid(&mut self, diagnostic: Diagnostic) -> Failure {
        let message = diagnostic.message.clone();
        self.show(vec![diagnostic]);
        Failure {
            kind: FailureKind::Invalid,
            message,
        }
    }

    /// Shows what is wrong with the flow's file. A message may quote a value, and a value may be a secret.
    fn show(&mut self, mut diagnostics: Vec<Diagnostic>) {
        let hide = |text: &mut String| *text = self.execution.masker.mask_text(text).into_owned();
        for diagnostic in &mut diagnostics {
            hide(&mut diagnostic.message);
            hide(&mut diagnostic.label);
            diagnostic.notes.iter_mut().for_each(hide);
            if let Some(help) = &mut diagnostic.help {
                hide(&mut help.message);
                if let Some((_, text)) = &mut help.replacement {
                    hide(text);
                }
            }
        }
        self.reporter.event(&Event::Diagnostics {
            source: &self.execution.source,
            diagnostics: &diagnostics,
        });
    }

    async fn all(&mut self) {
        let flow = self.flow;
        let failed = self.list(&flow.tasks).await;
        if let Some(failed) = failed
            && self.state == State::Failed
        {
            self.scope.set(
                "error",
                map([
                    ("taskId", Value::text(failed.0.as_str())),
                    ("message", Value::text(failed.1.as_str())),
                ]),
            );
            self.list(&flow.errors).await;
            self.scope.remove("error");
        }
        if self.execution.cancel.level() == CancelLevel::None {
            self.list(&flow.finally).await;
        }
    }

    /// Runs tasks in order until one does not let the flow go on; gives its id and what was wrong.
    async fn list(&mut self, tasks: &[Task]) -> Option<(String, String)> {
        for task in tasks.iter().filter(|task| !task.common.disabled) {
            if self.execution.cancel.level() != CancelLevel::None {
                self.state = State::Killed;
                return None;
            }
            let Some(script_type) = task.script_type() else {
                continue;
            };
            let task_run = format!("{:04}-{}", self.records.len() + 1, task.id.value);
            let identity = TaskIdentity {
                namespace: self.flow.namespace.value.to_string(),
                flow: self.flow.id.value.to_string(),
                execution: self.execution.id.clone(),
                task: task.id.value.to_string(),
                task_run,
                attempt: 1,
            };
            set_task(
                &mut self.scope,
                task,
                &identity.task_run,
                identity.attempt,
                jiff::Timestamp::now(),
            );
            let end = run_task(
                self.execution,
                task,
                script_type,
                &mut self.scope,
                identity,
                self.reporter,
            )
            .await;
            if !end.diagnostics.is_empty() {
                self.show(end.diagnostics);
            }
            self.pass_on(&end.record);
            let record = masked(end.record, &self.execution.masker);
            self.reporter.event(&Event::TaskEnded {
                record: &record,
                task,
            });
            let state = record.state;
            let message = record
                .failure
                .as_ref()
                .map(|failure| failure.message.clone())
                .unwrap_or_default();
            self.records.push(record);
            match state {
                State::Warning if self.state == State::Success => self.state = State::Warning,
                State::Failed | State::Killed => {
                    self.state = state;
                    return Some((task.id.value.to_string(), message));
                }
                _ => {}
            }
        }
        None
    }

    /// Makes a task run's outputs visible to the tasks after it.
    fn pass_on(&mut self, record: &TaskRecord) {
        if record.state == State::Skipped {
            return;
        }
        match serde_json::to_value(&record.outputs) {
            Ok(outputs) => {
                self.scope
                    .insert_into("outputs", &record.identity.task, Value::from_json(&outputs))
            }
            Err(error) => tracing::error!(%error, "outputs are not JSON"),
        }
    }

    /// The flow's own outputs, after a success or a warning only: after a failure what they ask for need not be there.
    fn outputs(&mut self) -> (Map<String, Json>, Option<Failure>) {
        let mut outputs = Map::new();
        if !self.state.goes_on() {
            return (outputs, None);
        }
        let flow = self.flow;
        for output in &flow.outputs {
            let rendered = Renderer::new(&self.scope).value(&output.value);
            match rendered {
                Ok(value) => {
                    outputs.insert(output.id.value.to_string(), value);
                }
                Err(error) => {
                    let diagnostic = error.diagnostic(self.execution.source.text(), &output.value);
                    return (outputs, Some(self.invalid(diagnostic)));
                }
            }
        }
        (outputs, None)
    }
}
