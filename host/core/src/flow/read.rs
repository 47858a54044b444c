//! Reads a flow from the spanned tree and reports every mistake in it, not only the first.

use std::collections::HashMap;
use std::sync::Arc;

use super::common_keys::read_retry;
use super::expressions::{Names, Outputs, Reader, check_texts};
use super::nodes::to_json_with_stubs;
use super::promises;
use super::read_task::TaskReader;
use super::task::Task;
use super::types::{Flow, Label, PluginDefault, Spanned};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::input::read_inputs;
use crate::native::FlowableKind;
use crate::resolve::Locking;
use crate::schema::Where;
use crate::validate::Checker;
use crate::yaml::{Entry, Node, NodeKind, ScalarValue, push_key};

/// Ids that are parts of the original's addresses, and that it refuses.
const RESERVED_IDS: [&str; 10] = [
    "pause",
    "resume",
    "force-run",
    "change-status",
    "kill",
    "executions",
    "search",
    "source",
    "disable",
    "enable",
];

/// The lists of tasks of a flow.
const TASK_LISTS: [&str; 4] = ["tasks", "errors", "finally", "afterExecution"];

/// Keys that only mean something on a server, and what is said of them.
const SERVER_ONLY: [(&str, &str); 4] = [
    (
        "triggers",
        "nothing starts this flow by itself here; run it with `taffrail run`",
    ),
    ("listeners", "listeners are not run here"),
    ("workerGroup", "there is one worker here"),
    ("tenantId", "there are no tenants here"),
];

impl Flow {
    /// Reads a flow; `source` is the text that the tree was made from. There is a flow where enough of it could be understood, also
    /// with errors beside it: whoever runs it looks at the diagnostics first.
    pub fn read(
        root: &Node,
        source: &str,
        checker: &Checker,
        locking: Locking<'_>,
    ) -> (Option<Flow>, Vec<Diagnostic>) {
        let mut found = Vec::new();
        let flow = read(root, source, checker, locking, &mut found);
        (flow, found)
    }
}

fn read(
    root: &Node,
    source: &str,
    checker: &Checker,
    locking: Locking<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<Flow> {
    if !matches!(root.kind, NodeKind::Map(_)) {
        found.push(
            Diagnostic::error(
                Code::WrongType,
                root.span,
                format!("a flow is a map, not {}", root.kind_name()),
            )
            .label("it has `id`, `namespace` and `tasks`"),
        );
        return None;
    }
    let start = root
        .entries()
        .first()
        .map_or(root.span, |entry| entry.key_span);
    let stubs = [
        "tasks",
        "errors",
        "finally",
        "afterExecution",
        "inputs",
        "triggers",
        "listeners",
        "sla",
    ];
    checker.flow_shape().check_written(
        root,
        &to_json_with_stubs(root, &["id", "namespace"], &stubs),
        Where {
            path: "",
            holder: start,
            what: "the flow",
        },
        found,
    );
    let id = text(root, "id");
    if let Some(id) = &id
        && RESERVED_IDS.contains(&&*id.value)
    {
        found.push(
            Diagnostic::error(
                Code::WrongValue,
                id.span,
                format!(
                    "a flow cannot have the id `{}`: the name is reserved",
                    id.value
                ),
            )
            .path("id"),
        );
    }
    server_only(root, found);
    let inputs_before = found.len();
    let inputs = root
        .get("inputs")
        .map(|list| read_inputs(list, checker, found))
        .unwrap_or_default();
    let inputs_good = !found[inputs_before..]
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    let plugin_defaults = plugin_defaults(root);

    let mut reader = TaskReader::new(checker, source, &plugin_defaults, locking);
    let mut lists: HashMap<&str, Vec<Task>> = HashMap::new();
    for (number, key) in (0..).zip(TASK_LISTS) {
        if let Some(entry) = root.entry(key) {
            lists.insert(key, reader.top_list(&entry.value, key, number, found));
        }
    }
    let seen = reader.into_seen(found);
    let sets_variables = seen.iter().any(|task| {
        task.type_name
            .is_some_and(|name| name.ends_with("SetVariables"))
    });
    // The original hands out parts of what comes of batches under names of their own.
    let parts = seen
        .iter()
        .filter(|task| task.flowable == Some(FlowableKind::ForEachItem))
        .flat_map(|task| {
            ["split", "merge"].map(|part| {
                let name = Arc::from(format!("{}_{part}", task.id));
                (name, task.position.clone())
            })
        });
    let names = Names {
        tasks: seen
            .iter()
            .map(|task| (Arc::clone(&task.id), task.position.clone()))
            .chain(parts)
            .collect(),
        order: seen
            .iter()
            .map(|task| (Arc::clone(&task.id), task.position.clone()))
            .collect(),
        outputs: seen
            .iter()
            .filter_map(|task| {
                let outputs = Outputs {
                    names: task.outputs.clone()?,
                    loops: Arc::clone(&task.loops),
                };
                Some((Arc::clone(&task.id), outputs))
            })
            .collect(),
        inputs: inputs_good.then(|| {
            inputs
                .iter()
                .map(|input| Arc::clone(&input.id.value))
                .collect()
        }),
        variables: (!sets_variables).then(|| {
            root.get("variables")
                .map(Node::entries)
                .unwrap_or_default()
                .iter()
                .map(|entry| Arc::clone(&entry.key))
                .collect()
        }),
    };
    for task in &seen {
        for entry in task.node.entries() {
            if task.reads(entry) {
                let mut path = task.path.clone();
                push_key(&mut path, &entry.key);
                let reader = Reader {
                    id: &task.id,
                    position: &task.position,
                    // The number of a batch is that of a round.
                    in_loop: !task.loops.is_empty()
                        || task.flowable == Some(FlowableKind::ForEachItem),
                    loops: &task.loops,
                    is_leaf: task.is_leaf,
                    of_items: task.is_of_items(&entry.key),
                };
                check_texts(source, &entry.value, &path, &names, Some(reader), found);
            }
        }
    }
    for key in [
        "variables",
        "outputs",
        "labels",
        "pluginDefaults",
        "taskDefaults",
    ] {
        if let Some(node) = root.get(key) {
            check_texts(source, node, key, &names, None, found);
        }
    }
    for (index, declaration) in inputs.iter().enumerate() {
        if let Some(condition) = declaration
            .depends_on
            .as_ref()
            .and_then(|depends| depends.condition.as_ref())
        {
            let path = format!("inputs[{index}].dependsOn.condition");
            check_texts(source, condition, &path, &names, None, found);
        }
        if let Some(defaults) = &declaration.defaults {
            let path = format!("inputs[{index}].defaults");
            check_texts(source, defaults, &path, &names, None, found);
        }
    }

    Some(Flow {
        id: id?,
        namespace: text(root, "namespace")?,
        revision: root
            .get("revision")
            .and_then(Node::scalar)
            .and_then(|scalar| scalar.text.parse().ok()),
        description: root.get("description").and_then(Node::text).map(Into::into),
        labels: labels(root),
        inputs,
        variables: root.get("variables").cloned(),
        tasks: lists.remove("tasks")?,
        errors: lists.remove("errors").unwrap_or_default(),
        finally: lists.remove("finally").unwrap_or_default(),
        after_execution: lists.remove("afterExecution").unwrap_or_default(),
        outputs: super::flow_outputs::read(root, found),
        plugin_defaults,
        disabled: flag(root, "disabled"),
        retry: root
            .get("retry")
            .filter(|retry| !retry.is_null())
            .and_then(|retry| read_retry(retry, "", found)),
        concurrency: promises::concurrency(root),
        promises: promises::read(root, found),
    })
}

fn server_only(root: &Node, found: &mut Vec<Diagnostic>) {
    for (key, why) in SERVER_ONLY {
        if let Some(entry) = root.entry(key).filter(|entry| !is_empty(&entry.value)) {
            found.push(
                Diagnostic::new(
                    Code::NotRunHere,
                    Severity::Note,
                    Some(entry.key_span),
                    format!("`{key}` is accepted and not run here"),
                )
                .label(why)
                .path(key),
            );
        }
    }
}

fn is_empty(node: &Node) -> bool {
    node.is_null()
        || match &node.kind {
            NodeKind::List(items) => items.is_empty(),
            NodeKind::Map(entries) => entries.is_empty(),
            NodeKind::Scalar(_) => false,
        }
}

fn labels(root: &Node) -> Vec<Label> {
    let Some(node) = root.get("labels") else {
        return Vec::new();
    };
    match &node.kind {
        NodeKind::Map(entries) => entries
            .iter()
            .map(|Entry { key, value, .. }| Label {
                key: Arc::clone(key),
                value: value.clone(),
            })
            .collect(),
        NodeKind::List(items) => items
            .iter()
            .filter_map(|item| {
                Some(Label {
                    key: Arc::clone(&item.get("key")?.scalar()?.text),
                    value: item.get("value")?.clone(),
                })
            })
            .collect(),
        NodeKind::Scalar(_) => Vec::new(),
    }
}

fn plugin_defaults(root: &Node) -> Vec<PluginDefault> {
    ["pluginDefaults", "taskDefaults"]
        .into_iter()
        .filter_map(|key| root.get(key))
        .flat_map(PluginDefault::list)
        .collect()
}

impl PluginDefault {
    /// Reads a list of `{type, forced, values}`; what has another form is passed over.
    pub fn list(list: &Node) -> Vec<PluginDefault> {
        list.items()
            .iter()
            .filter_map(|item| {
                Some(PluginDefault {
                    type_prefix: text(item, "type")?,
                    reference: text(item, "ref").map(|name| name.value),
                    forced: flag(item, "forced"),
                    values: item.get("values")?.clone(),
                })
            })
            .collect()
    }
}

fn text(node: &Node, key: &str) -> Option<Spanned<Arc<str>>> {
    let value = node.get(key)?;
    let scalar = value.scalar().filter(|_| !value.is_null())?;
    Some(Spanned {
        value: Arc::clone(&scalar.text),
        span: value.span,
    })
}

fn flag(node: &Node, key: &str) -> bool {
    node.get(key)
        .and_then(Node::scalar)
        .is_some_and(|scalar| scalar.value == ScalarValue::Bool(true) || &*scalar.text == "true")
}
