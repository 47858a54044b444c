//! The runner crate's table behind the engine's port.

use std::sync::Arc;

use serde_json::{Map, Value};
use taffrail_engine::ports::{MakeRunnerError, Runner, Runners};
use taffrail_runner::registry;

/// Makes runners with this process's environment as their base.
#[derive(Debug)]
pub struct HostRunners {
    environment: Vec<(String, String)>,
}

impl Default for HostRunners {
    fn default() -> Self {
        // A name or value that is not UTF-8 cannot be on the allowlist of what tasks see, or is of no use to them.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { environment }
    }
}

impl Runners for HostRunners {
    fn make(&self, type_name: &str, settings: &Map<String, Value>) -> Result<Arc<dyn Runner>, MakeRunnerError> {
        registry::make(type_name, settings, &self.environment)
    }
}
