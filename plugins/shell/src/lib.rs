//! The shell language: a script or lines, handed to the task's interpreter as they are. It plans; it knows no host and no process.

use taffrail_plugin::script::{Kind, ScriptLanguage};
use taffrail_plugin::{Context, Language, Plan, PlanError, Program, Properties, shell};

/// The plugin `shell`.
#[derive(Debug)]
pub struct Shell;

taffrail_plugin::register!(Shell);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Shell::ID,
    family: "io.kestra.plugin.scripts.shell",
    extension: "sh",
    command: "sh",
};

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
        match LANGUAGE.kind(task_type)? {
            Kind::Script => {
                let script = LANGUAGE.script(properties, &[])?;
                shell::refuse_nul(Self::ID, "/script", script)?;
                // The text is one "line": a file would change `$0` and give `#!` a meaning.
                Ok(Plan::new(Program::Shell(vec![script.to_owned()])))
            }
            Kind::Commands => LANGUAGE.commands(properties, &[]),
        }
    }
}
