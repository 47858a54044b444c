//! Takes up the container that an earlier host started for the very same launch: by its name, its labels and the digest of what was
//! asked for. Asks for no image, as the container has its own.

use taffrail_core::launch::LaunchSpec;
use taffrail_engine::ports::{LaunchContext, Launched, Preparation, RunnerError};

use super::DockerRunner;
use super::launch::{Launch, image, is_of};
use super::launched::Detached;
use super::names;
use super::verdict;

/// Takes up a container; see [`taffrail_engine::ports::Runner::take_up`].
pub(super) async fn take_up(
    runner: &DockerRunner,
    spec: &LaunchSpec,
    context: LaunchContext<'_>,
) -> Result<Option<Box<dyn Launched>>, RunnerError> {
    let LaunchContext {
        stop,
        mut tell,
        launched,
        ..
    } = context;
    tokio::select! {
        biased;
        () = stop => Err(RunnerError::Stopped),
        found = find(runner, spec, tell.as_mut(), launched) => found,
    }
}

async fn find(
    runner: &DockerRunner,
    spec: &LaunchSpec,
    tell: &mut (dyn FnMut(Preparation<'_>) + Send),
    launched: bool,
) -> Result<Option<Box<dyn Launched>>, RunnerError> {
    let settings = &runner.settings;
    let host = settings.host.as_ref().map(|host| host.as_str());
    let engine = runner.engines.engine(host).await?;
    let (launch, request) = Launch::new(runner, spec, engine, &image(spec)?)?;
    let container = launch.belongings.container.clone();
    let found = match launch.inspect().await {
        Ok(found) => found,
        Err(error) if error.status() == Some(404) => {
            // It may have been removed, and its volume not any more.
            if launch.belongings.volume.is_some() {
                launch.belongings.remove_volume_alone().await?;
            }
            if launched && settings.resume {
                return Err(RunnerError::Interrupted(format!(
                    "the container `{container}` is gone, and how it ended is not known"
                )));
            }
            return Ok(None);
        }
        Err(error) => return Err(error.into_runner("look for a container of an earlier run")),
    };
    let store = runner.engines.store()?;
    let labels = found
        .config
        .as_ref()
        .and_then(|config| config.labels.as_ref());
    // The name is made of the same, but anybody may give a container a name.
    let is_ours = names::labels(store, &spec.identity)
        .iter()
        .all(|(name, value)| labels.and_then(|labels| labels.get(name)) == Some(value));
    if !is_ours {
        return Err(launch.of_another("it does not carry the labels of this task run"));
    }
    let started = found.state.as_ref().is_some_and(verdict::has_started);
    if !settings.resume || !started {
        // One that was never started has perhaps not all of its files.
        launch.belongings.remove().await?;
        return Ok(None);
    }
    if !is_of(&found, &request) {
        return Err(launch.of_another(
            "since it was started, the flow, its inputs, its secrets or the way it is run have changed",
        ));
    }
    tell(Preparation::Warning(&format!(
        "took up the container `{container}`, which an earlier run started"
    )));
    if !settings.wait {
        return Ok(Some(Box::new(Detached)));
    }
    let mut launched = launch.follow(None, None);
    launched.running_for = found
        .state
        .as_ref()
        .filter(|state| verdict::is_running(state))
        .and_then(verdict::running_for)
        .unwrap_or_default();
    Ok(Some(launched))
}
