//! The Bun language: a script is a file that `bun run` runs. It plans; it knows no host and no process.

use taffrail_plugin::script::ScriptLanguage;
use taffrail_plugin::{Context, Language, Plan, PlanError, Properties};

/// The plugin `bun`.
#[derive(Debug)]
pub struct Bun;

taffrail_plugin::register!(Bun);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Bun::ID,
    family: "io.kestra.plugin.scripts.bun",
    extension: "ts",
    command: "bun run",
};

impl Language for Bun {
    const ID: &'static str = "bun";

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
