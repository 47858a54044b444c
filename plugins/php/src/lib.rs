//! The PHP language: a script is a file that `php` runs. It plans; it knows no host and no process.

use taffrail_plugin::script::ScriptLanguage;
use taffrail_plugin::{Context, Diagnostic, Language, Plan, PlanError, Properties, Severity};

/// The plugin `php`.
#[derive(Debug)]
pub struct Php;

taffrail_plugin::register!(Php);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Php::ID,
    family: "io.kestra.plugin.scripts.php",
    extension: "php",
    command: "php",
};

impl Language for Php {
    const ID: &'static str = "php";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        let mut plan = LANGUAGE.plan(task_type, properties, context)?;
        let printed = |text: &[u8]| !text.is_empty() && !text.windows(2).any(|pair| pair == b"<?");
        if plan.files.iter().any(|file| printed(&file.contents)) {
            plan.diagnostics.push(Diagnostic::new(
                Severity::Warning,
                "php/no-tag",
                "/script",
                "PHP prints what stands outside of `<?php`, and this script has no such tag: it is printed and not run",
            ));
        }
        Ok(plan)
    }
}
