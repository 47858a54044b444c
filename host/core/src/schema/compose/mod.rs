//! Folds the host's keys, the runners and the plugins into the one document that editors read.
//!
//! Its shape is that which editors serve best: a base with the list of types, then `if type then` over closed objects, the versions of a
//! type as a short chain inside, and every schema that occurs twice shared as a definition.

mod choice;
mod common;
mod excerpt;
mod host_keys;
mod missing;
mod polish;
mod share;
mod snippets;
mod union;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use self::choice::Choice;
use self::union::Union;
use super::dynamic::{expression, referring};
use super::inputs::{INPUT_TYPES, input_schema};
use super::keys::{common_keys, flow_schema};
use super::runners::RunnerFragment;
use super::task::{docker_block_schema, runner_schema};
use crate::descriptor::Descriptor;
use crate::script::{DOCKER, PROCESS};

pub use self::excerpt::excerpt;

/// The definitions that any schema may refer to.
const SHARED: [&str; 5] = ["task", "taskRunner", "docker", "expression", "input"];

const NO_TASK_TYPE: &str = "No installed plugin has this task type.";

/// The document for these plugins and runners: one draft-07 schema, closed, without references to the outside. The same input gives
/// the same bytes, whatever the order of the plugins.
pub fn compose(plugins: &[Arc<Descriptor>], runners: &[RunnerFragment]) -> Value {
    let mut definitions = BTreeMap::new();
    let mut tasks = choice::of_tasks(plugins);
    definitions.insert("expression".to_owned(), shared_expression());
    host_keys::write(&mut definitions);
    task_union(&tasks).write(&mut tasks, "task", &mut definitions);
    runner_union().write(
        &mut choice::of_runners(runners),
        "taskRunner",
        &mut definitions,
    );
    definitions.insert("docker".to_owned(), old_docker(runners));
    input_union().write(&mut choice::of_inputs(), "input", &mut definitions);

    let mut document = Map::new();
    document.insert(
        "$schema".to_owned(),
        Value::from("http://json-schema.org/draft-07/schema#"),
    );
    document.insert("$id".to_owned(), Value::from("taffrail:flow"));
    document.insert("title".to_owned(), Value::from("flow"));
    let mut flow = flow(&tasks);
    flow.shift_remove("title");
    document.extend(flow);
    document.insert(
        "definitions".to_owned(),
        Value::Object(definitions.into_iter().collect()),
    );
    let mut document = Value::Object(document);
    share::share(&mut document);
    common::split(&mut document);
    strip(&mut document);
    document
}

/// Without a title and a description, editors show those of the key that takes an expression. As a list its type stays out of the messages
/// of the types beside it.
fn shared_expression() -> Value {
    let mut schema = expression();
    if let Value::Object(map) = &mut schema {
        map.shift_remove("title");
        map.shift_remove("description");
        map.insert("type".to_owned(), json!(["string"]));
    }
    schema
}

/// The flow's own keys.
fn flow(tasks: &[Choice]) -> Map<String, Value> {
    let mut flow = flow_schema();
    if let Some(Value::Object(properties)) = flow.get_mut("properties") {
        for key in ["tasks", "errors", "finally", "afterExecution"] {
            if let Some(Value::Object(list)) = properties.get_mut(key) {
                list.insert("items".to_owned(), json!({ "$ref": "#/definitions/task" }));
            }
        }
        if let Some(Value::Object(list)) = properties.get_mut("inputs") {
            list.insert("items".to_owned(), json!({ "$ref": "#/definitions/input" }));
        }
        // A default may be for the beginning of several types, so these are offered and not asked for.
        let listed = union::listed(tasks, NO_TASK_TYPE);
        for key in ["pluginDefaults", "taskDefaults"] {
            if let Some(Value::Object(name)) = properties
                .get_mut(key)
                .and_then(|list| list.pointer_mut("/items/properties/type"))
            {
                name.shift_remove("type");
                name.insert("anyOf".to_owned(), json!([listed, { "type": ["string"] }]));
            }
        }
    }
    polish::object(&mut flow);
    missing::soften(&mut flow, &[], &[]);
    let rules = flow
        .entry("allOf")
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(rules) = rules {
        rules.push(json!({
            "if": { "type": "object", "properties": { "tasks": true }, "required": ["tasks"] },
            "else": { "defaultSnippets": [snippets::flow()] },
        }));
    }
    flow
}

fn task_union(choices: &[Choice]) -> Union {
    let mut common = common_keys();
    let id = common.shift_remove("id").unwrap_or_default();
    Union {
        title: "task",
        description: None,
        type_description: "Which task: the plugin and its type",
        error_message: NO_TASK_TYPE,
        properties: Map::from_iter([("id".to_owned(), id)]),
        required: &["id", "type"],
        snippets: snippets::tasks(choices),
    }
}

fn runner_union() -> Union {
    Union {
        title: "task runner",
        description: Some(
            "Where the task runs: the type chooses the task runner, the other keys are that runner's own",
        ),
        type_description: "Which task runner",
        error_message: "There is no such task runner.",
        properties: Map::new(),
        required: &["type"],
        snippets: Vec::new(),
    }
}

/// `name` stood for `id` once; a base that asks for `id` would draw those flows red.
fn input_union() -> Union {
    let id = json!({ "type": "string", "description": "Name of the input, read as `inputs.<id>`" });
    Union {
        title: "input",
        description: None,
        type_description: "Type of the value",
        error_message: "There is no such type of input.",
        properties: Map::from_iter([("id".to_owned(), id)]),
        required: &["type"],
        snippets: Vec::new(),
    }
}

/// The old `docker` block of a task: accepted, never offered, and complete inside.
fn old_docker(runners: &[RunnerFragment]) -> Value {
    let docker = runners.iter().find(|runner| runner.name == DOCKER);
    let mut schema = referring(docker_block_schema(docker));
    schema.insert("title".to_owned(), json!("docker"));
    schema.insert(
        "description".to_owned(),
        json!("Old form of `taskRunner` and `containerImage`"),
    );
    schema.insert("deprecated".to_owned(), Value::Bool(true));
    schema.insert("doNotSuggest".to_owned(), Value::Bool(true));
    polish::property("docker", &mut schema);
    Value::Object(schema)
}

/// The two runners that every flow knows come first, as editors offer them in this order.
fn runner_rank(name: &str) -> (bool, bool, &str) {
    (name != DOCKER, name != PROCESS, name)
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

fn input_shape(input_type: &str) -> Map<String, Value> {
    input_schema(input_type)
}

fn input_types() -> &'static [(&'static str, &'static str)] {
    &INPUT_TYPES
}

fn runner_shape(runner: &RunnerFragment) -> Map<String, Value> {
    referring(runner_schema(runner))
}
