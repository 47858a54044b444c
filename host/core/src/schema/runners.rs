//! What schemas and validation need to know of a task runner. The backends themselves say it.

use serde_json::{Map, Value};

/// What is wrong with one setting of a runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// JSON pointer into the runner's settings, of the value or the key that is wrong; empty where it is all of them.
    pub pointer: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// A task runner as far as schemas and validation care.
#[derive(Debug, Clone)]
pub struct RunnerFragment {
    /// Its type, as flows write it.
    pub name: String,
    /// Older names of the same runner.
    pub aliases: Vec<String>,
    /// One short line for completion lists.
    pub title: String,
    /// Draft-07 schema of its own keys: a closed object without `type` and `version`. Made when it is first needed.
    pub schema: fn() -> Map<String, Value>,
    /// What is wrong between settings that each fit the schema; nothing where the schema says it all.
    pub check: fn(&Map<String, Value>) -> Vec<SettingError>,
    /// Whether this program can run it. A runner that it cannot run is still checked.
    pub available: bool,
}

impl RunnerFragment {
    /// The version of every task runner: each is part of the program, and all change together.
    pub const VERSION: semver::Version = semver::Version::new(1, 0, 0);

    /// Whether flows may call it so.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }
}
