//! From a container that was made to one that runs and is followed: attach, start, and what became of a start whose answer was lost.

use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::AttachContainerOptionsBuilder;
use futures_util::StreamExt;
use serde_json::{Map, Value};
use taffrail_engine::ports::{Launched, RunnerError};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::engine::{CALL, CallError, call};
use super::follow::{Asked, Follower, Output, Seen};
use super::launch::{Launch, PAUSE};
use super::launched::{Detached, LaunchedContainer};
use super::upload::Sent;
use super::verdict::{self, bytes_in_words};
use super::{refusals, wrong};

/// How long a lost start may take to be seen.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// How many pieces of output wait for whoever reads them; then the container waits.
const PIECES: usize = 64;

impl Launch<'_> {
    /// Starts the container. `sent` is what is in its working directory.
    pub(super) async fn start(
        self,
        sent: Arc<Vec<Sent>>,
    ) -> Result<Box<dyn Launched>, RunnerError> {
        let (engine, container) = (&self.belongings.engine, &self.belongings.container);
        let settings = &self.runner.settings;
        let attached = if settings.wait {
            Some(self.attach().await?)
        } else {
            None
        };
        let begun = Instant::now();
        let mut started_twice = false;
        loop {
            let error = match call(CALL, engine.client.start_container(container, None)).await {
                Ok(()) => break,
                Err(error) => error,
            };
            if !error.is_gone() {
                return Err(self.cannot_start(error).await);
            }
            // Started or not: a second start of one that has ended already would run it again, so the engine is asked.
            if self.was_started(begun).await? {
                break;
            }
            if std::mem::replace(&mut started_twice, true) {
                return Err(error.into_runner("start the container"));
            }
        }
        Ok(match attached {
            Some(output) => self.follow(Some(output), Some(sent)),
            None => Box::new(Detached),
        })
    }

    /// Attaches before the start, so that nothing of what is written can be missed.
    async fn attach(&self) -> Result<Output, RunnerError> {
        let options = AttachContainerOptionsBuilder::default()
            .stream(true)
            .stdout(true)
            .stderr(true)
            .build();
        let (engine, container) = (&self.belongings.engine, &self.belongings.container);
        let mut tried_again = false;
        loop {
            let attach = engine
                .client
                .attach_container(container, Some(options.clone()));
            match call(CALL, attach).await {
                Ok(attached) => return Ok(attached.output.boxed()),
                // Nothing has run yet, so a second attachment misses nothing.
                Err(error) if error.is_gone() && !std::mem::replace(&mut tried_again, true) => {}
                // Podman makes the program ready here, and finds out that there is none.
                Err(error) => return Err(self.cannot_start(error).await),
            }
        }
    }

    /// Whether a start whose answer was lost has worked.
    async fn was_started(&self, begun: Instant) -> Result<bool, RunnerError> {
        loop {
            let inspect = self
                .belongings
                .engine
                .client
                .inspect_container(&self.belongings.container, None);
            match call(CALL, inspect).await {
                Ok(answer) => {
                    let state = answer.state.unwrap_or_default();
                    if verdict::has_started(&state) {
                        return Ok(true);
                    }
                }
                Err(error) if error.status().is_some() => {
                    return Err(error.into_runner("say whether the container was started"));
                }
                Err(_) => {}
            }
            if begun.elapsed() > START_PATIENCE {
                return Ok(false);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The engine refuses to start what it made: the program is missing, a mount or a device is not there. The container says which.
    async fn cannot_start(&self, error: CallError) -> RunnerError {
        let doing = "start the container";
        let written = &self.runner.written;
        if is_about_settings(&error, written) {
            return wrong::refused(&self.belongings, written, doing, error).await;
        }
        let inspect = self
            .belongings
            .engine
            .client
            .inspect_container(&self.belongings.container, None);
        let code = match call(CALL, inspect).await {
            Ok(answer) => answer.state.and_then(|state| state.exit_code),
            Err(_) => None,
        };
        let program = self.spec.argv.first().map_or("", String::as_str);
        let image = self.spec.image.as_deref().unwrap_or_default();
        let not_found = is_about_a_program(&error.to_string());
        match code {
            Some(127) => RunnerError::Start(format!(
                "`{program}` cannot be started in a container of `{image}`: {error} (exit code 127)"
            )),
            Some(126) => RunnerError::Start(format!(
                "`{program}` is no program that can be started in a container of `{image}`: {error} (exit code 126)"
            )),
            _ if not_found && error.status().is_some() => RunnerError::Start(format!(
                "`{program}` cannot be started in a container of `{image}`: {error}"
            )),
            _ => wrong::refused(&self.belongings, written, doing, error).await,
        }
    }

    /// Follows a container that was started. `attached` is its output where an attachment was made before that, `sent` what was put
    /// into its working directory, where that is known.
    pub(super) fn follow(
        self,
        attached: Option<Output>,
        sent: Option<Arc<Vec<Sent>>>,
    ) -> Box<LaunchedContainer> {
        let settings = &self.runner.settings;
        let (sender, receiver) = mpsc::channel(PIECES);
        let asked = Asked::default();
        let driver = self.log_driver.as_deref();
        let follower = Follower {
            engine: self.belongings.engine.clone(),
            container: self.belongings.container.clone(),
            readable: driver != Some("none"),
            exact: matches!(driver, Some("local" | "k8s-file" | "journald")),
            memory_limit: settings
                .memory
                .memory
                .map(|size| bytes_in_words(size.bytes())),
            asked: asked.clone(),
            sender,
            seen: Seen::default(),
        };
        Box::new(LaunchedContainer {
            belongings: self.belongings,
            receiver,
            killing: None,
            follower: Some(tokio::spawn(follower.run(attached))),
            asked,
            delete: settings.delete,
            copies_files: !settings.mounts_files(),
            mounted: (settings.mounts_files()).then(|| self.spec.working_dir.clone()),
            sent,
            stop_signal: settings
                .stop_signal
                .as_ref()
                .map_or("SIGTERM", |signal| signal.as_str())
                .to_owned(),
            running_for: Duration::ZERO,
            ended: false,
        })
    }
}

/// Whether what the engine says means one of the flow's settings.
fn is_about_settings(error: &CallError, written: &Map<String, Value>) -> bool {
    matches!(error, CallError::Refused(_, text) if refusals::read(text, written).is_some())
}

/// Whether what the engine says of a container that it could not start is that its program is not there, and not a device or a mount.
fn is_about_a_program(refusal: &str) -> bool {
    let refusal = refusal.to_lowercase();
    let executes = ["exec: ", "exec /"]
        .iter()
        .any(|word| refusal.contains(word));
    refusal.contains("executable file") && refusal.contains("not found")
        || executes && refusal.contains("no such file or directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_device_is_no_missing_program() {
        let programs = [
            "OCI runtime create failed: runc create failed: unable to start container process: exec: \"nosuch\": executable file not found in $PATH: unknown",
            "exec: \"/bin/nosuch\": stat /bin/nosuch: no such file or directory: unknown",
            "exec /script.sh: no such file or directory",
            "crun: executable file `nosuch` not found in $PATH: No such file or directory",
        ];
        for refusal in programs {
            assert!(is_about_a_program(refusal), "{refusal}");
        }
        let others = [
            "error gathering device information while adding custom device \"/dev/nosuch\": no such file or directory",
            "failed to mount /nosuch: no such file or directory",
            "network nosuch not found",
        ];
        for refusal in others {
            assert!(!is_about_a_program(refusal), "{refusal}");
        }
    }
}
