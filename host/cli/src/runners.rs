//! The runner crate's table behind the engine's port.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use taffrail_core::policy::{Ask, Permission, Policy, Refusal};
use taffrail_core::script::{DOCKER, PROCESS};
use taffrail_core::suggest::did_you_mean;
use taffrail_engine::ports::{MakeRunnerError, Runner, Runners};
use taffrail_runner::docker::{ClientEnvironment, Engines};
use taffrail_runner::host::HostProfile;
use taffrail_runner::process::{Supervisors, TASK_RUN_VARIABLE};
use taffrail_runner::registry::{self, RunnerType};

use crate::commands::run::FAILPOINT;
use crate::descriptors::Descriptors;
use crate::store_id;

/// Makes runners with what they may know of this process, for flows that ask for nothing that the host does not give.
pub struct HostRunners {
    host: HostProfile,
    policy: Policy,
}

impl HostRunners {
    /// Has tasks started by supervisors that outlive this process, and takes engines that were found before.
    pub fn new_supervised(
        state: &Path,
        policy: Policy,
        descriptors: Descriptors,
        supervisors: &Arc<Supervisors>,
        found: Option<Arc<Engines>>,
    ) -> Self {
        let mut runners = Self::with(found.unwrap_or_else(|| engines(state)), policy);
        runners.host = runners.host.with_supervisors(Arc::clone(supervisors));
        if let Some((soft, hard)) = descriptors.given {
            runners.host = runners.host.with_open_files_limit(soft, hard);
        }
        runners
    }

    /// Takes this process's environment as the base of what tasks see, and as the way to container engines. What is made on those
    /// belongs to the store in this folder.
    pub fn new(state: &Path, policy: Policy) -> Self {
        Self::with(engines(state), policy)
    }

    fn with(engines: Arc<Engines>, policy: Policy) -> Self {
        Self {
            host: HostProfile::new(std::env::vars_os()).with_engines(engines),
            policy,
        }
    }
}

/// What starts processes that outlive this one. Nothing is started yet.
pub fn supervisors() -> Arc<Supervisors> {
    let passed_on = [FAILPOINT, TASK_RUN_VARIABLE];
    let environment = passed_on
        .into_iter()
        .filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    // What this process is, also where another version has been put in its place meanwhile.
    Supervisors::new("/proc/self/exe".into(), environment.collect())
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

    fn is_same(&self, one: &str, other: &str) -> bool {
        let name = |name: &str| registry::find(name).map(|entry| entry.name);
        one == other || (name(one).is_some() && name(one) == name(other))
    }

    fn refusals(&self, type_name: &str, settings: &Map<String, Value>) -> Vec<Refusal> {
        let asks = registry::find(type_name).map(|entry| (entry.asks)(settings, &self.host));
        self.policy.refusals(asks.unwrap_or_default())
    }

    fn refuses_files(&self, runner_override: Option<&str>, what: &str) -> Option<Refusal> {
        // A flow that may start processes may do it anyway.
        if !self.is_same(runner_override?, DOCKER) {
            return None;
        }
        let ask = Ask {
            permission: Permission::HostFiles,
            pointer: String::new(),
            what: what.to_owned(),
        };
        self.policy.refusals(vec![ask]).pop()
    }

    fn expect(&self, type_name: &str) {
        if let (Some(supervisors), true) =
            (self.host.supervisors(), self.is_same(type_name, PROCESS))
        {
            supervisors.make_ready();
        }
    }

    fn make(
        &self,
        type_name: &str,
        settings: &Map<String, Value>,
    ) -> Result<Arc<dyn Runner>, MakeRunnerError> {
        let entry = find(type_name)?;
        let refusals = self.refusals(type_name, settings);
        if !refusals.is_empty() {
            return Err(MakeRunnerError::Refused(refusals));
        }
        (entry.make)(settings, &self.host)
            .map(Arc::from)
            .map_err(MakeRunnerError::Settings)
    }
}

fn find(type_name: &str) -> Result<&'static RunnerType, MakeRunnerError> {
    registry::find(type_name).ok_or_else(|| {
        let names = registry::RUNNER_TYPES.iter().map(|entry| entry.name);
        let near = did_you_mean(type_name, names);
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        MakeRunnerError::Unknown(format!("{type_name}{near}"))
    })
}
