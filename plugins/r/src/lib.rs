//! The R language: a script is a file that `Rscript` runs. It plans; it knows no host and no process.

use taffrail_plugin::script::ScriptLanguage;
use taffrail_plugin::{Context, Language, Plan, PlanError, Properties};

/// The plugin `r`.
#[derive(Debug)]
pub struct R;

taffrail_plugin::register!(R);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: R::ID,
    family: "io.kestra.plugin.scripts.r",
    extension: "R",
    command: "Rscript",
};

impl Language for R {
    const ID: &'static str = "r";

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
