//! What every script task has in common, whatever its language: settings, runner, argument vector, environment.

mod settings;

pub use settings::{
    IfExists, LegacyRunner, NamespaceFiles, RunnerSettings, ScriptSettings, TargetOsChoice,
};
