//! From a script task as it was written to what a backend can start: expressions, runner, checks, plan, argument vector,
//! environment. Starts nothing and writes nothing, so that `plan` shows what `run` does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use taffrail_core::collect::{self, Patterns};
use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::flow::{ScriptType, Task};
use taffrail_core::name::{NameError, RelPath};
use taffrail_core::plan::{EnvVar, Plan, PlanContext, PlanRefusal, PlanRequest, TargetOs};
use taffrail_core::record::FailureKind;
use taffrail_core::script::{self, Invocation, ScriptSettings, TargetOsChoice};
use taffrail_core::validate::Checker;
use taffrail_core::yaml::Node;
use taffrail_expr::Value as ExprValue;

use crate::ports::{Locations, PlanError, PluginKey, Runner, Runners};
use crate::prepare_runner::{check_image, make_runner};
use crate::render::{RenderError, Renderer};
use crate::scope::Scope;
use crate::storage;
use crate::workdir::Places;

/// Folder of the working directory for stored files that commands name by their URI.
pub(crate) const FETCHED_DIR: &str = ".taffrail-files";

/// What preparing needs besides the task.
pub struct Preparing<'a> {
    /// The backends.
    pub runners: &'a dyn Runners,
    /// Knows the schemas.
    pub checker: &'a Checker,
    /// The flow's text, for places in messages.
    pub source: &'a str,
    /// The type name of the runner that every task gets, whatever the flow says.
    pub runner_override: Option<&'a str>,
    /// Whether values that only a run knows may be missing; texts that need them stay as they were written.
    pub defer_unknown: bool,
}

/// A task ready to be started.
pub struct Prepared {
    /// The backend.
    pub runner: Arc<dyn Runner>,
    /// The settings that script tasks share.
    pub settings: ScriptSettings,
    /// The plugin that made the plan.
    pub plugin: PluginKey,
    /// What the plugin planned.
    pub plan: Plan,
    /// What is started.
    pub invocation: Invocation,
    /// The variables of the program.
    pub env: Vec<EnvVar>,
    /// The image, for backends that need one.
    pub image: Option<String>,
    /// What the directories are called where the program runs.
    pub locations: Locations,
    /// Which files are outputs.
    pub patterns: Patterns,
    /// Whether there is an output directory.
    pub wants_output_dir: bool,
    /// Stored files that commands name: URI, and where the file goes in the working directory.
    pub fetches: Vec<(String, RelPath)>,
    /// Pointers of properties that hold expressions whose values only a run knows.
    pub deferred: Vec<String>,
    /// What the plugin remarked, and what else the author should look at.
    pub remarks: Vec<Diagnostic>,
}

/// The longest shell text that is handed over as an argument where it cannot go by a private file, in bytes: Linux takes no single
/// argument of 128 KiB or more.
const MAX_ARGUMENT: usize = 120 * 1024;

impl Prepared {
    /// Whether the shell text is too long for an argument, so that it goes by a file of the working directory where the backend does not
    /// read this host's files.
    pub(crate) fn is_long(&self) -> bool {
        match &self.invocation {
            Invocation::Text {
                text,
                shell_file: true,
                ..
            } => text.len() > MAX_ARGUMENT,
            _ => false,
        }
    }

    /// Whether anything is put into the working directory of the task itself, or is wanted from it.
    pub fn moves_files(&self) -> bool {
        let (settings, plan) = (&self.settings, &self.plan);
        let goes_in = !settings.input_files.is_empty()
            || settings.namespace_files.is_some()
            || settings.execution_context == Some(true)
            || !plan.files.is_empty()
            || !self.fetches.is_empty()
            || self.is_long();
        goes_in
            || self.wants_output_dir
            || !self.patterns.is_empty()
            || !plan.keep.is_empty()
            || !plan.carry.is_empty()
    }
}

/// Why a task cannot be started: diagnostics of the flow's file, and the kind of failure that they are.
#[derive(Debug)]
pub struct PrepareError {
    /// The kind of failure.
    pub kind: FailureKind,
    /// What is wrong; never empty.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether it would be the same, however often the task is tried.
    pub hopeless: bool,
}

impl PrepareError {
    fn new(kind: FailureKind, diagnostic: Diagnostic) -> Self {
        Self {
            kind,
            diagnostics: vec![diagnostic],
            hopeless: false,
        }
    }

    pub(crate) fn invalid(diagnostic: Diagnostic) -> Self {
        Self::new(FailureKind::Invalid, diagnostic)
    }
}

/// Keys of a task that say what it is; they are not rendered.
fn is_not_rendered(key: &str) -> bool {
    matches!(key, "id" | "type" | "version" | "description")
}

/// A task of which all is known but the plugin's plan.
pub struct Draft {
    /// The plugin to ask.
    pub plugin: PluginKey,
    /// What to ask it.
    pub request: PlanRequest,
    runner: Arc<dyn Runner>,
    settings: ScriptSettings,
    locations: Locations,
    patterns: Patterns,
    wants_output_dir: bool,
    fetches: Vec<(String, RelPath)>,
    deferred: Vec<String>,
}

/// Prepares one script task, but for the plan: everything is rendered and checked. `scope` has the flow's variables and the task's
/// own; the places of its directories are added to it.
///
/// # Errors
/// The diagnostics of what is wrong, at their places in the flow.
pub fn draft(
    context: &Preparing<'_>,
    task: &Task,
    script_type: &ScriptType,
    scope: &mut Scope,
    places: &Places,
) -> Result<Draft, PrepareError> {
    // Nearly every backend calls the directories what this host calls them. One that does not says so once it is made, and then
    // everything is rendered again.
    let mut locations = Locations {
        working_dir: places.working_dir.to_string_lossy().into_owned(),
        output_dir: places.output_dir.to_string_lossy().into_owned(),
    };
    let (rendered, runner) = loop {
        let rendered = render(context, task, scope, &locations)?;
        let runner = make_runner(context, task, &rendered.settings)?;
        let actual = runner.locations(&places.working_dir, &places.output_dir);
        if actual == locations {
            break (rendered, runner);
        }
        locations = actual;
    };
    let RenderedTask {
        settings,
        language,
        fetches,
        deferred,
    } = rendered;
    let wants_output_dir = settings.output_directory == Some(true)
        || settings.runner.is_some()
        || mentions_output_dir(&task.node);
    let patterns = output_patterns(task, &settings)?;
    check_input_names(task, &settings)?;
    let target_os = match settings.target_os.unwrap_or_default() {
        TargetOsChoice::Linux => TargetOs::Linux,
        TargetOsChoice::Windows => TargetOs::Windows,
        TargetOsChoice::Auto => TargetOs::HOST,
    };
    let output_dir = wants_output_dir.then(|| locations.output_dir.clone());
    let request = PlanRequest {
        task_type: script_type.task_type().name.clone(),
        properties: language,
        context: PlanContext {
            task_id: task.id.value.to_string(),
            working_dir: locations.working_dir.clone(),
            output_dir: output_dir.clone(),
            target_os,
            runner: runner.name().to_owned(),
            container_image: script::chosen_image(&settings).map(str::to_owned),
            env: environment(task, &settings, &[], &locations, output_dir.as_deref())?,
            fail_fast: settings.fail_fast,
        },
    };
    let plugin = PluginKey {
        id: script_type.plugin.id.clone(),
        version: script_type.plugin.version.clone(),
    };
    Ok(Draft {
        plugin,
        request,
        runner,
        settings,
        locations,
        patterns,
        wants_output_dir,
        fetches,
        deferred,
    })
}

impl Draft {
    /// Completes the preparation with the plugin's answer.
    ///
    /// # Errors
    /// The diagnostics of what is wrong, at their places in the flow.
    pub fn complete(
        self,
        task: &Task,
        script_type: &ScriptType,
        answer: Result<Plan, PlanError>,
    ) -> Result<Prepared, PrepareError> {
        let plan = answer.map_err(|error| plan_error(task, &error))?;
        let remarks = plan
            .remarks
            .iter()
            .map(|remark| remark_diagnostic(task, remark, false))
            .collect();
        let context = &self.request.context;
        let env = environment(
            task,
            &self.settings,
            &plan.env,
            &self.locations,
            context.output_dir.as_deref(),
        )?;
        let descriptor = script_type.task_type();
        let invocation = script::assemble(
            &plan.program,
            &self.settings,
            context.target_os,
            descriptor.default_interpreter.as_deref(),
            descriptor.fail_fast.as_deref(),
        )
        .map_err(|error| {
            PrepareError::invalid(Diagnostic::error(
                Code::WrongValue,
                task.type_name.span,
                error.to_string(),
            ))
        })?;
        let chosen = || {
            let image = context
                .container_image
                .clone()
                .or_else(|| plan.container_image.clone());
            image.or_else(|| descriptor.default_container_image.clone())
        };
        let image = self
            .runner
            .capabilities()
            .needs_image
            .then(chosen)
            .flatten();
        if let Some(image) = &image {
            check_image(task, image)?;
        }
        Ok(Prepared {
            runner: self.runner,
            settings: self.settings,
            plugin: self.plugin,
            plan,
            invocation,
            env,
            image,
            locations: self.locations,
            patterns: self.patterns,
            wants_output_dir: self.wants_output_dir,
            fetches: self.fetches,
            deferred: self.deferred,
            remarks,
        })
    }
}

fn environment(
    task: &Task,
    settings: &ScriptSettings,
    defaults: &[EnvVar],
    locations: &Locations,
    output_dir: Option<&str>,
) -> Result<Vec<EnvVar>, PrepareError> {
    script::environment(defaults, &settings.env, &locations.working_dir, output_dir).map_err(
        |errors| {
            let place = task.node.get("env").unwrap_or(&task.node);
            let diagnostics = errors
                .iter()
                .map(|error| Diagnostic::error(Code::WrongValue, place.span, error.to_string()))
                .collect();
            PrepareError {
                kind: FailureKind::Invalid,
                diagnostics,
                hopeless: false,
            }
        },
    )
}

/// A task's properties, rendered, checked and taken apart.
struct RenderedTask {
    settings: ScriptSettings,
    language: Map<String, Value>,
    fetches: Vec<(String, RelPath)>,
    deferred: Vec<String>,
}

/// Renders all properties and checks them. The names among `outputFiles` come first, as the others may ask for their paths.
fn render(
    context: &Preparing<'_>,
    task: &Task,
    scope: &mut Scope,
    locations: &Locations,
) -> Result<RenderedTask, PrepareError> {
    let failed = |error: RenderError, node: &Node| {
        PrepareError::invalid(error.diagnostic(context.source, node))
    };
    set_locations(task, scope, locations, context.defer_unknown)
        .map_err(|(error, node)| failed(error, node))?;
    let renderer = Renderer::new(scope).deferring(context.defer_unknown);
    let mut properties = renderer
        .map(&task.node, is_not_rendered)
        .map_err(|error| failed(error, &task.node))?;
    for entry in task
        .node
        .entries()
        .iter()
        .filter(|entry| is_not_rendered(&entry.key))
    {
        properties.insert(entry.key.to_string(), entry.value.to_json());
    }
    let deferred = renderer.deferred();
    let mut fetches = Vec::new();
    localise(&mut properties, locations, &mut fetches);
    let settled = match context
        .checker
        .settle(task, Value::Object(properties.clone()))
    {
        Err(_) if !deferred.is_empty() => {
            // What only a run knows cannot be checked before, and is left out.
            let mut known = Value::Object(properties);
            for pointer in &deferred {
                leave_out(&mut known, pointer);
            }
            context.checker.settle(task, known)
        }
        other => other,
    };
    let settled = settled.map_err(|diagnostics| PrepareError {
        kind: FailureKind::Invalid,
        diagnostics,
        hopeless: false,
    })?;
    Ok(RenderedTask {
        settings: settled.settings,
        language: settled.properties,
        fetches,
        deferred,
    })
}

/// Says what the directories of a task are called, and where the files are whose names stand in `outputFiles`.
///
/// # Errors
/// The first of those names that cannot be rendered, and the node that holds it.
pub(crate) fn set_locations<'t>(
    task: &'t Task,
    scope: &mut Scope,
    locations: &Locations,
    defer_unknown: bool,
) -> Result<(), (RenderError, &'t Node)> {
    scope.set(
        "workingDir",
        ExprValue::text(locations.working_dir.as_str()),
    );
    scope.set("outputDir", ExprValue::text(locations.output_dir.as_str()));
    if let Some(node) = task.node.get("outputFiles") {
        let renderer = Renderer::new(scope).deferring(defer_unknown);
        let patterns = renderer.node(node).map_err(|error| (error, node))?;
        let names = patterns
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|name| collect::is_literal(name));
        let map = names
            .map(|name| {
                (
                    Arc::from(name),
                    ExprValue::text(format!("{}/{name}", locations.working_dir)),
                )
            })
            .collect();
        let map = ExprValue::map(map);
        // Of the time before there were plugins.
        scope.set("temp", map.clone());
        scope.set("outputFiles", map);
        let folders = patterns
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|pattern| pattern.as_str()?.strip_suffix("/**"))
            .filter(|folder| collect::is_literal(folder))
            .map(|folder| {
                let path = format!("{}/{folder}", locations.working_dir);
                (Arc::from(folder), ExprValue::text(path))
            });
        scope.set("outputDirs", ExprValue::map(folders.collect()));
    }
    Ok(())
}

/// Takes the value at a pointer away, and with an item its list: half a list is another list.
fn leave_out(value: &mut Value, pointer: &str) {
    let Some((holder, key)) = pointer.rsplit_once('/') else {
        return;
    };
    match value.pointer_mut(holder) {
        Some(Value::Object(map)) => {
            map.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(_)) => leave_out(value, holder),
        _ => {}
    }
}

/// Whether a task that says nothing of an output directory writes to it all the same: the documentation shows it without any setting.
fn mentions_output_dir(node: &Node) -> bool {
    match node.scalar() {
        Some(scalar) => scalar.text.contains("outputDir") || scalar.text.contains("OUTPUT_DIR"),
        None => {
            node.items().iter().any(mentions_output_dir)
                || node
                    .entries()
                    .iter()
                    .any(|entry| &*entry.key != "description" && mentions_output_dir(&entry.value))
        }
    }
}

/// Replaces the URIs of stored files in commands by the paths that the files will have in the working directory.
///
/// Values of `inputFiles` are fetched under their own names, and those of `env` are data.
fn localise(
    properties: &mut Map<String, Value>,
    locations: &Locations,
    fetches: &mut Vec<(String, RelPath)>,
) {
    for (key, value) in properties.iter_mut() {
        if !matches!(
            key.as_str(),
            "inputFiles" | "env" | "taskRunner" | "docker" | "containerImage"
        ) {
            localise_value(value, locations, fetches);
        }
    }
}

/// Where a stored file goes. Files of two tasks may be called alike; each has a place of its own.
fn fetched_path(uri: &str, fetches: &[(String, RelPath)]) -> Option<RelPath> {
    if let Some((_, path)) = fetches.iter().find(|(known, _)| known == uri) {
        return Some(path.clone());
    }
    let name = uri.rsplit('/').next().unwrap_or_default();
    let path = RelPath::new(format!("{FETCHED_DIR}/{name}")).ok()?;
    if fetches.iter().any(|(_, taken)| *taken == path) {
        return RelPath::new(format!("{FETCHED_DIR}/{}/{name}", fetches.len())).ok();
    }
    Some(path)
}

fn localise_value(value: &mut Value, locations: &Locations, fetches: &mut Vec<(String, RelPath)>) {
    match value {
        Value::String(text) => {
            let mut replaced = String::new();
            let mut from = 0;
            for range in storage::uris(text) {
                let uri = &text[range.clone()];
                let Some(path) = fetched_path(uri, fetches) else {
                    continue;
                };
                replaced.push_str(&text[from..range.start]);
                replaced.push_str(&format!("{}/{path}", locations.working_dir));
                from = range.end;
                if !fetches.iter().any(|(known, _)| known == uri) {
                    fetches.push((uri.to_owned(), path));
                }
            }
            if from > 0 {
                replaced.push_str(&text[from..]);
                *text = replaced;
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| localise_value(item, locations, fetches)),
        Value::Object(map) => map
            .values_mut()
            .for_each(|item| localise_value(item, locations, fetches)),
        _ => {}
    }
}

fn output_patterns(task: &Task, settings: &ScriptSettings) -> Result<Patterns, PrepareError> {
    Patterns::new(settings.output_files.as_deref().unwrap_or_default()).map_err(|error| {
        let node = task.node.get("outputFiles");
        let place = node
            .and_then(|node| node.items().get(error.index))
            .or(node)
            .unwrap_or(&task.node);
        PrepareError::invalid(Diagnostic::error(
            Code::WrongValue,
            place.span,
            error.to_string(),
        ))
    })
}

/// Refuses names of input files that lead out of the working directory, before anything is made.
fn check_input_names(task: &Task, settings: &ScriptSettings) -> Result<(), PrepareError> {
    let node = task.node.get("inputFiles");
    let diagnostics: Vec<Diagnostic> = settings
        .input_files
        .keys()
        .filter_map(|name| {
            let error = input_path(name).err()?;
            let written = node
                .into_iter()
                .flat_map(Node::entries)
                .find(|entry| &*entry.key == name);
            // A name that came out of an expression stands nowhere.
            let span = written.map_or(node.unwrap_or(&task.node).span, |entry| entry.key_span);
            Some(Diagnostic::error(
                Code::WrongValue,
                span,
                format!("input file {error}"),
            ))
        })
        .collect();
    if diagnostics.is_empty() {
        return Ok(());
    }
    Err(PrepareError {
        kind: FailureKind::Invalid,
        diagnostics,
        hopeless: false,
    })
}

/// The place in the working directory that an input file's name means.
pub(crate) fn input_path(name: &str) -> Result<RelPath, NameError> {
    RelPath::new(name.strip_prefix("./").unwrap_or(name))
}

fn plan_error(task: &Task, error: &PlanError) -> PrepareError {
    match error {
        PlanError::Refused {
            refusal: PlanRefusal::InvalidProperties(remarks),
            ..
        } => PrepareError {
            kind: FailureKind::Invalid,
            diagnostics: remarks
                .iter()
                .map(|remark| remark_diagnostic(task, remark, true))
                .collect(),
            hopeless: false,
        },
        _ => PrepareError::invalid(Diagnostic::error(
            Code::PluginRefused,
            task.type_name.span,
            error.to_string(),
        )),
    }
}

fn remark_diagnostic(
    task: &Task,
    remark: &taffrail_core::plan::PropertyRemark,
    refused: bool,
) -> Diagnostic {
    let span = task
        .node
        .pointer(&remark.pointer)
        .unwrap_or(&task.node)
        .span;
    let span = if remark.pointer.is_empty() {
        task.type_name.span
    } else {
        span
    };
    let message = format!("{} ({})", remark.message, remark.code);
    if refused {
        Diagnostic::error(Code::PluginRefused, span, message)
    } else {
        Diagnostic::warning(Code::PluginRemark, span, message)
    }
}

/// Where the directories of a task run go below an execution's directory.
pub fn task_root(execution_dir: &Path, task_run: &str) -> PathBuf {
    execution_dir.join("work").join(task_run)
}
