//! The PowerShell language: a script is a file that a line of PowerShell calls. It plans; it knows no host and no process.

use taffrail_plugin::script::{self, Kind, ScriptLanguage};
use taffrail_plugin::{Context, File, Language, Plan, PlanError, Program, Properties};

/// The plugin `powershell`.
#[derive(Debug)]
pub struct Powershell;

taffrail_plugin::register!(Powershell);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Powershell::ID,
    family: "io.kestra.plugin.scripts.powershell",
    extension: "ps1",
    command: "&",
};

/// A shell that is given lines ends with 1 for whatever code a script ended with, unless a line says otherwise.
const PASS_EXIT_CODE: &str =
    "if (-not $?) { if ($LASTEXITCODE) { exit $LASTEXITCODE } else { exit 1 } }";

impl Language for Powershell {
    const ID: &'static str = "powershell";

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
                let name = script::file_name(context, LANGUAGE.extension);
                // The reader of the line is PowerShell on every system: a quote is doubled, and a quoted path is a text until `&` calls it.
                let path = context.path_of(&name).replace('\'', "''");
                let call = ["& '", &path, "'"].concat();
                let mut plan = Plan::new(Program::Shell(vec![call, PASS_EXIT_CODE.to_owned()]));
                plan.files.push(File::new(name, script));
                Ok(plan)
            }
        }
    }
}
