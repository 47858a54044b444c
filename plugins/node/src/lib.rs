//! The Node.js language: a script is a file that `node` runs. It plans; it knows no host and no process.

use taffrail_plugin::script::ScriptLanguage;
use taffrail_plugin::{Context, Language, Plan, PlanError, Properties};

/// The plugin `node`.
#[derive(Debug)]
pub struct Node;

taffrail_plugin::register!(Node);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Node::ID,
    family: "io.kestra.plugin.scripts.node",
    extension: "js",
    command: "node",
};

impl Language for Node {
    const ID: &'static str = "node";

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
