//! The keys of small core tasks. The doc comments are the hover text of editors.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::storage::text_or_list;
use crate::output::LogLevel;
use crate::schema::{Level, duration};

/// One text or several.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Texts {
    /// One.
    One(Value),
    /// Several.
    Several(Vec<Value>),
}

impl Texts {
    /// All of them as text.
    pub fn into_texts(self) -> Vec<String> {
        let text = |value| match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        match self {
            Texts::One(Value::Array(items)) | Texts::Several(items) => {
                items.into_iter().map(text).collect()
            }
            Texts::One(value) => vec![text(value)],
        }
    }
}

fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

/// Keys of Log
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogKeys {
    /// The message, or several
    #[schemars(schema_with = "text_or_list")]
    pub message: Texts,
    /// Level of the messages
    #[schemars(with = "Option<Level>", extend("default" = "INFO"))]
    #[serde(default)]
    pub level: Option<LogLevel>,
}

/// Keys of Echo
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EchoKeys {
    /// The message
    #[schemars(schema_with = "text")]
    pub format: Value,
    /// Level of the message
    #[schemars(with = "Option<Level>", extend("default" = "INFO"))]
    #[serde(default)]
    pub level: Option<LogLevel>,
}

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

/// Keys of Return
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReturnKeys {
    /// The value, read as `outputs.<id>.value`
    #[serde(default)]
    pub format: Option<String>,
}

/// Keys of OutputValues
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutputValuesKeys {
    /// The values by name, read as `outputs.<id>.values.<name>`
    pub values: Map<String, Value>,
}

/// Keys of Assert
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssertKeys {
    /// The conditions; all must hold
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Value>,
    /// What is said when one does not
    #[serde(default)]
    pub error_message: Option<String>,
}

fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": ["string", "boolean", "number"] }, "minItems": 1 })
}

/// Keys of Fail
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailKeys {
    /// The condition; without it the task always fails
    #[schemars(schema_with = "condition")]
    #[serde(default)]
    pub condition: Option<Value>,
    /// What is said
    #[schemars(extend("default" = "Task failure"))]
    #[serde(default)]
    pub error_message: Option<String>,
}

fn condition(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "boolean", "number"] })
}

/// Keys of Exit
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExitKeys {
    /// The state that the execution ends in
    #[schemars(extend("default" = "SUCCESS"))]
    #[serde(default)]
    pub state: Option<ExitState>,
}

/// The states that an execution can be ended in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum ExitState {
    /// All is well
    #[default]
    Success,
    /// With a warning
    Warning,
    /// Failed
    Failed,
    /// Killed
    Killed,
    /// Cancelled, which is the same here as killed
    Canceled,
    /// Another spelling of it
    Cancelled,
}

/// Keys of Sleep
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SleepKeys {
    /// How long
    #[schemars(schema_with = "duration")]
    pub duration: String,
}

/// Keys of Labels
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelsKeys {
    /// The labels: a map, or a list of `key` and `value`
    #[schemars(schema_with = "labels")]
    pub labels: LabelsValue,
}

/// Labels as flows write them.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "labels are a map, or a list of maps of `key` and `value`"
)]
pub enum LabelsValue {
    /// A map.
    Map(IndexMap<String, Value>),
    /// A list.
    List(Vec<LabelPair>),
}

/// One label.
#[derive(Debug, Clone, Deserialize)]
pub struct LabelPair {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: Value,
}

impl LabelsValue {
    /// The labels in order.
    pub fn into_pairs(self) -> Vec<(String, Value)> {
        match self {
            LabelsValue::Map(map) => map.into_iter().collect(),
            LabelsValue::List(list) => list
                .into_iter()
                .map(|pair| (pair.key, pair.value))
                .collect(),
        }
    }
}

fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "array"],
        "items": {
            "type": "object",
            "properties": {
                "key": { "type": "string", "description": "Its name" },
                "value": { "type": ["string", "number", "boolean"], "description": "Its value" }
            },
            "required": ["key", "value"],
            "additionalProperties": false
        }
    })
}

/// Keys of SetVariables
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetVariablesKeys {
    /// The variables, read as `vars.<name>`
    pub variables: Map<String, Value>,
    /// Whether variables that are there already are replaced; if not, the task fails
    #[schemars(extend("default" = true))]
    #[serde(default)]
    pub overwrite: Option<bool>,
}

/// Keys of UnsetVariables
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnsetVariablesKeys {
    /// Names of the variables
    pub variables: Vec<String>,
    /// Whether a variable that is not there is no failure
    #[schemars(extend("default" = false))]
    #[serde(default)]
    pub ignore_missing: Option<bool>,
}

/// Keys of Publish
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishKeys {
    /// The metrics
    pub metrics: Vec<PublishedMetric>,
}

/// One metric
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct PublishedMetric {
    /// Its type: `counter`, `timer` or `gauge`
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name
    pub name: String,
    /// Its value: a number, or for a timer a duration
    #[schemars(schema_with = "anything")]
    pub value: Value,
    /// Its tags
    #[serde(default)]
    pub tags: Option<Map<String, Value>>,
    /// What it measures
    #[serde(default)]
    pub description: Option<String>,
}

/// Keys of PurgeCurrentExecutionFiles: none
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoKeys {}

/// Keys of PurgeExecutions
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only described: the task does nothing here")]
pub struct PurgeExecutionsKeys {
    /// Namespace whose executions are deleted
    #[serde(default)]
    namespace: Option<String>,
    /// Flow whose executions are deleted
    #[serde(default)]
    flow_id: Option<String>,
    /// Only executions that ended after this moment
    #[serde(default)]
    start_date: Option<String>,
    /// Only executions that ended before this moment
    #[serde(default)]
    end_date: Option<String>,
    /// Only executions in these states
    #[serde(default)]
    states: Option<Vec<String>>,
    /// Whether executions are deleted
    #[serde(default)]
    purge_execution: Option<bool>,
    /// Whether logs are deleted
    #[serde(default)]
    purge_log: Option<bool>,
    /// Whether metrics are deleted
    #[serde(default)]
    purge_metric: Option<bool>,
    /// Whether stored files are deleted
    #[serde(default)]
    purge_storage: Option<bool>,
    /// How many are deleted at once
    #[serde(default)]
    batch_size: Option<u32>,
}

/// Keys of PurgeLogs
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only described: the task does nothing here")]
pub struct PurgeLogsKeys {
    /// Namespace whose logs are deleted
    #[serde(default)]
    namespace: Option<String>,
    /// Flow whose logs are deleted
    #[serde(default)]
    flow_id: Option<String>,
    /// Only logs after this moment
    #[serde(default)]
    start_date: Option<String>,
    /// Only logs before this moment
    #[serde(default)]
    end_date: Option<String>,
    /// Only logs of these levels
    #[serde(default)]
    log_levels: Option<Vec<String>>,
}
