//! Singer taps and targets: packages, a configuration, a catalogue and a state round one program. It plans; it knows no host and no
//! process.

mod settings;

use taffrail_plugin::python::{self, Packages};
use taffrail_plugin::{
    Context, EnvVar, Extensions, File, Language, Plan, PlanError, Program, Properties, TargetOs,
    shell,
};

use settings::{Feature, Settings};

/// The plugin `singer`.
#[derive(Debug)]
pub struct Singer;

taffrail_plugin::register!(Singer);

const FAMILY: &str = "io.kestra.plugin.singer.";
/// The folder of the working directory that holds what this plugin puts there.
const FOLDER: &str = ".taffrail-singer/";
/// What a tap has read, one message a line.
const RAW: &str = "raw.jsonl";
const STATE: &str = "state.json";

impl Language for Singer {
    const ID: &'static str = "singer";

    fn descriptor() -> &'static str {
        include_str!("../descriptor.json")
    }

    fn plan(
        task_type: &str,
        properties: &Properties,
        context: &Context,
    ) -> Result<Plan, PlanError> {
        let unknown = || PlanError::UnknownTaskType(task_type.to_owned());
        match task_type.strip_prefix(FAMILY).ok_or_else(unknown)? {
            "taps.GenericTap" => tap(&Settings::of_tap(properties)?, context),
            "targets.GenericTarget" => target(&Settings::of_target(properties)?, context),
            "targets.Csv" => target(&Settings::of_csv(properties, context)?, context),
            "targets.Json" => target(&Settings::of_json(properties, context)?, context),
            _ => Err(unknown()),
        }
    }
}

/// Discovers, selects, reads, and takes the state out of what was read.
fn tap(settings: &Settings, context: &Context) -> Result<Plan, PlanError> {
    let mut plan = base(settings, context)?;
    let own = |name: &str| own(context, name);
    let program = shell::word(&settings.command);
    let config = own("config.json");
    let has = |feature: Feature| settings.features.contains(&feature);
    let catalogue = if has(Feature::Catalog) {
        Some(("catalog.json", " --catalog "))
    } else if has(Feature::Properties) {
        Some(("properties.json", " --properties "))
    } else {
        None
    };
    let mut read = [&program, " --config ", &config].concat();
    let mut lines = Vec::new();
    if let Some((name, option)) = catalogue {
        let discovered = own("discovered.json");
        lines.push([&read, " --discover > ", &discovered, " || exit"].concat());
        lines.push(
            [
                python::CHOSEN,
                " ",
                &own("select.py"),
                " ",
                &discovered,
                " ",
                &own("streams.json"),
                " ",
                &own(name),
                " || exit",
            ]
            .concat(),
        );
        read.push_str(option);
        read.push_str(&own(name));
        plan.files.push(file("streams.json", &settings.streams));
        plan.files
            .push(file("select.py", include_str!("select.py")));
    }
    let state = shell::quote(&context.path_of(STATE));
    if has(Feature::State) {
        // A first run has none.
        let given = [
            "if [ -f ",
            &state,
            " ]; then set -- --state ",
            &state,
            "; else set --; fi",
        ];
        lines.push(given.concat());
        read.push_str(" \"$@\"");
    }
    let raw = shell::quote(&context.path_of(RAW));
    lines.push([&read, " > ", &raw, " || exit"].concat());
    lines.push(report(context, "tap", &raw, &state));
    push(&mut plan, lines);
    let mut wishes = Extensions::new().keep_output(RAW, "raw");
    if has(Feature::State) {
        wishes = wishes.carry(STATE, &["singer/", &settings.state_name].concat());
    }
    wishes.put_into(&mut plan);
    Ok(plan)
}

/// Gives a target what a tap has read, and takes the state out of what it prints.
fn target(settings: &Settings, context: &Context) -> Result<Plan, PlanError> {
    let mut plan = base(settings, context)?;
    let printed = own(context, "printed.jsonl");
    let state = shell::quote(&context.path_of(STATE));
    let mut lines = Vec::new();
    if settings.makes_destination {
        let destination = shell::quote(&context.path_of("destination"));
        lines.push(["mkdir -p ", &destination].concat());
    }
    lines.push(
        [
            &shell::word(&settings.command),
            " --config ",
            &own(context, "config.json"),
            " < ",
            &shell::quote(&settings.from),
            " > ",
            &printed,
            " || exit",
        ]
        .concat(),
    );
    lines.push(report(context, "target", &printed, &state));
    push(&mut plan, lines);
    Extensions::new()
        .carry(STATE, &["singer/", &settings.state_name].concat())
        .put_into(&mut plan);
    Ok(plan)
}

fn report(context: &Context, kind: &str, output: &str, state: &str) -> String {
    [
        python::CHOSEN,
        " ",
        &own(context, "report.py"),
        " ",
        kind,
        " ",
        output,
        " ",
        state,
    ]
    .concat()
}

/// The packages, the configuration and the interpreter, which both kinds need.
fn base(settings: &Settings, context: &Context) -> Result<Plan, PlanError> {
    if context.target_os == TargetOs::Windows {
        let message = "Singer taps and targets have no lines for a Windows target";
        return Err(PlanError::Unsupported(message.to_owned()));
    }
    let mut requirements = settings.packages.join("\n");
    requirements.push('\n');
    let packages = Packages {
        library: &context.path_of(&[FOLDER, "lib"].concat()),
        requirements: &context.path_of(&[FOLDER, "requirements.txt"].concat()),
        uv: true,
        cached: true,
    };
    let [install, extend] = packages.lines();
    let lines = vec![python::select(context), install, extend];
    let mut plan = Plan::new(Program::Shell(lines));
    plan.env = vec![
        EnvVar::new("PYTHONUNBUFFERED", "true"),
        EnvVar::new("PIP_ROOT_USER_ACTION", "ignore"),
        EnvVar::new("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ];
    plan.files = vec![
        file("requirements.txt", &requirements),
        file("config.json", &settings.config),
        file("report.py", include_str!("report.py")),
    ];
    Ok(plan)
}

fn push(plan: &mut Plan, more: Vec<String>) {
    if let Program::Shell(lines) = &mut plan.program {
        lines.extend(more);
    }
}

fn file(name: &str, contents: &str) -> File {
    File::new([FOLDER, name].concat(), contents)
}

/// The path of one of this plugin's files, as one word.
fn own(context: &Context, name: &str) -> String {
    shell::quote(&context.path_of(&[FOLDER, name].concat()))
}
