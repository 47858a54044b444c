//! What a flow may say of the process runner.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Runs the task's commands as a process of the machine that runs the flow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Process")]
pub struct ProcessSettings {
    /// The name of this runner.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(required)]
    pub runner_type: Option<String>,

    /// Which version of the runner is meant. There is one, so the value changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// Folder of the machine to start in, in place of the task's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}
