//! The life of one task run: prepare, put files in place, launch, drive to the end, keep what it left, clean up.

mod launching;
mod placing;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use taffrail_core::coerce::holds;
use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::flow::{ScriptType, Task};
use taffrail_core::launch::TaskIdentity;
use taffrail_core::name::RelPath;
use taffrail_core::output::LogLevel;
use taffrail_core::plan::Plan;
use taffrail_core::record::{Failure, FailureKind, State, TaskOutputs, TaskRecord, settle};

use crate::aside::{asks, elsewhere};
use crate::drive::Driven;
use crate::event::Reporter;
use crate::execution::Execution;
use crate::failpoint;
use crate::files;
use crate::leaving::Used;
use crate::ledger::{Entry, Left};
use crate::ports::{BoxFuture, Launched, PlanError, Resumes};
use crate::prepare::{Draft, PrepareError, Prepared, Preparing, draft, task_root};
use crate::render::Renderer;
use crate::scope::{Scope, chain};
use crate::workdir::{Places, Workdir};
use launching::Launching;
pub(crate) use launching::Sink;
use placing::put_files;

/// How one task run ended, and what there is to show.
pub struct TaskEnd {
    /// What is kept.
    pub record: TaskRecord,
    /// What is wrong with the flow's file; shown by the reporter with places.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether it failed for what is written in the flow, so that it would fail again, however often it is tried.
    pub hopeless: bool,
    /// The state that it wants the whole execution to end in, now.
    pub exit: Option<State>,
    /// Its directories, where they are still there: they go once its end is on disk.
    pub used: Option<Used>,
}

impl TaskEnd {
    /// The end that a record tells, with nothing beside it.
    pub(crate) fn of(record: TaskRecord) -> Self {
        Self {
            record,
            diagnostics: Vec::new(),
            hopeless: false,
            exit: None,
            used: None,
        }
    }
}

/// What happened in a task run, before it is settled into a record.
#[derive(Default)]
struct Happened {
    plugin: Option<String>,
    runner: Option<String>,
    failure: Option<Failure>,
    /// Whether it would fail again, however often it is tried.
    hopeless: bool,
    diagnostics: Vec<Diagnostic>,
    outputs: TaskOutputs,
    driven: Option<Driven>,
    warnings: Vec<String>,
    /// The end of the attempt that an earlier host kept.
    kept: Option<TaskRecord>,
    /// Whether another host could take the program up from the directories of the task run.
    in_directories: bool,
    /// The directories, where they outlive the task run for that.
    used: Option<Used>,
}

/// When a task run began.
#[derive(Clone, Copy)]
struct Began {
    at: jiff::Timestamp,
    clock: tokio::time::Instant,
}

impl Began {
    fn now() -> Self {
        Self {
            at: jiff::Timestamp::now(),
            clock: tokio::time::Instant::now(),
        }
    }
}

impl Happened {
    /// The record of what has happened so far.
    fn record(&self, identity: &TaskIdentity, task_type: &str, began: Began) -> TaskRecord {
        let kind = self.failure.as_ref().map(|failure| failure.kind);
        let driven = self.driven.as_ref();
        let failed = self.failure.is_some();
        TaskRecord {
            plugin: self.plugin.clone(),
            runner: self.runner.clone(),
            // What the flow allows is looked at once there is no further attempt.
            state: settle(kind, false, false),
            exit: driven
                .and_then(|driven| driven.exit.as_ref())
                .map(|exit| exit.status),
            outputs: self.outputs.clone().into_map(),
            metrics: driven
                .map(|driven| driven.metrics.clone())
                .unwrap_or_default(),
            duration_ms: u64::try_from(began.clock.elapsed().as_millis()).unwrap_or(u64::MAX),
            stdout_lines: driven.map_or(0, |driven| driven.stdout_lines),
            stderr_lines: driven.map_or(0, |driven| driven.stderr_lines),
            stderr_tail: driven
                .filter(|_| failed)
                .map(|driven| driven.stderr_tail.clone())
                .unwrap_or_default(),
            failure: self.failure.clone(),
            warnings: self.warnings.clone(),
            ..TaskRecord::new(identity.clone(), task_type, began.at.to_string())
        }
    }

    fn fail(&mut self, kind: FailureKind, message: impl Into<String>) {
        // The first failure is the cause of the others.
        if self.failure.is_none() {
            self.failure = Some(Failure {
                kind,
                message: message.into(),
            });
        }
    }
}

/// Runs one script task to its record. `scope` has the flow's variables and the task's own.
pub async fn run_task(
    execution: &Execution,
    task: &Task,
    script_type: &ScriptType,
    scope: &mut Scope,
    identity: TaskIdentity,
    reporter: &mut dyn Reporter,
) -> TaskEnd {
    let began = Began::now();
    let mut happened = Happened::default();
    in_workdir(
        execution,
        task,
        script_type,
        scope,
        (&identity, began),
        reporter,
        &mut happened,
    )
    .await;
    if happened.used.is_none() {
        failpoint::reach("removed");
    }
    // It had ended before this host went on with it, and what was left of it is gone now.
    if let Some(record) = happened.kept.take() {
        return TaskEnd::of(record);
    }
    let record = happened.record(&identity, &task.type_name.value, began);
    TaskEnd {
        diagnostics: happened.diagnostics,
        hopeless: happened.hopeless,
        used: happened.used,
        ..TaskEnd::of(record)
    }
}

/// Whether a task is not to be run, as its `runIf` says.
///
/// # Errors
/// The diagnostic of a condition that cannot be rendered.
pub(crate) fn is_skipped(
    execution: &Execution,
    task: &Task,
    scope: &Scope,
) -> Result<bool, Box<Diagnostic>> {
    let Some(node) = &task.common.run_if else {
        return Ok(false);
    };
    let value = Renderer::new(scope)
        .node(node)
        .map_err(|error| Box::new(error.diagnostic(execution.source.text(), node)))?;
    Ok(!holds(&value))
}

/// How long a task may take, rendered.
///
/// # Errors
/// The diagnostic of what is no duration.
pub(crate) fn timeout(
    execution: &Execution,
    task: &Task,
    scope: &Scope,
) -> Result<Option<Duration>, Box<Diagnostic>> {
    let Some(node) = &task.common.timeout else {
        return Ok(None);
    };
    let value = Renderer::new(scope)
        .node(node)
        .map_err(|error| Box::new(error.diagnostic(execution.source.text(), node)))?;
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    taffrail_core::duration::parse(&text)
        .map(Some)
        .map_err(|error| {
            Box::new(Diagnostic::error(
                Code::WrongValue,
                node.span,
                error.to_string(),
            ))
        })
}

fn invalid(happened: &mut Happened, kind: FailureKind, diagnostics: Vec<Diagnostic>) {
    let message = diagnostics
        .first()
        .map_or_else(String::new, |diagnostic| diagnostic.message.clone());
    happened.fail(kind, message);
    happened.diagnostics.extend(diagnostics);
}

/// Everything that needs the working directory; it is gone when this returns.
async fn in_workdir(
    execution: &Execution,
    task: &Task,
    script_type: &ScriptType,
    scope: &mut Scope,
    (identity, began): (&TaskIdentity, Began),
    reporter: &mut dyn Reporter,
    happened: &mut Happened,
) {
    let root = match identity.attempt {
        1 => task_root(&execution.directory, &identity.task_run),
        attempt => task_root(
            &execution.directory,
            &format!("{}-{attempt}", identity.task_run),
        ),
    };
    let created = match &execution.shared {
        Some(shared) => shared.share(&root),
        None => Workdir::create(&root),
    };
    let mut workdir = match created {
        Ok(workdir) => workdir,
        Err(error) => return happened.fail(FailureKind::Host, chain(&error)),
    };
    let timeout = match timeout(execution, task, scope) {
        Ok(timeout) => timeout,
        Err(diagnostic) => {
            invalid(happened, FailureKind::Invalid, vec![*diagnostic]);
            None
        }
    };
    if happened.failure.is_none() {
        // The disk works while the task is made ready.
        failpoint::reach("started");
        let on_disk = execution.launching(identity);
        match prepare(execution, task, script_type, scope, &workdir).await {
            Ok(prepared) => {
                happened.plugin = Some(prepared.plugin.to_string());
                happened.runner = Some(prepared.runner.name().to_owned());
                happened.in_directories =
                    prepared.runner.capabilities().resumes == Resumes::ByDirectories;
                happened
                    .diagnostics
                    .extend(prepared.remarks.iter().cloned());
                let log_level = task.common.log_level.unwrap_or(LogLevel::Trace);
                let limits = (timeout, log_level);
                let run = Run {
                    execution,
                    scope,
                    prepared: &prepared,
                    identity,
                    limits,
                    task,
                    began,
                };
                match run.to_its_end(workdir, on_disk, reporter, happened).await {
                    Some(left) => workdir = left,
                    None => return,
                }
            }
            Err(error) => {
                happened.hopeless = error.hopeless;
                invalid(happened, error.kind, error.diagnostics);
            }
        }
    }
    if execution.keep && execution.shared.is_none() {
        happened.warnings.push(format!(
            "kept the working directory `{}`",
            workdir.places().working_dir.display()
        ));
    } else {
        let exit = happened
            .driven
            .as_ref()
            .and_then(|driven| driven.exit.as_ref());
        let all_ended = exit.is_some_and(|exit| exit.left_behind.is_empty());
        let used = match all_ended {
            true => Used::Whole(workdir),
            false => Used::InUse(workdir),
        };
        if happened.in_directories {
            happened.used = Some(used);
        } else if let Err(error) = used.remove() {
            happened.warnings.push(chain(&error));
        }
    }
}

/// One prepared program and what its run needs.
struct Run<'a> {
    execution: &'a Execution,
    scope: &'a Scope,
    prepared: &'a Prepared,
    identity: &'a TaskIdentity,
    /// How long it may take, and the lowest level of lines that is kept.
    limits: (Option<Duration>, LogLevel),
    task: &'a Task,
    began: Began,
}

impl Run<'_> {
    /// Puts the files in place, runs the program to its end, and keeps what it left. A program that an earlier host started is taken
    /// up instead, with its files as they are. Gives the working directory back; nothing where it could not be made anew.
    async fn to_its_end(
        &self,
        mut workdir: Workdir,
        on_disk: BoxFuture<'static, Result<(), String>>,
        reporter: &mut dyn Reporter,
        happened: &mut Happened,
    ) -> Option<Workdir> {
        let begun = tokio::time::Instant::now();
        let earlier = self.execution.earlier.as_deref();
        let attempted = earlier.and_then(|earlier| earlier.attempted.as_ref());
        let taken_up = match self
            .launching(&workdir, begun)
            .take_up(reporter, happened)
            .await
        {
            Ok(taken_up) => taken_up,
            Err(error) if attempted.is_some() => {
                tracing::debug!("nothing is left of the program that had ended: {error}");
                None
            }
            Err(error) => {
                self.launching(&workdir, begun).failed(&error, happened);
                return Some(workdir);
            }
        };
        if let Some(left) = attempted {
            self.end_as_kept(left, taken_up, happened).await;
            return Some(workdir);
        }
        if taken_up.is_none() {
            if self.execution.resumed() && self.execution.shared.is_none() {
                workdir = match workdir.renew() {
                    Ok(workdir) => workdir,
                    Err(error) => {
                        happened.fail(FailureKind::Host, chain(&error));
                        return None;
                    }
                };
            }
            match put_files(
                self.execution,
                self.scope,
                self.prepared,
                &workdir,
                self.identity,
            ) {
                Ok(warnings) => happened.warnings.extend(warnings),
                Err(failure) => {
                    happened.fail(failure.kind, failure.message);
                    return Some(workdir);
                }
            }
        }
        let launching = self.launching(&workdir, begun);
        let launched = match taken_up {
            Some(launched) => Ok(launched),
            None => launching.launch(on_disk, reporter, happened).await,
        };
        let mut left = None;
        match launched {
            Ok(mut launched) => {
                launching
                    .follow(launched.as_mut(), reporter, happened)
                    .await;
                left = Some(launched);
            }
            Err(error) => launching.failed(&error, happened),
        }
        failpoint::reach("exited");
        let by_backend = self.prepared.runner.capabilities().resumes == Resumes::ByBackend;
        if !by_backend {
            // What still runs would go on changing files.
            dispose(left.take(), happened).await;
        }
        keep_files(
            self.execution,
            self.task,
            self.prepared,
            &workdir,
            self.identity,
            happened,
        );
        if let Err(error) = self.execution.storage.settled().await {
            happened.fail(FailureKind::Host, chain(&error));
        }
        failpoint::reach("collected");
        if let Some(launched) = left {
            match self.keep_attempt(happened).await {
                Ok(()) => {
                    failpoint::reach("attempted");
                    dispose(Some(launched), happened).await;
                    failpoint::reach("disposed");
                }
                // The program's end is known nowhere else now.
                Err(message) => happened.fail(FailureKind::Host, message),
            }
        }
        Some(workdir)
    }

    /// Keeps the end of the attempt, so that what it ran on may go.
    async fn keep_attempt(&self, happened: &Happened) -> Result<(), String> {
        let record = happened.record(self.identity, &self.task.type_name.value, self.began);
        let masked = crate::flow::masked(record.clone(), &self.execution.masker);
        self.execution.ledger.enter(Entry::Attempted {
            run: self.identity.task_run.clone(),
            left: self.execution.left(&record, &masked),
        });
        self.execution.ledger.settled().await
    }

    /// Ends the task run as an earlier host saw its program end, and disposes of what that host did not come to.
    async fn end_as_kept(
        &self,
        left: &Left,
        launched: Option<Box<dyn Launched>>,
        happened: &mut Happened,
    ) {
        dispose(launched, happened).await;
        let mut record = TaskRecord::clone(&left.record);
        match self.execution.references.reveal(&left.outputs) {
            Ok(outputs) if left.whole => {
                record.outputs = outputs;
                record.warnings.append(&mut happened.warnings);
                happened.kept = Some(record);
            }
            Ok(_) => happened.fail(
                FailureKind::Host,
                "what it gave holds a secret in a form that is not kept",
            ),
            Err(name) => happened.fail(
                FailureKind::Host,
                format!("what it gave needs the secret `{name}`, which was not given again"),
            ),
        }
    }

    fn launching<'b>(&'b self, workdir: &'b Workdir, begun: tokio::time::Instant) -> Launching<'b> {
        Launching {
            task: self.task,
            execution: self.execution,
            prepared: self.prepared,
            workdir,
            identity: self.identity,
            timeout: self.limits.0,
            log_level: self.limits.1,
            begun,
        }
    }
}

async fn dispose(launched: Option<Box<dyn Launched>>, happened: &mut Happened) {
    let Some(launched) = launched else { return };
    if let Err(error) = launched.dispose().await {
        happened
            .warnings
            .push(format!("could not clean up after the task: {error}"));
    }
}

/// What there is to ask the plugin.
fn drafted(
    execution: &Execution,
    task: &Task,
    script_type: &ScriptType,
    scope: &mut Scope,
    places: &Places,
) -> Result<Draft, PrepareError> {
    let context = Preparing {
        runners: execution.runners.as_ref(),
        checker: &execution.checker,
        source: execution.source.text(),
        runner_override: execution.runner_override.as_deref(),
        defer_unknown: false,
    };
    draft(&context, task, script_type, scope, places)
}

async fn prepare(
    execution: &Execution,
    task: &Task,
    script_type: &ScriptType,
    scope: &mut Scope,
    workdir: &Workdir,
) -> Result<Prepared, PrepareError> {
    let draft = match asks(execution, task) {
        false => drafted(execution, task, script_type, scope, workdir.places())?,
        true => {
            let (execution, task) = (execution.clone(), task.clone());
            let (script_type, places) = (script_type.clone(), workdir.places().clone());
            let mut own = scope.clone();
            let (draft, changed) = elsewhere(move || {
                let draft = drafted(&execution, &task, &script_type, &mut own, &places);
                (draft, own)
            })
            .await;
            *scope = changed;
            draft?
        }
    };
    let at_once = execution
        .planner
        .plan_in_a_moment(&draft.plugin, &draft.request);
    let answer = match at_once {
        Some(answer) => answer,
        None => planned_elsewhere(execution, &draft).await,
    };
    draft.complete(task, script_type, answer)
}

/// Asks the plugin on a thread of its own, where it may take its whole deadline while the others go on.
async fn planned_elsewhere(execution: &Execution, draft: &Draft) -> Result<Plan, PlanError> {
    let planner = Arc::clone(&execution.planner);
    let (plugin, request) = (draft.plugin.clone(), draft.request.clone());
    let answer = tokio::task::spawn_blocking(move || planner.plan(&plugin, &request)).await;
    answer.unwrap_or_else(|panic| {
        Err(PlanError::Faulty {
            plugin: draft.plugin.clone(),
            reason: format!("the host panicked: {panic}"),
        })
    })
}

/// Keeps output files, after a failure, too: what a failed task made is still an output.
fn keep_files(
    execution: &Execution,
    task: &Task,
    prepared: &Prepared,
    workdir: &Workdir,
    identity: &TaskIdentity,
    happened: &mut Happened,
) {
    let own: Vec<RelPath> = prepared
        .plan
        .files
        .iter()
        .map(|file| file.path.clone())
        .collect();
    let folder = execution
        .folder
        .task_run(&identity.task, &identity.task_run);
    let storage = &execution.storage;
    let kept = files::collect(workdir, &prepared.patterns, &own, storage, &folder).and_then(
        |mut collected| {
            let planned = &prepared.plan.keep;
            files::keep_planned(&mut collected, workdir, planned, storage, &folder)?;
            if happened.failure.is_none() {
                // What a failed run leaves half done would be the start of the next one.
                let carried = execution.folder.carried();
                files::leave(workdir, &prepared.plan.carry, storage, &carried)?;
            }
            Ok(collected)
        },
    );
    match kept {
        Ok(collected) => {
            if task.common.old_outputs {
                let files = serde_json::to_value(&collected.files).unwrap_or_default();
                happened.outputs.own.insert("files".to_owned(), files);
            }
            happened.outputs.output_files = collected.files;
            let own = collected.outputs.into_iter();
            happened
                .outputs
                .own
                .extend(own.map(|(name, uri)| (name, uri.into())));
            if happened.driven.is_some() {
                // What never ran has left nothing, which is no news.
                happened.warnings.extend(collected.warnings);
            }
        }
        Err(error) => happened.fail(FailureKind::Host, chain(&error)),
    }
    if execution.shared.is_some() {
        // What the plugin needed is no concern of the tasks after it.
        for path in &own {
            if let Err(error) = workdir.working().remove_file(path) {
                happened.warnings.push(chain(&error));
            }
        }
    }
}
