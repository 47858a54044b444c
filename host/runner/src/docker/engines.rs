//! The engines that this process talks to: found once, shared by all tasks, with the pulls that are under way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use taffrail_engine::ports::RunnerError;

use super::address::{Candidate, ClientEnvironment, candidates};
use super::engine::Engine;
use super::pull::Pulls;

/// Gives the id of the store that containers belong to, so that those of another host on the same engine are not taken for its own.
/// Asked once, when the first container is to be made.
pub type StoreId = Box<dyn Fn() -> Result<String, String> + Send + Sync>;

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
        let key = host.map(str::to_owned);
        if let Some(engine) = self.found().get(&key) {
            return Ok(engine.clone());
        }
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
