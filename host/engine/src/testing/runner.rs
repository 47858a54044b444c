//! A backend that plays a script and panics when it is used against its contract.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use taffrail_core::launch::{ExitStatus, LaunchSpec, Stream};
use taffrail_core::name::RelPath;
use tokio::time::Instant;

use crate::ports::{
    BoxFuture, Capabilities, Exit, LaunchContext, Launched, Locations, Resumes, Runner,
    RunnerError, Step, Stop,
};

/// What a scripted program does next.
#[derive(Debug, Clone)]
pub enum Act {
    /// Writes these bytes in one piece.
    Output(Stream, Vec<u8>),
    /// Writes these bytes over and over until it is stopped this way.
    FloodUntil(Stop, Stream, Vec<u8>),
    /// Does nothing for so long.
    Wait(Duration),
    /// Does nothing until it is stopped this way or harder.
    WaitFor(Stop),
    /// Ends, and leaves these processes behind.
    Exit(ExitStatus, Vec<String>),
    /// The backend fails to say what comes next.
    FailNext(String),
    /// From here on the backend fails to stop it this way.
    FailStop(Stop, String),
    /// From here on the backend fails to dispose of it.
    FailDispose(String),
}

/// What was asked of scripted programs.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    /// Every launch.
    pub launched: Vec<LaunchSpec>,
    /// Every stop.
    pub stops: Vec<Stop>,
    /// What was to be fetched.
    pub fetched: Vec<Vec<String>>,
    /// How many were disposed of.
    pub disposed: usize,
}

/// A backend whose programs all play the same script, or fail to start.
#[derive(Debug, Clone)]
pub struct FakeRunner {
    script: Result<Vec<Act>, String>,
    calls: Arc<Mutex<Calls>>,
    /// What it says of itself.
    pub capabilities: Capabilities,
    /// Its grace period.
    pub grace: Duration,
}

impl FakeRunner {
    /// A backend whose programs play this script. A script without `Exit` at its end waits for ever.
    pub fn new(script: Vec<Act>) -> Self {
        FakeRunner {
            script: Ok(script),
            calls: Arc::default(),
            capabilities: Capabilities {
                shares_files: true,
                reads_host_files: true,
                needs_image: false,
                resumes: Resumes::Not,
            },
            grace: Duration::from_secs(5),
        }
    }

    /// A backend that starts nothing.
    pub fn failing(reason: &str) -> Self {
        FakeRunner {
            script: Err(reason.to_owned()),
            ..FakeRunner::new(Vec::new())
        }
    }

    /// What was asked so far.
    pub fn calls(&self) -> Calls {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Runner for FakeRunner {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn locations(&self, working_dir: &Path, output_dir: &Path) -> Locations {
        Locations {
            working_dir: working_dir.display().to_string(),
            output_dir: output_dir.display().to_string(),
        }
    }

    fn kill_grace_period(&self) -> Duration {
        self.grace
    }

    fn launch<'a>(
        &'a self,
        spec: &'a LaunchSpec,
        context: LaunchContext<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Launched>, RunnerError>> {
        assert!(!spec.argv.is_empty(), "a launch without a program");
        assert!(
            spec.working_dir.is_absolute(),
            "the working directory is not absolute"
        );
        assert!(
            !self.capabilities.needs_image || spec.image.is_some(),
            "a launch without an image"
        );
        for (index, variable) in spec.env.iter().enumerate() {
            let twice = spec.env[..index]
                .iter()
                .any(|other| other.name == variable.name);
            assert!(!twice, "`{}` is set twice", variable.name);
        }
        Box::pin(async move {
            context.may_begin.await?;
            self.calls
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .launched
                .push(spec.clone());
            match &self.script {
                Ok(script) => Ok(Scripted::boxed(script.clone(), self.calls.clone())),
                Err(reason) => Err(RunnerError::Start(reason.clone())),
            }
        })
    }
}

/// One scripted program without a backend, and what is asked of it.
pub fn scripted(script: Vec<Act>) -> (Box<dyn Launched>, Arc<Mutex<Calls>>) {
    let calls = Arc::default();
    (Scripted::boxed(script, Arc::clone(&calls)), calls)
}

struct Scripted {
    script: std::collections::VecDeque<Act>,
    calls: Arc<Mutex<Calls>>,
    wake_at: Option<Instant>,
    stopped: Option<Stop>,
    fail_ask: Option<String>,
    fail_kill: Option<String>,
    fail_dispose: Option<String>,
    /// Whether the last step was given.
    over: bool,
    disposed: bool,
}

impl Scripted {
    fn boxed(script: Vec<Act>, calls: Arc<Mutex<Calls>>) -> Box<dyn Launched> {
        Box::new(Scripted {
            script: script.into(),
            calls,
            wake_at: None,
            stopped: None,
            fail_ask: None,
            fail_kill: None,
            fail_dispose: None,
            over: false,
            disposed: false,
        })
    }

    fn record(&self, note: impl FnOnce(&mut Calls)) {
        note(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether it was stopped this way or harder.
    fn was_stopped(&self, how: Stop) -> bool {
        matches!(
            (self.stopped, how),
            (Some(Stop::Kill), _) | (Some(Stop::Ask), Stop::Ask)
        )
    }
}

impl Launched for Scripted {
    fn next<'a>(&'a mut self, buffer: &'a mut Vec<u8>) -> BoxFuture<'a, Result<Step, RunnerError>> {
        assert!(!self.over, "`next` was called after the last step");
        Box::pin(async move {
            loop {
                // An act leaves the script only when it is done, so a dropped future loses nothing.
                let Some(act) = self.script.front().cloned() else {
                    return std::future::pending().await;
                };
                match act {
                    Act::Output(stream, bytes) => {
                        assert!(!bytes.is_empty(), "a script must not write nothing");
                        *buffer = bytes;
                        self.script.pop_front();
                        return Ok(Step::Output(stream));
                    }
                    Act::FloodUntil(how, stream, bytes) => {
                        if !self.was_stopped(how) {
                            *buffer = bytes;
                            return Ok(Step::Output(stream));
                        }
                    }
                    Act::Wait(time) => {
                        let at = *self.wake_at.get_or_insert_with(|| Instant::now() + time);
                        tokio::time::sleep_until(at).await;
                        self.wake_at = None;
                    }
                    Act::WaitFor(how) => {
                        if !self.was_stopped(how) {
                            return std::future::pending().await;
                        }
                    }
                    Act::Exit(status, left_behind) => {
                        self.over = true;
                        return Ok(Step::Exited(Exit {
                            status,
                            left_behind,
                            note: None,
                            timed_out: false,
                        }));
                    }
                    Act::FailNext(reason) => {
                        self.over = true;
                        return Err(RunnerError::Lost(reason));
                    }
                    Act::FailStop(Stop::Ask, reason) => self.fail_ask = Some(reason),
                    Act::FailStop(Stop::Kill, reason) => self.fail_kill = Some(reason),
                    Act::FailDispose(reason) => self.fail_dispose = Some(reason),
                }
                self.script.pop_front();
            }
        })
    }

    fn stop<'a>(&'a mut self, how: Stop) -> BoxFuture<'a, Result<(), RunnerError>> {
        Box::pin(async move {
            self.record(|calls| calls.stops.push(how));
            let failure = match how {
                Stop::Ask => &self.fail_ask,
                Stop::Kill => &self.fail_kill,
            };
            if let Some(reason) = failure {
                return Err(RunnerError::Unreachable(reason.clone()));
            }
            if self.stopped != Some(Stop::Kill) {
                self.stopped = Some(how);
            }
            Ok(())
        })
    }

    fn fetch<'a>(
        &'a mut self,
        patterns: &'a [String],
        _into: &'a Path,
    ) -> BoxFuture<'a, Result<Vec<RelPath>, RunnerError>> {
        assert!(self.over, "`fetch` was called before the end");
        Box::pin(async move {
            self.record(|calls| calls.fetched.push(patterns.to_vec()));
            Ok(Vec::new())
        })
    }

    fn dispose(mut self: Box<Self>) -> BoxFuture<'static, Result<(), RunnerError>> {
        Box::pin(async move {
            self.disposed = true;
            self.record(|calls| calls.disposed += 1);
            match self.fail_dispose.take() {
                Some(reason) => Err(RunnerError::Unreachable(reason)),
                None => Ok(()),
            }
        })
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if !self.disposed && !std::thread::panicking() {
            panic!("a launched program was dropped and not disposed of");
        }
    }
}
