//! A flow from its first task to its last: its variables, its tasks by the scheduler, its outputs, what runs when it has ended.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use taffrail_core::diagnostic::{Code, Diagnostic, Severity};
use taffrail_core::flow::{Broken, Flow, FlowOutput, PromiseKind, Task};
use taffrail_core::input::convert_output;
use taffrail_core::output::Masker;
use taffrail_core::record::{ExecutionRecord, Failure, FailureKind, State};
use taffrail_core::retry::Retry;
use taffrail_expr::{Environment, Value};

use crate::aside::{ask_for, elsewhere, labels_ask, may_ask};
use crate::cancel::CancelLevel;
use crate::event::{Event, Reporter, Shared};
use crate::execution::Execution;
use crate::failpoint;
use crate::ledger::Entry;
use crate::perform::of_flow;
use crate::prepare::task_root;
use crate::render::Renderer;
use crate::schedule::{self, Context, Outcome, Place, Tally};
use crate::scope::{Scope, chain};
use crate::workdir::Workdir;

/// What came of one execution.
pub(crate) struct Ended {
    /// What is kept of it.
    pub record: ExecutionRecord,
    /// What its expressions saw at its end.
    pub scope: Scope,
    /// When another one is to be made, as this one failed.
    pub again: Option<Retry>,
}

/// Runs a flow that was checked. `scope` has its inputs already.
pub(crate) async fn run_flow(
    execution: &Execution,
    flow: &Flow,
    mut scope: Scope,
    reporter: &mut dyn Reporter,
) -> Ended {
    let earlier = execution.kept.as_ref();
    let started = earlier
        .and_then(|kept| kept.started.parse().ok())
        .unwrap_or_else(jiff::Timestamp::now);
    let clock = tokio::time::Instant::now();
    set_flow(&mut scope, execution, flow, started);
    // Files that were given as inputs.
    let stored = execution.storage.settled().await;
    let on_disk = match (stored, execution.announced) {
        (Err(error), _) => Err(chain(&error)),
        (Ok(()), true) => execution.ledger.settled().await,
        (Ok(()), false) => Ok(()),
    };
    failpoint::reach("begun");
    reporter.event(&Event::ExecutionStarted {
        execution: &execution.id,
        namespace: &flow.namespace.value,
        flow: &flow.id.value,
        tasks: flow.tasks.len(),
    });
    set_variables(&mut scope, flow);
    let labels = ask_for_labels(&mut scope, execution, flow).await;
    add_labels(&mut scope, execution);
    scope.share(&["outputs", "tasks", "vars", "labels"]);
    let shared = Mutex::new(reporter);
    let context = Context {
        execution,
        flow,
        scope: &scope,
        reporter: Shared::new(&shared),
    };
    let mut tally = Tally {
        started: earlier.map_or(0, |kept| kept.last_number()),
        ..Tally::default()
    };
    let mut outputs = Map::new();
    let mut outcome = match labels {
        Ok(()) if on_disk.is_err() => not_kept(on_disk.err()),
        Ok(()) => schedule::run(context, lists(flow), longest(flow), &mut tally).await,
        Err(diagnostic) => failed(context, *diagnostic),
    };
    if outcome.state.goes_on() && outcome.failure.is_none() {
        match ask_for_outputs(context).await {
            Ok(rendered) => outputs = rendered,
            Err(diagnostic) => outcome = failed(context, *diagnostic),
        }
    }
    keep_promises(context, &mut outcome, clock.elapsed()).await;
    let again = (outcome.state == State::Failed && !outcome.hopeless)
        .then(|| outcome.again.take().or(of_flow(flow)).cloned())
        .flatten();
    let warns = flow
        .retry
        .as_ref()
        .is_some_and(|retry| retry.warning_on_retry);
    if outcome.state == State::Success && execution.origin.attempt > 1 && warns {
        outcome.state = State::Warning;
    }
    after_execution(context, &outcome, started, &mut tally).await;
    // Once the end of the execution is on disk, no other host comes for them.
    if execution.leaving.any() {
        if let Err(message) = execution.ledger.ending().await {
            tracing::debug!("directories stay: {message}");
        }
        execution.leaving.over().await;
    }
    // Where it lies depends on no task run, so any name will do.
    let any = task_root(&execution.directory, "any");
    let removed = match execution.resumed() && !execution.keep {
        true => Workdir::remove_left(&any),
        false => crate::spare::remove_all(&any),
    };
    if let Err(error) = removed {
        tracing::warn!("{}", chain(&error));
    }
    let record = ExecutionRecord {
        state: outcome.state,
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        outputs: masked(outputs, &execution.masker),
        tasks: tally.records,
        failure: masked(outcome.failure, &execution.masker),
        ..execution.record(flow, started)
    };
    let kept = Box::new(record.clone());
    execution.ledger.enter(Entry::ExecutionEnded(kept));
    let mut record = record;
    // No end is told that a crash could take back.
    if let Err(message) = execution.ledger.settled().await {
        let outcome = not_kept(Some(message));
        if record.state.goes_on() {
            record.state = outcome.state;
        }
        record.failure = record.failure.or(outcome.failure);
        // Where it is not the store that fails, it is not to tell another end than this host does.
        let kept = Box::new(record.clone());
        execution.ledger.enter(Entry::ExecutionEnded(kept));
        if let Err(message) = execution.ledger.settled().await {
            tracing::debug!("the end is not kept: {message}");
        }
    }
    failpoint::reach("over");
    context
        .reporter
        .tell(&Event::ExecutionEnded { record: &record });
    Ended {
        record,
        scope,
        again,
    }
}

/// The outcome where the store fails.
fn not_kept<'a>(message: Option<String>) -> Outcome<'a> {
    Outcome {
        state: State::Failed,
        failure: Some(Failure {
            kind: FailureKind::Host,
            message: message.unwrap_or_default(),
        }),
        hopeless: false,
        again: None,
    }
}

fn lists(flow: &Flow) -> [&[Task]; 3] {
    [&flow.tasks, &flow.errors, &flow.finally]
}

/// The longest time that is promised with a consequence, and the state that breaking it gives.
fn longest(flow: &Flow) -> Option<(Duration, State)> {
    flow.promises
        .iter()
        .filter_map(|promise| match (&promise.kind, promise.behavior) {
            (PromiseKind::MaxDuration(longest), Broken::Fail) => Some((*longest, State::Failed)),
            (PromiseKind::MaxDuration(longest), Broken::Cancel) => Some((*longest, State::Killed)),
            _ => None,
        })
        .min_by_key(|(longest, _)| *longest)
}

/// An outcome for what turned out wrong in the flow's file.
fn failed<'a>(context: Context<'a>, diagnostic: Diagnostic) -> Outcome<'a> {
    let message = diagnostic.message.clone();
    context.show(None, vec![diagnostic]);
    Outcome {
        state: State::Failed,
        failure: Some(Failure {
            kind: FailureKind::Invalid,
            message,
        }),
        hopeless: false,
        again: None,
    }
}

/// The flow's own outputs, after a success or a warning only: after a failure what they ask for need not be there.
async fn ask_for_outputs(context: Context<'_>) -> Result<Map<String, Json>, Box<Diagnostic>> {
    let outputs = &context.flow.outputs;
    if !outputs.iter().any(|output| may_ask(&output.value)) {
        return render_outputs(outputs, context.scope, context.execution.source.text());
    }
    let (outputs, scope) = (outputs.clone(), context.scope.clone());
    let source = context.execution.source.clone();
    elsewhere(move || render_outputs(&outputs, &scope, source.text())).await
}

/// Sets `labels`, as [`set_labels`]; where web servers are asked for them, others go on.
async fn ask_for_labels(
    scope: &mut Scope,
    execution: &Execution,
    flow: &Flow,
) -> Result<(), Box<Diagnostic>> {
    if !labels_ask(flow) {
        return set_labels(scope, flow, execution.source.text());
    }
    let (flow, source, mut own) = (flow.clone(), execution.source.clone(), scope.clone());
    let asked = elsewhere(move || set_labels(&mut own, &flow, source.text()).map(|()| own));
    *scope = asked.await?;
    Ok(())
}

fn render_outputs(
    outputs: &[FlowOutput],
    scope: &Scope,
    source: &str,
) -> Result<Map<String, Json>, Box<Diagnostic>> {
    outputs
        .iter()
        .map(|output| {
            let value = Renderer::new(scope)
                .value(&output.value)
                .map_err(|error| Box::new(error.diagnostic(source, &output.value)))?;
            let typed = match &output.kind {
                Some(kind) => convert_output(kind, &value),
                None => Ok(value),
            };
            let typed = typed.map_err(|message| {
                let message = format!("the output `{}`: {message}", output.id.value);
                Box::new(Diagnostic::error(
                    Code::WrongValue,
                    output.value.span,
                    message,
                ))
            })?;
            Ok((output.id.value.to_string(), typed))
        })
        .collect()
}

/// Looks at what is promised of an execution's end. One that took too long has been ended before.
async fn keep_promises(context: Context<'_>, outcome: &mut Outcome<'_>, took: Duration) {
    for promise in &context.flow.promises {
        let broken = |why: &str| {
            let message = format!("the promise `{}` is broken: {why}", promise.id);
            Diagnostic::error(Code::TaskFailed, promise.span, message)
        };
        let diagnostic = match &promise.kind {
            PromiseKind::MaxDuration(longest) if took < *longest => continue,
            PromiseKind::MaxDuration(longest) => {
                broken(&format!("the execution took longer than {longest:?}"))
            }
            PromiseKind::Assertion(node) => match ask_for(context.scope, node).await {
                Ok(value) if crate::task::holds(&value) => continue,
                Ok(_) => broken("this does not hold"),
                Err(error) => error.diagnostic(context.execution.source.text(), node),
            },
        };
        for (key, value) in &promise.labels {
            let live = context.scope.live();
            live.insert("labels", &[Arc::clone(key)], Value::text(&**value));
        }
        let message = diagnostic.message.clone();
        let (severity, state) = match promise.behavior {
            Broken::Tell => (Severity::Warning, None),
            Broken::Fail => (Severity::Error, Some(State::Failed)),
            Broken::Cancel => (Severity::Error, Some(State::Killed)),
        };
        let diagnostic = Diagnostic {
            severity,
            ..diagnostic
        };
        context.show(None, vec![diagnostic]);
        if let Some(state) = state.filter(|_| outcome.state.goes_on()) {
            outcome.state = state;
            outcome.failure = Some(Failure {
                kind: FailureKind::Exit,
                message,
            });
        }
    }
}

/// Runs the tasks for when the execution has ended; how they end changes nothing of it. After a cancellation there are none: who
/// cancels wants an end.
async fn after_execution(
    context: Context<'_>,
    outcome: &Outcome<'_>,
    started: jiff::Timestamp,
    tally: &mut Tally,
) {
    let flow = context.flow;
    if flow.after_execution.is_empty() || context.execution.cancel.level() != CancelLevel::None {
        return;
    }
    let mut scope = context.scope.clone();
    set_execution(
        &mut scope,
        context.execution,
        started,
        outcome.state.as_str(),
    );
    let context = Context {
        scope: &scope,
        ..context
    };
    schedule::run(context, [&flow.after_execution, &[], &[]], None, tally).await;
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
    set_execution(scope, execution, started, "RUNNING");
    scope.set("outputs", map([]));
}

fn set_execution(scope: &mut Scope, execution: &Execution, started: jiff::Timestamp, state: &str) {
    scope.set(
        "execution",
        map([
            ("id", Value::text(execution.id.as_str())),
            (
                "startDate",
                Value::datetime(started.to_zoned(scope.services().zone.clone())),
            ),
            ("state", Value::text(state)),
            (
                "originalId",
                Value::text(
                    execution
                        .origin
                        .first
                        .as_ref()
                        .unwrap_or(&execution.id)
                        .as_str(),
                ),
            ),
        ]),
    );
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

/// Adds the labels that whoever called for the execution gives it.
fn add_labels(scope: &mut Scope, execution: &Execution) {
    if execution.origin.labels.is_empty() {
        return;
    }
    let mut labels = match scope.variable("labels").map(|labels| labels.to_json()) {
        Some(Json::Object(labels)) => labels,
        _ => Map::new(),
    };
    labels.extend(execution.origin.labels.clone());
    scope.set("labels", Value::from_json(&Json::Object(labels)));
}

/// Sets `task` and `taskrun` for one task run, and what is known of the loops and tasks around it.
pub fn set_task(
    scope: &mut Scope,
    task: &Task,
    task_run: &str,
    attempt: u32,
    started: jiff::Timestamp,
    place: &Place,
) {
    scope.set(
        "task",
        map([
            ("id", Value::text(&*task.id.value)),
            ("type", Value::text(&*task.type_name.value)),
        ]),
    );
    let mut taskrun = taffrail_expr::Map::from_iter([
        ("id".into(), Value::text(task_run)),
        (
            "startDate".into(),
            Value::datetime(started.to_zoned(scope.services().zone.clone())),
        ),
        ("attemptsCount".into(), Value::int(i64::from(attempt) - 1)),
    ]);
    place.apply(scope, &mut taskrun);
    scope.set("taskrun", Value::map(taskrun));
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
pub(crate) fn masked<T: Serialize + DeserializeOwned>(value: T, masker: &Masker) -> T {
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
