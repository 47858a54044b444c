//! Says once what many types have in common: their keys' schemas, and what they ask for.
//!
//! The object of a type stays closed, so it still lists the keys; what stands behind a key is told by the definition that it shares.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::share::unique;

/// A definition is made where it saves at least this many bytes.
const WORTH_SPLITTING: usize = 500;

/// Moves the properties that the same definitions refer to, the same way, into definitions of their own.
pub(super) fn split(document: &mut Value) {
    let Some(Value::Object(definitions)) = document.get_mut("definitions") else {
        return;
    };
    let mut users: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (name, definition) in definitions.iter() {
        if definition.get("additionalProperties") != Some(&Value::Bool(false)) {
            continue;
        }
        for (key, target) in references(definition) {
            users.entry((key, target)).or_default().push(name.clone());
        }
    }
    let mut groups: BTreeMap<Vec<String>, Vec<(String, String)>> = BTreeMap::new();
    for (property, users) in users {
        groups.entry(users).or_default().push(property);
    }
    let mut taken: BTreeSet<String> = definitions.keys().cloned().collect();
    for (users, properties) in groups {
        if saves(&users, &properties) < WORTH_SPLITTING {
            continue;
        }
        let name = unique("common", &mut taken);
        let reference = json!({ "$ref": format!("#/definitions/{name}") });
        let shared: Map<String, Value> = properties
            .iter()
            .map(|(key, target)| (key.clone(), json!({ "$ref": target })))
            .collect();
        for user in &users {
            if let Some(Value::Object(definition)) = definitions.get_mut(user) {
                refer(definition, &properties, &reference);
            }
        }
        let body = json!({ "type": "object", "properties": shared });
        definitions.insert(name, body);
    }
    definitions.sort_keys();
}

/// The properties of a definition that are references and nothing else.
fn references(definition: &Value) -> Vec<(String, String)> {
    definition
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, schema)| {
            let target = schema.get("$ref")?.as_str()?;
            Some((key.clone(), target.to_owned()))
        })
        .collect()
}

/// Bytes saved by a definition for these properties.
fn saves(users: &[String], properties: &[(String, String)]) -> usize {
    let each: usize = properties.iter().map(|(_, target)| target.len() + 7).sum();
    let reference = 40;
    each.saturating_sub(reference) * users.len().saturating_sub(1)
}

fn refer(definition: &mut Map<String, Value>, properties: &[(String, String)], to: &Value) {
    if let Some(Value::Object(own)) = definition.get_mut("properties") {
        for (key, _) in properties {
            own.insert(key.clone(), Value::Bool(true));
        }
    }
    match definition.get_mut("allOf") {
        Some(Value::Array(rules)) => rules.insert(0, to.clone()),
        _ => {
            definition.insert("allOf".to_owned(), json!([to]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_refer_to_is_said_once_and_the_objects_stay_closed() {
        let long = "a-definition-with-a-long-name-".repeat(10);
        let target = format!("#/definitions/{long}");
        let closed = |own: &str| {
            json!({
                "type": "object",
                "properties": { "a": { "$ref": target }, "b": { "$ref": target }, own: { "type": "string" } },
                "additionalProperties": false,
            })
        };
        let mut document =
            json!({ "definitions": { "one": closed("x"), "two": closed("y"), long.as_str(): {} } });
        split(&mut document);
        let definitions = &document["definitions"];
        assert_eq!(
            definitions["common"],
            json!({ "type": "object", "properties": { "a": { "$ref": target }, "b": { "$ref": target } } })
        );
        for (name, own) in [("one", "x"), ("two", "y")] {
            let definition = &definitions[name];
            assert_eq!(
                definition["allOf"],
                json!([{ "$ref": "#/definitions/common" }])
            );
            assert_eq!(definition["properties"]["a"], json!(true));
            assert_eq!(definition["properties"][own], json!({ "type": "string" }));
            assert_eq!(definition["additionalProperties"], json!(false));
        }
    }

    #[test]
    fn little_stays_where_it_is() {
        let closed = json!({
            "properties": { "a": { "$ref": "#/definitions/d" } },
            "additionalProperties": false,
        });
        let mut document = json!({ "definitions": { "one": closed, "two": closed, "d": {} } });
        let before = document.clone();
        split(&mut document);
        assert_eq!(document, before);
    }
}
