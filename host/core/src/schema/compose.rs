//! Folds the host's keys, the runners and the plugins into the one document that editors read.
//!
//! Its shape is that which editors serve best: a base with the list of types, then a flat list of `if type then` over closed
//! objects, and every schema that occurs twice shared as a definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::dynamic::{dynamic, expression};
use super::inputs::{INPUT_TYPES, input_schema};
use super::keys::{common_keys, flow_schema};
use super::runners::RunnerFragment;
use super::task::{native_schema, runner_schema, task_schema};
use crate::descriptor::{Descriptor, TaskTypeDescriptor};
use crate::native::{self, NativeType};
use crate::script::{DOCKER, PROCESS};

/// The document for these plugins and runners: one draft-07 schema, closed, without references to the outside. The same input gives
/// the same bytes, whatever the order of the plugins.
pub fn compose(plugins: &[Arc<Descriptor>], runners: &[RunnerFragment]) -> Value {
    let mut definitions: BTreeMap<String, Value> = BTreeMap::new();
    definitions.insert("expression".to_owned(), expression());
    let task_types = newest_types(plugins);
    for task_type in &task_types {
        let mut schema = Value::Object(dynamic(&task_schema(task_type)));
        place_runner(&mut schema);
        hoist(task_type.name.as_str(), &mut schema, &mut definitions);
        definitions.insert(task_type.name.to_string(), schema);
    }
    // A plugin's type of the same name is the one that a flow gets.
    let natives: Vec<&NativeType> = native::all()
        .iter()
        .filter(|native| !definitions.contains_key(native.name))
        .collect();
    for native in &natives {
        let mut schema = Value::Object(dynamic(&native_schema(native)));
        place_tasks(&mut schema);
        definitions.insert(native.name.to_owned(), schema);
    }
    for runner in runners {
        let mut schema = Value::Object(dynamic(&runner_schema(runner)));
        hoist(&runner.name, &mut schema, &mut definitions);
        definitions.insert(runner.name.clone(), schema);
    }
    for (input_type, _) in INPUT_TYPES {
        definitions.insert(
            format!("input.{input_type}"),
            Value::Object(input_schema(input_type)),
        );
    }
    definitions.insert("input".to_owned(), inputs());
    definitions.insert("task".to_owned(), tasks(&task_types, &natives));
    definitions.insert("taskRunner".to_owned(), runner_union(runners));

    let mut flow = flow_schema();
    place_children(&mut flow);
    let mut document = Map::new();
    document.insert(
        "$schema".to_owned(),
        Value::from("http://json-schema.org/draft-07/schema#"),
    );
    document.insert("title".to_owned(), Value::from("Flow"));
    flow.shift_remove("title");
    document.extend(flow);
    document.insert(
        "definitions".to_owned(),
        Value::Object(definitions.into_iter().collect()),
    );
    let mut document = Value::Object(document);
    share(&mut document);
    strip(&mut document);
    document
}

/// The task types of the newest release of each plugin, sorted by name; a pre-release counts where there is nothing else.
fn newest_types(plugins: &[Arc<Descriptor>]) -> Vec<&TaskTypeDescriptor> {
    let mut newest: BTreeMap<&str, (bool, &semver::Version, &TaskTypeDescriptor)> = BTreeMap::new();
    for plugin in plugins {
        for task_type in &plugin.task_types {
            let rank = (plugin.version.pre.is_empty(), &plugin.version);
            let better = newest
                .get(task_type.name.as_str())
                .is_none_or(|(release, version, _)| rank > (*release, *version));
            if better {
                newest.insert(task_type.name.as_str(), (rank.0, rank.1, task_type));
            }
        }
    }
    newest
        .into_values()
        .map(|(_, _, task_type)| task_type)
        .collect()
}

/// Puts the union over runners where a task has its runner.
fn place_runner(task: &mut Value) {
    if let Some(runner) = task.pointer_mut("/properties/taskRunner") {
        *runner = json!({ "$ref": "#/definitions/taskRunner" });
    }
}

fn place_children(flow: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = flow.get_mut("properties") else {
        return;
    };
    for key in ["tasks", "errors", "finally", "afterExecution"] {
        if let Some(Value::Object(list)) = properties.get_mut(key) {
            list.insert("items".to_owned(), json!({ "$ref": "#/definitions/task" }));
        }
    }
    if let Some(Value::Object(list)) = properties.get_mut("inputs") {
        list.insert("items".to_owned(), json!({ "$ref": "#/definitions/input" }));
    }
}

/// Puts the union over tasks, or over inputs, where a flowable task has its children.
fn place_tasks(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.contains_key("x-tasks") {
                map.insert("items".to_owned(), json!({ "$ref": "#/definitions/task" }));
            }
            if map.contains_key("x-inputs") {
                map.insert("items".to_owned(), json!({ "$ref": "#/definitions/input" }));
            }
            if map.contains_key("x-task") {
                *schema = json!({ "$ref": "#/definitions/task" });
                return;
            }
            map.values_mut().for_each(place_tasks);
        }
        Value::Array(items) => items.iter_mut().for_each(place_tasks),
        _ => {}
    }
}

fn tasks(task_types: &[&TaskTypeDescriptor], natives: &[&NativeType]) -> Value {
    let common = common_keys();
    let names: Vec<(&str, &str)> = task_types
        .iter()
        .map(|task_type| (task_type.name.as_str(), task_type.title.as_str()))
        .chain(natives.iter().map(|native| (native.name, native.title)))
        .collect();
    let mut aliases: Vec<(String, &str)> = task_types
        .iter()
        .flat_map(|task_type| {
            task_type
                .aliases
                .iter()
                .map(|alias| (alias.to_string(), task_type.name.as_str()))
        })
        .chain(natives.iter().flat_map(|native| {
            native
                .old_names()
                .into_iter()
                .map(|alias| (alias, native.name))
        }))
        .collect();
    aliases.sort();
    let mut schema = union(
        "task",
        "Which task: the plugin and its type",
        "No installed plugin has this task type.",
        &names,
        &aliases,
        |name| format!("#/definitions/{name}"),
    );
    schema["required"] = json!(["id", "type"]);
    if let Some(id) = common.get("id") {
        schema["properties"]["id"] = id.clone();
    }
    let snippets: Vec<Value> = task_types
        .iter()
        .filter(|task_type| task_type.deprecated.is_none())
        .take(8)
        .map(|task_type| snippet(task_type))
        .collect();
    if let Some(branches) = schema["allOf"].as_array_mut() {
        branches.push(json!({
            "if": { "type": "object", "properties": { "type": {} }, "required": ["type"] },
            "else": { "defaultSnippets": snippets },
        }));
    }
    schema
}

fn snippet(task_type: &TaskTypeDescriptor) -> Value {
    let name = task_type.name.as_str();
    let short: String = name
        .rsplitn(3, '.')
        .take(2)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect::<Vec<_>>()
        .join(".");
    let mut body = json!({ "id": "${1:task}", "type": name });
    let required = task_type.properties_schema.get("required");
    for (number, key) in required
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .enumerate()
    {
        let list = task_type
            .properties_schema
            .get("properties")
            .and_then(|properties| properties.get(key))
            .and_then(|property| property.get("type"))
            .is_some_and(|name| name == "array");
        let stop = format!("${{{}}}", number + 2);
        body[key] = if list { json!([stop]) } else { json!(stop) };
    }
    json!({ "label": format!("task: {short}"), "description": task_type.title, "body": body })
}

fn runner_union(runners: &[RunnerFragment]) -> Value {
    let mut names: Vec<(&str, &str)> = runners
        .iter()
        .map(|runner| (runner.name.as_str(), runner.title.as_str()))
        .collect();
    // The two that every flow knows come first, as editors offer them in this order.
    names.sort_by_key(|(name, _)| (*name != DOCKER, *name != PROCESS, *name));
    let mut aliases: Vec<(String, &str)> = runners
        .iter()
        .flat_map(|runner| {
            runner
                .aliases
                .iter()
                .map(|alias| (alias.clone(), runner.name.as_str()))
        })
        .collect();
    aliases.sort();
    let mut schema = union(
        "task runner",
        "Which task runner",
        "There is no such task runner.",
        &names,
        &aliases,
        |name| format!("#/definitions/{name}"),
    );
    schema["description"] = json!(
        "Where the task runs: the type chooses the task runner, the other keys are that runner's own"
    );
    schema["required"] = json!(["type"]);
    schema
}

fn inputs() -> Value {
    let mut schema = union(
        "input",
        "Type of the value",
        "There is no such type of input.",
        &INPUT_TYPES,
        &[],
        |name| format!("#/definitions/input.{name}"),
    );
    schema["required"] = json!(["id", "type"]);
    schema["properties"]["id"] =
        json!({ "type": "string", "description": "Name of the input, read as `inputs.<id>`" });
    // `name` stood for `id` once; a base that asks for `id` would draw those flows red.
    schema["required"] = json!(["type"]);
    schema
}

/// A base with the list of types, then one `if` for each. Old names are accepted and not offered.
fn union(
    title: &str,
    description: &str,
    error_message: &str,
    names: &[(&str, &str)],
    aliases: &[(String, &str)],
    target: impl Fn(&str) -> String,
) -> Value {
    let mut type_schema = json!({
        "type": "string",
        "description": description,
        "enum": names.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "markdownEnumDescriptions": names.iter().map(|(_, title)| *title).collect::<Vec<_>>(),
        "errorMessage": error_message,
    });
    if !aliases.is_empty() {
        let listed = type_schema;
        let old: Vec<&str> = aliases.iter().map(|(alias, _)| alias.as_str()).collect();
        type_schema = json!({
            "description": description,
            "anyOf": [listed, { "type": "string", "enum": old, "doNotSuggest": true, "deprecated": true }],
        });
    }
    let branches: Vec<Value> = names
        .iter()
        .map(|(name, _)| {
            let old: Vec<&str> = aliases
                .iter()
                .filter(|(_, current)| current == name)
                .map(|(alias, _)| alias.as_str())
                .collect();
            let shadowed = names
                .iter()
                .any(|(other, _)| other != name && other.starts_with(name));
            let matches = if !old.is_empty() {
                let mut all = vec![*name];
                all.extend(old);
                json!({ "enum": all })
            } else if shadowed {
                json!({ "pattern": format!("^{}$", name.replace('.', r"\.")) })
            } else {
                json!({ "const": name })
            };
            json!({
                "if": { "type": "object", "properties": { "type": matches }, "required": ["type"] },
                "then": { "$ref": target(name) },
            })
        })
        .collect();
    json!({
        "title": title,
        "type": "object",
        "properties": { "type": type_schema },
        "allOf": branches,
    })
}

/// Moves a schema's own definitions to the top of the document, under names that begin with its own.
fn hoist(owner: &str, schema: &mut Value, definitions: &mut BTreeMap<String, Value>) {
    let Some(Value::Object(own)) = schema
        .as_object_mut()
        .and_then(|map| map.shift_remove("definitions"))
    else {
        return;
    };
    rename(schema, owner);
    for (name, mut definition) in own {
        rename(&mut definition, owner);
        definitions.insert(format!("{owner}.{name}"), definition);
    }
}

fn rename(schema: &mut Value, owner: &str) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get_mut("$ref")
                && let Some(name) = target.strip_prefix("#/definitions/")
                && !matches!(name, "taskRunner" | "expression")
            {
                *target = format!("#/definitions/{owner}.{name}");
            }
            map.values_mut().for_each(|child| rename(child, owner));
        }
        Value::Array(items) => items.iter_mut().for_each(|child| rename(child, owner)),
        _ => {}
    }
}

/// Property schemas shorter than this are cheaper in place than behind a reference.
const WORTH_SHARING: usize = 60;

/// Makes every property schema that occurs twice a definition.
fn share(document: &mut Value) {
    let mut uses: BTreeMap<String, (String, usize)> = BTreeMap::new();
    visit_properties(document, &mut |name, schema| {
        let text = schema.to_string();
        if text.len() >= WORTH_SHARING {
            uses.entry(text).or_insert_with(|| (name.to_owned(), 0)).1 += 1;
        }
    });
    let mut taken: std::collections::BTreeSet<String> = document["definitions"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().cloned())
        .collect();
    let mut shared: BTreeMap<String, String> = BTreeMap::new();
    for (text, (name, count)) in &uses {
        if *count < 2 {
            continue;
        }
        let mut unique = name.clone();
        let mut number = 1;
        while !taken.insert(unique.clone()) {
            number += 1;
            unique = format!("{name}.{number}");
        }
        shared.insert(text.clone(), unique);
    }
    let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
    visit_properties(document, &mut |_, schema| {
        if let Some(name) = shared.get(&schema.to_string()) {
            let body =
                std::mem::replace(schema, json!({ "$ref": format!("#/definitions/{name}") }));
            bodies.insert(name.clone(), body);
        }
    });
    let typed_expression = expression();
    if let Some(Value::Object(definitions)) = document.get_mut("definitions") {
        for (name, body) in bodies {
            definitions.insert(name, body);
        }
        definitions.sort_keys();
        for (name, definition) in definitions.iter_mut() {
            if name != "expression" {
                refer_to_expression(definition, &typed_expression);
            }
        }
    }
    if let Some(properties) = document.get_mut("properties") {
        refer_to_expression(properties, &typed_expression);
    }
}

fn refer_to_expression(schema: &mut Value, typed: &Value) {
    if schema == typed {
        *schema = json!({ "$ref": "#/definitions/expression" });
        return;
    }
    match schema {
        Value::Object(map) => map
            .values_mut()
            .for_each(|child| refer_to_expression(child, typed)),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|child| refer_to_expression(child, typed)),
        _ => {}
    }
}

/// Calls back for every property schema of the document's definitions, outermost only.
fn visit_properties(document: &mut Value, visit: &mut dyn FnMut(&str, &mut Value)) {
    let Some(Value::Object(definitions)) = document.get_mut("definitions") else {
        return;
    };
    for definition in definitions.values_mut() {
        if let Some(Value::Object(properties)) = definition.get_mut("properties") {
            for (name, schema) in properties.iter_mut() {
                if name != "type" && schema.get("$ref").is_none() {
                    visit(name, schema);
                }
            }
        }
    }
}

/// Removes the host's private keywords.
fn strip(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|keyword, _| !keyword.starts_with("x-"));
            map.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}
