//! The runner crate's table behind the engine's port.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use taffrail_core::schema::{self, RunnerFragment};
use taffrail_core::suggest::did_you_mean;
use taffrail_engine::ports::{MakeRunnerError, Runner, Runners};
use taffrail_runner::docker::{ClientEnvironment, Engines};
use taffrail_runner::host::HostProfile;
use taffrail_runner::registry::{self, RunnerType};

use crate::store_id;

/// Makes runners with what they may know of this process.
pub struct HostRunners {
    host: HostProfile,
}

impl HostRunners {
    /// Takes this process's environment as the base of what tasks see, and as the way to container engines. What is made on those
    /// belongs to the store in this folder.
    pub fn new(state: &Path) -> Self {
        Self {
            host: HostProfile::new(std::env::vars_os()).with_engines(engines(state)),
        }
    }
}

/// The container engines of this process.
pub fn engines(state: &Path) -> Arc<Engines> {
    let state = state.to_owned();
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let environment = ClientEnvironment::new(variables);
    Engines::new(
        environment,
        Box::new(move || store_id::read_or_make(&state)),
    )
}

impl Runners for HostRunners {
    fn available(&self, type_name: &str) -> Result<(), MakeRunnerError> {
        find(type_name).map(drop)
    }

    fn make(
        &self,
        type_name: &str,
        settings: &Map<String, Value>,
    ) -> Result<Arc<dyn Runner>, MakeRunnerError> {
        (find(type_name)?.make)(settings, &self.host)
            .map(Arc::from)
            .map_err(MakeRunnerError::Settings)
    }
}

fn find(type_name: &str) -> Result<&'static RunnerType, MakeRunnerError> {
    if let Some(entry) = registry::find(type_name) {
        return Ok(entry);
    }
    let known = fragments();
    Err(
        match known.iter().find(|fragment| fragment.is_called(type_name)) {
            Some(fragment) => MakeRunnerError::NotYet(format!(
                "this version of taffrail does not run tasks with `{}` yet",
                fragment.name
            )),
            None => {
                let near = did_you_mean(
                    type_name,
                    known.iter().map(|fragment| fragment.name.as_str()),
                );
                let near =
                    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                MakeRunnerError::Unknown(format!("{type_name}{near}"))
            }
        },
    )
}

/// What schemas and validation need to know of the runners: those of the table, and Docker, which flows name whether or not this
/// version runs it.
pub fn fragments() -> Vec<RunnerFragment> {
    let mut fragments = vec![schema::process(), schema::docker()];
    for fragment in &mut fragments {
        fragment.available = registry::find(&fragment.name).is_some();
    }
    fragments
}
