//! The table of all backends, by the names that flows use.

use std::sync::Arc;

use serde_json::{Map, Value};
use taffrail_core::policy::Ask;
use taffrail_core::schema::RunnerFragment;
use taffrail_core::script::{DOCKER, PROCESS};
use taffrail_engine::ports::{Runner, SettingError};

use crate::docker::settings::DockerSettings;
use crate::docker::{self, DockerRunner};
use crate::host::HostProfile;
use crate::process::{ProcessRunner, ProcessSettings};
use crate::settings;

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
    /// One short line for completion lists.
    pub title: &'static str,
    /// The draft-07 schema of its settings; closed.
    pub schema: fn() -> Map<String, Value>,
    /// What is wrong with settings.
    pub check: fn(&Map<String, Value>) -> Vec<SettingError>,
    /// What settings, rendered or not, ask of the machine.
    pub asks: fn(&Map<String, Value>, &HostProfile) -> Vec<Ask>,
    /// Makes one.
    pub make: MakeRunner,
}

/// All kinds of task runners.
pub const RUNNER_TYPES: &[RunnerType] = &[
    RunnerType {
        name: PROCESS,
        aliases: &[
            "io.kestra.core.models.tasks.runners.types.ProcessTaskRunner",
            "io.kestra.plugin.core.runner.ProcessTaskRunner",
            "io.kestra.core.runners.Process",
        ],
        short: "process",
        title: "Run the task as a child process of this host",
        schema: schema_of::<ProcessSettings>,
        check: |_| Vec::new(),
        asks: |_, _| Vec::new(),
        make: |settings, host| {
            let settings: ProcessSettings =
                settings::read(settings, "the Process task runner", |_| None)?;
            Ok(Box::new(ProcessRunner::new(settings, host.clone())))
        },
    },
    RunnerType {
        name: DOCKER,
        aliases: &[
            "io.kestra.plugin.scripts.runner.docker.DockerTaskRunner",
            "io.kestra.plugin.scripts.runner.docker.docker",
        ],
        short: "docker",
        title: "Run the task in a container",
        schema: || {
            let mut schema = schema_of::<DockerSettings>();
            docker::settings::refused::describe(&mut schema);
            schema
        },
        check: |settings| DockerSettings::read(settings).err().unwrap_or_default(),
        asks: |settings, host| docker::asks::asks(settings, host.engines().map(AsRef::as_ref)),
        make: |settings, host| {
            let (written, settings) = (settings.clone(), DockerSettings::read(settings)?);
            let engines = host.engines().ok_or_else(|| {
                vec![SettingError {
                    pointer: String::new(),
                    message: "this host has nothing to do with container engines".to_owned(),
                }]
            })?;
            Ok(Box::new(DockerRunner::new(
                settings,
                written,
                Arc::clone(engines),
            )))
        },
    },
];

/// The kind of runner with this name, in full, older or short.
pub fn find(name: &str) -> Option<&'static RunnerType> {
    RUNNER_TYPES
        .iter()
        .find(|entry| entry.name == name || entry.short == name || entry.aliases.contains(&name))
}

/// What schemas and validation need to know of all runners.
pub fn fragments() -> Vec<RunnerFragment> {
    let fragments = RUNNER_TYPES.iter().map(|entry| RunnerFragment {
        name: entry.name.to_owned(),
        aliases: entry
            .aliases
            .iter()
            .map(|&alias| alias.to_owned())
            .collect(),
        title: entry.title.to_owned(),
        schema: entry.schema,
        check: entry.check,
        available: true,
    });
    fragments.collect()
}

/// The schema of a backend's own settings, without those that the host describes for every runner. Defaults that are only serde's,
/// lists and maps of nothing, say nothing to an author, and a key without a value is a mistake.
fn schema_of<T: schemars::JsonSchema>() -> Map<String, Value> {
    let mut schema = taffrail_core::schema::schema_of::<T>();
    tidy(&mut schema);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.shift_remove("type");
        properties.shift_remove("version");
    }
    for keyword in ["title", "description"] {
        schema.shift_remove(keyword);
    }
    schema
}

fn tidy(schema: &mut Map<String, Value>) {
    let empty = |value: &Value| match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    if schema.get("default").is_some_and(empty) {
        schema.shift_remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
    }
    for value in schema.values_mut() {
        match value {
            Value::Object(map) => tidy(map),
            Value::Array(items) => items
                .iter_mut()
                .filter_map(Value::as_object_mut)
                .for_each(tidy),
            _ => {}
        }
    }
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
            "the Process task runner has no key `killGracePeriod`; its keys are `type`, `version`, `directory`"
        );
        assert!(make(json!({"version": 1})).is_err());
    }

    #[test]
    fn schemas_are_closed_and_described() {
        for entry in RUNNER_TYPES {
            let schema = (entry.schema)();
            assert_eq!(schema["additionalProperties"], json!(false));
            for (name, property) in schema["properties"].as_object().unwrap() {
                assert!(
                    property["description"].is_string() || property["x-refused"].is_string(),
                    "`{name}` of `{}` has no description",
                    entry.name
                );
            }
        }
    }
}
