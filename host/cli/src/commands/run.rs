//! `taffrail run`: checks a flow, then runs it to its end.

use std::io::IsTerminal;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::{Arc, Mutex};

use taffrail_core::diagnostic::{Code, Diagnostic, Severity, Source, render_text};
use taffrail_core::flow::Flow;
use taffrail_core::input::InputError;
use taffrail_core::output::Masker;
use taffrail_core::output::mask::MIN_SECRET;
use taffrail_core::record::{ExecutionRecord, FailureKind};
use taffrail_core::script::{DOCKER, PROCESS};
use taffrail_engine::cancel::Cancel;
use taffrail_engine::event::{Reporter, Shared};
use taffrail_engine::execution::{Execution, Origin, Surroundings};
use taffrail_engine::flows::{Flows, Loaded};
use taffrail_engine::kv::KvStore;
use taffrail_engine::leaving::Leaving;
use taffrail_engine::ledger::{Kept, NoLedger};
use taffrail_engine::local_files::{self, LocalFiles};
use taffrail_engine::perform::{NotReady, Ready, fresh_id, perform};
use taffrail_engine::ports::{Planner, Runners};
use taffrail_engine::prepare_runner::{expect_first, unable};
use taffrail_engine::references::References;
use taffrail_engine::scope::{Services, chain};
use taffrail_engine::storage::{Folder, Storage};
use taffrail_store::Store;
use tokio::sync::Semaphore;

use super::resume::moved_to;
use crate::args::{Global, RunArgs, RunOutput, RunnerChoice};
use crate::descriptors::Descriptors;
use crate::detach;
use crate::executions;
use crate::exit::{Exit, Failed};
use crate::flow_folder::FlowFolder;
use crate::folders::Folders;
use crate::given::Given;
use crate::load::{Host, checked_source, flow_path, read_source};
use crate::locking::folder_of;
use crate::outlet::{self, To};
use crate::owner;
use crate::people::Terminal;
use crate::report::{LinePrefix, NdjsonReporter, TextReporter, complain};
use crate::runners::HostRunners;
use crate::signals::{Interruption, listen};
use crate::started::Started;
use crate::terminal;
use crate::underway::Underway;
use crate::web::Ureq;
use crate::zone;

/// Runs the command.
///
/// # Errors
/// When nothing was started: the flow, its inputs or its secrets are wrong, or there is no place to keep the execution.
pub fn run(global: &Global, args: &RunArgs) -> Result<Exit, Failed> {
    if args.detach && !detach::is_detached() {
        return detach::start(args.flow.flow == "-");
    }
    detach::leave_terminal();
    let source = read_source(Path::new(&args.flow.flow))?;
    let state = Folders::choose(global)?.state;
    let mut underway = Underway::expecting(&source, args.runner, &state);
    let host = Host::open(global)?;
    // It reads what it left in its log while the flow is checked.
    underway.store = Some(Store::open(&host.folders.state));
    underway.prepare(&host, &source);
    let flow = &args.flow.flow;
    let checked = checked_source(global, &host, source, flow, args.locking.locked)?;
    begin(global, args, host, checked, Beginning::Fresh, underway)
}

/// How an execution comes about.
pub enum Beginning {
    /// By its flow's file.
    Fresh,
    /// An earlier taffrail began it.
    Resumed(String),
    /// From what another one gave.
    Retried(Box<Kept>),
}

/// Runs a flow that was checked.
///
/// # Errors
/// As [`run`].
pub fn begin(
    global: &Global,
    args: &RunArgs,
    host: Host,
    (source, flow): (Source, Flow),
    beginning: Beginning,
    mut underway: Underway,
) -> Result<Exit, Failed> {
    // Plugins and schemas live as long as this process does; to free them piece by piece would take as long as a shell does to start.
    let host = ManuallyDrop::new(host);
    if flow.disabled {
        return Err(Failed::new(
            Exit::Invalid,
            format!("the flow `{}` is disabled", flow.id.value),
        ));
    }
    let given = Given::read(&args.flow.given, flow_path(&args.flow.flow).as_deref())?;
    let policy = host.config.policy(&args.policy.allowed);
    let descriptors = underway.descriptors;
    let runners = Arc::new(HostRunners::new_supervised(
        &host.folders.state,
        policy,
        descriptors,
        &underway.supervisors,
        underway.engines.take(),
    ));
    let runner_override = args.runner.map(runner_type);
    let local_files = host.config.local_files(&given.local_files);
    let loaded = Arc::new(Loaded {
        source,
        flow: Arc::new(flow),
        namespace_files: given.namespace_files.clone(),
    });
    let store = match underway.store.take() {
        Some(store) => store,
        None => Store::open(&host.folders.state),
    };
    let flows = Arc::new(flow_folder(global, &host, args, &store)?);
    flows.enter(&loaded);
    let called = flows.called_by(&loaded.flow);
    for loaded in std::iter::once(&loaded).chain(&called) {
        preflight(
            global,
            loaded,
            &flows,
            &given,
            &local_files,
            runners.as_ref(),
            runner_override.as_deref(),
        )?;
    }

    expect_first(runners.as_ref(), &loaded.flow, runner_override.as_deref());
    underway.load_first_plugin(&host, &loaded.flow);

    let resumed = matches!(beginning, Beginning::Resumed(_));
    let (id, kept) = match beginning {
        Beginning::Fresh => (fresh_id(), None),
        Beginning::Retried(kept) => {
            let id = fresh_id();
            let kept = moved_to(*kept, &id);
            (id, Some(Arc::new(kept)))
        }
        Beginning::Resumed(id) => {
            let not_ours = |message| Failed::new(Exit::Usage, message);
            let (row, kept) = flows.take_over(&id).map_err(not_ours)?;
            if row.state.is_some() {
                return Err(has_ended(&id));
            }
            (id, Some(kept))
        }
    };
    let io =
        |error: taffrail_engine::confined::FileError| Failed::new(Exit::Internal, chain(&error));
    let storage = Arc::new(Storage::open(&host.folders.state.join("storage")).map_err(io)?);
    let cancel = Cancel::new();
    let masker = Masker::new();
    let namespace = loaded.flow.namespace.value.to_string();
    let surroundings = Surroundings {
        folder: Folder::execution(&namespace, &loaded.flow.id.value, &id),
        id: id.clone(),
        source: loaded.source.clone(),
        checker: Arc::clone(&host.checker),
        planner: Arc::clone(&host.plugins) as Arc<dyn Planner>,
        runners,
        storage: Arc::clone(&storage),
        directory: host.folders.state.join("executions"),
        masker: masker.clone(),
        runner_override,
        cache: Some(host.folders.cache.clone()),
        ledger: Arc::new(NoLedger),
        kept: None,
        references: References::default(),
        // A crash on purpose is looked at afterwards, so that it must be there.
        announced: args.output == RunOutput::Ndjson || std::env::var_os(FAILPOINT).is_some(),
        keep: args.keep,
        slots: Arc::new(Semaphore::new(jobs(args, descriptors))),
        people: Arc::new(Terminal),
        leaving: Leaving::default(),
        flows: Arc::clone(&flows) as Arc<dyn Flows>,
        origin: Origin::default(),
    };
    let mut execution = Execution::new(surroundings, cancel.clone());
    if let Some(kept) = kept {
        execution.go_on(&loaded, id.clone(), kept);
    }
    let services = Arc::new(Services {
        secrets: given.secrets,
        storage,
        kv: KvStore::below(&host.folders.state.join("kv")),
        namespace_files: given.namespace_files,
        home: given.home,
        namespaces: given.namespaces,
        namespace,
        masker: masker.clone(),
        zone: zone::local(),
        web: Arc::new(Ureq),
        local_files,
        host: host.config.variables(),
    });
    let ready =
        Ready::new(execution, Arc::clone(&loaded), services, &given.inputs).map_err(|error| {
            match error {
                NotReady::Inputs(errors) => wrong_inputs(global, &loaded.source, &errors),
                NotReady::Place(message) => Failed::new(Exit::Internal, message),
                NotReady::Cancelled => Failed::silent(Exit::Interrupted),
            }
        })?;
    if !global.quiet && !resumed {
        tell_interrupted(&store, &host.folders.state, &id);
    }
    if detach::is_detached() {
        // Whoever waits for the id may rely on it from here on.
        store.settled().wait().map_err(executions::store_failed)?;
        detach::tell(&id)?;
    }

    let mut shown = shown(global, args, &loaded.flow);
    let interruption = Arc::new(Interruption::default());
    let runtime = match underway.runtime.take() {
        Some(runtime) => runtime,
        None => Arc::new(crate::runtime::start()?),
    };
    let record = runtime.block_on(async {
        if let Err(error) = listen(cancel, Arc::clone(&interruption)) {
            tracing::warn!("signals are not handled: {error}");
        }
        let shown: Mutex<&mut dyn Reporter> = Mutex::new(shown.as_mut());
        let performed = perform(ready, Shared::new(&shown)).await;
        performed.record
    });
    if args.output == RunOutput::Json {
        let text = serde_json::to_string_pretty(&record).map_err(|error| {
            Failed::new(Exit::Internal, format!("the record is not JSON: {error}"))
        })?;
        outlet::write(
            To::Stdout,
            masker.mask_text(&format!("{text}\n")).as_bytes(),
        );
    }
    let unwritten = flows.unwritten();
    if let Some(message) = &unwritten {
        complain(&format!("error: {message}"));
    }
    // Signals are heeded until all is written.
    if !runtime.block_on(outlet::settled()) {
        complain(&format!(
            "nobody read what the tasks said last; `taffrail logs {}` has all of it",
            record.id
        ));
    }
    // The threads of plugins that still run must not hold up the end.
    if let Some(runtime) = Arc::into_inner(runtime) {
        runtime.shutdown_background();
    }
    drop(underway);
    if let Some(error) = outlet::failure(To::Stdout).filter(|_| args.output == RunOutput::Json) {
        let message = format!("cannot write to standard output: {error}");
        return Err(Failed::new(Exit::Internal, message));
    }
    if unwritten.is_some() && record.state.goes_on() {
        return Ok(Exit::Internal);
    }
    Ok(interruption.exit().unwrap_or_else(|| exit_of(&record)))
}

/// Names the point at which this program ends, for tests.
pub const FAILPOINT: &str = "TAFFRAIL_FAILPOINT";

/// Most executions that are named at once.
const MOST_NAMED: usize = 3;

/// The failure to go on with what has an end.
pub fn has_ended(id: &str) -> Failed {
    let message = format!("the execution `{id}` has ended; there is nothing to go on with");
    Failed::new(Exit::Usage, message).hint(format!(
        "`taffrail retry {id}` makes a new one of what failed"
    ))
}

/// Says which executions could be gone on with.
fn tell_interrupted(store: &Store, state: &Path, own: &str) {
    let left: Vec<(String, String)> = store
        .unfinished()
        .into_iter()
        .filter(|(id, _)| id != own && !owner::is_owned(&executions::directory(state, id)))
        .collect();
    for (id, flow) in left.iter().take(MOST_NAMED) {
        complain(&format!(
            "note: an execution of `{flow}` was interrupted; `taffrail resume {id}` goes on with it"
        ));
    }
    if left.len() > MOST_NAMED {
        let more = left.len() - MOST_NAMED;
        complain(&format!(
            "note: so were {more} more; `taffrail ps` lists them"
        ));
    }
}

/// The flows around the one that is run.
fn flow_folder(
    global: &Global,
    host: &Host,
    args: &RunArgs,
    store: &Arc<Store>,
) -> Result<FlowFolder, Failed> {
    let folder = match &args.flows {
        Some(folder) if !folder.is_dir() => {
            return Err(Failed::new(
                Exit::NotFound,
                format!("there is no folder `{}`", folder.display()),
            ));
        }
        Some(folder) => folder.clone(),
        None => folder_of(Path::new(&args.flow.flow)),
    };
    let state = &host.folders.state;
    let locked = args.locking.locked;
    let flows = FlowFolder::new(global, locked, &host.checker, &folder, state)
        .keeping(store, Started::of(args).to_json());
    Ok(flows.with_namespace_files(args.flow.given.namespace_files.clone()))
}

/// So many task runs work at once for each processor where nobody says otherwise: most wait more than they compute. As many as Kestra has
/// threads of workers (`kestra server standalone --worker-thread`), so that tasks which wait for one another find the same room.
const AT_ONCE_PER_CORE: usize = 8;

/// How many task runs work at once.
fn jobs(args: &RunArgs, descriptors: Descriptors) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let wanted = args
        .jobs
        .map_or(AT_ONCE_PER_CORE * cores, std::num::NonZero::get);
    let most = descriptors.tasks();
    if wanted > most {
        complain(&format!(
            "note: {most} tasks run at once, and not {wanted}: more would need more open files than this process may have (`ulimit -n`)"
        ));
    }
    wanted.min(most)
}

/// The type name of the runner that the option names.
pub fn runner_type(choice: RunnerChoice) -> String {
    match choice {
        RunnerChoice::Process => PROCESS.to_owned(),
        RunnerChoice::Docker => DOCKER.to_owned(),
    }
}

/// Says which secrets the flow names that nobody gave, which tasks have no runner here and which call for a flow that cannot be
/// called, before anything starts.
///
/// # Errors
/// When there are any.
fn preflight(
    global: &Global,
    loaded: &Loaded,
    flows: &FlowFolder,
    given: &Given,
    local_files: &LocalFiles,
    runners: &dyn Runners,
    runner_override: Option<&str>,
) -> Result<(), Failed> {
    let (source, flow) = (&loaded.source, &*loaded.flow);
    let mut told = flows.check(flow, Severity::Error);
    for (name, span) in taffrail_engine::reads::secrets(flow, source.text()) {
        match given.secrets.get(&name) {
            None => told.push(
                Diagnostic::error(
                    Code::MissingSecret,
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
    told.extend(local_files::refused(local_files, flow, source.text()));
    told.sort_by_key(|diagnostic| diagnostic.span);
    if !told.is_empty() {
        complain(render_text(&told, source, terminal::style(global)).trim_end());
    }
    match told
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
    {
        true => Err(Failed::silent(refusal(&told))),
        false => Ok(()),
    }
}

/// The exit code of a flow that cannot start for these reasons: what is wrong comes before what is refused.
pub fn refusal(told: &[Diagnostic]) -> Exit {
    let errors = told
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error);
    let codes: Vec<Code> = errors.map(|diagnostic| diagnostic.code).collect();
    if codes
        .iter()
        .any(|code| !matches!(code, Code::NotYet | Code::Refused))
    {
        Exit::Invalid
    } else if codes.contains(&Code::Refused) {
        Exit::Policy
    } else {
        Exit::Unreachable
    }
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

/// What shows the run to whoever started it.
fn shown(global: &Global, args: &RunArgs, flow: &Flow) -> Box<dyn Reporter> {
    let text = |lines_to| {
        let prefix = LinePrefix::for_ids(flow.all_tasks().map(|task| &*task.id.value));
        let escape = match lines_to {
            To::Stdout => std::io::stdout().is_terminal(),
            To::Stderr => std::io::stderr().is_terminal(),
        };
        let style = terminal::style(global);
        TextReporter::new(prefix, lines_to, escape, global.quiet, style)
    };
    match args.output {
        RunOutput::Text => Box::new(text(To::Stdout)),
        RunOutput::Json => Box::new(text(To::Stderr)),
        RunOutput::Ndjson => Box::new(NdjsonReporter::new()),
    }
}

/// The exit code of an execution: that of the first failure that was not allowed.
fn exit_of(record: &ExecutionRecord) -> Exit {
    if record.state.goes_on() {
        return Exit::Ok;
    }
    let failure = record.cause().map(|(_, failure)| failure);
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
