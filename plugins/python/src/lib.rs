//! The Python language: which interpreter, which packages, which lines. It plans; it knows no host and no process.

mod constants;
mod dependencies;
mod guest;
mod interpreter;
mod properties;
mod tokens;

use taffrail_plugin::{
    Context, Diagnostic, EnvVar, File, Language, Plan, PlanError, Program, Properties, Severity,
    TargetOs, python, script, shell,
};

use dependencies::Dependencies;
use interpreter::Version;
use properties::Settings;

/// The plugin `python`.
#[derive(Debug)]
pub struct Python;

const SCRIPT: &str = "io.kestra.plugin.scripts.python.Script";
const COMMANDS: &str = "io.kestra.plugin.scripts.python.Commands";

impl Language for Python {
    const ID: &'static str = "python";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        match task_type {
            SCRIPT => script_plan(properties, context),
            COMMANDS => commands_plan(properties, context),
            other => Err(PlanError::UnknownTaskType(other.to_owned())),
        }
    }
}

fn script_plan(properties: &Properties, context: &Context) -> Result<Plan, PlanError> {
    let (settings, script) = Settings::of_script(properties)?;
    let version = Version::of(&settings)?;
    let mut plan = base(&settings, version.as_ref(), context)?;
    // Two dots in the name: no `import` finds the file by accident. Its folder is the task's, and thereby first on `sys.path`.
    let name = script::file_name(context, "py");
    let path = context.path_of(&name);
    plan.files.push(File::new(name, constants::define(&script)));
    if context.target_os == TargetOs::Windows {
        plan.program = Program::Shell(vec![interpreter::windows_line(version.as_ref(), &path)]);
        return Ok(plan);
    }
    let mut lines = vec![interpreter::select(context, version.as_ref())];
    if let Some(dependencies) = Dependencies::of(&settings, context) {
        lines.extend(dependencies.lines());
        dependencies.put_into(&mut plan);
    }
    lines.push([python::CHOSEN, " ", &shell::quote(&path)].concat());
    plan.program = Program::Shell(lines);
    Ok(plan)
}

fn commands_plan(properties: &Properties, context: &Context) -> Result<Plan, PlanError> {
    let (settings, commands) = Settings::of_commands(properties)?;
    shell::check_commands(Python::ID, &commands)?;
    let version = Version::of(&settings)?;
    let mut plan = base(&settings, version.as_ref(), context)?;
    if context.target_os == TargetOs::Windows {
        if version.is_some() {
            plan.diagnostics.push(Diagnostic::new(
                Severity::Warning,
                "python/version-of-lines",
                "/pythonVersion",
                "on a Windows target the lines name their interpreter themselves, for example `py -3.13`",
            ));
        }
        plan.program = Program::Shell(commands);
        return Ok(plan);
    }
    let dependencies = Dependencies::of(&settings, context);
    let mut lines = Vec::new();
    let steers = context.runner == interpreter::PROCESS && version.is_some();
    if dependencies.is_some() || steers {
        lines.push(interpreter::select(context, version.as_ref()));
    }
    if let Some(dependencies) = dependencies {
        lines.extend(dependencies.lines());
        dependencies.put_into(&mut plan);
    }
    if !lines.is_empty() && context.runner == interpreter::PROCESS {
        // What is installed for one interpreter must not be imported by another that the PATH happens to name first.
        lines.extend(interpreter::NAMES.map(str::to_owned));
    }
    lines.extend(commands);
    plan.program = Program::Shell(lines);
    Ok(plan)
}

/// What both task types share: the language's variables, its image and remarks on the settings.
fn base(
    settings: &Settings,
    version: Option<&Version<'_>>,
    context: &Context,
) -> Result<Plan, PlanError> {
    let mut plan = Plan::new(Program::Shell(vec![]));
    plan.env = vec![
        EnvVar::new("PYTHONUNBUFFERED", "true"),
        EnvVar::new("PIP_ROOT_USER_ACTION", "ignore"),
        EnvVar::new("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ];
    if context.target_os == TargetOs::Windows && settings.dependencies().next().is_some() {
        let message = "`dependencies` cannot be installed on a Windows target, install them in `beforeCommands`";
        return Err(PlanError::Unsupported(message.to_owned()));
    }
    for (name, given) in [
        (
            "uvInstallerVersion",
            settings.uv_installer_version.is_some(),
        ),
        ("uvInstallerSha256", settings.uv_installer_sha256.is_some()),
    ] {
        if given {
            plan.diagnostics.push(Diagnostic::new(
                Severity::Warning,
                "python/uv-not-installed",
                ["/", name].concat(),
                [
                    "`",
                    name,
                    "` has no effect: uv is used where it is on the PATH and never downloaded",
                ]
                .concat(),
            ));
        }
    }
    if let Some(version) = version {
        interpreter::choose_image(version, context, &mut plan);
    }
    Ok(plan)
}

/// Whether a short text stands in another. `str::contains` is faster and brings 1.5 KB of search into the component.
fn holds(text: &str, part: &str) -> bool {
    text.as_bytes()
        .windows(part.len())
        .any(|window| window == part.as_bytes())
}
