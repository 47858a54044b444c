//! The Groovy language: a script is a file that `groovy` runs. It plans; it knows no host and no process.

use taffrail_plugin::script::ScriptLanguage;
use taffrail_plugin::{Context, Language, Plan, PlanError, Properties};

/// The plugin `groovy`.
#[derive(Debug)]
pub struct Groovy;

taffrail_plugin::register!(Groovy);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Groovy::ID,
    family: "io.kestra.plugin.scripts.groovy",
    extension: "groovy",
    command: "groovy",
};

impl Language for Groovy {
    const ID: &'static str = "groovy";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        LANGUAGE.plan(task_type, properties, context)
    }
}
