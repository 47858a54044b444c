//! The .NET languages: a script is a file that `dotnet-script` runs. It plans; it knows no host and no process.

use taffrail_plugin::script::ScriptLanguage;
use taffrail_plugin::{Context, EnvVar, Language, Plan, PlanError, Program, Properties, TargetOs};

/// The plugin `dotnet`.
#[derive(Debug)]
pub struct Dotnet;

taffrail_plugin::register!(Dotnet);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Dotnet::ID,
    family: "io.kestra.plugin.scripts.dotnet",
    extension: "csx",
    command: "dotnet-script",
};

/// Global tools are below the home that the SDK takes, which need not be the user's.
const FIND: &str = "PATH=\"$PATH:${DOTNET_CLI_HOME:-$HOME}/.dotnet/tools\"; export PATH";
/// `exit` passes the installer's code on, also where the task goes on after failing lines.
const INSTALL: &str = "command -v dotnet-script >/dev/null 2>&1 || dotnet tool install --global dotnet-script --ignore-failed-sources >&2 || exit";

impl Language for Dotnet {
    const ID: &'static str = "dotnet";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        let mut plan = LANGUAGE.plan(task_type, properties, context)?;
        plan.env = vec![
            EnvVar::new("DOTNET_NOLOGO", "true"),
            EnvVar::new("DOTNET_CLI_TELEMETRY_OPTOUT", "1"),
        ];
        let runs_a_script = !plan.files.is_empty() && context.target_os != TargetOs::Windows;
        if let Program::Shell(lines) = &mut plan.program
            && runs_a_script
        {
            lines.splice(0..0, [FIND.to_owned(), INSTALL.to_owned()]);
        }
        Ok(plan)
    }
}
