//! The task types of one dbt command each: their settings are its options.

use taffrail_plugin::json::Value;
use taffrail_plugin::{Context, File, Language, Plan, PlanError, Program, Properties, shell};

use crate::Dbt;

/// Where these types, and `Setup`, have their profile.
const PROFILE_FOLDER: &str = ".profile";

/// The command of a task type, as a shell reads it.
pub(crate) fn verb(name: &str) -> Option<&'static str> {
    Some(match name {
        "Build" => "build",
        "Run" => "run",
        "Test" => "test",
        "Compile" => "compile",
        "Deps" => "deps",
        "List" => "list",
        "Seed" => "seed",
        "Snapshot" => "snapshot",
        "Freshness" => "source freshness",
        _ => return None,
    })
}

pub(crate) fn plan(
    verb: &str,
    properties: &Properties,
    context: &Context,
) -> Result<Plan, PlanError> {
    properties.allow(&[
        "dbtPath",
        "projectDir",
        "profiles",
        "debug",
        "warnError",
        "parseRunResults",
        "thread",
        "fullRefresh",
        "target",
        "selector",
        "select",
        "exclude",
    ])?;
    let mut line = Line(String::from("\"$taffrail_dbt\""));
    line.flag(properties, "debug", " --debug")?;
    if context.fail_fast() == Some(true) {
        line.0.push_str(" --fail-fast");
    }
    line.flag(properties, "warnError", " --warn-error")?;
    line.0.push(' ');
    line.0.push_str(verb);
    if let Some(thread) = thread(properties)? {
        line.option("--threads", thread);
    }
    line.flag(properties, "fullRefresh", " --full-refresh")?;
    line.text(properties, "target", "--target")?;
    line.text(properties, "selector", "--selector")?;
    line.list(properties, "select", "--select")?;
    line.list(properties, "exclude", "--exclude")?;
    let project = crate::project_dir(properties)?;
    let folder = match project {
        Some(project) => context.path_of(project),
        None => context.working_dir.clone(),
    };
    line.option("--project-dir", &shell::quote(&folder));

    let find = match properties.text("dbtPath")? {
        Some(path) => {
            shell::refuse_nul(Dbt::ID, "/dbtPath", path)?;
            ["taffrail_dbt=", &shell::quote(path)].concat()
        }
        None => {
            "if [ -x ./bin/dbt ]; then taffrail_dbt=./bin/dbt; else taffrail_dbt=dbt; fi".to_owned()
        }
    };
    let profile = shell::quote(&context.path_of(PROFILE_FOLDER));
    let use_profile = [
        "if [ -d ",
        &profile,
        " ]; then DBT_PROFILES_DIR=",
        &profile,
        "; export DBT_PROFILES_DIR; fi",
    ]
    .concat();
    let mut plan = crate::base(Program::Shell(vec![find, use_profile, line.0]), properties)?;
    if let Some(profiles) = properties.text("profiles")? {
        let path = [PROFILE_FOLDER, "/profiles.yml"].concat();
        plan.files.push(File::new(path, profiles));
    }
    crate::keep_results(properties, project, &mut plan)?;
    Ok(plan)
}

/// The number of threads, as it was written.
fn thread(properties: &Properties) -> Result<Option<&str>, PlanError> {
    match properties.value().get("thread") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number))
            if number.bytes().all(|byte| byte.is_ascii_digit()) && number != "0" =>
        {
            Ok(Some(number))
        }
        Some(_) => Err(PlanError::property(
            "dbt/invalid-value",
            "/thread",
            "expected a whole number from 1",
        )),
    }
}

/// A shell line that grows.
struct Line(String);

impl Line {
    /// An option and its value, which is one word already.
    fn option(&mut self, option: &str, word: &str) {
        for text in [" ", option, " ", word] {
            self.0.push_str(text);
        }
    }

    fn flag(&mut self, properties: &Properties, name: &str, option: &str) -> Result<(), PlanError> {
        if properties.flag(name)? == Some(true) {
            self.0.push_str(option);
        }
        Ok(())
    }

    fn text(&mut self, properties: &Properties, name: &str, option: &str) -> Result<(), PlanError> {
        if let Some(text) = properties.text(name)? {
            shell::refuse_nul(Dbt::ID, &["/", name].concat(), text)?;
            self.option(option, &shell::word(text));
        }
        Ok(())
    }

    fn list(&mut self, properties: &Properties, name: &str, option: &str) -> Result<(), PlanError> {
        let items = properties.texts(name)?.unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            let pointer = ["/", name, "/", &index.to_string()].concat();
            shell::refuse_nul(Dbt::ID, &pointer, item)?;
            if index == 0 {
                self.option(option, &shell::word(item));
            } else {
                self.0.push(' ');
                self.0.push_str(&shell::word(item));
            }
        }
        Ok(())
    }
}
