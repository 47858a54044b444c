//! dbt from the command line: lines of the author's, or one command with its options. It plans; it knows no host and no process.

mod single;

use taffrail_plugin::json::Value;
use taffrail_plugin::{
    Context, Diagnostic, EnvVar, Extensions, File, Language, Plan, PlanError, Program, Properties,
    Severity, python, shell,
};

/// The plugin `dbt`.
#[derive(Debug)]
pub struct Dbt;

taffrail_plugin::register!(Dbt);

const FAMILY: &str = "io.kestra.plugin.dbt.cli.";

impl Language for Dbt {
    const ID: &'static str = "dbt";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        match task_type.strip_prefix(FAMILY) {
            Some("DbtCLI") => cli(properties, context),
            Some("Setup") => setup(properties, context),
            Some(name) => match single::verb(name) {
                Some(verb) => single::plan(verb, properties, context),
                None => Err(PlanError::UnknownTaskType(task_type.to_owned())),
            },
            None => Err(PlanError::UnknownTaskType(task_type.to_owned())),
        }
    }
}

/// Lines of the author's. What the task says of dbt is in its environment: glued to the end of a line it would reach whatever command
/// stands there.
fn cli(properties: &Properties, context: &Context) -> Result<Plan, PlanError> {
    properties.allow(&[
        "commands",
        "profiles",
        "projectDir",
        "parseRunResults",
        "logFormat",
        "engine",
        "storeManifest",
        "loadManifest",
    ])?;
    let commands = properties.texts("commands")?;
    let commands = properties.required("commands", "a list", commands)?;
    shell::check_commands(Dbt::ID, &commands)?;
    let mut plan = base(Program::Shell(commands), properties)?;
    let project = project_dir(properties)?;
    if let Some(project) = project {
        let path = context.path_of(project);
        plan.env.push(EnvVar::new("DBT_PROJECT_DIR", path));
    }
    if let Some(profiles) = properties.text("profiles")? {
        plan.files.push(File::new("profiles.yml", profiles));
        let folder = context.working_dir.clone();
        plan.env.push(EnvVar::new("DBT_PROFILES_DIR", folder));
    }
    let format = match properties.text("logFormat")? {
        None | Some("NONE") => None,
        Some("JSON") => Some("json"),
        Some("TEXT") => Some("text"),
        Some("DEBUG") => Some("debug"),
        Some(other) => {
            return Err(no_choice(
                "/logFormat",
                other,
                "`JSON`, `TEXT`, `DEBUG`, `NONE`",
            ));
        }
    };
    if let Some(format) = format {
        plan.env.push(EnvVar::new("DBT_LOG_FORMAT", format));
    }
    match properties.text("engine")? {
        None | Some("CORE") => {}
        Some("FUSION") => {
            plan.container_image = Some("ghcr.io/kestra-io/dbt-fusion:latest".to_owned());
        }
        Some(other) => return Err(no_choice("/engine", other, "`CORE`, `FUSION`")),
    }
    for name in ["storeManifest", "loadManifest"] {
        let there = properties.value().get(name);
        if there.is_some_and(|value| *value != Value::Null) {
            plan.diagnostics.push(Diagnostic::new(
                Severity::Warning,
                "dbt/no-store",
                ["/", name].concat(),
                [
                    "`",
                    name,
                    "` has no effect: this host has no key-value store for it",
                ]
                .concat(),
            ));
        }
    }
    keep_results(properties, project, &mut plan)?;
    Ok(plan)
}

/// An environment in the working directory, for later tasks of the same one.
fn setup(properties: &Properties, context: &Context) -> Result<Plan, PlanError> {
    properties.allow(&["requirements", "profiles", "pythonPath", "exitOnFailed"])?;
    let requirements = properties.texts("requirements")?;
    let requirements = properties.required("requirements", "a list", requirements)?;
    properties.flag("exitOnFailed")?;
    let profiles = match properties.value().get("profiles") {
        // JSON is YAML.
        Some(map @ Value::Object(_)) => map.to_pretty(),
        _ => {
            let profiles = properties.text("profiles")?;
            properties
                .required("profiles", "a text", profiles)?
                .to_owned()
        }
    };
    let select = match properties.text("pythonPath")? {
        Some(path) => {
            shell::refuse_nul(Dbt::ID, "/pythonPath", path)?;
            ["taffrail_python=", &shell::quote(path)].concat()
        }
        None => python::select(context),
    };
    let folder = shell::quote(&context.working_dir);
    let mut install = String::from("./bin/python -m pip install --quiet");
    for (index, requirement) in requirements.iter().enumerate() {
        let pointer = ["/requirements/", &index.to_string()].concat();
        shell::refuse_nul(Dbt::ID, &pointer, requirement)?;
        install.push(' ');
        install.push_str(&shell::quote(requirement));
    }
    install.push_str(" || exit");
    let lines = vec![
        select,
        [
            python::CHOSEN,
            " -m venv --system-site-packages ",
            &folder,
            " || exit",
        ]
        .concat(),
        install,
    ];
    let mut plan = Plan::new(Program::Shell(lines));
    plan.env = environment();
    plan.files
        .push(File::new(".profile/profiles.yml", profiles));
    Ok(plan)
}

fn base(program: Program, properties: &Properties) -> Result<Plan, PlanError> {
    properties.flag("parseRunResults")?;
    let mut plan = Plan::new(program);
    plan.env = environment();
    Ok(plan)
}

fn environment() -> Vec<EnvVar> {
    vec![
        EnvVar::new("PYTHONUNBUFFERED", "true"),
        EnvVar::new("PIP_ROOT_USER_ACTION", "ignore"),
    ]
}

/// The project's folder, relative, without a slash at its end; none where it is the working directory.
fn project_dir(properties: &Properties) -> Result<Option<&str>, PlanError> {
    let Some(text) = properties.text("projectDir")? else {
        return Ok(None);
    };
    shell::refuse_nul(Dbt::ID, "/projectDir", text)?;
    let path = text.trim_matches('/');
    let path = path.strip_prefix("./").unwrap_or(path);
    if text.starts_with('/') || path.split('/').any(|part| part == "..") {
        return Err(PlanError::property(
            "dbt/project-outside",
            "/projectDir",
            ["`", text, "` leads out of the working directory"].concat(),
        ));
    }
    Ok(Some(path).filter(|path| !path.is_empty() && *path != "."))
}

/// What dbt writes of a run is the task's output, whatever the run's verdict.
fn keep_results(
    properties: &Properties,
    project: Option<&str>,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    let path = |name: &str| match project {
        Some(project) => [project, "/target/", name].concat(),
        None => ["target/", name].concat(),
    };
    let mut wishes = Extensions::new().keep_file(&path("manifest.json"), "manifest.json");
    if properties.flag("parseRunResults")?.unwrap_or(true) {
        wishes = wishes.keep_file(&path("run_results.json"), "run_results.json");
    }
    wishes.put_into(plan);
    Ok(())
}

fn no_choice(pointer: &str, found: &str, allowed: &str) -> PlanError {
    PlanError::property(
        "dbt/invalid-value",
        pointer,
        ["`", found, "` is not one of ", allowed].concat(),
    )
}
