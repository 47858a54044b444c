//! The shell language: a script or lines, handed to the task's interpreter as they are. It plans; it knows no host and no process.

mod guest;

use serde::Deserialize;
use taffrail_plugin::{Context, Language, Plan, PlanError, Program, Properties, shell};

/// The plugin `shell`.
#[derive(Debug)]
pub struct Shell;

const SCRIPT: &str = "io.kestra.plugin.scripts.shell.Script";
const COMMANDS: &str = "io.kestra.plugin.scripts.shell.Commands";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScriptProperties {
    script: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CommandsProperties {
    commands: Vec<String>,
}

impl Language for Shell {
    const ID: &'static str = "shell";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        _context: &Context,
    ) -> Result<Plan, PlanError> {
        match task_type {
            SCRIPT => {
                let ScriptProperties { script } = properties.read()?;
                shell::refuse_nul(Self::ID, "/script", &script)?;
                // The text is one "line": a file would change `$0` and give `#!` a meaning.
                Ok(Plan::new(Program::Shell(vec![script])))
            }
            COMMANDS => {
                let CommandsProperties { commands } = properties.read()?;
                shell::check_commands(Self::ID, &commands)?;
                Ok(Plan::new(Program::Shell(commands)))
            }
            other => Err(PlanError::UnknownTaskType(other.to_owned())),
        }
    }
}
