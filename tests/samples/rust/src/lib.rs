//! The plugin `awk`: a program for every line of its input. It plans; it starts, reads and reaches nothing itself.

use taffrail_plugin::script::{ScriptLanguage, file_name, run_file};
use taffrail_plugin::{Context, File, Language, Plan, PlanError, Properties, shell};

/// The plugin.
#[derive(Debug)]
pub struct Awk;

taffrail_plugin::register!(Awk);

const LANGUAGE: ScriptLanguage = ScriptLanguage {
    id: Awk::ID,
    family: "org.example.awk",
    extension: "awk",
    command: "awk",
};

impl Language for Awk {
    const ID: &'static str = "awk";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        if task_type != "org.example.awk.Script" {
            return Err(PlanError::UnknownTaskType(task_type.to_owned()));
        }
        let own = ["separator", "variables", "input"];
        let script = LANGUAGE.script(properties, &own)?;
        let mut command = "awk".to_owned();
        if let Some(separator) = properties.text("separator")? {
            shell::refuse_nul(Self::ID, "/separator", separator)?;
            command.push_str(" -F ");
            command.push_str(&shell::word(separator));
        }
        for (index, variable) in properties
            .texts("variables")?
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let pointer = ["/variables/", &index.to_string()].concat();
            shell::refuse_nul(Self::ID, &pointer, variable)?;
            if variable.split_once('=').is_none_or(|(name, _)| name.is_empty()) {
                return Err(PlanError::property(
                    "awk/no-variable",
                    pointer,
                    ["`", variable, "` is no `name=value`"].concat(),
                ));
            }
            command.push_str(" -v ");
            command.push_str(&shell::word(variable));
        }
        command.push_str(" -f");
        let input = properties.text("input")?.unwrap_or("/dev/null");
        shell::refuse_nul(Self::ID, "/input", input)?;
        let file = File::new(file_name(context, LANGUAGE.extension), script);
        let mut plan = run_file(&command, file, context);
        if let taffrail_plugin::Program::Shell(lines) = &mut plan.program
            && let Some(line) = lines.last_mut()
        {
            line.push(' ');
            line.push_str(&shell::word(input));
        }
        Ok(plan)
    }
}
