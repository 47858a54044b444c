//! The keys of a flow, and those that every task has. The doc comments are the hover text of editors.
#![expect(
    dead_code,
    reason = "these types are only ever described, never filled: flows are read from the spanned tree"
)]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::tidy::schema_of;

/// The schema of a flow's own keys: closed, tasks only as objects.
pub fn flow_schema() -> Map<String, Value> {
    schema_of::<FlowKeys>()
}

/// The properties that every task has, in the order in which editors offer them.
pub(super) fn common_keys() -> Map<String, Value> {
    match schema_of::<TaskKeys>().remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    }
}

type Anything = Map<String, Value>;

/// A flow
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FlowKeys {
    /// Identifier of the flow, unique in its namespace
    #[schemars(
        regex(pattern = "^[a-zA-Z0-9][a-zA-Z0-9._-]*$"),
        length(min = 1, max = 100),
        extend("x-what" = "a name of letters, digits, `.`, `_` and `-` that begins with a letter or a digit")
    )]
    id: String,
    /// Namespace of the flow: parts joined by dots, the first the widest
    #[schemars(
        regex(pattern = "^[a-z0-9][a-z0-9._-]*$"),
        length(min = 1, max = 150),
        extend("x-what" = "a name of small letters, digits, `.`, `_` and `-` that begins with a letter or a digit")
    )]
    namespace: String,
    /// What the flow is for, in Markdown
    description: Option<String>,
    /// Labels: a map, or a list of `key` and `value`
    #[schemars(schema_with = "labels")]
    #[serde(default)]
    labels: Option<Anything>,
    /// Values that are asked for when the flow is started, read as `inputs.<id>`
    #[schemars(schema_with = "object_list")]
    #[serde(default)]
    inputs: Option<Anything>,
    /// Values to use in several places, read as `vars.<name>`; an expression inside one needs `render(vars.<name>)`
    variables: Option<Anything>,
    /// The tasks, run one after the other
    #[schemars(schema_with = "task_list")]
    tasks: Anything,
    /// Tasks that run when a task has failed
    #[schemars(schema_with = "object_list")]
    #[serde(default)]
    errors: Option<Anything>,
    /// Tasks that run at the end of the execution, whatever its state
    #[schemars(schema_with = "object_list")]
    #[serde(default)]
    finally: Option<Anything>,
    /// Tasks that run after the execution has ended
    #[schemars(schema_with = "object_list")]
    #[serde(default)]
    after_execution: Option<Anything>,
    /// What the flow hands out when it ends
    outputs: Option<Vec<OutputKeys>>,
    /// Values that fill absent keys of tasks, by task type
    plugin_defaults: Option<Vec<PluginDefaultKeys>>,
    /// What starts the flow by itself. Needs a server: accepted, not run here
    #[schemars(schema_with = "object_list")]
    #[serde(default)]
    triggers: Option<Anything>,
    /// Whether the flow refuses to be started
    #[schemars(extend("default" = false))]
    disabled: Option<bool>,
    /// When tasks without a retry of their own, or with `CREATE_NEW_EXECUTION` the whole flow, are tried again after a failure
    #[schemars(schema_with = "retry")]
    #[serde(default)]
    retry: Option<Anything>,
    /// How many executions of the flow may run at once
    concurrency: Option<ConcurrencyKeys>,
    /// What is promised of the execution, for example how long it takes at most
    #[schemars(schema_with = "object_list")]
    #[serde(default)]
    sla: Option<Anything>,
    /// Which group of workers runs the flow. Needs a server: accepted, not applied here
    worker_group: Option<Anything>,
    /// Number that a server gave this state of the flow
    #[schemars(range(min = 1))]
    revision: Option<u64>,
    /// Tenant of a server
    tenant_id: Option<String>,
    /// Mark of a server
    #[schemars(extend("doNotSuggest" = true))]
    deleted: Option<bool>,
    /// Mark of a server
    #[schemars(extend("doNotSuggest" = true))]
    draft: Option<bool>,
    /// Old form of `pluginDefaults`
    #[schemars(extend("deprecated" = true, "doNotSuggest" = true, "x-now" = "pluginDefaults"))]
    task_defaults: Option<Vec<PluginDefaultKeys>>,
    /// Old form of `triggers` in other flows
    #[schemars(schema_with = "object_list", extend("deprecated" = true, "doNotSuggest" = true))]
    #[serde(default)]
    listeners: Option<Anything>,
}

/// One output of the flow
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
struct OutputKeys {
    /// Name of the output
    #[schemars(regex(pattern = "^[a-zA-Z0-9][.a-zA-Z0-9_-]*$"))]
    id: String,
    /// Type that the value is read as
    #[serde(rename = "type")]
    kind: Option<String>,
    /// The value, as a rule an expression
    #[schemars(schema_with = "anything")]
    value: Value,
    /// What it is, in Markdown
    description: Option<String>,
    /// Name to show
    display_name: Option<String>,
    /// Whether a value must be there
    required: Option<bool>,
}

/// Values for all tasks of a type
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
struct PluginDefaultKeys {
    /// Task type, or the beginning of several
    #[serde(rename = "type")]
    kind: String,
    /// Whether the values win over what a task says itself
    #[schemars(extend("default" = false))]
    forced: Option<bool>,
    /// Name that tasks refer to with `pluginDefaultsRef`
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// The values
    values: Anything,
}

/// How many executions may run at once
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
struct ConcurrencyKeys {
    /// The most
    #[schemars(range(min = 1))]
    limit: u32,
    /// What happens to an execution that is one too many
    #[schemars(extend("default" = "QUEUE"))]
    behavior: Option<Behavior>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
enum Behavior {
    /// It waits
    Queue,
    /// It is cancelled
    Cancel,
    /// It fails
    Fail,
}

/// A task
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TaskKeys {
    /// Identifier of the task, unique in the flow. Its outputs are read as `outputs.<id>`
    #[schemars(
        regex(pattern = "^[a-zA-Z0-9][a-zA-Z0-9_-]*$"),
        length(min = 1, max = 256),
        extend("x-what" = "a name of letters, digits, `_` and `-` that begins with a letter or a digit")
    )]
    id: String,
    /// What the task does
    #[serde(rename = "type")]
    kind: String,
    /// Version of the plugin: `1` is the newest 1.x, `1.2` the newest 1.2.x, `1.2.3` exactly that
    #[schemars(extend(
        "examples" = ["1", "1.2", "1.2.3", "LATEST"],
        "errorMessage" = "Quote the version, as in \"1.2\"."
    ))]
    version: Option<String>,
    /// What the task is for, in Markdown
    description: Option<String>,
    /// Whether the task is left out
    #[schemars(extend("default" = false))]
    disabled: Option<bool>,
    /// Condition: the task is skipped when this renders to nothing, `false` or `0`
    #[schemars(schema_with = "condition")]
    #[serde(default)]
    run_if: Option<String>,
    /// Longest time that the task may take, for example `PT10M`; then it is ended and fails
    #[schemars(schema_with = "duration")]
    #[serde(default)]
    timeout: Option<String>,
    /// Whether the flow goes on when the task fails; the task then ends as a warning
    #[schemars(extend("default" = false))]
    allow_failure: Option<bool>,
    /// Whether a warning counts as success
    #[schemars(extend("default" = false))]
    allow_warning: Option<bool>,
    /// What to do when the task fails
    #[schemars(schema_with = "retry")]
    #[serde(default)]
    retry: Option<Anything>,
    /// Lowest level of log lines that is kept
    #[schemars(extend("default" = "TRACE"))]
    log_level: Option<Level>,
    /// Whether the log goes to a stored file instead of the log view
    #[schemars(extend("default" = false))]
    log_to_file: Option<bool>,
    /// Skip the task when an earlier run had the same inputs
    task_cache: Option<TaskCacheKeys>,
    /// Which group of workers runs the task. Needs a server: accepted, not applied here
    worker_group: Option<Anything>,
    /// Name of the plugin defaults to use
    plugin_defaults_ref: Option<String>,
    /// Declared assets. Needs a server: accepted, not applied here
    assets: Option<Anything>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub(crate) enum Level {
    /// Only errors
    Error,
    /// Errors and warnings
    Warn,
    /// What is worth reading
    Info,
    /// What helps to find a mistake
    Debug,
    /// Everything
    Trace,
}

/// Skip the task when an earlier run had the same inputs
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
struct TaskCacheKeys {
    /// Whether the cache is used
    enabled: bool,
    /// How long an earlier run counts
    #[schemars(schema_with = "duration")]
    #[serde(default)]
    ttl: Option<String>,
}

fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

fn object_list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "object" } })
}

fn task_list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "object" }, "minItems": 1 })
}

fn condition(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "boolean"], "default": "true" })
}

fn labels(_: &mut SchemaGenerator) -> Schema {
    let scalar = serde_json::json!({ "type": ["string", "number", "boolean"] });
    json_schema!({
        "anyOf": [
            { "type": "object", "additionalProperties": scalar.clone() },
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "key": { "type": "string", "description": "Name of the label" },
                        "value": { "type": ["string", "number", "boolean"], "description": "Value of the label" },
                    },
                    "required": ["key", "value"],
                    "additionalProperties": false,
                },
            },
        ],
    })
}

pub(crate) fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": crate::duration::PATTERN,
        "patternErrorMessage": "Write a duration as PT30S, PT5M, PT1H30M or P1D.",
        "examples": ["PT30S", "PT5M", "PT1H"],
        "x-what": "a duration such as `PT30S`, `PT5M` or `PT1H30M`",
    })
}

fn retry(_: &mut SchemaGenerator) -> Schema {
    let time = |description: &str| {
        serde_json::json!({
            "type": "string",
            "pattern": crate::duration::PATTERN,
            "patternErrorMessage": "Write a duration as PT30S, PT5M, PT1H30M or P1D.",
            "x-what": "a duration such as `PT30S`, `PT5M` or `PT1H30M`",
            "description": description,
        })
    };
    let common: BTreeMap<&str, Value> = BTreeMap::from([
        (
            "maxAttempts",
            serde_json::json!({ "type": "integer", "minimum": 1, "description": "How many times the task is tried at most, the first included" }),
        ),
        ("maxDuration", time("How long it is tried at most")),
        (
            "warningOnRetry",
            serde_json::json!({ "type": "boolean", "default": false, "description": "Whether a success after a retry ends as a warning" }),
        ),
        (
            "behavior",
            serde_json::json!({ "type": "string", "enum": ["RETRY_FAILED_TASK", "CREATE_NEW_EXECUTION"], "description": "What is tried again" }),
        ),
    ]);
    let mut properties = serde_json::json!({
        "type": {
            "type": "string",
            "enum": ["constant", "exponential", "random"],
            "enumDescriptions": ["The same interval each time", "A growing interval", "A random interval"],
            "description": "How the time between two attempts is found",
        },
        "interval": time("Time between two attempts, for example `PT5S`"),
        "maxInterval": time("Longest time between two attempts"),
        "minInterval": time("Shortest time between two attempts"),
        "delayFactor": { "type": "number", "default": 2, "description": "What the interval is multiplied with each time" },
        "maxAttempt": { "type": "integer", "minimum": 1, "description": "Old form of `maxAttempts`", "deprecated": true, "doNotSuggest": true },
    });
    for (name, schema) in common {
        properties[name] = schema;
    }
    json_schema!({ "type": "object", "properties": properties, "required": ["type"], "additionalProperties": false })
}
