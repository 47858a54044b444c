//! The Lua language: a script is a file that `lua` runs. It plans; it knows no host and no process.

use taffrail_plugin::script::ScriptLanguage;
use taffrail_plugin::{Context, Language, Plan, PlanError, Properties};

/// The plugin `lua`.
#[derive(Debug)]
pub struct Lua;

taffrail_plugin::register!(Lua);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Lua::ID,
    family: "io.kestra.plugin.scripts.lua",
    extension: "lua",
    command: "lua",
};

impl Language for Lua {
    const ID: &'static str = "lua";

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
