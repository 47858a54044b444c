//! The Go language: a script is a file that `go run` compiles and runs. It plans; it knows no host and no process.

use taffrail_plugin::script::{self, Kind, ScriptLanguage};
use taffrail_plugin::{Context, File, Language, Plan, PlanError, Properties};

/// The plugin `go`.
#[derive(Debug)]
pub struct Go;

taffrail_plugin::register!(Go);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Go::ID,
    family: "io.kestra.plugin.scripts.go",
    extension: "go",
    command: "go run",
};

impl Language for Go {
    const ID: &'static str = "go";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        match LANGUAGE.kind(task_type)? {
            Kind::Commands => LANGUAGE.commands(properties, &[]),
            Kind::Script => {
                let script = LANGUAGE.script(properties, &[])?;
                // Go leaves out files whose names end in `_test` or in another system's name.
                let name = script::file_name(context, LANGUAGE.extension).replace('_', "-");
                Ok(script::run_file(
                    LANGUAGE.command,
                    File::new(name, script),
                    context,
                ))
            }
        }
    }
}
