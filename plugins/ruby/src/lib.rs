//! The Ruby language: a script is a file that `ruby` runs. It plans; it knows no host and no process.

use taffrail_plugin::script::ScriptLanguage;
use taffrail_plugin::{Context, Language, Plan, PlanError, Properties};

/// The plugin `ruby`.
#[derive(Debug)]
pub struct Ruby;

taffrail_plugin::register!(Ruby);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Ruby::ID,
    family: "io.kestra.plugin.scripts.ruby",
    extension: "rb",
    command: "ruby",
};

impl Language for Ruby {
    const ID: &'static str = "ruby";

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
