//! What the host asks of a plugin and what it gets: one task's rendered properties in, an execution plan out.
//!
//! These types are nobody's wire format. The component boundary and the terminal translate at their own edge.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::name::{RelPath, TaskType};

/// The system that commands run on, after `AUTO` was resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetOs {
    /// Linux.
    Linux,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
}

impl TargetOs {
    /// The system that this program was built for; anything unknown counts as Linux.
    pub const HOST: TargetOs = if cfg!(windows) {
        TargetOs::Windows
    } else if cfg!(target_os = "macos") {
        TargetOs::Macos
    } else {
        TargetOs::Linux
    };

    /// What separates two lines of a script.
    pub fn line_separator(self) -> &'static str {
        match self {
            TargetOs::Windows => "\r\n",
            TargetOs::Linux | TargetOs::Macos => "\n",
        }
    }
}

/// One question to a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanRequest {
    /// The plugin's own name of the type (never an alias).
    pub task_type: TaskType,
    /// The language's own properties, rendered.
    pub properties: Map<String, Value>,
    /// What a plan may depend on besides.
    pub context: PlanContext,
}

/// What a plan may depend on besides the properties.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanContext {
    /// The task's id in its flow.
    pub task_id: String,
    /// Absolute path of the working directory as the program will see it.
    pub working_dir: String,
    /// Absolute path of the output directory as the program will see it, where the task asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_dir: Option<String>,
    /// The system that the commands run on.
    pub target_os: TargetOs,
    /// `process`, `docker`, or the name of another runner.
    pub runner: String,
    /// The image that the author chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_image: Option<String>,
    /// The variables that the host will set, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// The task's `failFast` where its author wrote it; a tool may have a mode of its own for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_fast: Option<bool>,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvVar {
    /// Its name: not empty, no `=`, no NUL.
    pub name: String,
    /// Its value: no NUL.
    pub value: String,
}

/// What is to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// Lines for the task's interpreter; the host adds `failFast` and `beforeCommands` and joins them.
    Shell(Vec<String>),
    /// A plain argument vector, started without any shell.
    Argv(Vec<String>),
}

/// A file that must stand in the working directory before the program starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// Where, relative to the working directory.
    pub path: RelPath,
    /// What is in it.
    pub contents: Vec<u8>,
    /// Whether it gets the execute permission.
    pub executable: bool,
}

/// A plugin's answer: how one task is to be executed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What is to be started.
    pub program: Program,
    /// Files to write first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PlanFile>,
    /// Defaults of the language; what the author set wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// The image to use where the author chose none; none means the descriptor's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_image: Option<String>,
    /// What the plugin has to say of a plan that is good all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<PropertyRemark>,
    /// Files that the program may leave and that are outputs then, beside those that the author names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<KeptFile>,
    /// Files that go from one execution of the flow to the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carry: Vec<CarriedFile>,
}

/// A file that a program leaves, and the name of the output that it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Where it is, relative to the working directory.
    pub path: RelPath,
    /// Its name among `outputFiles`, where it goes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<RelPath>,
    /// The task's output that is its URI, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// A file that a successful execution leaves for the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedFile {
    /// Where it is, relative to the working directory.
    pub path: RelPath,
    /// What it is called between executions; tasks of a flow that say the same name share it.
    pub name: RelPath,
}

/// How grave a remark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RemarkSeverity {
    /// The plan cannot be made.
    Error,
    /// The author should look at it.
    Warning,
    /// Good to know.
    Info,
    /// An editor may show it.
    Hint,
}

/// A plugin's remark about one place of a task's properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyRemark {
    /// How grave it is.
    pub severity: RemarkSeverity,
    /// Stable code, `<plugin>/<rule>`.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// RFC 6901 pointer into the properties; empty for the whole task.
    pub pointer: String,
}

/// Why a plugin, working as it should, made no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanRefusal {
    /// The plugin has no such task type.
    #[error("it has no task type `{0}`")]
    UnknownTaskType(String),
    /// The properties hold what their schema could not refuse.
    #[error("{}", .0.iter().map(|remark| remark.message.as_str()).collect::<Vec<_>>().join("; "))]
    InvalidProperties(Vec<PropertyRemark>),
    /// The wish is clear, but not possible.
    #[error("{0}")]
    Unsupported(String),
    /// The plugin says that the fault is its own.
    #[error("internal error: {0}")]
    Internal(String),
}
