//! The rules of schema catalogues, and what strict validators say.

use serde_json::{Value, json};
use taffrail_tests::editor::editor;

use crate::support::{PROCESS, SHELL, written};

#[test]
fn a_strict_validator_takes_the_schemas_and_judges_alike() {
    let Some(mut editor) = editor("a_strict_validator_takes_the_schemas_and_judges_alike") else {
        return;
    };
    let written = written();
    let task = |extra: Value| {
        let mut task = json!({ "id": "x", "type": SHELL, "commands": ["a"], "taskRunner": { "type": PROCESS } });
        for (key, value) in extra.as_object().unwrap() {
            task[key] = value.clone();
        }
        json!({ "id": "a", "namespace": "b", "tasks": [task] })
    };
    let cases = [
        (task(json!({})), true),
        (task(json!({ "failFast": "{{ a }}" })), true),
        (task(json!({ "failFast": "maybe" })), false),
        (task(json!({ "comands": [] })), false),
        (task(json!({ "commands": null })), false),
        (
            task(json!({ "taskRunner": { "type": PROCESS, "pullPolicy": "NEVER" } })),
            false,
        ),
        (
            json!({ "id": "a", "namespace": "b", "tasks": [{ "id": "x", "type": SHELL }] }),
            false,
        ),
        (
            json!({ "id": "a", "namespace": "b", "tasks": [{ "id": "x", "comands": ["a"], "type": SHELL }] }),
            false,
        ),
        (json!({}), false),
    ];
    let documents: Vec<Value> = cases.iter().map(|(document, _)| document.clone()).collect();
    let verdicts = editor.strict(&written.flow_path(), &documents);
    assert!(verdicts.problems.is_empty(), "{:#?}", verdicts.problems);
    for ((document, good), verdict) in cases.iter().zip(&verdicts.verdicts) {
        assert_eq!(verdict.is_none(), *good, "{document} {verdict:?}");
    }
}

/// A type and a description wherever a value is described; no regular expression for what a schema cannot know; titles that are not
/// sentences.
#[test]
fn the_schema_follows_the_rules_of_the_catalogue() {
    let document = written().flow();
    assert_eq!(
        document["$schema"],
        "http://json-schema.org/draft-07/schema#"
    );
    assert!(document["$id"].is_string());
    assert_eq!(document["title"], "flow");
    let mut wrong = Vec::new();
    walk(&document, "#", &mut |schema, path| {
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        if schema.get("$ref").is_some() && schema.as_object().unwrap().len() > 1 {
            wrong.push(format!("{path}: something stands beside $ref"));
        }
        if path.rsplit('/').nth(1) == Some("properties")
            && schema.get("$ref").is_none()
            && schema.is_object()
        {
            let in_condition = path.contains("/if/");
            if !in_condition && text("description").is_none() {
                wrong.push(format!("{path}: no description"));
            }
        }
        if text("title").is_some_and(|title| title.ends_with('.')) {
            wrong.push(format!("{path}: a title with a full stop"));
        }
        if let Some(names) = schema.get("enum").and_then(Value::as_array) {
            let described = ["enumDescriptions", "markdownEnumDescriptions"]
                .iter()
                .find_map(|key| schema.get(*key)?.as_array());
            if let Some(described) = described
                && described.len() != names.len()
            {
                wrong.push(format!("{path}: as many descriptions as values"));
            }
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn walk(schema: &Value, path: &str, visit: &mut dyn FnMut(&Value, &str)) {
    visit(schema, path);
    match schema {
        Value::Object(map) => {
            for (key, child) in map {
                if !matches!(
                    key.as_str(),
                    "default" | "examples" | "enum" | "const" | "defaultSnippets"
                ) {
                    walk(child, &format!("{path}/{key}"), visit);
                }
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter().enumerate() {
                walk(child, &format!("{path}/{index}"), visit);
            }
        }
        _ => {}
    }
}
