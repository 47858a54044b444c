//! The schema of one type as a document of its own, cut out of the whole.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The document for one type of the composed one; nothing where that has no such type. The task runner of a task and the tasks inside of
/// one are left open, as each type has a document of its own.
pub fn excerpt(document: &Value, name: &str) -> Option<Value> {
    let definitions = document.get("definitions")?.as_object()?;
    let own = definitions.get(name)?;
    let mut wanted: Vec<String> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    references(own, &mut wanted);
    while let Some(next) = wanted.pop() {
        if next != "taskRunner" && next != "task" && seen.insert(next.clone()) {
            references(definitions.get(&next)?, &mut wanted);
        }
    }
    let mut found: Map<String, Value> = Map::new();
    for name in seen {
        found.insert(name.clone(), definitions.get(&name)?.clone());
    }
    let mut named = Vec::new();
    references(own, &mut named);
    found
        .values()
        .for_each(|schema| references(schema, &mut named));
    if named.iter().any(|name| name == "taskRunner") {
        let runner = definitions.get("taskRunner")?;
        found.insert(
            "taskRunner".to_owned(),
            json!({
                "title": runner["title"],
                "description": runner["description"],
                "type": "object",
                "properties": { "type": { "type": "string", "description": "Which task runner" } },
                "required": ["type"],
            }),
        );
    }
    if named.iter().any(|name| name == "task") {
        found.insert(
            "task".to_owned(),
            json!({
                "title": "task",
                "description": "A task of the flow; each type has a document of its own",
                "type": "object",
                "properties": { "id": { "type": "string" }, "type": { "type": "string" } },
                "required": ["id", "type"],
            }),
        );
    }
    let mut schema = Map::new();
    schema.insert(
        "$schema".to_owned(),
        json!("http://json-schema.org/draft-07/schema#"),
    );
    schema.insert("$id".to_owned(), json!(format!("taffrail:{name}")));
    if let Value::Object(own) = own {
        schema.extend(own.clone());
    }
    if let Some(snippet) = snippet(document, name) {
        schema.insert("defaultSnippets".to_owned(), json!([snippet]));
    }
    if !found.is_empty() {
        found.sort_keys();
        schema.insert("definitions".to_owned(), Value::Object(found));
    }
    Some(Value::Object(schema))
}

/// The names of all definitions that a schema refers to.
fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(name) = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|target| target.strip_prefix("#/definitions/"))
            {
                found.push(name.to_owned());
            }
            map.values().for_each(|child| references(child, found));
        }
        Value::Array(items) => items.iter().for_each(|child| references(child, found)),
        _ => {}
    }
}

fn snippet(document: &Value, name: &str) -> Option<Value> {
    let rules = document.pointer("/definitions/task/allOf")?.as_array()?;
    rules
        .iter()
        .filter_map(|rule| rule.pointer("/else/defaultSnippets")?.as_array())
        .flatten()
        .find(|snippet| snippet.pointer("/body/type").and_then(Value::as_str) == Some(name))
        .cloned()
}
