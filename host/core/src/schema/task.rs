//! The schema of one task type: what every task has, what every script task has, and what its plugin says.

use std::borrow::Cow;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::dynamic::STATIC;
use super::keys::common_keys;
use super::runners::RunnerFragment;
use super::tidy::schema_of;
use crate::descriptor::TaskTypeDescriptor;
use crate::native::NativeType;
use crate::script::ScriptSettings;

/// The keys of script tasks whose value is read before anything is rendered.
const READ_UNRENDERED: [&str; 4] = ["taskRunner", "runner", "docker", "kotlp"];

/// The names of the keys that every script task has beside those of every task.
pub(crate) fn script_key_names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| script_keys().keys().cloned().collect())
}

/// The names of all keys that a script task has whatever its language; no plugin may claim one for itself.
pub fn host_property_names() -> Vec<String> {
    let mut names: Vec<String> = common_keys().keys().cloned().collect();
    names.extend(script_key_names().iter().cloned());
    names
}

/// The schema of the keys that every task has; open, for tasks whose own keys nobody knows.
pub(crate) fn common_schema() -> Map<String, Value> {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), Value::from("object"));
    schema.insert(
        "properties".to_owned(),
        Value::Object(static_common_keys().clone()),
    );
    schema.insert("required".to_owned(), json!(["id"]));
    schema
}

/// The schema of the old `docker` block: the Docker runner's keys and the image.
pub(crate) fn docker_block_schema(docker: Option<&RunnerFragment>) -> Map<String, Value> {
    let Some(docker) = docker else {
        return Map::new();
    };
    let mut schema = (docker.schema)();
    schema.shift_remove("required");
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert(
            "image".to_owned(),
            json!({ "type": "string", "description": "Image to run in" }),
        );
    }
    schema
}

/// The keys of every task, made once: every type has them.
fn static_common_keys() -> &'static Map<String, Value> {
    /// The only two that are rendered.
    const RENDERED: [&str; 2] = ["runIf", "timeout"];
    static KEYS: OnceLock<Map<String, Value>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut properties = common_keys();
        for (key, schema) in &mut properties {
            if let Value::Object(schema) = schema
                && !RENDERED.contains(&key.as_str())
            {
                schema.insert(STATIC.to_owned(), Value::Bool(true));
            }
        }
        properties
    })
}

/// The host's keys as the schemas of types write them.
pub(super) struct HostKeys {
    /// Those of every task.
    pub(super) common: Cow<'static, Map<String, Value>>,
    /// Those that script tasks have besides.
    pub(super) script: Cow<'static, Map<String, Value>>,
}

impl HostKeys {
    /// Each with its whole schema.
    pub(super) fn whole() -> Self {
        Self {
            common: Cow::Borrowed(static_common_keys()),
            script: Cow::Borrowed(script_keys()),
        }
    }

    /// Whether a key means the same wherever a task has it; the schema of the others depends on the type.
    pub(super) fn is_same_everywhere(name: &str) -> bool {
        ![
            "version",
            "containerImage",
            "interpreter",
            "taskRunner",
            "docker",
        ]
        .contains(&name)
    }
}

/// The properties that every script task has beside those of every task, made once.
fn script_keys() -> &'static Map<String, Value> {
    static KEYS: OnceLock<Map<String, Value>> = OnceLock::new();
    KEYS.get_or_init(new_script_keys)
}

fn new_script_keys() -> Map<String, Value> {
    let Some(Value::Object(mut properties)) =
        schema_of::<ScriptSettings>().shift_remove("properties")
    else {
        return Map::new();
    };
    for key in READ_UNRENDERED {
        if let Some(Value::Object(schema)) = properties.get_mut(key) {
            schema.insert(STATIC.to_owned(), Value::Bool(true));
        }
    }
    // serde's own defaults say nothing to an author.
    for schema in properties.values_mut() {
        if let Value::Object(schema) = schema {
            let empty = |value: &Value| {
                value.is_null()
                    || value.as_object().is_some_and(Map::is_empty)
                    || value.as_array().is_some_and(Vec::is_empty)
            };
            if schema.get("default").is_some_and(empty) {
                schema.shift_remove("default");
            }
        }
    }
    if let Some(Value::Object(runner)) = properties.get_mut("taskRunner") {
        runner.insert("type".to_owned(), Value::from("object"));
        runner.insert("required".to_owned(), json!(["type"]));
    }
    properties
}

/// The strict schema of a script task type: a closed object. The runner's own keys are left to [`runner_schema`].
///
/// A key of the plugin that has the name of a host key is ignored: what all script tasks share is the host's.
pub fn task_schema(task_type: &TaskTypeDescriptor) -> Map<String, Value> {
    task_schema_with(&HostKeys::whole(), task_type)
}

/// The same with the host's keys as they are given.
pub(super) fn task_schema_with(
    keys: &HostKeys,
    task_type: &TaskTypeDescriptor,
) -> Map<String, Value> {
    let plugin = &task_type.properties_schema;
    let mut properties = Map::clone(&keys.common);
    if let Some(Value::Object(own)) = plugin.get("properties") {
        for (name, schema) in own {
            properties
                .entry(name.clone())
                .or_insert_with(|| schema.clone());
        }
    }
    for (name, schema) in keys.script.iter() {
        let mut schema = schema.clone();
        if name == "containerImage"
            && let (Some(image), Value::Object(schema)) =
                (&task_type.default_container_image, &mut schema)
        {
            schema.insert("default".to_owned(), Value::from(image.clone()));
        }
        if name == "interpreter"
            && let Value::Object(schema) = &mut schema
        {
            let default = match &task_type.default_interpreter {
                Some(words) => json!(words),
                None => json!(crate::script::DEFAULT_INTERPRETER),
            };
            schema.insert("default".to_owned(), default);
        }
        properties.insert(name.clone(), schema);
    }
    let mut required = vec![Value::from("id"), Value::from("type")];
    if let Some(Value::Array(own)) = plugin.get("required") {
        required.extend(own.iter().cloned());
    }
    let mut schema = Map::new();
    schema.insert("title".to_owned(), Value::from(task_type.title.clone()));
    if let Some(docs) = &task_type.docs {
        schema.insert("markdownDescription".to_owned(), Value::from(docs.clone()));
    }
    schema.insert("type".to_owned(), Value::from("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), Value::Array(required));
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    for keyword in [
        "definitions",
        "anyOf",
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependencies",
    ] {
        if let Some(found) = plugin.get(keyword) {
            schema.insert(keyword.to_owned(), found.clone());
        }
    }
    schema
}

/// The strict schema of a task type that the host itself runs: a closed object.
pub fn native_schema(native: &NativeType) -> Map<String, Value> {
    native_schema_with(&HostKeys::whole(), native)
}

/// The same with the host's keys as they are given.
pub(super) fn native_schema_with(keys: &HostKeys, native: &NativeType) -> Map<String, Value> {
    let mut own = native.keys();
    let mut properties = Map::clone(&keys.common);
    if let Some(Value::Object(own)) = own.shift_remove("properties") {
        properties.extend(own);
    }
    let mut required = vec![Value::from("id"), Value::from("type")];
    if let Some(Value::Array(own)) = own.shift_remove("required") {
        required.extend(own);
    }
    let mut schema = Map::new();
    schema.insert("title".to_owned(), Value::from(native.title));
    schema.insert("type".to_owned(), Value::from("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), Value::Array(required));
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    schema
}

/// The strict schema of a task runner's settings: its own keys, and those that every one has.
pub fn runner_schema(runner: &RunnerFragment) -> Map<String, Value> {
    let mut properties = Map::new();
    properties.insert(
        "type".to_owned(),
        json!({ "type": "string", "description": "Which task runner", STATIC: true }),
    );
    properties.insert(
        "version".to_owned(),
        json!({ "type": "string", "description": "Version of the task runner", STATIC: true }),
    );
    properties.insert(
        "pluginDefaultsRef".to_owned(),
        json!({ "type": "string", "description": "Which `pluginDefaults` with a `ref` it takes", STATIC: true }),
    );
    let mut own_schema = (runner.schema)();
    if let Some(Value::Object(own)) = own_schema.shift_remove("properties") {
        for (name, schema) in own {
            properties.entry(name).or_insert(schema);
        }
    }
    let mut required = vec![Value::from("type")];
    if let Some(Value::Array(own)) = own_schema.shift_remove("required") {
        required.extend(own);
    }
    let mut schema = Map::new();
    schema.insert("title".to_owned(), Value::from(runner.title.clone()));
    schema.insert("type".to_owned(), Value::from("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), Value::Array(required));
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    if let Some(definitions) = own_schema.shift_remove("definitions") {
        schema.insert("definitions".to_owned(), definitions);
    }
    schema
}
