//! What the engine needs from the world: planners, backends, and nothing about who they are.
//!
//! Policy (deadlines, grace, escalation, line splitting, the log protocol, environment assembly) stays with the engine; ability
//! is data, not a type test.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use taffrail_core::descriptor::Descriptor;
use taffrail_core::launch::{ExitStatus, LaunchSpec, Stream, TaskIdentity};
use taffrail_core::name::{PluginId, RelPath};
use taffrail_core::plan::{Plan, PlanRefusal, PlanRequest};
use taffrail_core::policy::Refusal;
use taffrail_core::record::FailureKind;
pub use taffrail_core::schema::SettingError;

/// A boxed future, so that ports can be used as trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One plugin version that this host can load.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginInfo {
    /// What the plugin says of itself.
    pub descriptor: std::sync::Arc<Descriptor>,
    /// SHA-256 of the component, lower case hexadecimal.
    pub digest: String,
    /// The plugin API that it speaks, for example `0.1`.
    pub api: String,
    /// Size of the component in bytes.
    pub size: u64,
    /// Where it came from.
    pub source: PluginSource,
}

/// Where a plugin came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginSource {
    /// It is part of this program.
    Bundled,
    /// A file of the plugin store or one that the user named.
    File(PathBuf),
}

/// Names one version of one plugin; the key everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PluginKey {
    /// The plugin.
    pub id: PluginId,
    /// Its version.
    pub version: semver::Version,
}

impl std::fmt::Display for PluginKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.id, self.version)
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The plugin works, and said no.
    #[error("plugin `{plugin}`: {refusal}")]
    Refused {
        /// Who said so.
        plugin: PluginKey,
        /// What it said.
        refusal: PlanRefusal,
    },
    /// The plugin trapped, ran into a limit, or answered with what the contract does not allow.
    #[error("plugin `{plugin}` failed: {reason}")]
    Faulty {
        /// Whose fault it is.
        plugin: PluginKey,
        /// What happened, with the guest's own panic text where there is one.
        reason: String,
    },
    /// No such plugin can be loaded here.
    #[error("plugin `{plugin}` cannot be loaded: {reason}")]
    Unavailable {
        /// What was wanted.
        plugin: PluginKey,
        /// Why not.
        reason: String,
    },
}

/// The plugins of this host: what there is, and what they plan.
pub trait Planner: Send + Sync {
    /// Every plugin version that can be loaded, sorted by id and version. Starts no sandbox where the descriptors are known.
    fn plugins(&self) -> &[PluginInfo];

    /// Asks a plugin for the plan of one task, in a fresh sandbox under a deadline. Blocks; may be called any number of times and
    /// from several threads; the same request gives the same plan.
    ///
    /// # Errors
    /// See [`PlanError`].
    fn plan(&self, plugin: &PluginKey, request: &PlanRequest) -> Result<Plan, PlanError>;

    /// The same for a thread that serves others, which it does not keep for longer than some milliseconds: none for a plugin that takes
    /// longer or is not loaded yet, and has to be asked on another thread. What it cost to find that out is not paid twice.
    fn plan_in_a_moment(
        &self,
        plugin: &PluginKey,
        request: &PlanRequest,
    ) -> Option<Result<Plan, PlanError>> {
        let _ = (plugin, request);
        None
    }
}

/// What differs between backends, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether the program sees this host's disk at the same path. If not, files travel.
    pub shares_files: bool,
    /// Whether a shell text may be handed over as a file of this host beside the working directory instead of in the argument
    /// vector, which everybody on the machine can read.
    pub reads_host_files: bool,
    /// Whether an image is needed.
    pub needs_image: bool,
    /// Whether a launched program can be found again after this host died.
    pub resumes: Resumes,
}

/// Where another host finds a launched program and what it said, after the one that launched it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumes {
    /// Nowhere.
    Not,
    /// With the backend, until it is disposed of.
    ByBackend,
    /// In the directories of the task run, as long as those are there.
    ByDirectories,
}

/// What the directories of a task run are called where the program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locations {
    /// `workingDir`.
    pub working_dir: String,
    /// `outputDir`.
    pub output_dir: String,
}

/// Why a backend could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The program could not be started; says which and why.
    #[error("{0}")]
    Start(String),
    /// The engine behind the backend does not answer, or an image cannot be had.
    #[error("{0}")]
    Unreachable(String),
    /// A setting cannot be had, as only the backend itself could find out. `passing`: nothing is wrong with it, and another time it may be.
    #[error("{}", .error.message)]
    Setting {
        /// Which setting, and why.
        error: SettingError,
        /// Whether it helps to try again.
        passing: bool,
    },
    /// The wish to stop came while the launch was being made ready; nothing was started.
    #[error("stopped before it was started")]
    Stopped,
    /// The program did run, but what it ran on went away: its engine restarted, or somebody removed it.
    #[error("{0}")]
    Interrupted(String),
    /// Anything else; the run's outcome is unknown.
    #[error("{0}")]
    Lost(String),
}

impl RunnerError {
    /// The kind of failure that it is for a task run.
    pub fn failure_kind(&self) -> FailureKind {
        match self {
            RunnerError::Start(_) => FailureKind::Start,
            RunnerError::Unreachable(_) | RunnerError::Setting { passing: true, .. } => {
                FailureKind::Unreachable
            }
            RunnerError::Setting { passing: false, .. } => FailureKind::Invalid,
            RunnerError::Stopped => FailureKind::Cancelled,
            RunnerError::Interrupted(_) => FailureKind::Interrupted,
            RunnerError::Lost(_) => FailureKind::Host,
        }
    }
}

/// How far the pull of an image is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// The image, with its tag or digest.
    pub image: String,
    /// Layers that are known so far.
    pub layers: usize,
    /// Those of them that are here.
    pub layers_done: usize,
    /// Bytes that have come.
    pub bytes: u64,
    /// Bytes of all layers that are known so far; 0 while none is known.
    pub bytes_total: u64,
    /// Whether the image is here.
    pub done: bool,
}

/// What a backend tells while it makes a launch ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preparation<'a> {
    /// An image is being pulled; told a few times a second at most, and once at its end.
    Pull(&'a PullProgress),
    /// Something that the author should know, for example a setting that the engine ignores.
    Warning(&'a str),
}

/// What a launch may take from whoever asks for it.
pub struct LaunchContext<'a> {
    /// Done once it is on disk that the launch begins. A backend awaits it before the first thing that has an effect: before that it may
    /// look and ask, so that this goes on while the disk works. An error is given back as it is.
    pub may_begin: BoxFuture<'a, Result<(), RunnerError>>,
    /// Ends when the launch is not wanted any more. The backend then undoes what it did and gives [`RunnerError::Stopped`].
    pub stop: BoxFuture<'a, ()>,
    /// Takes what the backend has to tell.
    pub tell: Box<dyn FnMut(Preparation<'_>) + Send + 'a>,
    /// Whether an earlier host saw the program run.
    pub launched: bool,
    /// How long the program may run, for a backend that goes on without this host.
    pub time_left: Option<Duration>,
}

impl LaunchContext<'_> {
    /// The context of a launch that nobody stops and nobody listens to.
    pub fn unattended() -> Self {
        LaunchContext {
            may_begin: Box::pin(async { Ok(()) }),
            stop: Box::pin(std::future::pending()),
            tell: Box::new(|_| {}),
            launched: false,
            time_left: None,
        }
    }
}

/// What a backend would do for a launch, to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct LaunchDescription {
    /// What it would send, as it would send it.
    pub request: serde_json::Value,
    /// A command line that starts the same.
    pub command_line: Vec<String>,
    /// What the author should know.
    pub warnings: Vec<String>,
}

/// A backend, made from a task's runner settings.
pub trait Runner: Send + Sync {
    /// Short name for plans, records and messages: `process`, `docker`.
    fn name(&self) -> &'static str;

    /// What this backend can do.
    fn capabilities(&self) -> Capabilities;

    /// What the directories are called over there.
    fn locations(&self, working_dir: &Path, output_dir: &Path) -> Locations;

    /// How long a program that was asked to end may take before it is killed.
    fn kill_grace_period(&self) -> Duration;

    /// What it would do for a launch beyond what the launch itself says; asks nobody and makes nothing. Nothing where that is all.
    ///
    /// # Errors
    /// Settings that cannot be.
    fn describe(&self, _spec: &LaunchSpec) -> Result<Option<LaunchDescription>, Vec<SettingError>> {
        Ok(None)
    }

    /// Starts the program and returns once it runs. On error nothing is left behind. Must be awaited to its end; it ends early when
    /// the context says stop. Has no effect before the context says that it may begin.
    fn launch<'a>(
        &'a self,
        spec: &'a LaunchSpec,
        context: LaunchContext<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Launched>, RunnerError>>;

    /// Finds the program that an earlier host started for this very launch and did not see to its end, and takes it up: all its output
    /// is given out, from its beginning. Nothing where there is none, or where it is to run anew; then nothing of an earlier one is left.
    /// Asked only where [`Capabilities::resumes`] says that there may be one, before the files are put in place. Where an earlier host saw it run and nothing is
    /// left of it, it was interrupted.
    fn take_up<'a>(
        &'a self,
        _spec: &'a LaunchSpec,
        _context: LaunchContext<'a>,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Launched>>, RunnerError>> {
        Box::pin(async { Ok(None) })
    }

    /// Ends what an earlier host left running of a task run that cannot be taken up.
    fn end_left<'a>(
        &'a self,
        _identity: &'a TaskIdentity,
    ) -> BoxFuture<'a, Result<(), RunnerError>> {
        Box::pin(async { Ok(()) })
    }
}

/// What happened next to a launched program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The buffer holds what the program wrote to this stream; never empty.
    Output(Stream),
    /// Something that whoever waits for the program should know, such as why it says nothing for long.
    Told(String),
    /// The program ended, and all its output has been given out before. Given once, as the last step.
    Exited(Exit),
}

/// How a launched program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Code or signal of the program itself.
    pub status: ExitStatus,
    /// Processes that the program left behind and that were ended, for example `sleep (pid 17)`; empty when all was well.
    pub left_behind: Vec<String>,
    /// What is known of the reason beyond the code, in words: `killed by the memory limit of 512 MiB`.
    pub note: Option<String>,
    /// Whether it was ended because its time was over while no host followed it.
    pub timed_out: bool,
}

/// How a program is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Ask: SIGTERM to all that descends from it.
    Ask,
    /// End it: SIGKILL to all that descends from it.
    Kill,
}

/// A launched program. Whoever holds it awaits its end and disposes of it.
pub trait Launched: Send {
    /// Waits for the next output or the end. Output bytes replace what is in `buffer`. Cancel-safe: a dropped future loses nothing.
    fn next<'a>(&'a mut self, buffer: &'a mut Vec<u8>) -> BoxFuture<'a, Result<Step, RunnerError>>;

    /// Tells the program and all that descends from it to end. Asking twice, or after the end, is harmless. That it could not be told may
    /// be known only later; the next step fails then.
    fn stop<'a>(&'a mut self, how: Stop) -> BoxFuture<'a, Result<(), RunnerError>>;

    /// How long it had run when it was taken up.
    fn running_for(&self) -> Duration {
        Duration::ZERO
    }

    /// Brings the named files and directories of the working directory back to this host, where the backend does not share files.
    fn fetch<'a>(
        &'a mut self,
        _patterns: &'a [String],
        _into: &'a Path,
    ) -> BoxFuture<'a, Result<Vec<RelPath>, RunnerError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Makes a directory of this host, whose files the program got, what the program made of it: takes over what it wrote and removes
    /// what it removed. What it did not touch stays as it is here, as others may have changed it meanwhile.
    fn fetch_changes<'a>(
        &'a mut self,
        _into: &'a Path,
    ) -> BoxFuture<'a, Result<Vec<RelPath>, RunnerError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Releases everything that belongs to the run. Called once, after the exit or after a failed step; safe to call early, and then
    /// ends the program first.
    fn dispose(self: Box<Self>) -> BoxFuture<'static, Result<(), RunnerError>>;
}

/// Why there is no runner.
#[derive(Debug, thiserror::Error)]
pub enum MakeRunnerError {
    /// The type exists, but this version of the host cannot run it.
    #[error("{0}")]
    NotYet(String),
    /// No such type.
    #[error("there is no task runner `{0}`")]
    Unknown(String),
    /// Its settings ask for powers over the machine that the host does not give; all of them are there.
    #[error("{}", .0.iter().map(|refusal| refusal.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    /// Its settings are wrong; every mistake is there.
    #[error("{}", .0.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; "))]
    Settings(Vec<SettingError>),
}

/// The backends of this host: one table from type names to runners.
pub trait Runners: Send + Sync {
    /// Whether tasks can run with this type here, whatever its settings; nothing is made.
    ///
    /// # Errors
    /// See [`MakeRunnerError`].
    fn available(&self, type_name: &str) -> Result<(), MakeRunnerError>;

    /// Whether both names are of one type: types have older names.
    fn is_same(&self, one: &str, other: &str) -> bool {
        one == other
    }

    /// What settings ask of the machine that the host does not give. They may be unrendered: then an expression that might ask for
    /// something counts only where nothing else can stand in its place.
    fn refusals(
        &self,
        _type_name: &str,
        _settings: &serde_json::Map<String, serde_json::Value>,
    ) -> Vec<Refusal> {
        Vec::new()
    }

    /// Why a task that the host itself does, `what`, may not use the files of the machine, where every task is to run with this type;
    /// nothing where it may.
    fn refuses_files(&self, _runner_override: Option<&str>, _what: &str) -> Option<Refusal> {
        None
    }

    /// A task will probably run with this type soon: what takes time and can be done before may begin. Does not wait.
    fn expect(&self, _type_name: &str) {}

    /// Makes a runner from its type, as a flow writes it, and its rendered settings. What the host does not give is refused before
    /// anything else is looked at.
    ///
    /// # Errors
    /// See [`MakeRunnerError`].
    fn make(
        &self,
        type_name: &str,
        settings: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<std::sync::Arc<dyn Runner>, MakeRunnerError>;
}

/// Asks people, where there are any.
pub trait People: Send + Sync {
    /// Shows a question and waits for a line of answer. Nothing where nobody can be asked, or nobody will answer any more.
    fn ask<'a>(&'a self, question: &'a str) -> BoxFuture<'a, Option<String>>;
}

/// Nobody is there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl People for Nobody {
    fn ask<'a>(&'a self, _question: &'a str) -> BoxFuture<'a, Option<String>> {
        Box::pin(async { None })
    }
}
