//! Reads one task and all below it: what its type is, its common keys, its children.

mod children;
mod host_tasks;
mod old_script;
mod reading;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use self::host_tasks::no_cache;
use super::catalogue;
use super::common_keys::common_keys;
use super::conflict::conflicting;
use super::defaults::{Chosen, Defaults, check_reference, merge, merge_runner};
use super::expressions::{Position, Step};
use super::guess;
use super::ignored::{ignored_by_runner, ignored_default, unreached_runners};
use super::loops::Loop;
use super::modern::modernise;
use super::nodes::to_json_with_text;
use super::outputs::script_outputs;
use super::paths::{self, Files};
use super::refusal::{missing_type, no_text, refusal, type_path};
use super::task::{ScriptType, Task, TaskKind};
use super::task_version::version;
use super::types::{PluginDefault, Spanned};
use crate::diagnostic::{Code, Diagnostic};
use crate::native::{self, FlowableKind, NativeKind};
use crate::resolve::{Conflict, Locking, Wish, grant};
use crate::schema::{Shape, Where};
use crate::validate::Checker;
use crate::yaml::{Node, NodeKind, ScalarValue, Span, push_index, push_key};

/// A task that was met, whatever became of it.
pub(super) struct Seen<'tree> {
    pub(super) id: Arc<str>,
    pub(super) path: String,
    pub(super) position: Position,
    pub(super) node: &'tree Node,
    pub(super) type_name: Option<&'tree str>,
    /// Whether it runs one thing at one time.
    pub(super) is_leaf: bool,
    /// The outputs that it may have; nothing where they are not known.
    pub(super) outputs: Option<Vec<String>>,
    pub(super) flowable: Option<FlowableKind>,
    /// The loops that it stands in, the outermost first.
    pub(super) loops: Arc<[Arc<Loop>]>,
}

/// Reads tasks; remembers every id.
pub(super) struct TaskReader<'tree> {
    checker: &'tree Checker,
    source: &'tree str,
    defaults: Defaults<'tree>,
    locking: Locking<'tree>,
    ids: HashMap<Arc<str>, Span>,
    seen: Vec<Seen<'tree>>,
    ignored_defaults: Vec<Span>,
    /// The types of the task runners that tasks name, by themselves or by the defaults of their types.
    runners: BTreeSet<Arc<str>>,
    lists: u32,
    /// Those around the task that is read, the outermost first.
    loops: Arc<[Arc<Loop>]>,
}

impl<'tree> TaskReader<'tree> {
    pub(super) fn new(
        checker: &'tree Checker,
        source: &'tree str,
        defaults: &'tree [PluginDefault],
        locking: Locking<'tree>,
    ) -> Self {
        Self {
            checker,
            source,
            defaults: Defaults {
                flow: defaults,
                host: checker.host_defaults(),
            },
            locking,
            ids: HashMap::new(),
            seen: Vec::new(),
            ignored_defaults: Vec::new(),
            runners: BTreeSet::new(),
            lists: 0,
            loops: Arc::new([]),
        }
    }

    /// All that was read. Says of the flow as a whole what no task tells by itself.
    pub(super) fn into_seen(self, found: &mut Vec<Diagnostic>) -> Vec<Seen<'tree>> {
        unreached_runners(self.defaults, &self.runners, self.checker.runners(), found);
        self.seen
    }

    /// Reads a list of tasks of the flow itself, the `number`th of its lists.
    pub(super) fn top_list(
        &mut self,
        list: &'tree Node,
        key: &str,
        number: u32,
        found: &mut Vec<Diagnostic>,
    ) -> Vec<Task> {
        let above = Position::default().below(Step {
            list: 0,
            index: number,
            in_order: true,
            in_rounds: false,
        });
        self.lists += 1;
        let id = self.lists;
        list.items()
            .iter()
            .enumerate()
            .filter_map(|(index, node)| {
                let mut path = key.to_owned();
                push_index(&mut path, index);
                let position = above.below(Step::new(id, index, true));
                self.task(node, &path, &position, found)
            })
            .collect()
    }

    /// Reads a task. There is none where its id or type is missing, or nothing can run the type.
    fn task(
        &mut self,
        node: &'tree Node,
        path: &str,
        position: &Position,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Task> {
        if !matches!(node.kind, NodeKind::Map(_)) {
            // In the flow's own lists the schema of the flow has said so.
            let told = found.iter().any(|told| told.span == Some(node.span));
            if path.matches('[').count() > 1 && !told {
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
                position: position.clone(),
                node,
                type_name,
                is_leaf: true,
                outputs: None,
                flowable: None,
                loops: Arc::clone(&self.loops),
            });
        }
        if let Some(kind) = type_name.and_then(old_script::kind) {
            return self.old_script(node, path, (holder, place), kind, id, found);
        }
        let Some(type_entry) = node.entry("type").filter(|entry| !entry.value.is_null()) else {
            self.identity(node, path, holder, found);
            found.push(missing_type(node, holder, path));
            return None;
        };
        let Some(written) = type_entry.value.scalar() else {
            self.identity(node, path, holder, found);
            found.push(no_text(&type_entry.value, type_path(path)));
            return None;
        };
        let type_name = Spanned {
            value: Arc::clone(&written.text),
            span: type_entry.value.span,
        };
        let chosen = self.defaults.version(node, &self.names(&type_name.value));
        let (version, version_good) = version(chosen.as_ref(), path, found);
        let wish = Wish {
            task_type: &type_name.value,
            pin: version.as_ref().map(|pin| &pin.value),
        };
        let granted = grant(0, wish, self.checker.installed(), self.locking);
        let (kind, own_node) = match granted {
            Ok(resolved) => {
                let script_type = ScriptType {
                    plugin: resolved.plugin,
                    index: resolved.index,
                };
                let merged = self.script(node, path, holder, &script_type, &type_name, found);
                if id.is_some()
                    && let Some(seen) = self.seen.get_mut(place)
                {
                    let keys = merged.as_ref().unwrap_or(node);
                    seen.outputs = Some(script_outputs(script_type.task_type(), keys));
                }
                (Some(TaskKind::Script(script_type)), merged)
            }
            Err(conflict) => match (&conflict, native::find(&type_name.value)) {
                (Conflict::UnknownType { .. }, Some(native)) => {
                    let merged = self.native(node, path, holder, native, &type_name, found);
                    let kind = match native.kind {
                        NativeKind::Core(kind) => {
                            if id.is_some()
                                && let Some(seen) = self.seen.get_mut(place)
                            {
                                seen.outputs = Some(owned(kind.outputs()));
                            }
                            TaskKind::Core(kind)
                        }
                        // These were taken out before.
                        NativeKind::Legacy(_) => return None,
                        NativeKind::Flowable(kind) => {
                            if let Some(seen) = self.seen.get_mut(place) {
                                seen.flowable = Some(kind);
                                seen.is_leaf = false;
                                seen.outputs = Some(owned(kind.outputs()));
                            }
                            no_cache(node, path, found);
                            let keys = merged.as_ref().unwrap_or(node);
                            let around = Loop::new(
                                id.as_ref().map(|id| Arc::clone(&id.value)),
                                kind,
                                keys,
                                path,
                                found,
                            );
                            let branches =
                                self.children(node, path, position, (kind, around), found);
                            TaskKind::Flowable { kind, branches }
                        }
                    };
                    (Some(kind), merged)
                }
                _ => {
                    let told = found.len();
                    self.refuse(
                        path,
                        &type_name,
                        &conflict,
                        (version_good, chosen.as_ref()),
                        found,
                    );
                    let meant = guess::meant(
                        self.checker,
                        &type_name.value,
                        type_name.span,
                        found.get(told),
                    );
                    match meant {
                        Some(script_type) => {
                            guess::check_as(self.checker, &script_type, node, path, holder, found);
                        }
                        None => self.identity(node, path, holder, found),
                    }
                    (None, None)
                }
            },
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
        let names = [task_type.name.as_str(), &*type_name.value];
        let merged = self.with_defaults(node, &names, (&shape, path), found);
        let has_key = |runner: &str, key: &str| self.checker.runner_has_key(runner, key);
        let merged = merge_runner(merged, node, self.defaults, &has_key);
        let effective = merged.as_ref().unwrap_or(node);
        let runner = effective
            .get("taskRunner")
            .and_then(|node| node.get("type"));
        self.runners
            .extend(runner.and_then(Node::text).map(Arc::from));
        if let Some((name, ignored)) = ignored_by_runner(effective, self.defaults, &has_key)
            && self.checker.runners().any(|runner| runner.is_called(name))
        {
            for (key, span) in ignored {
                ignored_default(&mut self.ignored_defaults, key, span, name, found);
            }
        }
        if let Some(runner) = node.get("taskRunner")
            && let Some(name) = runner.get("type").and_then(Node::text)
        {
            let path = format!("{path}.taskRunner");
            check_reference(runner, &[name], self.defaults, &path, found);
        }
        check_keys(&shape, effective, (path, holder), found);
        paths::check(Files::Own, effective, path, found);
        modernise(node, self.source, found);
        old_name(type_name, task_type.name.as_str(), path, found);
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

    /// The task with the defaults of its type, where there are any; says which of them the type does not have.
    fn with_defaults(
        &mut self,
        node: &Node,
        names: &[&str],
        (shape, path): (&Shape, &str),
        found: &mut Vec<Diagnostic>,
    ) -> Option<Node> {
        check_reference(node, names, self.defaults, path, found);
        let (merged, ignored) = merge(node, names, self.defaults, &|key| shape.has_key(key));
        for (key, span) in ignored {
            ignored_default(&mut self.ignored_defaults, &key, span, names[0], found);
        }
        merged
    }

    /// Says why nothing can run a type.
    fn refuse(
        &self,
        path: &str,
        type_name: &Spanned<Arc<str>>,
        conflict: &Conflict,
        (version_good, chosen): (bool, Option<&Chosen>),
        found: &mut Vec<Diagnostic>,
    ) {
        if matches!(conflict, Conflict::UnknownType { .. }) {
            let known = catalogue::find(&type_name.value);
            found.push(refusal(self.checker, &known, type_name, path));
        } else if version_good {
            // Of a pin that is no version nothing is known but that, which has been said.
            found.push(conflicting(conflict, type_name, path, chosen));
        }
    }

    /// All names of a task type: the one that is written, and the current ones that installed plugins give it.
    fn names<'name>(&'name self, written: &'name str) -> Vec<&'name str> {
        let mut names = vec![written];
        for plugin in self.checker.plugins() {
            if let Some(task_type) = plugin.task_type(written)
                && !names.contains(&task_type.name.as_str())
            {
                names.push(task_type.name.as_str());
            }
        }
        names
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Says that a type's name is an old one.
fn old_name(type_name: &Spanned<Arc<str>>, current: &str, path: &str, found: &mut Vec<Diagnostic>) {
    if current != &*type_name.value {
        found.push(
            Diagnostic::warning(
                Code::Deprecated,
                type_name.span,
                format!("`{}` is an old name", type_name.value),
            )
            .path(type_path(path))
            .fix(format!("write `{current}`"), type_name.span, current)
            .certain(),
        );
    }
}

/// Checks the keys of a task, its defaults included, against what its type has. `holder` is where it is told that one is missing.
fn check_keys(
    shape: &Shape,
    effective: &Node,
    (path, holder): (&str, Span),
    found: &mut Vec<Diagnostic>,
) {
    let place = Where {
        path,
        holder,
        what: "this task",
    };
    let keys = to_json_with_text(effective, &["id", "version"]);
    shape.check_written(effective, &keys, place, found);
}

fn scalar(node: &Node, key: &str) -> Option<Spanned<Arc<str>>> {
    let value = node.get(key)?;
    let scalar = value.scalar().filter(|_| !value.is_null())?;
    Some(Spanned {
        value: Arc::clone(&scalar.text),
        span: value.span,
    })
}
