//! The composed document: well-formed, closed, the same whatever the order, and of one mind with `validate` about good flows.

use std::path::{Path, PathBuf};

use crate::common::{checker, plugins};
use serde_json::{Value, json};
use taffrail_core::schema::compose;
use taffrail_core::validate::check;
use taffrail_core::yaml::{Limits, parse};
use taffrail_runner::registry;

fn document() -> Value {
    compose(&plugins(), &registry::fragments())
}

fn validator() -> jsonschema::Validator {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .build(&document())
        .expect("it compiles, so every reference resolves")
}

#[test]
fn the_document_is_draft_07_and_has_no_private_keywords() {
    let document = document();
    assert!(jsonschema::draft7::meta::is_valid(&document));
    let text = document.to_string();
    assert!(!text.contains("\"x-"), "private keywords are stripped");
    // What an editor reads at every start: what all tasks share is there once, so that a type costs little.
    let types = plugins()
        .iter()
        .map(|plugin| plugin.task_types.len())
        .sum::<usize>()
        + taffrail_core::native::all().len();
    let most = 80_000 + types * 3_000;
    assert!(text.len() < most, "{} bytes for {types} types", text.len());
}

#[test]
fn the_order_of_plugins_and_runners_changes_nothing() {
    let mut reversed = plugins();
    reversed.reverse();
    let mut runners = registry::fragments();
    runners.reverse();
    let other = compose(&reversed, &runners);
    assert_eq!(document().to_string(), other.to_string());
}

#[test]
fn every_object_with_keys_is_closed() {
    fn walk(path: &str, schema: &Value) {
        if let Value::Object(map) = schema {
            // The bases of the unions are open: their branches close them.
            let base = ["task", "taskRunner", "input"].contains(&path);
            let guard =
                path.ends_with("/if") || path.ends_with("/then") || path.starts_with("rule");
            if map.contains_key("properties") && !base && !guard {
                assert_eq!(
                    map.get("additionalProperties"),
                    Some(&json!(false)),
                    "{path}"
                );
            }
            for (key, child) in map {
                walk(&format!("{path}/{key}"), child);
            }
        } else if let Value::Array(items) = schema {
            for (index, child) in items.iter().enumerate() {
                walk(&format!("{path}/{index}"), child);
            }
        }
    }
    let document = document();
    let text = document.to_string();
    let definitions = document["definitions"].as_object().expect("definitions");
    let (common, own): (Vec<_>, Vec<_>) = definitions
        .iter()
        .partition(|(name, _)| name.starts_with("common"));
    for (name, definition) in &own {
        walk(name, definition);
    }
    // What types have in common is open, and whoever refers to it closed, with all of these keys.
    for (name, definition) in common {
        let target = json!({ "$ref": format!("#/definitions/{name}") });
        let users = own.iter().filter(|(_, user)| {
            let rules = user["allOf"].as_array();
            rules.is_some_and(|rules| rules.contains(&target))
        });
        for (user, schema) in users {
            assert_eq!(schema["additionalProperties"], json!(false), "{user}");
            let patterns = schema["patternProperties"].as_object().expect("a pattern");
            let named: Vec<&str> = patterns
                .keys()
                .flat_map(|pattern| pattern.trim_matches(['^', '(', ')', '$']).split('|'))
                .collect();
            for key in definition["properties"].as_object().expect("keys").keys() {
                assert!(named.contains(&key.as_str()), "{user} {key}");
            }
        }
        let uses = text.matches(&target.to_string()).count();
        assert!(uses > 1, "{name}");
    }
    assert_eq!(document["additionalProperties"], json!(false));
}

#[test]
fn what_validate_accepts_the_document_accepts() {
    let validator = validator();
    let checker = checker();
    let mut accepted = 0;
    for file in flows(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")) {
        let text = std::fs::read_to_string(&file).expect("readable");
        if !check(&text, &checker).is_good() {
            continue;
        }
        accepted += 1;
        let value = parse(&text, &Limits::default())
            .root
            .expect("a tree")
            .to_json();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", file.display());
    }
    assert!(accepted >= 25, "{accepted} flows are accepted");
}

#[test]
fn what_is_wrong_the_document_refuses() {
    let validator = validator();
    let check = |task: Value, good: bool| {
        let flow = json!({ "id": "a", "namespace": "b", "tasks": [task] });
        assert_eq!(validator.is_valid(&flow), good, "{flow}");
    };
    let shell = "io.kestra.plugin.scripts.shell.Commands";
    check(json!({"id": "x", "type": shell, "commands": ["a"]}), true);
    check(
        json!({"id": "x", "type": shell, "commands": "{{ a }}"}),
        true,
    );
    check(
        json!({"id": "x", "type": shell, "commands": ["a"], "failFast": "{{ a }}", "env": "{{ a }}"}),
        true,
    );
    check(json!({"id": "x", "type": shell, "commands": []}), false);
    check(json!({"id": "x", "type": shell}), false);
    check(
        json!({"id": "x", "type": shell, "commands": ["a"], "script": "b"}),
        false,
    );
    check(
        json!({"id": "x", "type": shell, "commands": ["a"], "failFast": "maybe"}),
        false,
    );
    check(
        json!({"id": "x", "type": "no.Such", "commands": ["a"]}),
        false,
    );
    check(json!({"type": shell, "commands": ["a"]}), false);
    let runner =
        |runner: Value| json!({"id": "x", "type": shell, "commands": ["a"], "taskRunner": runner});
    check(
        runner(json!({"type": "io.kestra.plugin.core.runner.Process"})),
        true,
    );
    check(
        runner(json!({"type": "io.kestra.plugin.core.runner.Process", "user": "a"})),
        false,
    );
    check(
        runner(
            json!({"type": "io.kestra.plugin.scripts.runner.docker.Docker", "user": "a", "pullPolicy": "ALWAYS"}),
        ),
        true,
    );
    check(
        runner(
            json!({"type": "io.kestra.plugin.scripts.runner.docker.Docker", "pullPolicy": "SOMETIMES"}),
        ),
        false,
    );
    check(runner(json!({"type": "no.Such"})), false);
}

fn flows(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(flows(&path));
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        }
    }
    found
}
