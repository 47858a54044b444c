//! The table of all backends, by the names that flows use.

use std::sync::Arc;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::docker::DockerRunner;
use crate::docker::settings::DockerSettings;
use crate::host::HostProfile;
use crate::process::{ProcessRunner, ProcessSettings};
use crate::settings;
use taffrail_engine::ports::{Runner, SettingError};

/// Makes a runner from rendered settings and what it may know of the host, or says what is wrong with which settings.
pub type MakeRunner =
    fn(&Map<String, Value>, &HostProfile) -> Result<Box<dyn Runner>, Vec<SettingError>>;

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
    /// Makes one.
    pub make: MakeRunner,
}

/// All kinds of task runners.
pub const RUNNER_TYPES: &[RunnerType] = &[
    RunnerType {
        name: "io.kestra.plugin.scripts.runner.docker.Docker",
        aliases: &[
            "io.kestra.plugin.scripts.runner.docker.DockerTaskRunner",
            "io.kestra.plugin.scripts.runner.docker.docker",
        ],
        short: "docker",
        schema: schema_of::<DockerSettings>,
        make: |settings, host| {
            let settings = DockerSettings::read(settings)?;
            let engines = host.engines().ok_or_else(|| {
                vec![SettingError {
                    pointer: String::new(),
                    message: "this host has nothing to do with container engines".to_owned(),
                }]
            })?;
            Ok(Box::new(DockerRunner::new(settings, Arc::clone(engines))))
        },
    },
    RunnerType {
        name: "io.kestra.plugin.core.runner.Process",
        aliases: &[
            "io.kestra.core.models.tasks.runners.types.ProcessTaskRunner",
            "io.kestra.plugin.core.runner.ProcessTaskRunner",
        ],
        short: "process",
        schema: schema_of::<ProcessSettings>,
        make: |settings, host| {
            let settings: ProcessSettings =
                settings::read(settings, "the Process task runner", |_| None)?;
            Ok(Box::new(ProcessRunner::new(settings, host.clone())))
        },
    },
];

/// The kind of runner with this name, in full, older or short.
pub fn find(name: &str) -> Option<&'static RunnerType> {
    RUNNER_TYPES
        .iter()
        .find(|entry| entry.name == name || entry.short == name || entry.aliases.contains(&name))
}

pub(crate) fn schema_of<T: schemars::JsonSchema>() -> Value {
    SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn make(settings: Value) -> Result<&'static str, Vec<SettingError>> {
        let entry = find("process").unwrap();
        let settings = settings.as_object().cloned().unwrap_or_default();
        (entry.make)(&settings, &HostProfile::default()).map(|runner| runner.name())
    }

    #[test]
    fn runners_are_found_by_every_name() {
        for entry in RUNNER_TYPES {
            for name in entry.aliases.iter().chain([&entry.name, &entry.short]) {
                assert_eq!(
                    find(name).map(|found| found.name),
                    Some(entry.name),
                    "{name}"
                );
            }
        }
        assert!(find("io.kestra.plugin.core.runner.Proces").is_none());
        assert!(find("").is_none());
    }

    #[test]
    fn settings_are_closed() {
        let name = "io.kestra.plugin.core.runner.Process";
        assert_eq!(make(json!({"type": name})), Ok("process"));
        assert_eq!(make(json!({"type": name, "version": "1.0"})), Ok("process"));
        assert_eq!(make(json!({})), Ok("process"));
        let error = make(json!({"type": name, "killGracePeriod": "PT1S"})).unwrap_err();
        assert_eq!(error.len(), 1, "{error:?}");
        assert_eq!(error[0].pointer, "/killGracePeriod");
        assert_eq!(
            error[0].message,
            "the Process task runner has no key `killGracePeriod`; its keys are `type`, `version`"
        );
        assert!(make(json!({"version": 1})).is_err());
    }

    #[test]
    fn schemas_are_closed_and_of_draft_seven() {
        for entry in RUNNER_TYPES {
            let schema = (entry.schema)();
            assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
            assert_eq!(schema["additionalProperties"], json!(false));
            for (name, property) in schema["properties"].as_object().unwrap() {
                assert!(
                    property["description"].is_string(),
                    "`{name}` of `{}` has no description",
                    entry.name
                );
            }
        }
    }
}
