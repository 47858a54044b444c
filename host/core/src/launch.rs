//! All that a backend needs to start one task, and the words for how it ended.

use serde::{Deserialize, Serialize};

use crate::plan::EnvVar;

/// Which attempt of which task of which execution this is. Goes into labels, names and records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskIdentity {
    /// The flow's namespace.
    pub namespace: String,
    /// The flow's id.
    pub flow: String,
    /// The execution's id.
    pub execution: String,
    /// The task's id.
    pub task: String,
    /// The task run's id, unique in the execution.
    pub task_run: String,
    /// From 1.
    pub attempt: u32,
}

/// What a backend is asked to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchSpec {
    /// Whose run it is.
    pub identity: TaskIdentity,
    /// The argument vector; never empty, no NUL in it.
    pub argv: Vec<String>,
    /// All that the flow, the plugin and the host set, in order, each name once. The backend adds its own base below it.
    pub env: Vec<EnvVar>,
    /// Absolute path of the working directory on this host.
    pub working_dir: std::path::PathBuf,
    /// Absolute path of a directory on this host that is the task run's own and that its program does not look into; it may not be
    /// there yet.
    pub private_dir: std::path::PathBuf,
    /// The image, for backends that need one.
    pub image: Option<String>,
}

/// Which of the two streams a chunk came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How the started program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExitStatus {
    /// It ended by itself with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl ExitStatus {
    /// Whether the program said that all is well.
    pub fn success(self) -> bool {
        self == ExitStatus::Code(0)
    }
}

impl std::fmt::Display for ExitStatus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExitStatus::Code(code) => write!(formatter, "exit code {code}"),
            ExitStatus::Signal(signal) => write!(formatter, "killed by signal {signal}"),
        }
    }
}
