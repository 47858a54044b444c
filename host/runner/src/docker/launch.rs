//! From what is wanted to a container that runs, in the order that is free of races: image, create, files, attach, start. What was made
//! is undone when a step fails or the launch is not wanted any more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::models::{ContainerCreateResponse, ContainerState};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, ContainerArchiveInfoOptionsBuilder,
    CreateContainerOptionsBuilder,
};
use futures_util::StreamExt;
use taffrail_core::launch::LaunchSpec;
use taffrail_engine::confined::Found;
use taffrail_engine::ports::{LaunchContext, Launched, Preparation, RunnerError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::create::{CreateContext, CreateRequest, WorkMount, create_request};
use super::credentials::CredentialSources;
use super::engine::{CALL, CallError, Engine, call};
use super::follow::{Asked, Follower, Output, Seen};
use super::image_name::ImageName;
use super::launched::{Belongings, Detached, LaunchedContainer};
use super::settings::{FileHandlingStrategy, WORK_DIR};
use super::upload::{contents, upload};
use super::user::{self, Owner};
use super::verdict::{self, bytes_in_words};
use super::{DockerRunner, names, pull};

/// How long a lost start may take to be seen.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// Pause before the engine is asked again after an answer was lost.
const PAUSE: Duration = Duration::from_millis(100);

/// How many pieces of output wait for whoever reads them; then the container waits.
const PIECES: usize = 64;

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
    let LaunchContext { stop, mut tell } = context;
    let mut made = Made::default();
    let outcome = tokio::select! {
        biased;
        () = stop => Err(RunnerError::Stopped),
        outcome = steps(runner, spec, &mut made, tell.as_mut()) => outcome,
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
    tell: &mut (dyn FnMut(Preparation<'_>) + Send),
) -> Result<Box<dyn Launched>, RunnerError> {
    let settings = &runner.settings;
    let image = match spec.image.as_deref().map(ImageName::parse) {
        Some(Ok(image)) => image,
        Some(Err(reason)) => return Err(RunnerError::Start(reason)),
        None => {
            return Err(RunnerError::Start(
                "no image is known for this task; name one with `containerImage`".to_owned(),
            ));
        }
    };
    let host = settings.host.as_ref().map(|host| host.as_str());
    let engine = runner.engines.engine(host).await?;
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
    let inspected = pull::ensure(&engine, &runner.engines.pulls, wanted, tell).await?;

    let store = runner.engines.store()?;
    let name = names::container_name(store, &spec.identity);
    let mount = match settings.file_handling_strategy {
        FileHandlingStrategy::Volume => WorkMount::Volume { name: name.clone() },
        FileHandlingStrategy::Mount => WorkMount::Bind {
            host_path: spec.working_dir.display().to_string(),
        },
    };
    let volume = matches!(mount, WorkMount::Volume { .. }).then(|| name.clone());
    let image_user = inspected
        .config
        .and_then(|config| config.user)
        .unwrap_or_default();
    let user = settings
        .user
        .as_ref()
        .map_or(image_user.as_str(), |user| user.as_str())
        .to_owned();
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
    for warning in &request.warnings {
        tell(Preparation::Warning(warning));
    }

    let launch = Launch {
        runner,
        spec,
        belongings: Belongings {
            engine,
            container: name,
            volume,
        },
        user,
        log_driver: log_driver(&request),
    };
    let probe = Probe::write(settings.file_handling_strategy, spec)?;
    let state = launch.create(made, request, tell).await?;
    if state.as_ref().is_some_and(verdict::has_started) {
        return Ok(launch.adopt());
    }
    if let Some(probe) = probe {
        probe.check(&launch.belongings).await?;
    }
    launch.fill().await?;
    launch.start().await
}

/// What the engine is to do with what the container writes.
fn log_driver(request: &CreateRequest) -> Option<String> {
    let config = request.body.host_config.as_ref()?.log_config.as_ref()?;
    config.typ.clone()
}

/// One launch, once it is known what is made where.
struct Launch<'a> {
    runner: &'a DockerRunner,
    spec: &'a LaunchSpec,
    belongings: Belongings,
    /// The user that the program runs as, as written.
    user: String,
    log_driver: Option<String>,
}

impl Launch<'_> {
    /// Makes the container, or finds the one that an earlier try or an earlier host made for the same. Gives the state of one that was
    /// there before.
    async fn create(
        &self,
        made: &mut Made,
        request: CreateRequest,
        tell: &mut (dyn FnMut(Preparation<'_>) + Send),
    ) -> Result<Option<ContainerState>, RunnerError> {
        let mut own_try_was_lost = false;
        let mut removed_once = false;
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
                    return Ok(None);
                }
                Ok(Err(error)) => error,
                Err(panic) => CallError::Gone(panic.to_string()),
            };
            match error {
                CallError::Refused(409, text) => {
                    // Nothing of another's must be removed if this goes wrong.
                    made.belongings = None;
                    let state = self.whose(&request, &text).await?;
                    made.belongings = Some(self.belongings.clone());
                    if self.runner.settings.resume || own_try_was_lost {
                        return Ok(Some(state));
                    }
                    if std::mem::replace(&mut removed_once, true) {
                        return Err(
                            CallError::Refused(409, text).into_runner("create the container")
                        );
                    }
                    self.belongings.remove().await?;
                }
                CallError::Gone(_) if !own_try_was_lost => {
                    // The engine may have made it all the same: a second try with the same name finds out.
                    own_try_was_lost = true;
                    tokio::time::sleep(PAUSE).await;
                }
                error => return Err(self.cannot_create(error)),
            }
        }
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

    fn cannot_create(&self, error: CallError) -> RunnerError {
        let text = error.to_string();
        let mounted = self.runner.settings.file_handling_strategy == FileHandlingStrategy::Mount;
        if mounted && text.contains("bind source path does not exist") {
            return not_the_same_disk(&self.belongings.engine, &text);
        }
        error.into_runner("create the container")
    }

    /// The state of the container that has the name, if it was made for this very thing.
    async fn whose(
        &self,
        request: &CreateRequest,
        conflict: &str,
    ) -> Result<ContainerState, RunnerError> {
        let name = &self.belongings.container;
        let inspect = self.belongings.engine.client.inspect_container(name, None);
        let found = call(CALL, inspect).await.map_err(|error| {
            error.into_runner("look at the container that has the name already")
        })?;
        let labels = found
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default();
        let ours = request.body.labels.iter().flatten();
        let is_same = ours
            .filter(|(name, _)| name.starts_with("taffrail."))
            .all(|(name, value)| labels.get(name) == Some(value));
        match found.state {
            Some(state) if is_same => Ok(state),
            _ => Err(RunnerError::Start(format!(
                "there is a container `{name}` that was made for something else: {conflict}"
            ))),
        }
    }

    /// Puts the working directory into the volume, where that is needed: the program must be able to write there, and finds its files.
    async fn fill(&self) -> Result<(), RunnerError> {
        let settings = &self.runner.settings;
        let working_dir = &self.spec.working_dir;
        let found = contents(working_dir)?;
        let numbers = user::by_numbers(&self.user);
        if settings.file_handling_strategy == FileHandlingStrategy::Mount {
            if !numbers.is_some_and(Owner::is_root) {
                open_to_all(working_dir, &found)?;
            }
            return Ok(());
        }
        if found.is_empty() && numbers.is_some_and(Owner::is_root) {
            return Ok(());
        }
        let (engine, container) = (&self.belongings.engine, &self.belongings.container);
        let owner = match numbers {
            Some(owner) => owner,
            None => user::by_names(engine, container, &self.user)
                .await
                .unwrap_or_default(),
        };
        let first = upload(engine, container, working_dir, found.clone(), owner).await;
        match first {
            // Nothing has run yet, so the same files can be sent again.
            Err(RunnerError::Unreachable(_)) => {
                upload(engine, container, working_dir, found, owner).await
            }
            other => other,
        }
    }

    async fn start(self) -> Result<Box<dyn Launched>, RunnerError> {
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
            Some(output) => self.follow(Some(output)),
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
        let not_found = ["executable file not found", "no such file or directory"]
            .iter()
            .any(|text| error.to_string().to_lowercase().contains(text));
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
            _ => error.into_runner("start the container"),
        }
    }

    /// Takes up a container that ran before this host looked.
    fn adopt(self) -> Box<dyn Launched> {
        self.follow(None)
    }

    fn follow(self, attached: Option<Output>) -> Box<dyn Launched> {
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
            follower: Some(tokio::spawn(follower.run(attached))),
            asked,
            delete: settings.delete,
            copies_files: settings.file_handling_strategy == FileHandlingStrategy::Volume,
            ended: false,
        })
    }
}

/// Lets every user of a container write to a working directory that it mounts. Its parents are the host's alone, so nobody else on
/// this machine gets in.
fn open_to_all(working_dir: &Path, found: &[Found]) -> Result<(), RunnerError> {
    use std::os::unix::fs::PermissionsExt;
    let open = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(|error| {
            RunnerError::Lost(format!(
                "cannot open `{}` to the container's user: {error}",
                path.display()
            ))
        })
    };
    open(working_dir, 0o777)?;
    for entry in found {
        let mode = if entry.is_dir {
            0o777
        } else {
            entry.mode | 0o666
        };
        open(&working_dir.join(&entry.path), mode)?;
    }
    Ok(())
}

/// A file in the working directory by which the engine can show that it sees the same disk.
struct Probe {
    name: String,
    path: PathBuf,
}

impl Probe {
    /// Writes one where the working directory is to be mounted.
    fn write(
        strategy: FileHandlingStrategy,
        spec: &LaunchSpec,
    ) -> Result<Option<Self>, RunnerError> {
        if strategy != FileHandlingStrategy::Mount {
            return Ok(None);
        }
        let random = blake3::hash(
            format!("{:?}{:?}", spec.identity, std::time::SystemTime::now()).as_bytes(),
        );
        let name = format!(".taffrail-probe-{}", &random.to_hex().as_str()[..16]);
        let path = spec.working_dir.join(&name);
        std::fs::File::create_new(&path).map_err(|error| {
            RunnerError::Lost(format!("cannot write `{}`: {error}", path.display()))
        })?;
        Ok(Some(Probe { name, path }))
    }

    async fn check(self, belongings: &Belongings) -> Result<(), RunnerError> {
        let path = format!("{WORK_DIR}/{}", self.name);
        let options = ContainerArchiveInfoOptionsBuilder::default()
            .path(&path)
            .build();
        let engine = &belongings.engine;
        let look = engine
            .client
            .get_container_archive_info(&belongings.container, Some(options));
        match call(CALL, look).await {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(404) => Err(not_the_same_disk(
                engine,
                "a file written there is not seen in the container",
            )),
            Err(error) => Err(error.into_runner("look at the mounted working directory")),
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // It is one more empty file in a directory that goes away anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn not_the_same_disk(engine: &Engine, why: &str) -> RunnerError {
    RunnerError::Start(format!(
        "`fileHandlingStrategy: MOUNT` needs an engine that sees this machine's disk, and {} does not ({why}); use VOLUME",
        engine.describe()
    ))
}
