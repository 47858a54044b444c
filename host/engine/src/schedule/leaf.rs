//! One task run that holds no tasks of this flow: a script task, a native task, or another flow.

use std::time::Duration;

use serde_json::{Map, Value};
use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::flow::{Task, TaskKind};
use taffrail_core::input::{Given, InputDeclaration};
use taffrail_core::launch::TaskIdentity;
use taffrail_core::record::{Failure, FailureKind, State, TaskRecord};

use super::{Background, Context, calls};
use crate::aside::{asks, elsewhere};
use crate::cancel::CancelLevel;
use crate::event::{Event, Reporter};
use crate::execution::Execution;
use crate::log_file::LogFile;
use crate::natives;
use crate::render::Renderer;
use crate::scope::{Scope, chain};
use crate::task::{TaskEnd, run_task};
use crate::task_cache::TaskCache;

/// Runs a leaf to its record. `execution` has the task run's own cancellation.
pub(super) async fn run<'a>(
    context: Context<'a>,
    execution: Execution,
    task: &'a Task,
    mut scope: Scope,
    identity: TaskIdentity,
) -> (TaskEnd, Option<Background<'a>>) {
    if let Some(room) = context.reporter.room() {
        // Tasks that say a little each must not fill the memory, either.
        tokio::select! {
            _ = execution.cancel.beyond(CancelLevel::None) => {}
            () = room => {}
        }
    }
    if let TaskKind::Flowable { kind, .. } = &task.kind {
        // What takes much room is on its own, so that many small tasks that wait take little.
        return Box::pin(calls::run(context, execution, task, *kind, scope, identity)).await;
    }
    let cache = match asks(&execution, task) && task.common.cache.is_some() {
        false => TaskCache::of(&execution, task, &scope),
        true => {
            let (execution, task, scope) = (execution.clone(), task.clone(), scope.clone());
            elsewhere(move || TaskCache::of(&execution, &task, &scope)).await
        }
    };
    if let Some(outputs) = cache.as_ref().and_then(TaskCache::find) {
        let started = jiff::Timestamp::now().to_string();
        let mut record = TaskRecord::new(identity, &task.type_name.value, started);
        record.outputs = outputs;
        record.cached = true;
        return (TaskEnd::of(record), None);
    }
    let mut log = LogFile::new(task, &execution, &identity, context.reporter);
    let mut end = match &task.kind {
        TaskKind::Script(script_type) => {
            let reporter = log.reporter();
            Box::pin(run_task(
                &execution,
                task,
                script_type,
                &mut scope,
                identity,
                reporter,
            ))
            .await
        }
        TaskKind::Core(_) | TaskKind::Flowable { .. } => {
            if execution.earlier.is_some() {
                let identity = &identity;
                context.reporter.tell(&Event::OutputAgain { identity });
            }
            let mut end = natives::run(natives::Call {
                execution: &execution,
                task,
                scope: &scope,
                identity: &identity,
                reporter: log.reporter(),
            })
            .await;
            settle(&execution, &mut end.record).await;
            end
        }
    };
    log.close(&mut end.record);
    if let Some(cache) = cache.filter(|_| end.record.state == State::Success)
        && let Err(error) = cache.keep(&end.record.outputs)
    {
        let warning = format!(
            "what it gave is not kept for `taskCache`: {}",
            chain(&error)
        );
        end.record.warnings.push(warning);
    }
    (end, None)
}

/// What a task stored is on the disk before its end is entered, or it has failed.
async fn settle(execution: &Execution, record: &mut TaskRecord) {
    if let Err(error) = execution.storage.settled().await {
        record.state = State::Failed;
        record.failure.get_or_insert(Failure {
            kind: FailureKind::Host,
            message: chain(&error),
        });
    }
}

/// The rendered keys of a task that the host itself runs, checked: its own, without those that every task has.
///
/// # Errors
/// What is wrong with them, at the places in the flow.
pub(crate) fn keys(
    execution: &Execution,
    task: &Task,
    scope: &Scope,
) -> Result<Value, Vec<Diagnostic>> {
    let mut rendered = Map::new();
    let renderer = Renderer::new(scope);
    for entry in task.node.entries() {
        if !task.is_rendered_at_start(&entry.key) {
            // These two are rendered where they are needed.
            let elsewhere = matches!(&*entry.key, "runIf" | "timeout");
            if !elsewhere && !task.holds_tasks(&entry.key) {
                rendered.insert(entry.key.to_string(), entry.value.to_json());
            }
            continue;
        }
        let value = renderer
            .node(&entry.value)
            .map_err(|error| vec![error.diagnostic(execution.source.text(), &entry.value)])?;
        rendered.insert(entry.key.to_string(), value);
    }
    execution.checker.settle_native(task, rendered)
}

/// How long a task may take, and its rendered keys.
///
/// # Errors
/// What is wrong with them, at the places in the flow.
pub(crate) fn limit_and_keys(
    execution: &Execution,
    task: &Task,
    scope: &Scope,
) -> Result<(Option<Duration>, Value), Vec<Diagnostic>> {
    let keys = keys(execution, task, scope)?;
    let limit =
        crate::task::timeout(execution, task, scope).map_err(|diagnostic| vec![*diagnostic])?;
    Ok((limit, keys))
}

/// The same, aside where a web server is asked for it.
pub(crate) async fn ask_for_keys(
    execution: &Execution,
    task: &Task,
    scope: &Scope,
) -> Result<(Option<Duration>, Value), Vec<Diagnostic>> {
    if !asks(execution, task) {
        return limit_and_keys(execution, task, scope);
    }
    let (execution, task, scope) = (execution.clone(), task.clone(), scope.clone());
    elsewhere(move || limit_and_keys(&execution, &task, &scope)).await
}

/// The `condition` of a task as it is now.
///
/// # Errors
/// The diagnostic of what cannot be rendered.
pub(super) fn condition(
    execution: &Execution,
    task: &Task,
    scope: &Scope,
) -> Result<Value, Box<Diagnostic>> {
    let Some(node) = task.node.get("condition") else {
        return Ok(Value::Null);
    };
    Renderer::new(scope)
        .node(node)
        .map_err(|error| Box::new(error.diagnostic(execution.source.text(), node)))
}

/// Asks whether the flow may go on, with the inputs that the pause wants.
pub(super) async fn question(
    context: Context<'_>,
    task: &Task,
    scope: &Scope,
) -> Option<Map<String, Value>> {
    let execution = context.execution;
    let mut given: Vec<(String, Given)> = Vec::new();
    let mut found = Vec::new();
    let declared = task
        .node
        .get("onResume")
        .map(|list| taffrail_core::input::read_inputs(list, &execution.checker, &mut found))
        .unwrap_or_default();
    if declared.is_empty() {
        let question = format!("{}: go on? [Enter] ", task.id.value);
        execution.people.ask(&question).await?;
    }
    let mut wanted: Vec<&InputDeclaration> = declared.iter().collect();
    for _ in 0..TRIES {
        for input in &wanted {
            let question = format!(
                "{}: input `{}` ({}): ",
                task.id.value,
                input.id.value,
                input.kind.name()
            );
            let answer = execution.people.ask(&question).await?;
            if !answer.trim().is_empty() {
                let value = Given::Text(answer.trim().to_owned());
                given.push((input.id.value.to_string(), value));
            }
        }
        let errors = match crate::inputs::resolve(scope, &declared, &given) {
            Ok(values) => return Some(values),
            Err(errors) => errors,
        };
        // What was right is not asked for again.
        let is_wrong = |id: &str| errors.iter().any(|error| error.input == id);
        wanted = declared
            .iter()
            .filter(|input| is_wrong(&input.id.value))
            .collect();
        given.retain(|(id, _)| !is_wrong(id));
        let diagnostics = errors.into_iter().map(|error| {
            let span = error.declared.unwrap_or(task.id.span);
            Diagnostic::error(Code::Input, span, error.message)
        });
        context.show(None, diagnostics.collect());
    }
    None
}

/// How often somebody is asked whose answers are wrong.
const TRIES: usize = 5;
