//! A backend under test, and the ways in which the cases use it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::Verdict;
use taffrail_core::launch::{ExitStatus, LaunchSpec, Stream, TaskIdentity};
use taffrail_core::output::Masker;
use taffrail_engine::cancel::Cancel;
use taffrail_engine::drive::{
    DriveSettings, Driven, EndedBy, FetchRequest, OutputSink, TaskOutput, drive,
};
use taffrail_engine::ports::{LaunchContext, Launched, Runner};

/// A backend under test.
pub struct Subject {
    /// The backend.
    pub runner: Arc<dyn Runner>,
    /// The image for its programs, where it needs one: with `sh` and the usual small tools.
    pub image: Option<String>,
    /// The names of all variables that it gives to a program by itself.
    pub own_variables: Vec<String>,
    /// Whether its programs run on this host's disk and in this host's table of processes.
    pub on_this_host: bool,
    /// How a program that a signal ended is told.
    pub signals: Signals,
    /// What is still there of an execution with this id, after all was disposed of; for backends where that can be seen.
    pub left: Option<Left>,
}

/// Says what is left of an execution.
pub type Left = Box<dyn Fn(&str) -> Vec<String> + Send + Sync>;

/// How a backend tells that a signal ended a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signals {
    /// As a signal.
    Told,
    /// As what shells make of it, 128 and the signal, unless the backend sent it itself.
    AsCode,
}

/// A program that ran to its end.
#[derive(Debug)]
pub struct Ran {
    /// All it wrote to standard output.
    pub stdout: Vec<u8>,
    /// All it wrote to standard error.
    pub stderr: Vec<u8>,
    /// How many blocks were pieces of an overlong line.
    pub pieces: usize,
    /// What became of it.
    pub driven: Driven,
    /// How long it took.
    pub took: Duration,
}

/// How a program is to be run.
pub(super) struct Wish {
    pub(super) timeout: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) cancel: Cancel,
    /// What is brought back, where the backend does not share files.
    pub(super) fetch: &'static [&'static str],
}

impl Default for Wish {
    fn default() -> Self {
        // Whatever the program is, no case waits for ever.
        Wish {
            timeout: Some(Duration::from_secs(60)),
            grace: Duration::ZERO,
            cancel: Cancel::new(),
            fetch: &[],
        }
    }
}

#[derive(Default)]
struct Kept {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    pieces: usize,
}

impl OutputSink for Kept {
    fn output(&mut self, item: TaskOutput<'_>) {
        if let TaskOutput::Lines {
            stream,
            bytes,
            continued,
        } = item
        {
            self.pieces += usize::from(continued);
            match stream {
                Stream::Stdout => self.stdout.extend_from_slice(bytes),
                Stream::Stderr => self.stderr.extend_from_slice(bytes),
            }
        }
    }
}

impl Subject {
    /// What to start for this argument vector, with an identity of its own.
    pub(super) fn spec(&self, working_dir: &Path, argv: &[&str]) -> LaunchSpec {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        LaunchSpec {
            identity: TaskIdentity {
                namespace: "conformance".into(),
                flow: "runner".into(),
                execution: format!("{}x{number}x", std::process::id()),
                task: "case".into(),
                task_run: format!("run{number}"),
                attempt: 1,
            },
            argv: argv.iter().map(|argument| argument.to_string()).collect(),
            env: Vec::new(),
            working_dir: working_dir.to_owned(),
            private_dir: working_dir.join(".taffrail-private"),
            image: self.image.clone(),
            moves_files: true,
        }
    }

    /// Runs a shell script to its end in a new directory.
    pub(super) async fn sh(&self, script: &str) -> Result<Ran, String> {
        self.sh_with(script, Wish::default()).await
    }

    pub(super) async fn sh_with(&self, script: &str, wish: Wish) -> Result<Ran, String> {
        let folder = folder()?;
        self.run(&self.spec(folder.path(), &["sh", "-c", script]), wish)
            .await
    }

    /// Runs to the end. A backend that fails on the way, or that cannot clean up, fails the case.
    pub(super) async fn run(&self, spec: &LaunchSpec, wish: Wish) -> Result<Ran, String> {
        let mut kept = Kept::default();
        let (driven, took) = self.run_into(spec, wish, &mut kept).await?;
        Ok(Ran {
            stdout: kept.stdout,
            stderr: kept.stderr,
            pieces: kept.pieces,
            driven,
            took,
        })
    }

    pub(super) async fn run_into(
        &self,
        spec: &LaunchSpec,
        wish: Wish,
        sink: &mut dyn OutputSink,
    ) -> Result<(Driven, Duration), String> {
        let begun = Instant::now();
        let launched = self.launch(spec).await?;
        let patterns: Vec<String> = wish.fetch.iter().map(|name| name.to_string()).collect();
        let travel = !self.runner.capabilities().shares_files && !patterns.is_empty();
        let settings = DriveSettings {
            deadline: wish.timeout,
            grace: wish.grace,
            cancel: wish.cancel,
            masker: Masker::new(),
            capture: false,
            fetch: travel.then_some(FetchRequest::Matching {
                patterns: &patterns,
                into: &spec.working_dir,
            }),
        };
        let driven = drive(launched, settings, sink).await;
        if let Some(failure) = driven.failure.as_ref().or(driven.dispose_failure.as_ref()) {
            return Err(format!("the backend failed: {failure}"));
        }
        if let Some(Err(failure)) = &driven.fetched {
            return Err(format!("the files did not come back: {failure}"));
        }
        self.nothing_is_left(spec)?;
        Ok((driven, begun.elapsed()))
    }

    /// Fails where something of the execution is still there.
    pub(super) fn nothing_is_left(&self, spec: &LaunchSpec) -> Verdict {
        let left = self
            .left
            .as_ref()
            .map(|left| left(&spec.identity.execution));
        super::same("left", left.unwrap_or_default(), Vec::new())
    }

    /// What is told of a program that this signal ended.
    pub(super) fn ended_by_signal(&self, signal: i32) -> ExitStatus {
        match self.signals {
            Signals::Told => ExitStatus::Signal(signal),
            Signals::AsCode => ExitStatus::Code(128 + signal),
        }
    }

    pub(super) async fn launch(&self, spec: &LaunchSpec) -> Result<Box<dyn Launched>, String> {
        self.runner
            .launch(spec, LaunchContext::unattended())
            .await
            .map_err(|error| format!("`{}` was not started: {error}", spec.argv[0]))
    }
}

impl Ran {
    pub(super) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(super) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    pub(super) fn status(&self) -> Option<ExitStatus> {
        self.driven.exit.as_ref().map(|exit| exit.status)
    }

    pub(super) fn ended_by(&self) -> EndedBy {
        self.driven.ended_by
    }

    pub(super) fn left_behind(&self) -> Vec<String> {
        self.driven
            .exit
            .as_ref()
            .map(|exit| exit.left_behind.clone())
            .unwrap_or_default()
    }
}

/// A new empty directory, as its real path.
pub(super) fn folder() -> Result<tempfile::TempDir, String> {
    let parent = std::env::temp_dir()
        .canonicalize()
        .map_err(|error| error.to_string())?;
    tempfile::tempdir_in(parent).map_err(|error| error.to_string())
}

/// Whether a process of this host is there and has not ended.
pub(super) fn is_alive(pid: &str) -> bool {
    match std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
        Ok(stat) => stat
            .rsplit(')')
            .next()
            .is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X'])),
        Err(_) => false,
    }
}
