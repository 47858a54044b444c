//! The Perl language: a script is a file that `perl` runs. It plans; it knows no host and no process.

use taffrail_plugin::script::ScriptLanguage;
use taffrail_plugin::{Context, Language, Plan, PlanError, Properties};

/// The plugin `perl`.
#[derive(Debug)]
pub struct Perl;

taffrail_plugin::register!(Perl);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Perl::ID,
    family: "io.kestra.plugin.scripts.perl",
    extension: "pl",
    command: "perl",
};

impl Language for Perl {
    const ID: &'static str = "perl";

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
