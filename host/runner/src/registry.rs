//! The table of all backends, by the names that flows use.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::host::HostProfile;
use crate::process::{ProcessRunner, ProcessSettings};
use taffrail_engine::ports::Runner;

/// One kind of task runner.
pub struct RunnerType {
    /// What flows write as `type`.
    pub name: &'static str,
    /// Older and shorter names for the same.
    pub aliases: &'static [&'static str],
    /// What plans, records and `--runner` call it.
    pub short: &'static str,
    /// The JSON Schema (draft 7) of its settings; closed.
    pub schema: fn() -> Value,
    /// Makes a runner from rendered settings. The error says which setting is wrong.
    pub make: fn(&Map<String, Value>, &HostProfile) -> Result<Box<dyn Runner>, String>,
}

/// All kinds of task runners.
pub const RUNNER_TYPES: &[RunnerType] = &[RunnerType {
    name: "io.kestra.plugin.core.runner.Process",
    aliases: &[
        "io.kestra.core.models.tasks.runners.types.ProcessTaskRunner",
        "io.kestra.plugin.core.runner.ProcessTaskRunner",
    ],
    short: "process",
    schema: schema_of::<ProcessSettings>,
    make: |settings, host| {
        let settings: ProcessSettings = settings_of(settings)?;
        Ok(Box::new(ProcessRunner::new(settings, host.clone())))
    },
}];

/// The kind of runner with this name, in full, older or short.
pub fn find(name: &str) -> Option<&'static RunnerType> {
    RUNNER_TYPES
        .iter()
        .find(|entry| entry.name == name || entry.short == name || entry.aliases.contains(&name))
}

fn schema_of<T: schemars::JsonSchema>() -> Value {
    SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

fn settings_of<T: serde::de::DeserializeOwned>(settings: &Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(settings.clone())).map_err(|error| error.to_string())
}
