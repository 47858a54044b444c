//! From what is wanted to a container that runs, in the order that is free of races: image, create, files, attach, start. What was made
//! is undone when a step fails or the launch is not wanted any more.

use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerCreateResponse, ContainerInspectResponse};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use taffrail_core::image_name::ImageName;
use taffrail_core::launch::LaunchSpec;
use taffrail_engine::failpoint;
use taffrail_engine::ports::{BoxFuture, LaunchContext, Launched, Preparation, RunnerError};
use tokio::task::JoinHandle;

use super::create::{CreateContext, CreateRequest, WorkMount, create_request, limits_of};
use super::credentials::CredentialSources;
use super::engine::{CALL, CallError, Engine, call};
use super::launched::Belongings;
use super::mounted::{Probe, not_the_same_disk, open_to_all};
use super::upload::{Sent, contents, upload};
use super::user::{self, Owner};
use super::{DockerRunner, names, pull, wrong};

/// Pause before the engine is asked again after an answer was lost.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// In Podman's answer where it has no init.
const NO_INIT: &str = "container-init binary not found";

/// Takes the init out of a request; false where there is none in it.
fn without_init(request: &mut CreateRequest) -> bool {
    let config = request.body.host_config.as_mut();
    config.is_some_and(|config| config.init.replace(false) == Some(true))
}

/// What was made on the way.
#[derive(Default)]
struct Made {
    belongings: Option<Belongings>,
    /// The call that makes the container. It is never dropped half-way: its answer could be a container that nobody knows of.
    creating: Option<JoinHandle<Result<ContainerCreateResponse, CallError>>>,
}

impl Made {
    async fn undo(self) -> Result<(), RunnerError> {
        if let Some(creating) = self.creating {
            // Whatever the answer is, the name is removed next.
            let _ = tokio::time::timeout(CALL, creating).await;
        }
        match self.belongings {
            Some(belongings) => belongings.remove().await,
            None => Ok(()),
        }
    }
}

/// Launches a container; see [`taffrail_engine::ports::Runner::launch`].
pub(super) async fn launch(
    runner: &DockerRunner,
    spec: &LaunchSpec,
    context: LaunchContext<'_>,
) -> Result<Box<dyn Launched>, RunnerError> {
    let LaunchContext {
        may_begin,
        stop,
        mut tell,
        ..
    } = context;
    let mut made = Made::default();
    let outcome = tokio::select! {
        biased;
        () = stop => Err(RunnerError::Stopped),
        outcome = steps(runner, spec, &mut made, may_begin, tell.as_mut()) => outcome,
    };
    match outcome {
        Ok(launched) => Ok(launched),
        Err(error) => {
            if let Err(left) = made.undo().await {
                tell(Preparation::Warning(&left.to_string()));
            }
            Err(error)
        }
    }
}

async fn steps(
    runner: &DockerRunner,
    spec: &LaunchSpec,
    made: &mut Made,
    may_begin: BoxFuture<'_, Result<(), RunnerError>>,
    tell: &mut (dyn FnMut(Preparation<'_>) + Send),
) -> Result<Box<dyn Launched>, RunnerError> {
    let settings = &runner.settings;
    let image = image(spec)?;
    let host = settings.host.as_ref().map(|host| host.as_str());
    let mut engine = runner.engines.engine(host).await?;
    if !limits_of(settings).is_empty() {
        engine.ask_for_limits().await;
    }
    let wanted = pull::Wanted {
        image: &image,
        policy: settings.pull_policy,
        platform: settings.platform.as_ref().map(|platform| platform.as_str()),
        credentials: CredentialSources {
            flow: settings.credentials.clone(),
            config: settings.config.clone(),
            environment: runner.engines.environment.clone(),
            trusted: host.is_none_or(|host| host.starts_with("unix://")),
        },
    };
    let looked = pull::look(&engine, &runner.engines, &wanted).await?;
    // What this engine lacks is told before anything is pulled.
    let (mut launch, request) = Launch::new(runner, spec, engine.clone(), &image)?;
    for warning in &request.warnings {
        tell(Preparation::Warning(warning));
    }
    // Nothing is made before this is done; what was only asked, was asked while the disk worked.
    may_begin.await?;
    let inspected = pull::ensure(&engine, looked, wanted, tell).await?;
    if settings.user.is_none() {
        launch.user = inspected
            .config
            .and_then(|config| config.user)
            .unwrap_or_default();
    }
    let probe = match settings.mounts_files() {
        true => Some(Probe::write(spec)?),
        false => None,
    };
    launch.create(made, request, tell).await?;
    failpoint::reach("created");
    if let Some(probe) = probe {
        probe.check(&launch.belongings).await?;
    }
    let sent = launch.fill().await?;
    failpoint::reach("filled");
    launch.start(sent).await
}

/// The image that a launch names.
pub(super) fn image(spec: &LaunchSpec) -> Result<ImageName, RunnerError> {
    match spec.image.as_deref().map(ImageName::parse) {
        Some(parsed) => parsed.map_err(RunnerError::Start),
        None => Err(RunnerError::Start(
            "no image is known for this task; name one with `containerImage`".to_owned(),
        )),
    }
}

/// What the engine is to do with what the container writes.
fn log_driver(request: &CreateRequest) -> Option<String> {
    let config = request.body.host_config.as_ref()?.log_config.as_ref()?;
    config.typ.clone()
}

/// One launch, once it is known what is made where.
pub(super) struct Launch<'a> {
    pub(super) runner: &'a DockerRunner,
    pub(super) spec: &'a LaunchSpec,
    pub(super) belongings: Belongings,
    /// The user that the program runs as, as written.
    user: String,
    pub(super) log_driver: Option<String>,
}

impl<'a> Launch<'a> {
    /// Names what is to be made on an engine, and the request that makes it. The user is that of the settings; the image's is not
    /// known here.
    pub(super) fn new(
        runner: &'a DockerRunner,
        spec: &'a LaunchSpec,
        engine: Engine,
        image: &ImageName,
    ) -> Result<(Self, CreateRequest), RunnerError> {
        let settings = &runner.settings;
        let store = runner.engines.store()?;
        let name = names::container_name(store, &spec.identity);
        let mount = WorkMount::of(settings, spec, &name);
        let volume = matches!(mount, WorkMount::Volume { .. }).then(|| name.clone());
        let context = CreateContext {
            image: image.to_string(),
            name: name.clone(),
            labels: names::labels(store, &spec.identity),
            work: mount,
            engine: engine.facts.clone(),
            proxies: runner.proxies(&engine),
        };
        let mut request = create_request(settings, spec, &context).map_err(|errors| {
            let texts: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            RunnerError::Start(format!("{}: {}", engine.describe(), texts.join("; ")))
        })?;
        let digest = names::spec_digest(store, request.body_json().to_string().as_bytes());
        request
            .body
            .labels
            .get_or_insert_default()
            .insert(names::SPEC.to_owned(), digest);
        let user = settings.user.as_ref().map(|user| user.as_str());
        let launch = Launch {
            runner,
            spec,
            belongings: Belongings {
                engine,
                container: name,
                volume,
            },
            user: user.unwrap_or_default().to_owned(),
            log_driver: log_driver(&request),
        };
        Ok((launch, request))
    }
}

impl Launch<'_> {
    /// Makes the container, or finds the one that an own try made whose answer was lost.
    async fn create(
        &self,
        made: &mut Made,
        mut request: CreateRequest,
        tell: &mut (dyn FnMut(Preparation<'_>) + Send),
    ) -> Result<(), RunnerError> {
        let mut own_try_was_lost = false;
        loop {
            made.creating = Some(self.begin_to_create(&request));
            made.belongings = Some(self.belongings.clone());
            let Some(creating) = made.creating.as_mut() else {
                continue;
            };
            let answer = creating.await;
            made.creating = None;
            let error = match answer {
                Ok(Ok(created)) => {
                    for warning in created
                        .warnings
                        .iter()
                        .filter(|warning| !warning.is_empty())
                    {
                        tell(Preparation::Warning(&format!("the engine says: {warning}")));
                    }
                    return Ok(());
                }
                Ok(Err(error)) => error,
                Err(panic) => CallError::Gone(panic.to_string()),
            };
            match error {
                CallError::Refused(409, text) => {
                    // Nothing of another's must be removed if this goes wrong.
                    made.belongings = None;
                    if !own_try_was_lost {
                        return Err(
                            CallError::Refused(409, text).into_runner("create the container")
                        );
                    }
                    let found = self.inspect().await.map_err(|error| {
                        error.into_runner("look at the container that has the name already")
                    })?;
                    if !is_of(&found, &request) {
                        return Err(self.of_another(&text));
                    }
                    made.belongings = Some(self.belongings.clone());
                    return Ok(());
                }
                CallError::Gone(_) if !own_try_was_lost => {
                    // The engine may have made it all the same: a second try with the same name finds out.
                    own_try_was_lost = true;
                    tokio::time::sleep(PAUSE).await;
                }
                CallError::Refused(_, text)
                    if text.contains(NO_INIT) && without_init(&mut request) =>
                {
                    // Podman does not say beforehand whether it has one.
                    tell(Preparation::Warning(
                        "`init` has no effect: this engine has none (Podman needs `catatonit`), so SIGTERM may not end the task",
                    ));
                }
                error => return Err(self.cannot_create(error).await),
            }
        }
    }

    pub(super) async fn inspect(&self) -> Result<ContainerInspectResponse, CallError> {
        let client = &self.belongings.engine.client;
        call(
            CALL,
            client.inspect_container(&self.belongings.container, None),
        )
        .await
    }

    /// That the container of this name was made for something else.
    pub(super) fn of_another(&self, why: &str) -> RunnerError {
        RunnerError::Start(format!(
            "there is a container `{}` that was made for something else: {why}",
            self.belongings.container
        ))
    }

    fn begin_to_create(
        &self,
        request: &CreateRequest,
    ) -> JoinHandle<Result<ContainerCreateResponse, CallError>> {
        let mut options = CreateContainerOptionsBuilder::default().name(&request.name);
        if let Some(platform) = &request.platform {
            options = options.platform(platform);
        }
        let (options, body) = (options.build(), request.body.clone());
        let client = self.belongings.engine.client.clone();
        tokio::spawn(async move { call(CALL, client.create_container(Some(options), body)).await })
    }

    async fn cannot_create(&self, error: CallError) -> RunnerError {
        let text = error.to_string();
        let mounted = self.runner.settings.mounts_files();
        if mounted && text.contains("bind source path does not exist") {
            return not_the_same_disk(&self.belongings.engine, &text);
        }
        wrong::refused(
            &self.belongings,
            &self.runner.written,
            "create the container",
            error,
        )
        .await
    }

    /// Puts the working directory into the volume, where that is needed: the program must be able to write there, and finds its files.
    /// Gives what was sent.
    async fn fill(&self) -> Result<Arc<Vec<Sent>>, RunnerError> {
        let settings = &self.runner.settings;
        let working_dir = &self.spec.working_dir;
        let found = contents(working_dir)?;
        let numbers = user::by_numbers(&self.user);
        if settings.mounts_files() {
            if !numbers.is_some_and(Owner::is_root) {
                open_to_all(working_dir, &found)?;
            }
            return Ok(Arc::default());
        }
        // The engine makes the directory that the program starts in.
        let is_made = settings.working_dir.is_none() && numbers.is_some_and(Owner::is_root);
        if found.is_empty() && is_made {
            return Ok(Arc::default());
        }
        let found = Arc::new(Sent::plan(found));
        let (engine, container) = (&self.belongings.engine, &self.belongings.container);
        let owner = match numbers {
            Some(owner) => owner,
            None => user::by_names(engine, container, &self.user)
                .await
                .unwrap_or_default(),
        };
        match upload(engine, container, working_dir, &found, owner).await {
            // Nothing has run yet, so the same files can be sent again.
            Err(RunnerError::Unreachable(_)) => {
                upload(engine, container, working_dir, &found, owner).await?;
            }
            other => other?,
        }
        Ok(found)
    }
}

/// Whether a container was made by a request of ours: for the same task run, and for the very same thing.
pub(super) fn is_of(found: &ContainerInspectResponse, request: &CreateRequest) -> bool {
    let labels = found
        .config
        .as_ref()
        .and_then(|config| config.labels.as_ref());
    let ours = request.body.labels.iter().flatten();
    ours.filter(|(name, _)| name.starts_with("taffrail."))
        .all(|(name, value)| labels.and_then(|labels| labels.get(name)) == Some(value))
}
