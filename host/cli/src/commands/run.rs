//! `taffrail run`: checks a flow, then runs it to its end.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};

use taffrail_core::diagnostic::{Code, Diagnostic, Severity, Source, render_text};
use taffrail_core::flow::Flow;
use taffrail_core::input::InputError;
use taffrail_core::output::Masker;
use taffrail_core::output::mask::MIN_SECRET;
use taffrail_core::record::{ExecutionRecord, Failure, FailureKind, State};
use taffrail_core::script::{DOCKER, PROCESS};
use taffrail_engine::cancel::Cancel;
use taffrail_engine::confined::create_private_dir;
use taffrail_engine::event::Reporter;
use taffrail_engine::execution::Execution;
use taffrail_engine::flow::{run_flow, set_labels, set_variables};
use taffrail_engine::inputs::set_inputs;
use taffrail_engine::kv::KvStore;
use taffrail_engine::ports::{Planner, Runners};
use taffrail_engine::prepare_runner::unable;
use taffrail_engine::scope::{Scope, Services, chain};
use taffrail_engine::storage::{Folder, Storage};
use tokio::sync::Semaphore;

use crate::args::{Global, RunArgs, RunOutput, RunnerChoice};
use crate::exit::{Exit, Failed};
use crate::given::Given;
use crate::load::{Host, checked_flow_locked, flow_path};
use crate::owner;
use crate::people::Terminal;
use crate::report::{Journal, LinePrefix, NdjsonReporter, Several, TextReporter, Where, complain};
use crate::runners::HostRunners;
use crate::signals::{Interruption, listen};
use crate::terminal;
use crate::zone;

/// Runs the command.
///
/// # Errors
/// When nothing was started: the flow, its inputs or its secrets are wrong, or there is no place to keep the execution.
pub fn run(global: &Global, args: &RunArgs) -> Result<Exit, Failed> {
    let host = Host::open(global)?;
    let (source, flow) = checked_flow_locked(global, &host, &args.flow.flow, args.locking.locked)?;
    if flow.disabled {
        return Err(Failed::new(
            Exit::Invalid,
            format!("the flow `{}` is disabled", flow.id.value),
        ));
    }
    let given = Given::read(&args.flow.given, flow_path(&args.flow.flow).as_deref())?;
    let policy = host.config.policy(&args.policy.allowed);
    let runners = Arc::new(HostRunners::new(&host.folders.state, policy));
    let runner_override = args.runner.map(runner_type);
    preflight(
        global,
        &source,
        &flow,
        &given,
        runners.as_ref(),
        runner_override.as_deref(),
    )?;

    let id = ulid::Ulid::generate().to_string().to_lowercase();
    let directory = host.folders.state.join("executions").join(&id);
    let io =
        |error: taffrail_engine::confined::FileError| Failed::new(Exit::Internal, chain(&error));
    let storage = Arc::new(Storage::open(&host.folders.state.join("storage")).map_err(io)?);
    let cancel = Cancel::new();
    let masker = Masker::new();
    let namespace = flow.namespace.value.to_string();
    let execution = Execution {
        folder: Folder::execution(&namespace, &flow.id.value, &id),
        id,
        source: source.clone(),
        checker: Arc::clone(&host.checker),
        planner: Arc::clone(&host.plugins) as Arc<dyn Planner>,
        runners,
        storage: Arc::clone(&storage),
        directory: directory.clone(),
        masker: masker.clone(),
        cancel: cancel.clone(),
        runner_override,
        cache: Some(host.folders.cache.clone()),
        keep: args.keep,
        slots: Arc::new(Semaphore::new(jobs(args))),
        people: Arc::new(Terminal),
        shared: None,
    };
    let services = Arc::new(Services {
        secrets: given.secrets,
        storage,
        kv: KvStore::below(&host.folders.state.join("kv")),
        namespace_files: given.namespace_files,
        namespace,
        masker,
        zone: zone::local(),
    });
    let mut scope = Scope::new(services);
    set_variables(&mut scope, &flow);
    if let Err(diagnostic) = set_labels(&mut scope, &flow, source.text()) {
        tracing::debug!("labels wait for inputs: {}", diagnostic.message);
    }
    set_inputs(&mut scope, &flow, &given.inputs, Some(&execution))
        .map_err(|errors| wrong_inputs(global, &source, &errors))?;
    create_private_dir(&directory).map_err(io)?;
    let _owner = owner::own(&directory).map_err(|error| {
        Failed::new(
            Exit::Internal,
            format!("cannot own `{}`: {error}", directory.display()),
        )
    })?;

    let unwritten = Arc::new(Mutex::new(None));
    let mut reporter = reporter(global, args, &execution, &flow, &unwritten);
    let interruption = Arc::new(Interruption::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failed::new(
                Exit::Internal,
                format!("cannot start the scheduler: {error}"),
            )
        })?;
    let record = runtime.block_on(async {
        if let Err(error) = listen(cancel, Arc::clone(&interruption)) {
            tracing::warn!("signals are not handled: {error}");
        }
        run_flow(&execution, &flow, scope, &mut reporter).await
    });
    // The threads of plugins that still run must not hold up the end.
    runtime.shutdown_background();
    // It is empty unless something could not be removed, which has been told.
    let _ = std::fs::remove_dir(directory.join("work"));

    if args.output == RunOutput::Json {
        let text = serde_json::to_string_pretty(&record).map_err(|error| {
            Failed::new(Exit::Internal, format!("the record is not JSON: {error}"))
        })?;
        terminal::answer(&execution.masker.mask_text(&format!("{text}\n")))?;
    }
    if let Ok(Some(message)) = unwritten.lock().map(|message| message.clone()) {
        complain(&format!("error: {message}"));
        if record.state.goes_on() {
            return Ok(Exit::Internal);
        }
    }
    Ok(interruption.exit().unwrap_or_else(|| exit_of(&record)))
}

/// How many task runs work at once.
fn jobs(args: &RunArgs) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    args.jobs.map_or(2 * cores, std::num::NonZero::get)
}

/// The type name of the runner that the option names.
pub fn runner_type(choice: RunnerChoice) -> String {
    match choice {
        RunnerChoice::Process => PROCESS.to_owned(),
        RunnerChoice::Docker => DOCKER.to_owned(),
    }
}

/// Says which secrets the flow names that nobody gave, and which tasks have no runner here, before anything starts.
///
/// # Errors
/// When there are any.
fn preflight(
    global: &Global,
    source: &Source,
    flow: &Flow,
    given: &Given,
    runners: &dyn Runners,
    runner_override: Option<&str>,
) -> Result<(), Failed> {
    let mut told = Vec::new();
    for (name, span) in taffrail_engine::reads::secrets(flow, source.text()) {
        match given.secrets.get(&name) {
            None => told.push(
                Diagnostic::error(
                    Code::UnknownReference,
                    span,
                    format!("the secret `{name}` was not given"),
                )
                .help("give a dotenv or YAML file of names and values with `--secrets-file`"),
            ),
            Some(value) if value.len() < MIN_SECRET => told.push(
                Diagnostic::warning(
                    Code::ShortSecret,
                    span,
                    format!("the secret `{name}` is too short to be hidden"),
                )
                .label(format!(
                    "values of at least {MIN_SECRET} bytes are masked in output"
                )),
            ),
            Some(_) => {}
        }
    }
    told.extend(unable(runners, flow, runner_override));
    told.sort_by_key(|diagnostic| diagnostic.span);
    if !told.is_empty() {
        complain(render_text(&told, source, terminal::style(global)).trim_end());
    }
    let is_error = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
    let codes = || {
        told.iter()
            .filter(is_error)
            .map(|diagnostic| diagnostic.code)
    };
    if codes().next().is_some() {
        let exit = if codes().any(|code| !matches!(code, Code::NotYet | Code::Refused)) {
            Exit::Invalid
        } else if codes().any(|code| code == Code::Refused) {
            Exit::Policy
        } else {
            Exit::Unreachable
        };
        return Err(Failed::silent(exit));
    }
    Ok(())
}

/// Tells all mistakes in what was given, those of declared inputs at their declarations.
pub fn wrong_inputs(global: &Global, source: &Source, errors: &[InputError]) -> Failed {
    let diagnostics: Vec<Diagnostic> = errors
        .iter()
        .map(|error| {
            let diagnostic = Diagnostic::new(
                Code::Input,
                Severity::Error,
                error.declared,
                error.message.clone(),
            );
            match &error.help {
                Some(help) => diagnostic.help(help.clone()),
                None => diagnostic,
            }
        })
        .collect();
    complain(render_text(&diagnostics, source, terminal::style(global)).trim_end());
    Failed::silent(Exit::Invalid)
}

fn reporter(
    global: &Global,
    args: &RunArgs,
    execution: &Execution,
    flow: &Flow,
    unwritten: &Arc<Mutex<Option<String>>>,
) -> Several {
    let prefix = || LinePrefix::for_ids(flow.all_tasks().map(|task| &*task.id.value));
    let text = |lines_to| {
        let escape = match lines_to {
            Where::Stdout => std::io::stdout().is_terminal(),
            Where::Stderr => std::io::stderr().is_terminal(),
        };
        let style = terminal::style(global);
        TextReporter::new(prefix(), lines_to, escape, global.quiet, style)
    };
    let shown: Box<dyn Reporter> = match args.output {
        RunOutput::Text => Box::new(text(Where::Stdout)),
        RunOutput::Json => Box::new(text(Where::Stderr)),
        RunOutput::Ndjson => Box::new(NdjsonReporter::new()),
    };
    let journal = Journal::new(&execution.directory, prefix(), Arc::clone(unwritten));
    Several(vec![Box::new(journal), shown])
}

/// The exit code of an execution: that of the first failure that was not allowed.
fn exit_of(record: &ExecutionRecord) -> Exit {
    if record.state.goes_on() {
        return Exit::Ok;
    }
    let failed = record.tasks.iter().find(|task| {
        let of_its_own = |failure: &Failure| failure.kind != FailureKind::Child;
        matches!(task.state, State::Failed | State::Killed)
            && task.failure.as_ref().is_some_and(of_its_own)
    });
    let failure = failed
        .and_then(|task| task.failure.as_ref())
        .or(record.failure.as_ref());
    match failure.map(|failure| failure.kind) {
        Some(FailureKind::Exit | FailureKind::Start | FailureKind::Child) => Exit::TaskFailed,
        Some(FailureKind::Timeout) => Exit::Timeout,
        Some(FailureKind::Invalid) => Exit::Invalid,
        Some(FailureKind::Refused) => Exit::Policy,
        Some(FailureKind::Unreachable | FailureKind::Interrupted) => Exit::Unreachable,
        Some(FailureKind::Cancelled) => Exit::Interrupted,
        Some(FailureKind::Host) | None => Exit::Internal,
    }
}
