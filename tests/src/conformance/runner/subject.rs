//! A backend under test, and the ways in which the cases use it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use taffrail_core::launch::{ExitStatus, LaunchSpec, Stream, TaskIdentity};
use taffrail_core::output::Masker;
use taffrail_engine::cancel::Cancel;
use taffrail_engine::drive::{DriveSettings, Driven, EndedBy, OutputSink, TaskOutput, drive};
use taffrail_engine::ports::{LaunchContext, Launched, Runner};

/// A backend under test.
pub struct Subject {
    /// The backend.
    pub runner: Arc<dyn Runner>,
    /// The image for its programs, where it needs one: with `sh` and the usual small tools.
    pub image: Option<String>,
    /// The names of all variables that it gives to a program by itself.
    pub own_variables: Vec<String>,
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
}

impl Default for Wish {
    fn default() -> Self {
        // Whatever the program is, no case waits for ever.
        Wish {
            timeout: Some(Duration::from_secs(60)),
            grace: Duration::ZERO,
            cancel: Cancel::new(),
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
        LaunchSpec {
            identity: TaskIdentity {
                namespace: "conformance".into(),
                flow: "runner".into(),
                execution: format!("{}x", std::process::id()),
                task: "case".into(),
                task_run: format!("run{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
                attempt: 1,
            },
            argv: argv.iter().map(|argument| argument.to_string()).collect(),
            env: Vec::new(),
            working_dir: working_dir.to_owned(),
            image: self.image.clone(),
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
        let settings = DriveSettings {
            deadline: wish.timeout,
            grace: wish.grace,
            cancel: wish.cancel,
            masker: Masker::new(),
            fetch: None,
        };
        let driven = drive(launched, settings, sink).await;
        if let Some(failure) = driven.failure.as_ref().or(driven.dispose_failure.as_ref()) {
            return Err(format!("the backend failed: {failure}"));
        }
        Ok((driven, begun.elapsed()))
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
