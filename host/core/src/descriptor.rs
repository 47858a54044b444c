//! What a plugin says of itself, as the host keeps it; the document's own schema is `wit/v1.0/descriptor.schema.json`.

use serde::{Deserialize, Serialize};

use crate::name::{PluginId, TaskType};
use crate::schema_text::SchemaText;

/// A plugin's description of itself. Keys that this host does not know are ignored, so that newer plugins load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Version of the document's shape; 1.
    pub descriptor_version: u32,
    /// The plugin's name.
    pub id: PluginId,
    /// Semantic version of the plugin.
    pub version: semver::Version,
    /// One short line for lists.
    pub title: String,
    /// Markdown for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docs: Option<String>,
    /// SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Where the plugin lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// The task types that the plugin plans; at least one.
    pub task_types: Vec<TaskTypeDescriptor>,
}

/// One task type of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskTypeDescriptor {
    /// What a flow writes after `type:`.
    pub name: TaskType,
    /// Older names of the same type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<TaskType>,
    /// One short line for completion lists.
    pub title: String,
    /// Markdown for hover and manual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docs: Option<String>,
    /// Draft-07 schema of the language's own properties: a closed object.
    pub properties_schema: SchemaText,
    /// Draft-07 schema of what the task adds to the outputs that every script task has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs_schema: Option<SchemaText>,
    /// The image to use where the author chose none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_container_image: Option<String>,
    /// The argument vector that the joined shell lines are appended to; `/bin/sh -c` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_interpreter: Option<Vec<String>>,
    /// The line that makes the interpreter stop at the first failing command; `set -e` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_fast: Option<String>,
    /// Flows or tasks to learn from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// Set where the type should no longer be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
}

/// An example of a task type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// What it shows, one line.
    pub title: String,
    /// YAML: a whole flow where `full`, else one task.
    pub code: String,
    /// Whether `code` is a whole flow.
    #[serde(default)]
    pub full: bool,
}

/// Says that something should no longer be used, and what to use instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deprecation {
    /// The version in which it became so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// One sentence for the author.
    pub message: String,
    /// The type to use instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
}

impl Descriptor {
    /// The descriptor of a task type, by its name or one of its older names.
    pub fn task_type(&self, name: &str) -> Option<&TaskTypeDescriptor> {
        self.task_type_index(name)
            .map(|index| &self.task_types[index])
    }

    /// The place of a task type among all, by its name or one of its older names.
    pub fn task_type_index(&self, name: &str) -> Option<usize> {
        self.task_types.iter().position(|candidate| {
            candidate.name.as_str() == name
                || candidate.aliases.iter().any(|alias| alias.as_str() == name)
        })
    }
}
