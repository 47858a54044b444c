//! The part of a task run's life in which its program runs: launched or taken up, driven to its end, and what is made of that end.

use std::path::PathBuf;
use std::time::Duration;

use taffrail_core::flow::Task;
use taffrail_core::launch::{ExitStatus, LaunchSpec, Stream, TaskIdentity};
use taffrail_core::name::RelPath;
use taffrail_core::output::LogLevel;
use taffrail_core::record::FailureKind;
use taffrail_core::script::Invocation;
use tokio::time::Instant;

use super::Happened;
use crate::cancel::CancelLevel;
use crate::drive::{
    CAPTURE_BYTES, Captured, DriveSettings, Driven, EndedBy, FetchRequest, OutputSink, TaskOutput,
    follow,
};
use crate::event::{Event, Reporter};
use crate::execution::Execution;
use crate::failpoint;
use crate::ledger::Entry;
use crate::ports::{BoxFuture, LaunchContext, Launched, Preparation, Resumes, RunnerError};
use crate::prepare::{FETCHED_DIR, Prepared};
use crate::prepare_runner::setting_diagnostics;
use crate::scope::chain;
use crate::workdir::Workdir;

/// One program and what it needs to run.
pub(super) struct Launching<'a> {
    pub(super) task: &'a Task,
    pub(super) execution: &'a Execution,
    pub(super) prepared: &'a Prepared,
    pub(super) workdir: &'a Workdir,
    pub(super) identity: &'a TaskIdentity,
    pub(super) timeout: Option<Duration>,
    /// The lowest level of lines that is kept.
    pub(super) log_level: LogLevel,
    /// When its time began.
    pub(super) begun: Instant,
}

impl Launching<'_> {
    /// Takes up the program that an earlier host started for this very task run and that it did not see to its end.
    pub(super) async fn take_up(
        &self,
        reporter: &mut dyn Reporter,
        happened: &mut Happened,
    ) -> Result<Option<Box<dyn Launched>>, RunnerError> {
        if !self.execution.has_begun() {
            return Ok(None);
        }
        if self.prepared.runner.capabilities().resumes == Resumes::Not {
            self.prepared.runner.end_left(self.identity).await?;
            return Err(RunnerError::Interrupted(
                "its taffrail ended while it ran, and what became of it is not known".to_owned(),
            ));
        }
        // Its files are in use.
        let spec = self.spec(self.argv(false))?;
        let context = self.context(reporter, &mut happened.warnings);
        let taken_up = self.prepared.runner.take_up(&spec, context).await?;
        // Of one whose end is kept, nothing is said again: it is only disposed of.
        let earlier = self.execution.earlier.as_ref();
        let ended = earlier.is_some_and(|earlier| earlier.attempted.is_some());
        if taken_up.is_some() && !ended {
            let identity = self.identity;
            reporter.event(&Event::OutputAgain { identity });
        }
        Ok(taken_up)
    }

    /// Launches the program, unless the task's time is over or it is cancelled before that.
    /// `on_disk` says when it may have an effect.
    pub(super) async fn launch(
        &self,
        on_disk: BoxFuture<'static, Result<(), String>>,
        reporter: &mut dyn Reporter,
        happened: &mut Happened,
    ) -> Result<Box<dyn Launched>, RunnerError> {
        let spec = self.spec(self.argv(true))?;
        let (execution, identity) = (self.execution, self.identity);
        if execution.earlier.is_some() {
            reporter.event(&Event::OutputAgain { identity });
        }
        let may_begin = async move {
            on_disk.await.map_err(RunnerError::Lost)?;
            failpoint::reach("launching");
            Ok(())
        };
        let context = LaunchContext {
            may_begin: Box::pin(may_begin),
            ..self.context(reporter, &mut happened.warnings)
        };
        let launched = self.prepared.runner.launch(&spec, context).await?;
        failpoint::reach("launched");
        execution.ledger.enter(Entry::Launched {
            run: identity.task_run.clone(),
            attempt: identity.attempt,
            runner: self.prepared.runner.name(),
        });
        if self.prepared.runner.capabilities().resumes == Resumes::ByBackend {
            // That it ran is what nobody could find out later, should it be taken away: what it says is shown only once that is on disk. It
            // runs meanwhile, and a disk that fails is told at its end.
            if let Err(message) = execution.ledger.settled().await {
                tracing::debug!("that it was launched is not kept: {message}");
            }
        }
        Ok(launched)
    }

    fn spec(&self, argv: Result<Vec<String>, String>) -> Result<LaunchSpec, RunnerError> {
        let places = self.workdir.places();
        Ok(LaunchSpec {
            identity: self.identity.clone(),
            argv: argv.map_err(RunnerError::Lost)?,
            env: self.prepared.env.clone(),
            working_dir: places.working_dir.clone(),
            private_dir: places.private_dir.clone(),
            image: self.prepared.image.clone(),
            moves_files: self.execution.shared.is_some() || self.prepared.moves_files(),
        })
    }

    fn context<'a>(
        &'a self,
        reporter: &'a mut dyn Reporter,
        warnings: &'a mut Vec<String>,
    ) -> LaunchContext<'a> {
        let (execution, timeout) = (self.execution, self.timeout);
        let left = timeout.map(|timeout| timeout.saturating_sub(self.begun.elapsed()));
        let stop = async move {
            let cancelled = execution.cancel.beyond(CancelLevel::None);
            match left {
                Some(left) => drop(tokio::time::timeout(left, cancelled).await),
                None => drop(cancelled.await),
            }
        };
        let tell = move |what: Preparation<'_>| {
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
                identity: self.identity,
                what,
            });
        };
        let earlier = execution.earlier.as_ref();
        LaunchContext {
            may_begin: Box::pin(async { Ok(()) }),
            stop: Box::pin(stop),
            tell: Box::new(tell),
            launched: earlier.is_some_and(|earlier| earlier.launched),
            time_left: left,
        }
    }

    /// Says why nothing was started.
    pub(super) fn failed(&self, error: &RunnerError, happened: &mut Happened) {
        match error {
            RunnerError::Stopped if self.execution.cancel.level() == CancelLevel::None => {
                happened.fail(FailureKind::Timeout, timed_out(self.timeout));
            }
            RunnerError::Stopped => happened.fail(FailureKind::Cancelled, "cancelled"),
            RunnerError::Setting {
                error: wrong,
                passing,
            } => {
                happened.hopeless = !passing;
                let diagnostics = setting_diagnostics(self.task, vec![wrong.clone()]);
                super::invalid(happened, error.failure_kind(), diagnostics);
            }
            error => happened.fail(error.failure_kind(), error.to_string()),
        }
    }

    /// Follows the program to its end and says what came of it. Nothing of it is disposed of.
    pub(super) async fn follow(
        &self,
        launched: &mut dyn Launched,
        reporter: &mut dyn Reporter,
        happened: &mut Happened,
    ) {
        reporter.event(&Event::Launched {
            identity: self.identity,
            runner: self.prepared.runner.name(),
        });
        let mut sink = Sink {
            identity: self.identity,
            level: self.log_level,
            reporter,
        };
        let wanted = self.wanted();
        let into = &self.workdir.places().working_dir;
        let settings = DriveSettings {
            deadline: self
                .timeout
                .map(|timeout| timeout.saturating_sub(self.begun.elapsed()))
                .map(|left| left.saturating_sub(launched.running_for())),
            grace: self.prepared.runner.kill_grace_period(),
            cancel: self.execution.cancel.clone(),
            masker: self.execution.masker.clone(),
            capture: self.prepared.settings.capture_output == Some(true),
            fetch: self.fetch(&wanted, into),
        };
        let mut driven = follow(launched, settings, &mut sink).await;
        verdict(&driven, self.timeout, happened);
        if let Some(captured) = driven.captured.take() {
            keep_captured(captured, happened);
        }
        happened.outputs.vars = driven.vars.clone();
        happened.outputs.exit_code = match driven.exit.as_ref().map(|exit| exit.status) {
            Some(ExitStatus::Code(code)) => Some(code),
            _ => None,
        };
        happened.driven = Some(driven);
    }

    /// What is to come back of the working directory, where it is not shared with the program.
    fn fetch<'a>(&self, wanted: &'a [String], into: &'a PathBuf) -> Option<FetchRequest<'a>> {
        if self.prepared.runner.capabilities().shares_files {
            return None;
        }
        if self.execution.shared.is_some() {
            // The tasks beside it and after it see all that it changed.
            return Some(FetchRequest::Changes { into });
        }
        (!wanted.is_empty()).then_some(FetchRequest::Matching {
            patterns: wanted,
            into,
        })
    }

    fn wanted(&self) -> Vec<String> {
        let mut wanted = self.prepared.patterns.texts().to_vec();
        let plan = &self.prepared.plan;
        let planned = plan.keep.iter().map(|kept| &kept.path);
        let carried = plan.carry.iter().map(|carried| &carried.path);
        wanted.extend(planned.chain(carried).map(|path| path.as_str().to_owned()));
        if self.prepared.wants_output_dir {
            wanted.push(self.workdir.output_pattern());
        }
        wanted
    }

    /// The argument vector. Where the backend reads this host's files, a shell text goes by a private file: argument vectors are public.
    /// The file is only written where it is asked for: of a program that runs already, it is there.
    fn argv(&self, write: bool) -> Result<Vec<String>, String> {
        let (prepared, workdir) = (self.prepared, self.workdir);
        let by_file = match &prepared.invocation {
            Invocation::Text {
                text,
                shell_file: true,
                ..
            } if prepared.runner.capabilities().reads_host_files => {
                let name = RelPath::new("commands.sh").map_err(|error| error.to_string())?;
                let path = match write {
                    true => workdir
                        .write_private(&name, text.as_bytes())
                        .map_err(|error| chain(&error))?,
                    false => workdir.places().private_dir.join(name.as_str()),
                };
                path.to_str()
                    .and_then(|path| prepared.invocation.by_file(path))
            }
            Invocation::Text {
                text,
                shell_file: true,
                ..
            } if prepared.is_long() => {
                let name = format!("{FETCHED_DIR}/commands.sh");
                let path = RelPath::new(name.as_str()).map_err(|error| error.to_string())?;
                if write {
                    workdir
                        .working()
                        .write(&path, text.as_bytes(), 0o600)
                        .map_err(|error| chain(&error))?;
                }
                let path = format!("{}/{name}", prepared.locations.working_dir);
                prepared.invocation.by_file(&path)
            }
            _ => None,
        };
        Ok(by_file.unwrap_or_else(|| prepared.invocation.argv()))
    }
}

/// Makes outputs of what was printed. Half of a text would be taken for the whole of it, so too long a one is a failure.
fn keep_captured(captured: Captured, happened: &mut Happened) {
    if captured.cut {
        happened.fail(
            FailureKind::Exit,
            format!(
                "it printed more than {} MiB, which is what `captureOutput` keeps",
                CAPTURE_BYTES / 1024 / 1024
            ),
        );
        return;
    }
    for (name, bytes) in [("stdout", captured.stdout), ("stderr", captured.stderr)] {
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        happened.outputs.own.insert(name.to_owned(), text.into());
    }
}

fn timed_out(timeout: Option<Duration>) -> String {
    format!("timed out after {:?}", timeout.unwrap_or_default())
}

fn verdict(driven: &Driven, timeout: Option<Duration>, happened: &mut Happened) {
    if let Some(error) = &driven.failure {
        let what = match driven.ended_by {
            EndedBy::Timeout => format!("{}, and {error}", timed_out(timeout)),
            EndedBy::Cancel | EndedBy::Itself => error.to_string(),
        };
        happened.fail(error.failure_kind(), what);
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
    if let Some(Err(error)) = &driven.fetched {
        happened.fail(FailureKind::Host, error.to_string());
    }
}

/// Hands what a program says on to a reporter.
pub(crate) struct Sink<'a> {
    pub identity: &'a TaskIdentity,
    /// The lowest level of the protocol's log lines that is kept.
    pub level: LogLevel,
    pub reporter: &'a mut dyn Reporter,
}

impl OutputSink for Sink<'_> {
    fn output(&mut self, output: TaskOutput<'_>) {
        let level = match output {
            TaskOutput::Log { level, .. } => level,
            TaskOutput::Lines {
                stream: Stream::Stdout,
                ..
            } => LogLevel::Info,
            // Standard error, and what is wrong with either.
            _ => LogLevel::Error,
        };
        if level < self.level {
            return;
        }
        self.reporter.event(&Event::Output {
            identity: self.identity,
            output,
        });
        failpoint::reach("output");
    }

    fn room(&self) -> Option<BoxFuture<'static, ()>> {
        self.reporter.room()
    }
}
