//! Reads one task and all below it: what its type is, its common keys, its children.

use std::collections::HashMap;
use std::sync::Arc;

use super::catalogue::{self, Known};
use super::defaults::merge;
use super::expressions::Position;
use super::nodes::to_json_with_text;
use super::task::{Branch, CommonKeys, CoreKind, FlowableKind, ScriptType, Task, TaskKind};
use super::types::{PluginDefault, Spanned};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::output::LogLevel;
use crate::resolve::{Conflict, Wish, grant};
use crate::schema::Where;
use crate::suggest::{did_you_mean, nearest};
use crate::validate::Checker;
use crate::version::VersionPin;
use crate::yaml::{Entry, Node, NodeKind, ScalarValue, Span, push_index, push_key};

/// Keys of a task whose text is not rendered.
const NOT_RENDERED: [&str; 4] = ["id", "type", "version", "description"];

/// A task that was met, whatever became of it.
pub(super) struct Seen<'tree> {
    pub(super) id: Arc<str>,
    pub(super) path: String,
    pub(super) position: Position,
    pub(super) node: &'tree Node,
    pub(super) type_name: Option<&'tree str>,
    /// Whether it runs one thing at one time.
    pub(super) is_leaf: bool,
    flowable: Option<FlowableKind>,
}

impl Seen<'_> {
    /// Whether the key's value belongs to this task itself and is rendered.
    pub(super) fn reads(&self, entry: &Entry) -> bool {
        let child = self.flowable.is_some_and(|kind| {
            kind.holds_tasks(&entry.key) || (kind == FlowableKind::Switch && &*entry.key == "cases")
        });
        !child && !NOT_RENDERED.contains(&&*entry.key)
    }
}

/// Reads tasks; remembers every id.
pub(super) struct TaskReader<'tree> {
    checker: &'tree Checker,
    source: &'tree str,
    defaults: &'tree [PluginDefault],
    ids: HashMap<Arc<str>, Span>,
    seen: Vec<Seen<'tree>>,
    ignored_defaults: Vec<Span>,
}

impl<'tree> TaskReader<'tree> {
    pub(super) fn new(
        checker: &'tree Checker,
        source: &'tree str,
        defaults: &'tree [PluginDefault],
    ) -> Self {
        Self {
            checker,
            source,
            defaults,
            ids: HashMap::new(),
            seen: Vec::new(),
            ignored_defaults: Vec::new(),
        }
    }

    pub(super) fn into_seen(self) -> Vec<Seen<'tree>> {
        self.seen
    }

    /// Reads a task. There is none where its id or type is missing, or nothing can run the type.
    pub(super) fn task(
        &mut self,
        node: &'tree Node,
        path: &str,
        position: Position,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Task> {
        if !matches!(node.kind, NodeKind::Map(_)) {
            // In the flow's own lists the schema of the flow has said so.
            if path.matches('[').count() > 1 {
                found.push(
                    Diagnostic::error(
                        Code::WrongType,
                        node.span,
                        format!("a task is a map, not {}", node.kind_name()),
                    )
                    .path(path),
                );
            }
            return None;
        }
        let holder = node
            .entries()
            .first()
            .map_or(node.span, |entry| entry.key_span);
        let id = scalar(node, "id");
        let type_name = node
            .get("type")
            .and_then(Node::scalar)
            .map(|scalar| &*scalar.text);
        let place = self.seen.len();
        if let Some(id) = &id {
            self.remember(id, path, found);
            self.seen.push(Seen {
                id: Arc::clone(&id.value),
                path: path.to_owned(),
                position,
                node,
                type_name,
                is_leaf: true,
                flowable: None,
            });
        }
        let Some(type_entry) = node.entry("type").filter(|entry| !entry.value.is_null()) else {
            self.identity(node, path, holder, found);
            found.push(missing_type(node, holder, path));
            return None;
        };
        let type_name = Spanned {
            value: Arc::clone(&type_entry.value.scalar()?.text),
            span: type_entry.value.span,
        };
        let (version, version_good) = self.version(node, path, found);
        let wish = Wish {
            task_type: &type_name.value,
            pin: version.as_ref().map(|pin| &pin.value),
        };
        let granted = grant(0, wish, self.checker.plugins());
        let (kind, own_node) = match granted {
            Ok(resolved) => {
                let script_type = ScriptType {
                    plugin: resolved.plugin,
                    index: resolved.index,
                };
                let merged = self.script(node, path, holder, &script_type, &type_name, found);
                (Some(TaskKind::Script(script_type)), merged)
            }
            Err(conflict) => {
                self.identity(node, path, holder, found);
                let kind = self.other(
                    node,
                    path,
                    position,
                    place,
                    &type_name,
                    &conflict,
                    version_good,
                    found,
                );
                (kind, None)
            }
        };
        let common = common_keys(node, path, found);
        Some(Task {
            id: id?,
            type_name,
            version,
            common: match &own_node {
                Some(merged) => common_keys(merged, path, &mut Vec::new()),
                None => common,
            },
            kind: kind?,
            node: own_node.unwrap_or_else(|| node.clone()),
        })
    }

    fn remember(&mut self, id: &Spanned<Arc<str>>, path: &str, found: &mut Vec<Diagnostic>) {
        match self.ids.get(&id.value) {
            Some(first) => {
                let line = 1 + self.source.as_bytes()[..first.start as usize]
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count();
                let mut path = path.to_owned();
                push_key(&mut path, "id");
                found.push(
                    Diagnostic::error(
                        Code::DuplicateId,
                        id.span,
                        format!("two tasks have the id `{}`", id.value),
                    )
                    .label(format!("the first one is on line {line}"))
                    .path(path),
                );
            }
            None => {
                self.ids.insert(Arc::clone(&id.value), id.span);
            }
        }
    }

    /// Checks what a script task's schema would: only for types that have none.
    fn identity(&self, node: &Node, path: &str, holder: Span, found: &mut Vec<Diagnostic>) {
        let map: serde_json::Map<String, serde_json::Value> = node
            .entries()
            .iter()
            .filter(|entry| {
                self.checker.common_shape().has_key(&entry.key) && &*entry.key != "type"
            })
            .map(|entry| {
                let value = match entry.value.scalar() {
                    Some(scalar)
                        if scalar.value != ScalarValue::Null
                            && matches!(&*entry.key, "id" | "version") =>
                    {
                        serde_json::Value::from(&*scalar.text)
                    }
                    _ => entry.value.to_json(),
                };
                (entry.key.to_string(), value)
            })
            .collect();
        self.checker.common_shape().check_written(
            node,
            &serde_json::Value::Object(map),
            Where {
                path,
                holder,
                what: "this task",
            },
            found,
        );
    }

    fn script(
        &mut self,
        node: &Node,
        path: &str,
        holder: Span,
        script_type: &ScriptType,
        type_name: &Spanned<Arc<str>>,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Node> {
        let task_type = script_type.task_type();
        let shape = self.checker.task_shape(script_type);
        let (merged, ignored) = merge(node, task_type.name.as_str(), self.defaults, &|key| {
            shape.has_key(key)
        });
        for (key, span) in ignored {
            if !self.ignored_defaults.contains(&span) {
                self.ignored_defaults.push(span);
                found.push(
                    Diagnostic::warning(
                        Code::UnknownProperty,
                        span,
                        format!("`{key}` is not a key of `{}`", task_type.name),
                    )
                    .label("this default has no effect on tasks of that type"),
                );
            }
        }
        let effective = merged.as_ref().unwrap_or(node);
        let what = match type_name.value.rsplit('.').next() {
            Some(_) => "this task",
            None => "the task",
        };
        shape.check_written(
            effective,
            &to_json_with_text(effective, &["id", "version"]),
            Where { path, holder, what },
            found,
        );
        if task_type.name.as_str() != &*type_name.value {
            let current = task_type.name.as_str();
            found.push(
                Diagnostic::warning(
                    Code::Deprecated,
                    type_name.span,
                    format!("`{}` is an old name", type_name.value),
                )
                .path(type_path(path))
                .fix(format!("write `{current}`"), type_name.span, current),
            );
        }
        if let Some(deprecation) = &task_type.deprecated {
            let mut diagnostic = Diagnostic::warning(
                Code::Deprecated,
                type_name.span,
                format!("`{}` should no longer be used", type_name.value),
            )
            .label(deprecation.message.clone())
            .path(type_path(path));
            if let Some(replacement) = &deprecation.replacement {
                diagnostic = diagnostic.help(format!("use `{replacement}`"));
            }
            found.push(diagnostic);
        }
        self.checker.check_runner(effective, path, found);
        merged
    }

    #[expect(clippy::too_many_arguments, reason = "all of them describe one task")]
    fn other(
        &mut self,
        node: &'tree Node,
        path: &str,
        position: Position,
        place: usize,
        type_name: &Spanned<Arc<str>>,
        conflict: &Conflict,
        version_good: bool,
        found: &mut Vec<Diagnostic>,
    ) -> Option<TaskKind> {
        match conflict {
            Conflict::Unsatisfied {
                plugin, installed, ..
            } => {
                if version_good {
                    found.push(unsatisfied(
                        node,
                        path,
                        type_name,
                        plugin.as_str(),
                        installed,
                    ));
                }
                return None;
            }
            Conflict::Ambiguous { offers, .. } => {
                found.push(
                    Diagnostic::error(
                        Code::UnsatisfiedVersion,
                        type_name.span,
                        format!(
                            "`{}` is offered alike by {}",
                            type_name.value,
                            offers.join(" and ")
                        ),
                    )
                    .path(type_path(path))
                    .help("remove one of the plugins"),
                );
                return None;
            }
            Conflict::UnknownType { .. } => {}
        }
        let known = catalogue::find(&type_name.value);
        if let Known::Flowable(kind) = known {
            if let Some(seen) = self.seen.get_mut(place) {
                seen.flowable = Some(kind);
                seen.is_leaf = false;
            }
            found.push(
                Diagnostic::error(
                    Code::NotYet,
                    type_name.span,
                    format!(
                        "`{}` is a flowable task, and flowable tasks are not supported yet",
                        type_name.value
                    ),
                )
                .label("this version of taffrail runs script tasks only")
                .path(type_path(path)),
            );
            let branches = self.children(node, path, position, kind, found);
            return Some(TaskKind::Flowable { kind, branches });
        }
        found.push(self.refusal(&known, type_name, path));
        match known {
            Known::Core(name) => Some(TaskKind::Core(CoreKind { name: name.into() })),
            _ => None,
        }
    }

    fn children(
        &mut self,
        node: &'tree Node,
        path: &str,
        position: Position,
        kind: FlowableKind,
        found: &mut Vec<Diagnostic>,
    ) -> Vec<Branch> {
        let mut branches = Vec::new();
        for entry in node.entries() {
            let mut entry_path = path.to_owned();
            push_key(&mut entry_path, &entry.key);
            if kind.holds_tasks(&entry.key) {
                let tasks = self.list(&entry.value, &entry_path, position, kind, found);
                branches.push(Branch {
                    name: Arc::clone(&entry.key),
                    tasks,
                });
            } else if kind == FlowableKind::Switch && &*entry.key == "cases" {
                for case in entry.value.entries() {
                    let mut case_path = entry_path.clone();
                    push_key(&mut case_path, &case.key);
                    let tasks = self.list(&case.value, &case_path, position, kind, found);
                    branches.push(Branch {
                        name: format!("cases.{}", case.key).into(),
                        tasks,
                    });
                }
            }
        }
        branches
    }

    fn list(
        &mut self,
        list: &'tree Node,
        path: &str,
        position: Position,
        kind: FlowableKind,
        found: &mut Vec<Diagnostic>,
    ) -> Vec<Task> {
        if !matches!(list.kind, NodeKind::List(_)) {
            found.push(
                Diagnostic::error(
                    Code::WrongType,
                    list.span,
                    format!(
                        "`{}` must be a list of tasks, not {}",
                        path.rsplit('.').next().unwrap_or(path),
                        list.kind_name()
                    ),
                )
                .path(path),
            );
        }
        list.items()
            .iter()
            .enumerate()
            .filter_map(|(index, item)| {
                let mut path = path.to_owned();
                push_index(&mut path, index);
                match item.get("task") {
                    Some(wrapped) if kind.wraps_tasks() => {
                        push_key(&mut path, "task");
                        self.task(wrapped, &path, position, found)
                    }
                    _ => self.task(item, &path, position, found),
                }
            })
            .collect()
    }

    fn refusal(&self, known: &Known, type_name: &Spanned<Arc<str>>, path: &str) -> Diagnostic {
        let name = &type_name.value;
        let not_yet = |message: String| Diagnostic::error(Code::NotYet, type_name.span, message);
        let unknown =
            |message: String| Diagnostic::error(Code::UnknownTaskType, type_name.span, message);
        let diagnostic = match known {
            Known::Core(current) => {
                let diagnostic = not_yet(format!("the core task `{name}` is not supported yet"))
                    .label("this version of taffrail runs script tasks only");
                if *current == &**name {
                    diagnostic
                } else {
                    diagnostic.note(format!("its current name is `{current}`"))
                }
            }
            Known::LegacyScript(current) => {
                not_yet(format!("the old script task `{name}` is not supported"))
                    .label("it was replaced by the tasks of the language plugins")
                    .help(format!("use `{current}`"))
            }
            Known::InProcess(language) => unknown(format!("`{name}` cannot run here")).label(
                format!("it runs {language} code inside the Java process of a server"),
            ),
            Known::Trigger => unknown(format!("`{name}` is a trigger, not a task"))
                .label("triggers belong under `triggers`"),
            Known::Runner => unknown(format!("`{name}` is a task runner, not a task"))
                .help("write it as the `type` of a task's `taskRunner`"),
            Known::Language(language) => unknown(format!("no installed plugin provides `{name}`"))
                .label(format!("the plugin for {language} is missing"))
                .note(self.installed()),
            Known::Plugin(plugin) => unknown(format!("no installed plugin provides `{name}`"))
                .label(format!(
                    "it is a task of the original's `{plugin}` plugin, which taffrail does not have"
                )),
            Known::Flowable(_) | Known::Unknown => {
                unknown(format!("no installed plugin provides `{name}`")).label("unknown task type")
            }
        };
        let diagnostic = diagnostic.path(type_path(path));
        match known {
            Known::Unknown | Known::Plugin(_) | Known::Language(_) | Known::Runner => {
                self.suggest(diagnostic, type_name, matches!(known, Known::Unknown))
            }
            _ => diagnostic,
        }
    }

    /// Adds the nearest name; of a name that is no name of the original at all, also by its last part.
    fn suggest(
        &self,
        diagnostic: Diagnostic,
        type_name: &Spanned<Arc<str>>,
        guess: bool,
    ) -> Diagnostic {
        if diagnostic.help.is_some() {
            return diagnostic;
        }
        let name: &str = &type_name.value;
        let installed: Vec<String> = self
            .checker
            .plugins()
            .iter()
            .flat_map(|plugin| &plugin.task_types)
            .map(|task_type| task_type.name.to_string())
            .collect();
        let others: Vec<String> = if guess {
            catalogue::names().collect()
        } else {
            Vec::new()
        };
        let candidates = || installed.iter().chain(&others).map(String::as_str);
        let span = type_name.span;
        // Names of one family differ in a word; only a slip of the pen within that word counts.
        let near = nearest(name, candidates(), 4)
            .into_iter()
            .find(|near| one_word_differs_slightly(name, near));
        if let Some(near) = near {
            return diagnostic.fix(format!("did you mean `{near}`?"), span, near);
        }
        if !guess {
            return diagnostic;
        }
        let wanted = name.to_lowercase();
        let by_ending = candidates().find(|candidate| {
            let candidate = candidate.to_lowercase();
            candidate.ends_with(&format!(".{wanted}"))
                || candidate.rsplit('.').nth(1) == Some(&wanted)
        });
        match by_ending {
            Some(found) => diagnostic.fix(format!("did you mean `{found}`?"), span, found),
            None => diagnostic.note(self.installed()),
        }
    }

    fn installed(&self) -> String {
        let mut ids: Vec<&str> = self
            .checker
            .plugins()
            .iter()
            .map(|plugin| plugin.id.as_str())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            "no plugin is installed".to_owned()
        } else {
            format!("installed plugins: {}", ids.join(", "))
        }
    }

    fn version(
        &self,
        node: &Node,
        path: &str,
        found: &mut Vec<Diagnostic>,
    ) -> (Option<Spanned<VersionPin>>, bool) {
        let Some(value) = node.get("version").filter(|value| !value.is_null()) else {
            return (None, true);
        };
        let Some(scalar) = value.scalar() else {
            return (None, true);
        };
        match VersionPin::parse(&scalar.text) {
            Ok(pin) => (
                Some(Spanned {
                    value: pin,
                    span: value.span,
                }),
                true,
            ),
            Err(error) => {
                let mut version_path = path.to_owned();
                push_key(&mut version_path, "version");
                let diagnostic = Diagnostic::error(Code::WrongValue, value.span, error.to_string())
                    .label(format!("allowed: {}", VersionPin::ALLOWED))
                    .path(version_path);
                found.push(match error.suggestion {
                    Some(suggestion) => diagnostic.fix(
                        format!("did you mean `{suggestion}`?"),
                        value.span,
                        suggestion,
                    ),
                    None => diagnostic,
                });
                (None, false)
            }
        }
    }
}

/// Whether two dotted names have as many parts and differ in exactly one, by a slip.
fn one_word_differs_slightly(name: &str, other: &str) -> bool {
    let differing: Vec<(&str, &str)> = name
        .split('.')
        .zip(other.split('.'))
        .filter(|(left, right)| left != right)
        .collect();
    name.split('.').count() == other.split('.').count()
        && match differing.as_slice() {
            [] => true,
            [(left, right)] => did_you_mean(left, [*right]).is_some(),
            _ => name.to_lowercase() == other.to_lowercase(),
        }
}

fn unsatisfied(
    node: &Node,
    path: &str,
    type_name: &Spanned<Arc<str>>,
    plugin: &str,
    installed: &[semver::Version],
) -> Diagnostic {
    let listed = installed
        .iter()
        .map(|version| format!("`{version}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let mut path = path.to_owned();
    push_key(&mut path, "version");
    match node.get("version") {
        Some(value) => {
            let written = value.scalar().map_or("", |scalar| &scalar.text);
            let diagnostic = Diagnostic::error(
                Code::UnsatisfiedVersion,
                value.span,
                format!("plugin `{plugin}` is pinned to `{written}`, which no installed version satisfies"),
            )
            .label(format!("installed: {listed}"))
            .path(path);
            match installed
                .iter()
                .rev()
                .find(|version| version.pre.is_empty())
            {
                Some(newest) => diagnostic.help(format!(
                    "write `version: \"{}.{}\"`, or remove the line for the newest",
                    newest.major, newest.minor
                )),
                None => diagnostic,
            }
        }
        None => Diagnostic::error(
            Code::UnsatisfiedVersion,
            type_name.span,
            format!("of plugin `{plugin}` only pre-releases are installed"),
        )
        .label(format!("installed: {listed}"))
        .path(path)
        .help("name one exactly with `version`"),
    }
}

fn missing_type(node: &Node, holder: Span, path: &str) -> Diagnostic {
    let span = node.entry("type").map_or(holder, |entry| entry.key_span);
    let message = if node.entry("type").is_some() {
        "`type` has no value"
    } else {
        "this task needs the key `type`"
    };
    Diagnostic::error(Code::MissingProperty, span, message)
        .label("for example `type: io.kestra.plugin.scripts.shell.Commands`")
        .path(type_path(path))
}

fn type_path(path: &str) -> String {
    let mut path = path.to_owned();
    push_key(&mut path, "type");
    path
}

/// Reads the keys that every task has and says which of them do nothing here.
fn common_keys(node: &Node, path: &str, found: &mut Vec<Diagnostic>) -> CommonKeys {
    let flag = |key: &str| {
        node.get(key).and_then(Node::scalar).is_some_and(|scalar| {
            scalar.value == ScalarValue::Bool(true) || &*scalar.text == "true"
        })
    };
    let mut say = |key: &str, severity: Severity, code: Code, message: &str, label: &str| {
        if let Some(entry) = node.entry(key).filter(|entry| !entry.value.is_null()) {
            let mut path = path.to_owned();
            push_key(&mut path, key);
            found.push(
                Diagnostic::new(code, severity, Some(entry.key_span), message)
                    .label(label)
                    .path(path),
            );
        }
    };
    say(
        "retry",
        Severity::Error,
        Code::NotYet,
        "`retry` is not supported yet",
        "the task would be tried once only",
    );
    if flag("logToFile") {
        say(
            "logToFile",
            Severity::Warning,
            Code::NotYet,
            "`logToFile` is not supported yet",
            "the log is shown as usual",
        );
    }
    if node
        .get("taskCache")
        .and_then(|cache| cache.get("enabled"))
        .and_then(Node::scalar)
        .is_some_and(|scalar| scalar.value == ScalarValue::Bool(true))
    {
        say(
            "taskCache",
            Severity::Warning,
            Code::NotYet,
            "`taskCache` is not supported yet",
            "the task runs every time",
        );
    }
    say(
        "pluginDefaultsRef",
        Severity::Error,
        Code::NotYet,
        "`pluginDefaultsRef` is not supported yet",
        "the defaults would be missing",
    );
    say(
        "workerGroup",
        Severity::Note,
        Code::NotRunHere,
        "`workerGroup` is accepted and not applied here",
        "there is one worker here",
    );
    say(
        "assets",
        Severity::Note,
        Code::NotRunHere,
        "`assets` is accepted and not applied here",
        "there is no catalogue of assets here",
    );
    CommonKeys {
        description: node.get("description").and_then(Node::text).map(Into::into),
        disabled: flag("disabled"),
        run_if: node.get("runIf").cloned(),
        allow_failure: flag("allowFailure"),
        allow_warning: flag("allowWarning"),
        timeout: node.get("timeout").filter(|node| !node.is_null()).cloned(),
        log_level: node
            .get("logLevel")
            .and_then(Node::text)
            .and_then(LogLevel::from_name),
    }
}

fn scalar(node: &Node, key: &str) -> Option<Spanned<Arc<str>>> {
    let value = node.get(key)?;
    let scalar = value.scalar().filter(|_| !value.is_null())?;
    Some(Spanned {
        value: Arc::clone(&scalar.text),
        span: value.span,
    })
}
