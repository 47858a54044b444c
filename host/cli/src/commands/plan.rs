//! `taffrail plan`: what `run` would start, task by task. It makes nothing, not even a directory.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use taffrail_core::diagnostic::{Diagnostic, Source, render_text};
use taffrail_core::flow::{Flow, FlowableKind, ScriptType, Task, TaskKind};
use taffrail_core::launch::{LaunchSpec, TaskIdentity};
use taffrail_core::output::Masker;
use taffrail_core::policy::Policy;
use taffrail_core::record::FailureKind;
use taffrail_core::script::Invocation;
use taffrail_core::suggest::did_you_mean;
use taffrail_core::text::printable;
use taffrail_engine::flow::{set_labels, set_task, set_variables};
use taffrail_engine::inputs::set_inputs;
use taffrail_engine::kv::KvStore;
use taffrail_engine::local_files;
use taffrail_engine::ports::Planner;
use taffrail_engine::prepare::{Prepared, Preparing, draft, task_root};
use taffrail_engine::prepare_runner::{refused_files, setting_diagnostics};
use taffrail_engine::schedule::Place;
use taffrail_engine::scope::{Scope, Services};
use taffrail_engine::storage::Storage;
use taffrail_engine::web::NoWeb;
use taffrail_engine::workdir::Places;
use taffrail_expr::Value;

use crate::args::{Format, Global, PlanArgs, RunnerChoice};
use crate::commands::run::{refusal, runner_type, wrong_inputs};
use crate::exit::{Exit, Failed};
use crate::given::Given;
use crate::load::{Host, checked_flow_locked, flow_path};
use crate::report::complain;
use crate::runners::HostRunners;
use crate::terminal;
use crate::zone;

/// Stands for the execution's id, which only a run has.
const EXECUTION: &str = "EXECUTION";
/// Stands for every secret: a plan is made to be shown.
const HIDDEN: &str = "******";

/// Runs the command.
///
/// # Errors
/// When the flow or what it is given is wrong, or a task cannot be planned.
pub fn plan(global: &Global, args: &PlanArgs) -> Result<Exit, Failed> {
    let host = Host::open_untouched(global)?;
    let (source, flow) = checked_flow_locked(global, &host, &args.flow.flow, args.locking.locked)?;
    let given = Given::read(&args.flow.given, flow_path(&args.flow.flow).as_deref())?;
    let asked = Asked {
        given: &given,
        task: args.task.as_deref(),
        runner: args.runner,
        policy: host.config.policy(&args.policy.allowed),
    };
    let (planned, exit) = descriptions(global, &host, &source, &flow, asked)?;
    let answer = match args.output {
        Format::Json => {
            let document = json!({ "v": 1, "namespace": &*flow.namespace.value, "flow": &*flow.id.value, "tasks": planned });
            format!("{document:#}\n")
        }
        Format::Text => planned.iter().map(text).collect::<Vec<_>>().join("\n"),
    };
    terminal::answer(&answer)?;
    Ok(exit)
}

/// How a flow is to be planned.
pub struct Asked<'a> {
    /// What it is given.
    pub given: &'a Given,
    /// Only this task.
    pub task: Option<&'a str>,
    /// The runner of every task, whatever the flow says.
    pub runner: Option<RunnerChoice>,
    /// What it may ask of the machine.
    pub policy: Policy,
}

/// What a flow's tasks would run, one description each, and the exit code; what is wrong with a task has been told.
///
/// # Errors
/// When what the flow is given is wrong, or there is no such task.
pub fn descriptions(
    global: &Global,
    host: &Host,
    source: &Source,
    flow: &Flow,
    asked: Asked<'_>,
) -> Result<(Vec<Json>, Exit), Failed> {
    let given = asked.given;
    let tasks = wanted(flow, asked.task)?;
    let mut scope = Scope::new(Arc::new(services(host, flow, source.text(), given)));
    let show = |diagnostics: &[Diagnostic]| {
        complain(render_text(diagnostics, source, terminal::style(global)).trim_end())
    };
    let runners = HostRunners::new(&host.folders.state, asked.policy);
    let override_type = asked.runner.map(runner_type);
    let mut refused = refused_files(&runners, flow, override_type.as_deref());
    let local_files = &scope.services().local_files;
    refused.extend(local_files::refused(local_files, flow, source.text()));
    refused.sort_by_key(|diagnostic| diagnostic.span);
    if !refused.is_empty() {
        show(&refused);
        return Err(Failed::silent(refusal(&refused)));
    }
    set_variables(&mut scope, flow);
    set_flow(&mut scope, flow);
    set_inputs(&mut scope, flow, &given.inputs, None)
        .map_err(|errors| wrong_inputs(global, source, &errors))?;
    set_labels(&mut scope, flow, source.text()).map_err(|diagnostic| {
        show(&[*diagnostic]);
        Failed::silent(Exit::Invalid)
    })?;
    let context = Preparing {
        runners: &runners,
        checker: &host.checker,
        source: source.text(),
        runner_override: override_type.as_deref(),
        defer_unknown: true,
    };
    let execution_dir = host.folders.state.join("executions").join(EXECUTION);
    let sharing = sharing(flow);
    let mut planned = Vec::new();
    let mut exit = Exit::Ok;
    for (number, (task, script_type)) in tasks.into_iter().enumerate() {
        let task_run = format!("{:04}-{}", number + 1, task.id.value);
        let places = Places::below(&task_root(&execution_dir, &task_run));
        let mut scope = scope.clone();
        set_task(
            &mut scope,
            task,
            &task_run,
            1,
            jiff::Timestamp::now(),
            &Place::default(),
        );
        let prepared = draft(&context, task, script_type, &mut scope, &places).and_then(|draft| {
            let answer = host.plugins.plan(&draft.plugin, &draft.request);
            draft.complete(task, script_type, answer)
        });
        match prepared {
            Ok(prepared) => {
                if !prepared.remarks.is_empty() {
                    show(&prepared.remarks);
                }
                let moves_files = prepared.moves_files() || sharing.contains(&&*task.id.value);
                match describe(flow, task, &prepared, &places, &task_run, moves_files) {
                    Ok(description) => planned.push(description),
                    Err(diagnostics) => {
                        show(&diagnostics);
                        exit = Exit::Invalid;
                    }
                }
            }
            Err(error) => {
                show(&error.diagnostics);
                // What is wrong comes before what is refused.
                exit = match (error.kind, exit) {
                    (FailureKind::Refused, Exit::Ok) => Exit::Policy,
                    (FailureKind::Refused, other) => other,
                    _ => Exit::Invalid,
                };
            }
        }
    }
    Ok((planned, exit))
}

fn services(host: &Host, flow: &Flow, source: &str, given: &Given) -> Services {
    let mut secrets: std::collections::BTreeMap<String, String> =
        taffrail_engine::reads::secrets(flow, source)
            .into_keys()
            .map(|name| (name, HIDDEN.to_owned()))
            .collect();
    secrets.extend(
        given
            .secrets
            .keys()
            .map(|name| (name.clone(), HIDDEN.to_owned())),
    );
    Services {
        secrets,
        storage: Arc::new(Storage::absent()),
        kv: KvStore::default(),
        namespace_files: given.namespace_files.clone(),
        home: given.home.clone(),
        namespaces: given.namespaces.clone(),
        namespace: flow.namespace.value.to_string(),
        masker: Masker::new(),
        zone: zone::local(),
        web: Arc::new(NoWeb),
        local_files: host.config.local_files(&given.local_files),
        host: host.config.variables(),
    }
}

fn set_flow(scope: &mut Scope, flow: &Flow) {
    let map = |entries: Vec<(&str, Value)>| {
        Value::map(
            entries
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        )
    };
    scope.set(
        "flow",
        map(vec![
            ("id", Value::text(&*flow.id.value)),
            ("namespace", Value::text(&*flow.namespace.value)),
            ("revision", Value::int(1)),
        ]),
    );
    scope.set(
        "execution",
        map(vec![
            ("id", Value::text(EXECUTION)),
            (
                "startDate",
                Value::datetime(jiff::Timestamp::now().to_zoned(scope.services().zone.clone())),
            ),
            ("state", Value::text("RUNNING")),
        ]),
    );
    scope.set("outputs", map(Vec::new()));
}

/// The ids of the tasks that work in a directory with others.
fn sharing(flow: &Flow) -> HashSet<&str> {
    let shares = |task: &&Task| {
        let kind = FlowableKind::WorkingDirectory;
        matches!(&task.kind, TaskKind::Flowable { kind: found, .. } if *found == kind)
    };
    let within = flow.all_tasks().filter(shares);
    let within = within.flat_map(Task::with_descendants);
    within.map(|task| &*task.id.value).collect()
}

/// The script tasks to plan, in the order of a run without failures; those for failures and for the end come after.
fn wanted<'a>(
    flow: &'a Flow,
    only: Option<&str>,
) -> Result<Vec<(&'a Task, &'a ScriptType)>, Failed> {
    let scripts = |task| Some((task, Task::script_type(task)?));
    let Some(id) = only else {
        return Ok(flow.enabled_tasks().filter_map(scripts).collect());
    };
    let all: Vec<_> = flow.all_tasks().filter_map(scripts).collect();
    let found: Vec<_> = all
        .iter()
        .copied()
        .filter(|(task, _)| &*task.id.value == id)
        .collect();
    if found.is_empty() {
        let failed = Failed::new(
            Exit::NotFound,
            format!("the flow has no script task `{id}`"),
        );
        let near = did_you_mean(id, all.iter().map(|(task, _)| &*task.id.value));
        return Err(match near {
            Some(near) => failed.hint(format!("did you mean `{near}`?")),
            None => failed,
        });
    }
    Ok(found)
}

fn describe(
    flow: &Flow,
    task: &Task,
    prepared: &Prepared,
    places: &Places,
    task_run: &str,
    moves_files: bool,
) -> Result<Json, Vec<Diagnostic>> {
    let by_file = prepared.runner.capabilities().reads_host_files;
    let script_path = places.private_dir.join("commands.sh");
    let script = match &prepared.invocation {
        Invocation::Text {
            text,
            shell_file: true,
            ..
        } if by_file => prepared
            .invocation
            .by_file(&script_path.to_string_lossy())
            .map(|argv| (argv, text)),
        _ => None,
    };
    let mut files: Vec<Json> = Vec::new();
    for (name, content) in &prepared.settings.input_files {
        files.push(json!({ "path": name, "from": "inputFiles", "contents": content.clone().unwrap_or_default() }));
    }
    for file in &prepared.plan.files {
        let contents = String::from_utf8_lossy(&file.contents);
        files.push(json!({ "path": file.path.as_str(), "from": "plugin", "contents": contents, "executable": file.executable }));
    }
    for (uri, path) in &prepared.fetches {
        files.push(json!({ "path": path.as_str(), "from": uri }));
    }
    let argv = match &script {
        Some((argv, text)) => {
            files.push(json!({ "path": script_path, "from": "commands", "contents": text }));
            argv.clone()
        }
        None => prepared.invocation.argv(),
    };
    let spec = LaunchSpec {
        identity: TaskIdentity {
            namespace: flow.namespace.value.to_string(),
            flow: flow.id.value.to_string(),
            execution: EXECUTION.to_owned(),
            task: task.id.value.to_string(),
            task_run: task_run.to_owned(),
            attempt: 1,
        },
        argv: argv.clone(),
        env: prepared.env.clone(),
        working_dir: places.working_dir.clone(),
        private_dir: places.private_dir.clone(),
        image: prepared.image.clone(),
        moves_files,
    };
    let launch = prepared
        .runner
        .describe(&spec)
        .map_err(|errors| setting_diagnostics(task, errors))?;
    let mut description = json!({
        "task": &*task.id.value,
        "type": &*task.type_name.value,
        "plugin": prepared.plugin.to_string(),
        "runner": prepared.runner.name(),
        "image": prepared.image,
        "argv": argv,
        "workingDir": prepared.locations.working_dir,
        "env": prepared.env.iter().map(|variable| (variable.name.clone(), Json::from(variable.value.clone()))).collect::<serde_json::Map<_, _>>(),
        "files": files,
        "outputFiles": prepared.patterns.texts(),
        "deferred": prepared.deferred,
    });
    if let Some(launch) = launch {
        let words: Vec<String> = launch.command_line.iter().map(|word| quote(word)).collect();
        description["request"] = launch.request;
        description["commandLine"] = words.join(" ").into();
        description["warnings"] = launch.warnings.into();
    }
    Ok(description)
}

/// A plan as people read it.
pub fn text(task: &Json) -> String {
    let field = |name: &str| task[name].as_str().unwrap_or_default().to_owned();
    let mut text = format!(
        "{}  {} by plugin {}, runner {}\n",
        field("task"),
        field("type"),
        field("plugin"),
        field("runner")
    );
    let words: Vec<String> = task["argv"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .map(quote)
        .collect();
    text.push_str(&format!("  run    {}\n", words.join(" ")));
    if let Some(image) = task["image"].as_str() {
        text.push_str(&format!("  image  {image}\n"));
    }
    text.push_str(&format!("  in     {}\n", field("workingDir")));
    if let Some(command_line) = task["commandLine"].as_str() {
        let lines = wrapped(command_line);
        text.push_str(&format!("  as     {}\n", lines.join(" \\\n           ")));
    }
    if let Some(request) = task.get("request") {
        text.push_str("  send   the engine makes the container from\n");
        for line in format!("{request:#}").lines() {
            text.push_str(&format!("         | {line}\n"));
        }
    }
    for warning in task["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
    {
        text.push_str(&format!("  note   {warning}\n"));
    }
    for (name, value) in task["env"].as_object().into_iter().flatten() {
        text.push_str(&format!(
            "  env    {name}={}\n",
            quote(value.as_str().unwrap_or_default())
        ));
    }
    for file in task["files"].as_array().into_iter().flatten() {
        let from = file["from"].as_str().unwrap_or_default();
        text.push_str(&format!(
            "  file   {} ({from})\n",
            file["path"].as_str().unwrap_or_default()
        ));
        for line in file["contents"].as_str().unwrap_or_default().lines() {
            text.push_str(&format!("         | {line}\n"));
        }
    }
    for pattern in task["outputFiles"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
    {
        text.push_str(&format!("  keep   {pattern}\n"));
    }
    for pointer in task["deferred"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
    {
        text.push_str(&format!(
            "  later  {} (known once earlier tasks have run)\n",
            pointer.trim_start_matches('/')
        ));
    }
    printable(&text).into_owned()
}

/// How long a line of a command line may become where it can be broken, in characters.
const LINE: usize = 110;

/// A command line in lines for people, broken between words and never between an option and its value.
fn wrapped(command_line: &str) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let mut holds_value = false;
    for word in shell_words(command_line) {
        match units.last_mut() {
            Some(unit) if holds_value && !word.starts_with("--") => {
                unit.push(' ');
                unit.push_str(word);
                holds_value = false;
            }
            _ => {
                units.push(word.to_owned());
                holds_value = word.starts_with("--");
            }
        }
    }
    let length = |text: &str| text.chars().count();
    let mut lines: Vec<String> = Vec::new();
    for unit in units {
        match lines.last_mut() {
            Some(line) if length(line) + length(&unit) < LINE => {
                line.push(' ');
                line.push_str(&unit);
            }
            _ => lines.push(unit),
        }
    }
    lines
}

/// The words of a command line that [`quote`] made, with their quotes.
fn shell_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut quoted, mut escaped, mut start) = (false, false, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if !quoted => escaped = true,
            b'\'' => quoted = !quoted,
            b' ' if !quoted => {
                words.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&text[start..]);
    words
}

/// A word as a shell would need it: argument vectors are shown so that they can be copied.
fn quote(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_broken_between_words_alone() {
        let words = [
            "docker",
            "run",
            "--env",
            "A=it's\n  two lines",
            "--init",
            "",
            "a b",
        ];
        let line = words.map(quote).join(" ");
        let found = shell_words(&line);
        assert_eq!(found, words.map(quote));
        assert_eq!(wrapped(&line).len(), 1);
        let value = "x".repeat(100);
        let long = format!(
            "docker run --env {value} --init --name a {}",
            "y ".repeat(60)
        );
        let lines = wrapped(&long);
        assert_eq!(lines.join(" "), long);
        assert_eq!(
            lines[..2],
            ["docker run".to_owned(), format!("--env {value}")]
        );
        assert!(lines[2].starts_with("--init --name a y y"), "{lines:#?}");
        assert!(lines.iter().all(|line| line.len() <= LINE), "{lines:#?}");
    }
}
