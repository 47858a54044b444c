//! The keys of the tasks that read and write files of the machine that runs the flow. The original has none: its tasks know stored files
//! only.

use schemars::JsonSchema;
use serde::Deserialize;

/// Keys of Read
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileReadKeys {
    /// Path of the file
    pub path: String,
}

/// Keys of Write
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileWriteKeys {
    /// Path of the file; `/dev/stdout` is the task's output
    pub path: String,
    /// What it is to hold
    #[serde(default)]
    pub content: Option<String>,
    /// The same in base64, in place of `content`
    #[serde(default)]
    pub base64_content: Option<String>,
    /// Whether missing folders are made
    #[serde(default)]
    pub create_directories: Option<bool>,
}
