//! The engines that this process talks to: found once, shared by all tasks, with the pulls that are under way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bollard::models::ImageInspect;
use taffrail_core::image_name::ImageName;
use taffrail_engine::ports::RunnerError;

use super::address::{Candidate, ClientEnvironment, candidates};
use super::engine::Engine;
use super::pull::{self, Pulls};

/// Gives the id of the store that containers belong to, so that those of another host on the same engine are not taken for its own.
/// Asked once, when the first container is to be made.
pub type StoreId = Box<dyn Fn() -> Result<String, String> + Send + Sync>;

/// For so long it counts what was found out before anybody asked.
const FRESH: Duration = Duration::from_secs(1);

/// What was found out of the usual engine before anybody asked. Held while it is found out, so that who asks waits for it.
#[derive(Debug, Default)]
struct Early {
    /// That none answers, and when that was known.
    failed: tokio::sync::Mutex<Option<(Instant, RunnerError)>>,
    /// What the engine says of an image.
    image: tokio::sync::Mutex<Option<(Instant, ImageName, ImageInspect)>>,
}

/// The engines of this process.
pub struct Engines {
    /// How engines and registries are reached.
    pub(super) environment: ClientEnvironment,
    /// Pulls under way.
    pub(super) pulls: Pulls,
    store: StoreId,
    known_store: OnceLock<String>,
    /// By the `host` of the runner.
    found: Mutex<BTreeMap<Option<String>, Engine>>,
    early: Early,
    sockets: OnceLock<Vec<String>>,
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engines").finish_non_exhaustive()
    }
}

impl Engines {
    /// Engines that are looked for as this environment says, for the store that this id names.
    pub fn new(environment: ClientEnvironment, store: StoreId) -> Arc<Self> {
        Arc::new(Engines {
            environment,
            pulls: Pulls::default(),
            store,
            known_store: OnceLock::new(),
            found: Mutex::default(),
            early: Early::default(),
            sockets: OnceLock::new(),
        })
    }

    /// Whose containers they are.
    pub(super) fn store(&self) -> Result<&str, RunnerError> {
        if let Some(known) = self.known_store.get() {
            return Ok(known);
        }
        let store = (self.store)().map_err(RunnerError::Lost)?;
        Ok(self.known_store.get_or_init(|| store))
    }

    /// The engine at `host`, or where it is usually found. One that was found is kept.
    ///
    /// # Errors
    /// [`RunnerError::Unreachable`] with all that was tried and what to do.
    pub async fn engine(&self, host: Option<&str>) -> Result<Engine, RunnerError> {
        if let Some(engine) = self.known(host) {
            return Ok(engine);
        }
        if host.is_none() {
            let failed = self.early.failed.lock().await.take();
            match failed.filter(|(at, _)| at.elapsed() < FRESH) {
                Some((_, error)) => return Err(error),
                None => {
                    if let Some(engine) = self.known(host) {
                        return Ok(engine);
                    }
                }
            }
        }
        self.look_for(host).await
    }

    /// The sockets of this machine behind which an engine is looked for where a runner names none.
    pub(super) fn sockets(&self) -> &[String] {
        self.sockets.get_or_init(|| {
            let candidates = candidates(None, &self.environment).unwrap_or_default();
            let path = |at: &Candidate| at.address.strip_prefix("unix://").map(str::to_owned);
            candidates.iter().filter_map(path).collect()
        })
    }

    /// Greets the engine that tasks get without a `host`, and asks it for an image, before it is certain that anybody wants it. Only
    /// one behind a socket of this machine: it knows nothing of it otherwise, and nothing is started for it.
    pub async fn expect(&self, image: Option<ImageName>) {
        let is_near = |candidate: &Candidate| candidate.address.starts_with("unix://");
        match candidates(None, &self.environment) {
            Ok(candidates) if candidates.iter().all(is_near) => {}
            _ => return,
        }
        let mut failed = self.early.failed.lock().await;
        let mut seen = self.early.image.lock().await;
        let engine = match self.look_for(None).await {
            Ok(engine) => engine,
            Err(error) => {
                *failed = Some((Instant::now(), error));
                return;
            }
        };
        drop(failed);
        let Some(name) = image else { return };
        // What goes wrong is found out again, and told, by whoever wants the image.
        if let Ok(Some(image)) = pull::inspect(&engine, &name.to_string()).await {
            *seen = Some((Instant::now(), name, image));
        }
    }

    /// What this engine was found to say of an image, once.
    pub(super) async fn seen_early(
        &self,
        engine: &Engine,
        name: &ImageName,
    ) -> Option<ImageInspect> {
        let mut seen = self.early.image.lock().await;
        let is_wanted = |(at, of, _): &mut (Instant, ImageName, ImageInspect)| {
            at.elapsed() < FRESH
                && of == name
                && self.known(None).is_some_and(|usual| usual.at == engine.at)
        };
        seen.take_if(is_wanted).map(|(.., image)| image)
    }

    async fn look_for(&self, host: Option<&str>) -> Result<Engine, RunnerError> {
        let key = host.map(str::to_owned);
        let candidates = candidates(host, &self.environment).map_err(RunnerError::Unreachable)?;
        let mut tried = Vec::new();
        for candidate in &candidates {
            match Engine::connect(candidate).await {
                Ok(engine) => {
                    tracing::debug!("engine: {}", engine.describe());
                    self.found().insert(key, engine.clone());
                    return Ok(engine);
                }
                Err(reason) => tried.push((candidate, reason)),
            }
        }
        Err(RunnerError::Unreachable(nobody_answers(&tried)))
    }

    fn known(&self, host: Option<&str>) -> Option<Engine> {
        self.found().get(&host.map(str::to_owned)).cloned()
    }

    fn found(&self) -> std::sync::MutexGuard<'_, BTreeMap<Option<String>, Engine>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One line: what was tried, why it did not answer, and what to do.
fn nobody_answers(tried: &[(&Candidate, String)]) -> String {
    let places: Vec<String> = tried
        .iter()
        .map(|(candidate, reason)| format!("{} ({reason})", candidate.address))
        .collect();
    let source = tried
        .first()
        .map_or("", |(candidate, _)| candidate.source.as_str());
    let denied = tried
        .iter()
        .any(|(_, reason)| reason == "permission denied");
    let encrypted = tried
        .iter()
        .any(|(_, reason)| reason.contains(".pem") || reason.contains("TLS"));
    let advice = if encrypted {
        "`ca.pem`, `cert.pem` and `key.pem` are those of DOCKER_CERT_PATH, or of the context"
    } else if denied {
        "this user may not use it: join the group `docker`, or use a rootless engine"
    } else {
        "start Docker or Podman, set DOCKER_HOST, or run with `--runner process`"
    };
    format!(
        "no container engine answers; tried {} from {source}; {advice}",
        places.join(", ")
    )
}
