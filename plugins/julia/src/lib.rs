//! The Julia language: a script is a file that `julia` runs. It plans; it knows no host and no process.

use taffrail_plugin::script::ScriptLanguage;
use taffrail_plugin::{Context, Language, Plan, PlanError, Properties};

/// The plugin `julia`.
#[derive(Debug)]
pub struct Julia;

taffrail_plugin::register!(Julia);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Julia::ID,
    family: "io.kestra.plugin.scripts.julia",
    extension: "jl",
    command: "julia",
};

impl Language for Julia {
    const ID: &'static str = "julia";

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
