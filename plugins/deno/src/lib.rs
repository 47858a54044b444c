//! The Deno language: a script is a file that `deno run` runs with its permissions. It plans; it knows no host and no process.

use taffrail_plugin::script::{self, Kind, ScriptLanguage};
use taffrail_plugin::{Context, File, Language, Plan, PlanError, Properties, shell};

/// The plugin `deno`.
#[derive(Debug)]
pub struct Deno;

taffrail_plugin::register!(Deno);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Deno::ID,
    family: "io.kestra.plugin.scripts.deno",
    extension: "ts",
    command: "deno run",
};

/// What a task's `env`, `inputFiles` and `outputFiles` are of no use without.
const DEFAULT_PERMISSIONS: [&str; 3] = ["--allow-env", "--allow-read", "--allow-write"];

impl Language for Deno {
    const ID: &'static str = "deno";

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
                let script = LANGUAGE.script(properties, &["permissions"])?;
                let permissions = properties
                    .texts("permissions")?
                    .unwrap_or_else(|| DEFAULT_PERMISSIONS.map(str::to_owned).to_vec());
                let mut command = LANGUAGE.command.to_owned();
                for (index, permission) in permissions.iter().enumerate() {
                    check(&["/permissions/", &index.to_string()].concat(), permission)?;
                    command.push(' ');
                    command.push_str(&shell::word(permission));
                }
                let file = File::new(script::file_name(context, LANGUAGE.extension), script);
                Ok(script::run_file(&command, file, context))
            }
        }
    }
}

fn check(pointer: &str, permission: &str) -> Result<(), PlanError> {
    shell::refuse_nul(Deno::ID, pointer, permission)?;
    if permission.starts_with('-') {
        return Ok(());
    }
    // Deno would take it for the program.
    Err(PlanError::property(
        "deno/invalid-permission",
        pointer,
        [
            "`",
            permission,
            "` is no option of `deno run`, for example `--allow-net`",
        ]
        .concat(),
    ))
}
