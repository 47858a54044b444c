//! Which runner a task gets, and what stands in its way: no such runner, wrong settings, a power that the host does not give.

use std::sync::Arc;

use serde_json::{Map, Value};
use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::flow::{Flow, Task};
use taffrail_core::image_name::ImageName;
use taffrail_core::policy::Refusal;
use taffrail_core::record::FailureKind;
use taffrail_core::script::{self, Because, RunnerWish, ScriptSettings};
use taffrail_core::yaml::Span;

use crate::ports::{MakeRunnerError, Runner, Runners, SettingError};
use crate::prepare::{PrepareError, Preparing};
use crate::reach::{self, Reach};

/// Says which tasks cannot run here because there is no runner for them, or because they ask for what the host does not give, before
/// anything starts. What an expression gives is known later.
pub fn unable(
    runners: &dyn Runners,
    flow: &Flow,
    runner_override: Option<&str>,
) -> Vec<Diagnostic> {
    let mut found = refused_files(runners, flow, runner_override);
    for task in flow.enabled_tasks() {
        if task.script_type().is_none() {
            continue;
        }
        let Some(wish) = written_wish(task) else {
            continue;
        };
        let type_name = runner_override.unwrap_or(&wish.type_name);
        // Settings are those of the runner that the flow names, not of one that stands in for it.
        if runners.is_same(type_name, &wish.type_name) {
            let refusals = runners.refusals(type_name, &wish.properties);
            found.extend(refused_diagnostics(task, refusals, task.type_name.span));
        }
        if !type_name.contains("{{")
            && let Err(error) = runners.available(type_name)
        {
            let diagnostics = runner_diagnostics(task, error).1;
            found.extend(
                diagnostics
                    .into_iter()
                    .map(|diagnostic| match wish.because {
                        Because::Default if runner_override.is_none() => {
                            diagnostic.label("a task without `taskRunner` runs in a container")
                        }
                        _ => diagnostic,
                    }),
            );
        }
    }
    found
}

/// Has the runner of the first script task made ready while the rest of the flow is: it is what that task would wait for.
pub fn expect_first(runners: &dyn Runners, flow: &Flow, runner_override: Option<&str>) {
    let mut tasks = flow.enabled_tasks();
    let Some(task) = tasks.find(|task| task.script_type().is_some()) else {
        return;
    };
    if let Some(name) = runner_override {
        runners.expect(name);
    } else if let Some(wish) = written_wish(task) {
        runners.expect(&wish.type_name);
    }
}

/// The runner that a task names, as far as that is known before it is rendered.
fn written_wish(task: &Task) -> Option<RunnerWish> {
    let keys = ["taskRunner", "runner", "docker"]
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), task.node.get(key)?.to_json())));
    let settings: ScriptSettings = serde_json::from_value(Value::Object(keys.collect())).ok()?;
    Some(script::wanted_runner(&settings))
}

/// Says which tasks the host itself may not do, as they reach for the machine while every task is to run elsewhere. What an expression
/// gives is looked at when the task runs.
pub fn refused_files(
    runners: &dyn Runners,
    flow: &Flow,
    runner_override: Option<&str>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for task in flow.enabled_tasks() {
        for Reach { key, what } in reach::of(task) {
            let Some(refusal) = runners.refuses_files(runner_override, &what) else {
                continue;
            };
            let span = task
                .node
                .get(key)
                .map_or(task.type_name.span, |node| node.span);
            let refused = Diagnostic::error(Code::Refused, span, refusal.message);
            found.push(refused.help(refusal.help));
        }
    }
    found
}

/// The runner that the task asks for, or the one that every task gets.
pub(crate) fn make_runner(
    context: &Preparing<'_>,
    task: &Task,
    settings: &ScriptSettings,
) -> Result<Arc<dyn Runner>, PrepareError> {
    let wish = script::wanted_runner(settings);
    let no_settings = Map::new();
    let (type_name, settings) = match context.runner_override {
        Some(name) if !context.runners.is_same(name, &wish.type_name) => (name, &no_settings),
        _ => (wish.type_name.as_str(), &wish.properties),
    };
    context.runners.make(type_name, settings).map_err(|error| {
        let (kind, diagnostics) = runner_diagnostics(task, error);
        PrepareError {
            kind,
            diagnostics,
            hopeless: true,
        }
    })
}

/// Whether an image can have this name; nothing is said of one that is not known yet.
pub(crate) fn check_image(task: &Task, image: &str) -> Result<(), PrepareError> {
    if image.contains("{{") {
        return Ok(());
    }
    let Err(why) = ImageName::parse(image) else {
        return Ok(());
    };
    let old = || task.node.get("docker").and_then(|old| old.get("image"));
    let named = task.node.get("containerImage").or_else(old);
    let span = named.map_or(task.type_name.span, |node| node.span);
    let wrong = Diagnostic::error(Code::WrongValue, span, why);
    Err(PrepareError::invalid(wrong))
}

fn runner_diagnostics(task: &Task, error: MakeRunnerError) -> (FailureKind, Vec<Diagnostic>) {
    let place = ["taskRunner", "runner", "docker"]
        .iter()
        .find_map(|key| task.node.get(key));
    let place = place.map_or(task.type_name.span, |node| {
        node.get("type").map_or(node.span, |node| node.span)
    });
    let message = error.to_string();
    match error {
        MakeRunnerError::NotYet(_) => (
            FailureKind::Unreachable,
            vec![
                Diagnostic::error(Code::NotYet, place, message)
                    .help("`--runner process` runs every task as a child process"),
            ],
        ),
        MakeRunnerError::Unknown(_) => (
            FailureKind::Invalid,
            vec![Diagnostic::error(Code::UnknownRunnerType, place, message)],
        ),
        MakeRunnerError::Refused(refusals) => (
            FailureKind::Refused,
            refused_diagnostics(task, refusals, place),
        ),
        MakeRunnerError::Settings(errors) => {
            (FailureKind::Invalid, setting_diagnostics(task, errors))
        }
    }
}

/// Puts what is wrong with a runner's settings at its places in the flow.
pub fn setting_diagnostics(task: &Task, errors: Vec<SettingError>) -> Vec<Diagnostic> {
    let diagnostics = errors.into_iter().map(|error| {
        let span = setting_place(task, &error.pointer).unwrap_or(task.type_name.span);
        Diagnostic::error(Code::WrongValue, span, error.message)
    });
    diagnostics.collect()
}

fn refused_diagnostics(task: &Task, refusals: Vec<Refusal>, place: Span) -> Vec<Diagnostic> {
    let diagnostics = refusals.into_iter().map(|refusal| {
        let span = setting_place(task, &refusal.pointer).unwrap_or(place);
        Diagnostic::error(Code::Refused, span, refusal.message).help(refusal.help)
    });
    diagnostics.collect()
}

/// Where a runner's setting stands in the flow: the value, or the nearest one around it that the author wrote.
fn setting_place(task: &Task, pointer: &str) -> Option<Span> {
    let holder = task
        .node
        .get("taskRunner")
        .or_else(|| task.node.get("docker"))?;
    let mut pointer = pointer;
    while !pointer.is_empty() {
        if let Some(node) = holder.pointer(pointer) {
            return Some(node.span);
        }
        pointer = &pointer[..pointer.rfind('/')?];
    }
    None
}
