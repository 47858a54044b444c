//! A container that runs for a task: what it writes, how it is told to end, and what is removed afterwards.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::{
    KillContainerOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use taffrail_core::launch::ExitStatus;
use taffrail_core::name::RelPath;
use taffrail_engine::ports::{BoxFuture, Exit, Launched, RunnerError, Step, Stop};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::download::{download, download_changes};
use super::engine::{CALL, CallError, Engine, call};
use super::follow::{Asked, Item};
use super::reclaim::reclaim;
use super::upload::Sent;

/// How often, and how far apart, a removal is tried that is refused because something is still in use.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// What belongs to a task run on an engine.
#[derive(Debug, Clone)]
pub(super) struct Belongings {
    pub(super) engine: Engine,
    /// The container's name.
    pub(super) container: String,
    /// The name of the volume for files, where there is one.
    pub(super) volume: Option<String>,
}

impl Belongings {
    /// Removes the container, running or not, and the volume. What is not there any more is no error.
    ///
    /// # Errors
    /// What is left, and why.
    pub(super) async fn remove(&self) -> Result<(), RunnerError> {
        let container = self.remove_container().await;
        let volume = match &self.volume {
            Some(volume) => self.remove_volume(volume).await,
            None => Ok(()),
        };
        let left: Vec<String> = [
            container
                .err()
                .map(|error| format!("the container `{}` is left: {error}", self.container)),
            volume.err().map(|error| {
                let volume = self.volume.as_deref().unwrap_or_default();
                format!("the volume `{volume}` is left: {error}")
            }),
        ]
        .into_iter()
        .flatten()
        .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(RunnerError::Lost(format!(
                "{}; `taffrail prune` tries again",
                left.join("; ")
            )))
        }
    }

    async fn remove_container(&self) -> Result<(), CallError> {
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        self.until_gone(|| {
            self.engine
                .client
                .remove_container(&self.container, Some(options.clone()))
        })
        .await
    }

    /// Removes the volume of a container that is gone.
    ///
    /// # Errors
    /// That it is left, and why.
    pub(super) async fn remove_volume_alone(&self) -> Result<(), RunnerError> {
        let volume = self.volume.as_deref().unwrap_or(&self.container);
        self.remove_volume(volume)
            .await
            .map_err(|error| RunnerError::Lost(format!("the volume `{volume}` is left: {error}")))
    }

    async fn remove_volume(&self, volume: &str) -> Result<(), CallError> {
        let options = RemoveVolumeOptionsBuilder::default().force(true).build();
        self.until_gone(|| {
            self.engine
                .client
                .remove_volume(volume, Some(options.clone()))
        })
        .await
    }

    /// Repeats a removal until the engine says that there is nothing to remove, or that it did.
    async fn until_gone<F>(&self, mut remove: impl FnMut() -> F) -> Result<(), CallError>
    where
        F: Future<Output = Result<(), bollard::errors::Error>>,
    {
        let mut tries = 0;
        loop {
            let error = match call(CALL, remove()).await {
                Ok(()) => return Ok(()),
                Err(error) if error.status() == Some(404) => return Ok(()),
                Err(error) => error,
            };
            tries += 1;
            // A lost answer, something still in use, or a removal that is under way already: ask again.
            let again = match &error {
                CallError::Refused(status, _) => *status == 409 || *status >= 500,
                CallError::Gone(_) => true,
                CallError::Late(_) => false,
            };
            if !again || tries == TRIES {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A container that was started.
pub(super) struct LaunchedContainer {
    pub(super) belongings: Belongings,
    pub(super) receiver: mpsc::Receiver<Item>,
    /// Sends it SIGKILL, until the engine has answered.
    pub(super) killing: Option<JoinHandle<Result<(), RunnerError>>>,
    /// None once it is not followed any more.
    pub(super) follower: Option<JoinHandle<()>>,
    pub(super) asked: Asked,
    /// Whether nothing of it stays.
    pub(super) delete: bool,
    /// Whether files must be brought back, because the working directory is not shared.
    pub(super) copies_files: bool,
    /// The working directory on this host, where the container mounts it.
    pub(super) mounted: Option<PathBuf>,
    /// What was put into the working directory, where that is known.
    pub(super) sent: Option<Arc<Vec<Sent>>>,
    /// What it is sent when it is asked to end.
    pub(super) stop_signal: String,
    /// How long it had run when it was taken up.
    pub(super) running_for: Duration,
    /// Given once the container has ended.
    pub(super) ended: bool,
}

impl LaunchedContainer {
    async fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, RunnerError> {
        let item = tokio::select! {
            biased;
            item = self.receiver.recv() => item,
            error = not_sent(&mut self.killing) => return Err(error),
        };
        match item {
            Some(Item::Output(stream, bytes)) => {
                buffer.clear();
                buffer.extend_from_slice(&bytes);
                Ok(Step::Output(stream))
            }
            Some(Item::Told(what)) => Ok(Step::Told(what)),
            Some(Item::Ended(end)) => {
                self.ended = true;
                self.give_back(end).await.map(Step::Exited)
            }
            None => Err(RunnerError::Lost(
                "the container is not followed any more".to_owned(),
            )),
        }
    }

    /// Lets this host read and remove what the container made in the working directory that it mounts.
    async fn give_back(&self, end: Result<Exit, RunnerError>) -> Result<Exit, RunnerError> {
        let Some(working_dir) = &self.mounted else {
            return end;
        };
        let (engine, container) = (&self.belongings.engine, &self.belongings.container);
        let given = reclaim(engine, container, working_dir).await;
        let mut exit = end?;
        if let Err(error) = given {
            let left = format!("not all that it left can be read or removed: {error}");
            exit.note = Some(
                exit.note
                    .map_or(left.clone(), |note| format!("{note}; {left}")),
            );
        }
        Ok(exit)
    }

    async fn tell(&mut self, how: Stop) -> Result<(), RunnerError> {
        if self.ended {
            return Ok(());
        }
        self.asked.set(how);
        match how {
            Stop::Ask => self.signal(self.stop_signal.clone()).await,
            // Docker answers only once what it killed has ended, and for that its output must be taken, by whoever would wait here.
            Stop::Kill => {
                self.killing = Some(tokio::spawn(self.signal("SIGKILL".to_owned())));
                Ok(())
            }
        }
    }

    /// Sends it a signal.
    fn signal(
        &self,
        signal: String,
    ) -> impl Future<Output = Result<(), RunnerError>> + Send + 'static {
        let client = self.belongings.engine.client.clone();
        let container = self.belongings.container.clone();
        async move {
            let options = KillContainerOptionsBuilder::default()
                .signal(&signal)
                .build();
            match call(CALL, client.kill_container(&container, Some(options))).await {
                Ok(()) => Ok(()),
                // It has ended, or is gone.
                Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(()),
                // Podman's word for the same.
                Err(CallError::Refused(_, text))
                    if text.contains("not running")
                        || text.contains("state improper")
                        // It was sent, and its effect was waited for in vain.
                        || text.contains("timed out waiting for file") =>
                {
                    Ok(())
                }
                Err(error) => Err(RunnerError::Unreachable(format!(
                    "the container cannot be sent {signal}: {error}"
                ))),
            }
        }
    }

    async fn release(mut self) -> Result<(), RunnerError> {
        if let Some(follower) = self.follower.take() {
            follower.abort();
            // It was told to end; what it says is of no interest.
            let _ = follower.await;
        }
        if self.delete {
            return self.belongings.remove().await;
        }
        if self.ended {
            return Ok(());
        }
        self.signal("SIGKILL".to_owned()).await
    }
}

/// Waits until a signal could not be sent; for ever where it could, or none is sent.
async fn not_sent(sending: &mut Option<JoinHandle<Result<(), RunnerError>>>) -> RunnerError {
    if let Some(sent) = sending {
        let sent = sent.await;
        *sending = None;
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(panic) => return RunnerError::Lost(format!("a signal was not sent: {panic}")),
        }
    }
    std::future::pending().await
}

impl Launched for LaunchedContainer {
    fn running_for(&self) -> Duration {
        self.running_for
    }

    fn next<'a>(&'a mut self, buffer: &'a mut Vec<u8>) -> BoxFuture<'a, Result<Step, RunnerError>> {
        Box::pin(self.step(buffer))
    }

    fn stop<'a>(&'a mut self, how: Stop) -> BoxFuture<'a, Result<(), RunnerError>> {
        Box::pin(self.tell(how))
    }

    fn fetch<'a>(
        &'a mut self,
        patterns: &'a [String],
        into: &'a Path,
    ) -> BoxFuture<'a, Result<Vec<RelPath>, RunnerError>> {
        Box::pin(async move {
            if !self.copies_files || patterns.is_empty() {
                return Ok(Vec::new());
            }
            let (engine, container) = (&self.belongings.engine, &self.belongings.container);
            let first = download(engine, container, patterns, into).await;
            match first {
                // The container has ended, so its files are still the same.
                Err(RunnerError::Unreachable(_) | RunnerError::Lost(_)) => {
                    download(engine, container, patterns, into).await
                }
                other => other,
            }
        })
    }

    fn fetch_changes<'a>(
        &'a mut self,
        into: &'a Path,
    ) -> BoxFuture<'a, Result<Vec<RelPath>, RunnerError>> {
        Box::pin(async move {
            if !self.copies_files {
                return Ok(Vec::new());
            }
            let (engine, container) = (&self.belongings.engine, &self.belongings.container);
            let sent = self.sent.as_ref().map_or(&[][..], |sent| sent.as_slice());
            match download_changes(engine, container, sent, into).await {
                Err(RunnerError::Unreachable(_) | RunnerError::Lost(_)) => {
                    download_changes(engine, container, sent, into).await
                }
                other => other,
            }
        })
    }

    fn dispose(self: Box<Self>) -> BoxFuture<'static, Result<(), RunnerError>> {
        Box::pin(self.release())
    }
}

/// A container that is dropped without having been disposed of (a panic, a future that nobody awaits any more) is removed in the
/// background, as long as there is one.
impl Drop for LaunchedContainer {
    fn drop(&mut self) {
        let Some(follower) = self.follower.take() else {
            return;
        };
        follower.abort();
        if let (true, Ok(runtime)) = (self.delete, tokio::runtime::Handle::try_current()) {
            let belongings = self.belongings.clone();
            runtime.spawn(async move {
                if let Err(error) = belongings.remove().await {
                    tracing::warn!("{error}");
                }
            });
        }
    }
}

/// A container that nobody waits for: the task is over as soon as it runs, and everything of it stays.
pub(super) struct Detached;

impl Launched for Detached {
    fn next<'a>(
        &'a mut self,
        _buffer: &'a mut Vec<u8>,
    ) -> BoxFuture<'a, Result<Step, RunnerError>> {
        Box::pin(async {
            Ok(Step::Exited(Exit {
                status: ExitStatus::Code(0),
                left_behind: Vec::new(),
                note: None,
                timed_out: false,
            }))
        })
    }

    fn stop<'a>(&'a mut self, _how: Stop) -> BoxFuture<'a, Result<(), RunnerError>> {
        Box::pin(async { Ok(()) })
    }

    fn dispose(self: Box<Self>) -> BoxFuture<'static, Result<(), RunnerError>> {
        Box::pin(async { Ok(()) })
    }
}
