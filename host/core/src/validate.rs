//! The whole of `taffrail validate` for one file, and the second check of a task once it is rendered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value};

use crate::descriptor::Descriptor;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::flow::{Flow, PluginDefault, ScriptType, Task, TaskKind, wrong_version};
use crate::native::{self, FlowableKind, NativeType};
use crate::resolve::{Installed, Locking};
use crate::schema::{
    INPUT_TYPES, RunnerFragment, Shape, Where, common_schema, docker_block_schema, flow_schema,
    input_schema, native_schema, runner_schema, script_key_names, task_schema,
};
use crate::script::ScriptSettings;
use crate::suggest::{did_you_mean, is_obvious};
use crate::version::VersionPin;
use crate::yaml::{Limits, Node, Parsed, Span, parse, push_key};

/// What one file is.
#[derive(Debug)]
pub struct Checked {
    /// The flow, where enough of it could be understood. It may be run only if no diagnostic is an error.
    pub flow: Option<Flow>,
    /// Everything that is wrong with it or worth knowing, sorted by place, each mistake once.
    pub diagnostics: Vec<Diagnostic>,
}

impl Checked {
    /// Whether the file can be used.
    pub fn is_good(&self) -> bool {
        self.flow.is_some()
            && !self
                .diagnostics
                .iter()
                .any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Checks the text of one flow file beside which nothing is locked. Pure: the same text and checker give the same answer.
pub fn check(source: &str, checker: &Checker) -> Checked {
    check_locked(source, checker, Locking::default())
}

/// Checks the text of one flow file for the plugins that were locked. Pure, too.
pub fn check_locked(source: &str, checker: &Checker, locking: Locking<'_>) -> Checked {
    check_parsed(parse(source, &Limits::default()), source, checker, locking)
}

/// Checks a flow whose tree was read already, also from another language than YAML; `source` is the text that its places are of.
pub fn check_parsed(
    parsed: Parsed,
    source: &str,
    checker: &Checker,
    locking: Locking<'_>,
) -> Checked {
    let mut diagnostics = parsed.diagnostics;
    // A file that cannot be read to its end is only told about that: what follows would be guesses.
    let broken = diagnostics.iter().any(|diagnostic| {
        matches!(
            diagnostic.code,
            Code::YamlSyntax | Code::YamlLimit | Code::HclSyntax
        )
    });
    let flow = match parsed.root {
        Some(root) if !broken => {
            let (flow, more) = Flow::read(&root, source, checker, locking);
            diagnostics.extend(more);
            flow
        }
        _ => None,
    };
    diagnostics.sort_by(|left, right| {
        let place = |diagnostic: &Diagnostic| diagnostic.span.map(|span| (span.start, span.end));
        (place(left), left.severity, left.code).cmp(&(place(right), right.severity, right.code))
    });
    diagnostics.dedup_by(|later, earlier| {
        later.code == earlier.code && later.span == earlier.span && later.message == earlier.message
    });
    Checked { flow, diagnostics }
}

/// A task's rendered settings, checked and typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// What every script task has.
    pub settings: ScriptSettings,
    /// The language's own properties, for the plugin.
    pub properties: Map<String, Value>,
}

/// Knows the plugins and the runners, and compiles the schema of a type when a flow first uses it.
#[derive(Debug)]
pub struct Checker {
    plugins: Vec<Arc<Descriptor>>,
    installed: Vec<Installed>,
    host_defaults: Vec<PluginDefault>,
    runners: Vec<(RunnerFragment, OnceLock<Shape>)>,
    flow: OnceLock<Shape>,
    common: OnceLock<Shape>,
    docker_block: OnceLock<Shape>,
    inputs: Vec<OnceLock<Shape>>,
    natives: Vec<OnceLock<Shape>>,
    tasks: Mutex<HashMap<(usize, usize), Arc<Shape>>>,
}

impl Checker {
    /// Takes what can be loaded, and what tasks can run on.
    pub fn new(plugins: Vec<impl Into<Installed>>, runners: Vec<RunnerFragment>) -> Self {
        let installed: Vec<Installed> = plugins.into_iter().map(Into::into).collect();
        Self {
            plugins: installed
                .iter()
                .map(|installed| Arc::clone(&installed.descriptor))
                .collect(),
            installed,
            host_defaults: Vec::new(),
            runners: runners
                .into_iter()
                .map(|runner| (runner, OnceLock::new()))
                .collect(),
            flow: OnceLock::new(),
            common: OnceLock::new(),
            docker_block: OnceLock::new(),
            inputs: INPUT_TYPES.iter().map(|_| OnceLock::new()).collect(),
            natives: native::all().iter().map(|_| OnceLock::new()).collect(),
            tasks: Mutex::new(HashMap::new()),
        }
    }

    /// The installed plugin versions.
    pub fn plugins(&self) -> &[Arc<Descriptor>] {
        &self.plugins
    }

    /// The same plugin versions, with their digests.
    pub fn installed(&self) -> &[Installed] {
        &self.installed
    }

    /// With values that fill, or replace, keys of every flow's tasks: what the host's configuration says.
    #[must_use]
    pub fn with_host_defaults(mut self, defaults: Vec<PluginDefault>) -> Self {
        self.host_defaults = defaults;
        self
    }

    pub(crate) fn host_defaults(&self) -> &[PluginDefault] {
        &self.host_defaults
    }

    /// The known task runners.
    pub fn runners(&self) -> impl Iterator<Item = &RunnerFragment> {
        self.runners.iter().map(|(runner, _)| runner)
    }

    /// The runner of this name, current or old.
    pub fn runner(&self, name: &str) -> Option<&RunnerFragment> {
        self.runners().find(|runner| runner.is_called(name))
    }

    /// The second check: gives the rendered values of a script task the types that their schema asks for, checks them, and takes the
    /// common settings and the language's own properties apart. `rendered` is the task's map in which every text is rendered.
    ///
    /// # Errors
    /// Every value that is wrong now, at the place where its expression stands.
    ///
    /// # Panics
    /// Never: a task that is no script task is an error like others.
    pub fn settle(&self, task: &Task, rendered: Value) -> Result<Settled, Vec<Diagnostic>> {
        let Some(script_type) = task.script_type() else {
            return Err(vec![Diagnostic::error(
                Code::NotYet,
                task.type_name.span,
                format!("`{}` is no script task", task.type_name.value),
            )]);
        };
        let mut value = rendered;
        if let Value::Object(map) = &mut value {
            for key in ["id", "version"] {
                if let Some(scalar) = task.node.get(key).and_then(Node::scalar)
                    && map.contains_key(key)
                {
                    map.insert(key.to_owned(), Value::from(&*scalar.text));
                }
            }
        }
        let mut found = Vec::new();
        let place = Where {
            path: &format!("task `{}`", task.id.value),
            holder: task.id.span,
            what: "this task",
        };
        self.task_shape(script_type)
            .check_rendered(&task.node, &mut value, place, &mut found);
        self.runner_rendered(task, &mut value, &mut found);
        if !found.is_empty() {
            found.sort_by_key(|diagnostic| diagnostic.span);
            return Err(found);
        }
        let Value::Object(map) = value else {
            return Err(vec![broken_rendering(task, "it is no map")]);
        };
        let mut common = Map::new();
        let mut properties = Map::new();
        let names = script_key_names();
        for (key, value) in map {
            if names.contains(&key) {
                common.insert(key, value);
            } else if !self.common_shape().has_key(&key) {
                properties.insert(key, value);
            }
        }
        match serde_json::from_value(Value::Object(common)) {
            Ok(settings) => Ok(Settled {
                settings,
                properties,
            }),
            Err(error) => Err(vec![broken_rendering(task, &error.to_string())]),
        }
    }

    /// The second check of a task that the host itself runs: its own keys with the types that their schema asks for. `rendered` is the
    /// task's map in which every text but those of its children is rendered; the children need not be in it.
    ///
    /// # Errors
    /// Every value that is wrong now, at the place where its expression stands.
    pub fn settle_native(
        &self,
        task: &Task,
        rendered: Map<String, Value>,
    ) -> Result<Value, Vec<Diagnostic>> {
        let Some(native) = task.native() else {
            return Err(vec![broken_rendering(task, "it is a script task")]);
        };
        let shape = self.native_shape(native);
        let mut map = rendered;
        for key in ["id", "version"] {
            if let Some(scalar) = task.node.get(key).and_then(Node::scalar) {
                map.insert(key.to_owned(), Value::from(&*scalar.text));
            }
        }
        // Children are tasks of their own; a stub of the right shape stands for them.
        if let TaskKind::Flowable { kind, .. } = &task.kind {
            for entry in task.node.entries() {
                if let Some(stub) = child_stub(*kind, &entry.key) {
                    map.insert(entry.key.to_string(), stub);
                }
            }
        }
        let mut value = Value::Object(map);
        let mut found = Vec::new();
        let place = Where {
            path: &format!("task `{}`", task.id.value),
            holder: task.id.span,
            what: "this task",
        };
        shape.check_rendered(&task.node, &mut value, place, &mut found);
        if !found.is_empty() {
            found.sort_by_key(|diagnostic| diagnostic.span);
            return Err(found);
        }
        if let Value::Object(map) = &mut value {
            map.retain(|key, _| !self.common_shape().has_key(key));
        }
        Ok(value)
    }

    /// The shape of a type that the host itself runs.
    pub(crate) fn native_shape(&self, native: &'static NativeType) -> &Shape {
        let index = native::all()
            .iter()
            .position(|known| known.kind == native.kind)
            .unwrap_or(0);
        self.natives[index].get_or_init(|| Shape::new(native_schema(&native::all()[index])))
    }

    pub(crate) fn flow_shape(&self) -> &Shape {
        self.flow.get_or_init(|| Shape::new(flow_schema()))
    }

    pub(crate) fn common_shape(&self) -> &Shape {
        self.common.get_or_init(|| Shape::new(common_schema()))
    }

    pub(crate) fn input_shape(&self, name: &str) -> &Shape {
        let index = INPUT_TYPES
            .iter()
            .position(|(known, _)| *known == name)
            .unwrap_or(0);
        self.inputs[index].get_or_init(|| Shape::new(input_schema(INPUT_TYPES[index].0)))
    }

    pub(crate) fn task_shape(&self, script_type: &ScriptType) -> Arc<Shape> {
        let plugin = self
            .plugins
            .iter()
            .position(|plugin| Arc::ptr_eq(plugin, &script_type.plugin))
            .unwrap_or(usize::MAX);
        let mut shapes = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            shapes
                .entry((plugin, script_type.index))
                .or_insert_with(|| Arc::new(Shape::new(task_schema(script_type.task_type())))),
        )
    }

    /// Checks `taskRunner` and the old `docker` block of a task as they are written.
    pub(crate) fn check_runner(&self, task: &Node, path: &str, found: &mut Vec<Diagnostic>) {
        if let Some(entry) = task
            .entry("docker")
            .filter(|entry| !entry.value.entries().is_empty())
        {
            let mut block_path = path.to_owned();
            push_key(&mut block_path, "docker");
            let before = found.len();
            self.docker_shape().check_written(
                &entry.value,
                &entry.value.to_json(),
                Where {
                    path: &block_path,
                    holder: entry.key_span,
                    what: "`docker`",
                },
                found,
            );
            if let (Some(docker), true) =
                (self.runner(crate::script::DOCKER), found.len() == before)
            {
                check_between(docker, &entry.value, &["image"], &block_path, found);
            }
        }
        let Some(entry) = task.entry("taskRunner") else {
            return;
        };
        let Some(value) = entry.value.get("type") else {
            // That it is missing, or no map, the task's own schema has said.
            return;
        };
        let Some(name) = value.scalar().filter(|_| !value.is_null()) else {
            found.push(
                Diagnostic::error(
                    Code::WrongType,
                    value.span,
                    "`type` must be the name of a task runner",
                )
                .path(format!("{path}.taskRunner.type")),
            );
            return;
        };
        let Some((runner, shape)) = self.runner_shape(&name.text) else {
            found.push(self.unknown_runner(&name.text, value.span, path));
            return;
        };
        if runner.name != *name.text {
            found.push(
                Diagnostic::warning(
                    Code::Deprecated,
                    value.span,
                    format!("`{}` is an old name", name.text),
                )
                .path(format!("{path}.taskRunner.type"))
                .fix(
                    format!("write `{}`", runner.name),
                    value.span,
                    runner.name.clone(),
                )
                .certain(),
            );
        }
        check_runner_version(runner, &entry.value, path, found);
        let what = runner_words(runner);
        let runner_path = format!("{path}.taskRunner");
        let before = found.len();
        shape.check_written(
            &entry.value,
            &crate::flow::to_json_with_text(&entry.value, &["version"]),
            Where {
                path: &runner_path,
                holder: entry.key_span,
                what: &what,
            },
            found,
        );
        if found.len() == before {
            check_between(runner, &entry.value, &[], &runner_path, found);
        }
    }

    fn runner_rendered(&self, task: &Task, value: &mut Value, found: &mut Vec<Diagnostic>) {
        for (key, path) in [("taskRunner", "taskRunner"), ("docker", "docker")] {
            let Some(entry) = task.node.entry(key) else {
                continue;
            };
            let Some(rendered) = value.get_mut(key).filter(|rendered| rendered.is_object()) else {
                continue;
            };
            let (shape, what) = if key == "docker" {
                (self.docker_shape(), "`docker`".to_owned())
            } else {
                let name = rendered
                    .get("type")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                match self.runner_shape(&name) {
                    Some((runner, shape)) => (shape, runner_words(runner)),
                    None => {
                        found.push(self.unknown_runner(&name, entry.value.span, "task"));
                        continue;
                    }
                }
            };
            shape.check_rendered(
                &entry.value,
                rendered,
                Where {
                    path: &format!("task `{}`.{path}", task.id.value),
                    holder: entry.key_span,
                    what: &what,
                },
                found,
            );
        }
    }

    /// Whether the task runner of this type has a key; nothing is known of one that does not exist.
    pub(crate) fn runner_has_key(&self, name: &str, key: &str) -> bool {
        self.runner_shape(name)
            .is_some_and(|(_, shape)| shape.has_key(key))
    }

    /// Makes the schema of a runner's settings ready. It is the largest of those that most flows need, and made on another thread it is
    /// there when a task names the runner.
    pub fn expect_runner(&self, name: &str) {
        self.runner_shape(name);
    }

    fn runner_shape(&self, name: &str) -> Option<(&RunnerFragment, &Shape)> {
        self.runners
            .iter()
            .find(|(runner, _)| runner.is_called(name))
            .map(|(runner, shape)| {
                let shape = shape.get_or_init(|| Shape::new(runner_schema(runner)));
                (runner, shape)
            })
    }

    fn docker_shape(&self) -> &Shape {
        self.docker_block.get_or_init(|| {
            let docker = self.runner(crate::script::DOCKER);
            Shape::new(docker_block_schema(docker))
        })
    }

    fn unknown_runner(&self, name: &str, span: Span, path: &str) -> Diagnostic {
        let names: Vec<&str> = self.runners().map(|runner| runner.name.as_str()).collect();
        let listed = names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let diagnostic = Diagnostic::error(
            Code::UnknownRunnerType,
            span,
            format!("there is no task runner `{name}`"),
        )
        .label(format!("task runners are {listed}"))
        .path(format!("{path}.taskRunner.type"));
        let by_ending = || {
            let last = name.rsplit('.').next()?.to_lowercase();
            names
                .iter()
                .copied()
                .find(|known| known.to_lowercase().rsplit('.').next() == Some(&last))
        };
        match did_you_mean(name, names.iter().copied()).or_else(by_ending) {
            Some(near) => {
                let fixed = diagnostic.fix(format!("did you mean `{near}`?"), span, near);
                if is_obvious(name, near, names.iter().copied()) {
                    fixed.certain()
                } else {
                    fixed
                }
            }
            None => diagnostic,
        }
    }
}

/// Adds what is wrong between settings that are each right, where all of them are known.
fn check_between(
    runner: &RunnerFragment,
    node: &Node,
    but: &[&str],
    path: &str,
    found: &mut Vec<Diagnostic>,
) {
    if holds_expressions(node) {
        return;
    }
    let Value::Object(mut settings) = crate::flow::to_json_with_text(node, &["version"]) else {
        return;
    };
    settings.retain(|key, _| !but.contains(&key.as_str()));
    for error in (runner.check)(&settings) {
        let mut pointer = error.pointer.as_str();
        let place = loop {
            match node.pointer(pointer) {
                Some(place) => break place,
                None => pointer = pointer.rsplit_once('/').map_or("", |(holder, _)| holder),
            }
        };
        let mut place_path = path.to_owned();
        if !pointer.is_empty() {
            place_path.push('.');
            place_path.push_str(&node.property_path(pointer));
        }
        found.push(Diagnostic::error(Code::WrongValue, place.span, error.message).path(place_path));
    }
}

/// Whether any text of a node may hold an expression.
fn holds_expressions(node: &Node) -> bool {
    let opens = |text: &str| text.contains("{{") || text.contains("{%");
    node.scalar().is_some_and(|scalar| opens(&scalar.text))
        || node.items().iter().any(holds_expressions)
        || node
            .entries()
            .iter()
            .any(|entry| holds_expressions(&entry.value))
}

/// Task runners are part of the program, each in one version: a pin holds or does not.
fn check_runner_version(
    runner: &RunnerFragment,
    node: &Node,
    path: &str,
    found: &mut Vec<Diagnostic>,
) {
    let Some(value) = node.get("version").filter(|value| !value.is_null()) else {
        return;
    };
    let Some(scalar) = value.scalar() else {
        return;
    };
    let path = format!("{path}.taskRunner.version");
    let version = RunnerFragment::VERSION;
    match VersionPin::parse(&scalar.text) {
        Ok(pin) if pin.matches(&version) => {}
        Ok(pin) => found.push(
            Diagnostic::error(
                Code::UnsatisfiedVersion,
                value.span,
                format!(
                    "{} is pinned to `{pin}`, and this taffrail has it in version {version}",
                    runner_words(runner)
                ),
            )
            .label(format!("wanted: {}", pin.wanted()))
            .path(path)
            .help(format!(
                "write `version: \"{}.{}\"`, or remove the line",
                version.major, version.minor
            )),
        ),
        Err(error) => found.push(wrong_version(error, value.span).path(path)),
    }
}

/// What stands for the children under a key; nothing where the key holds none.
fn child_stub(kind: FlowableKind, key: &str) -> Option<Value> {
    match key {
        "tasks" if kind.wraps_tasks() => Some(serde_json::json!([{ "task": {} }])),
        "cases" if kind == FlowableKind::Switch => Some(serde_json::json!({})),
        "onPause" if kind == FlowableKind::Pause => Some(serde_json::json!({})),
        "onResume" if kind == FlowableKind::Pause => Some(serde_json::json!([])),
        key if kind.holds_tasks(key) => Some(serde_json::json!([{}])),
        _ => None,
    }
}

fn runner_words(runner: &RunnerFragment) -> String {
    let short = runner.name.rsplit('.').next().unwrap_or(&runner.name);
    format!("the {short} task runner")
}

fn broken_rendering(task: &Task, reason: &str) -> Diagnostic {
    Diagnostic::error(
        Code::WrongType,
        task.id.span,
        format!(
            "the settings of task `{}` cannot be read: {reason}",
            task.id.value
        ),
    )
}
