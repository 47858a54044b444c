//! Which task runner a script task asks for, and with which settings: one rule for every language.

use serde_json::{Map, Value};

use super::settings::{LegacyRunner, ScriptSettings};

/// The type name of the Docker task runner.
pub const DOCKER: &str = "io.kestra.plugin.scripts.runner.docker.Docker";
/// The type name of the Process task runner.
pub const PROCESS: &str = "io.kestra.plugin.core.runner.Process";

/// The runner that a task asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerWish {
    /// The type as written, or the current name where an old form or the default decided.
    pub type_name: String,
    /// The version that the author asked for.
    pub version: Option<String>,
    /// The runner's own keys, rendered.
    pub properties: Map<String, Value>,
    /// What decided.
    pub because: Because,
}

/// What decided which runner a task gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The task says so with `taskRunner`.
    TaskRunner,
    /// The task says so with the old `runner` key.
    LegacyRunner,
    /// The task has the old `docker` block.
    DockerBlock,
    /// Nothing; script tasks run in containers unless told otherwise.
    Default,
}

/// Finds the runner that a task asks for: `taskRunner`, then `runner`, then a `docker` block, then Docker.
pub fn wanted_runner(settings: &ScriptSettings) -> RunnerWish {
    let wish = |type_name: &str, properties, because| RunnerWish {
        type_name: type_name.to_owned(),
        version: None,
        properties,
        because,
    };
    if let Some(runner) = &settings.task_runner {
        return RunnerWish {
            type_name: runner.type_name.clone(),
            version: runner.version.clone(),
            properties: runner.properties.clone(),
            because: Because::TaskRunner,
        };
    }
    let block = || {
        let mut properties = settings.docker.clone().unwrap_or_default();
        properties.shift_remove("image");
        properties
    };
    match settings.runner {
        Some(LegacyRunner::Process) => wish(PROCESS, Map::new(), Because::LegacyRunner),
        Some(LegacyRunner::Docker) => wish(DOCKER, block(), Because::LegacyRunner),
        None if settings.docker.is_some() => wish(DOCKER, block(), Because::DockerBlock),
        None => wish(DOCKER, Map::new(), Because::Default),
    }
}

/// The image that the author chose: `containerImage`, else the `image` of an old `docker` block.
pub fn chosen_image(settings: &ScriptSettings) -> Option<&str> {
    settings.container_image.as_deref().or_else(|| {
        settings
            .docker
            .as_ref()
            .and_then(|block| block.get("image"))
            .and_then(Value::as_str)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_explicit_runner_beats_the_old_one_beats_the_default() {
        let check = |settings: Value, runner: &str, because: Because, image: Option<&str>| {
            let settings: ScriptSettings =
                serde_json::from_value(settings.clone()).expect("settings");
            let wish = wanted_runner(&settings);
            assert_eq!(
                (wish.type_name.as_str(), wish.because),
                (runner, because),
                "{settings:?}"
            );
            assert_eq!(chosen_image(&settings), image);
        };
        let process = json!({"type": PROCESS});
        check(json!({}), DOCKER, Because::Default, None);
        check(
            json!({"taskRunner": process, "containerImage": "a"}),
            PROCESS,
            Because::TaskRunner,
            Some("a"),
        );
        check(
            json!({"taskRunner": process, "runner": "DOCKER"}),
            PROCESS,
            Because::TaskRunner,
            None,
        );
        check(
            json!({"runner": "PROCESS"}),
            PROCESS,
            Because::LegacyRunner,
            None,
        );
        check(
            json!({"runner": "DOCKER", "docker": {"image": "b"}}),
            DOCKER,
            Because::LegacyRunner,
            Some("b"),
        );
        check(
            json!({"docker": {"image": "b"}, "containerImage": "a"}),
            DOCKER,
            Because::DockerBlock,
            Some("a"),
        );
    }

    #[test]
    fn the_keys_of_the_block_go_to_the_runner() {
        let settings: ScriptSettings = serde_json::from_value(
            json!({"docker": {"image": "b", "user": "1000", "cpu": {"cpus": 1}}}),
        )
        .expect("settings");
        assert_eq!(
            Value::Object(wanted_runner(&settings).properties),
            json!({"user": "1000", "cpu": {"cpus": 1}})
        );
    }
}
