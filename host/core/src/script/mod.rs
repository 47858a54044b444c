//! What every script task has in common, whatever its language: settings, runner, argument vector, environment.

mod environment;
mod invocation;
mod runner;
mod settings;

pub use environment::{EnvError, environment};
pub use invocation::{
    DEFAULT_FAIL_FAST, DEFAULT_INTERPRETER, Invocation, InvocationError, assemble,
};
pub use runner::{Because, DOCKER, PROCESS, RunnerWish, chosen_image, wanted_runner};
pub use settings::{
    IfExists, LegacyRunner, NamespaceFiles, RunnerSettings, ScriptSettings, TargetOsChoice,
};
