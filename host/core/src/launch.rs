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
    /// Whether anything is in the working directory before the program runs, or is wanted from it afterwards.
    pub moves_files: bool,
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

/// The signals that end programs, by their numbers on Linux.
const SIGNALS: &[(i32, &str)] = &[
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
];

impl ExitStatus {
    /// Whether the program said that all is well.
    pub fn success(self) -> bool {
        self == ExitStatus::Code(0)
    }

    /// The signal that an exit code above 128 stands for, by the custom of shells and of containers: `SIGSEGV` for 139.
    pub fn signal_in_code(self) -> Option<&'static str> {
        let ExitStatus::Code(code) = self else {
            return None;
        };
        let signals = SIGNALS.iter();
        let mut found = signals.filter(|(number, _)| code == 128 + number);
        found.next().map(|(_, name)| *name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_above_128_may_stand_for_signals() {
        let check = |status: ExitStatus, signal: Option<&str>| {
            assert_eq!(status.signal_in_code(), signal, "{status}");
        };
        check(ExitStatus::Code(139), Some("SIGSEGV"));
        check(ExitStatus::Code(129), Some("SIGHUP"));
        check(ExitStatus::Code(128), None);
        check(ExitStatus::Code(255), None);
        check(ExitStatus::Code(11), None);
        check(ExitStatus::Code(i32::MIN), None);
        check(ExitStatus::Signal(11), None);
    }
}
