//! The plugin `__ID__`: turns a task's properties into what the host starts. It starts, reads and reaches nothing itself.

use taffrail_plugin::script::{ScriptLanguage, file_name, run_file};
use taffrail_plugin::{Context, File, Language, Plan, PlanError, Properties};

/// The plugin.
#[derive(Debug)]
pub struct Plugin;

taffrail_plugin::register!(Plugin);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Plugin::ID,
    family: "__TYPE__",
    extension: "sh",
    // The command that runs the script's file.
    command: "sh",
};

impl Language for Plugin {
    const ID: &'static str = "__ID__";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        if task_type != "__TYPE__.Script" {
            return Err(PlanError::UnknownTaskType(task_type.to_owned()));
        }
        let script = LANGUAGE.script(properties, &[])?;
        if script.trim().is_empty() {
            return Err(PlanError::property(
                "__ID__/empty-script",
                "/script",
                "the script is empty",
            ));
        }
        let file = File::new(file_name(context, LANGUAGE.extension), script);
        Ok(run_file(LANGUAGE.command, file, context))
    }
}
