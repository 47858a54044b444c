//! The keys of flowable tasks. The doc comments are the hover text of editors.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::storage::text_or_list;
use crate::schema::duration;
use crate::script::NamespaceFiles;

/// A list of tasks. They are read from the tree, each by itself; here only their place counts.
#[derive(Debug, Clone, Default)]
pub struct Tasks;

impl<'de> Deserialize<'de> for Tasks {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Tasks)
    }
}

impl JsonSchema for Tasks {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tasks".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": "object" }, "minItems": 1, "x-tasks": true, "x-static": true })
    }
}

fn tasks(generator: &mut SchemaGenerator) -> Schema {
    Tasks::json_schema(generator)
}

fn dag_tasks(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "x-static": true,
        "items": {
            "type": "object",
            "properties": {
                "task": { "type": "object", "description": "The task", "x-task": true },
                "dependsOn": { "type": "array", "items": { "type": "string" }, "description": "Ids of the tasks of this list that must have ended well before" },
            },
            "required": ["task"],
            "additionalProperties": false,
        },
    })
}

fn cases(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-static": true,
        "additionalProperties": { "type": "array", "items": { "type": "object" }, "minItems": 1, "x-tasks": true },
    })
}

fn task(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-task": true, "x-static": true })
}

fn resume_inputs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "object" }, "x-inputs": true, "x-static": true })
}

fn condition(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "boolean", "number"] })
}

fn each_values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["array", "object", "string"], "examples": [["a", "b"], "{{ inputs.values }}"] })
}

fn scalar(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "boolean", "number"] })
}

/// Keys of Sequential and AllowFailure
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SequentialKeys {
    /// The tasks, in this order
    pub tasks: Tasks,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// Keys of Parallel
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParallelKeys {
    /// How many of the tasks may run at once; 0 is all of them
    #[schemars(extend("default" = 0))]
    #[serde(default)]
    pub concurrent: Option<u32>,
    /// The tasks
    pub tasks: Tasks,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// Keys of Dag
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DagKeys {
    /// How many of the tasks may run at once; 0 is all that can
    #[schemars(extend("default" = 0))]
    #[serde(default)]
    pub concurrent: Option<u32>,
    /// The tasks, each with the ids of those that it needs
    #[schemars(schema_with = "dag_tasks")]
    pub tasks: Tasks,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// Keys of ForEach
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForEachKeys {
    /// The values: a list, a map, or text that is a JSON list or map. Tasks read theirs as `taskrun.value`
    #[schemars(schema_with = "each_values")]
    pub values: Value,
    /// How many values are worked on at once: 1 is one after the other, 0 all of them
    #[schemars(extend("default" = 1))]
    #[serde(default)]
    pub concurrency_limit: Option<u32>,
    /// The tasks that run for each value, in this order
    pub tasks: Tasks,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// Keys of EachSequential
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EachSequentialKeys {
    /// The values: a list, or text that is a JSON list
    #[schemars(schema_with = "each_values")]
    pub value: Value,
    /// The tasks that run for each value, in this order
    pub tasks: Tasks,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// Keys of EachParallel
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EachParallelKeys {
    /// The values: a list, or text that is a JSON list
    #[schemars(schema_with = "each_values")]
    pub value: Value,
    /// How many values are worked on at once; 0 is all of them
    #[schemars(extend("default" = 0))]
    #[serde(default)]
    pub concurrent: Option<u32>,
    /// The tasks that run for each value, in this order
    pub tasks: Tasks,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// Keys of If
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IfKeys {
    /// The condition: nothing, `false`, `0` and `-0` do not hold, all else does
    #[schemars(schema_with = "condition")]
    pub condition: Value,
    /// The tasks that run when it holds
    pub then: Tasks,
    /// The tasks that run when it does not
    #[serde(rename = "else")]
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub otherwise: Option<Tasks>,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// Keys of Switch
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchKeys {
    /// The value that chooses the case
    #[schemars(schema_with = "scalar")]
    pub value: Value,
    /// The tasks of each case, by the value that chooses it
    #[schemars(schema_with = "cases")]
    #[serde(default)]
    pub cases: Option<Tasks>,
    /// The tasks that run when there is no such case
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub defaults: Option<Tasks>,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// Keys of LoopUntil
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoopUntilKeys {
    /// The condition that ends the loop; looked at after each round
    #[schemars(schema_with = "condition")]
    pub condition: Value,
    /// The tasks of each round, in this order
    pub tasks: Tasks,
    /// How often the condition is looked at, and how long
    #[serde(default)]
    pub check_frequency: Option<CheckFrequency>,
    /// Whether the task fails when the condition does not hold after the last round
    #[schemars(extend("default" = false))]
    #[serde(default)]
    pub fail_on_max_reached: Option<bool>,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// How often something is looked at
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(inline)]
pub struct CheckFrequency {
    /// Time between two rounds
    #[schemars(schema_with = "duration", extend("default" = "PT1S"))]
    pub interval: Option<String>,
    /// The most rounds
    #[schemars(extend("default" = 100))]
    pub max_iterations: Option<u32>,
    /// The longest time
    #[schemars(schema_with = "duration", extend("default" = "PT1H"))]
    pub max_duration: Option<String>,
}

/// Keys of Pause
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PauseKeys {
    /// How long; without it somebody has to say go on
    #[schemars(schema_with = "duration")]
    #[serde(default)]
    pub pause_duration: Option<String>,
    /// Old form of `pauseDuration`
    #[schemars(schema_with = "duration", extend("deprecated" = true, "doNotSuggest" = true))]
    #[serde(default)]
    pub delay: Option<String>,
    /// How the task ends when the time is over
    #[schemars(extend("default" = "RESUME"))]
    #[serde(default)]
    pub behavior: Option<PauseBehavior>,
    /// Task that runs when the pause begins
    #[schemars(schema_with = "task")]
    #[serde(default)]
    pub on_pause: Option<Tasks>,
    /// Inputs that are asked for when somebody says go on, read as `outputs.<id>.onResume.<input>`
    #[schemars(schema_with = "resume_inputs")]
    #[serde(default)]
    pub on_resume: Option<Tasks>,
    /// Old form of tasks after the pause
    #[schemars(schema_with = "tasks", extend("deprecated" = true, "doNotSuggest" = true))]
    #[serde(default)]
    pub tasks: Option<Tasks>,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// How a pause ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum PauseBehavior {
    /// The flow goes on
    #[default]
    Resume,
    /// The flow goes on, with a warning
    Warn,
    /// The task fails
    Fail,
    /// The execution is cancelled
    Cancel,
}

/// Keys of Subflow
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubflowKeys {
    /// Namespace of the flow
    pub namespace: String,
    /// Id of the flow
    pub flow_id: String,
    /// Revision of the flow; here there is one, that of the file
    #[serde(default)]
    pub revision: Option<u32>,
    /// Inputs of the flow
    #[serde(default)]
    pub inputs: Option<Map<String, Value>>,
    /// Labels of its execution
    #[schemars(schema_with = "label_map")]
    #[serde(default)]
    pub labels: Option<Value>,
    /// Whether its execution gets the labels of this one, too
    #[schemars(extend("default" = false))]
    #[serde(default)]
    pub inherit_labels: Option<bool>,
    /// Whether the task waits for its end; here it always does
    #[schemars(extend("default" = true))]
    #[serde(default)]
    pub wait: Option<bool>,
    /// Whether its failure is that of this task
    #[schemars(extend("default" = true))]
    #[serde(default)]
    pub transmit_failed: Option<bool>,
    /// Old form of the flow's own `outputs`
    #[schemars(extend("deprecated" = true, "doNotSuggest" = true))]
    #[serde(default)]
    pub outputs: Option<Map<String, Value>>,
    /// When it is started. Needs a server: accepted, not applied here
    #[serde(default)]
    pub schedule_date: Option<String>,
}

fn label_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "array"], "description": "Labels: a map, or a list of `key` and `value`" })
}

/// Keys of ForEachItem
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForEachItemKeys {
    /// Address of the stored file whose lines are the items
    pub items: String,
    /// How the lines are put together
    #[serde(default)]
    pub batch: Option<Batch>,
    /// Namespace of the flow
    pub namespace: String,
    /// Id of the flow
    pub flow_id: String,
    /// Revision of the flow; here there is one, that of the file
    #[serde(default)]
    pub revision: Option<u32>,
    /// Inputs of the flow; the address of its batch is `taskrun.items`
    #[serde(default)]
    pub inputs: Option<Map<String, Value>>,
    /// Labels of its executions
    #[schemars(schema_with = "label_map")]
    #[serde(default)]
    pub labels: Option<Value>,
    /// Whether its executions get the labels of this one, too
    #[schemars(extend("default" = false))]
    #[serde(default)]
    pub inherit_labels: Option<bool>,
    /// Whether the task waits for their end; here it always does
    #[schemars(extend("default" = true))]
    #[serde(default)]
    pub wait: Option<bool>,
    /// Whether their failure is that of this task
    #[schemars(extend("default" = true))]
    #[serde(default)]
    pub transmit_failed: Option<bool>,
    /// When they are started. Needs a server: accepted, not applied here
    #[serde(default)]
    pub schedule_date: Option<String>,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

/// How lines are put together: by number of lines, by size, or into a number of parts
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(inline)]
pub struct Batch {
    /// So many lines each
    pub rows: Option<u64>,
    /// At most so large each, for example `10MB`
    #[schemars(schema_with = "text_or_number")]
    pub bytes: Option<Value>,
    /// Into so many parts
    pub partitions: Option<u64>,
    /// What ends a line
    #[schemars(extend("default" = "\n"))]
    pub separator: Option<String>,
    /// One part for each text that the first group of this pattern matches
    pub regex_pattern: Option<String>,
}

pub(super) fn text_or_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "integer"] })
}

/// Keys of WorkingDirectory
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkingDirectoryKeys {
    /// The tasks, in this order and in one directory
    pub tasks: Tasks,
    /// Files of the namespace to copy into the directory first
    #[serde(default)]
    pub namespace_files: Option<NamespaceFiles>,
    /// Files put into the directory first: name to content, or name to the address of a stored file
    #[schemars(schema_with = "input_files")]
    #[serde(default)]
    pub input_files: Option<IndexMap<String, Value>>,
    /// Files of the directory to keep at the end: names or glob patterns, `**` crosses folders
    #[schemars(schema_with = "text_or_list")]
    #[serde(default)]
    pub output_files: Option<Value>,
    /// Files that are kept for the next execution
    #[serde(default)]
    pub cache: Option<CacheKeys>,
    /// Tasks that run when one of them has failed
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub errors: Option<Tasks>,
    /// Tasks that run at the end, however the others ended
    #[schemars(schema_with = "tasks")]
    #[serde(default)]
    pub finally: Option<Tasks>,
}

pub(super) fn input_files(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } })
}

/// Files that are kept for the next execution
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct CacheKeys {
    /// Glob patterns of the files
    pub patterns: Vec<String>,
    /// How long they count
    #[schemars(schema_with = "duration")]
    #[serde(default)]
    pub ttl: Option<String>,
}
