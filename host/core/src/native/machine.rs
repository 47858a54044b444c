//! The keys of the tasks that read and write files of the machine that runs the flow. The original has none: its tasks know stored files
//! only.

use schemars::JsonSchema;
use serde::Deserialize;

/// Keys of Read
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileReadKeys {
    /// Path of the file; one that is not absolute is below the folder in which the host was started
    pub path: String,
}

/// Keys of Write
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileWriteKeys {
    /// Path of the file, which is made or replaced; one that is not absolute is below the folder in which the host was started.
    /// `/dev/stdout` and `/dev/stderr` are the output of the task
    pub path: String,
    /// What the file is to hold
    #[serde(default)]
    pub content: Option<String>,
    /// What the file is to hold, in base64, in place of `content`
    #[serde(default)]
    pub base64_content: Option<String>,
    /// Whether folders that are missing are made
    #[schemars(extend("default" = false))]
    #[serde(default)]
    pub create_directories: Option<bool>,
}
