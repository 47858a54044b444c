//! The keys that every script task has. The doc comments are the hover text of editors; the schema is derived from the types.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The settings of a script task that are the same for every language, rendered.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ScriptSettings {
    /// Image to run in; only task runners that use containers look at it
    pub container_image: Option<String>,
    /// Where the task runs: its `type` chooses the task runner, the other keys are that runner's own
    #[schemars(with = "Map<String, Value>")]
    pub task_runner: Option<RunnerSettings>,
    /// Shell lines run before the task, in the same shell: what they set and where they `cd` holds for it
    pub before_commands: Option<Vec<String>>,
    /// Program and arguments that get the joined lines as their last argument. An empty list without `beforeCommands` starts the
    /// commands themselves, one argument each
    pub interpreter: Option<Vec<String>>,
    /// Whether the first line that fails ends the task (`set -e`). If not, the last line decides
    #[schemars(extend("default" = true))]
    pub fail_fast: Option<bool>,
    /// System that the lines are written for: it decides line ends and how paths look
    #[serde(rename = "targetOS")]
    #[schemars(extend("default" = "AUTO"))]
    pub target_os: Option<TargetOsChoice>,
    /// Environment variables of the task
    #[serde(deserialize_with = "scalars_as_text")]
    #[schemars(schema_with = "scalar_map")]
    pub env: IndexMap<String, String>,
    /// Files put into the working directory first: name to content, or name to the address of a stored file. Nothing as value makes
    /// an empty file
    #[serde(deserialize_with = "nullable_scalars_as_text")]
    #[schemars(schema_with = "nullable_scalar_map")]
    pub input_files: IndexMap<String, Option<String>>,
    /// Files of the working directory to keep: names or glob patterns, `**` crosses folders
    pub output_files: Option<Vec<String>>,
    /// Files of the namespace to copy into the working directory first
    pub namespace_files: Option<NamespaceFiles>,
    /// Whether the flow's inputs, outputs, labels and variables are put into the working directory as
    /// `.kestra-execution-context.json`
    #[schemars(extend("default" = false))]
    pub execution_context: Option<bool>,
    /// Whether what it prints becomes its outputs `stdout` and `stderr`, at most 4 MiB each
    pub capture_output: Option<bool>,
    /// Old form of `taskRunner`
    #[schemars(extend("deprecated" = true, "doNotSuggest" = true))]
    pub runner: Option<LegacyRunner>,
    /// Old form of `taskRunner` and `containerImage`
    #[schemars(extend("deprecated" = true, "doNotSuggest" = true))]
    pub docker: Option<Map<String, Value>>,
    /// Old form of `outputFiles`: whether the task gets a directory, `{{ outputDir }}`, all of whose files are kept
    #[schemars(extend("deprecated" = true, "doNotSuggest" = true))]
    pub output_directory: Option<bool>,
    /// Without effect: what is written to stderr never changes the state of a task
    #[schemars(extend("deprecated" = true, "doNotSuggest" = true))]
    pub warning_on_std_err: Option<bool>,
    /// Without effect here: telemetry of a server
    #[schemars(extend("doNotSuggest" = true))]
    pub kotlp: Option<Map<String, Value>>,
}

/// The settings of a task runner.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RunnerSettings {
    /// The runner's type as written, which may be an older name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The version that the author asked for.
    pub version: Option<String>,
    /// The runner's own keys.
    #[serde(flatten)]
    pub properties: Map<String, Value>,
}

/// Which system the commands are written for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum TargetOsChoice {
    /// Lines end with a line feed
    Linux,
    /// Lines end with carriage return and line feed
    Windows,
    /// The system of the task runner
    #[default]
    Auto,
}

/// The values of the old `runner` key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum LegacyRunner {
    /// In a container
    Docker,
    /// As a child process
    Process,
}

/// Which files of the namespace are copied into the working directory.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(inline)]
pub struct NamespaceFiles {
    /// Whether any are
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Glob patterns of the files to copy; all where absent
    pub include: Option<Vec<String>>,
    /// Glob patterns of the files to leave out
    pub exclude: Option<Vec<String>>,
    /// Namespaces to take files from, later ones win; the flow's own where absent
    pub namespaces: Option<Vec<String>>,
    /// Whether the files of each namespace get a folder of its name
    #[schemars(extend("default" = false))]
    pub folder_per_namespace: Option<bool>,
    /// What happens to a file that is already there
    #[schemars(extend("default" = "OVERWRITE"))]
    pub if_exists: Option<IfExists>,
}

/// What happens to a file that is already there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum IfExists {
    /// It is replaced
    #[default]
    Overwrite,
    /// The task fails
    Fail,
    /// It stays, with a warning
    Warn,
    /// It stays
    Ignore,
}

impl NamespaceFiles {
    /// Whether any files are to be copied: the block being there is enough.
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }
}

fn scalar_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
}

fn nullable_scalar_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } })
}

fn scalars_as_text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<IndexMap<String, String>, D::Error> {
    let raw = IndexMap::<String, Value>::deserialize(deserializer)?;
    Ok(raw
        .into_iter()
        .map(|(name, value)| (name, scalar_text(value)))
        .collect())
}

fn nullable_scalars_as_text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<IndexMap<String, Option<String>>, D::Error> {
    let raw = IndexMap::<String, Value>::deserialize(deserializer)?;
    Ok(raw
        .into_iter()
        .map(|(name, value)| (name, (!value.is_null()).then(|| scalar_text(value))))
        .collect())
}

fn scalar_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
