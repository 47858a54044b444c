//! The life of one task run: prepare, put files in place, launch, drive to the end, keep what it left, clean up.

use std::sync::Arc;
use std::time::Duration;

use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::flow::{ScriptType, Task};
use taffrail_core::launch::{ExitStatus, LaunchSpec, TaskIdentity};
use taffrail_core::name::RelPath;
use taffrail_core::output::LogLevel;
use taffrail_core::record::{Failure, FailureKind, State, TaskOutputs, TaskRecord, settle};
use taffrail_core::script::Invocation;

use crate::cancel::CancelLevel;
use crate::drive::{DriveSettings, Driven, EndedBy, FetchRequest, OutputSink, TaskOutput, drive};
use crate::event::{Event, Reporter};
use crate::execution::Execution;
use crate::files::{self, EXECUTION_CONTEXT};
use crate::ports::{LaunchContext, Launched, PlanError, Preparation, RunnerError};
use crate::prepare::{FETCHED_DIR, PrepareError, Prepared, Preparing, draft, task_root};
use crate::render::Renderer;
use crate::scope::{Scope, chain};
use crate::workdir::Workdir;

/// The longest shell text that is handed over as an argument where it cannot go by a private file, in bytes: Linux takes no single
/// argument of 128 KiB or more.
const MAX_ARGUMENT: usize = 120 * 1024;

/// How one task run ended, and what there is to show.
pub struct TaskEnd {
    /// What is kept.
    pub record: TaskRecord,
    /// What is wrong with the flow's file; shown by the reporter with places.
    pub diagnostics: Vec<Diagnostic>,
    /// The state that it wants the whole execution to end in, now.
    pub exit: Option<State>,
}

impl TaskEnd {
    /// The end that a record tells, with nothing beside it.
    pub(crate) fn of(record: TaskRecord) -> Self {
        Self {
            record,
            diagnostics: Vec::new(),
            exit: None,
        }
    }
}

/// What happened in a task run, before it is settled into a record.
#[derive(Default)]
struct Happened {
    plugin: Option<String>,
    runner: Option<String>,
    failure: Option<Failure>,
    diagnostics: Vec<Diagnostic>,
    outputs: TaskOutputs,
    driven: Option<Driven>,
    warnings: Vec<String>,
}

impl Happened {
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
    let started = jiff::Timestamp::now();
    let clock = tokio::time::Instant::now();
    let mut happened = Happened::default();
    in_workdir(
        execution,
        task,
        script_type,
        scope,
        &identity,
        reporter,
        &mut happened,
    )
    .await;
    let kind = happened.failure.as_ref().map(|failure| failure.kind);
    let driven = happened.driven.as_ref();
    let failed = happened.failure.is_some();
    let record = TaskRecord {
        plugin: happened.plugin,
        runner: happened.runner,
        // What the flow allows is looked at once there is no further attempt.
        state: settle(kind, false, false),
        exit: driven
            .and_then(|driven| driven.exit.as_ref())
            .map(|exit| exit.status),
        outputs: happened.outputs.into_map(),
        metrics: driven
            .map(|driven| driven.metrics.clone())
            .unwrap_or_default(),
        duration_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        stdout_lines: driven.map_or(0, |driven| driven.stdout_lines),
        stderr_lines: driven.map_or(0, |driven| driven.stderr_lines),
        stderr_tail: driven
            .filter(|_| failed)
            .map(|driven| driven.stderr_tail.clone())
            .unwrap_or_default(),
        failure: happened.failure,
        warnings: happened.warnings,
        ..TaskRecord::new(identity, &task.type_name.value, started.to_string())
    };
    TaskEnd {
        diagnostics: happened.diagnostics,
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

/// Whether a rendered condition holds: nothing, `false`, `0` and `-0` do not, all else does.
pub(crate) fn holds(value: &serde_json::Value) -> bool {
    let text = match value {
        serde_json::Value::String(text) => text.as_str(),
        serde_json::Value::Null => "",
        serde_json::Value::Bool(value) => return *value,
        serde_json::Value::Number(number) => return number.as_f64() != Some(0.0),
        _ => return true,
    };
    !matches!(text.trim(), "" | "false" | "0" | "-0")
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
    identity: &TaskIdentity,
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
    let workdir = match created {
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
        match prepare(execution, task, script_type, scope, &workdir).await {
            Ok(prepared) => {
                happened.plugin = Some(prepared.plugin.to_string());
                happened.runner = Some(prepared.runner.name().to_owned());
                happened
                    .diagnostics
                    .extend(prepared.remarks.iter().cloned());
                let input = match put_files(execution, scope, &prepared, &workdir, identity) {
                    Ok(warnings) => {
                        happened.warnings.extend(warnings);
                        let limits = (timeout, task.common.log_level.unwrap_or(LogLevel::Trace));
                        launch_and_drive(
                            execution, &prepared, &workdir, identity, limits, reporter, happened,
                        )
                        .await;
                        true
                    }
                    Err(message) => {
                        happened.fail(FailureKind::Host, message);
                        false
                    }
                };
                if input {
                    keep_files(execution, &prepared, &workdir, identity, happened);
                }
            }
            Err(error) => invalid(happened, error.kind, error.diagnostics),
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
        let removed = if all_ended {
            workdir.retire()
        } else {
            workdir.remove()
        };
        if let Err(error) = removed {
            happened.warnings.push(chain(&error));
        }
    }
}

/// Prepares the task. The plugin is asked on a thread of its own: it may take its whole deadline, and the others go on meanwhile.
async fn prepare(
    execution: &Execution,
    task: &Task,
    script_type: &ScriptType,
    scope: &mut Scope,
    workdir: &Workdir,
) -> Result<Prepared, PrepareError> {
    let context = Preparing {
        runners: execution.runners.as_ref(),
        checker: &execution.checker,
        source: execution.source.text(),
        runner_override: execution.runner_override.as_deref(),
        defer_unknown: false,
    };
    let draft = draft(&context, task, script_type, scope, workdir.places())?;
    let planner = Arc::clone(&execution.planner);
    let (plugin, request) = (draft.plugin.clone(), draft.request.clone());
    let answer = tokio::task::spawn_blocking(move || planner.plan(&plugin, &request)).await;
    let answer = answer.unwrap_or_else(|panic| {
        Err(PlanError::Faulty {
            plugin: draft.plugin.clone(),
            reason: format!("the host panicked: {panic}"),
        })
    });
    draft.complete(task, script_type, answer)
}

/// Puts namespace files, input files, the plan's files and stored files in place, in this order.
fn put_files(
    execution: &Execution,
    scope: &Scope,
    prepared: &Prepared,
    workdir: &Workdir,
    identity: &TaskIdentity,
) -> Result<Vec<String>, String> {
    let services = scope.services();
    let working = workdir.working();
    let mut warnings = Vec::new();
    if let Some(wanted) = &prepared.settings.namespace_files {
        warnings = files::write_namespace_files(working, services, wanted)?;
    }
    files::write_inputs(working, services, &prepared.settings.input_files)?;
    for file in &prepared.plan.files {
        let mode = if file.executable { 0o700 } else { 0o600 };
        working
            .write(&file.path, &file.contents, mode)
            .map_err(|error| chain(&error))?;
    }
    let carried = execution.folder.carried();
    files::bring(workdir, &prepared.plan.carry, &execution.storage, &carried)?;
    for (uri, path) in &prepared.fetches {
        files::fetch(working, services, uri, path)?;
    }
    if prepared.settings.execution_context == Some(true) {
        let path = RelPath::new(EXECUTION_CONTEXT).map_err(|error| error.to_string())?;
        let context = execution_context(execution, scope, identity);
        working
            .write(&path, context.to_string().as_bytes(), 0o600)
            .map_err(|error| chain(&error))?;
    }
    if prepared.wants_output_dir {
        workdir.create_output_dir().map_err(|error| chain(&error))?;
    }
    Ok(warnings)
}

/// What `executionContext` shows: never the host's environment.
fn execution_context(
    execution: &Execution,
    scope: &Scope,
    identity: &TaskIdentity,
) -> serde_json::Value {
    use taffrail_expr::Environment;
    let mut context = serde_json::Map::new();
    for name in [
        "inputs",
        "outputs",
        "labels",
        "vars",
        "trigger",
        "flow",
        "execution",
        "task",
        "taskrun",
    ] {
        if let Some(value) = scope.variable(name) {
            context.insert(name.to_owned(), value.to_json());
        }
    }
    debug_assert_eq!(execution.id, identity.execution);
    serde_json::Value::Object(context)
}

async fn launch_and_drive(
    execution: &Execution,
    prepared: &Prepared,
    workdir: &Workdir,
    identity: &TaskIdentity,
    (timeout, log_level): (Option<Duration>, LogLevel),
    reporter: &mut dyn Reporter,
    happened: &mut Happened,
) {
    let argv = match argv(prepared, workdir) {
        Ok(argv) => argv,
        Err(message) => return happened.fail(FailureKind::Host, message),
    };
    let spec = LaunchSpec {
        identity: identity.clone(),
        argv,
        env: prepared.env.clone(),
        working_dir: workdir.places().working_dir.clone(),
        image: prepared.image.clone(),
    };
    let begun = tokio::time::Instant::now();
    let launched = match launch(execution, prepared, &spec, timeout, reporter, happened).await {
        Ok(launched) => launched,
        Err(RunnerError::Stopped) if execution.cancel.level() == CancelLevel::None => {
            return happened.fail(FailureKind::Timeout, timed_out(timeout));
        }
        Err(RunnerError::Stopped) => return happened.fail(FailureKind::Cancelled, "cancelled"),
        Err(error) => return happened.fail(error.failure_kind(), error.to_string()),
    };
    reporter.event(&Event::Launched {
        identity,
        runner: prepared.runner.name(),
    });
    let mut sink = Sink {
        identity,
        level: log_level,
        reporter,
    };
    let mut wanted = prepared.patterns.texts().to_vec();
    let planned = prepared.plan.keep.iter().map(|kept| &kept.path);
    let carried = prepared.plan.carry.iter().map(|carried| &carried.path);
    wanted.extend(planned.chain(carried).map(|path| path.as_str().to_owned()));
    if execution.shared.is_some() {
        // The tasks after it see all that it left.
        wanted = vec!["**".to_owned()];
    }
    if prepared.wants_output_dir {
        wanted.push(Workdir::OUTPUT_PATTERN.to_owned());
    }
    let settings = DriveSettings {
        deadline: timeout.map(|timeout| timeout.saturating_sub(begun.elapsed())),
        grace: prepared.runner.kill_grace_period(),
        cancel: execution.cancel.clone(),
        masker: execution.masker.clone(),
        fetch: (!prepared.runner.capabilities().shares_files && !wanted.is_empty()).then(|| {
            FetchRequest {
                patterns: &wanted,
                into: &workdir.places().working_dir,
            }
        }),
    };
    let driven = drive(launched, settings, &mut sink).await;
    verdict(&driven, timeout, happened);
    happened.outputs.vars = driven.vars.clone();
    happened.outputs.exit_code = match driven.exit.as_ref().map(|exit| exit.status) {
        Some(ExitStatus::Code(code)) => Some(code),
        _ => None,
    };
    happened.driven = Some(driven);
}

/// Launches the program, unless the task's time is over or it is cancelled before that.
async fn launch(
    execution: &Execution,
    prepared: &Prepared,
    spec: &LaunchSpec,
    timeout: Option<Duration>,
    reporter: &mut dyn Reporter,
    happened: &mut Happened,
) -> Result<Box<dyn Launched>, RunnerError> {
    let stop = async {
        let cancelled = execution.cancel.beyond(CancelLevel::None);
        match timeout {
            Some(timeout) => drop(tokio::time::timeout(timeout, cancelled).await),
            None => drop(cancelled.await),
        }
    };
    let warnings = &mut happened.warnings;
    let tell = |what: Preparation<'_>| {
        let masked;
        let what = match what {
            Preparation::Warning(text) => {
                masked = execution.masker.mask_text(text).into_owned();
                warnings.push(masked.clone());
                Preparation::Warning(&masked)
            }
            pull => pull,
        };
        reporter.event(&Event::Preparing {
            identity: &spec.identity,
            what,
        });
    };
    let context = LaunchContext {
        stop: Box::pin(stop),
        tell: Box::new(tell),
    };
    prepared.runner.launch(spec, context).await
}

fn timed_out(timeout: Option<Duration>) -> String {
    format!("timed out after {:?}", timeout.unwrap_or_default())
}

/// The argument vector. Where the backend reads this host's files, a shell text goes by a private file: argument vectors are public.
fn argv(prepared: &Prepared, workdir: &Workdir) -> Result<Vec<String>, String> {
    let by_file = match &prepared.invocation {
        Invocation::Text {
            text,
            shell_file: true,
            ..
        } if prepared.runner.capabilities().reads_host_files => {
            let name = RelPath::new("commands.sh").map_err(|error| error.to_string())?;
            let path = workdir
                .write_private(&name, text.as_bytes())
                .map_err(|error| chain(&error))?;
            path.to_str()
                .and_then(|path| prepared.invocation.by_file(path))
        }
        Invocation::Text {
            text,
            shell_file: true,
            ..
        } if text.len() > MAX_ARGUMENT => {
            let name = format!("{FETCHED_DIR}/commands.sh");
            let path = RelPath::new(name.as_str()).map_err(|error| error.to_string())?;
            workdir
                .working()
                .write(&path, text.as_bytes(), 0o600)
                .map_err(|error| chain(&error))?;
            let path = format!("{}/{name}", prepared.locations.working_dir);
            prepared.invocation.by_file(&path)
        }
        _ => None,
    };
    Ok(by_file.unwrap_or_else(|| prepared.invocation.argv()))
}

fn verdict(driven: &Driven, timeout: Option<Duration>, happened: &mut Happened) {
    if let Some(error) = &driven.failure {
        happened.fail(error.failure_kind(), error.to_string());
    }
    match driven.ended_by {
        EndedBy::Timeout => happened.fail(FailureKind::Timeout, timed_out(timeout)),
        EndedBy::Cancel => happened.fail(FailureKind::Cancelled, "cancelled"),
        EndedBy::Itself => {}
    }
    match &driven.exit {
        Some(exit) if !exit.status.success() => {
            let why = exit
                .note
                .as_deref()
                .map(|note| format!("{note} ({})", exit.status));
            happened.fail(
                FailureKind::Exit,
                why.unwrap_or_else(|| exit.status.to_string()),
            );
        }
        Some(exit) => happened.warnings.extend(exit.note.clone()),
        None => happened.fail(FailureKind::Host, "how it ended is not known"),
    }
    if let Some(exit) = &driven.exit
        && !exit.left_behind.is_empty()
    {
        happened.warnings.push(format!(
            "ended what the task left running: {}",
            exit.left_behind.join(", ")
        ));
    }
    if let Some(error) = &driven.dispose_failure {
        happened
            .warnings
            .push(format!("could not clean up after the task: {error}"));
    }
    if let Some(Err(error)) = &driven.fetched {
        happened.fail(FailureKind::Host, error.to_string());
    }
}

/// Keeps output files, after a failure, too: what a failed task made is still an output.
fn keep_files(
    execution: &Execution,
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
            happened.outputs.output_files = collected.files;
            let own = collected.outputs.into_iter();
            happened
                .outputs
                .own
                .extend(own.map(|(name, uri)| (name, uri.into())));
            happened.warnings.extend(collected.warnings);
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

pub(crate) struct Sink<'a> {
    pub identity: &'a TaskIdentity,
    /// The lowest level of the protocol's log lines that is kept.
    pub level: LogLevel,
    pub reporter: &'a mut dyn Reporter,
}

impl OutputSink for Sink<'_> {
    fn output(&mut self, output: TaskOutput<'_>) {
        if matches!(output, TaskOutput::Log { level, .. } if level < self.level) {
            return;
        }
        self.reporter.event(&Event::Output {
            identity: self.identity,
            output,
        });
    }
}
